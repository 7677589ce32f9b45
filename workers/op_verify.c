#include "op_verify.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "book_kind.h"
#include "check.h"
#include "unpack_any.h"
#include "zip.h"

struct verify {
    const struct op_env *env;
    const char *path;
    int fd;
    struct stat st;
    struct checker *checker;
    char format[64];
    const char *unpacked_by; /* NULL: a zip archive, or nobody could */
};

static void verify_clear(struct verify *v)
{
    fd_close(v->fd);
    checker_free(v->checker);
}
LB_DEFINE_CLEANUP(struct verify, verify_clear)

/* An error of the archive becomes a finding; any other one is the item's. */
static int note_fault(struct verify *v, enum problem p, struct err *why, struct err *err)
{
    if (why->code != ERR_BOOK) {
        *err = *why;
        return -1;
    }
    if (strstr(why->msg, "encrypted"))
        p = PROBLEM_ENCRYPTED;
    checker_add(v->checker, p, NULL, 0, "%s", why->msg);
    return 0;
}

static void check_extension(struct verify *v, enum book_kind kind)
{
    if (!book_kind_fits(kind, v->path))
        checker_add(v->checker, PROBLEM_MISNAMED, NULL, 0,
                    "the file is %s: %s would be its extension", book_kind_name(kind),
                    book_kind_extension(kind));
}

static struct entry_sink sink_of(const struct verify *v)
{
    struct entry_sink sink = checker_sink(v->checker);
    sink.cancelled = v->env->cancelled;
    sink.cancel_ctx = v->env->ctx;
    return sink;
}

static int check_zip(struct verify *v, const struct zip *z, struct err *err)
{
    struct err why = {0};
    struct entry_sink sink = sink_of(v);
    (void)snprintf(v->format, sizeof(v->format), "ZIP");
    check_extension(v, BOOK_ZIP);
    if (z->junk_before || z->junk_after)
        checker_add(v->checker, PROBLEM_OTHER_DATA, NULL, 0,
                    "%llu bytes before and %llu behind the archive belong to something else",
                    (unsigned long long)z->junk_before, (unsigned long long)z->junk_after);
    if (zip_check_places(v->fd, z, &why) == 0 && zip_walk(v->fd, z, &sink, &why) == 0)
        return 0;
    return note_fault(v, PROBLEM_DAMAGED, &why, err);
}

/* A reader begins: what an earlier one found of the pages does not count. */
static int begin_check(void *ctx, struct entry_sink *ret, struct err *err)
{
    struct verify *v = ctx;
    (void)err;
    checker_free(v->checker);
    v->checker = checker_new((uint64_t)v->st.st_size);
    *ret = sink_of(v);
    return 0;
}

static int check_other(struct verify *v, enum book_kind kind, struct err *err)
{
    struct err why = {0};
    struct unpack_target target = {begin_check, v};
    struct unpack_report report;
    int rc = unpack_any(v->fd, &UNPACK_LIMITS, &target, &report, &why);
    check_extension(v, kind);
    (void)snprintf(v->format, sizeof(v->format), "%s", report.format);
    v->unpacked_by = report.by;
    if (report.n_skipped > 0)
        checker_add(v->checker, PROBLEM_LINKS, NULL, 0, "%u links or devices were passed over",
                    report.n_skipped);
    return rc < 0 ? note_fault(v, PROBLEM_DAMAGED, &why, err) : 0;
}

static int check_file(struct verify *v, struct err *err)
{
    struct zip z LB_CLEANUP(zip_clear) = {0};
    struct err why = {0};
    if (zip_read(v->fd, (uint64_t)v->st.st_size, &z, &why) == 0)
        return check_zip(v, &z, err);
    if (why.code != ERR_BOOK) {
        *err = why;
        return -1;
    }
    enum book_kind kind = book_kind_of(v->fd, v->path);
    if (kind == BOOK_OTHER || kind == BOOK_ZIP || v->st.st_size == 0)
        return note_fault(
            v, kind == BOOK_OTHER && v->st.st_size > 0 ? PROBLEM_NOT_A_BOOK : PROBLEM_DAMAGED, &why,
            err);
    return check_other(v, kind, err);
}

/* Somebody wrote to it meanwhile: what was found tells of neither the old file nor the new one. */
static int check_unchanged(const struct verify *v, struct err *err)
{
    struct stat now;
    if (fstat(v->fd, &now) < 0)
        return err_sys(err, ERR_IO, "look at the file");
    if (now.st_size != v->st.st_size || now.st_mtim.tv_sec != v->st.st_mtim.tv_sec ||
        now.st_mtim.tv_nsec != v->st.st_mtim.tv_nsec)
        return err_set(err, ERR_BUSY, "the file was changed while it was read; try again");
    return 0;
}

static void fill_result(const struct verify *v, const struct check_report *r, struct op_result *ret)
{
    struct op_check *check = mem_new(sizeof(*check));
    check->st = v->st;
    check->problems = json_dumps(r->problems, JSON_COMPACT);
    must(check->problems);
    check->n_problems = r->n_problems;
    check->pages = r->pages;
    check->content = r->content[0] ? mem_strdup(r->content) : NULL;
    ret->check = check;
    ret->details =
        json_pack("{s:O, s:I, s:I, s:I, s:s, s:s?}", "problems", r->problems, "problem_count",
                  (json_int_t)r->n_problems, "pages", (json_int_t)r->pages, "entries",
                  (json_int_t)r->entries, "format", v->format, "content", check->content);
    must(ret->details);
    if (v->unpacked_by)
        (void)json_object_set_new(ret->details, "unpacked_by", json_string(v->unpacked_by));
}

int op_verify_run(const struct op_env *env, const struct op_item *item, struct op_result *ret,
                  struct err *err)
{
    struct verify v LB_CLEANUP(verify_clear) = {.env = env, .path = item->path, .fd = -1};
    struct check_report r LB_CLEANUP(check_report_clear) = {0};
    if (book_kind_open(env->library_fd, v.path, &v.fd, &v.st, err) < 0)
        return -1;
    v.checker = checker_new((uint64_t)v.st.st_size);
    if (check_file(&v, err) < 0 || check_unchanged(&v, err) < 0)
        return -1;
    checker_finish(v.checker, &r);
    fill_result(&v, &r, ret);
    if (r.n_broken == 0) {
        if (r.n_problems > 0)
            (void)snprintf(ret->message, sizeof(ret->message), "%lld finding%s",
                           (long long)r.n_problems, r.n_problems == 1 ? "" : "s");
        return 0;
    }
    if (r.n_broken == 1)
        return err_set(err, ERR_BOOK, "%s", r.first);
    return err_set(err, ERR_BOOK, "%s (and %lld more)", r.first, (long long)r.n_broken - 1);
}
