/*
 * events.h - event streams: every row of `events`, as soon as it is committed by whichever worker, to every subscriber
 * of this one.
 *
 * A stream is a shortcut to what a poll would say. Each event is formatted once. A subscriber that does not
 * keep up gets
 * the newest state instead of every step; one that takes nothing for 30 s is dropped. All on the loop's thread.
 */
#ifndef LB_EVENTS_H
#define LB_EVENTS_H

#include "base.h"
#include "err.h"

struct events;
struct http_request;
struct store_reader;
struct worker;

/* Starts with the newest event that is there. The reader is the loop's. */
int events_start(struct worker *w, struct store_reader *reader, struct events **ret,
                 struct err *err) LB_MUST_CHECK;
/* The doorbell rang: sends what is new. */
void events_look(struct events *e);
/*
 * A new subscriber; strings may be NULL or "". A job that is not there is answered with 404: a browser does not come
 * back after that.
 */
void events_subscribe(struct events *e, struct http_request *req, const char *last_event_id,
                      const char *job_id, const char *address);
/* Ends all streams; new ones end at once. */
void events_drain(struct events *e);
void events_free(struct events *e);

#endif
