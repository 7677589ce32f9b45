#include "api_wait.h"

#include "api_request.h"
#include "clock.h"
#include "http.h"

int api_wait(struct api_call *call, const struct api_wait *wait)
{
    struct api_request *r = call->request;
    must(wait->look && !r->wait.look);
    r->wait = *wait;
    r->wait_until_ms = clock_mono_ms() + wait->ms;
    return 0;
}

/* The request is no more afterwards. */
static void end(struct api_waits *w, struct api_request *r)
{
    if (r->wait.done)
        r->wait.done(r->wait.ctx);
    w->answer(r);
}

/* Looks at one; true: it has been answered, or dropped, and is to leave the list before end(). */
static bool is_over(const struct api_waits *w, struct api_request *r)
{
    if (http_request_gone(r->http))
        return true;
    struct err err = {0};
    if (w->closed) {
        (void)err_set(&err, ERR_STOPPING, "the worker stops");
        api_reply_error(r, &err);
        return true;
    }
    bool last = w->ending || clock_mono_ms() >= r->wait_until_ms;
    int rc = r->wait.look(&r->call, r->wait.ctx, last, &err);
    must(rc != 0 || !last);
    if (rc > 0) {
        api_reply_finish(r);
    } else if (rc < 0) {
        strbuf_reset(&r->call.headers); /* those of an answer that is not given */
        api_reply_error(r, &err);
    }
    return rc != 0;
}

static bool is_refused(const struct api_waits *w, struct api_request *r)
{
    if (w->n < API_WAITS_MAX)
        return false;
    struct err err = {0};
    (void)err_set(&err, ERR_BUSY, "%d calls are waiting already", API_WAITS_MAX);
    api_reply_error(r, &err);
    return true;
}

void api_waits_add(struct api_waits *w, struct api_request *r)
{
    if (is_over(w, r) || is_refused(w, r)) {
        end(w, r);
        return;
    }
    TAILQ_INSERT_TAIL(&w->list, r, waiting);
    w->n++;
    http_request_watch(r->http);
}

void api_waits_look(struct api_waits *w)
{
    struct api_request *next;
    for (struct api_request *r = TAILQ_FIRST(&w->list); r; r = next) {
        next = TAILQ_NEXT(r, waiting);
        if (!is_over(w, r))
            continue;
        TAILQ_REMOVE(&w->list, r, waiting);
        w->n--;
        end(w, r);
    }
}

void api_waits_end(struct api_waits *w)
{
    w->ending = true;
    api_waits_look(w);
}

void api_waits_close(struct api_waits *w)
{
    must(TAILQ_EMPTY(&w->list));
    w->closed = true;
}
