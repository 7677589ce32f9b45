#include "check.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define XXH_INLINE_ALL /* the header alone: nothing more to link or to install where it runs */
#include <xxhash.h>

#include "comicinfo.h"
#include "entry_name.h"
#include "image_head.h"
#include "job.h" /* json_text */
#include "strbuf.h"
#include "utf8.h"
#include "zip.h"

#define HEAD_BYTES   (256u << 10)
#define NAMES_MAX    (32u << 20) /* of all entries together */
#define RATIO_BEGINS (64u << 20) /* unpacked; below it nobody asks */
#define SHOWN_BYTES  200         /* of an entry's name */

static const struct {
    const char *name;
    bool broken;
} problems[] = {
#define PROBLEM(code, name, broken, text) [code] = {name, broken},
#include "problems.def"
#undef PROBLEM
};

const char *problem_name(enum problem p)
{
    return problems[p].name;
}

bool problem_is_broken(enum problem p)
{
    return problems[p].broken;
}

struct seen {
    size_t name_at, name_len; /* in names */
    size_t index;
    XXH128_hash_t hash;
};

struct checker {
    struct strbuf names;
    struct seen *pages, *entries; /* entries: all but folders, for names that stand twice */
    size_t n_pages, n_entries, cap_pages, cap_entries;
    uint64_t file_bytes, total;
    int64_t n_found[2]; /* by broken */
    json_t *found[2];
    char first[240];
    bool incomplete; /* a page could not be read */
    /* the entry that passes by */
    struct seen now;
    bool is_page, is_tags;
    uint64_t size;
    unsigned char *head;
    size_t head_len;
    struct strbuf tags;
    XXH3_state_t *hash;
};

struct checker *checker_new(uint64_t file_bytes)
{
    struct checker *c = mem_new(sizeof(*c));
    c->file_bytes = file_bytes;
    c->head = mem_new(HEAD_BYTES);
    c->hash = XXH3_createState();
    must(c->hash);
    c->found[0] = json_array();
    c->found[1] = json_array();
    return c;
}

void checker_free(struct checker *c)
{
    if (!c)
        return;
    strbuf_clear(&c->names);
    strbuf_clear(&c->tags);
    free(c->pages);
    free(c->entries);
    free(c->head);
    json_decref(c->found[0]);
    json_decref(c->found[1]);
    (void)XXH3_freeState(c->hash);
    free(c);
}

/* ------------------------------------------------------------------ findings */

/* A name as it can be shown: valid UTF-8, not endless. */
static void shown_name(const char *name, size_t len, struct strbuf *ret)
{
    bool cut = len > SHOWN_BYTES;
    utf8_append_lossy(ret, name, cut ? SHOWN_BYTES : len);
    if (cut)
        strbuf_adds(ret, "...");
}

void checker_add(struct checker *c, enum problem p, const char *entry, size_t entry_len,
                 const char *fmt, ...)
{
    bool broken = problem_is_broken(p);
    char text[240];
    va_list ap;
    va_start(ap, fmt);
    (void)vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    if (broken && c->n_found[1] == 0)
        (void)snprintf(c->first, sizeof(c->first), "%s", text);
    c->n_found[broken]++;
    if (json_array_size(c->found[broken]) >= CHECK_PROBLEMS_MAX)
        return;
    json_t *o = json_pack("{s:s, s:b, s:o}", "code", problem_name(p), "broken", (int)broken, "text",
                          json_text(text));
    must(o);
    if (entry) {
        struct strbuf name LB_CLEANUP(strbuf_clear) = {0};
        shown_name(entry, entry_len, &name);
        (void)json_object_set_new(o, "entry", json_text(strbuf_str(&name)));
    }
    (void)json_array_append_new(c->found[broken], o);
}

static const char *name_of(const struct checker *c, const struct seen *s)
{
    return c->names.data + s->name_at;
}

/* A finding about an entry: "'name' <text>". */
static void add_about(struct checker *c, enum problem p, const struct seen *s, const char *text)
{
    struct strbuf name LB_CLEANUP(strbuf_clear) = {0};
    shown_name(name_of(c, s), s->name_len, &name);
    checker_add(c, p, name_of(c, s), s->name_len, "'%s' %s", strbuf_str(&name), text);
}

/* ------------------------------------------------------------------ an entry passes by */

static struct seen *append(struct seen **list, size_t *n, size_t *cap, const struct seen *s)
{
    if (*n == *cap) {
        *cap = *cap ? *cap * 2 : 64;
        *list = realloc(*list, *cap * sizeof(**list));
        must(*list); /* bounded by the archive's limit of entries */
    }
    (*list)[*n] = *s;
    return &(*list)[(*n)++];
}

static int on_begin(void *ctx, const struct entry_info *e, struct err *err)
{
    struct checker *c = ctx;
    if (c->names.len + e->name_len > NAMES_MAX)
        return err_set(err, ERR_BOOK, "the names in the archive are longer than %u MiB",
                       NAMES_MAX >> 20);
    c->now = (struct seen){.name_at = c->names.len, .name_len = e->name_len, .index = e->index};
    strbuf_add(&c->names, e->name, e->name_len);
    c->is_page = entry_is_page(e->name, e->name_len);
    c->is_tags = entry_is_comicinfo(e->name, e->name_len);
    c->size = 0;
    c->head_len = 0;
    strbuf_reset(&c->tags);
    (void)XXH3_128bits_reset(c->hash);
    return 0;
}

static int on_data(void *ctx, const void *bytes, size_t len, struct err *err)
{
    struct checker *c = ctx;
    c->size += len;
    c->total += len;
    if (c->size > CHECK_ENTRY_MAX)
        return err_set(err, ERR_BOOK, "an entry unpacks to more than %llu MiB",
                       CHECK_ENTRY_MAX >> 20);
    if (c->total > CHECK_TOTAL_MAX)
        return err_set(err, ERR_BOOK, "the archive unpacks to more than %llu MiB",
                       CHECK_TOTAL_MAX >> 20);
    if (c->total > RATIO_BEGINS && c->total / CHECK_RATIO_MAX > c->file_bytes)
        return err_set(err, ERR_BOOK, "the archive unpacks to more than %d times its size",
                       CHECK_RATIO_MAX);
    if (c->head_len < HEAD_BYTES) {
        size_t n = len < HEAD_BYTES - c->head_len ? len : HEAD_BYTES - c->head_len;
        memcpy(c->head + c->head_len, bytes, n);
        c->head_len += n;
    }
    if (c->is_tags && c->tags.len <= COMICINFO_MAX_BYTES)
        strbuf_add(&c->tags, bytes, len);
    if (c->is_page)
        (void)XXH3_128bits_update(c->hash, bytes, len);
    return 0;
}

static void check_picture(struct checker *c)
{
    struct image_head head;
    bool whole = c->size == c->head_len;
    const char *why = image_head_read(c->head, c->head_len, whole, &head);
    if (why) {
        add_about(c, PROBLEM_BAD_PICTURE, &c->now, why);
        return;
    }
    size_t len;
    const char *base = entry_base(name_of(c, &c->now), c->now.name_len, &len);
    enum image_kind named = image_kind_of_name(base, len);
    if (named != head.kind) {
        char text[96];
        (void)snprintf(text, sizeof(text), "is %s by its content",
                       head.kind == IMAGE_OTHER ? "a picture of another kind"
                                                : image_kind_name(head.kind));
        add_about(c, PROBLEM_PICTURE_TYPE, &c->now, text);
    }
}

static void check_tags(struct checker *c)
{
    struct comicinfo *info LB_CLEANUP(comicinfo_free) = NULL;
    struct err why = {0};
    if (comicinfo_parse(strbuf_str(&c->tags), c->tags.len, &info, &why) < 0)
        add_about(c, PROBLEM_BAD_TAGS, &c->now, why.msg);
}

/* A file that is neither a page nor tags. */
static void check_other(struct checker *c)
{
    const char *name = name_of(c, &c->now);
    size_t len = c->now.name_len;
    const char *format = zip_other_format(c->head, c->head_len);
    if (entry_is_junk(name, len))
        add_about(c, PROBLEM_JUNK, &c->now, "is of no use to a reader");
    else if (entry_is_archive(name, len) || (format && strstr(format, "archive")))
        add_about(c, PROBLEM_NESTED, &c->now,
                  "is an archive in the archive: readers do not open it");
}

static int on_end(void *ctx, const struct err *why, struct err *err)
{
    struct checker *c = ctx;
    (void)err;
    const char *name = name_of(c, &c->now);
    bool is_folder = c->now.name_len > 0 && name[c->now.name_len - 1] == '/' && c->size == 0;
    if (is_folder)
        return 0;
    if (entry_is_unsafe(name, c->now.name_len))
        add_about(c, PROBLEM_UNSAFE_NAME, &c->now, "is an unsafe name");
    c->now.hash = XXH3_128bits_digest(c->hash);
    (void)append(&c->entries, &c->n_entries, &c->cap_entries, &c->now);
    if (c->is_page)
        (void)append(&c->pages, &c->n_pages, &c->cap_pages, &c->now);
    if (why) {
        c->incomplete |= c->is_page;
        add_about(c, PROBLEM_DAMAGED_ENTRY, &c->now,
                  "is damaged: it does not unpack to what it was");
    } else if (c->is_page) {
        check_picture(c);
    } else if (c->is_tags) {
        check_tags(c);
    } else {
        check_other(c);
    }
    return 0;
}

struct entry_sink checker_sink(struct checker *c)
{
    return (struct entry_sink){.begin = on_begin, .data = on_data, .end = on_end, .ctx = c};
}

/* ------------------------------------------------------------------ the whole */

static int by_name(const void *a, const void *b, void *ctx)
{
    const struct seen *x = a, *y = b;
    int order = entry_compare(name_of(ctx, x), x->name_len, name_of(ctx, y), y->name_len);
    return order ? order : x->index < y->index ? -1 : x->index > y->index;
}

static int by_hash(const void *a, const void *b, void *ctx)
{
    const struct seen *x = a, *y = b;
    int order = XXH128_cmp(&x->hash, &y->hash);
    return order ? order : by_name(a, b, ctx);
}

/* "'b' stands before 'a'": two pages that are not in the order they should be. */
static void add_pair(struct checker *c, enum problem p, const struct seen *a, const struct seen *b,
                     const char *fmt)
{
    struct strbuf x LB_CLEANUP(strbuf_clear) = {0}, y LB_CLEANUP(strbuf_clear) = {0};
    struct strbuf text LB_CLEANUP(strbuf_clear) = {0};
    utf8_append_lossy(&x, name_of(c, a), a->name_len < 80 ? a->name_len : 80);
    utf8_append_lossy(&y, name_of(c, b), b->name_len < 80 ? b->name_len : 80);
    strbuf_addf(&text, "'%s' %s '%s'", strbuf_str(&x), fmt, strbuf_str(&y));
    checker_add(c, p, name_of(c, a), a->name_len, "%s", strbuf_str(&text));
}

/* The pages are sorted as readers show them. */
static void check_order(struct checker *c)
{
    for (size_t i = 1; i < c->n_pages; i++) {
        if (c->pages[i].index < c->pages[i - 1].index) {
            add_pair(c, PROBLEM_PAGE_ORDER, &c->pages[i], &c->pages[i - 1],
                     "stands in the archive before");
            break;
        }
    }
    for (size_t i = 1; i < c->n_pages; i++) {
        const struct seen *a = &c->pages[i - 1], *b = &c->pages[i];
        if (entry_compare_plain(name_of(c, a), a->name_len, name_of(c, b), b->name_len) > 0) {
            add_pair(c, PROBLEM_PAGE_NAMES, b, a, "is shown by simple readers before");
            break;
        }
    }
}

static void check_names(struct checker *c)
{
    if (c->n_entries > 1)
        qsort_r(c->entries, c->n_entries, sizeof(*c->entries), by_name, c);
    for (size_t i = 1; i < c->n_entries; i++) {
        const struct seen *a = &c->entries[i - 1], *b = &c->entries[i];
        if (a->name_len == b->name_len && memcmp(name_of(c, a), name_of(c, b), a->name_len) == 0)
            add_about(c, PROBLEM_SAME_NAME, b, "is there more than once");
    }
}

/* Sorts the pages by their bytes; so it comes last. */
static void check_same_pages(struct checker *c)
{
    if (c->incomplete || c->n_pages < 2)
        return;
    qsort_r(c->pages, c->n_pages, sizeof(*c->pages), by_hash, c);
    for (size_t i = 1; i < c->n_pages; i++)
        if (XXH128_isEqual(c->pages[i].hash, c->pages[i - 1].hash))
            add_pair(c, PROBLEM_SAME_PAGE, &c->pages[i], &c->pages[i - 1],
                     "is the same picture as");
}

/* One hash over those of the pages, in reading order: names, tags and packing do not count. */
static void hash_content(struct checker *c, char ret[CHECK_HASH_SIZE])
{
    (void)XXH3_128bits_reset(c->hash);
    for (size_t i = 0; i < c->n_pages; i++) {
        XXH128_canonical_t bytes;
        XXH128_canonicalFromHash(&bytes, c->pages[i].hash);
        (void)XXH3_128bits_update(c->hash, &bytes, sizeof(bytes));
    }
    XXH128_hash_t h = XXH3_128bits_digest(c->hash);
    (void)snprintf(ret, CHECK_HASH_SIZE, "%016llx%016llx", (unsigned long long)h.high64,
                   (unsigned long long)h.low64);
}

void checker_finish(struct checker *c, struct check_report *ret)
{
    if (c->n_pages > 1)
        qsort_r(c->pages, c->n_pages, sizeof(*c->pages), by_name, c);
    if (c->n_found[1] == 0 && c->n_pages == 0)
        checker_add(c, PROBLEM_NO_PAGES, NULL, 0, "there is no page in it");
    if (c->n_pages > 0 && !c->incomplete && c->n_found[1] == 0)
        hash_content(c, ret->content);
    check_order(c);
    check_names(c);
    check_same_pages(c);
    ret->problems = json_array();
    (void)json_array_extend(ret->problems, c->found[1]);
    (void)json_array_extend(ret->problems, c->found[0]);
    while (json_array_size(ret->problems) > CHECK_PROBLEMS_MAX)
        (void)json_array_remove(ret->problems, json_array_size(ret->problems) - 1);
    ret->n_broken = c->n_found[1];
    ret->n_problems = c->n_found[0] + c->n_found[1];
    ret->pages = (int64_t)c->n_pages;
    ret->entries = (int64_t)c->n_entries;
    ret->bytes = c->total;
    (void)snprintf(ret->first, sizeof(ret->first), "%s", c->first);
}

void check_report_clear(struct check_report *r)
{
    json_decref(r->problems);
    *r = (struct check_report){0};
}
