#include <string.h>

#include "store_db.h"

static json_t *parse(const char *text)
{
    json_error_t why;
    json_t *v = json_loads(text, JSON_DECODE_ANY, &why);
    return v ? v : json_null(); /* written by hand with a shell, perhaps: not ours to fail on */
}

json_t *store_pref_all(struct db *db, struct err *err)
{
    struct query q LB_CLEANUP(query_end) = {0};
    if (query_start(&q, db, SQL_PREF_ALL, err) < 0)
        return NULL;
    json_t *all = json_object();
    int rc;
    while ((rc = query_step(&q, err)) == 1)
        (void)json_object_set_new(all, query_col_text(&q, 0), parse(query_col_text(&q, 1)));
    if (rc < 0) {
        json_decref(all);
        return NULL;
    }
    return all;
}

static int put(struct db *db, enum sql_id id, const char *key, const json_t *value, double now,
               struct err *err)
{
    char *text LB_CLEANUP(mem_free) = json_dumps(value, JSON_ENCODE_ANY | JSON_TEXT_FLAGS);
    must(text != NULL);
    struct query q LB_CLEANUP(query_end) = {0};
    if (query_start(&q, db, id, err) < 0)
        return -1;
    query_text(&q, ":key", key);
    query_text(&q, ":value", text);
    query_real(&q, ":now", now);
    return query_run(&q, err);
}

int store_pref_merge(struct db *db, const json_t *values, double now, struct err *err)
{
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)values, key, value)
    {
        if (put(db, SQL_PREF_SET, key, value, now, err) < 0)
            return -1;
    }
    return 0;
}

json_t *store_setting_get(struct db *db, const char *key, struct err *err)
{
    struct query q LB_CLEANUP(query_end) = {0};
    if (query_start(&q, db, SQL_SETTING_GET, err) < 0)
        return NULL;
    query_text(&q, ":key", key);
    return query_step(&q, err) == 1 ? parse(query_col_text(&q, 0)) : NULL;
}

int store_setting_set(struct db *db, const char *key, const json_t *value, double now,
                      struct err *err)
{
    return put(db, SQL_SETTING_SET, key, value, now, err);
}
