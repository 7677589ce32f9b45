#include "undo_find.h"

int undo_find(struct store_reader *reader, const json_t *options, const char *path,
              struct undo_row *ret, struct err *err)
{
    struct db *db = store_reader_db(reader, GATE_LIBRARY);
    const char *job_id = json_string_value(json_object_get(options, "job"));
    int64_t id = json_integer_value(json_object_get(options, "history"));
    if (job_id && store_undo_of_job(db, job_id, path, &id, err) < 0)
        return -1;
    int rc = id ? store_undo_get(db, id, ret, err) : 0;
    if (rc != 0)
        return rc < 0 ? -1 : 0;
    if (job_id)
        return err_set(err, ERR_NOT_FOUND, "job %s has nothing left to undo in this file", job_id);
    return err_set(err, ERR_NOT_FOUND, "row %lld of the history is not there", (long long)id);
}
