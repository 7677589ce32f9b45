/* GET /api/jobs/{id}/results.csv and .json: all results of a job as a file. */
#include <stdio.h>
#include <string.h>

#include "api.h"
#include "api_job.h"
#include "handlers.h"
#include "worker.h"

static int download(struct api_call *call, enum download_format format, const char *type,
                    const char *extension, struct err *err)
{
    struct job job;
    char name[128], count[24];
    if (find_job(call, &job, err) < 0)
        return -1;
    if (worker_downloads_full(call->worker))
        return err_set(err, ERR_BUSY, "too many downloads are under way; ask again");
    (void)snprintf(name, sizeof(name), "attachment; filename=\"longbox-%s.%s\"", job.job_id,
                   extension);
    (void)snprintf(count, sizeof(count), "%lld", (long long)job.processed);
    api_add_header(call, "Content-Type", type);
    api_add_header(call, "X-Longbox-Results", count);
    api_add_header(call, "Content-Disposition", name);
    call->download.format = format;
    call->download.upto = job.processed;
    memcpy(call->download.job_id, job.job_id, sizeof(job.job_id));
    return 0;
}

int api_job_results_csv(struct api_call *call, struct err *err)
{
    return download(call, DOWNLOAD_CSV, "text/csv; charset=utf-8; header=present", "csv", err);
}

int api_job_results_json(struct api_call *call, struct err *err)
{
    return download(call, DOWNLOAD_JSON, "application/json", "json", err);
}
