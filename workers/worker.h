/*
 * worker.h - one worker process: what its parts share. Set up by main.c before the first thread, then only read.
 */
#ifndef LB_WORKER_H
#define LB_WORKER_H

#include <stdbool.h>

#include "base.h"
#include "config.h"
#include "err.h"

struct board;
struct download_ask;
struct drives;
struct events;
struct http_header;
struct http_request;
struct loop;
struct old_stream_ask;
struct runner;
struct store_reader;
struct worker;
struct writer;

const struct config *worker_config(const struct worker *w);
int worker_slot(const struct worker *w);
const char *worker_name(const struct worker *w);  /* "worker 1": in jobs and logs */
const char *worker_owner(const struct worker *w); /* the name in leases, board.h */
struct board *worker_board(const struct worker *w);
struct loop *worker_loop(struct worker *w);
struct writer *worker_writer(struct worker *w);
struct runner *worker_runner(struct worker *w);
struct drives *worker_drives(struct worker *w);
struct events *worker_events(struct worker *w);
int worker_library_fd(const struct worker *w);
const char *worker_library_root(const struct worker *w); /* absolute, no slash at the end */
bool worker_draining(const struct worker *w);

/* Rings the doorbells of all workers, this one included: look at the stores. Any thread. */
void worker_ring_all(struct worker *w);

/* Read-only connections for the thread that calls. */
struct store_reader *worker_reader_open(struct worker *w, struct err *err);
void worker_reader_close(struct store_reader *r);

/* GET /api/events/stream: takes the request over. Strings may be NULL or "". On the loop. */
void worker_stream_open(struct worker *w, struct http_request *req, const char *last_event_id,
                        const char *job_id, const char *client_address);
/* No more of these for now. Any thread. */
bool worker_old_streams_full(const struct worker *w);
/* Answers the request with the old stream of a job (old_streams.h). On the loop. */
void worker_old_stream_open(struct worker *w, struct http_request *req,
                            const struct old_stream_ask *ask, const struct http_header *headers,
                            size_t n_headers);
/* The same of files to download (downloads.h). */
bool worker_downloads_full(const struct worker *w);
void worker_download_open(struct worker *w, struct http_request *req,
                          const struct download_ask *ask, const struct http_header *headers,
                          size_t n_headers);

#endif
