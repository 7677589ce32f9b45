/*
 * test_comicinfo_edit.c - random documents and random changes: every change is read back, nothing else is, and every
 * byte that is not of a changed value is there, in its order. The seeds are fixed; a failure names its own.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "comicinfo.h"
#include "strbuf.h"

#define ROUNDS     4000
#define PIECES_MAX 24

static const char *const names[] = {
#define ELEMENT(name, kind) #name,
#include "comicinfo_elements.def"
#undef ELEMENT
};

static uint64_t seed;

static unsigned below(unsigned n)
{
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return (unsigned)(seed >> 33) % n;
}

/* A part of the document directly below the root. */
struct piece {
    const char *element; /* NULL: none that we know */
    char head[80], inner[160], tail[80];
    bool changed; /* its value */
    bool gone;
};

struct doc {
    struct piece pieces[PIECES_MAX];
    int n;
    char before[160], after[80]; /* root and prolog; the end */
    bool sorted;                 /* known elements come in the order of the schema */
};

#define PICK(list) ((list)[below(ARRAY_LEN(list))])

static const char *const unknown[] = {
    "<!-- a < b & c --> ",
    "<my:Shelf my:row='3'><![CDATA[<Title>no</Title>]]></my:Shelf>",
    "<Future><Title>inside</Title></Future>",
    "<?note Title?>",
    "\r\n\t<title>other case</title>",
    "<Empty/>",
    "text between ",
    "&#x41;&lt;",
};
static const char *const values[] = {
    "plain",        "a &amp; b", "<![CDATA[raw < & ]]>", "&#233;<!-- c -->t", "two\r\nlines",
    "\xe2\x82\xac", " blanks "};
static const char *const blanks[] = {"", "\n  ", "\r\n\t", " "};
static const char *const fresh[] = {"new", "a & <b> ]]>", "line\r\nline", "\xf0\x9f\xa6\x8a",
                                    " x "};

static void make_known(struct piece *p, const char *element)
{
    p->element = element;
    (void)snprintf(p->head, sizeof(p->head), "%s<%s%s>", PICK(blanks), element,
                   below(4) ? "" : " xml:space='preserve'");
    (void)snprintf(p->inner, sizeof(p->inner), "%s", PICK(values));
    (void)snprintf(p->tail, sizeof(p->tail), "</%s%s>", element, below(4) ? "" : " ");
}

static void make_doc(struct doc *d)
{
    static const char *const prologs[] = {"", "\xef\xbb\xbf", "<?xml version='1.0'?>\n<!-- top -->",
                                          "<?xml version=\"1.0\" encoding=\"utf-8\"?>\r\n"};
    *d = (struct doc){.sorted = below(2)};
    (void)snprintf(d->before, sizeof(d->before), "%s<ComicInfo xmlns:my=\"urn:x\"%s>",
                   PICK(prologs), below(2) ? "" : " xmlns:xsi='urn:y' ");
    (void)snprintf(d->after, sizeof(d->after), "%s</ComicInfo>%s", PICK(blanks),
                   below(2) ? "" : "\n<!-- end -->\n");
    size_t next = 0;
    bool used[ARRAY_LEN(names)] = {false};
    for (unsigned n = below(PIECES_MAX); d->n < (int)n;) {
        struct piece *p = &d->pieces[d->n++];
        size_t e = d->sorted ? next + below(4) : below(ARRAY_LEN(names));
        if (below(3) == 0 || e >= ARRAY_LEN(names) || used[e]) {
            (void)snprintf(p->inner, sizeof(p->inner), "%s", PICK(unknown));
        } else if (strcmp(names[e], "Pages") == 0) {
            p->element = "Pages";
            (void)snprintf(p->inner, sizeof(p->inner), "<Pages><Page Image='0'/></Pages>");
            used[e] = true;
            next = e + 1;
        } else {
            make_known(p, names[e]);
            used[e] = true;
            next = e + 1;
        }
    }
}

static void write_doc(const struct doc *d, struct strbuf *out)
{
    strbuf_adds(out, d->before);
    for (int i = 0; i < d->n; i++)
        strbuf_addf(out, "%s%s%s", d->pieces[i].head, d->pieces[i].inner, d->pieces[i].tail);
    strbuf_adds(out, d->after);
}

static struct comicinfo *parse(const struct strbuf *text)
{
    struct comicinfo *ci = NULL;
    struct err err = {0};
    if (comicinfo_parse(text->data, text->len, &ci, &err) < 0)
        fail_msg("%s in\n%s", err.msg, text->data);
    return ci;
}

/* Up to four changes of different elements; each of a piece that is there marks it. */
static size_t make_changes(struct doc *d, struct book_change ret[4])
{
    size_t n = 1 + below(4), made = 0;
    while (made < n) {
        const char *element = PICK(names);
        bool again = strcmp(element, "Pages") == 0;
        for (size_t i = 0; i < made; i++)
            again = again || strcmp(ret[i].element, element) == 0;
        if (again)
            continue;
        ret[made] = (struct book_change){element, below(3) ? PICK(fresh) : NULL};
        for (int i = 0; i < d->n; i++) {
            struct piece *p = &d->pieces[i];
            if (!p->element || strcmp(p->element, element) != 0)
                continue;
            p->changed = true;
            p->gone = ret[made].value == NULL;
        }
        made++;
    }
    return made;
}

/* The next place of `part` in the new document; everything before it is left behind. */
static const char *pass(const char *at, const char *part, const char *whole)
{
    const char *found = strstr(at, part);
    if (!found)
        fail_msg("\"%s\" is not where it was in\n%s", part, whole);
    return found + strlen(part);
}

/* Blanks before an element may go with it. */
static const char *less_blanks(const char *s)
{
    return s + strspn(s, " \t\r\n");
}

static void rest_is_as_it_was(const struct doc *d, const char *now)
{
    const char *at = now;
    assert_memory_equal(now, d->before, strlen(d->before));
    at += strlen(d->before);
    for (int i = 0; i < d->n; i++) {
        const struct piece *p = &d->pieces[i];
        if (p->gone)
            continue;
        at = pass(at, less_blanks(p->head), now);
        if (!p->changed)
            at = pass(at, p->inner, now);
        at = pass(at, p->tail, now);
    }
    size_t len = strlen(d->after), whole = strlen(now);
    assert_true(at <= now + whole - len);
    assert_string_equal(now + whole - len, d->after);
}

static bool is_changed(const struct book_change *changes, size_t n, const char *element)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(changes[i].element, element) == 0)
            return true;
    return false;
}

static void values_are(const struct comicinfo *was, const struct comicinfo *is,
                       const struct book_change *changes, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const char *got = comicinfo_get(is, changes[i].element);
        assert_string_equal(got ? got : "", changes[i].value ? changes[i].value : "");
    }
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        const char *a = comicinfo_get(was, names[i]), *b = comicinfo_get(is, names[i]);
        if (!is_changed(changes, n, names[i]))
            assert_string_equal(a ? a : "", b ? b : "");
    }
}

/* In a document that keeps the order of the schema every element is where the schema wants it. */
static void order_is_kept(const struct doc *d, const char *now)
{
    const char *last = now;
    for (size_t i = 0; d->sorted && i < ARRAY_LEN(names); i++) {
        bool there = false;
        char tag[40];
        (void)snprintf(tag, sizeof(tag), "</%s", names[i]);
        for (const char *at = now; (at = strstr(at, tag)) != NULL; at++) {
            bool whole = strchr("> ", at[strlen(tag)]) != NULL;
            bool inside =
                strncmp(at, "</Title></Future>", 17) == 0 || strncmp(at, "</Title>]]>", 11) == 0;
            if (!whole || inside)
                continue;
            assert_false(there);
            there = true;
            if (at < last)
                fail_msg("%s stands too early in\n%s", names[i], now);
            last = at;
        }
    }
}

static void only_the_changed_values_differ(void **state)
{
    (void)state;
    for (int round = 0; round < ROUNDS; round++) {
        struct doc d;
        struct book_change changes[4];
        struct strbuf text LB_CLEANUP(strbuf_clear) = {0};
        struct comicinfo *now LB_CLEANUP(comicinfo_free) = NULL;
        struct err err = {0};
        seed = (uint64_t)round;
        make_doc(&d);
        write_doc(&d, &text);
        struct comicinfo *was LB_CLEANUP(comicinfo_free) = parse(&text);
        size_t n = make_changes(&d, changes);
        if (comicinfo_apply(was, changes, n, &now, &err) < 0)
            fail_msg("seed %d: %s", round, err.msg);
        if (!now)
            continue; /* values that it had, or had not */
        size_t len;
        const char *bytes = comicinfo_bytes(now, &len);
        struct strbuf again LB_CLEANUP(strbuf_clear) = {0};
        strbuf_add(&again, bytes, len);
        struct comicinfo *is LB_CLEANUP(comicinfo_free) = parse(&again);
        values_are(was, is, changes, n);
        rest_is_as_it_was(&d, bytes);
        order_is_kept(&d, bytes);
        struct comicinfo *third LB_CLEANUP(comicinfo_free) = NULL;
        assert_int_equal(comicinfo_apply(is, changes, n, &third, &err), 0);
        assert_null(third); /* once more changes nothing */
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_the_changed_values_differ),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
