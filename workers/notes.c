#include "notes.h"

#include <stdlib.h>

#include "log.h"

static struct note *add(struct notes *n, enum note_kind kind, const struct job *j)
{
    if (n->n == n->cap) {
        n->cap = n->cap ? n->cap * 2 : 16;
        n->list = realloc(n->list, n->cap * sizeof(*n->list));
        must(n->list != NULL);
    }
    struct note *note = &n->list[n->n++];
    *note = (struct note){.kind = kind, .job = *j};
    return note;
}

void notes_started(void *ctx, const struct job *j)
{
    (void)add(ctx, NOTE_STARTED, j);
}

void notes_resumed(void *ctx, const struct job *j, int64_t items)
{
    if (job_status_is_final(j->status)) /* its last item was given up */
        notes_ended(ctx, j);
    else
        add(ctx, NOTE_RESUMED, j)->items = items;
}

void notes_counted(struct notes *n, const struct job *j)
{
    bool ended = job_status_is_final(j->status);
    int64_t step = j->total <= 10000 ? 10 : j->total / 1000;
    if (ended || j->processed % step == 0)
        (void)add(n, NOTE_PROGRESS, j);
    if (ended)
        notes_ended(n, j);
}

void notes_ended(struct notes *n, const struct job *j)
{
    (void)add(n, NOTE_ENDED, j);
}

void notes_created(struct notes *n, const struct job *j)
{
    (void)add(n, NOTE_CREATED, j);
}

void notes_not_followed(struct notes *n, const struct job *j)
{
    (void)add(n, NOTE_NOT_FOLLOWED, j);
}

static void log_created(const struct job *j)
{
    log_info("job created", "job=%s op=%s items=%lld title=%s%s%s", j->job_id, j->operation,
             (long long)j->total, LOG_QUOTE(j->title), j->parent[0] ? " parent=" : "", j->parent);
    if (j->made_active)
        log_info("active job set", "job=%s title=%s", j->job_id, LOG_QUOTE(j->title));
}

static void log_note(const struct note *note)
{
    const struct job *j = &note->job;
    switch (note->kind) {
    case NOTE_CREATED:
        log_created(j);
        break;
    case NOTE_NOT_FOLLOWED:
        log_error("follow-up not made",
                  "job=%s follow_up=%s note=\"operation not known, or too many\"", j->job_id,
                  LOG_QUOTE(j->follow_up));
        break;
    case NOTE_STARTED:
        log_info("job starting", "job=%s op=%s items=%lld title=%s", j->job_id, j->operation,
                 (long long)j->total, LOG_QUOTE(j->title));
        break;
    case NOTE_PROGRESS:
        log_info("job progress", "job=%s processed=%lld total=%lld ok=%lld errors=%lld", j->job_id,
                 (long long)j->processed, (long long)j->total, (long long)j->success,
                 (long long)j->errors);
        break;
    case NOTE_ENDED:
        log_info(j->status == JOB_CANCELLED ? "job cancelled" : "job completed",
                 "job=%s status=%s total=%lld ok=%lld errors=%lld cancelled=%lld seconds=%.3f",
                 j->job_id, job_status_name(j->status), (long long)j->total, (long long)j->success,
                 (long long)j->errors, (long long)j->cancelled,
                 j->started_at > 0 ? j->completed_at - j->started_at : 0.0);
        if (j->was_active)
            log_info("active job cleared", "job=%s", j->job_id);
        break;
    case NOTE_RESUMED:
        log_info("job resumed", "job=%s op=%s processed=%lld total=%lld given_back=%lld", j->job_id,
                 j->operation, (long long)j->processed, (long long)j->total,
                 (long long)note->items);
        break;
    }
}

void notes_log(struct notes *n)
{
    for (size_t i = 0; i < n->n; i++)
        log_note(&n->list[i]);
    notes_clear(n);
}

void notes_clear(struct notes *n)
{
    free(n->list);
    *n = (struct notes){0};
}
