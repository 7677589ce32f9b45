/*
 * runner.h - the pool: T threads that run items which the writer has claimed.
 *
 * The writer asks how many items are wanted, adds them, and gets each one back through writer_finish or writer_return.
 * A pool thread never waits for a commit, except where an operation declares what it is about to change.
 */
#ifndef LB_RUNNER_H
#define LB_RUNNER_H

#include <stdbool.h>

#include "base.h"
#include "err.h"
#include "store.h"

struct runner;
struct worker;

/* Makes it; nothing runs yet, nothing is wanted. */
struct runner *runner_new(struct worker *w);
/* Starts the threads ("lb-pool-0" ...); each opens its own reader. */
void runner_start(struct runner *r);
/*
 * How many items should be claimed now: one for each idle thread, and some in store when items take less time than a
 * commit. 0 after runner_drain. *ret_max_files: of struct claimer.
 */
int runner_wanted(struct runner *r, int *ret_max_files);
/*
 * After an operation said that the disk is full or read-only, its item goes back, and of items that are files one is
 * wanted every two seconds, until one is done. This ends it at once: there is nothing left to try. Any thread.
 */
void runner_release(struct runner *r);
/* Takes the items. Returns false, and leaves them, when it is draining. */
bool runner_add(struct runner *r, struct item *items, int n) LB_MUST_CHECK;
/* Items that are ready or running. */
int runner_load(struct runner *r);
/* These jobs are being cancelled: their running items are asked to stop, ready ones are not started. */
void runner_set_cancelling(struct runner *r, char (*job_ids)[UUID_SIZE], int n);
/* These jobs are paused: their ready items go back through writer_return, as if never claimed. Running ones go on. */
void runner_set_paused(struct runner *r, char (*job_ids)[UUID_SIZE], int n);
/* Starts nothing more; ready items go back through writer_return. Running ones go on. */
void runner_drain(struct runner *r);
/* Waits until nothing runs, at most ms. Returns false at the time-out. */
bool runner_wait_idle(struct runner *r, int64_t ms);
/* After runner_drain and runner_wait_idle: ends the threads. The writer may still ask; it gets nothing to do. */
void runner_stop(struct runner *r);
/* After writer_stop. */
void runner_free(struct runner *r);

#endif
