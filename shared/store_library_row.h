/* store_library_row.h - what the files that read library.db share (store_library.c, store_list.c, store_same.c). */
#ifndef LB_STORE_LIBRARY_ROW_H
#define LB_STORE_LIBRARY_ROW_H

#include "store_db.h"
#include "store_library.h"
#include "strbuf.h"

/* LIBRARY_COLUMNS as a struct. */
struct library_file library_file_of(const struct query *q);
/* Calls fn with each row that is left of the query. */
int library_each(struct query *q, library_file_fn *fn, void *ctx, struct err *err) LB_MUST_CHECK;
/* Lower case, for comparing in any case; bad bytes become U+FFFD, as they are shown. Replaces what is in `out`. */
void library_fold(const char *text, struct strbuf *out);

#endif
