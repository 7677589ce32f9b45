/*
 * model_lab.h - trying every order of steps on a real store, once from each state that can be reached.
 *
 * All of it is one transaction: a step is a savepoint, so going back to a state is a rollback.
 */
#ifndef MODEL_LAB_H
#define MODEL_LAB_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store_db.h"
#include "store_fixture.h"

#define MODEL_DEPTH 4000

static struct {
    void *seen; /* tsearch: the states that were tried from */
    long states, steps, ends;
    const char *path[MODEL_DEPTH]; /* how we came here, for the message of a failure */
    int depth;
    sqlite3_stmt *asked[40];
    int n_asked;
} lab;

static inline void broken(const char *rule)
{
    for (int i = 0; i < lab.depth; i++)
        print_error("  %s\n", lab.path[i]);
    fail_msg("%s", rule);
}

/* Statements are prepared once: they are asked some hundred thousand times. */
static inline sqlite3_stmt *prepared(const char *sql)
{
    for (int i = 0; i < lab.n_asked; i++)
        if (strcmp(sqlite3_sql(lab.asked[i]), sql) == 0)
            return lab.asked[i];
    must(lab.n_asked < (int)ARRAY_LEN(lab.asked));
    sqlite3_stmt **st = &lab.asked[lab.n_asked++];
    if (sqlite3_prepare_v2(fx.jobs->conn, sql, -1, st, NULL) != SQLITE_OK)
        fail_msg("%s", sqlite3_errmsg(fx.jobs->conn));
    return *st;
}

static inline const char *text_of(const char *sql, char *ret, size_t size)
{
    sqlite3_stmt *st = prepared(sql);
    ret[0] = '\0';
    if (sqlite3_step(st) == SQLITE_ROW && sqlite3_column_text(st, 0))
        (void)snprintf(ret, size, "%s", (const char *)sqlite3_column_text(st, 0));
    (void)sqlite3_reset(st);
    return ret;
}

static inline int compare(const void *a, const void *b)
{
    return strcmp(a, b);
}

/* Was this state tried from already? Remembers it. */
static inline bool known(const char *text)
{
    char *key = mem_strdup(text);
    char **found = tsearch(key, &lab.seen, compare);
    assert_non_null(found);
    if (*found == key)
        return false;
    free(key);
    return true;
}

static inline void lab_begin(void)
{
    struct err err = {0};
    memset(&lab, 0, sizeof(lab));
    fx_ok(db_exec(fx.jobs, "PRAGMA temp_store = MEMORY", &err),
          &err); /* where savepoints keep old pages */
    fx_begin();
}

static inline int lab_teardown(void **state)
{
    for (int i = 0; i < lab.n_asked; i++)
        (void)sqlite3_finalize(lab.asked[i]);
    tdestroy(lab.seen, free);
    fx_rollback();
    return fixture_teardown(state);
}

#endif
