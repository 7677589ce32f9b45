/*
 * drive.h - calls that drive a job: each waits in this worker for one item of it, and is told what came of that item.
 *
 * The loop begins and ends them, the writer leases items for them and tells them what is committed. An item belongs to
 * the store, not to the call: when the call goes away, the item runs and counts all the same.
 */
#ifndef LB_DRIVE_H
#define LB_DRIVE_H

#include <stdbool.h>

#include "base.h"
#include "store.h"

struct drive;  /* one call */
struct drives; /* those of this worker */

struct drives *drives_new(void);
void drives_free(struct drives *d);

enum drive_state {
    DRIVE_WAITS,  /* has no item */
    DRIVE_CLAIMS, /* a commit is under way that may give it one */
    DRIVE_RUNS,   /* its item is in the pool */
    DRIVE_DONE,   /* the outcome is committed */
};
struct drive_view {
    enum drive_state state;
    int64_t seq; /* of DRIVE_RUNS and DRIVE_DONE */
    /* of DRIVE_DONE */
    enum item_outcome outcome;
    char message[sizeof(((struct err *)0)->msg)]; /* of an error */
    struct job job;                               /* as it was made by that outcome */
};

/* ---- on the loop ---- */

/* Waits for an item of this job; wake the writer (writer_ask). */
struct drive *drive_begin(struct drives *d, const char *job_id);
void drive_look(struct drive *one, struct drive_view *ret);
void drive_end(struct drive *one);

/* ---- on the writer's thread ---- */

/* How many calls wait for which jobs. Returns how many jobs, at most STORE_DEMANDS_MAX, those that wait longest. */
int drives_demands(struct drives *d, struct claim_demand *ret);
/* The same, and those calls claim from now on until drives_release. */
int drives_take(struct drives *d, struct claim_demand *ret);
/* The lease is committed: it is for the call that has waited longest. Without one it is nobody's and runs. */
void drives_claimed(struct drives *d, const struct item *it);
/* Those that claimed and got nothing wait again. */
void drives_release(struct drives *d);
/* How many have an item in the pool. Any thread. */
size_t drives_running(const struct drives *d);

/* What a transaction did to items of calls, kept until it is committed. */
struct drive_result {
    char job_id[UUID_SIZE];
    int64_t seq;
    bool returned; /* it was put back, or its lease was lost: the call waits again */
    enum item_outcome outcome;
    char message[sizeof(((struct err *)0)->msg)];
    struct job job;
};
struct drive_results {
    struct drive_result *list;
    size_t n, cap;
};
/* A new last element for `it`. */
struct drive_result *drive_results_add(struct drive_results *r, const struct item *it);
void drive_results_clear(struct drive_results *r);
/* After the commit. */
void drives_tell(struct drives *d, const struct drive_results *results);

#endif
