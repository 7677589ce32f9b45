/*
 * settings.h - the settings that users change while Longbox runs (preferences.db, table settings).
 */
#ifndef LB_SETTINGS_H
#define LB_SETTINGS_H

#include "base.h"
#include "err.h"

struct store_reader;

#define SETTINGS_FORMAT         "filename_format"
#define SETTINGS_FORMAT_DEFAULT "{series} - Chapter {issue}"
#define SETTINGS_FORMAT_MAX     512 /* bytes; bookname_check_template has the same limit */

#define SETTINGS_PADDING         "issue_number_padding"
#define SETTINGS_PADDING_DEFAULT 4
#define SETTINGS_PADDING_MAX     64

struct settings {
    char filename_format[SETTINGS_FORMAT_MAX + 1];
    int issue_padding;
};

/* As they are now; a stored value that cannot be used counts as not set. */
int settings_read(struct store_reader *r, struct settings *ret, struct err *err) LB_MUST_CHECK;

#endif
