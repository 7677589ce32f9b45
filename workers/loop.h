/*
 * loop.h - the worker's event loop (libevent): timers, descriptors, and work posted by other threads.
 *
 * Everything here is called on the loop's own thread, except loop_post and loop_stop, which any thread may call.
 * Callbacks run on the loop's thread and must not block.
 */
#ifndef LB_LOOP_H
#define LB_LOOP_H

#include "base.h"
#include "err.h"

struct loop;
struct loop_timer;
struct event_base; /* libevent; only loop.c and http_*.c look inside */

struct loop *loop_new(void);
void loop_free(struct loop *l);
/* Returns after loop_stop. */
void loop_run(struct loop *l);
void loop_stop(struct loop *l);
struct event_base *loop_base(struct loop *l);

/*
 * Calls fn(ctx) on the loop soon, in the order of posting. Never drops one; after the loop ended they
 * are run by loop_free.
 */
void loop_post(struct loop *l, void (*fn)(void *ctx), void *ctx);
/* Calls fn(ctx) every ms until freed; the first time after ms. Timers are freed before the loop; exact to some 4 ms. */
struct loop_timer *loop_timer_every(struct loop *l, int64_t ms, void (*fn)(void *ctx), void *ctx);
/* Calls fn(ctx) once after ms, and again whenever it is set again. */
struct loop_timer *loop_timer_once(struct loop *l, int64_t ms, void (*fn)(void *ctx), void *ctx);
void loop_timer_set(struct loop_timer *t, int64_t ms);
void loop_timer_free(struct loop_timer *t);
/*
 * Calls fn(ctx) whenever fd is readable (level-triggered). The descriptor stays the caller's. Lives as
 * long as the loop.
 */
void loop_watch(struct loop *l, int fd, void (*fn)(void *ctx), void *ctx);
/* fd is not looked at any more; also from inside its own callback. */
void loop_unwatch(struct loop *l, int fd);

#endif
