#include "writer_batch.h"

#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "single.h"
#include "store_library.h"

/* Room for one more in a list of elements of `size` bytes. */
static void *grow(void *list, size_t n, size_t *cap, size_t size)
{
    if (n < *cap)
        return list;
    *cap = *cap ? *cap * 2 : 16;
    list = realloc(list, *cap * size);
    must(list != NULL);
    return list;
}

void item_done_list_add(struct item_done_list *l, struct item_done *d)
{
    l->list = grow(l->list, l->n, &l->cap, sizeof(*l->list));
    l->n_driven += d->item.driven;
    l->list[l->n++] = *d;
    *d = (struct item_done){0};
}

void item_done_list_prepend(struct item_done_list *l, struct item_done_list *first)
{
    for (size_t i = 0; i < l->n; i++)
        item_done_list_add(first, &l->list[i]);
    l->n = 0;
    item_done_list_clear(l);
    *l = *first;
    *first = (struct item_done_list){0};
}

void item_done_list_clear(struct item_done_list *l)
{
    for (size_t i = 0; i < l->n; i++)
        item_done_clear(&l->list[i]);
    free(l->list);
    *l = (struct item_done_list){0};
}

void item_return_list_add(struct item_return_list *l, struct item *it, bool counted)
{
    l->list = grow(l->list, l->n, &l->cap, sizeof(*l->list));
    l->list[l->n++] = (struct item_return){*it, counted};
    *it = (struct item){0};
}

void item_return_list_prepend(struct item_return_list *l, struct item_return_list *first)
{
    for (size_t i = 0; i < l->n; i++)
        item_return_list_add(first, &l->list[i].item, l->list[i].counted);
    l->n = 0;
    item_return_list_clear(l);
    *l = *first;
    *first = (struct item_return_list){0};
}

void item_return_list_clear(struct item_return_list *l)
{
    for (size_t i = 0; i < l->n; i++)
        item_clear(&l->list[i].item);
    free(l->list);
    *l = (struct item_return_list){0};
}

bool pace_take(struct pace *p, const char *job_id, int64_t now_ms)
{
    size_t at = 0; /* this job's place, else the one that was used longest ago */
    for (size_t i = 0; i < PACE_JOBS; i++) {
        if (strcmp(p->jobs[i].job_id, job_id) == 0) {
            at = i;
            break;
        }
        if (p->jobs[i].at_ms < p->jobs[at].at_ms)
            at = i;
    }
    if (strcmp(p->jobs[at].job_id, job_id) != 0) {
        memcpy(p->jobs[at].job_id, job_id, UUID_SIZE);
        p->jobs[at].tokens = PACE_EVENTS;
    } else {
        p->jobs[at].tokens += (double)(now_ms - p->jobs[at].at_ms) * PACE_EVENTS / 1000.0;
        if (p->jobs[at].tokens > PACE_EVENTS)
            p->jobs[at].tokens = PACE_EVENTS;
    }
    p->jobs[at].at_ms = now_ms;
    if (p->jobs[at].tokens < 1)
        return false;
    p->jobs[at].tokens -= 1;
    return true;
}

/* Does a later item of the batch belong to the same job? */
static bool more_of_job(const struct item_done_list *done, size_t i)
{
    for (size_t k = i + 1; k < done->n; k++)
        if (strcmp(done->list[k].item.job_id, done->list[i].item.job_id) == 0)
            return true;
    return false;
}

/* The lease of a job's last item in the batch was lost: what was counted silently before it is told now. */
static int tell_silent_progress(struct db *jobs, const struct item_done *d, struct err *err)
{
    struct job job;
    int rc = store_job_get(jobs, d->item.job_id, &job, err);
    if (rc != 1 || job_status_is_final(job.status))
        return rc < 0 ? -1 : 0;
    return store_event_job(jobs, &job, NULL, d->finished_at, err);
}

/* Where the file is now; "": moved out of the library. */
static const char *final_path(const struct item_done *d)
{
    bool left = !d->result.final_path && json_object_get(d->result.details, "final");
    return left ? "" : d->result.final_path;
}

static int find_item(void *ctx, const struct item_row *it, struct err *err)
{
    (void)err;
    struct item_row *found = ctx;
    *found = *it;
    found->path = found->message = found->details = NULL; /* gone with the row */
    return 0;
}

/*
 * The lease is gone. After a commit of which nobody knew whether it stands, that may be because it stood: then the
 * outcome is what we hand in again.
 */
static int is_recorded(struct db *jobs, const struct item *it, bool *ret, struct err *err)
{
    struct item_row row = {0};
    int rc = store_items(jobs, it->job_id, it->seq - 1, 1, find_item, &row, err);
    *ret = rc == 1 && row.seq == it->seq && row.attempts == it->attempt && row.state >= ITEM_IS_OK;
    return rc < 0 ? -1 : 0;
}

/* What the call is told that waits for this item. `finished`: this transaction recorded it. */
static int note_driven(struct db *jobs, const struct item_done *d, bool finished,
                       const struct job *job, struct drive_results *driven, struct err *err)
{
    struct drive_result *r = drive_results_add(driven, &d->item);
    bool recorded = finished;
    r->outcome = d->outcome;
    if (d->outcome == ITEM_ERROR)
        memcpy(r->message, d->err.msg, sizeof(r->message));
    if (finished)
        r->job = *job;
    else if (is_recorded(jobs, &d->item, &recorded, err) < 0 ||
             (recorded && store_job_get(jobs, d->item.job_id, &r->job, err) < 0))
        return -1;
    r->returned = !recorded;
    return 0;
}

int batch_finish(struct db *jobs, const char *owner, const struct item_done_list *done,
                 struct pace *pace, struct notes *notes, struct drive_results *driven,
                 struct err *err)
{
    int64_t now_ms = clock_mono_ms();
    for (size_t i = 0; i < done->n; i++) {
        const struct item_done *d = &done->list[i];
        bool own = pace_take(pace, d->item.job_id, now_ms) || !more_of_job(done, i);
        struct item_finish f = {
            .outcome = d->outcome,
            .message = d->outcome == ITEM_ERROR ? d->err.msg : NULL,
            .details = d->details,
            .final_path = final_path(d),
            .began_at = d->began_at,
            .own_event = own,
        };
        struct job job;
        int rc = store_item_finish(jobs, &d->item, owner, &f, d->finished_at, &job, err);
        if (rc < 0)
            return err_wrap(err, "item %lld of job %s", (long long)d->item.seq, d->item.job_id);
        if (rc == 1 && single_tell(jobs, &job, d, err) < 0)
            return -1;
        if (d->item.driven && note_driven(jobs, d, rc == 1, &job, driven, err) < 0)
            return -1;
        if (rc == 1)
            notes_counted(notes, &job);
        else if (own && i > 0 && tell_silent_progress(jobs, d, err) < 0)
            return -1;
    }
    return 0;
}

int batch_return(struct db *jobs, const char *owner, const struct item_return_list *returns,
                 struct drive_results *driven, struct err *err)
{
    for (size_t i = 0; i < returns->n; i++) {
        const struct item_return *r = &returns->list[i];
        if (store_item_return(jobs, &r->item, owner, r->counted, clock_wall_s(), err) < 0)
            return -1;
        if (r->item.driven)
            drive_results_add(driven, &r->item)->returned = true;
    }
    return 0;
}

static bool touches_library(const struct item_done *d)
{
    return d->result.check ||
           (d->outcome == ITEM_OK &&
            (d->result.changed_file || d->result.mark_processed || d->result.mark_duplicate));
}

size_t batch_touches_library(const struct item_done_list *done)
{
    size_t n = 0;
    for (size_t i = 0; i < done->n; i++)
        n += touches_library(&done->list[i]);
    return n;
}

static struct library_tags tags_of(const struct op_tags *t)
{
    return (struct library_tags){
        .title = t->title,
        .series = t->series,
        .issue = t->issue,
        .publisher = t->publisher,
        .year = t->year,
        .volume = t->volume,
    };
}

static struct library_check check_of(const struct op_check *c)
{
    return (struct library_check){
        .stat = library_stat_from(&c->st),
        .problems = c->problems,
        .n_problems = c->n_problems,
        .pages = c->pages,
        .content = c->content,
    };
}

static int record(struct db *library, const struct item_done *d, struct err *err)
{
    char *undo LB_CLEANUP(mem_free) = NULL;
    if (d->result.undo)
        undo = json_dumps(d->result.undo, JSON_TEXT_FLAGS);
    struct library_check check = {0};
    if (d->result.check)
        check = check_of(d->result.check);
    struct library_change c = {
        .job_id = d->item.job_id,
        .seq = d->item.seq,
        .operation = d->item.operation,
        .path = d->item.path,
        .final_path = d->result.final_path,
        .mark_processed = d->result.mark_processed,
        .mark_duplicate = d->result.mark_duplicate,
        .unmark_processed = d->result.unmark_processed,
        .unmark_duplicate = d->result.unmark_duplicate,
        .undo = undo,
        .undo_of = d->result.undo_of,
        .changed = d->result.changed_file,
        .removed = d->result.removed,
        .before = tags_of(&d->result.before),
        .after = tags_of(&d->result.after),
        .stat = d->has_stat ? &d->stat : NULL,
        .check = d->result.check ? &check : NULL,
        .at = d->finished_at,
    };
    return store_library_item_done(library, &c, err);
}

int batch_library(struct db *library, const struct item_done_list *done, struct err *err)
{
    for (size_t i = 0; i < done->n; i++) {
        const struct item_done *d = &done->list[i];
        if (!touches_library(d))
            continue;
        if (record(library, d, err) < 0)
            return err_wrap(err, "item %lld of job %s", (long long)d->item.seq, d->item.job_id);
    }
    return 0;
}
