/*
 * library_lab.h - a real library.db behind its gate, and short words for what tests of it do.
 */
#ifndef LIBRARY_LAB_H
#define LIBRARY_LAB_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "board.h"
#include "store.h"
#include "store_library.h"

static struct {
    char dir[64];
    struct board *board;
    struct store *store;
    struct db *db;
} t;

static inline void ok(int rc, const struct err *err)
{
    if (rc < 0)
        fail_msg("%s", err->msg);
}

static inline int setup(void **state)
{
    (void)state;
    struct err err = {0};
    int fd, bells[BOARD_MAX_SLOTS];
    (void)snprintf(t.dir, sizeof(t.dir), "/tmp/lb-test-library-XXXXXX");
    assert_non_null(mkdtemp(t.dir));
    ok(board_create(1, &t.board, &fd, bells, &err), &err);
    (void)close(fd);
    for (int i = 0; i < BOARD_MAX_SLOTS; i++)
        (void)close(bells[i]);
    ok(store_open(t.dir, t.board, &t.store, &err), &err);
    t.db = store_db(t.store, GATE_LIBRARY);
    return 0;
}

static inline int teardown(void **state)
{
    (void)state;
    store_close(t.store);
    static const char *const names[] = {"jobs", "preferences", "library"};
    static const char *const ends[] = {"", "-wal", "-shm"};
    for (size_t i = 0; i < 9; i++) {
        char path[128];
        (void)snprintf(path, sizeof(path), "%s/%s.db%s", t.dir, names[i / 3], ends[i % 3]);
        (void)unlink(path); /* not all of them exist */
    }
    return rmdir(t.dir);
}

static inline void begin(void)
{
    struct err err = {0};
    ok(store_begin(t.store, GATE_LIBRARY, false, &err), &err);
}

static inline void commit(void)
{
    struct err err = {0};
    ok(store_commit(t.store, GATE_LIBRARY, &err), &err);
}

static inline void seen(const char *path, int64_t size, double mtime)
{
    struct err err = {0};
    struct library_found f = {path, {size, mtime, 7}, false};
    ok(store_library_upsert(t.db, &f, 1, 100.0, &err), &err);
}

static inline void gone(const char *path)
{
    struct err err = {0};
    ok(store_library_gone(t.db, &path, 1, 200.0, &err), &err);
}

static inline void mark(const char *path, enum library_mark processed, enum library_mark duplicate)
{
    struct err err = {0};
    assert_int_equal(store_library_mark(t.db, path, processed, duplicate, &err), 1);
}

struct list {
    char text[1024]; /* "a b c": the paths */
    struct library_page page;
};

static inline int add_path(void *ctx, const char *path, struct err *err)
{
    (void)err;
    char *text = ctx;
    size_t len = strlen(text);
    (void)snprintf(text + len, 1024 - len, "%s%s", len ? " " : "", path);
    return 0;
}

static inline int add_file(void *ctx, const struct library_file *f, struct err *err)
{
    return add_path(ctx, f->path, err);
}

static inline struct list list(struct library_query query)
{
    struct err err = {0};
    struct list ret = {0};
    ok(store_library_list(t.db, &query, add_file, ret.text, &ret.page, &err), &err);
    return ret;
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

#endif
