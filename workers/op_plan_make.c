/* What is to be done to a book: op_plan_make and what it needs. */
#include "op_plan.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bookname.h"
#include "log.h"
#include "op_duplicate.h"
#include "op_move.h"
#include "op_plan_parts.h"
#include "path.h"
#include "strbuf.h"
#include "utf8.h"

#define QUOTED(path) log_quote((path), (char[160]){0}, 160)
#define NUMBER_MAX   64

/* ------------------------------------------------------------------ names */

/* The folder part of a path with `base` behind it. */
static char *with_base(const char *path, const char *base)
{
    struct strbuf b = {0};
    strbuf_add(&b, path, (size_t)(path_base(path) - path));
    strbuf_adds(&b, base);
    return strbuf_take(&b);
}

char *op_parent_name(const char *path)
{
    size_t end = (size_t)(path_base(path) - path);
    if (end == 0)
        return mem_strdup("");
    size_t start = --end; /* at the slash */
    while (start > 0 && path[start - 1] != '/')
        start--;
    return mem_strndup(path + start, end - start);
}

/* Can the text stand in ComicInfo.xml? */
static bool is_xml_text(const char *s)
{
    for (const char *p = s; *p; p++)
        if ((unsigned char)*p < 0x20)
            return false;
    return utf8_valid(s, strlen(s));
}

/* The name of the folder a book is in; that of the library for a book at its root. */
static char *folder_name(const struct op_env *env, const char *path)
{
    char *parent = op_parent_name(path);
    if (parent[0])
        return parent;
    free(parent);
    return mem_strdup(path_base(env->library_root));
}

/* The series that the folder names, or NULL when its name cannot be one. */
static char *folder_series(const char *folder)
{
    char series[PATH_MAX_BYTES];
    bookname_series_from_folder(folder, series, sizeof(series));
    return series[0] && is_xml_text(series) ? mem_strdup(series) : NULL;
}

/* The Number tag without blanks around it, else the number in the name. */
static bool find_number(const struct op_tags *tags, const char *path, char ret[NUMBER_MAX])
{
    if (tags->issue) {
        const char *p = tags->issue + strspn(tags->issue, " \t\n");
        size_t len = strlen(p);
        while (len > 0 && strchr(" \t\n", p[len - 1]))
            len--;
        if (len > 0 && len < NUMBER_MAX) {
            memcpy(ret, p, len);
            ret[len] = '\0';
            return true;
        }
    }
    return bookname_number(path_base(path), ret, NUMBER_MAX);
}

static void set_text(char **at, const char *text)
{
    free(*at);
    *at = mem_strdup(text);
}

/* ------------------------------------------------------------------ the plan */

/* after := before, as `normalize` wants it. */
static void plan_tags(struct op_plan *p, const char *number, const char *series)
{
    if (series)
        set_text(&p->after.series, series);
    if (!number)
        return;
    char title[NUMBER_MAX + 16];
    (void)snprintf(title, sizeof(title), "Chapter %s", number);
    set_text(&p->after.title, title);
    if (!p->after.issue)
        set_text(&p->after.issue, number);
}

/* The template less a book's extension at its end: a file keeps the extension it has. */
static char *bare_template(const char *template)
{
    size_t len = strlen(template);
    return path_is_book(template) ? mem_strndup(template, len - strlen(path_extension(template)))
                                  : mem_strdup(template);
}

/* What {Writer} and the like stand for. */
struct elements {
    const struct book *book;
    const char *number;
};

static const char *element_of(void *ctx, const char *name)
{
    const struct elements *e = ctx;
    return strcmp(name, "Number") == 0 ? e->number : book_tag(e->book, name);
}

/* p->to := the name by the template from `tags`, if it is another one. */
static int plan_name(const struct op_book_options *o, const struct book *book,
                     const struct op_tags *from, struct op_plan *p, struct err *err)
{
    struct elements elements = {book, from->issue};
    struct bookname_tags tags = {
        .series = from->series,
        .title = from->title,
        .volume = from->volume,
        .year = from->year,
        .publisher = from->publisher,
        .issue = from->issue,
        .element = element_of,
        .ctx = &elements,
    };
    char *template LB_CLEANUP(mem_free) = bare_template(o->format);
    char name[BOOKNAME_MAX + 1];
    const char *base = path_base(p->from);
    if (bookname_format(template, o->padding, o->policy, path_extension(base), &tags, name, err) <
        0)
        return err_wrap(err, "%s", QUOTED(p->from));
    if (strcmp(name, base) == 0)
        return 0;
    p->to = with_base(p->from, name);
    if (strlen(p->to) >= PATH_MAX_BYTES)
        return err_set(err, ERR_PATH_INVALID, "the new name of %s makes its path too long",
                       QUOTED(p->from));
    return 0;
}

/* Who has the name now, and where the book goes then. */
static int plan_taken(const struct op_env *env, struct op_plan *p, struct err *err)
{
    int dir LB_CLEANUP(fd_close) = -1;
    const char *base;
    struct stat st;
    if (path_open_parent(env->library_fd, p->from, &dir, &base, err) < 0)
        return -1;
    int taken = op_move_taken(dir, base, path_base(p->to), &st);
    if (taken < 0)
        return err_sys(err, ERR_IO, "look at %s", QUOTED(p->to));
    if (taken == 0)
        return 0;
    p->occupant = file_id_of(&st);
    struct duplicate d = {env, p->from, p->was.dev};
    return env->duplicate_dir ? op_duplicate_plan(&d, &p->duplicate_to, err) : 0;
}

static const char *no_number_note(unsigned what, bool better)
{
    if (better)
        return what & PLAN_NAME ? "no number found: not renamed" : "no number found";
    switch (what) {
    case PLAN_TAGS:
        return "no number found: the title is left as it was";
    case PLAN_NAME:
        return "no number found: not renamed";
    default:
        return "no number found: title and name are left as they were";
    }
}

/*
 * The compatible rule. `ret` is what the new name is made of: the tags as they will be, the series of the folder where
 * there is none, and the number of the name.
 */
static void plan_compatible(struct op_plan *p, const char *folder, unsigned what,
                            struct op_tags *ret)
{
    char text[NUMBER_MAX];
    const char *number = find_number(&p->before, p->from, text) ? text : NULL;
    char *series LB_CLEANUP(mem_free) = folder_series(folder);
    if (what & PLAN_TAGS)
        plan_tags(p, number, series);
    *ret = op_tags_copy(&p->after);
    if (!ret->series && series)
        ret->series = mem_strdup(series);
    free(ret->issue);
    ret->issue = number ? mem_strdup(number) : NULL;
}

/* The parser "better" fills in what is missing, and the name is made of that. */
static int plan_better(struct op_plan *p, const struct op_book_options *o, const char *folder,
                       unsigned what, struct op_tags *ret, struct err *err)
{
    *ret = op_tags_copy(&p->before);
    if (op_plan_better(o, folder, what, p, ret, err) < 0)
        return -1;
    if (what & PLAN_TAGS) {
        op_tags_clear(&p->after);
        p->after = op_tags_copy(ret);
    }
    return 0;
}

int op_plan_make(const struct op_env *env, const char *path, const struct op_book_options *options,
                 unsigned what, struct book **ret_book, struct op_plan *p, struct err *err)
{
    if (book_open(env->library_fd, path, ret_book, err) < 0)
        return -1;
    const struct book *book = *ret_book;
    p->from = mem_strdup(path);
    if (op_plan_identify(env, p->from, &p->was, err) < 0)
        return -1;
    p->before = op_tags_of(book);
    p->after = op_tags_copy(&p->before);
    p->pages = book_pages(book);

    struct op_tags name LB_CLEANUP(op_tags_clear) = {0};
    char *folder LB_CLEANUP(mem_free) = folder_name(env, p->from);
    if (!options->better)
        plan_compatible(p, folder, what, &name);
    else if (plan_better(p, options, folder, what, &name, err) < 0)
        return -1;
    if (!name.issue)
        p->message = mem_strdup(no_number_note(what, options->better));
    if (!name.issue || !(what & PLAN_NAME))
        return 0;
    if (plan_name(options, book, &name, p, err) < 0)
        return -1;
    return p->to ? plan_taken(env, p, err) : 0;
}
