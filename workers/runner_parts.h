/*
 * runner_parts.h - what the files of the pool share: runner.c has the threads and what they are given, runner_item.c
 * runs one item. Nobody else includes it.
 */
#ifndef LB_RUNNER_PARTS_H
#define LB_RUNNER_PARTS_H

#include <pthread.h>
#include <stdbool.h>

#include "lock.h"
#include "runner.h"

#define MAX_CANCELLING 64
#define READY_MAX      STORE_LEASES_PER_CLAIM
/* While the library's disk takes no writes, one item is tried so often. */
#define HOLD_MS 2000

struct seat { /* one pool thread */
    struct runner *runner;
    pthread_t thread;
    int index;
    char job_id[UUID_SIZE]; /* of the item that runs; guarded by the runner's lock */
    struct item *item;      /* only for its own thread, as is the next */
    struct store_reader *reader;
    _Atomic bool cancel;
};

struct runner {
    struct worker *worker;
    int n_seats;
    struct seat *seats;

    struct lock lock; /* RANK_POOL; guards all below */
    pthread_cond_t work, idle;
    struct item ready[READY_MAX];
    int ready_from, n_ready;
    int n_running;
    bool started, draining, stopping;
    int64_t poor_until_ms; /* monotonic */
    int64_t hold_until_ms; /* monotonic; 0 = the library can be written, as far as is known */
    int64_t mean_us;       /* of an item, smoothed; 0 = not known yet */
    char cancelling[MAX_CANCELLING][UUID_SIZE];
    int n_cancelling;
};

/* Runs an item and hands it over to the writer. On the thread of the seat. */
void runner_run_item(struct seat *seat, struct store_reader *reader, struct item *it);

#endif
