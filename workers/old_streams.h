/*
 * old_streams.h - the streams of the old application: one event for each item of a job, then `done` with all results.
 *
 * The job is a real one: its items run on every worker, and a stream that is closed stops nothing. What is sent comes
 * from the results in jobs.db in the order in which the items finished, so each is sent once, whoever ran it.
 * Everything here is called on the loop, but where it says otherwise.
 */
#ifndef LB_OLD_STREAMS_H
#define LB_OLD_STREAMS_H

#include <stdbool.h>

#include "base.h"
#include "uuid.h"

struct http_header;
struct http_request;
struct old_streams;
struct store_reader;
struct worker;

/* What a handler asks for instead of an answer. */
struct old_stream_ask {
    char job_id[UUID_SIZE]; /* "" = nothing */
    bool whole_paths;       /* `results` has the paths of the files, not their names alone */
};

struct old_streams *old_streams_new(struct worker *w, struct store_reader *reader);
/*
 * Takes the request over and answers it with the stream of a job that has been made. It ends after `done`, when its job
 * is deleted, and with the worker; not before the worker leaves, so a drain cuts only what outlasts it.
 */
void old_streams_open(struct old_streams *all, struct http_request *req,
                      const struct old_stream_ask *ask, const struct http_header *headers,
                      size_t n_headers);
/* Are there streams_max already? Then no job is made for another one. Any thread. */
bool old_streams_full(const struct old_streams *all);
/* There may be something new: after a doorbell. */
void old_streams_look(struct old_streams *all);
/* Ends what is still open. */
void old_streams_free(struct old_streams *all);

#endif
