/*
 * op_undo_plan.h - what an undo is about to do to one file, and whether it may.
 */
#ifndef LB_OP_UNDO_PLAN_H
#define LB_OP_UNDO_PLAN_H

#include "op_plan.h"
#include "store_undo.h"

struct undo_plan {
    struct op_plan plan; /* from, to (perhaps in another folder), tags, `was`, what is kept of the undo itself */
    int64_t history_id;  /* the row that is put back */
    bool whole;          /* the member is put back as bytes, else by its fields */
    char *bytes;         /* NULL: the member goes */
    size_t len;
    int processed, duplicate; /* the marks as they were; -1: they stay */
};
void undo_plan_clear(struct undo_plan *p);
LB_DEFINE_CLEANUP(struct undo_plan, undo_plan_clear)

/*
 * undo_plan_make(env, item, ret_book, ret, err)
 * Opens the book at item->path and decides everything; nothing is changed. The caller closes *ret_book, after errors
 * too. ERR_CANNOT_UNDO: the sentence says why. ERR_NOT_FOUND: there is no such change, or no such file.
 */
int undo_plan_make(const struct op_env *env, const struct op_item *item, struct book **ret_book,
                   struct undo_plan *ret, struct err *err) LB_MUST_CHECK;

json_t *undo_plan_to_json(const struct undo_plan *p);
/* False when it is not one; ret is empty then. The row is read again for the bytes. */
bool undo_plan_from_json(const json_t *intent, struct undo_plan *ret);


#endif
