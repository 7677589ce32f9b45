/* Gives back what dead processes held. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "board.h"
#include "fault.h"
#include "store_job.h"

/* The first owner that is dead. 1 = found, 0 = all live. */
static int dead_owner(struct db *db, const struct board *board, char ret[BOARD_OWNER_SIZE],
                      struct err *err)
{
    struct query q LB_CLEANUP(query_end) = {0};
    if (query_start(&q, db, SQL_OWNERS, err) < 0)
        return -1;
    int rc;
    while ((rc = query_step(&q, err)) == 1) {
        if (board_owner_alive(board, query_col_text(&q, 0)))
            continue;
        query_col_copy(&q, 0, ret, BOARD_OWNER_SIZE);
        return 1;
    }
    return rc;
}

int store_needs_recovery(struct db *db, const struct board *board, struct err *err)
{
    char owner[BOARD_OWNER_SIZE];
    return dead_owner(db, board, owner, err);
}

/* "its worker died 3 times while it ran (signal 11, Segmentation fault)" */
static void death_message(const struct board *board, const char *owner, int attempts, char *ret,
                          size_t size)
{
    int sig = board_death_signal(board, board_owner_pid(owner));
    char how[80] = "";
    if (sig > 0)
        (void)snprintf(how, sizeof(how), " (signal %d, SIG%s)", sig,
                       sigabbrev_np(sig) ? sigabbrev_np(sig) : "?");
    (void)snprintf(ret, size, "its worker process died %d times while it ran%s", attempts, how);
}

/* Up to 1000 of an owner's items, in the order of their jobs. */
static int owner_items(struct db *db, const char *owner, struct item *ret, int max, struct err *err)
{
    struct query q LB_CLEANUP(query_end) = {0};
    if (query_start(&q, db, SQL_OWNER_ITEMS, err) < 0)
        return -1;
    query_text(&q, ":owner", owner);
    int n = 0, rc;
    while (n < max && (rc = query_step(&q, err)) != 0) {
        if (rc < 0)
            return -1;
        struct item *it = &ret[n++];
        *it = (struct item){.seq = query_col_int(&q, 1), .attempt = (int)query_col_int(&q, 2)};
        query_col_copy(&q, 0, it->job_id, sizeof(it->job_id));
        it->path = mem_strdup(query_col_text(&q, 3));
    }
    return n;
}

static int drop_owner(struct db *db, const char *owner, struct err *err)
{
    struct query q LB_CLEANUP(query_end) = {0};
    if (query_start(&q, db, SQL_OWNER_DROP, err) < 0)
        return -1;
    query_text(&q, ":owner", owner);
    return query_run(&q, err);
}

int store_dead_intents(struct db *db, const struct board *board, store_intent_fn *fn, void *ctx,
                       struct err *err)
{
    struct query owners LB_CLEANUP(query_end) = {0};
    if (query_start(&owners, db, SQL_ALL_OWNERS, err) < 0)
        return -1;
    int rc;
    while ((rc = query_step(&owners, err)) == 1) {
        const char *owner = query_col_text(&owners, 0);
        if (board_owner_alive(board, owner))
            continue;
        struct query q LB_CLEANUP(query_end) = {0};
        if (query_start(&q, db, SQL_OWNER_INTENTS, err) < 0)
            return -1;
        query_text(&q, ":owner", owner);
        while ((rc = query_step(&q, err)) == 1)
            fn(ctx, query_col_text(&q, 0), query_col_text(&q, 1), query_col_text(&q, 2));
        if (rc < 0)
            return -1;
    }
    return rc;
}

struct recovery {
    struct db *db;
    const struct board *board;
    const char *owner;
    int max_attempts;
    double now;
};

/* 1: the job ended with this item, *ret is the job. 0: it goes on. */
static int give_back(const struct recovery *r, const struct item *it, struct job *ret,
                     struct err *err)
{
    if (it->attempt < r->max_attempts)
        return store_item_return(r->db, it, r->owner, true, r->now, err) < 0 ? -1 : 0;
    char message[160];
    death_message(r->board, r->owner, it->attempt, message, sizeof(message));
    struct item_finish f = {.outcome = ITEM_ERROR, .message = message, .own_event = true};
    int rc = store_item_finish(r->db, it, r->owner, &f, r->now, ret, err);
    return rc < 0 ? -1 : rc == 1 && job_status_is_final(ret->status);
}

#define RECOVER_MAX 1000

static int recover_owner(const struct recovery *r,
                         void (*given)(void *ctx, const struct job *j, int64_t items), void *ctx,
                         struct err *err)
{
    struct item *items = mem_new(sizeof(*items) * RECOVER_MAX);
    int n = owner_items(r->db, r->owner, items, RECOVER_MAX, err);
    int rc = n;
    int64_t of_job = 0;
    for (int i = 0; i < n && rc >= 0; i++) {
        struct job job;
        rc = give_back(r, &items[i], &job, err);
        of_job++;
        bool last = i + 1 == n || strcmp(items[i + 1].job_id, items[i].job_id) != 0;
        if (rc == 0 && last)
            rc = store_job_get(r->db, items[i].job_id, &job, err);
        if (rc == 1 && given)
            given(ctx, &job, of_job);
        if (last)
            of_job = 0;
    }
    fault_hit("leases_given_back");
    if (rc >= 0 && n < RECOVER_MAX)
        rc = drop_owner(r->db, r->owner, err);
    for (int i = 0; i < n; i++)
        item_clear(&items[i]);
    free(items);
    return rc < 0 ? -1 : n;
}

int store_recover(struct db *db, const struct board *board, int max_attempts, double now,
                  void (*given)(void *ctx, const struct job *j, int64_t items), void *ctx,
                  struct err *err)
{
    char owner[BOARD_OWNER_SIZE];
    int total = 0, rc;
    while ((rc = dead_owner(db, board, owner, err)) == 1) {
        struct recovery r = {db, board, owner, max_attempts, now};
        int n = recover_owner(&r, given, ctx, err);
        if (n < 0)
            return -1;
        total += n;
    }
    return rc < 0 ? -1 : total;
}
