/*
 * settings.h - the settings that users change while Longbox runs (preferences.db, table settings).
 */
#ifndef LB_SETTINGS_H
#define LB_SETTINGS_H

#include <jansson.h>
#include <stdbool.h>

#include "base.h"
#include "err.h"

struct config;
struct store_reader;

#define SETTINGS_FORMAT         "filename_format"
#define SETTINGS_FORMAT_DEFAULT "{series} - Chapter {issue}"
#define SETTINGS_FORMAT_MAX     512 /* bytes; bookname_check_template has the same limit */

#define SETTINGS_PADDING         "issue_number_padding"
#define SETTINGS_PADDING_DEFAULT 4
#define SETTINGS_PADDING_MAX     64

#define SETTINGS_LOG_MAX "log_max_bytes" /* the default is the configuration's key of this name */

#define SETTINGS_WATCHER "watcher_enabled" /* at first false: nobody has asked for it */

struct settings {
    char filename_format[SETTINGS_FORMAT_MAX + 1];
    int issue_padding;
    int64_t log_max_bytes;
};

/* As they are now; a stored value that cannot be used counts as not set. */
int settings_read(struct store_reader *r, const struct config *c, struct settings *ret,
                  struct err *err) LB_MUST_CHECK;

/* The one that operations do not need. */
int settings_read_watcher(struct store_reader *r, bool *ret, struct err *err) LB_MUST_CHECK;

/*
 * Are these values, by key, all known and in range? ERR_BAD_FIELD or ERR_RANGE with the key as the field. What passes
 * can be stored as it is.
 */
int settings_check(const json_t *values, struct err *err) LB_MUST_CHECK;
/* For GET /api/settings: an array with key, type, value, default, range, unit and text of each. New reference. */
json_t *settings_describe(const struct settings *s, bool watcher, const struct config *c);
/* The same of the keys of the configuration, with `applies`: after a reload or only after a restart. */
json_t *settings_describe_fixed(const struct config *c);

#endif
