/* Damaged files: what is set aside, what is saved, and that nothing else is touched. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store_fixture.h"
#include "store_repair.h"

static const char *file_path(const char *name)
{
    static char path[200];
    (void)snprintf(path, sizeof(path), "%s/%s", fx.dir, name);
    return path;
}

static void overwrite(const char *name, off_t at, size_t bytes)
{
    static char junk[1 << 20];
    memset(junk, 0xa5, sizeof(junk));
    int fd = open(file_path(name), O_WRONLY);
    assert_true(fd >= 0);
    assert_int_equal(pwrite(fd, junk, bytes, at), (ssize_t)bytes);
    (void)close(fd);
}

/* As after the start of another master: all is in the files, and nobody has looked at them. */
static void empty_logs(void)
{
    struct err err = {0};
    for (int f = 0; f < GATE_COUNT; f++) {
        fx_ok(store_checkpoint(fx.store, (enum gate_file)f, &err), &err);
        fx.board->file_checked[f] = 0;
    }
}

static struct store_repair repair(enum gate_file file)
{
    struct store_repair r;
    struct err err = {0};
    fx_ok(store_repair(fx.dir, file, &r, &err), &err);
    return r;
}

static void whole_files_stay(void **state)
{
    (void)state;
    char id[UUID_SIZE];
    fx_start_items(20, id);
    empty_logs();
    for (int f = 0; f < GATE_COUNT; f++)
        assert_string_equal(repair((enum gate_file)f).kept_as, "");
    fx_reopen();
    assert_null(store_repaired(fx.store, GATE_JOBS));
    assert_int_equal(fx_get(id).total, 20);
}

/* Saves from jobs.db into another file, which becomes the fixture's. */
static void salvage_into_place(int64_t *ret_jobs, int64_t *ret_items)
{
    struct err err = {0};
    char to[200], from[200];
    (void)snprintf(from, sizeof(from), "%s", file_path("jobs.db"));
    (void)snprintf(to, sizeof(to), "%s", file_path("other.db"));
    fx_ok(store_salvage(from, to, fx_now(), ret_jobs, ret_items, &err), &err);
}

static int64_t other_int(const char *sql)
{
    sqlite3 *conn;
    sqlite3_stmt *st;
    assert_int_equal(sqlite3_open(file_path("other.db"), &conn), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(conn, sql, -1, &st, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(st), SQLITE_ROW);
    int64_t ret = sqlite3_column_int64(st, 0);
    (void)sqlite3_finalize(st);
    (void)sqlite3_close(conn);
    return ret;
}

static void salvage_of_a_whole_file_loses_nothing_and_gives_leases_back(void **state)
{
    (void)state;
    char id[UUID_SIZE], ended[UUID_SIZE];
    int64_t jobs, items;
    fx_start_items(1, ended);
    struct item it[4];
    assert_int_equal(fx_claim(fx.owner, 1, it), 1);
    assert_int_equal(fx_finish(&it[0], fx.owner, ITEM_OK, NULL), 1);
    item_clear(&it[0]);
    fx_start_items(10, id);
    assert_int_equal(fx_claim(fx.owner, 3, it), 3);
    assert_int_equal(fx_finish(&it[0], fx.owner, ITEM_ERROR, NULL), 1);
    for (int i = 0; i < 3; i++)
        item_clear(&it[i]);
    assert_int_equal(
        fx_sql(GATE_JOBS,
               "INSERT INTO tail_writes VALUES (3, 'a', NULL, 'j', 1, 'o', 'o', 0, 0, 0, 0,"
               " 1, 2, 3, 4, 5, 6, 7, -8, 9, 10)"),
        SQLITE_OK);
    int64_t last = fx_int(GATE_JOBS, "SELECT max(id) FROM events");
    salvage_into_place(&jobs, &items);
    assert_int_equal(jobs, 2);
    assert_int_equal(items, 11);
    assert_int_equal(other_int("SELECT count(*) FROM job_items WHERE status = 'queued'"), 9);
    assert_int_equal(
        other_int(
            "SELECT sum(error_items) FROM jobs WHERE total_items = 10 AND status = 'processing'"),
        1);
    assert_int_equal(
        other_int("SELECT count(*) FROM jobs WHERE status = 'completed' AND success_items = 1"), 1);
    assert_int_equal(other_int("SELECT count(*) FROM jobs WHERE error IS NOT NULL"), 0);
    assert_int_equal(other_int("SELECT count(*) FROM owners"), 0);
    assert_int_equal(other_int("SELECT count(*) FROM leased_paths"), 0);
    assert_int_equal(other_int("SELECT old_sum FROM tail_writes WHERE owner = 'o'"), -8);
    assert_true(other_int("SELECT seq FROM sqlite_sequence WHERE name = 'events'") > last);
    assert_int_equal(other_int("SELECT total_items FROM active JOIN jobs USING (job_id)"), 10);
    assert_int_equal(other_int("PRAGMA auto_vacuum"), 2);
    assert_int_equal(other_int("PRAGMA user_version"), fx_int(GATE_JOBS, "PRAGMA user_version"));
}

static void salvage_steps_over_pages_that_cannot_be_read(void **state)
{
    (void)state;
    char id[UUID_SIZE];
    int64_t jobs, items;
    fx_start_items(3000, id);
    empty_logs();
    int64_t page =
        fx_int(GATE_JOBS, "SELECT pageno FROM dbstat WHERE name = 'job_items' AND pagetype = 'leaf'"
                          " ORDER BY path LIMIT 1 OFFSET 5");
    assert_true(page > 1);
    overwrite("jobs.db", (off_t)(page - 1) * 4096, 4096);
    salvage_into_place(&jobs, &items);
    assert_int_equal(jobs, 1);
    assert_in_range(items, 2700, 2999);
    assert_int_equal(other_int("SELECT total_items FROM jobs"), items);
    assert_int_equal(
        other_int(
            "SELECT error LIKE (3000 - total_items) || ' of 3000 items were lost%' FROM jobs"),
        1);
    assert_int_equal(other_int("SELECT max(seq) FROM job_items"), 3000);
    fx.board->file_checked[GATE_JOBS] = 0;
    fx_reopen();
    const struct store_repair *r = store_repaired(fx.store, GATE_JOBS);
    assert_non_null(r);
    assert_int_equal(r->items, items);
    assert_int_equal(access(r->kept_as, F_OK), 0);
    assert_int_equal(fx_get(id).total, items);
}

static void rows_that_break_a_rule_are_left_out(void **state)
{
    (void)state;
    char id[UUID_SIZE];
    int64_t jobs, items;
    fx_start_items(10, id);
    assert_int_equal(fx_sql(GATE_JOBS, "PRAGMA ignore_check_constraints = ON;"
                                       "UPDATE job_items SET status = 'strange' WHERE seq = 4;"
                                       "UPDATE job_items SET status = 'ok' WHERE seq = 5"),
                     SQLITE_OK);
    salvage_into_place(&jobs, &items);
    assert_int_equal(jobs, 1);
    assert_int_equal(items, 8);
    assert_int_equal(other_int("SELECT total_items FROM jobs"), 8);
    assert_int_equal(
        fx_sql(GATE_JOBS, "UPDATE job_items SET status = 'queued' WHERE seq IN (4, 5)"), SQLITE_OK);
}

static void repair_that_died_is_ended_by_the_next_start(void **state)
{
    (void)state;
    char id[UUID_SIZE];
    int64_t jobs, items;
    fx_start_items(10, id);
    salvage_into_place(&jobs, &items);
    char saved[200], other[200];
    (void)snprintf(saved, sizeof(saved), "%s", file_path("jobs.db.saved"));
    (void)snprintf(other, sizeof(other), "%s", file_path("other.db"));
    /* killed after the log had been moved: what is left of the old file must not be taken for the truth */
    assert_int_equal(rename(other, saved), 0);
    fx_start_items(5, id);
    fx.board->file_checked[GATE_JOBS] = 0;
    fx_reopen();
    const struct store_repair *r = store_repaired(fx.store, GATE_JOBS);
    assert_non_null(r);
    assert_true(r->resumed);
    assert_int_equal(access(saved, F_OK), -1);
    assert_int_equal(fx_int(GATE_JOBS, "SELECT count(*) FROM jobs"), 1);
    assert_false(fx_exists(id));
}

/* What repairs leave behind; the fixture knows its own files only. */
static int teardown(void **state)
{
    DIR *dir = opendir(fx.dir);
    for (struct dirent *e; (e = readdir(dir));)
        if (strstr(e->d_name, ".damaged-") || strncmp(e->d_name, "other.db", 8) == 0)
            (void)unlink(file_path(e->d_name));
    (void)closedir(dir);
    return fixture_teardown(state);
}
#define REPAIR_TEST(f) cmocka_unit_test_setup_teardown(f, fixture_setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        REPAIR_TEST(whole_files_stay),
        REPAIR_TEST(salvage_of_a_whole_file_loses_nothing_and_gives_leases_back),
        REPAIR_TEST(salvage_steps_over_pages_that_cannot_be_read),
        REPAIR_TEST(rows_that_break_a_rule_are_left_out),
        REPAIR_TEST(repair_that_died_is_ended_by_the_next_start),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
