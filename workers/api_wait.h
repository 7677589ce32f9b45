/*
 * api_wait.h - calls that are answered later, without a thread that waits for it.
 *
 * A handler that cannot answer yet returns api_wait(...). The call is then parked on the loop and looked at: at once,
 * whenever a worker's doorbell told of new commits, and every API_WAIT_LOOK_MS, until its look has the answer or its
 * time is up. A call whose peer has gone is dropped without another look. What the call waits for goes on by itself:
 * a parked call only watches.
 */
#ifndef LB_API_WAIT_H
#define LB_API_WAIT_H

#include <stdbool.h>
#include <sys/queue.h>

#include "base.h"
#include "err.h"

#define API_WAIT_LOOK_MS 250
#define API_WAITS_MAX                                                                              \
    1000 /* calls that are parked at once; one more is told that the worker is busy */

struct api_call;
struct api_request;

struct api_wait {
    /*
     * Is the answer there? On the loop, so it may only read (call->reader is the loop's) and must be short. Returns 1
     * with the reply filled as a handler does it, 0 when there is none yet, -1 when err is the answer. `last`: the time
     * is up, or the worker stops; now it must be 1 or -1.
     */
    int (*look)(struct api_call *call, void *ctx, bool last, struct err *err);
    void (*done)(
        void *ctx); /* frees ctx, once, on the loop: answered, or dropped; NULL: nothing to free */
    void *ctx;
    int64_t
        ms; /* the time limit, from now; the configuration's answer_wait_ms suits the front end */
};
/* For a handler, on the loop or on a thread: parks the call. The handler returns what this returns, which is 0. */
int api_wait(struct api_call *call, const struct api_wait *wait);

/* ---- for api.c ---- */

TAILQ_HEAD(api_wait_list, api_request);
struct api_waits {
    struct api_wait_list list; /* in the order of parking */
    size_t n;
    void (*answer)(struct api_request *r); /* sends what is in r and frees it */
    bool ending; /* nobody waits any more: each gets its last look at once */
    bool closed; /* nor is there anything to look at */
};
/* Parks a request whose handler called api_wait, or answers it at once. On the loop, as all below. */
void api_waits_add(struct api_waits *w, struct api_request *r);
void api_waits_look(struct api_waits *w);
/* Answers all that wait, and from now on whoever comes, with their last look. */
void api_waits_end(struct api_waits *w);
/* From now on whoever comes is told that the worker stops, without a look. */
void api_waits_close(struct api_waits *w);

#endif
