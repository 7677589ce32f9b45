/* comicinfo_edit.c - changes: a list of replaced byte ranges, and one pass that puts them together.
 */
#include "comicinfo.h"

#include <stdlib.h>
#include <string.h>

#include "comicinfo_doc.h"
#include "utf8.h"

/* The bytes [at, at + n_del) give way to `add`. Ranges do not overlap. */
struct edit {
    size_t at;
    size_t n_del;
    int rank; /* of edits at the same place: an element's order, removals last */
    struct strbuf add;
};

struct edits {
    struct edit *list;
    size_t n, cap;
};

static void edits_clear(struct edits *es)
{
    for (size_t i = 0; i < es->n; i++)
        strbuf_clear(&es->list[i].add);
    free(es->list);
    *es = (struct edits){0};
}
LB_DEFINE_CLEANUP(struct edits, edits_clear)

static struct edit *new_edit(struct edits *es, size_t at, size_t n_del, int rank)
{
    if (es->n == es->cap) {
        es->cap = es->cap ? 2 * es->cap : 16;
        es->list = realloc(es->list, es->cap * sizeof(*es->list));
        must(es->list != NULL);
    }
    es->list[es->n] = (struct edit){.at = at, .n_del = n_del, .rank = rank};
    return &es->list[es->n++];
}

static int by_place(const void *a, const void *b)
{
    const struct edit *ea = a;
    const struct edit *eb = b;
    if (ea->at != eb->at)
        return ea->at < eb->at ? -1 : 1;
    return ea->rank - eb->rank;
}

/* XML 1.0, section 2.2 */
bool comicinfo_is_char(unsigned c)
{
    return c == '\t' || c == '\n' || c == '\r' || (c >= 0x20 && c != 0xfffe && c != 0xffff);
}

static int check_value(const char *element, const char *value, struct err *err)
{
    size_t len = strlen(value);
    if (len > COMICINFO_MAX_BYTES)
        return err_field(err, ERR_LIMIT, element, "the value of %s is too large", element);
    for (size_t i = 0, n; i < len; i += n) {
        if (utf8_len((const unsigned char *)value + i, len - i) == 0)
            return err_field(err, ERR_BAD_FIELD, element, "the value of %s is not UTF-8", element);
        if (!comicinfo_is_char(utf8_decode((const unsigned char *)value + i, len - i, &n)))
            return err_field(err, ERR_BAD_FIELD, element,
                             "the value of %s holds a control character", element);
    }
    return 0;
}

static void add_escaped(struct strbuf *out, const char *value, bool ascii_only)
{
    size_t len = strlen(value);
    for (size_t i = 0, n; i < len; i += n) {
        unsigned c = utf8_decode((const unsigned char *)value + i, len - i, &n);
        if (c == '&')
            strbuf_adds(out, "&amp;");
        else if (c == '<')
            strbuf_adds(out, "&lt;");
        else if (c == '>')
            strbuf_adds(out, "&gt;");
        else if (c == '\r' || (ascii_only && c > 0x7f)) /* a bare CR would be read as LF */
            strbuf_addf(out, "&#%u;", c);
        else
            strbuf_add(out, value + i, n);
    }
}

static void add_element(struct strbuf *out, const struct comicinfo *ci, enum comicinfo_element e,
                        const char *value)
{
    strbuf_addf(out, "<%s>", comicinfo_element_name(e));
    add_escaped(out, value, ci->ascii_only);
    strbuf_addf(out, "</%s>", comicinfo_element_name(e));
}

/* Where the line break and indentation before `at` begin; `at` itself when something else stands
 * before it. */
static size_t indent_start(const struct comicinfo *ci, size_t at)
{
    const char *s = ci->text.data;
    size_t i = at;
    while (i > ci->root_inner && (s[i - 1] == ' ' || s[i - 1] == '\t'))
        i--;
    if (i == ci->root_inner || s[i - 1] != '\n')
        return at;
    i--;
    return i > ci->root_inner && s[i - 1] == '\r' ? i - 1 : i;
}

static void remove_child(struct edits *es, const struct comicinfo *ci,
                         const struct comicinfo_child *c)
{
    size_t at = indent_start(ci, c->start);
    (void)new_edit(es, at, c->end - at, EL__COUNT);
}

static void replace_value(struct edits *es, const struct comicinfo *ci,
                          const struct comicinfo_child *c, const char *value)
{
    if (c->end > c->inner_start) {
        struct edit *e = new_edit(es, c->inner_start, c->inner_end - c->inner_start, c->element);
        add_escaped(&e->add, value, ci->ascii_only);
        return;
    }
    struct edit *e = new_edit(es, c->end - 2, 2, c->element); /* "/>" */
    strbuf_addc(&e->add, '>');
    add_escaped(&e->add, value, ci->ascii_only);
    strbuf_addf(&e->add, "</%s>", comicinfo_element_name(c->element));
}

/* The final value of each element that a change names; NULL = not named. */
struct wanted {
    const char *value[EL__COUNT];
};

static bool stays(const struct wanted *w, const struct comicinfo_child *c)
{
    return !w->value[c->element] || w->value[c->element][0] != '\0';
}

/* Puts a new element behind the last of those that come before it by the schema, else before the
 * first after it. */
static void insert_child(struct edits *es, const struct comicinfo *ci, const struct wanted *w,
                         enum comicinfo_element element)
{
    const struct comicinfo_child *before = NULL;
    const struct comicinfo_child *after = NULL;
    for (size_t i = 0; i < ci->n_children; i++) {
        const struct comicinfo_child *c = &ci->children[i];
        if (!stays(w, c))
            continue;
        if (c->element < element)
            before = c;
        else if (!after)
            after = c;
    }
    const char *s = ci->text.data;
    if (before) {
        size_t from = indent_start(ci, before->start);
        struct edit *e = new_edit(es, before->end, 0, element);
        strbuf_add(&e->add, s + from, before->start - from);
        add_element(&e->add, ci, element, w->value[element]);
    } else if (after) {
        size_t from = indent_start(ci, after->start);
        struct edit *e = new_edit(es, after->start, 0, element);
        add_element(&e->add, ci, element, w->value[element]);
        strbuf_add(&e->add, s + from, after->start - from);
    } else {
        bool lines = memchr(s, '\n', ci->text.len) != NULL;
        const char *eol = !lines ? "" : strstr(s, "\r\n") ? "\r\n" : "\n";
        struct edit *e = new_edit(es, ci->root_inner, 0, element);
        strbuf_adds(&e->add, eol);
        strbuf_adds(&e->add, lines ? "  " : "");
        add_element(&e->add, ci, element, w->value[element]);
    }
}

/* The edits for one named element. Nothing differs: none. */
static void plan_element(struct edits *es, const struct comicinfo *ci, const struct wanted *w,
                         enum comicinfo_element element)
{
    const char *value = w->value[element];
    bool found = false;
    bool differs = false;
    for (size_t i = 0; i < ci->n_children; i++) {
        const struct comicinfo_child *c = &ci->children[i];
        if (c->element != element)
            continue;
        found = true;
        differs = differs || strcmp(c->value, value) != 0;
    }
    if (!found && value[0] != '\0')
        insert_child(es, ci, w, element);
    if (!differs)
        return;
    bool first = true;
    for (size_t i = 0; i < ci->n_children; i++) {
        const struct comicinfo_child *c = &ci->children[i];
        if (c->element != element)
            continue;
        if (!first || value[0] == '\0')
            remove_child(es, ci, c);
        else if (strcmp(c->value, value) != 0)
            replace_value(es, ci, c, value);
        first = false;
    }
}

static void put_together(const struct comicinfo *ci, struct edits *es, struct strbuf *out)
{
    size_t done = 0;
    qsort(es->list, es->n, sizeof(*es->list), by_place);
    for (size_t i = 0; i < es->n; i++) {
        const struct edit *e = &es->list[i];
        must(e->at >= done);
        strbuf_add(out, ci->text.data + done, e->at - done);
        strbuf_add(out, strbuf_str(&e->add), e->add.len);
        done = e->at + e->n_del;
    }
    strbuf_add(out, ci->text.data + done, ci->text.len - done);
}

static int read_changes(const struct book_change *changes, size_t n, struct wanted *ret,
                        struct err *err)
{
    *ret = (struct wanted){0};
    for (size_t i = 0; i < n; i++) {
        const char *value = changes[i].value ? changes[i].value : "";
        enum comicinfo_element e = comicinfo_element_find(changes[i].element);
        if (e == EL__COUNT || e == EL_Pages) /* Pages holds elements, not text */
            return err_field(err, ERR_BAD_FIELD, changes[i].element, "%s is not a tag of a book",
                             changes[i].element);
        if (check_value(changes[i].element, value, err) < 0)
            return -1;
        ret->value[e] = value;
    }
    return 0;
}

/* <ComicInfo/> has no inside: a copy of the document with <ComicInfo></ComicInfo>. */
static int open_root(const struct comicinfo *ci, struct comicinfo **ret, struct err *err)
{
    struct strbuf text LB_CLEANUP(strbuf_clear) = {0};
    strbuf_add(&text, ci->text.data, ci->root_end - 2);
    strbuf_adds(&text, "></ComicInfo>");
    strbuf_add(&text, ci->text.data + ci->root_end, ci->text.len - ci->root_end);
    return comicinfo_parse(text.data, text.len, ret, err);
}

/* Our own work is read again before anyone else reads it. */
static int check_result(const struct comicinfo *ci, const struct wanted *w)
{
    for (int e = 0; e < EL__COUNT; e++) {
        if (!w->value[e])
            continue;
        const char *got = comicinfo_get(ci, comicinfo_element_name((enum comicinfo_element)e));
        if (strcmp(got ? got : "", w->value[e]) != 0)
            return -1;
    }
    return 0;
}

int comicinfo_apply(const struct comicinfo *ci, const struct book_change *changes, size_t n,
                    struct comicinfo **ret, struct err *err)
{
    struct wanted w;
    struct edits es LB_CLEANUP(edits_clear) = {0};
    struct comicinfo *opened LB_CLEANUP(comicinfo_free) = NULL;
    struct strbuf text LB_CLEANUP(strbuf_clear) = {0};
    if (read_changes(changes, n, &w, err) < 0)
        return -1;
    if (ci->root_end == ci->root_inner) {
        if (open_root(ci, &opened, err) < 0)
            return -1;
        ci = opened;
    }
    for (int e = 0; e < EL__COUNT; e++)
        if (w.value[e])
            plan_element(&es, ci, &w, (enum comicinfo_element)e);
    *ret = NULL;
    if (es.n == 0)
        return 0;
    put_together(ci, &es, &text);
    if (text.len > COMICINFO_MAX_BYTES)
        return err_set(err, ERR_LIMIT, "ComicInfo.xml would become too large");
    struct comicinfo *changed LB_CLEANUP(comicinfo_free) = NULL;
    if (comicinfo_parse(text.data, text.len, &changed, err) < 0 || check_result(changed, &w) < 0)
        return err_set(err, ERR_INTERNAL, "the changed ComicInfo.xml cannot be read again");
    *ret = changed;
    changed = NULL;
    return 0;
}
