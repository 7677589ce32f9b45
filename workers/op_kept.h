/*
 * op_kept.h - what is kept of a change so that it can be put back: a JSON object that goes through the intent into the
 * history (store_undo.h).
 *
 *   {"tags": {"Writer": [before, after], ...},   what changed, long values cut; absent: no tags did
 *    "member": {"had": true, "size": 10412, "packed": "<deflated, base64>"},   ComicInfo.xml before; "had" alone: it
 *                                                 was too large to be kept
 *    "now": {"size": 10433, "crc": 123},          ComicInfo.xml afterwards; null: there is none
 *    "moved_to": "/duplicates/S/x.cbz"}           it left the library
 */
#ifndef LB_OP_KEPT_H
#define LB_OP_KEPT_H

#include <jansson.h>
#include <stdbool.h>

#include "base.h"
#include "book.h"
#include "err.h"

/* A deflated ComicInfo.xml of more bytes than this is not kept. The usual one has 1 KB. */
#define OP_KEPT_MAX_BYTES 49152

/* Before a change: the tags that it changes and the member that it replaces. n = 0: none. New reference. */
json_t *op_kept_make(const struct book *b, const struct book_change *changes, size_t n);
/* The same for a change of the whole member; `tags` as above, or NULL. */
json_t *op_kept_whole(const struct book *b, const json_t *tags);
/* After the change: what the book has now. */
void op_kept_after(json_t *kept, const struct book *b);

/* Did the change touch the tags? */
bool op_kept_has_tags(const json_t *kept);
/* Has the book the member that the change left? */
bool op_kept_is_now(const json_t *kept, const struct book *b);
/*
 * The member as it was before: *ret is malloc'd, NULL when there was none. ERR_CANNOT_UNDO: it was too large to be
 * kept.
 */
int op_kept_member(const json_t *kept, char **ret, size_t *ret_len, struct err *err) LB_MUST_CHECK;
/* Any member in the form of "member"; bytes = NULL: none. New reference. And back, as op_kept_member. */
json_t *op_kept_pack(const char *bytes, size_t len);
int op_kept_unpack(const json_t *member, char **ret, size_t *ret_len, struct err *err) LB_MUST_CHECK;
/* The tags with before and after the other way round; NULL when there are none. New reference. */
json_t *op_kept_back(const json_t *kept);

#endif
