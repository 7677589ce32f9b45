/* store_library_row.h - LIBRARY_COLUMNS as a struct; for store_library.c and store_same.c. */
#ifndef LB_STORE_LIBRARY_ROW_H
#define LB_STORE_LIBRARY_ROW_H

#include "store_db.h"
#include "store_library.h"

struct library_file library_file_of(const struct query *q);

#endif
