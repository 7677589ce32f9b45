/*
 * downloads.h - all results of a job as one file, made while it is sent.
 *
 * A part is read from the store and sent when the peer has taken the one before, so a download of any length needs
 * little memory. One that cannot be finished (its job was deleted, the worker ends) is cut off: a client of the worker
 * sees that. A front end may end its own answer in good order all the same, so the handler tells how many results
 * there will be.
 * Everything here is called on the loop, but where it says otherwise.
 */
#ifndef LB_DOWNLOADS_H
#define LB_DOWNLOADS_H

#include <stdbool.h>

#include "base.h"
#include "uuid.h"

struct downloads;
struct http_header;
struct http_request;
struct store_reader;
struct worker;

enum download_format { DOWNLOAD_CSV, DOWNLOAD_JSON };

/* What a handler asks for instead of an answer. */
struct download_ask {
    char job_id[UUID_SIZE]; /* "" = nothing */
    enum download_format format;
    int64_t upto; /* the last result it has; results never change */
};

struct downloads *downloads_new(struct worker *w, struct store_reader *reader);
/* Takes the request over. */
void downloads_open(struct downloads *all, struct http_request *req, const struct download_ask *ask,
                    const struct http_header *headers, size_t n_headers);
/* No more of these for now. Any thread. */
bool downloads_full(const struct downloads *all);
/* Cuts what is still being sent. */
void downloads_free(struct downloads *all);

#endif
