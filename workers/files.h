/* files.h - which book a client means. */
#ifndef LB_FILES_H
#define LB_FILES_H

#include "base.h"
#include "err.h"
#include "path.h"

struct store_reader;
struct worker;

/*
 * files_resolve(w, reader, text, len, ret, err)
 * What a client named (a path relative to the library, an absolute one inside it, or "id:<n>" of a
 * file object) as a relative path. Looks only at the text, and for an id at library.db: whether the
 * file is there is another question. Errors of path_from_client; ERR_NOT_FOUND for an id that
 * nobody has.
 */
int files_resolve(struct worker *w, struct store_reader *reader, const char *text, size_t len,
                  char ret[PATH_MAX_BYTES], struct err *err) LB_MUST_CHECK;

/* "<library>/<path>": how paths look in answers. Bytes; free with free(). */
char *files_absolute(struct worker *w, const char *path);

#endif
