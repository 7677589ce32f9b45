#include "single.h"

#include <string.h>

#include "path.h"

/* Where the file is now: details.final, an absolute path. */
static json_t *file_processed(const struct item_done *d)
{
    json_t *details = d->details ? json_loads(d->details, 0, NULL) : NULL;
    const char *final = json_string_value(json_object_get(details, "final"));
    if (!final)
        final = d->item.path;
    bool ok = d->outcome == ITEM_OK;
    json_t *o = json_pack("{s:o, s:o, s:b, s:o}", "filepath", json_text(final), "filename",
                          json_text(path_base(final)), "success", (int)ok, "error",
                          ok ? json_null() : json_text(d->err.msg));
    json_decref(details);
    return o;
}

int single_tell(struct db *jobs, const struct job *job, const struct item_done *d, struct err *err)
{
    bool of_watcher = strcmp(job->source, JOB_SOURCE_WATCHER) == 0;
    if (d->outcome == ITEM_CANCELLED || (job->total > 1 && !of_watcher))
        return 0;
    int single = of_watcher ? 1 : store_job_is_single(jobs, d->item.job_id, err);
    if (single <= 0)
        return single;
    bool removed = d->result.removed;
    json_t *data = removed ? json_pack("{s:i, s:i, s:i}", "added", 0, "removed", 1, "changed", 0)
                           : file_processed(d);
    int64_t id = store_event_add(jobs, removed ? "library_changed" : "file_processed",
                                 removed ? NULL : d->item.job_id, data, d->finished_at, err);
    json_decref(data);
    return id < 0 ? -1 : 0;
}
