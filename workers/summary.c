#include "summary.h"

#include <stdio.h>
#include <string.h>

#define WIDTH_FIRST_S 0.125

void summary_init(struct summary *s, const char *job_id, double started_at)
{
    *s = (struct summary){.start = started_at, .width = WIDTH_FIRST_S};
    (void)snprintf(s->job_id, sizeof(s->job_id), "%s", job_id);
}

/* Two neighbours become one. */
static void widen(struct summary *s)
{
    for (int i = 0; i < SUMMARY_BUCKETS; i++) {
        bool here = i < SUMMARY_BUCKETS / 2;
        s->ok[i] = here ? s->ok[2 * i] + s->ok[2 * i + 1] : 0;
        s->failed[i] = here ? s->failed[2 * i] + s->failed[2 * i + 1] : 0;
    }
    s->n_buckets = (s->n_buckets + 1) / 2;
    s->width *= 2;
}

static void add_time(struct summary *s, const struct job_result *r)
{
    double after = r->finished_at - s->start;
    if (!(after > 0)) /* the wall clock was set back */
        after = 0;
    while (after >= s->width * SUMMARY_BUCKETS)
        widen(s);
    int at = (int)(after / s->width);
    if (at >= s->n_buckets)
        s->n_buckets = at + 1;
    (r->success ? s->ok : s->failed)[at]++;
}

static void add_slow(struct summary *s, const struct job_result *r, double seconds)
{
    int at = s->n_slowest;
    while (at > 0 && s->slowest[at - 1].seconds < seconds)
        at--;
    if (at == SUMMARY_SLOWEST)
        return;
    if (s->n_slowest < SUMMARY_SLOWEST)
        s->n_slowest++;
    memmove(&s->slowest[at + 1], &s->slowest[at],
            sizeof(s->slowest[0]) * (size_t)(s->n_slowest - 1 - at));
    s->slowest[at] = (struct summary_slow){r->id, seconds};
}

static void add_reason(struct summary *s, const struct job_result *r)
{
    char reason[REASON_SIZE];
    reason_of(r->message ? r->message : "", r->path, reason);
    int i = 0;
    while (i < s->n_reasons && strcmp(s->reasons[i].reason, reason) != 0)
        i++;
    if (i == SUMMARY_REASONS) {
        s->n_other++;
        return;
    }
    struct summary_reason *to = &s->reasons[i];
    if (i == s->n_reasons) {
        s->n_reasons++;
        memcpy(to->reason, reason, sizeof(reason));
    }
    if (to->n < SUMMARY_EXAMPLES)
        to->examples[to->n] = r->id;
    to->n++;
}

void summary_add(struct summary *s, const struct job_result *r)
{
    if (r->id <= s->last)
        return;
    s->last = r->id;
    if (s->start <= 0) /* its beginning was not known yet */
        s->start = r->started_at;
    double seconds = r->finished_at - r->started_at;
    if (!(seconds > 0))
        seconds = 0;
    s->busy += seconds;
    add_time(s, r);
    add_slow(s, r, seconds);
    if (!r->success)
        add_reason(s, r);
}
