#include "drive.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "lock.h"

struct drive {
    TAILQ_ENTRY(drive) links;
    struct drives *drives;
    char job_id[UUID_SIZE];
    struct drive_view view;
};

struct drives {
    struct lock lock;                   /* RANK_LEAF; guards the list and what is in it */
    TAILQ_HEAD(drive_list, drive) list; /* in the order of asking */
    _Atomic size_t n_running;
};

struct drives *drives_new(void)
{
    struct drives *d = mem_new(sizeof(*d));
    lock_init(&d->lock, RANK_LEAF);
    TAILQ_INIT(&d->list);
    return d;
}

void drives_free(struct drives *d)
{
    if (!d)
        return;
    must(TAILQ_EMPTY(&d->list));
    lock_clear(&d->lock);
    free(d);
}

static void set_state(struct drive *one, enum drive_state state)
{
    must(lock_held(&one->drives->lock));
    if (one->view.state == DRIVE_RUNS)
        one->drives->n_running--;
    if (state == DRIVE_RUNS)
        one->drives->n_running++;
    one->view.state = state;
}

struct drive *drive_begin(struct drives *d, const char *job_id)
{
    struct drive *one = mem_new(sizeof(*one));
    one->drives = d;
    memcpy(one->job_id, job_id, sizeof(one->job_id));
    LOCK_SCOPE(&d->lock);
    TAILQ_INSERT_TAIL(&d->list, one, links);
    return one;
}

void drive_look(struct drive *one, struct drive_view *ret)
{
    LOCK_SCOPE(&one->drives->lock);
    *ret = one->view;
}

void drive_end(struct drive *one)
{
    {
        LOCK_SCOPE(&one->drives->lock);
        set_state(one, DRIVE_DONE);
        TAILQ_REMOVE(&one->drives->list, one, links);
    }
    free(one);
}

/* Counts those that wait, by job; with `take` they claim. */
static int demands(struct drives *d, struct claim_demand *ret, bool take)
{
    int n = 0;
    struct drive *one;
    LOCK_SCOPE(&d->lock);
    TAILQ_FOREACH(one, &d->list, links)
    {
        if (one->view.state != DRIVE_WAITS)
            continue;
        int i = 0;
        while (i < n && strcmp(ret[i].job_id, one->job_id) != 0)
            i++;
        if (i == STORE_DEMANDS_MAX)
            continue; /* in the next round */
        if (i == n) {
            ret[n].n = 0;
            memcpy(ret[n++].job_id, one->job_id, UUID_SIZE);
        }
        ret[i].n++;
        if (take)
            set_state(one, DRIVE_CLAIMS);
    }
    return n;
}

int drives_demands(struct drives *d, struct claim_demand *ret)
{
    return demands(d, ret, false);
}

int drives_take(struct drives *d, struct claim_demand *ret)
{
    return demands(d, ret, true);
}

void drives_claimed(struct drives *d, const struct item *it)
{
    struct drive *one;
    LOCK_SCOPE(&d->lock);
    TAILQ_FOREACH(one, &d->list, links)
    {
        if (one->view.state != DRIVE_CLAIMS || strcmp(one->job_id, it->job_id) != 0)
            continue;
        one->view.seq = it->seq;
        set_state(one, DRIVE_RUNS);
        return;
    }
}

void drives_release(struct drives *d)
{
    struct drive *one;
    LOCK_SCOPE(&d->lock);
    TAILQ_FOREACH(one, &d->list, links)
    {
        if (one->view.state == DRIVE_CLAIMS)
            set_state(one, DRIVE_WAITS);
    }
}

size_t drives_running(const struct drives *d)
{
    return d->n_running;
}

struct drive_result *drive_results_add(struct drive_results *r, const struct item *it)
{
    if (r->n == r->cap) {
        r->cap = r->cap ? r->cap * 2 : 16;
        r->list = realloc(r->list, r->cap * sizeof(*r->list));
        must(r->list != NULL);
    }
    struct drive_result *one = &r->list[r->n++];
    *one = (struct drive_result){.seq = it->seq};
    memcpy(one->job_id, it->job_id, sizeof(one->job_id));
    return one;
}

void drive_results_clear(struct drive_results *r)
{
    free(r->list);
    *r = (struct drive_results){0};
}

static struct drive *find_running(struct drives *d, const struct drive_result *r)
{
    must(lock_held(&d->lock));
    struct drive *one;
    TAILQ_FOREACH(one, &d->list, links)
    {
        if (one->view.state == DRIVE_RUNS && one->view.seq == r->seq &&
            strcmp(one->job_id, r->job_id) == 0)
            return one;
    }
    return NULL;
}

void drives_tell(struct drives *d, const struct drive_results *results)
{
    LOCK_SCOPE(&d->lock);
    for (size_t i = 0; i < results->n; i++) {
        const struct drive_result *r = &results->list[i];
        struct drive *one = find_running(d, r);
        if (!one)
            continue; /* its call went away */
        set_state(one, r->returned ? DRIVE_WAITS : DRIVE_DONE);
        if (r->returned)
            continue;
        one->view.outcome = r->outcome;
        one->view.job = r->job;
        memcpy(one->view.message, r->message, sizeof(one->view.message));
    }
}
