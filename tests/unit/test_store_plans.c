/* EXPLAIN QUERY PLAN of every statement: none of them looks at all rows of a table that grows, or of a job. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "store_db.h"
#include "store_fixture.h"

/* Steps that may stand in a plan though they look at a whole table, and why. */
static const struct {
    const char *statement, *step, *reason;
} allowed[] = {
    {"*", "SCAN owners", "one row for each worker process"},
    {"*", "SCAN tail_writes", "one row for each write that is under way"},
    {"*", "SCAN sqlite_sequence", "one row for each table with AUTOINCREMENT"},
    {"RESULTS_NEWEST", "SCAN (subquery-1)", "what the inner statement found, up to its LIMIT"},
    {"JOB_FIGURES", "SCAN jobs", "for /metrics, seconds apart: every job that is kept is counted"},
    {"LEASED_BY_OWNER", "SCAN job_items USING INDEX job_items_leased",
     "what runs now: a partial index"},
    {"LIBRARY_KNOWN", "SCAN files USING INDEX sqlite_autoindex_files_1",
     "the scan of the library compares every file"},
    {"LIBRARY_DATE_SEARCH", "SCAN files", "every name is looked at"},
    {"LIBRARY_SIZE_SEARCH", "SCAN files", "every name is looked at"},
    {"LIBRARY_DATE_ASC", "SCAN files USING INDEX files_mtime", "a page, in the order of the index"},
    {"LIBRARY_DATE_DESC", "SCAN files USING INDEX files_mtime", "the same"},
    {"LIBRARY_SIZE_ASC", "SCAN files USING INDEX files_size", "the same"},
    {"LIBRARY_SIZE_DESC", "SCAN files USING INDEX files_size", "the same"},
    {"LIBRARY_ARRIVED", "SCAN files USING INDEX files_arrived",
     "what the watcher has still to take: a partial index"},
    {"LIBRARY_NONE_ARRIVED", "SCAN files USING INDEX files_arrived", "the same"},
    {"ITEM_PATH_BUSY", "SCAN CONSTANT ROW", "two looks at an index each"},
    {"JOB_DELETE_ITEMS", "SEARCH job_items USING PRIMARY KEY (job_id=?)",
     "takes the first ones that are there"},
    {"JOB_NOT_DONE", "SEARCH job_items USING PRIMARY KEY (job_id=? AND seq>?)",
     "goes once through the items of a job that ended"},
    {"FOLLOW_COPY", "SCAN (subquery-2)", "the thousand items of its part"},
    {"HISTORY_LIST", "SCAN h USING COVERING INDEX history_timestamp",
     "in the order it is shown, ends at its LIMIT"},
    {"HISTORY_OF_FILE", "SCAN CONSTANT ROW", "the name that is asked for"},
    {"HISTORY_OF_FILE", "SCAN stays", "one row for each name that the file had"},
    {"FREE_PAGES", "SCAN pragma_auto_vacuum VIRTUAL TABLE INDEX 0:", "one row"},
    {"FREE_PAGES", "SCAN pragma_freelist_count VIRTUAL TABLE INDEX 0:", "one row"},
    {"EVENT_OLDEST", "SCAN events", "ends at its first row"},
    {"PREF_ALL", "SCAN preferences USING INDEX sqlite_autoindex_preferences_1",
     "all of them are asked for"},
};

static bool is_allowed(const char *statement, const char *step)
{
    for (size_t i = 0; i < ARRAY_LEN(allowed); i++)
        if ((strcmp(allowed[i].statement, "*") == 0 ||
             strcmp(allowed[i].statement, statement) == 0) &&
            strcmp(allowed[i].step, step) == 0)
            return true;
    /* a part of a name is looked for in every name: there is no index for that */
    size_t len = strlen(statement);
    return len > 7 && strcmp(statement + len - 7, "_SEARCH") == 0 && strstr(step, " USING ");
}

/* Partial indexes over what is unfinished, leased, not live ...: short whatever the history. */
static bool is_short_index(const char *step)
{
    static const char *const indexes[] = {"jobs_unfinished", "jobs_not_live", "jobs_follow_up_due"};
    for (size_t i = 0; i < ARRAY_LEN(indexes); i++) {
        const char *at = strstr(step, indexes[i]);
        if (at && at[strlen(indexes[i])] == '\0')
            return true;
    }
    return false;
}

/* Looks at a whole table; or at all items of a job, which for a job of 100,000 is as bad. */
static bool is_whole(const char *step)
{
    return strncmp(step, "SCAN ", 5) == 0 || strstr(step, "USING PRIMARY KEY (job_id=?)");
}

/* The first step of the plan that looks at a whole table, or NULL. `sql` is explained on `file`. */
static const char *bad_step(enum gate_file file, const char *name, const char *sql)
{
    static char step[256];
    char explain[8192];
    (void)snprintf(explain, sizeof(explain), "EXPLAIN QUERY PLAN %s", sql);
    (void)fx_int(file, "SELECT 1"); /* opens the shell */
    sqlite3_stmt *st;
    if (sqlite3_prepare_v2(fx.shell[file], explain, -1, &st, NULL) != SQLITE_OK)
        fail_msg("%s: %s", name, sqlite3_errmsg(fx.shell[file]));
    bool bad = false;
    while (!bad && sqlite3_step(st) == SQLITE_ROW) {
        (void)snprintf(step, sizeof(step), "%s", (const char *)sqlite3_column_text(st, 3));
        bad = is_whole(step) && !is_allowed(name, step) && !is_short_index(step);
    }
    (void)sqlite3_finalize(st);
    return bad ? step : NULL;
}

static void no_statement_scans_a_table_that_grows(void **state)
{
    (void)state;
    int n_bad = 0;
    for (int i = 0; i < SQL__COUNT; i++) {
        const char *step = bad_step(sql_texts[i].file, sql_texts[i].name, sql_texts[i].text);
        if (!step)
            continue;
        print_error("%s: %s\n", sql_texts[i].name, step);
        n_bad++;
    }
    assert_int_equal(n_bad, 0);
}

static void scan_of_a_table_would_be_noticed(void **state)
{
    (void)state;
    static const char *const scans[] = {
        "SELECT * FROM jobs WHERE title = 'x'",
        "SELECT count(*) FROM job_items WHERE message = 'x'",
        "DELETE FROM events WHERE at < 5",
        "UPDATE job_items SET message = 'x' WHERE path = 'x'",
        "SELECT count(*) FROM job_items WHERE job_id = 'x' AND status = 'leased'",
    };
    for (size_t i = 0; i < ARRAY_LEN(scans); i++)
        assert_non_null(bad_step(GATE_JOBS, "TEST", scans[i]));
    assert_non_null(bad_step(GATE_LIBRARY, "TEST", "SELECT * FROM files WHERE inode = 7"));
    assert_null(bad_step(GATE_JOBS, "TEST", "SELECT * FROM jobs WHERE job_id = 'x'"));
}

static bool plan_has(const char *statement, const char *step)
{
    for (int i = 0; i < SQL__COUNT; i++) {
        if (strcmp(statement, "*") != 0 && strcmp(statement, sql_texts[i].name) != 0)
            continue;
        char explain[8192];
        (void)snprintf(explain, sizeof(explain), "EXPLAIN QUERY PLAN %s", sql_texts[i].text);
        sqlite3_stmt *st;
        bool found = false;
        assert_int_equal(sqlite3_prepare_v2(fx.shell[sql_texts[i].file], explain, -1, &st, NULL),
                         SQLITE_OK);
        while (!found && sqlite3_step(st) == SQLITE_ROW)
            found = strcmp((const char *)sqlite3_column_text(st, 3), step) == 0;
        (void)sqlite3_finalize(st);
        if (found)
            return true;
    }
    return false;
}

static void every_allowance_is_used(void **state)
{
    (void)state;
    for (int f = 0; f < GATE_COUNT; f++)
        (void)fx_int((enum gate_file)f, "SELECT 1"); /* opens the shells */
    for (size_t i = 0; i < ARRAY_LEN(allowed); i++)
        if (!plan_has(allowed[i].statement, allowed[i].step))
            fail_msg("no plan of %s has: %s", allowed[i].statement, allowed[i].step);
}

static bool builds_a_table(const char *name, const char *sql)
{
    char explain[4096];
    (void)snprintf(explain, sizeof(explain), "EXPLAIN %s", sql);
    sqlite3_stmt *st;
    if (sqlite3_prepare_v2(fx.shell[GATE_JOBS], explain, -1, &st, NULL) != SQLITE_OK)
        fail_msg("%s: %s", name, sqlite3_errmsg(fx.shell[GATE_JOBS]));
    bool found = false;
    while (!found && sqlite3_step(st) == SQLITE_ROW)
        found = strcmp((const char *)sqlite3_column_text(st, 1), "OpenEphemeral") == 0;
    (void)sqlite3_finalize(st);
    return found;
}

/* RETURNING does, and a list of three values or more, in a statement or in a CHECK: twice as much work for each item. */
static void what_runs_for_each_item_builds_no_table_in_memory(void **state)
{
    (void)state;
    static const enum sql_id each[] = {
        SQL_JOB_STAGE_ITEM,    SQL_CLAIM_CANDIDATES, SQL_CLAIM_ITEM,    SQL_ITEM_DECLARE,
        SQL_ITEM_FINISH,       SQL_TAIL_FORGET,      SQL_UNLEASE_PATHS, SQL_JOB_COUNT,
        SQL_JOB_GET_ANY_PHASE, SQL_EVENT_ADD,        SQL_JOB_SET_EVENT};
    (void)fx_int(GATE_JOBS, "SELECT 1"); /* opens the shell */
    for (size_t i = 0; i < ARRAY_LEN(each); i++)
        if (builds_a_table(sql_texts[each[i]].name, sql_texts[each[i]].text))
            fail_msg("%s builds a table in memory", sql_texts[each[i]].name);
    assert_true(builds_a_table("TEST", sql_texts[SQL_JOB_START].text));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FX_TEST(no_statement_scans_a_table_that_grows),
        FX_TEST(scan_of_a_table_would_be_noticed),
        FX_TEST(every_allowance_is_used),
        FX_TEST(what_runs_for_each_item_builds_no_table_in_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
