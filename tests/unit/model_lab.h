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

#define MODEL_DEPTH  4000
#define MAX_ATTEMPTS 2
/* With a sanitizer the orders of two items: the same code in a tenth of the time. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define ITEMS 2
#else
#define ITEMS 3
#endif

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

/* A statement that finds a row breaks its rule. */
struct model_rule {
    const char *rule, *sql;
};

static const struct model_rule common_rules[] = {
    {"processed = success + errors",
     "SELECT 1 FROM jobs WHERE processed_items <> success_items + error_items"},
    {"never all done and not ended", "SELECT 1 FROM jobs WHERE completed_at IS NULL AND "
                                     "processed_items + cancelled_items >= total_items"},
    {"nobody ran an item more often than is allowed", "SELECT 1 FROM job_items WHERE attempts > 2"},
};

static inline void check_rules(const struct model_rule *rules, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        char found[8];
        if (*text_of(rules[i].sql, found, sizeof(found)))
            broken(rules[i].rule);
    }
}

/* Owners of processes that do not live: the last digit says which worker, 1 or 2. */
static inline void name_workers(char ret[2][BOARD_OWNER_SIZE])
{
    for (int i = 0; i < 2; i++)
        (void)snprintf(ret[i], BOARD_OWNER_SIZE, "%s:%d:1:%d", fx.board->boot_id, 4194301 + i,
                       i + 1);
}

/* Who leases an item of the first job, as a worker (0, 1), and in which attempt. false: nobody. */
static inline bool lease_of(int seq, int *ret_attempt, int *ret_worker)
{
    char sql[200], row[160], last = 0;
    (void)snprintf(
        sql, sizeof(sql),
        "SELECT i.attempts || ' ' || substr(i.lease_owner, -1) FROM job_items i JOIN jobs j"
        " USING (job_id) WHERE i.seq = %d AND i.status = 'leased' AND j.parent IS NULL",
        seq);
    if (sscanf(text_of(sql, row, sizeof(row)), "%d %c", ret_attempt, &last) != 2)
        return false;
    *ret_worker = last - '1';
    return true;
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
