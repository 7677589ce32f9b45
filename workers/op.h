/*
 * op.h - what is done to an item. An operation is one entry of the table in op.c.
 *
 * Operations run at least once: a worker may die at any instruction, and the item then runs again, perhaps in another
 * process. So an operation says what it is about to change before it changes it (`declare`), and a second run with the
 * same declaration finishes or repeats the work and gives the same result. They are recorded exactly once: the result
 * is committed by the writer, never by the operation.
 *
 * run() is called on a pool thread. It opens files only beneath env->library_fd, checks env->cancelled between steps,
 * and returns 0 (the item is done: see result) or -1 (the item failed: err->msg is what the user reads).
 * ERR_CANCELLED means it stopped because it was asked to, before changing anything.
 */
#ifndef LB_OP_H
#define LB_OP_H

#include <jansson.h>
#include <stdbool.h>
#include <sys/stat.h>

#include "base.h"
#include "err.h"

#define OP_PATH_MAX 4096

struct op;
struct config;
struct config_command;
struct tail_write;
struct undo_row; /* store_undo.h */

struct op_env {
    const struct op *op;       /* the one that runs */
    int library_fd;            /* O_PATH or O_RDONLY folder; openat2(RESOLVE_BENEATH) starts here */
    const char *library_root;  /* absolute, without a slash at the end */
    const char *duplicate_dir; /* absolute, or NULL: duplicates are only marked */
    const char *trash_dir; /* absolute, or NULL: see trash.h; what is deleted is gone then */
    const char *filename_format; /* template, see bookname.h */
    const char *name_parser, *name_policy; /* settings; NULL: "compatible", "strict" */
    int issue_padding;
    void *ctx; /* for the calls below */
    /*
     * Commits, before anything is changed: `intent` (JSON, at most 256 KiB; given back in op_item.intent when the item
     * runs again) and `target` (relative path that will exist afterwards, or NULL when the name stays). From then on
     * no other item, of any job, can touch `target`. ERR_CONFLICT: another item works on `target`; the operation
     * returns -1 with that error and the item is tried again later. May be called again in the same run, when
     * something turned out otherwise than declared; the newest declaration counts. `write`, or NULL: the record of a
     * settle of the item's file (book.h), committed with the rest; ERR_CONFLICT also when the file has another one.
     */
    int (*declare)(void *ctx, const json_t *intent, const char *target,
                   const struct tail_write *write, struct err *err);
    /* The file of that record is whole, the old or the new one. Not said: the file is recovered by the record. */
    void (*write_over)(void *ctx);
    bool (*cancelled)(void *ctx);
    /*
     * A preview: run() changes nothing, declares nothing, and fills the result as if it had done all (the runner
     * records none of it). What would change is in details (op_preview.h).
     */
    bool dry_run;
    /*
     * Only in a preview: this book would get the relative path `to` (NULL: it would leave the library); on_disk says
     * that another file has that name now. *ret_taken: the name would be taken, as an earlier item of this job would
     * have got it, or the file on the disk would still have it.
     */
    int (*plan_name)(void *ctx, const char *to, bool on_disk, bool *ret_taken, struct err *err);
    /*
     * The row of the history that the options of an undo mean for the file at `path` (op_undo.h). ERR_NOT_FOUND: there
     * is none.
     */
    int (*find_change)(void *ctx, const json_t *options, const char *path, struct undo_row *ret,
                       struct err *err);
};

struct op_item {
    const char *job_id;
    int64_t seq;
    const char *
        path; /* relative to the library; bytes, perhaps not UTF-8; or any string for ACCEPTS_STRINGS */
    int attempt;           /* 1 at the first run */
    const json_t *intent;  /* what an earlier run declared, or NULL */
    const json_t *options; /* the job's options, checked by check_options; an object, never NULL */
};

/* The tags that the processing history keeps, before and after. NULL = not set. Owned by the op_result. */
struct op_tags {
    char *title, *series, *issue, *publisher, *year, *volume;
};

/* What verify found in a file; recorded of failed items too. */
struct op_check {
    struct stat st; /* of the file that was read */
    char *problems; /* JSON array. malloc'd, as `content` */
    int64_t n_problems, pages;
    char *content; /* NULL = not known */
};

struct op_result {
    char *final_path;  /* relative path after the operation; NULL = unchanged. malloc'd */
    bool changed_file; /* name, place or bytes differ: history is recorded */
    bool removed;      /* and the file is no longer in the library: it was deleted */
    bool mark_processed;
    bool mark_duplicate;
    char message
        [240]; /* what the user should know though the item is fine, or "" ("no number found: ...") */
    struct op_tags before, after;
    json_t *undo; /* what is kept to put the change back (op_kept.h), or NULL: it cannot be */
    int64_t undo_of; /* the row of the history that this run put back, or 0 */
    bool unmark_processed, unmark_duplicate; /* the marks go */
    struct op_check *check; /* NULL = not verified. malloc'd */
    json_t *
        details; /* more members for `details` in the API, or NULL; `original` and `final` are put in by us, but a
                            `final` here wins: the absolute path of a duplicate that was moved out of the library */
};
void op_result_clear(struct op_result *r);
LB_DEFINE_CLEANUP(struct op_result, op_result_clear)

enum op_accepts {
    ACCEPTS_BOOKS,   /* files of the library */
    ACCEPTS_STRINGS, /* any strings; nothing is opened (noop) */
};

struct op {
    const char *name;  /* "process": in URLs, JSON, the database */
    const char *verb;  /* "Processing": "Processing Files...", "Processing Selected Files..." */
    const char *label; /* "Process": on buttons */
    const char *text;  /* one sentence for people */
    enum op_accepts accepts;
    bool changes_files;
    bool previews; /* run() knows env->dry_run */
    const char *option_schema; /* JSON Schema of `options`, for /api/config */
    /* Checks and completes the options of a new job. Unknown or wrong: ERR_BAD_FIELD / ERR_RANGE. */
    int (*check_options)(const json_t *options, struct err *err);
    int (*run)(const struct op_env *env, const struct op_item *item, struct op_result *ret,
               struct err *err);
    /* Of a command (op_exec.h), else NULL. */
    const struct config *config;
    const struct config_command *command;
};

/* Makes each command of the configuration an operation. Before the first thread; `c` lives on. */
void op_register_commands(const struct config *c);
/* NULL when there is no such operation. */
const struct op *op_find(const char *name);
/* Also those that no list offers, because they want more care: "delete". */
const struct op *op_find_any(const char *name);
/* The i-th of them, NULL past the end. */
const struct op *op_at(size_t i);

#endif
