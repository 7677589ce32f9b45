#include "old_streams.h"

#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "config.h"
#include "http.h"
#include "log.h"
#include "loop.h"
#include "old_text.h"
#include "path.h"
#include "store.h"
#include "strbuf.h"
#include "worker.h"

#define ROWS_MAX 1000 /* in one look of one stream, so that the loop is never held for long */
/*
 * Old clients take each chunk for whole events, and the front end passes on what it reads at once, up to 16 KB: so many
 * bytes of events go out together, then there is a pause of AGAIN_MS.
 */
#define ITEMS_MAX  8192
#define ITEMS_ROWS (ITEMS_MAX / 64) /* more than fit: no event is shorter */
/* A peer that is so far behind gets nothing more until it has taken some: the front end has no back-pressure of its
 * own, but a worker's memory is bounded. */
#define BACKLOG_MAX (256 * 1024)
/* `done` is one chunk up to this size, and several above. */
#define CHUNK_MAX (256 * 1024)
#define AGAIN_MS  10  /* between two looks while there is more to send */
#define BELT_MS   250 /* the look without a bell, and for heartbeats */

enum part { PART_ITEMS, PART_DONE };

struct old_stream {
    struct old_streams *all;
    struct old_stream *next;
    struct http_stream *http; /* NULL: it is over */
    struct old_stream_ask ask;
    enum part part;
    int64_t last_no;   /* of the results, the last one that went out in this part */
    size_t items_len;  /* bytes of events that went out in this look */
    struct strbuf out; /* of `done`: what is not sent yet */
    struct job job;    /* as it was in the last look */
    bool more;         /* there is more to send than was sent */
    int64_t sent_ms;
};

struct old_streams {
    struct worker *worker;
    struct store_reader *reader;
    struct old_stream *list;
    struct loop_timer *again, *belt;
    bool again_set;
    _Atomic int64_t n;
};

static void set_again(struct old_streams *all, int64_t ms)
{
    all->again_set = true;
    loop_timer_set(all->again, ms);
}

static void send_bytes(struct old_stream *s, const struct strbuf *bytes)
{
    http_stream_send(s->http, bytes->data, bytes->len);
    s->sent_ms = clock_mono_ms();
}

static void end_stream(struct old_stream *s)
{
    http_stream_end(s->http);
    s->http = NULL;
}

static void on_closed(void *stream)
{
    struct old_stream *s = stream;
    log_debug("old stream closed", "job=%s sent=%lld", s->ask.job_id, (long long)s->last_no);
    s->http = NULL; /* the next look removes it */
}

static void unlink_over(struct old_streams *all)
{
    for (struct old_stream **p = &all->list; *p;) {
        struct old_stream *s = *p;
        if (s->http) {
            p = &s->next;
            continue;
        }
        *p = s->next;
        strbuf_clear(&s->out);
        free(s);
        all->n--;
    }
}

/* ---- what goes out ---- */

static int send_item(void *stream, const struct job_result *r, struct err *err)
{
    (void)err;
    struct old_stream *s = stream;
    struct strbuf out LB_CLEANUP(strbuf_clear) = {0};
    if (s->items_len >= ITEMS_MAX) {
        s->more = true;
        return 0;
    }
    old_text_item(&out, r->id, s->job.total, path_base(r->path), r->success, r->message);
    send_bytes(s, &out);
    s->items_len += out.len;
    s->last_no = r->id;
    return 0;
}

static int add_result(void *stream, const struct job_result *r, struct err *err)
{
    (void)err;
    struct old_stream *s = stream;
    if (s->last_no > 0)
        strbuf_adds(&s->out, ", ");
    old_text_result(&s->out, s->ask.whole_paths ? r->path : path_base(r->path), r->success,
                    r->message);
    s->last_no = r->id;
    return 0;
}

static void close_done(struct old_stream *s, const char *error)
{
    strbuf_addc(&s->out, ']');
    if (error) { /* the job as a whole did not come to its end */
        strbuf_adds(&s->out, ", \"error\": ");
        old_text_string(&s->out, error);
    }
    strbuf_adds(&s->out, "}\n\n");
    send_bytes(s, &s->out);
    end_stream(s);
}

static const char *job_error(const struct job *j)
{
    if (j->status == JOB_CANCELLED)
        return "the job was cancelled";
    return j->error[0] ? j->error : NULL;
}

static void begin_done(struct old_stream *s)
{
    s->part = PART_DONE;
    s->last_no = 0;
    strbuf_adds(&s->out, "data: {\"done\": true, \"results\": [");
}

/* Sends a part of what there is, in one state of the database. */
static int step(struct old_stream *s, struct db *db, struct err *err)
{
    int rc = store_job_get(db, s->ask.job_id, &s->job, err);
    if (rc < 0)
        return -1;
    if (rc == 0) { /* and its results with it */
        strbuf_reset(&s->out);
        begin_done(s);
        close_done(s, "the job was deleted");
        return 0;
    }
    if (s->part == PART_ITEMS) {
        s->more = false;
        s->items_len = 0;
        if (store_results(db, s->ask.job_id, s->last_no, 0, NULL, ITEMS_ROWS, send_item, s, err) <
            0)
            return -1;
        if (s->more || !job_status_is_final(s->job.status))
            return 0;
        begin_done(s);
    }
    int64_t before = s->last_no;
    if (store_results(db, s->ask.job_id, s->last_no, 0, NULL, ROWS_MAX, add_result, s, err) < 0)
        return -1;
    s->more = s->last_no - before == ROWS_MAX;
    if (!s->more) {
        close_done(s, job_error(&s->job));
    } else if (s->out.len > CHUNK_MAX) {
        send_bytes(s, &s->out);
        strbuf_reset(&s->out);
    }
    return 0;
}

static void look(struct old_stream *s)
{
    struct db *db = store_reader_db(s->all->reader, GATE_JOBS);
    struct err err = {0};
    if (http_stream_backlog(s->http) > BACKLOG_MAX) {
        s->more = true;
        return;
    }
    int rc = store_read_begin(db, &err);
    if (rc == 0) {
        rc = step(s, db, &err);
        store_read_end(db);
    }
    if (rc < 0) { /* what went out is noted: the next look goes on behind it */
        log_warn("old stream waits", "job=%s error=%s retry_ms=%d", s->ask.job_id,
                 LOG_QUOTE(err.msg), BELT_MS);
        s->more = false;
    }
}

/* at_more: at those that have more to send; else at the others, which wait for news. */
static void look_at(struct old_streams *all, bool at_more)
{
    bool more = false;
    unlink_over(all);
    for (struct old_stream *s = all->list; s; s = s->next) {
        if (s->http && s->more == at_more)
            look(s);
        more |= s->http && s->more;
    }
    unlink_over(all);
    if (more && !all->again_set)
        set_again(all, AGAIN_MS);
}

void old_streams_look(struct old_streams *all)
{
    if (all->list)
        look_at(all, false);
}

static void on_again(void *ctx)
{
    ((struct old_streams *)ctx)->again_set = false;
    look_at(ctx, true);
}

/* Finds what no bell told of. The front end cuts a stream that is silent for 30 s, so it gets a comment. */
static void on_belt(void *ctx)
{
    static const char heartbeat[] = ": heartbeat\n\n";
    struct old_streams *all = ctx;
    old_streams_look(all);
    int64_t silent_ms = clock_mono_ms() - worker_config(all->worker)->heartbeat_s * 1000;
    for (struct old_stream *s = all->list; s; s = s->next)
        if (s->http && s->part == PART_ITEMS && s->sent_ms <= silent_ms + BELT_MS / 2 &&
            http_stream_backlog(s->http) == 0) {
            http_stream_send(s->http, heartbeat, sizeof(heartbeat) - 1);
            s->sent_ms = clock_mono_ms();
        }
}

/* ---- from outside ---- */

struct old_streams *old_streams_new(struct worker *w, struct store_reader *reader)
{
    struct old_streams *all = mem_new(sizeof(*all));
    all->worker = w;
    all->reader = reader;
    all->again = loop_timer_once(worker_loop(w), AGAIN_MS, on_again, all);
    all->belt = loop_timer_every(worker_loop(w), BELT_MS, on_belt, all);
    return all;
}

bool old_streams_full(const struct old_streams *all)
{
    return all->n >= worker_config(all->worker)->streams_max;
}

void old_streams_open(struct old_streams *all, struct http_request *req,
                      const struct old_stream_ask *ask, const struct http_header *headers,
                      size_t n_headers)
{
    struct old_stream *s = mem_new(sizeof(*s));
    s->all = all;
    s->ask = *ask;
    s->sent_ms = clock_mono_ms();
    s->http = http_stream_start(req, headers, n_headers, on_closed, s);
    s->next = all->list;
    all->list = s;
    all->n++;
    s->more = true;
    set_again(all, 0);
}

void old_streams_free(struct old_streams *all)
{
    if (!all)
        return;
    for (struct old_stream *s = all->list; s; s = s->next)
        if (s->http)
            end_stream(s);
    unlink_over(all);
    loop_timer_free(all->again);
    loop_timer_free(all->belt);
    free(all);
}
