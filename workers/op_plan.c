#include "op_plan.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "log.h"
#include "path.h"
#include "strbuf.h"
#include "utf8.h"

#define TAG_MAX                                                                                    \
    1024 /* twelve of them and the paths, escaped, stay below the 64 KiB of an intent  \
                      */

static const struct {
    size_t offset; /* of the char * in struct op_tags */
    const char *name, *element;
} fields[OP_TAGS] = {
    {offsetof(struct op_tags, title), "title", "Title"},
    {offsetof(struct op_tags, series), "series", "Series"},
    {offsetof(struct op_tags, issue), "issue", "Number"},
    {offsetof(struct op_tags, publisher), "publisher", "Publisher"},
    {offsetof(struct op_tags, year), "year", "Year"},
    {offsetof(struct op_tags, volume), "volume", "Volume"},
};

static char **field(struct op_tags *t, size_t i)
{
    return (char **)((char *)t + fields[i].offset);
}

static const char *value(const struct op_tags *t, size_t i)
{
    return *(char *const *)((const char *)t + fields[i].offset);
}

/* ------------------------------------------------------------------ files and tags */

struct file_id file_id_of(const struct stat *st)
{
    return (struct file_id){
        .dev = (int64_t)st->st_dev,
        .ino = (int64_t)st->st_ino,
        .size = (int64_t)st->st_size,
        .mtime_ns = (int64_t)st->st_mtim.tv_sec * 1000000000 + st->st_mtim.tv_nsec,
    };
}

int op_plan_identify(const struct op_env *env, const char *path, struct file_id *ret,
                     struct err *err)
{
    int dir LB_CLEANUP(fd_close) = -1;
    const char *base;
    struct stat st;
    if (path_open_parent(env->library_fd, path, &dir, &base, err) < 0)
        return -1;
    if (fstatat(dir, base, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return err_sys(err, errno == ENOENT ? ERR_NOT_FOUND : ERR_IO, "%s", LOG_QUOTE(path));
    *ret = file_id_of(&st);
    return 0;
}

bool file_id_unchanged(const struct file_id *was, const struct file_id *is)
{
    return was->ino != 0 && is->size == was->size && is->mtime_ns == was->mtime_ns;
}

static char *cut_text(const char *text)
{
    size_t len = text ? strlen(text) : 0;
    if (len > TAG_MAX)
        for (len = TAG_MAX; len > 0 && ((unsigned char)text[len] & 0xc0) == 0x80;)
            len--;
    return len ? mem_strndup(text, len) : NULL;
}

struct op_tags op_tags_of(const struct book *b)
{
    struct op_tags t = {0};
    for (size_t i = 0; i < OP_TAGS; i++)
        *field(&t, i) = cut_text(book_tag(b, fields[i].element));
    return t;
}

void op_tags_set(struct op_tags *t, const char *element, const char *text)
{
    for (size_t i = 0; i < OP_TAGS; i++) {
        if (strcmp(fields[i].element, element) != 0)
            continue;
        free(*field(t, i));
        *field(t, i) = cut_text(text);
    }
}

struct op_tags op_tags_copy(const struct op_tags *t)
{
    struct op_tags copy = {0};
    for (size_t i = 0; i < OP_TAGS; i++)
        if (value(t, i))
            *field(&copy, i) = mem_strdup(value(t, i));
    return copy;
}

static bool same_text(const char *a, const char *b)
{
    return a && b ? strcmp(a, b) == 0 : a == b;
}

bool op_tags_equal(const struct op_tags *a, const struct op_tags *b)
{
    for (size_t i = 0; i < OP_TAGS; i++)
        if (!same_text(value(a, i), value(b, i)))
            return false;
    return true;
}

void op_tags_clear(struct op_tags *t)
{
    for (size_t i = 0; i < OP_TAGS; i++)
        free(*field(t, i));
    *t = (struct op_tags){0};
}

size_t op_tags_changes(const struct op_tags *before, const struct op_tags *after,
                       struct book_change ret[OP_TAGS])
{
    size_t n = 0;
    for (size_t i = 0; i < OP_TAGS; i++)
        if (!same_text(value(before, i), value(after, i)))
            ret[n++] = (struct book_change){fields[i].element, value(after, i)};
    return n;
}

/* ------------------------------------------------------------------ JSON */

/* Bytes, or NULL, as JSON. */
static json_t *put_bytes(const char *s)
{
    if (!s)
        return json_null();
    size_t len = strlen(s);
    if (utf8_valid(s, len))
        return json_stringn(s, len);
    struct strbuf hex LB_CLEANUP(strbuf_clear) = {0};
    for (size_t i = 0; i < len; i++)
        strbuf_addf(&hex, "%02x", (unsigned)(unsigned char)s[i]);
    return json_pack("{s:s}", "hex", strbuf_str(&hex));
}

static int hex_digit(char c)
{
    const char *digits = "0123456789abcdef";
    const char *at = c ? strchr(digits, c) : NULL;
    return at ? (int)(at - digits) : -1;
}

/* A copy of what put_bytes wrote, NULL for null or anything else. */
static char *get_bytes(const json_t *j)
{
    if (json_is_string(j))
        return mem_strdup(json_string_value(j));
    const char *hex = json_string_value(json_object_get(j, "hex"));
    if (!hex)
        return NULL;
    struct strbuf out LB_CLEANUP(strbuf_clear) = {0};
    for (; hex[0] && hex[1]; hex += 2) {
        int high = hex_digit(hex[0]), low = hex_digit(hex[1]);
        if (high < 0 || low < 0 || high + low == 0)
            return NULL;
        strbuf_addc(&out, (char)(high << 4 | low));
    }
    return strbuf_take(&out);
}

static json_t *put_tags(const struct op_tags *t, const char *path)
{
    json_t *j = json_object();
    (void)json_object_set_new(j, "filename", put_bytes(path_base(path)));
    for (size_t i = 0; i < OP_TAGS; i++)
        (void)json_object_set_new(j, fields[i].name, put_bytes(value(t, i)));
    return j;
}

static struct op_tags get_tags(const json_t *j)
{
    struct op_tags t = {0};
    for (size_t i = 0; i < OP_TAGS; i++)
        *field(&t, i) = get_bytes(json_object_get(j, fields[i].name));
    return t;
}

static json_t *put_file(const struct file_id *f)
{
    return json_pack("{s:I, s:I, s:I, s:I}", "dev", (json_int_t)f->dev, "ino", (json_int_t)f->ino,
                     "size", (json_int_t)f->size, "mtime_ns", (json_int_t)f->mtime_ns);
}

static struct file_id get_file(const json_t *j)
{
    return (struct file_id){
        .dev = json_integer_value(json_object_get(j, "dev")),
        .ino = json_integer_value(json_object_get(j, "ino")),
        .size = json_integer_value(json_object_get(j, "size")),
        .mtime_ns = json_integer_value(json_object_get(j, "mtime_ns")),
    };
}

json_t *op_plan_to_json(const struct op_plan *p, const char *op_name)
{
    json_t *j = put_file(&p->was);
    must(j != NULL);
    (void)json_object_set_new(j, "op", json_string(op_name));
    (void)json_object_set_new(j, "from", put_bytes(p->from));
    (void)json_object_set_new(j, "to", put_bytes(p->to));
    (void)json_object_set_new(j, "duplicate_to", put_bytes(p->duplicate_to));
    (void)json_object_set_new(j, "message", put_bytes(p->message));
    if (p->parsed)
        (void)json_object_set(j, "parsed", p->parsed);
    (void)json_object_set_new(j, "before", put_tags(&p->before, p->from));
    (void)json_object_set_new(j, "after", put_tags(&p->after, p->to ? p->to : p->from));
    (void)json_object_set_new(j, "pages", json_integer((json_int_t)p->pages));
    (void)json_object_set(j, "undo", p->undo ? p->undo : json_null());
    (void)json_object_set_new(j, "occupant",
                              p->occupant.ino ? put_file(&p->occupant) : json_null());
    return j;
}

bool op_plan_from_json(const json_t *intent, struct op_plan *ret)
{
    const json_t *before = json_object_get(intent, "before"),
                 *after = json_object_get(intent, "after");
    *ret = (struct op_plan){.from = get_bytes(json_object_get(intent, "from"))};
    if (!ret->from || !json_is_object(before) || !json_is_object(after)) {
        op_plan_clear(ret);
        return false;
    }
    ret->to = get_bytes(json_object_get(intent, "to"));
    ret->duplicate_to = get_bytes(json_object_get(intent, "duplicate_to"));
    ret->message = get_bytes(json_object_get(intent, "message"));
    ret->parsed = json_incref(json_object_get(intent, "parsed"));
    ret->before = get_tags(before);
    ret->after = get_tags(after);
    ret->was = get_file(intent);
    ret->occupant = get_file(json_object_get(intent, "occupant"));
    ret->pages = json_integer_value(json_object_get(intent, "pages"));
    const json_t *undo = json_object_get(intent, "undo");
    ret->undo = json_is_object(undo) ? json_deep_copy(undo) : NULL;
    return true;
}

void op_plan_clear(struct op_plan *p)
{
    json_decref(p->parsed);
    free(p->from);
    free(p->to);
    free(p->duplicate_to);
    free(p->message);
    json_decref(p->undo);
    op_tags_clear(&p->before);
    op_tags_clear(&p->after);
    *p = (struct op_plan){0};
}
