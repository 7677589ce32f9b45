/* uuid.h - job ids: UUID version 7 (RFC 9562), lower case, so that they sort by time of creation. */
#ifndef LB_UUID_H
#define LB_UUID_H

#include <stdbool.h>

#define UUID_SIZE 37 /* 36 characters and the NUL */

/* A new one. Any thread. */
void uuid_new(char ret[UUID_SIZE]);
/* Any version, hexadecimal in either case, with the four dashes in place. */
bool uuid_valid(const char *s);
/* A valid one in lower case, as ids are stored. */
void uuid_lower(const char *uuid, char ret[UUID_SIZE]);

#endif
