/*
 * op_plan.h - what a book operation is about to do to one file, and its JSON form, the intent.
 *
 * The plan is made once, before anything changes, and declared. A run after a crash reads it back,
 * so that it finishes the same work and gives the same result even if settings changed meanwhile.
 * Names are bytes: those that are not UTF-8 are written as {"hex": "..."}.
 */
#ifndef LB_OP_PLAN_H
#define LB_OP_PLAN_H

#include <sys/stat.h>

#include "book.h"
#include "op.h"
#include "op_book_options.h"

/* A file as the file system knows it. ino = 0: no file. */
struct file_id {
    int64_t dev, ino, size, mtime_ns;
};

struct op_plan {
    char *from;         /* relative path */
    char *to;           /* relative path, NULL = the name stays */
    char *duplicate_to; /* relative to duplicate_dir: where it goes when `to` is taken; NULL = stays
                         */
    char *message;      /* for the user, "" = none */
    json_t *parsed;     /* what the parser "better" read, NULL without it */
    struct op_tags before, after;
    struct file_id was;      /* the file at `from` */
    struct file_id occupant; /* another file that had the name `to` already */
    int64_t pages;
    json_t *undo; /* op_kept.h; NULL = not made yet */
};
void op_plan_clear(struct op_plan *p);
LB_DEFINE_CLEANUP(struct op_plan, op_plan_clear)

enum op_plan_what {
    PLAN_TAGS = 1,
    PLAN_NAME = 2,
};
/*
 * op_plan_make(env, path, options, what, ret_book, p, err)
 * Opens the book at `path` and decides everything; nothing is changed. p is {0} before; the caller
 * clears it and closes *ret_book, after errors too. Errors: book_open's, ERR_RANGE (no name is
 * left, or the parser is not sure: p->parsed has what it read), ERR_IO.
 */
int op_plan_make(const struct op_env *env, const char *path, const struct op_book_options *options,
                 unsigned what, struct book **ret_book, struct op_plan *p,
                 struct err *err) LB_MUST_CHECK;

/* The name of the folder that `path` is in; "" for the root itself. malloc'd. */
char *op_parent_name(const char *path);

json_t *op_plan_to_json(const struct op_plan *p, const char *op_name);
/* False when it is not a plan; ret is empty then. */
bool op_plan_from_json(const json_t *intent, struct op_plan *ret);

struct file_id file_id_of(const struct stat *st);
/* The file that stands at `path` in the library now, a link not followed. ERR_NOT_FOUND, ERR_IO. */
int op_plan_identify(const struct op_env *env, const char *path, struct file_id *ret,
                     struct err *err) LB_MUST_CHECK;
/*
 * Has nobody written to the file? By size and time, which a rename keeps. Not by inode: the old one
 * is free after a save and the next file in the folder gets its number, and on some file systems
 * the numbers do not last.
 */
bool file_id_unchanged(const struct file_id *was, const struct file_id *is);

/* The tags of a book that the history keeps, each cut at 1 KiB. */
struct op_tags op_tags_of(const struct book *b);
struct op_tags op_tags_copy(const struct op_tags *t);
bool op_tags_equal(const struct op_tags *a, const struct op_tags *b);
void op_tags_clear(struct op_tags *t);
LB_DEFINE_CLEANUP(struct op_tags, op_tags_clear)
/* One of them becomes `text` (NULL or "": none), cut as above; an element that is not kept is nothing. */
void op_tags_set(struct op_tags *t, const char *element, const char *text);
#define OP_TAGS 6
/* What leads from `before` to `after`, for book_save; values point into `after`. Returns how many.
 */
size_t op_tags_changes(const struct op_tags *before, const struct op_tags *after,
                       struct book_change ret[OP_TAGS]);

#endif
