/* writer_books.c - books whose writing was interrupted are made whole before anything works on them again. */
#include "writer_parts.h"

#include <stdlib.h>

#include "board.h"
#include "book.h"
#include "clock.h"
#include "fault.h"
#include "log.h"
#include "store_tail.h"
#include "worker.h"

#define PART         32
#define RETRY_S      1 /* while items wait for the book */
#define RETRY_KEPT_S 60

struct outcome {
    struct err err;
    int rc;
    enum book_recovery what;
};

static void tell(const struct tail_record *r, const struct outcome *o)
{
    static const char *const words[] = {
        [BOOK_WAS_WHOLE] = "it was whole",
        [BOOK_FINISHED] = "finished",
        [BOOK_CUT_BACK] = "as it was before",
    };
    static const char *const doubts[] = {
        [BOOK_MISFIT] = "it is not as its record says; not touched",
        [BOOK_MISSING] = "it was moved, replaced or deleted meanwhile; not touched",
        [BOOK_NO_FOLDER] = "its folder is not there; tried again",
    };
    if (o->rc < 0 && r->tries == 0)
        log_warn("book not recovered", "path=%s error=%s retry_s=%d", LOG_QUOTE(r->path),
                 LOG_QUOTE(o->err.msg), RETRY_S);
    else if (o->rc == 0 && o->what >= BOOK_MISFIT && (o->what != BOOK_NO_FOLDER || r->tries == 0))
        log_warn("book not recovered", "path=%s note=\"%s\"", LOG_QUOTE(r->path), doubts[o->what]);
    else if (o->rc == 0 && o->what < BOOK_MISFIT)
        log_info("book recovered", "path=%s result=\"%s\"", LOG_QUOTE(r->path), words[o->what]);
}

static int record(struct db *jobs, const struct tail_record *r, const struct outcome *o,
                  struct err *err)
{
    double now = clock_wall_s();
    if (o->rc == 0 && o->what != BOOK_NO_FOLDER)
        return store_tail_drop(jobs, r->id, err);
    bool kept = o->rc == 0 || r->tries + 1 >= STORE_TAIL_TRIES;
    return store_tail_retry(jobs, r->id, now + (kept ? RETRY_KEPT_S : RETRY_S), kept, err);
}

static int commit_all(struct writer *w, const struct tail_record *records,
                      const struct outcome *outcomes, int n, struct err *err)
{
    struct db *jobs = store_db(w->store, GATE_JOBS);
    if (store_begin(w->store, GATE_JOBS, false, err) < 0)
        return -1;
    for (int i = 0; i < n; i++)
        if (record(jobs, &records[i], &outcomes[i], err) < 0) {
            store_rollback(w->store, GATE_JOBS);
            return -1;
        }
    return store_commit(w->store, GATE_JOBS, err);
}

/* How many it took, -1. */
static int adopt(struct writer *w, bool all, struct tail_record *ret, struct err *err)
{
    struct db *jobs = store_db(w->store, GATE_JOBS);
    if (store_begin(w->store, GATE_JOBS, false, err) < 0)
        return -1;
    int n = store_tail_adopt(jobs, worker_board(w->worker), worker_owner(w->worker), all,
                             clock_wall_s(), ret, PART, err);
    if (n < 0) {
        store_rollback(w->store, GATE_JOBS);
        return -1;
    }
    if (store_commit(w->store, GATE_JOBS, err) == 0)
        return n;
    for (int i = 0; i < n; i++)
        tail_record_clear(&ret[i]);
    return -1;
}

int writer_recover_books(struct writer *w, bool all, struct err *err)
{
    struct tail_record records[PART];
    struct outcome outcomes[PART];
    int n = store_tail_due(store_db(w->store, GATE_JOBS), worker_board(w->worker),
                           worker_owner(w->worker), all, clock_wall_s(), err);
    if (n <= 0)
        return n;
    do {
        n = adopt(w, all, records, err);
        all = false; /* what could not be done now is not tried at once again */
        for (int i = 0; i < n; i++) {
            struct tail_record *r = &records[i];
            struct outcome *o = &outcomes[i];
            *o = (struct outcome){0};
            o->rc = book_recover(worker_library_fd(w->worker), r->path, r->target, r->same_boot,
                                 &r->write, &o->what, &o->err);
            tell(r, o);
            fault_hit("tail_recovered");
        }
        int rc = n > 0 ? commit_all(w, records, outcomes, n, err) : 0;
        for (int i = 0; i < n; i++)
            tail_record_clear(&records[i]);
        n = rc < 0 ? -1 : n;
    } while (n == PART);
    return n < 0 ? -1 : 0;
}
