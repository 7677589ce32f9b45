/*
 * bookname.h - names of books: the number in a file name, and file names from a template.
 *
 * Pure functions on text; any thread. The rules are those of docs/API.md ("Rules for file names and
 * chapters"); the cases in tests/data/chapters.tsv and tests/data/rename.tsv hold them.
 */
#ifndef LB_BOOKNAME_H
#define LB_BOOKNAME_H

#include <stdbool.h>

#include "base.h"
#include "err.h"

#define BOOKNAME_MAX 255 /* bytes of one name in a folder */

/*
 * The number in a file name by the compatible rule: after `ch` or `chapter`, else the first number
 * that is not next to a bracket. `name` may carry its extension. Returns false when there is none.
 * *ret is as written ("012.5").
 */
bool bookname_number(const char *name, char *ret, size_t size);

struct bookname_tags { /* NULL = not set */
    const char *series, *title, *volume, *year, *publisher, *issue;
};

/*
 * bookname_format(template, padding, extension, tags, ret, err)
 * The file name, with its extension, safe to use in a folder: no slash, no control characters, not
 * "." or "..", no dot first, at most 255 bytes cut at a character's border before the extension.
 * Values are put in as they are and not scanned again. ERR_RANGE when nothing is left of the name.
 */
int bookname_format(const char *template, int padding, const char *extension,
                    const struct bookname_tags *tags, char ret[BOOKNAME_MAX + 1],
                    struct err *err) LB_MUST_CHECK;

/* Checks a template a user wants to set: not empty, not over 512 bytes, UTF-8, no slash outside
 * placeholders, and one that tells the books of a series apart. */
int bookname_check_template(const char *template, struct err *err) LB_MUST_CHECK;

/* The series that `normalize` takes from a folder's name: `_` becomes `:`, "(*)" and "[*]" go. */
void bookname_series_from_folder(const char *folder, char *ret, size_t size);

#endif
