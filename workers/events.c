#include "events.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "board.h"
#include "clock.h"
#include "fault.h"
#include "held.h"
#include "http.h"
#include "log.h"
#include "loop.h"
#include "store.h"
#include "strbuf.h"
#include "uuid.h"
#include "worker.h"

#define READ_MAX       256          /* rows in one look at the store */
#define BACKLOG_MAX    (256 * 1024) /* bytes a subscriber may be behind before it is slow */
#define SLOW_DROP_MS   30000
#define REPLAY_MAX     2000 /* a subscriber that missed more gets the newest state */
#define STATE_JOBS_MAX 256  /* jobs in one state */
#define BELT_MS        250  /* the look without a bell */
#define TICK_MS        500

struct subscriber {
    struct events *events;
    struct subscriber *next;
    struct http_stream *stream;
    char job_id[UUID_SIZE]; /* only events of this job; "" = all */
    char address[64];
    int64_t last_id; /* has everything up to here */
    int64_t sent_ms, end_ms;
    int64_t slow_since_ms; /* 0 = keeps up */
    size_t slow_backlog;
    bool gone;
};

struct events {
    struct worker *worker;
    struct store_reader *reader;
    struct board_slot *slot;
    struct subscriber *subscribers;
    uint32_t n;
    int64_t last_id; /* everything up to here was handed out */
    int64_t data_version;
    const char *held; /* what subscribers were told; NULL = nothing is held */
    bool draining;
    struct loop_timer *belt, *tick;
};

/* ---- frames ---- */

static void frame(struct strbuf *out, int64_t id, const char *type, const char *data, double at)
{
    strbuf_reset(out);
    strbuf_addf(out, "id: %lld\ndata: {\"type\": \"%s\", \"data\": %s, \"timestamp\": %.3f}\n\n",
                (long long)id, type, data, at);
}

static void job_frame(struct strbuf *out, const struct job *j, int64_t id, bool reset)
{
    double now = clock_wall_s();
    json_t *o = job_to_event_json(j, now);
    if (reset)
        (void)json_object_set_new(o, "reset", json_true());
    char *text LB_CLEANUP(mem_free) = json_dumps(o, JSON_TEXT_FLAGS);
    json_decref(o);
    must(text != NULL);
    frame(out, id, "job_updated", text, now);
}

static void send_bytes(struct subscriber *s, const char *bytes, size_t len)
{
    http_stream_send(s->stream, bytes, len);
    s->sent_ms = clock_mono_ms();
}

/*
 * What the service itself has to say. It has no id, because it may be about a database that cannot be written; who
 * comes later is told at the start of its stream.
 */
static void send_held(struct subscriber *s, const char *held)
{
    struct strbuf out LB_CLEANUP(strbuf_clear) = {0};
    char quoted[80] = "null";
    if (held)
        (void)snprintf(quoted, sizeof(quoted), "\"%s\"", held);
    strbuf_addf(&out,
                "data: {\"type\": \"service\", \"data\": {\"held\": %s}, \"timestamp\": %.3f}\n\n",
                quoted, clock_wall_s());
    send_bytes(s, out.data, out.len);
}

/* Tells all when jobs are held, and when they go on. */
static void look_held(struct events *e)
{
    const char *held = held_reason(worker_board(e->worker));
    if (held == e->held) /* constant texts */
        return;
    e->held = held;
    for (struct subscriber *s = e->subscribers; s; s = s->next)
        if (!s->gone && !s->slow_since_ms)
            send_held(s, held);
}

static bool wants(const struct subscriber *s, const char *job_id)
{
    return !s->job_id[0] || (job_id && strcmp(s->job_id, job_id) == 0);
}

/* ---- the newest state, for those who start or missed too much ---- */

/*
 * Sends the state of every job that changed after `after` (-1: of every unfinished one), and remembers the newest
 * event id of that same moment.
 */
static int send_state(struct subscriber *s, int64_t after, bool reset, struct err *err)
{
    struct db *db = store_reader_db(s->events->reader, GATE_JOBS);
    struct job *jobs LB_CLEANUP(mem_free) = mem_new(sizeof(*jobs) * STATE_JOBS_MAX);
    int64_t oldest, newest;
    if (store_read_begin(db, err) < 0)
        return -1;
    int n = -1;
    if (store_event_range(db, &oldest, &newest, err) == 0) {
        struct job_filter f = {.only_active = true, .status = JOB__COUNT};
        if (s->job_id[0]) /* its state, also when it has ended */
            n = store_job_get(db, s->job_id, jobs, err);
        else if (after < 0)
            n = store_job_list(db, &f, jobs, STATE_JOBS_MAX, err);
        else
            n = store_jobs_changed(db, after, jobs, STATE_JOBS_MAX, err);
    }
    store_read_end(db);
    if (n < 0)
        return -1;
    s->last_id = newest;
    struct strbuf out LB_CLEANUP(strbuf_clear) = {0};
    for (int i = 0; i < n; i++) {
        job_frame(&out, &jobs[i], newest, reset);
        send_bytes(s, out.data, out.len);
    }
    return 0;
}

struct replay {
    struct subscriber *subscriber;
    struct strbuf out;
};

static void replay_one(void *ctx, const struct event_row *e)
{
    struct replay *r = ctx;
    r->subscriber->last_id = e->id;
    if (!wants(r->subscriber, e->job_id))
        return;
    frame(&r->out, e->id, e->type, e->data, e->at);
    send_bytes(r->subscriber, r->out.data, r->out.len);
}

/* Sends everything after `last`; when that is too far back, the newest state of what changed since. */
static int replay(struct subscriber *s, int64_t last, struct err *err)
{
    struct db *db = store_reader_db(s->events->reader, GATE_JOBS);
    int64_t oldest, newest;
    if (store_event_range(db, &oldest, &newest, err) < 0)
        return -1;
    if (last > newest) /* ids of another state folder */
        return send_state(s, -1, true, err);
    if (last < newest && (oldest == 0 || last + 1 < oldest || newest - last > REPLAY_MAX))
        return send_state(s, last, true, err);
    struct replay r = {.subscriber = s};
    s->last_id = last;
    int n = store_events(db, last, REPLAY_MAX, replay_one, &r, err);
    strbuf_clear(&r.out);
    return n < 0 ? -1 : 0;
}

/* ---- subscribers ---- */

static void unlink_gone(struct events *e)
{
    for (struct subscriber **p = &e->subscribers; *p;) {
        struct subscriber *s = *p;
        if (!s->gone) {
            p = &s->next;
            continue;
        }
        *p = s->next;
        e->n--;
        free(s);
    }
    e->slot->subscribers = e->n;
}

static void on_closed(void *ctx)
{
    struct subscriber *s = ctx;
    s->gone = true; /* the next look or tick removes it */
    s->stream = NULL;
}

static void end_stream(struct subscriber *s)
{
    if (s->gone)
        return;
    http_stream_end(s->stream);
    on_closed(s);
}

static uint32_t count_address(const struct events *e, const char *address)
{
    uint32_t n = 0;
    for (const struct subscriber *s = e->subscribers; s; s = s->next)
        n += !s->gone && strcmp(s->address, address) == 0;
    return n;
}

static struct http_stream *start_stream(struct events *e, struct http_request *req,
                                        struct subscriber *s)
{
    char slot[16], request_id[UUID_SIZE];
    uuid_new(request_id);
    (void)snprintf(slot, sizeof(slot), "%d", worker_slot(e->worker));
    const struct http_header headers[] = {
        {"Content-Type", "text/event-stream"},
        {"Cache-Control", "no-cache"},
        {"X-Accel-Buffering", "no"},
        {"X-Compress-Hint", "off"}, /* h2o takes it out again; brotli would hold every event back */
        {"X-Content-Type-Options", "nosniff"},
        {"X-Longbox-Worker", slot},
        {"X-Request-Id", request_id},
    };
    return http_stream_start(req, headers, ARRAY_LEN(headers), on_closed, s);
}

/* An event stream must never be answered with 503: browsers do not come back after one. */
static void refuse(struct events *e, struct http_request *req)
{
    struct subscriber *s = mem_new(sizeof(*s));
    s->events = e;
    struct http_stream *stream = start_stream(e, req, s);
    static const char text[] = ": too many streams, poll instead\n\nretry: 60000\n\n";
    http_stream_send(stream, text, sizeof(text) - 1);
    http_stream_end(stream);
    free(s);
}

static int64_t parse_id(const char *text)
{
    if (!text || !*text)
        return -1;
    char *end;
    errno = 0;
    long long v = strtoll(text, &end, 10);
    return *end || errno || v < 0 ? -1 : v;
}

static void answer_no_job(struct http_request *req)
{
    static const struct http_header headers[] = {{"Content-Type", "application/json"},
                                                 {"Cache-Control", "no-store"}};
    static const char body[] = "{\"error\":\"Job not found\",\"code\":\"not_found\"}";
    http_respond(req, 404, headers, ARRAY_LEN(headers), body, sizeof(body) - 1);
}

/* Is there such a job? Its id in lower case. */
static bool known_job(struct events *e, const char *text, char ret[UUID_SIZE])
{
    struct job job;
    struct err err = {0};
    if (!uuid_valid(text))
        return false;
    uuid_lower(text, ret);
    return store_job_get(store_reader_db(e->reader, GATE_JOBS), ret, &job, &err) != 0;
}

void events_subscribe(struct events *e, struct http_request *req, const char *last_event_id,
                      const char *job_id, const char *address)
{
    const struct config *c = worker_config(e->worker);
    char only[UUID_SIZE] = "";
    unlink_gone(e);
    if (!address)
        address = "";
    if (job_id && *job_id && !known_job(e, job_id, only)) {
        answer_no_job(req);
        return;
    }
    bool full =
        e->n >= c->streams_max || (*address && count_address(e, address) >= c->streams_per_address);
    if (full || e->draining) {
        refuse(e, req);
        return;
    }
    struct subscriber *s = mem_new(sizeof(*s));
    s->events = e;
    memcpy(s->job_id, only, sizeof(s->job_id));
    (void)snprintf(s->address, sizeof(s->address), "%s", address);
    /* Ends by itself, at a different time for each, so that reconnects spread. */
    int64_t fifth = c->stream_max_s * 1000 / 5;
    s->end_ms = clock_mono_ms() + c->stream_max_s * 1000 - fifth +
                (fifth ? clock_mono_us() % (2 * fifth) : 0);
    s->stream = start_stream(e, req, s);
    char first[64];
    int n = snprintf(first, sizeof(first), ": heartbeat\n\nretry: %lld\n\n",
                     (long long)c->reconnect_delay_ms);
    send_bytes(s, first, (size_t)n);
    s->next = e->subscribers;
    e->subscribers = s;
    e->n++;
    e->slot->subscribers = e->n;
    if (e->held)
        send_held(s, e->held);
    struct err err = {0};
    int64_t last = parse_id(last_event_id);
    if ((last < 0 ? send_state(s, -1, false, &err) : replay(s, last, &err)) < 0) {
        log_warn("stream failed", "error=%s note=\"the client comes back\"", LOG_QUOTE(err.msg));
        end_stream(s);
    }
}

/* ---- what is new ---- */

struct fan_out {
    struct events *events;
    struct strbuf out;
    int64_t last_id;
    double oldest_at;
};

static void fan_out_one(void *ctx, const struct event_row *row)
{
    struct fan_out *f = ctx;
    fault_hit("event_fan_out");
    f->last_id = row->id;
    if (f->oldest_at == 0)
        f->oldest_at = row->at;
    if (!f->events->subscribers)
        return;
    frame(&f->out, row->id, row->type, row->data, row->at);
    for (struct subscriber *s = f->events->subscribers; s; s = s->next) {
        if (s->gone || s->slow_since_ms || row->id <= s->last_id)
            continue;
        size_t backlog = http_stream_backlog(s->stream);
        if (backlog > BACKLOG_MAX) {
            s->slow_since_ms = clock_mono_ms();
            s->slow_backlog = backlog;
            f->events->slot->slow_clients++;
            continue;
        }
        s->last_id = row->id;
        if (!wants(s, row->job_id))
            continue;
        send_bytes(s, f->out.data, f->out.len);
        f->events->slot->events_sent++;
    }
}

/* Returns how many rows there were; *ret_oldest_at is the time of the first. */
static int pump(struct events *e, double *ret_oldest_at)
{
    struct fan_out f = {.events = e, .last_id = e->last_id};
    struct err err = {0};
    int total = 0, n;
    do {
        n = store_events(store_reader_db(e->reader, GATE_JOBS), e->last_id, READ_MAX, fan_out_one,
                         &f, &err);
        if (n > 0)
            total += n;
        e->last_id = f.last_id;
    } while (n == READ_MAX);
    if (n < 0)
        log_error("CRITICAL: Failed to broadcast progress update", "error=%s retry_ms=%d",
                  LOG_QUOTE(err.msg), BELT_MS);
    strbuf_clear(&f.out);
    *ret_oldest_at = f.oldest_at;
    e->slot->last_event_id = e->last_id;
    unlink_gone(e);
    return total;
}

void events_look(struct events *e)
{
    double at;
    (void)pump(e, &at);
}

/* The belt: finds what no bell told of, as when a worker dies between its commit and the bell. */
static void on_belt(void *ctx)
{
    struct events *e = ctx;
    int64_t v = store_data_version(store_reader_db(e->reader, GATE_JOBS));
    if (v == e->data_version)
        return;
    e->data_version = v;
    double at = 0;
    if (pump(e, &at) > 0 && clock_wall_s() - at > BELT_MS / 1000.0)
        e->slot->doorbell_misses++;
}

/* A slow subscriber that has taken everything gets the newest state; one that takes nothing is dropped. */
static void tend_slow(struct subscriber *s, int64_t now)
{
    struct err err = {0};
    size_t backlog = http_stream_backlog(s->stream);
    if (backlog == 0) {
        s->slow_since_ms = 0;
        if (send_state(s, s->last_id, true, &err) < 0)
            end_stream(s);
    } else if (backlog < s->slow_backlog) {
        s->slow_backlog = backlog;
        s->slow_since_ms = now;
    } else if (now - s->slow_since_ms > SLOW_DROP_MS) {
        s->events->slot->dropped_clients++;
        end_stream(s);
    }
}

static void on_tick(void *ctx)
{
    struct events *e = ctx;
    int64_t now = clock_mono_ms();
    look_held(e);
    int64_t heartbeat_ms = worker_config(e->worker)->heartbeat_s * 1000;
    static const char heartbeat[] = ": heartbeat\n\n";
    for (struct subscriber *s = e->subscribers; s; s = s->next) {
        if (s->gone)
            continue;
        if (now >= s->end_ms) {
            end_stream(s);
            continue;
        }
        if (s->slow_since_ms)
            tend_slow(s, now);
        if (!s->gone && !s->slow_since_ms && now - s->sent_ms >= heartbeat_ms - TICK_MS / 2)
            send_bytes(s, heartbeat, sizeof(heartbeat) - 1);
    }
    unlink_gone(e);
}

int events_start(struct worker *w, struct store_reader *reader, struct events **ret,
                 struct err *err)
{
    int64_t oldest, newest;
    if (store_event_range(store_reader_db(reader, GATE_JOBS), &oldest, &newest, err) < 0)
        return -1;
    struct events *e = mem_new(sizeof(*e));
    e->worker = w;
    e->reader = reader;
    e->slot = &worker_board(w)->slots[worker_slot(w)];
    e->last_id = newest;
    e->slot->last_event_id = newest;
    e->slot->subscribers = 0;
    e->belt = loop_timer_every(worker_loop(w), BELT_MS, on_belt, e);
    e->tick = loop_timer_every(worker_loop(w), TICK_MS, on_tick, e);
    *ret = e;
    return 0;
}

void events_drain(struct events *e)
{
    e->draining = true;
    for (struct subscriber *s = e->subscribers; s; s = s->next)
        end_stream(s);
    unlink_gone(e);
}

void events_free(struct events *e)
{
    if (!e)
        return;
    events_drain(e);
    loop_timer_free(e->belt);
    loop_timer_free(e->tick);
    free(e);
}
