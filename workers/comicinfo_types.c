#include "comicinfo_types.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "comicinfo_doc.h"
#include "log.h"
#include "utf8.h"

enum kind {
    KIND_TEXT,
    KIND_INT,
    KIND_MONTH,
    KIND_DAY,
    KIND_COUNT,
    KIND_YES_NO,
    KIND_MANGA,
    KIND_AGE,
    KIND_RATING,
    KIND_PAGES,
};

static const enum kind kinds[EL__COUNT] = {
#define ELEMENT(name, kind) [EL_##name] = KIND_##kind,
#include "comicinfo_elements.def"
#undef ELEMENT
};

/* The words of each list, once for the checks and once for the schema. */
#define YES_NO(W) W("Unknown") W("No") W("Yes")
#define MANGA(W)  YES_NO(W) W("YesAndRightToLeft")
#define AGES(W)                                                                                    \
    W("Unknown")                                                                                   \
    W("Adults Only 18+")                                                                           \
    W("Early Childhood")                                                                           \
    W("Everyone")                                                                                  \
    W("Everyone 10+")                                                                              \
    W("G")                                                                                         \
    W("Kids to Adults")                                                                            \
    W("M")                                                                                         \
    W("MA15+")                                                                                     \
    W("Mature 17+") W("PG") W("R18+") W("Rating Pending") W("Teen") W("X18+")
#define LISTED(word) word,
static const char *const yes_no[] = {YES_NO(LISTED) NULL};
static const char *const manga[] = {MANGA(LISTED) NULL};
static const char *const ages[] = {AGES(LISTED) NULL};

/* clang-format off */
#define KEY(name) "\"" name "\": "
#define QUOTED_WORD(word) "\"" word "\", "
#define NUMBERS(name, limits)                                                                      \
    KEY(name) "{\"anyOf\": [{\"type\": \"integer\"" limits "}, "                                   \
    "{\"type\": \"string\", \"pattern\": \"^([+-]?[0-9]+)?$\"}, {\"type\": \"null\"}]}, "
#define WORDS(name, list) KEY(name) "{\"enum\": [" list(QUOTED_WORD) "\"\", null]}, "
#define SCHEMA_TEXT(name)   KEY(name) "{\"type\": [\"string\", \"number\", \"null\"]}, "
#define SCHEMA_INT(name)    NUMBERS(name, ", \"minimum\": -2147483648, \"maximum\": 2147483647")
#define SCHEMA_MONTH(name)  NUMBERS(name, ", \"minimum\": -1, \"maximum\": 12, \"not\": {\"const\": 0}")
#define SCHEMA_DAY(name)    NUMBERS(name, ", \"minimum\": -1, \"maximum\": 31, \"not\": {\"const\": 0}")
#define SCHEMA_COUNT(name)  NUMBERS(name, ", \"minimum\": 0, \"maximum\": 2147483647")
#define SCHEMA_YES_NO(name) WORDS(name, YES_NO)
#define SCHEMA_MANGA(name)  WORDS(name, MANGA)
#define SCHEMA_AGE(name)    WORDS(name, AGES)
#define SCHEMA_RATING(name)                                                                        \
    KEY(name) "{\"anyOf\": [{\"type\": \"number\", \"minimum\": 0, \"maximum\": 5}, "              \
    "{\"type\": \"string\", \"pattern\": \"^([0-5]([.][0-9]{0,2})?)?$\"}, {\"type\": \"null\"}]}, "
#define SCHEMA_PAGES(name)  "" /* at the end */
const char comicinfo_schema[] =
    "{\"type\": \"object\", \"required\": [\"tags\"], \"additionalProperties\": false, \"properties\": {\"tags\": "
    "{\"type\": \"object\", \"minProperties\": 1, \"additionalProperties\": false, \"properties\": {"
#define ELEMENT(name, kind) SCHEMA_##kind(#name)
#include "comicinfo_elements.def"
#undef ELEMENT
    "\"Pages\": false}}}}";
/* clang-format on */

/* The text of a JSON number or string; NULL for anything else. ret may be where it is kept. */
static const char *text_of(const json_t *value, char number[32])
{
    if (json_is_string(value))
        return json_string_value(value);
    if (json_is_integer(value))
        (void)snprintf(number, 32, "%lld", (long long)json_integer_value(value));
    else if (json_is_real(value))
        (void)snprintf(number, 32, "%.15g", json_real_value(value));
    else
        return NULL;
    return number;
}

static int whole_number(const char *element, const char *text, long min, long max, bool unknown,
                        struct strbuf *ret, struct err *err)
{
    size_t sign = *text == '+' || *text == '-';
    size_t digits = strspn(text + sign, "0123456789");
    if (digits == 0 || text[sign + digits])
        return err_field(err, ERR_BAD_FIELD, element, "%s must be a whole number, not %s", element,
                         LOG_QUOTE(text));
    errno = 0;
    long n = strtol(text, NULL, 10);
    if (errno == ERANGE || ((n < min || n > max) && !(unknown && n == -1)))
        return err_field(err, ERR_RANGE, element, "%s must be %ld to %ld%s, not %s", element, min,
                         max, unknown ? ", or -1 for unknown" : "", LOG_QUOTE(text));
    strbuf_addf(ret, "%ld", n);
    return 0;
}

static int one_of(const char *element, const char *text, const char *const *words,
                  struct strbuf *ret, struct err *err)
{
    struct strbuf list LB_CLEANUP(strbuf_clear) = {0};
    for (size_t i = 0; words[i]; i++) {
        if (strcmp(words[i], text) == 0) {
            strbuf_adds(ret, text);
            return 0;
        }
        strbuf_addf(&list, "%s%s", i ? ", " : "", words[i]);
    }
    return err_field(err, ERR_BAD_FIELD, element, "%s must be one of: %s", element,
                     strbuf_str(&list));
}

static int rating(const char *element, const char *text, struct strbuf *ret, struct err *err)
{
    size_t whole = strspn(text, "0123456789");
    const char *rest = text + whole;
    size_t digits = *rest == '.' ? strspn(rest + 1, "0123456789") : 0;
    if (whole == 0 || (*rest && rest[1 + digits]) || (*rest && *rest != '.'))
        return err_field(err, ERR_BAD_FIELD, element, "%s must be a number such as 4.5, not %s",
                         element, LOG_QUOTE(text));
    if (strtod(text, NULL) > 5 || digits > 2)
        return err_field(err, ERR_RANGE, element,
                         "%s must be 0 to 5 with at most two digits behind the point, not %s",
                         element, LOG_QUOTE(text));
    strbuf_add(ret, text, digits ? strlen(text) : whole);
    return 0;
}

static int any_text(const char *element, const char *text, struct strbuf *ret, struct err *err)
{
    size_t len = strlen(text);
    for (size_t i = 0, n; i < len; i += n)
        if (!comicinfo_is_char(utf8_decode((const unsigned char *)text + i, len - i, &n)))
            return err_field(err, ERR_BAD_FIELD, element,
                             "the value of %s holds a character that XML cannot hold", element);
    strbuf_add(ret, text, len);
    return 0;
}

/* No element of that name: perhaps another spelling of one. */
static int unknown_element(const char *name, struct err *err)
{
    for (int e = 0; e < EL__COUNT; e++)
        if (strcasecmp(comicinfo_element_name((enum comicinfo_element)e), name) == 0)
            return err_field(err, ERR_BAD_FIELD, "tags", "%s is not a tag; did you mean %s?",
                             LOG_QUOTE(name), comicinfo_element_name((enum comicinfo_element)e));
    return err_field(err, ERR_BAD_FIELD, "tags", "%s is not an element of ComicInfo 2.1",
                     LOG_QUOTE(name));
}

int comicinfo_value(const char *element, const json_t *value, struct strbuf *ret, struct err *err)
{
    char number[32];
    enum comicinfo_element e = comicinfo_element_find(element);
    if (e == EL__COUNT)
        return unknown_element(element, err);
    if (kinds[e] == KIND_PAGES)
        return err_field(err, ERR_BAD_FIELD, element, "%s can be read, but not set", element);
    const char *text = json_is_null(value) ? "" : text_of(value, number);
    if (!text)
        return err_field(err, ERR_BAD_FIELD, element, "%s must be a string, a number or null",
                         element);
    if (!text[0])
        return 0;
    switch (kinds[e]) {
    case KIND_INT:
        return whole_number(element, text, INT_MIN, INT_MAX, false, ret, err);
    case KIND_MONTH:
        return whole_number(element, text, 1, 12, true, ret, err);
    case KIND_DAY:
        return whole_number(element, text, 1, 31, true, ret, err);
    case KIND_COUNT:
        return whole_number(element, text, 0, INT_MAX, false, ret, err);
    case KIND_YES_NO:
        return one_of(element, text, yes_no, ret, err);
    case KIND_MANGA:
        return one_of(element, text, manga, ret, err);
    case KIND_AGE:
        return one_of(element, text, ages, ret, err);
    case KIND_RATING:
        return rating(element, text, ret, err);
    case KIND_TEXT:
    case KIND_PAGES:
        break;
    }
    return any_text(element, text, ret, err);
}
