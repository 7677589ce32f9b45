#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api.h"
#include "board.h"
#include "bookname.h"
#include "clock.h"
#include "config.h"
#include "handlers.h"
#include "log.h"
#include "op.h"
#include "settings.h"
#include "store.h"
#include "watcher.h"
#include "worker.h"
#include "writer.h"

#define PREFERENCES_MAX 500 /* keys */

/* ---- changes ---- */

static int write_event(struct db *db, void *arg, struct err *err)
{
    return store_event_add(db, "settings_changed", NULL, arg, clock_wall_s(), err) < 0 ? -1 : 0;
}

/* Open pages hear of it. The change itself is committed already, so a failure here is only logged.
 */
static void tell(struct api_call *call, const char *kind, json_t *values)
{
    json_t *data = json_pack("{s:s, s:O}", "kind", kind, "values", values);
    must(data);
    struct err why = {0};
    struct writer_call write = {.file = GATE_JOBS, .ring = true, .fn = write_event, .arg = data};
    if (writer_call(worker_writer(call->worker), &write, &why) < 0)
        log_warn("settings event not written", "error=%s; pages see it at their next load",
                 LOG_QUOTE(why.msg));
    json_decref(data);
}

static int write_preferences(struct db *db, void *arg, struct err *err)
{
    if (store_pref_merge(db, arg, clock_wall_s(), err) < 0)
        return -1;
    json_t *all = store_pref_all(db, err);
    if (!all)
        return -1;
    size_t n = json_object_size(all);
    json_decref(all);
    return n <= PREFERENCES_MAX
               ? 0
               : err_set(err, ERR_LIMIT, "that makes %zu preferences; at most %d are kept", n,
                         PREFERENCES_MAX);
}

static int write_settings(struct db *db, void *arg, struct err *err)
{
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)arg, key,
                        value) if (store_setting_set(db, key, value, clock_wall_s(), err) <
                                   0) return -1;
    return 0;
}

static int change(struct api_call *call, const char *kind,
                  int (*fn)(struct db *, void *, struct err *), json_t *values, struct err *err)
{
    struct writer_call write = {.file = GATE_PREFERENCES, .durable = true, .fn = fn, .arg = values};
    if (writer_call(worker_writer(call->worker), &write, err) < 0)
        return -1;
    char *text = json_dumps(values, JSON_COMPACT | JSON_ENCODE_ANY);
    must(text);
    log_info("settings changed", "kind=%s values=%s", kind, LOG_QUOTE(text));
    free(text);
    tell(call, kind, values);
    return 0;
}

static int need_object(const struct api_call *call, struct err *err)
{
    if (!call->body)
        return err_set(err, ERR_BAD_REQUEST, "the request has no body");
    if (!json_is_object(call->body))
        return err_set(err, ERR_BAD_FIELD, "the body must be an object");
    return 0;
}

/* ---- preferences ---- */

int api_preferences_get(struct api_call *call, struct err *err)
{
    json_t *stored = store_pref_all(store_reader_db(call->reader, GATE_PREFERENCES), err);
    if (!stored)
        return -1;
    json_t *all = json_pack("{s:n, s:i}", "theme", "perPage", 100);
    must(all && json_object_update(all, stored) == 0);
    json_decref(stored);
    return api_reply(call, 200, all);
}

int api_preferences_post(struct api_call *call, struct err *err)
{
    if (need_object(call, err) < 0)
        return -1;
    if (json_object_size(call->body) == 0)
        return err_set(err, ERR_BAD_REQUEST, "No preferences provided");
    if (change(call, "preferences", write_preferences, call->body, err) < 0)
        return -1;
    return api_reply(call, 200,
                     json_pack("{s:b, s:s}", "success", 1, "message", "Preferences saved"));
}

/* ---- settings ---- */

static int read_settings(struct api_call *call, struct settings *ret, struct err *err)
{
    return settings_read(call->reader, worker_config(call->worker), ret, err);
}

static int change_settings(struct api_call *call, json_t *values, struct err *err)
{
    if (settings_check(values, err) < 0 ||
        change(call, "settings", write_settings, values, err) < 0)
        return -1;
    struct board *board = worker_board(call->worker); /* all processes look there */
    const json_t *log_max = json_object_get(values, SETTINGS_LOG_MAX);
    if (log_max)
        board->log_max_bytes = json_integer_value(log_max);
    const json_t *watcher = json_object_get(values, SETTINGS_WATCHER);
    if (watcher &&
        atomic_exchange(&board->watch_on, json_is_true(watcher)) != json_is_true(watcher))
        watcher_tell(call->worker);
    return 0;
}

static int set_one(struct api_call *call, const char *key, json_t *value, struct err *err)
{
    json_t *values = json_pack("{s:o}", key, value);
    must(values);
    int rc = change_settings(call, values, err);
    json_decref(values);
    return rc;
}

int api_settings_get(struct api_call *call, struct err *err)
{
    struct settings s;
    bool watcher;
    if (read_settings(call, &s, err) < 0 || settings_read_watcher(call->reader, &watcher, err) < 0)
        return -1;
    const struct config *c = worker_config(call->worker);
    return api_reply(call, 200,
                     json_pack("{s:o, s:o}", "settings", settings_describe(&s, watcher, c), "fixed",
                               settings_describe_fixed(c)));
}

int api_settings_patch(struct api_call *call, struct err *err)
{
    if (need_object(call, err) < 0)
        return -1;
    if (json_object_size(call->body) == 0)
        return err_set(err, ERR_BAD_REQUEST, "no setting is named");
    if (change_settings(call, call->body, err) < 0)
        return -1;
    return api_settings_get(call, err);
}

int api_filename_format_get(struct api_call *call, struct err *err)
{
    struct settings s;
    if (read_settings(call, &s, err) < 0)
        return -1;
    return api_reply(
        call, 200,
        json_pack("{s:s, s:s}", "format", s.filename_format, "default", SETTINGS_FORMAT_DEFAULT));
}

int api_filename_format_post(struct api_call *call, struct err *err)
{
    const char *format;
    if (need_object(call, err) < 0 || api_body_str(call, "format", &format, err) < 0)
        return -1;
    if (!format)
        return err_field(err, ERR_BAD_FIELD, "format", "format is missing");
    if (bookname_check_template(format, err) < 0 || /* the old name of the field */
        set_one(call, SETTINGS_FORMAT, json_string(format), err) < 0)
        return -1;
    json_t *reply = json_pack("{s:b, s:s}", "success", 1, "format", format);
    char unknown[BOOKNAME_PLACEHOLDER], warning[BOOKNAME_PLACEHOLDER + 64];
    if (bookname_unknown_placeholder(format, unknown)) { /* allowed: old templates may have some */
        (void)snprintf(warning, sizeof(warning),
                       "the placeholder %s is not known and is left out of names", unknown);
        must(json_object_set_new(reply, "warning", json_string(warning)) == 0);
    }
    return api_reply(call, 200, reply);
}

int api_issue_padding_get(struct api_call *call, struct err *err)
{
    struct settings s;
    if (read_settings(call, &s, err) < 0)
        return -1;
    return api_reply(
        call, 200,
        json_pack("{s:i, s:i}", "padding", s.issue_padding, "default", SETTINGS_PADDING_DEFAULT));
}

/* A whole number, or the text of one as old pages send it. */
static bool whole_number(const json_t *v, json_int_t *ret)
{
    if (json_is_integer(v)) {
        *ret = json_integer_value(v);
        return true;
    }
    double real = json_real_value(v);
    if (json_is_real(v) && real == floor(real) && fabs(real) < 1e9) {
        *ret = (json_int_t)real;
        return true;
    }
    const char *text = json_string_value(v);
    if (!text || !*text)
        return false;
    char *end;
    errno = 0;
    *ret = strtoll(text, &end, 10);
    return end != text && end[strspn(end, " ")] == '\0' && errno == 0;
}

int api_issue_padding_post(struct api_call *call, struct err *err)
{
    if (need_object(call, err) < 0)
        return -1;
    json_int_t n;
    if (!whole_number(json_object_get(call->body, "padding"), &n))
        return err_field(err, ERR_BAD_FIELD, "padding", "padding must be a whole number");
    if (n < 0 || n > SETTINGS_PADDING_MAX) /* old pages expect 400 */
        return err_field(err, ERR_BAD_FIELD, "padding", "padding must be 0 to %d",
                         SETTINGS_PADDING_MAX);
    if (set_one(call, SETTINGS_PADDING, json_integer(n), err) < 0)
        return -1;
    return api_reply(call, 200, json_pack("{s:b, s:I}", "success", 1, "padding", n));
}

#define MB 1048576

static int reply_log_max(struct api_call *call, int64_t bytes, bool changed)
{
    json_t *o = json_pack("{s:I, s:f}", "maxBytes", (json_int_t)bytes, "maxMB", (double)bytes / MB);
    if (changed)
        must(json_object_set_new(o, "success", json_true()) == 0);
    return api_reply(call, 200, o);
}

int api_log_max_get(struct api_call *call, struct err *err)
{
    struct settings s;
    if (read_settings(call, &s, err) < 0)
        return -1;
    return reply_log_max(call, s.log_max_bytes, false);
}

int api_log_max_post(struct api_call *call, struct err *err)
{
    if (need_object(call, err) < 0)
        return -1;
    const json_t *mb = json_object_get(call->body, "maxMB");
    double bytes = json_number_value(mb) * MB;
    if (!json_is_number(mb) || !(bytes > 0))
        return err_field(err, ERR_BAD_FIELD, "maxMB", "maxMB must be a number above 0");
    if (bytes > 1e15) /* far beyond its range, and it has to be a whole number */
        bytes = 1e15;
    if (set_one(call, SETTINGS_LOG_MAX, json_integer((json_int_t)bytes), err) < 0)
        return -1;
    return reply_log_max(call, (int64_t)bytes, true);
}

/* ---- the watcher ---- */

int api_watcher_enabled_get(struct api_call *call, struct err *err)
{
    bool enabled;
    if (settings_read_watcher(call->reader, &enabled, err) < 0)
        return -1;
    return api_reply(call, 200, json_pack("{s:b}", "enabled", (int)enabled));
}

int api_watcher_enabled_post(struct api_call *call, struct err *err)
{
    if (need_object(call, err) < 0)
        return -1;
    json_t *enabled = json_object_get(call->body, "enabled");
    if (!json_is_boolean(enabled))
        return err_field(err, ERR_BAD_FIELD, "enabled", "enabled must be true or false");
    if (set_one(call, SETTINGS_WATCHER, json_incref(enabled), err) < 0)
        return -1;
    return api_reply(call, 200,
                     json_pack("{s:b, s:b}", "success", 1, "enabled", json_is_true(enabled)));
}

int api_watcher_status(struct api_call *call, struct err *err)
{
    (void)err;
    const struct board *board = worker_board(call->worker);
    json_t *o = watcher_status(board);
    bool events = atomic_load(&board->watch_by) == WATCH_BY_EVENTS;
    json_t *more = json_pack("{s:s, s:I}", "mode", events ? "events" : "scans", "folders",
                             (json_int_t)atomic_load(&board->watch_folders));
    must(more && json_object_update(o, more) == 0);
    json_decref(more);
    return api_reply(call, 200, o);
}

/* ---- what the old settings dialog needs to open ---- */

int api_github_token_get(struct api_call *call, struct err *err)
{
    (void)err;
    return api_reply(call, 200,
                     json_pack("{s:s, s:b, s:s}", "token", "", "has_token", 0, "default", ""));
}

int api_github_token_post(struct api_call *call, struct err *err)
{
    (void)err;
    return api_reply(call, 200, json_pack("{s:b, s:b}", "success", 1, "has_token", 0));
}

int api_github_repository_get(struct api_call *call, struct err *err)
{
    (void)err;
    return api_reply(call, 200, json_pack("{s:s, s:s}", "repository", "", "default", ""));
}

int api_github_repository_post(struct api_call *call, struct err *err)
{
    (void)err;
    return api_reply(call, 200, json_pack("{s:b, s:s}", "success", 1, "repository", ""));
}

int api_github_assignee_get(struct api_call *call, struct err *err)
{
    (void)err;
    return api_reply(call, 200, json_pack("{s:s, s:s}", "assignee", "", "default", ""));
}

int api_github_assignee_post(struct api_call *call, struct err *err)
{
    (void)err;
    return api_reply(call, 200, json_pack("{s:b, s:s}", "success", 1, "assignee", ""));
}

/* ---- what the page needs to know ---- */

int api_version(struct api_call *call, struct err *err)
{
    (void)err;
    return api_reply(call, 200, json_pack("{s:s}", "version", LB_VERSION));
}

static json_t *operations(void)
{
    json_t *list = json_array();
    const struct op *op;
    for (size_t i = 0; (op = op_at(i)) != NULL; i++) {
        json_t *schema = json_loads(op->option_schema, 0, NULL);
        must(schema);
        json_t *o =
            json_pack("{s:s, s:s, s:s, s:s, s:s, s:b, s:b, s:o}", "name", op->name, "label",
                      op->label, "verb", op->verb, "text", op->text, "accepts",
                      op->accepts == ACCEPTS_BOOKS ? "books" : "strings", "changes_files",
                      (int)op->changes_files, "previews", (int)op->previews, "options", schema);
        must(o && json_array_append_new(list, o) == 0);
    }
    return list;
}

int api_config(struct api_call *call, struct err *err)
{
    (void)err;
    const struct config *c = worker_config(call->worker);
    json_t *reply = json_pack(
        "{s:s, s:s, s:I, s:I, s:I, s:I, s:o, s:{s:b, s:b}}", "version", LB_VERSION, "base_path",
        c->base_path, "watchdog_timeout_ms", (json_int_t)c->watchdog_timeout_ms,
        "watchdog_check_ms", (json_int_t)c->watchdog_check_ms, "reconnect_delay_ms",
        (json_int_t)c->reconnect_delay_ms, "heartbeat_s", (json_int_t)c->heartbeat_s, "operations",
        operations(), "features", "duplicate_dir", c->duplicate_dir[0] != '\0', "trash_dir",
        c->trash_dir[0] != '\0');
    must(reply); /* the configuration is UTF-8 */
    return api_reply(call, 200, reply);
}
