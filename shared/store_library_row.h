/* store_library_row.h - what store_library.c shares with store_same.c and store_history.c. */
#ifndef LB_STORE_LIBRARY_ROW_H
#define LB_STORE_LIBRARY_ROW_H

#include "store_db.h"
#include "store_library.h"

struct strbuf;

struct library_file library_file_of(const struct query *q); /* LIBRARY_COLUMNS */
/* Lower case, for comparing in any case; bad bytes become U+FFFD, as they are shown. Replaces what is in `out`. */
void library_fold(const char *text, struct strbuf *out);

#endif
