#include "api_job.h"

#include <stdio.h>
#include <string.h>

#include "clock.h"
#include "store.h"
#include "worker.h"

int job_id_param(struct api_call *call, char ret[UUID_SIZE], struct err *err)
{
    const char *id = call->path_params[0];
    if (call->path_param_len[0] != UUID_SIZE - 1 || !uuid_valid(id))
        return err_set(err, ERR_NOT_FOUND, "Job not found");
    uuid_lower(id, ret);
    return 0;
}

int find_job(struct api_call *call, struct job *ret, struct err *err)
{
    char job_id[UUID_SIZE];
    if (job_id_param(call, job_id, err) < 0)
        return -1;
    int rc = store_job_get(store_reader_db(call->reader, GATE_JOBS), job_id, ret, err);
    if (rc < 0)
        return -1;
    return rc == 1 ? 0 : err_set(err, ERR_NOT_FOUND, "Job not found");
}

int reply_made(struct api_call *call, const struct job *job, bool again)
{
    char location[320];
    (void)snprintf(location, sizeof(location), "%s/api/jobs/%s",
                   worker_config(call->worker)->base_path, job->job_id);
    api_add_header(call, "Location", location);
    return api_reply(call, again ? 200 : 201, job_to_json(job, clock_wall_s()));
}

json_t *body_member(const struct api_call *call, const char *name)
{
    json_t *v = json_object_get(call->body, name);
    return json_is_null(v) ? NULL : v;
}

int refuse_unknown(const json_t *object, const char *const *known, const char *where,
                   struct err *err)
{
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)object, key, value)
    {
        const char *const *k = known;
        while (*k && strcmp(*k, key) != 0)
            k++;
        if (!*k)
            return err_field(err, ERR_BAD_FIELD, key, "%s: member '%.40s' is not known", where,
                             key);
    }
    return 0;
}

int parse_priority(struct api_call *call, enum job_priority *ret, struct err *err)
{
    const char *text;
    if (api_body_str(call, "priority", &text, err) < 0)
        return -1;
    if (!text)
        return 0;
    if (!job_priority_parse(text, ret))
        return err_field(err, ERR_BAD_FIELD, "priority", "priority must be low, normal or high");
    return 1;
}

int parse_title(struct api_call *call, const char **ret, struct err *err)
{
    const char *title;
    if (api_body_str(call, "title", &title, err) < 0)
        return -1;
    if (!title)
        return 0;
    if (!*title || strlen(title) > JOB_TITLE_MAX)
        return err_field(err, ERR_RANGE, "title", "title must have 1 to %d bytes", JOB_TITLE_MAX);
    *ret = title;
    return 1;
}

int parse_max_threads(struct api_call *call, int *ret, struct err *err)
{
    const json_t *v = body_member(call, "max_threads");
    if (!v)
        return 0;
    if (!json_is_integer(v))
        return err_field(err, ERR_BAD_FIELD, "max_threads",
                         "max_threads must be null or a whole number");
    if (json_integer_value(v) < 1 || json_integer_value(v) > JOB_THREADS_MAX)
        return err_field(err, ERR_RANGE, "max_threads", "max_threads must be null or 1 to %d",
                         JOB_THREADS_MAX);
    *ret = (int)json_integer_value(v);
    return 1;
}

int parse_source(struct api_call *call, const char *otherwise, const char **ret, struct err *err)
{
    const char *text = api_header(call, "X-Longbox-Client");
    *ret = text ? text : otherwise;
    if (!text)
        return 0;
    size_t n = strlen(text);
    bool printable = n > 0 && n <= JOB_SOURCE_MAX;
    for (size_t i = 0; i < n; i++)
        printable &= text[i] >= 0x20 && text[i] < 0x7f;
    if (!printable)
        return err_field(err, ERR_BAD_FIELD, "X-Longbox-Client",
                         "X-Longbox-Client must have 1 to %d printable ASCII characters",
                         JOB_SOURCE_MAX);
    return 0;
}

int parse_drive(struct api_call *call, enum job_drive *ret, struct err *err)
{
    const char *text;
    if (api_body_str(call, "drive", &text, err) < 0)
        return -1;
    if (!text)
        return 0;
    if (!job_drive_parse(text, ret))
        return err_field(err, ERR_BAD_FIELD, "drive", "drive must be client or server");
    return 1;
}

static int parse_bool(struct api_call *call, const char *name, bool *ret, struct err *err)
{
    const json_t *v = body_member(call, name);
    if (!v)
        return 0;
    if (!json_is_boolean(v))
        return err_field(err, ERR_BAD_FIELD, name, "%s must be true or false", name);
    *ret = json_is_true(v);
    return 1;
}

int parse_paused(struct api_call *call, bool *ret, struct err *err)
{
    return parse_bool(call, "paused", ret, err);
}

int parse_dry_run(struct api_call *call, bool *ret, struct err *err)
{
    return parse_bool(call, "dry_run", ret, err);
}
