/*
 * results_text.h - results as rows of a file to download: CSV (RFC 4180, UTF-8, CRLF) and JSON.
 *
 * Names may be any bytes: what is not UTF-8 becomes U+FFFD. A cell of the CSV that a spreadsheet would take for a
 * formula (it begins with = + - @, a tab or a carriage return) gets an apostrophe in front.
 */
#ifndef LB_RESULTS_TEXT_H
#define LB_RESULTS_TEXT_H

#include "store.h"
#include "strbuf.h"

void results_csv_head(struct strbuf *out);
void results_csv_row(struct strbuf *out, const struct job_result *r);
/* An object without a line end. */
void results_json_row(struct strbuf *out, const struct job_result *r);

#endif
