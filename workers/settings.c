#include "settings.h"

#include <stdio.h>
#include <string.h>

#include "bookname.h"
#include "config.h"
#include "job.h"
#include "log.h"
#include "log_kept.h"
#include "store.h"

#define LOG_MAX_MOST 104857600 /* config.def has the same range */

/* ---- the table ---- */

enum setting_type { IS_TEXT, IS_NUMBER, IS_BOOLEAN };

struct setting {
    const char *key;
    enum setting_type type;
    int64_t min, max; /* of a number; of a text, bytes */
    const char *unit;
    const char *text; /* for people */
};

static const struct setting table[] = {
    {SETTINGS_FORMAT, IS_TEXT, 1, SETTINGS_FORMAT_MAX, "",
     "template of the names that Process and Rename give"},
    {SETTINGS_PADDING, IS_NUMBER, 0, SETTINGS_PADDING_MAX, "digits",
     "digits of {issue} before the decimal point, filled up with zeros"},
    {SETTINGS_LOG_MAX, IS_NUMBER, LOG_KEPT_MIN_BYTES, LOG_MAX_MOST, "bytes",
     "so much of the newest log is kept for the page"},
    {SETTINGS_WATCHER, IS_BOOLEAN, 0, 1, "",
     "new books in the library are processed by themselves"},
};

static const struct setting *find(const char *key)
{
    for (size_t i = 0; i < ARRAY_LEN(table); i++)
        if (strcmp(table[i].key, key) == 0)
            return &table[i];
    return NULL;
}

static int check_one(const struct setting *s, const json_t *value, struct err *err)
{
    if (s->type == IS_BOOLEAN)
        return json_is_boolean(value)
                   ? 0
                   : err_field(err, ERR_BAD_FIELD, s->key, "%s must be true or false", s->key);
    if (s->type == IS_TEXT) {
        const char *text = json_string_value(value);
        if (!text)
            return err_field(err, ERR_BAD_FIELD, s->key, "%s must be a string", s->key);
        if (bookname_check_template(text, err) == 0)
            return 0;
        (void)snprintf(err->field, sizeof(err->field), "%s", s->key);
        return -1;
    }
    if (!json_is_integer(value))
        return err_field(err, ERR_BAD_FIELD, s->key, "%s must be a whole number", s->key);
    json_int_t n = json_integer_value(value);
    if (n < s->min || n > s->max)
        return err_field(err, ERR_RANGE, s->key, "%s must be %lld to %lld %s", s->key,
                         (long long)s->min, (long long)s->max, s->unit);
    return 0;
}

static int unknown(const char *key, struct err *err)
{
    const struct config_key *k;
    for (size_t i = 0; (k = config_key_at(i)) != NULL; i++)
        if (strcmp(k->key, key) == 0)
            return err_field(err, ERR_BAD_FIELD, key,
                             "%s is changed in the configuration of the server, not here", key);
    return err_field(err, ERR_BAD_FIELD, key, "there is no setting %s", LOG_QUOTE(key));
}

int settings_check(const json_t *values, struct err *err)
{
    for (void *at = json_object_iter((json_t *)values); at;
         at = json_object_iter_next((json_t *)values, at)) {
        const char *key = json_object_iter_key(at);
        const struct setting *s = find(key);
        if (!s)
            return unknown(key, err);
        if (check_one(s, json_object_iter_value(at), err) < 0)
            return -1;
    }
    return 0;
}

/* ---- reading ---- */

/* *ret is NULL when it was never set, or to something that cannot be used. New reference. */
static int read_one(struct store_reader *r, const char *key, json_t **ret, struct err *err)
{
    struct err why = {0}, bad = {0};
    *ret = store_setting_get(store_reader_db(r, GATE_PREFERENCES), key, &why);
    if (!*ret && why.code != ERR_NONE) {
        *err = why;
        return err_wrap(err, "setting %s", key);
    }
    if (*ret && check_one(find(key), *ret, &bad) < 0) {
        json_decref(*ret);
        *ret = NULL;
    }
    return 0;
}

static int read_number(struct store_reader *r, const char *key, int64_t def, int64_t *ret,
                       struct err *err)
{
    json_t *value;
    if (read_one(r, key, &value, err) < 0)
        return -1;
    *ret = value ? json_integer_value(value) : def;
    json_decref(value);
    return 0;
}

int settings_read(struct store_reader *r, const struct config *c, struct settings *ret,
                  struct err *err)
{
    json_t *format;
    int64_t padding;
    if (read_number(r, SETTINGS_PADDING, SETTINGS_PADDING_DEFAULT, &padding, err) < 0 ||
        read_number(r, SETTINGS_LOG_MAX, c->log_max_bytes, &ret->log_max_bytes, err) < 0 ||
        read_one(r, SETTINGS_FORMAT, &format, err) < 0)
        return -1;
    ret->issue_padding = (int)padding;
    (void)snprintf(ret->filename_format, sizeof(ret->filename_format), "%s",
                   format ? json_string_value(format) : SETTINGS_FORMAT_DEFAULT);
    json_decref(format);
    return 0;
}

int settings_read_watcher(struct store_reader *r, bool *ret, struct err *err)
{
    json_t *value;
    if (read_one(r, SETTINGS_WATCHER, &value, err) < 0)
        return -1;
    *ret = json_is_true(value);
    json_decref(value);
    return 0;
}

/* ---- for people ---- */

static json_t *value_of(const char *key, const struct settings *s, bool watcher)
{
    if (strcmp(key, SETTINGS_FORMAT) == 0)
        return json_string(s->filename_format);
    if (strcmp(key, SETTINGS_WATCHER) == 0)
        return json_boolean(watcher);
    return json_integer(strcmp(key, SETTINGS_PADDING) == 0 ? s->issue_padding : s->log_max_bytes);
}

json_t *settings_describe(const struct settings *s, bool watcher, const struct config *c)
{
    static const char *const types[] = {
        [IS_TEXT] = "string", [IS_NUMBER] = "integer", [IS_BOOLEAN] = "boolean"};
    struct settings defaults = {SETTINGS_FORMAT_DEFAULT, SETTINGS_PADDING_DEFAULT,
                                c->log_max_bytes};
    json_t *list = json_array();
    for (size_t i = 0; i < ARRAY_LEN(table); i++) {
        const struct setting *t = &table[i];
        json_t *o = json_pack("{s:s, s:s, s:o, s:o, s:I, s:I, s:s, s:s}", "key", t->key, "type",
                              types[t->type], "value", value_of(t->key, s, watcher), "default",
                              value_of(t->key, &defaults, false), "min", (json_int_t)t->min, "max",
                              (json_int_t)t->max, "unit", t->unit, "text", t->text);
        must(o && json_array_append_new(list, o) == 0);
    }
    return list;
}

static bool needs_restart(const struct config_key *key)
{
    const struct config_key *k;
    for (size_t i = 0; (k = config_restart_key_at(i)) != NULL; i++)
        if (k == key)
            return true;
    return false;
}

static json_t *describe_key(const struct config *c, const struct config_key *k)
{
    static const char *const types[] = {
        [CONFIG_INT] = "integer", [CONFIG_STR] = "string", [CONFIG_BOOL] = "boolean"};
    const char *field = (const char *)c + k->offset;
    json_t *value, *def;
    if (k->kind == CONFIG_INT) {
        value = json_integer(*(const int64_t *)(const void *)field);
        def = json_integer(k->def);
    } else if (k->kind == CONFIG_BOOL) {
        value = json_boolean(*(const bool *)field);
        def = json_boolean(k->def != 0);
    } else {
        value = json_text(field);
        def = json_text(k->def_text);
    }
    return json_pack("{s:s, s:s, s:o, s:o, s:I, s:I, s:s, s:s, s:s}", "key", k->key, "type",
                     types[k->kind], "value", value, "default", def, "min", (json_int_t)k->min,
                     "max", (json_int_t)k->max, "unit", k->unit ? k->unit : "", "text", k->text,
                     "applies", needs_restart(k) ? "restart" : "reload");
}

json_t *settings_describe_fixed(const struct config *c)
{
    json_t *list = json_array();
    const struct config_key *k;
    for (size_t i = 0; (k = config_key_at(i)) != NULL; i++)
        if (!find(k->key)) /* log_max_bytes can be changed here */
            must(json_array_append_new(list, describe_key(c, k)) == 0);
    return list;
}
