#include "downloads.h"

#include <stdlib.h>

#include "clock.h"
#include "http.h"
#include "log.h"
#include "loop.h"
#include "results_text.h"
#include "store.h"
#include "worker.h"

#define OPEN_MAX    16
#define ROWS_MAX    500 /* in one look, some 5 ms: the loop has other things to do */
#define BACKLOG_MAX (256 * 1024)
#define AGAIN_MS    5

struct download {
    struct downloads *all;
    struct download *next;
    struct http_stream *http; /* NULL: it is over */
    struct download_ask ask;
    bool begun;
    int64_t last; /* the last one that went out */
    struct strbuf out;
};

struct downloads {
    struct worker *worker;
    struct store_reader *reader;
    struct download *list;
    struct loop_timer *again;
    _Atomic int n;
};

static void on_closed(void *download)
{
    struct download *d = download;
    log_debug("download closed", "job=%s sent=%lld", d->ask.job_id, (long long)d->last);
    d->http = NULL; /* the next look removes it */
}

static void unlink_over(struct downloads *all)
{
    for (struct download **p = &all->list; *p;) {
        struct download *d = *p;
        if (d->http) {
            p = &d->next;
            continue;
        }
        *p = d->next;
        strbuf_clear(&d->out);
        free(d);
        all->n--;
    }
}

static void cut(struct download *d, const char *why)
{
    log_warn("download cut off", "job=%s sent=%lld reason=%s", d->ask.job_id, (long long)d->last,
             LOG_QUOTE(why));
    http_stream_cut(d->http);
    d->http = NULL;
}

static void begin(struct download *d, const struct job *job)
{
    d->begun = true;
    if (d->ask.format == DOWNLOAD_CSV) {
        results_csv_head(&d->out);
        return;
    }
    json_t *o = job_to_json(job, clock_wall_s());
    char *text LB_CLEANUP(mem_free) = json_dumps(o, JSON_TEXT_FLAGS);
    json_decref(o);
    must(text != NULL);
    strbuf_addf(&d->out, "{\"job\":%s,\n\"results\":[", text);
}

static int add_row(void *ctx, const struct job_result *r, struct err *err)
{
    (void)err;
    struct download *d = ctx;
    if (r->id > d->ask.upto)
        return 0;
    if (d->ask.format == DOWNLOAD_CSV) {
        results_csv_row(&d->out, r);
    } else {
        strbuf_adds(&d->out, d->last > 0 ? ",\n" : "\n");
        results_json_row(&d->out, r);
    }
    d->last = r->id;
    return 0;
}

/* Sends the next part, in one state of the database. 1 = that was the last one, 0 = there is more. */
static int step(struct download *d, struct db *db, struct err *err)
{
    struct job job;
    int rc = store_job_get(db, d->ask.job_id, &job, err);
    if (rc < 0)
        return -1;
    if (rc == 0)
        return err_set(err, ERR_NOT_FOUND, "the job was deleted");
    if (!d->begun)
        begin(d, &job);
    int64_t before = d->last;
    if (d->last < d->ask.upto &&
        store_results(db, d->ask.job_id, d->last, 0, NULL, ROWS_MAX, add_row, d, err) < 0)
        return -1;
    /* Results are numbered without gaps, but for those that a damaged database has lost. */
    bool over = d->last >= d->ask.upto || d->last == before;
    if (over && d->ask.format == DOWNLOAD_JSON)
        strbuf_adds(&d->out, "\n]}\n");
    if (d->out.len > 0)
        http_stream_send(d->http, d->out.data, d->out.len);
    strbuf_reset(&d->out);
    return over;
}

static void look(struct download *d)
{
    struct db *db = store_reader_db(d->all->reader, GATE_JOBS);
    struct err err = {0};
    if (http_stream_backlog(d->http) > BACKLOG_MAX)
        return;
    int rc = store_read_begin(db, &err);
    if (rc == 0) {
        rc = step(d, db, &err);
        store_read_end(db);
    }
    if (rc < 0) {
        cut(d, err.msg);
    } else if (rc == 1) {
        http_stream_end(d->http);
        d->http = NULL;
    }
}

static void on_again(void *ctx)
{
    struct downloads *all = ctx;
    unlink_over(all);
    for (struct download *d = all->list; d; d = d->next)
        if (d->http)
            look(d);
    unlink_over(all);
    if (all->list)
        loop_timer_set(all->again, AGAIN_MS);
}

/* ---- from outside ---- */

struct downloads *downloads_new(struct worker *w, struct store_reader *reader)
{
    struct downloads *all = mem_new(sizeof(*all));
    all->worker = w;
    all->reader = reader;
    all->again = loop_timer_once(worker_loop(w), AGAIN_MS, on_again, all);
    return all;
}

bool downloads_full(const struct downloads *all)
{
    return all->n >= OPEN_MAX;
}

void downloads_open(struct downloads *all, struct http_request *req, const struct download_ask *ask,
                    const struct http_header *headers, size_t n_headers)
{
    struct download *d = mem_new(sizeof(*d));
    d->all = all;
    d->ask = *ask;
    d->http = http_stream_start(req, headers, n_headers, on_closed, d);
    d->next = all->list;
    all->list = d;
    all->n++;
    loop_timer_set(all->again, 0);
}

void downloads_free(struct downloads *all)
{
    if (!all)
        return;
    for (struct download *d = all->list; d; d = d->next)
        if (d->http)
            cut(d, "the worker ends");
    unlink_over(all);
    loop_timer_free(all->again);
    free(all);
}
