/*
 * op_lab.h - a small library in a folder of its own, books to put into it, and operations to run on
 * them. For the tests of operations; each includes it once. A function that a test does not need
 * costs nothing.
 */
#ifndef LB_OP_LAB_H
#define LB_OP_LAB_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <zlib.h>

#include "book.h"
#include "op.h"
#include "strbuf.h"

/* ------------------------------------------------------------------ a library to work on */

#define LAB_FN static __attribute__((unused))

struct lab {
    char dir[64], library[80], duplicates[160];
    struct op_env env;
    json_t *intent; /* the last one declared */
    char *target;
    int declared;
    enum err_code refuse; /* what declare answers, ERR_NONE = 0 */
    json_t *planned;      /* of a preview: path -> would it be taken */
    const char *path;     /* of the item that runs */
    bool cancel;
};

LAB_FN FILE *lab_file(const struct lab *l, const char *name, const char *mode)
{
    char path[128];
    (void)snprintf(path, sizeof(path), "%s/%s", l->dir, name);
    return fopen(path, mode);
}

LAB_FN int lab_declare(void *ctx, const json_t *intent, const char *target,
                       const struct tail_write *write, struct err *err)
{
    struct lab *l = ctx;
    if (l->refuse != ERR_NONE)
        return err_set(err, l->refuse, "another item works on it");
    char *text = json_dumps(intent, 0);
    assert_true(strlen(text) < 262144);
    FILE *f = lab_file(l, "intent", "w"); /* a killed child leaves it for its parent */
    assert_non_null(f);
    (void)fputs(text, f);
    assert_int_equal(fclose(f), 0);
    f = lab_file(l, "record", "w");
    assert_true(f && (!write || fwrite(write, sizeof(*write), 1, f) == 1));
    assert_int_equal(fclose(f), 0);
    json_decref(l->intent);
    l->intent = json_loads(text, 0, NULL);
    free(text);
    free(l->target);
    l->target = target ? mem_strdup(target) : NULL;
    l->declared++;
    return 0;
}

LAB_FN void lab_write_over(void *ctx)
{
    FILE *f = lab_file(ctx, "record", "w");
    assert_non_null(f);
    assert_int_equal(fclose(f), 0);
}

/* What a worker does for a dead one before the item runs again. */
LAB_FN void lab_recover(const struct lab *l, const char *path)
{
    struct tail_write w;
    struct err err = {0};
    enum book_recovery got;
    FILE *f = lab_file(l, "record", "r");
    bool left = f && fread(&w, sizeof(w), 1, f) == 1;
    if (f)
        (void)fclose(f);
    if (left && book_recover(l->env.library_fd, path, NULL, true, &w, &got, &err) < 0)
        fail_msg("%s", err.msg);
    assert_true(!left || got != BOOK_MISFIT);
}

/* As store_plan_name. */
LAB_FN int lab_plan_name(void *ctx, const char *to, bool on_disk, bool *ret_taken, struct err *err)
{
    struct lab *l = ctx;
    (void)err;
    json_t *known = to ? json_object_get(l->planned, to) : NULL;
    *ret_taken = known ? json_is_true(known) : on_disk;
    if (*ret_taken)
        return 0;
    (void)json_object_set_new(l->planned, l->path, json_false());
    if (to)
        (void)json_object_set_new(l->planned, to, json_true());
    return 0;
}

LAB_FN bool lab_cancelled(void *ctx)
{
    return ((struct lab *)ctx)->cancel;
}

LAB_FN int remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
    (void)st, (void)flag, (void)ftw;
    return remove(path);
}

LAB_FN void lab_close(struct lab *l)
{
    if (!l->dir[0])
        return;
    fd_close(l->env.library_fd);
    json_decref(l->intent);
    json_decref(l->planned);
    free(l->target);
    (void)nftw(l->dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    *l = (struct lab){0};
}
LB_DEFINE_CLEANUP(struct lab, lab_close)

/* The library is l->dir/library; the folder for duplicates, used by tests that set it, beside it.
 */
LAB_FN void lab_open_at(struct lab *l, const char *dir)
{
    *l = (struct lab){0};
    (void)snprintf(l->dir, sizeof(l->dir), "%s", dir);
    (void)snprintf(l->library, sizeof(l->library), "%s/library", l->dir);
    (void)snprintf(l->duplicates, sizeof(l->duplicates), "%s/duplicates", l->dir);
    assert_int_equal(mkdir(l->library, 0755), 0);
    assert_int_equal(mkdir(l->duplicates, 0755), 0);
    l->env = (struct op_env){
        .library_fd = open(l->library, O_PATH | O_DIRECTORY | O_CLOEXEC),
        .library_root = l->library,
        .filename_format = "{series} - Chapter {issue}",
        .issue_padding = 4,
        .ctx = l,
        .declare = lab_declare,
        .write_over = lab_write_over,
        .cancelled = lab_cancelled,
        .plan_name = lab_plan_name,
    };
    l->planned = json_object();
    assert_true(l->env.library_fd >= 0);
}

LAB_FN void lab_open(struct lab *l)
{
    char dir[] = "/tmp/longbox-op-XXXXXX";
    assert_non_null(mkdtemp(dir));
    lab_open_at(l, dir);
}

LAB_FN void put16(struct strbuf *b, unsigned v)
{
    strbuf_addc(b, (char)(v & 0xff));
    strbuf_addc(b, (char)(v >> 8 & 0xff));
}

LAB_FN void put32(struct strbuf *b, unsigned long v)
{
    put16(b, (unsigned)(v & 0xffff));
    put16(b, (unsigned)(v >> 16 & 0xffff));
}

/* One stored member, into the archive and its directory. */
LAB_FN void zip_member(struct strbuf *file, struct strbuf *dir, const char *name, const char *data)
{
    size_t at = file->len, len = strlen(data);
    struct strbuf common LB_CLEANUP(strbuf_clear) = {0};
    put16(&common, 20);
    put16(&common, 0);
    put16(&common, 0);
    put32(&common, 0x58210000); /* 2024-01-01 00:00 */
    put32(&common, crc32(0, (const unsigned char *)data, (unsigned)len));
    put32(&common, len);
    put32(&common, len);
    put16(&common, (unsigned)strlen(name));
    put16(&common, 0);
    strbuf_add(file, "PK\3\4", 4);
    strbuf_add(file, common.data, common.len);
    strbuf_adds(file, name);
    strbuf_adds(file, data);
    strbuf_add(dir, "PK\1\2", 4);
    put16(dir, 20);
    strbuf_add(dir, common.data, common.len);
    put16(dir, 0);
    put16(dir, 0);
    put16(dir, 0);
    put32(dir, 0);
    put32(dir, at);
    strbuf_adds(dir, name);
}

LAB_FN void write_file(const struct lab *l, const char *path, const char *data, size_t len)
{
    char full[512];
    (void)snprintf(full, sizeof(full), "%s/%s", l->dir, path);
    for (char *p = strchr(full + strlen(l->dir) + 1, '/'); p; p = strchr(p + 1, '/')) {
        *p = '\0';
        (void)mkdir(full, 0755); /* may be there */
        *p = '/';
    }
    FILE *f = fopen(full, "w");
    assert_non_null(f);
    assert_int_equal(fwrite(data, 1, len, f), len);
    assert_int_equal(fclose(f), 0);
}

/* A book at l->dir/path with two pages; `tags` is the inside of ComicInfo, NULL = none. */
LAB_FN void write_book(const struct lab *l, const char *path, const char *tags)
{
    struct strbuf file LB_CLEANUP(strbuf_clear) = {0}, dir LB_CLEANUP(strbuf_clear) = {0};
    zip_member(&file, &dir, "001.jpg", "first page");
    zip_member(&file, &dir, "002.jpg", "second page");
    unsigned n = 2;
    if (tags) {
        struct strbuf xml LB_CLEANUP(strbuf_clear) = {0};
        strbuf_addf(&xml, "<?xml version=\"1.0\"?>\n<ComicInfo>%s</ComicInfo>\n", tags);
        zip_member(&file, &dir, "ComicInfo.xml", strbuf_str(&xml));
        n++;
    }
    size_t at = file.len;
    strbuf_add(&file, dir.data, dir.len);
    strbuf_add(&file, "PK\5\6\0\0\0", 8);
    put16(&file, n);
    put16(&file, n);
    put32(&file, dir.len);
    put32(&file, at);
    put16(&file, 0);
    write_file(l, path, file.data, file.len);
}

LAB_FN bool exists(const struct lab *l, const char *path)
{
    char full[512];
    struct stat st;
    (void)snprintf(full, sizeof(full), "%s/%s", l->dir, path);
    return lstat(full, &st) == 0;
}

LAB_FN ino_t inode(const struct lab *l, const char *path)
{
    char full[512];
    struct stat st;
    (void)snprintf(full, sizeof(full), "%s/%s", l->dir, path);
    assert_int_equal(stat(full, &st), 0);
    return st.st_ino;
}

/* An element of the book at l->dir/path, "" when it has none. */
LAB_FN const char *tag(const struct lab *l, const char *path, const char *element)
{
    static char text[256];
    struct err err = {0};
    struct book *b LB_CLEANUP(book_close) = NULL;
    int root LB_CLEANUP(fd_close) = open(l->dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (book_open(root, path, &b, &err) < 0)
        fail_msg("%s: %s", path, err.msg);
    const char *value = book_tag(b, element);
    (void)snprintf(text, sizeof(text), "%s", value ? value : "");
    return text;
}

static struct strbuf *listing;
static const struct lab *listed;

LAB_FN int list_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
    (void)st, (void)ftw;
    const char *name = path + strlen(listed->dir) + 1;
    size_t len = strlen(path);
    if (flag != FTW_F || strcmp(name, "intent") == 0 || strcmp(name, "record") == 0)
        return 0;
    strbuf_addf(listing, "%s", name);
    if (len > 4 && strcasecmp(path + len - 4, ".cbz") == 0) {
        static const char *const elements[] = {"Title", "Series", "Number", "Writer"};
        for (size_t i = 0; i < ARRAY_LEN(elements); i++)
            strbuf_addf(listing, " | %s", tag(listed, name, elements[i]));
    }
    strbuf_addc(listing, '\n');
    return 0;
}

LAB_FN int compare_lines(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Every file with its tags, sorted: what a library is, as text. */
LAB_FN char *world(const struct lab *l)
{
    struct strbuf b LB_CLEANUP(strbuf_clear) = {0}, sorted = {0};
    listing = &b;
    listed = l;
    assert_int_equal(nftw(l->dir, list_one, 16, FTW_PHYS), 0);
    char *lines[64], *rest = b.data;
    size_t n = 0;
    for (char *line; rest && (line = strsep(&rest, "\n")) != NULL && n < 64;)
        if (line[0])
            lines[n++] = line;
    qsort(lines, n, sizeof(lines[0]), compare_lines);
    for (size_t i = 0; i < n; i++)
        strbuf_addf(&sorted, "%s\n", lines[i]);
    return strbuf_take(&sorted);
}

/* ------------------------------------------------------------------ running */

/* `text` is the JSON of the options. */
LAB_FN int run_with(struct lab *l, const char *op, const char *path, const char *text,
                    const json_t *intent, struct op_result *ret, struct err *err)
{
    json_t *options = json_loads(text, 0, NULL);
    assert_non_null(options);
    l->path = path;
    struct op_item item = {.job_id = "job",
                           .seq = 1,
                           .path = path,
                           .attempt = intent ? 2 : 1,
                           .intent = intent,
                           .options = options};
    int rc = op_find(op)->run(&l->env, &item, ret, err);
    json_decref(options);
    return rc;
}

LAB_FN int run(struct lab *l, const char *op, const char *path, const json_t *intent,
               struct op_result *ret, struct err *err)
{
    return run_with(l, op, path, "{}", intent, ret, err);
}

/* Runs and expects success. */
LAB_FN void run_ok(struct lab *l, const char *op, const char *path, struct op_result *ret)
{
    struct err err = {0};
    if (run(l, op, path, NULL, ret, &err) < 0)
        fail_msg("%s %s: %s", op, path, err.msg);
}

LAB_FN const char *show(const char *s)
{
    return s ? s : "-";
}

LAB_FN void show_tags(struct strbuf *b, const struct op_tags *t)
{
    strbuf_addf(b, " [%s|%s|%s|%s|%s|%s]", show(t->title), show(t->series), show(t->issue),
                show(t->publisher), show(t->year), show(t->volume));
}

/* A result as text, to compare two of them. */
LAB_FN char *result_text(const struct op_result *r)
{
    struct strbuf b = {0};
    char *details = r->details ? json_dumps(r->details, JSON_SORT_KEYS) : mem_strdup("-");
    strbuf_addf(&b, "final=%s changed=%d marks=%d%d message=%s details=%s", show(r->final_path),
                r->changed_file, r->mark_processed, r->mark_duplicate, r->message, details);
    show_tags(&b, &r->before);
    show_tags(&b, &r->after);
    char *undo = r->undo ? json_dumps(r->undo, JSON_SORT_KEYS) : mem_strdup("-");
    strbuf_addf(&b, " undo=%s", undo);
    free(undo);
    free(details);
    return strbuf_take(&b);
}

/* A child does it and dies at the n-th passage of the point. false: it got through without passing it so often. */
LAB_FN bool dies_at(struct lab *l, const char *point, int n, int (*body)(struct lab *l, void *arg),
                    void *arg)
{
    (void)fflush(NULL);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        char fault[64];
        (void)snprintf(fault, sizeof(fault), "%s:%d:kill", point, n);
        (void)setenv("LB_FAULT", fault, 1);
        _exit(body(l, arg) == 0 ? 0 : 1);
    }
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    if (WIFSIGNALED(status)) {
        assert_int_equal(WTERMSIG(status), SIGKILL);
        return true;
    }
    assert_int_equal(WEXITSTATUS(status), 0);
    return false;
}

struct one_run {
    const char *op, *book, *options;
};

LAB_FN int run_one(struct lab *l, void *arg)
{
    const struct one_run *one = arg;
    struct op_result r = {0};
    struct err err = {0};
    return run_with(l, one->op, one->book, one->options, NULL, &r, &err);
}

LAB_FN bool killed_at(struct lab *l, const char *op, const char *book, const char *options,
                      const char *point, int n)
{
    struct one_run one = {op, book, options};
    return dies_at(l, point, n, run_one, &one);
}

/* What the one that died had declared. */
LAB_FN json_t *declared_intent(const struct lab *l)
{
    char path[128];
    (void)snprintf(path, sizeof(path), "%s/intent", l->dir);
    json_t *j = json_load_file(path, 0, NULL);
    assert_non_null(j);
    return j;
}

#endif
