#include "settings.h"

#include <stdio.h>

#include "bookname.h"
#include "store.h"

/* An error of the store is told by err; NULL without one means that it was never set. */
static int read_one(struct store_reader *r, const char *key, json_t **ret, struct err *err)
{
    struct err why = {0};
    *ret = store_setting_get(store_reader_db(r, GATE_PREFERENCES), key, &why);
    if (*ret || why.code == ERR_NONE)
        return 0;
    *err = why;
    return err_wrap(err, "setting %s", key);
}

int settings_read(struct store_reader *r, struct settings *ret, struct err *err)
{
    json_t *format = NULL;
    json_t *padding = NULL;
    if (read_one(r, SETTINGS_FORMAT, &format, err) < 0)
        return -1;
    if (read_one(r, SETTINGS_PADDING, &padding, err) < 0) {
        json_decref(format);
        return -1;
    }
    struct err bad = {0};
    const char *text = json_string_value(format);
    if (!text || bookname_check_template(text, &bad) < 0)
        text = SETTINGS_FORMAT_DEFAULT;
    (void)snprintf(ret->filename_format, sizeof(ret->filename_format), "%s", text);
    json_int_t n = json_is_integer(padding) ? json_integer_value(padding) : -1;
    ret->issue_padding = n >= 0 && n <= SETTINGS_PADDING_MAX ? (int)n : SETTINGS_PADDING_DEFAULT;
    json_decref(format);
    json_decref(padding);
    return 0;
}
