#include "runner_parts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "log.h"
#include "worker.h"
#include "writer.h"

/* When items take less time than a commit, so many ms of work are claimed ahead. */
#define AHEAD_US 15000

static bool is_cancelling(struct runner *r, const char *job_id)
{
    must(lock_held(&r->lock));
    for (int i = 0; i < r->n_cancelling; i++)
        if (strcmp(r->cancelling[i], job_id) == 0)
            return true;
    return false;
}

/* ---- the threads ---- */

/* Takes the next ready item. Returns false when the thread shall end. */
static bool next_item(struct seat *seat, struct item *ret, bool *ret_cancelled)
{
    struct runner *r = seat->runner;
    LOCK_SCOPE(&r->lock);
    while (r->n_ready == 0 && !r->stopping)
        (void)lock_wait(&r->lock, &r->work, 1000);
    if (r->n_ready == 0)
        return false;
    *ret = r->ready[r->ready_from];
    r->ready_from = (r->ready_from + 1) % READY_MAX;
    r->n_ready--;
    r->n_running++;
    memcpy(seat->job_id, ret->job_id, sizeof(seat->job_id));
    *ret_cancelled = is_cancelling(r, ret->job_id);
    seat->cancel = *ret_cancelled;
    return true;
}

static void item_over(struct seat *seat, int64_t took_us)
{
    struct runner *r = seat->runner;
    LOCK_SCOPE(&r->lock);
    seat->job_id[0] = '\0';
    seat->cancel = false;
    r->n_running--;
    r->mean_us = r->mean_us ? (r->mean_us * 7 + took_us) / 8 : took_us;
    if (r->n_running == 0 && r->n_ready == 0)
        pthread_cond_broadcast(&r->idle);
}

static void *thread_main(void *arg)
{
    struct seat *seat = arg;
    struct worker *w = seat->runner->worker;
    char name[16];
    (void)snprintf(name, sizeof(name), "lb-pool-%d", seat->index);
    (void)pthread_setname_np(pthread_self(), name);
    struct err err = {0};
    struct store_reader *reader = worker_reader_open(w, &err);
    if (!reader) {
        log_error("pool thread failed", "thread=%s error=%s", name, LOG_QUOTE(err.msg));
        abort(); /* the master starts another worker */
    }
    struct item it;
    bool is_cancelled;
    while (next_item(seat, &it, &is_cancelled)) {
        int64_t start = clock_mono_us();
        if (is_cancelled) {
            struct item_done done = {
                .item = it, .outcome = ITEM_CANCELLED, .finished_at = clock_wall_s()};
            writer_finish(worker_writer(w), &done);
        } else {
            runner_run_item(seat, reader, &it);
        }
        item_over(seat, clock_mono_us() - start);
    }
    worker_reader_close(reader);
    return NULL;
}

struct runner *runner_new(struct worker *w)
{
    struct runner *r = mem_new(sizeof(*r));
    r->worker = w;
    r->n_seats = (int)worker_config(w)->threads;
    r->seats = mem_new(sizeof(*r->seats) * (size_t)r->n_seats);
    lock_init(&r->lock, RANK_POOL);
    cond_init(&r->work);
    cond_init(&r->idle);
    return r;
}

void runner_start(struct runner *r)
{
    for (int i = 0; i < r->n_seats; i++) {
        r->seats[i].runner = r;
        r->seats[i].index = i;
        must(pthread_create(&r->seats[i].thread, NULL, thread_main, &r->seats[i]) == 0);
    }
    LOCK_SCOPE(&r->lock);
    r->started = true;
}

/* While the library takes no writes one file is tried, from time to time. */
static int max_files(struct runner *r, int64_t now_ms)
{
    if (!r->hold_until_ms)
        return 0;
    if (now_ms < r->hold_until_ms)
        return CLAIM_NO_FILES;
    r->hold_until_ms = now_ms + HOLD_MS;
    return 1;
}

int runner_wanted(struct runner *r, int *ret_max_files)
{
    LOCK_SCOPE(&r->lock);
    int64_t now_ms = clock_mono_ms();
    if (!r->started || r->draining)
        return 0;
    int64_t ahead = 0;
    if (r->mean_us > 0 && r->mean_us < AHEAD_US)
        ahead = r->n_seats * AHEAD_US / r->mean_us;
    if (now_ms < r->poor_until_ms)
        return 0;
    int64_t want = r->n_seats + ahead;
    if (want > READY_MAX)
        want = READY_MAX;
    want -= r->n_ready + r->n_running;
    if (want <= 0)
        return 0;
    *ret_max_files = max_files(r, now_ms);
    return (int)want;
}

bool runner_add(struct runner *r, struct item *items, int n)
{
    LOCK_SCOPE(&r->lock);
    if (r->draining)
        return false;
    must(r->n_ready + n <= READY_MAX);
    for (int i = 0; i < n; i++) {
        r->ready[(r->ready_from + r->n_ready) % READY_MAX] = items[i];
        r->n_ready++;
        items[i] = (struct item){0};
    }
    pthread_cond_broadcast(&r->work);
    return true;
}

int runner_load(struct runner *r)
{
    LOCK_SCOPE(&r->lock);
    return r->n_ready + r->n_running;
}

void runner_set_cancelling(struct runner *r, char (*job_ids)[UUID_SIZE], int n)
{
    LOCK_SCOPE(&r->lock);
    r->n_cancelling = n < MAX_CANCELLING ? n : MAX_CANCELLING;
    memcpy(r->cancelling, job_ids, (size_t)r->n_cancelling * UUID_SIZE);
    for (int i = 0; i < r->n_seats; i++)
        if (r->seats[i].job_id[0] && is_cancelling(r, r->seats[i].job_id))
            r->seats[i].cancel = true;
}

static bool is_listed(const char *job_id, char (*job_ids)[UUID_SIZE], int n)
{
    for (int i = 0; i < n; i++)
        if (strcmp(job_ids[i], job_id) == 0)
            return true;
    return false;
}

void runner_set_paused(struct runner *r, char (*job_ids)[UUID_SIZE], int n)
{
    struct item back[READY_MAX];
    int n_back = 0;
    if (n > 0) {
        LOCK_SCOPE(&r->lock);
        int n_before = r->n_ready;
        r->n_ready = 0;
        for (int i = 0; i < n_before; i++) { /* once around: what stays keeps its order */
            struct item it = r->ready[(r->ready_from + i) % READY_MAX];
            if (is_listed(it.job_id, job_ids, n))
                back[n_back++] = it;
            else
                r->ready[(r->ready_from + r->n_ready++) % READY_MAX] = it;
        }
        if (r->n_running == 0 && r->n_ready == 0)
            pthread_cond_broadcast(&r->idle);
    }
    for (int i = 0; i < n_back; i++)
        writer_return(worker_writer(r->worker), &back[i], false);
}

void runner_drain(struct runner *r)
{
    struct item back[READY_MAX];
    int n = 0;
    {
        LOCK_SCOPE(&r->lock);
        r->draining = true;
        for (; r->n_ready > 0; r->n_ready--) {
            back[n++] = r->ready[r->ready_from];
            r->ready_from = (r->ready_from + 1) % READY_MAX;
        }
        if (r->n_running == 0)
            pthread_cond_broadcast(&r->idle);
    }
    for (int i = 0; i < n; i++)
        writer_return(worker_writer(r->worker), &back[i], false);
}

bool runner_wait_idle(struct runner *r, int64_t ms)
{
    int64_t until = clock_mono_ms() + ms;
    LOCK_SCOPE(&r->lock);
    while (r->n_ready + r->n_running > 0) {
        int64_t left = until - clock_mono_ms();
        if (left <= 0)
            return false;
        (void)lock_wait(&r->lock, &r->idle, left);
    }
    return true;
}

void runner_stop(struct runner *r)
{
    {
        LOCK_SCOPE(&r->lock);
        r->stopping = true;
        pthread_cond_broadcast(&r->work);
    }
    for (int i = 0; i < r->n_seats; i++)
        must(pthread_join(r->seats[i].thread, NULL) == 0);
}

void runner_free(struct runner *r)
{
    lock_clear(&r->lock);
    free(r->seats);
    free(r);
}
