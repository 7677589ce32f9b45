/*
 * writer.h - the one thread of a worker that writes to the stores.
 *
 * Whatever gathers within a few milliseconds is one commit ("group commit"): results of finished items, claims for
 * idle pool threads, requests of API threads. It also renews the leases, gives back those of dead workers, cleans up,
 * and checkpoints. It has the only writable connections of the process.
 */
#ifndef LB_WRITER_H
#define LB_WRITER_H

#include <stdbool.h>

#include "base.h"
#include "err.h"
#include "gate.h"
#include "op.h"
#include "store.h"
#include "store_library.h"

struct worker;
struct writer;

/* Opens the stores on the new thread ("lb-writer"), gives back what dead workers held, and waits until it is ready. */
int writer_start(struct worker *w, struct writer **ret, struct err *err) LB_MUST_CHECK;
/* Commits what is queued and ends the thread. Later calls fail; what the pool still hands over is lost. */
void writer_stop(struct writer *w);
/* After writer_stop, when no thread can call it any more. */
void writer_free(struct writer *w);

/*
 * Runs fn inside a write transaction of `file` on the writer's thread and returns when it is committed, or failed.
 * durable: on the disk before the return. Any thread but the loop's and the writer's. fn returning -1 undoes only its
 * own part of the group.
 */
struct writer_call {
    enum gate_file file;
    bool durable;
    bool ring; /* ring all doorbells after the commit */
    bool
        active; /* the active job changed: its copy in preferences.db is written before the return */
    int (*fn)(struct db *db, void *arg, struct err *err);
    void (*committed)(
        void *arg); /* NULL, or called after the commit on the writer's thread: the place to log */
    void *arg;
};
int writer_call(struct writer *w, const struct writer_call *call, struct err *err) LB_MUST_CHECK;

/* Look at the stores again: there may be work, a death, a cancel. Any thread. */
void writer_wake(struct writer *w);
/* A call waits for an item (drive.h). Any thread. */
void writer_ask(struct writer *w);
/* From now on claim nothing more (drain). Any thread. */
void writer_stop_claiming(struct writer *w);

/* What came of an item; see runner.h. */
struct item_done {
    struct item item;
    enum item_outcome outcome;
    struct err err;          /* of a failed item */
    struct op_result result; /* of one that is done */
    char *details;           /* JSON text for the API, or NULL */
    bool has_stat;           /* the file as it is now */
    struct library_stat stat;
    double began_at, finished_at; /* 0: it did not begin */
};
void item_done_clear(struct item_done *d);
/* A pool thread hands over what came of an item (takes everything in `done`, which is {0} afterwards). */
void writer_finish(struct writer *w, struct item_done *done);
/* A pool thread puts an item back (takes it). counted: it was started, so the attempt counts. */
void writer_return(struct writer *w, struct item *item, bool counted);

#endif
