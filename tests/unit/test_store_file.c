/* The files of the store: opening them, the log and its checkpoints, and programs that do not know the gate. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store_fixture.h"

static void newer_schema_is_refused_and_the_file_stays_as_it_is(void **state)
{
    (void)state;
    struct err err = {0};
    assert_int_equal(fx_sql(GATE_JOBS, "PRAGMA user_version = 99; PRAGMA wal_checkpoint(TRUNCATE)"),
                     SQLITE_OK);
    char path[160];
    (void)snprintf(path, sizeof(path), "%s/jobs.db", fx.dir);
    static char before[1 << 18], after[1 << 18];
    int fd = open(path, O_RDONLY);
    ssize_t n = read(fd, before, sizeof(before));
    struct store *second = NULL;
    assert_int_equal(store_open(fx.dir, fx.board, &second, &err), -1);
    assert_null(second);
    assert_int_equal(err.code, ERR_STORE);
    assert_non_null(strstr(err.msg, "jobs.db"));
    assert_non_null(strstr(err.msg, "99"));
    assert_true(n > 0 && pread(fd, after, sizeof(after), 0) == n);
    assert_memory_equal(before, after, (size_t)n);
    (void)close(fd);
    assert_int_equal(store_file_bytes(fx.read, true), 0); /* nothing is in the log either */
    assert_int_equal(fx_sql(GATE_JOBS, "PRAGMA user_version = 2"), SQLITE_OK);
}

static void second_start_keeps_what_is_there(void **state)
{
    (void)state;
    char id[UUID_SIZE];
    fx_start_items(2, id);
    struct job before = fx_get(id);
    fx_reopen();
    struct job after = fx_get(id);
    assert_memory_equal(&before, &after, sizeof(before));
    assert_string_equal(fx_active(), id);
}

struct locker {
    int ms;
    _Atomic int locked, let_go;
};

static void *lock_for(void *arg)
{
    struct locker *l = arg;
    must(fx_sql(GATE_JOBS, "BEGIN IMMEDIATE") == SQLITE_OK);
    l->locked = 1;
    (void)usleep((useconds_t)l->ms * 1000);
    l->let_go = 1;
    must(fx_sql(GATE_JOBS, "ROLLBACK") == SQLITE_OK);
    return NULL;
}

/* Somebody with the sqlite3 program does not know the gate. */
static void lock_from_outside_is_waited_for(void **state)
{
    (void)state;
    char id[UUID_SIZE];
    struct locker l = {.ms = 300};
    pthread_t thread;
    assert_int_equal(fx_sql(GATE_JOBS, "SELECT 1"), SQLITE_OK); /* opens it here */
    assert_int_equal(pthread_create(&thread, NULL, lock_for, &l), 0);
    while (!l.locked)
        (void)usleep(1000);
    fx_start_items(1, id);
    assert_true(l.let_go);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_true(fx_exists(id));
}

/* A log that has once been long is not a reason to write the file at every commit. */
static void commits_after_a_checkpoint_leave_the_file_alone(void **state)
{
    (void)state;
    struct err err = {0};
    static char big[900 * 1024];
    memset(big, 'x', sizeof(big) - 1);
    json_t *data = json_pack("{s:s}", "text", big);
    for (int i = 0; i < 6; i++) { /* more than 1000 pages: the log is checkpointed */
        fx_begin();
        assert_true(store_event_add(fx.jobs, "service", NULL, data, fx_now(), &err) > 0);
        fx_commit();
    }
    json_decref(data);
    char id[UUID_SIZE];
    fx_start_items(1, id); /* starts the log again from its beginning */
    struct timespec long_ago[2] = {{.tv_sec = 1000000000}, {.tv_sec = 1000000000}};
    struct stat after;
    char path[160];
    (void)snprintf(path, sizeof(path), "%s/jobs.db", fx.dir);
    assert_int_equal(utimensat(AT_FDCWD, path, long_ago, 0), 0);
    for (int i = 0; i < 20; i++)
        fx_start_items(1, id);
    assert_int_equal(stat(path, &after), 0);
    assert_int_equal(after.st_mtim.tv_sec, long_ago[0].tv_sec);
    assert_true(store_file_bytes(fx.jobs, true) <= 17 << 20);
}

static void log_is_cut_by_a_checkpoint_when_nobody_reads(void **state)
{
    (void)state;
    struct err err = {0};
    char id[UUID_SIZE];
    fx_start_items(10, id);
    assert_true(store_file_bytes(fx.jobs, true) > 0);
    fx_ok(store_read_begin(fx.read, &err), &err);
    (void)fx_get(id);
    fx_ok(store_checkpoint(fx.store, GATE_JOBS, &err),
          &err); /* a reader is in: no error, not now */
    store_read_end(fx.read);
    fx_ok(store_checkpoint(fx.store, GATE_JOBS, &err), &err);
    assert_int_equal(store_file_bytes(fx.jobs, true), 0);
    assert_true(store_file_bytes(fx.jobs, false) > 0);
}

static void data_version_tells_of_the_commits_of_others(void **state)
{
    (void)state;
    char id[UUID_SIZE];
    int64_t before = store_data_version(fx.read);
    assert_int_equal(store_data_version(fx.read), before);
    fx_start_items(1, id);
    assert_int_not_equal(store_data_version(fx.read), before);
}

static void read_sees_one_state_until_it_ends(void **state)
{
    (void)state;
    struct err err = {0};
    char id[UUID_SIZE];
    fx_start_items(1, id);
    fx_ok(store_read_begin(fx.read, &err), &err);
    assert_false(fx_get(id).cancelling);
    assert_int_equal(fx_cancel(id, NULL), 1);
    assert_int_equal(fx_get(id).status, JOB_QUEUED);
    store_read_end(fx.read);
    assert_int_equal(fx_get(id).status, JOB_CANCELLED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FX_TEST(newer_schema_is_refused_and_the_file_stays_as_it_is),
        FX_TEST(second_start_keeps_what_is_there),
        FX_TEST(lock_from_outside_is_waited_for),
        FX_TEST(commits_after_a_checkpoint_leave_the_file_alone),
        FX_TEST(log_is_cut_by_a_checkpoint_when_nobody_reads),
        FX_TEST(data_version_tells_of_the_commits_of_others),
        FX_TEST(read_sees_one_state_until_it_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
