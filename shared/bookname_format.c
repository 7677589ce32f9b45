/* File names from a template: bookname_format and the checks of templates. */
#include "bookname.h"

#include <string.h>
#include <strings.h>

#include "bookname_text.h"
#include "bookname_value.h"
#include "strbuf.h"
#include "utf8.h"

#define TEMPLATE_MAX  512
#define VALUE_KEEP    16  /* shorter than this no value is cut to make a name fit */
#define VALUES_MAX    171 /* placeholders in a template: more of "{x}" have no room in it */
#define EXTENSION_MAX 16
#define PADDING_MAX   64

bool bookname_policy_from(const char *name, enum bookname_policy *ret)
{
    bool strict = strcmp(name, "strict") == 0;
    *ret = strict ? BOOKNAME_STRICT : BOOKNAME_POSIX;
    return strict || strcmp(name, "posix") == 0;
}

/* ------------------------------------------------------------------ placeholders */

enum field { SERIES, ISSUE, ISSUE_NO_PAD, TITLE, VOLUME, YEAR, PUBLISHER, N_FIELDS };

static const char *const field_names[N_FIELDS] = {"series", "issue", "issue_no_pad", "title",
                                                  "volume", "year",  "publisher"};

#define ELEMENT(name, ...) #name,
static const char *const elements[] = {
#include "comicinfo_elements.def"
};
#undef ELEMENT

/* What a placeholder names: one of the fields, or an element. */
struct placeholder {
    enum field field;    /* N_FIELDS: an element */
    const char *element; /* NULL: one of the fields */
    int width;           /* -1: none is given */
};

/* In any case, with or without underscores: {CoverArtist}, {cover_artist}. */
static bool names_element(const char *name, size_t len, const char *element)
{
    for (size_t i = 0; i < len; i++) {
        if (name[i] == '_')
            continue;
        if (*element == '\0' || ((unsigned char)name[i] | 32) != ((unsigned char)*element | 32))
            return false;
        element++;
    }
    return *element == '\0';
}

/*
 * {Series} was always unknown and vanished, and old templates rely on it; so an element whose name is also one of the
 * fields' goes by that name only.
 */
static const char *find_element(const char *name, size_t len)
{
    for (size_t i = 0; i < N_FIELDS; i++)
        if (strlen(field_names[i]) == len && strncasecmp(field_names[i], name, len) == 0)
            return NULL;
    for (size_t i = 0; i < ARRAY_LEN(elements); i++)
        if (names_element(name, len, elements[i]) && strcmp(elements[i], "Pages") != 0)
            return elements[i];
    return NULL;
}

/* Reads "{name}" or "{name:3}" from p to end; false when it is not known. */
static bool read_placeholder(const char *p, const char *end, struct placeholder *ret)
{
    const char *name = p + 1, *stop = end - 1;
    const char *colon = memchr(name, ':', (size_t)(stop - name));
    size_t len = (size_t)((colon ? colon : stop) - name);
    *ret = (struct placeholder){.field = N_FIELDS, .width = -1};
    if (colon) {
        size_t digits = strspn(colon + 1, "0123456789");
        if (digits < 1 || digits > 2 || colon + 1 + digits != stop)
            return false;
        ret->width = 0;
        for (const char *d = colon + 1; d < stop; d++)
            ret->width = ret->width * 10 + (*d - '0');
        if (ret->width > PADDING_MAX)
            return false;
    }
    for (size_t i = 0; i < N_FIELDS; i++)
        if (strlen(field_names[i]) == len && memcmp(field_names[i], name, len) == 0)
            ret->field = (enum field)i;
    if (ret->field == N_FIELDS)
        ret->element = find_element(name, len);
    return ret->field != N_FIELDS || ret->element;
}

/* Where the placeholder at p (a '{') ends, behind its '}'; NULL when it is none: "{}", "{ {series}",
 * "{ and no end". */
static const char *placeholder_end(const char *p)
{
    size_t n = strcspn(p + 1, "{}");
    return n > 0 && p[n + 1] == '}' ? p + n + 2 : NULL;
}

/* ------------------------------------------------------------------ values */

struct value {
    const char *name; /* the placeholder in the template */
    size_t len;
    struct strbuf text;
    bool cuts; /* it may be cut to make the name fit: text, not a number */
};

struct values {
    const struct bookname_tags *tags;
    int padding;
    enum bookname_policy policy;
    struct value known[VALUES_MAX];
    size_t n;
};

static void values_clear(struct values *v)
{
    for (size_t i = 0; i < v->n; i++)
        strbuf_clear(&v->known[i].text);
}
LB_DEFINE_CLEANUP(struct values, values_clear)

static bool is_whole(const char *element)
{
    static const char *const whole[] = {"Count", "AlternateCount", "Month", "Day", "PageCount"};
    for (size_t i = 0; i < ARRAY_LEN(whole); i++)
        if (strcmp(whole[i], element) == 0)
            return true;
    return false;
}

static void fill_element(const struct values *v, const struct placeholder *p, struct value *ret)
{
    const char *text = v->tags->element ? v->tags->element(v->tags->ctx, p->element) : NULL;
    bool whole = is_whole(p->element);
    ret->cuts = !whole && p->width < 0 && strcmp(p->element, "Number") != 0;
    if (!text || (whole && strcmp(text, "-1") == 0)) /* the schema's "not known" */
        return;
    if (whole)
        value_whole(text, p->width, v->policy, &ret->text);
    else if (p->width >= 0)
        value_number(text, p->width, v->policy, &ret->text);
    else
        value_text(text, v->policy, &ret->text);
}

static void fill_value(const struct values *v, const struct placeholder *p, struct value *ret)
{
    const struct bookname_tags *t = v->tags;
    const char *const texts[N_FIELDS] = {t->series, t->issue, t->issue,    t->title,
                                         t->volume, t->year,  t->publisher};
    if (p->element) {
        fill_element(v, p, ret);
        return;
    }
    const char *text = texts[p->field] ? texts[p->field] : "";
    int padding = p->field == ISSUE ? v->padding : 0;
    switch (p->field) {
    case ISSUE:
    case ISSUE_NO_PAD:
        value_number(text, p->width >= 0 ? p->width : padding, v->policy, &ret->text);
        return;
    case VOLUME:
    case YEAR:
        value_whole(text, p->width, v->policy, &ret->text);
        return;
    default:
        value_text(text, v->policy, &ret->text);
        ret->cuts = true;
    }
}

/* The value of the placeholder from p to end; NULL when it is not known, or when there are too many. */
static const struct strbuf *value_of(struct values *v, const char *p, const char *end)
{
    struct placeholder which;
    size_t len = (size_t)(end - p);
    for (size_t i = 0; i < v->n; i++)
        if (v->known[i].len == len && memcmp(v->known[i].name, p, len) == 0)
            return &v->known[i].text;
    if (!read_placeholder(p, end, &which) || v->n == VALUES_MAX)
        return NULL;
    struct value *value = &v->known[v->n++];
    *value = (struct value){.name = p, .len = len};
    fill_value(v, &which, value);
    return &value->text;
}

/* Cuts the longest of the texts in use by `excess` bytes; false when none is long enough to give
 * something. */
static bool shorten(struct values *v, size_t excess)
{
    struct strbuf *longest = NULL;
    for (size_t i = 0; i < v->n; i++) {
        struct strbuf *t = &v->known[i].text;
        if (v->known[i].cuts && t->len > VALUE_KEEP && (!longest || t->len > longest->len))
            longest = t;
    }
    if (!longest)
        return false;
    size_t keep = longest->len > excess + VALUE_KEEP ? longest->len - excess : VALUE_KEEP;
    longest->len = bookname_cut(longest->data, keep);
    longest->data[longest->len] = '\0';
    value_collapse_blanks(longest);
    return true;
}

/* ------------------------------------------------------------------ the template */

/* Where the group at p (a '<') ends, at its '>'; NULL when it is none. */
static const char *group_end(const char *p)
{
    for (p++; *p; p++) {
        if (*p == '<')
            return NULL;
        if (*p == '>')
            return p;
    }
    return NULL;
}

/* From p to end without groups. False when a placeholder was empty. One pass: what a value brings in
 * is not looked at again, so a series named "{issue}" stays that. */
static bool expand_part(const char *p, const char *end, struct values *v, struct strbuf *out)
{
    bool full = true;
    while (p < end) {
        const char *stop = *p == '{' ? placeholder_end(p) : NULL;
        if (!stop || stop > end) {
            size_t n;
            value_add_safe(out, bookname_decode(p, end, &n), v->policy);
            p += n;
            continue;
        }
        const struct strbuf *value = value_of(v, p, stop);
        if (value && value->len > 0)
            strbuf_add(out, value->data, value->len);
        else
            full = false;
        p = stop;
    }
    return full;
}

static void expand(const char *template, struct values *v, struct strbuf *out)
{
    strbuf_reset(out);
    const char *end = template + strlen(template);
    for (const char *p = template; p < end;) {
        const char *stop = *p == '<' ? group_end(p) : NULL;
        size_t before = out->len;
        if (stop) {
            if (!expand_part(p + 1, stop, v, out))
                out->len = before;
            p = stop + 1;
        } else {
            stop = p + 1 + strcspn(p + 1, "<");
            (void)expand_part(p, stop, v, out);
            p = stop;
        }
    }
    if (out->data)
        out->data[out->len] = '\0';
    value_collapse_blanks(out);
}

/* ------------------------------------------------------------------ the name */

/* The length of the extension that the name already ends in, 0 when it has none. */
static size_t own_extension(const struct strbuf *name, const char *extension)
{
    const char *const known[] = {".cbz", ".cbr", extension};
    for (size_t i = 0; i < ARRAY_LEN(known); i++)
        if (bookname_ends_with(strbuf_str(name), name->len, known[i]))
            return strlen(known[i]);
    return 0;
}

/* Is the part before the first dot a device on Windows, where no file can have that name? */
static bool is_device(const char *stem, size_t len)
{
    static const char *const devices[] = {"con", "prn", "aux", "nul", "conin$", "conout$"};
    static const char *const digits[] = {"0", "1", "2", "3",      "4",      "5",     "6",
                                         "7", "8", "9", "\u00b9", "\u00b2", "\u00b3"};
    while (len > 0 && stem[len - 1] == ' ')
        len--;
    for (size_t i = 0; i < ARRAY_LEN(devices); i++)
        if (strlen(devices[i]) == len && strncasecmp(stem, devices[i], len) == 0)
            return true;
    if (len < 4 || (strncasecmp(stem, "com", 3) != 0 && strncasecmp(stem, "lpt", 3) != 0))
        return false;
    for (size_t i = 0; i < ARRAY_LEN(digits); i++)
        if (strlen(digits[i]) == len - 3 && memcmp(stem + 3, digits[i], len - 3) == 0)
            return true;
    return false;
}

/* Takes the extension off `name` into `tail`, and everything off its ends that may not stand there. */
static void split_name(struct strbuf *name, const char *extension, enum bookname_policy policy,
                       struct strbuf *tail)
{
    strbuf_reset(tail);
    size_t own = own_extension(name, extension);
    strbuf_adds(tail, own ? name->data + name->len - own : extension);
    name->len -= own;
    size_t skip = 0;
    while (skip < name->len && (name->data[skip] == '.' || name->data[skip] == ' '))
        skip++;
    while (policy == BOOKNAME_STRICT && tail->len == 0 && name->len > skip &&
           (name->data[name->len - 1] == '.' || name->data[name->len - 1] == ' '))
        name->len--; /* Windows drops them at the end of a name */
    struct strbuf stem = {0};
    size_t word = 0;
    while (skip + word < name->len && name->data[skip + word] != '.')
        word++;
    strbuf_add(&stem, name->len ? name->data + skip : "", word);
    if (policy == BOOKNAME_STRICT && is_device(strbuf_str(&stem), stem.len))
        strbuf_addc(&stem, '_');
    strbuf_add(&stem, name->len ? name->data + skip + word : "", name->len - skip - word);
    strbuf_clear(name);
    *name = stem;
}

static int safe_extension(const char *extension, enum bookname_policy policy, struct strbuf *ret,
                          struct err *err)
{
    for (const char *p = extension, *end = p + strlen(p); p < end;) {
        size_t n;
        value_add_safe(ret, bookname_decode(p, end, &n), policy);
        p += n;
    }
    return ret->len <= EXTENSION_MAX
               ? 0
               : err_set(err, ERR_RANGE, "the extension is over %d bytes", EXTENSION_MAX);
}

int bookname_format(const char *template, int padding, enum bookname_policy policy,
                    const char *extension, const struct bookname_tags *tags,
                    char ret[BOOKNAME_MAX + 1], struct err *err)
{
    if (strlen(template) > TEMPLATE_MAX)
        return err_set(err, ERR_RANGE, "the file name template is over %d bytes", TEMPLATE_MAX);
    struct strbuf end LB_CLEANUP(strbuf_clear) = {0};
    if (safe_extension(extension, policy, &end, err) < 0)
        return -1;

    struct values v LB_CLEANUP(values_clear);
    v.tags = tags;
    v.padding = padding < 0 ? 0 : padding > PADDING_MAX ? PADDING_MAX : padding;
    v.policy = policy;
    v.n = 0;
    struct strbuf name LB_CLEANUP(strbuf_clear) = {0}, tail LB_CLEANUP(strbuf_clear) = {0};
    do {
        expand(template, &v, &name);
        split_name(&name, strbuf_str(&end), policy, &tail);
        /* A long series must not push the number out: all books of it would get one name. */
    } while (name.len + tail.len > BOOKNAME_MAX && shorten(&v, name.len + tail.len - BOOKNAME_MAX));
    if (name.len == 0)
        return err_set(err, ERR_RANGE, "the file name template leaves nothing of the name");
    if (name.len + tail.len > BOOKNAME_MAX)
        name.len = bookname_cut(name.data, BOOKNAME_MAX - tail.len);
    memcpy(ret, name.data, name.len);
    memcpy(ret + name.len, strbuf_str(&tail), tail.len + 1);
    return 0;
}

/* ------------------------------------------------------------------ checks */

bool bookname_unknown_placeholder(const char *template, char ret[BOOKNAME_PLACEHOLDER])
{
    struct placeholder which;
    for (const char *p = template; *p;) {
        const char *stop = *p == '{' ? placeholder_end(p) : NULL;
        if (stop && !read_placeholder(p, stop, &which)) {
            struct strbuf name LB_CLEANUP(strbuf_clear) = {0};
            utf8_append_lossy(&name, p, (size_t)(stop - p));
            size_t max = BOOKNAME_PLACEHOLDER - 1;
            size_t len = name.len <= max ? name.len : bookname_cut(name.data, max);
            memcpy(ret, name.data, len);
            ret[len] = '\0';
            return true;
        }
        p = stop ? stop : p + 1;
    }
    return false;
}

/* Does a placeholder of the template give each book of a series a name of its own? */
static bool tells_apart(const char *template)
{
    struct placeholder which;
    for (const char *p = template; *p;) {
        const char *stop = *p == '{' ? placeholder_end(p) : NULL;
        if (stop && read_placeholder(p, stop, &which) &&
            (which.field == ISSUE || which.field == ISSUE_NO_PAD || which.field == TITLE ||
             (which.element && strcmp(which.element, "Number") == 0)))
            return true;
        p = stop ? stop : p + 1;
    }
    return false;
}

/* Slashes, and < and > in pairs, outside of placeholders. */
static int check_text(const char *template, struct err *err)
{
    bool inside = false;
    for (const char *p = template; *p;) {
        const char *stop = *p == '{' ? placeholder_end(p) : NULL;
        if (*p == '/' || *p == '\\')
            return err_field(err, ERR_RANGE, "format",
                             "the file name template has a slash: books stay in their folder");
        if (*p == '<' && inside)
            return err_field(
                err, ERR_RANGE, "format",
                "the file name template has a < inside of < >: parts cannot be nested");
        if (*p == '>' && !inside)
            return err_field(err, ERR_RANGE, "format",
                             "the file name template has a > without a < before it");
        inside = *p == '<' || (inside && *p != '>');
        p = stop ? stop : p + 1;
    }
    return inside ? err_field(err, ERR_RANGE, "format",
                              "the file name template has a < without a > behind it")
                  : 0;
}

int bookname_check_template(const char *template, struct err *err)
{
    if (template[strspn(template, " ")] == '\0')
        return err_field(err, ERR_BAD_FIELD, "format", "the file name template is empty");
    size_t len = strlen(template);
    if (len > TEMPLATE_MAX)
        return err_field(err, ERR_RANGE, "format",
                         "the file name template has %zu bytes, at most %d", len, TEMPLATE_MAX);
    if (!utf8_valid(template, len))
        return err_field(err, ERR_BAD_FIELD, "format", "the file name template is not UTF-8");
    if (check_text(template, err) < 0)
        return -1;
    if (!tells_apart(template))
        return err_field(
            err, ERR_RANGE, "format",
            "the file name template has no {issue}, {issue_no_pad} or {title}: all books "
            "of a series would get one name");
    return 0;
}
