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

/* What names must be fit for. */
enum bookname_policy {
    BOOKNAME_STRICT, /* every system: no reserved characters or device names of Windows and SMB */
    BOOKNAME_POSIX,  /* this one: all but slashes, control and direction characters may stay */
};
/* "strict", "posix"; false: there is no such policy. */
bool bookname_policy_from(const char *name, enum bookname_policy *ret);

struct bookname_tags { /* NULL = not set */
    const char *series, *title, *volume, *year, *publisher, *issue;
    /* Any element of ComicInfo 2.1 by its name, "Writer"; may be NULL when there are no more tags. */
    const char *(*element)(void *ctx, const char *name);
    void *ctx;
};

/*
 * bookname_format(template, padding, policy, extension, tags, ret, err)
 * The file name, with its extension, safe to use in a folder: no slash, no control characters, not
 * "." or "..", no dot first, at most 255 bytes cut at a character's border before the extension.
 * Placeholders are the seven of docs/API.md and the elements of ComicInfo, with a width as in
 * {issue:3}; what is between < and > goes when a placeholder in it is empty. Values are put in as
 * they are and not scanned again. ERR_RANGE when nothing is left of the name.
 */
int bookname_format(const char *template, int padding, enum bookname_policy policy,
                    const char *extension, const struct bookname_tags *tags,
                    char ret[BOOKNAME_MAX + 1], struct err *err) LB_MUST_CHECK;

/* Checks a template a user wants to set: not empty, not over 512 bytes, UTF-8, no slash outside
 * placeholders, < and > in pairs, and one that tells the books of a series apart. */
int bookname_check_template(const char *template, struct err *err) LB_MUST_CHECK;

#define BOOKNAME_PLACEHOLDER 64
/* The first placeholder that bookname_format does not know and takes out, with its braces; false:
 * it knows all. */
bool bookname_unknown_placeholder(const char *template, char ret[BOOKNAME_PLACEHOLDER]);

/* The series that `normalize` takes from a folder's name: `_` becomes `:`, "(*)" and "[*]" go. */
void bookname_series_from_folder(const char *folder, char *ret, size_t size);

#endif
