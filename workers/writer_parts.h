/*
 * writer_parts.h - the writer inside: one round, from what was gathered to what is committed. Only writer*.c.
 */
#ifndef LB_WRITER_PARTS_H
#define LB_WRITER_PARTS_H

#include <pthread.h>
#include <sys/types.h>

#include "follow.h"
#include "lock.h"
#include "notes.h"
#include "writer_batch.h"

/* What could not be committed is tried again after so long. */
#define WRITER_RETRY_MS 500

struct pending_call {
    const struct writer_call *call;
    struct pending_call *next;
    int rc;
    struct err err;
    bool over;
    pthread_cond_t ended;
};

struct writer {
    struct worker *worker;
    pthread_t thread;

    struct lock lock; /* RANK_WRITER; guards the fields down to `started` */
    pthread_cond_t wake, ready;
    struct pending_call *calls, **calls_end;
    struct item_done_list done;
    struct item_return_list returns;
    bool look, asked, claiming, stopping;
    bool started;
    int start_rc;
    struct err *start_err;

    /* the writer's thread only */
    struct store *store;
    int64_t last_commit_ms, next_renew_ms, next_look_ms, next_sweep_ms, next_retention_ms;
    struct store_limits limits; /* of the sweep, since the last look at what is old */
    pid_t master;
    bool damaged;         /* jobs.db is; nothing is written to it any more */
    int64_t next_warn_ms; /* the same failure is told again after this */
    enum err_code warned;
    uint64_t deaths_seen;
    struct pace pace;
    struct follow_making follow;
};

struct round {
    struct pending_call *calls;
    struct item_done_list done;
    struct item_return_list returns;
    bool look, claiming, stopping;
    bool renew, cancel, recover, sweep, follow, books;
    struct follow_making follow_next; /* what w->follow becomes */
    bool follow_more;
    int want;      /* items to claim */
    int max_files; /* of struct claimer */
    struct notes notes;
    struct drive_results driven;
    bool ring, active;
    bool held; /* library.db could not be written: results wait */
};

struct board_slot *writer_slot(const struct writer *w);

/* writer_commit.c: each on the writer's thread, in this order. */
void writer_commit_library(struct writer *w, struct round *r);
void writer_commit_jobs(struct writer *w, struct round *r);
void writer_commit_preferences(struct writer *w, struct round *r);
/* The copy of the active job in preferences.db. */
void writer_copy_active(struct writer *w);
/*
 * writer_books.c: makes the books whole that dead processes were writing; transactions of its own, and file work
 * between them. `all`: also those that were tried too often. -1: the records cannot be had now.
 */
int writer_recover_books(struct writer *w, bool all, struct err *err) LB_MUST_CHECK;
/* writer_orphans.c: before the items of dead workers are given back. */
void writer_end_orphans(struct writer *w);
/* Inside a transaction on jobs.db. */
int writer_renew(struct writer *w, struct err *err) LB_MUST_CHECK;
/* Logs what failed: at once when it is another error than the last one, else from time to time. */
void writer_warn(struct writer *w, const char *what, const struct err *err);

#endif
