/* api_files.h - a file as answers show it. */
#ifndef LB_API_FILES_H
#define LB_API_FILES_H

#include "api.h"
#include "store_library.h"

/* Appends the members of an object, without its braces. Takes the object. */
void api_append_members(struct strbuf *out, json_t *object);
/* Appends the file object of GET /api/files to call->text. */
void api_append_file(struct api_call *call, const struct library_file *f);

#endif
