/* What dead processes held goes back, once, and an item that kills its worker again and again ends as an error. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "store_fixture.h"

/* A process that lives until it is killed, with a name for leases. */
struct other {
    pid_t pid;
    char owner[BOARD_OWNER_SIZE];
};

static struct other other_start(void)
{
    struct other o = {0};
    int fds[2];
    assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
    o.pid = fork();
    assert_true(o.pid >= 0);
    if (o.pid == 0) {
        (void)alarm(60);
        (void)signal(SIGSEGV, SIG_DFL); /* cmocka catches it */
        board_owner_new(fx.board, o.owner);
        if (write(fds[1], o.owner, sizeof(o.owner)) != sizeof(o.owner))
            _exit(1);
        for (;;)
            (void)pause();
    }
    assert_int_equal(read(fds[0], o.owner, sizeof(o.owner)), sizeof(o.owner));
    fd_close(fds[0]);
    fd_close(fds[1]);
    struct err err = {0};
    fx_begin();
    fx_ok(store_owner_renew(fx.jobs, o.owner, 1, 30000, fx_now(), &err), &err);
    fx_commit();
    return o;
}

/* It dies, and the master says so. */
static void other_die(const struct other *o, int sig)
{
    int status;
    assert_int_equal(kill(o->pid, sig), 0);
    assert_int_equal(waitpid(o->pid, &status, 0), o->pid);
    assert_true(WIFSIGNALED(status));
    board_note_death(fx.board, o->pid, WTERMSIG(status), 0);
}

static int needs_recovery(void)
{
    struct err err = {0};
    int rc = store_needs_recovery(fx.read, fx.board, &err);
    fx_ok(rc, &err);
    return rc;
}

static void leases_of_a_killed_process_are_given_back(void **state)
{
    (void)state;
    static const char *const paths[] = {"a.cbz", "b.cbz", "c.cbz"};
    char id[UUID_SIZE];
    struct item mine, its[2], again[3];
    fx_start_paths(paths, 3, id);
    struct other o = other_start();
    assert_int_equal(fx_claim(o.owner, 2, its), 2);
    assert_int_equal(fx_claim(fx.owner, 1, &mine), 1);
    assert_int_equal(needs_recovery(), 0);
    assert_int_equal(fx_recover(3), 0); /* all live */
    other_die(&o, SIGKILL);
    assert_int_equal(needs_recovery(), 1);
    int64_t version = fx_get(id).version;
    assert_int_equal(fx_recover(3), 2);
    assert_true(fx_get(id).version >= version);
    assert_int_equal(fx_get(id).status, JOB_PROCESSING);
    assert_int_equal(fx_claim(fx.owner, 3, again), 2); /* mine was not given back */
    for (int i = 0; i < 2; i++) {
        assert_int_equal(again[i].attempt, 2);
        assert_string_not_equal(again[i].path, mine.path);
        assert_int_equal(fx_finish(&its[i], o.owner, ITEM_OK, NULL),
                         0); /* a late word of the dead */
        assert_int_equal(fx_finish(&again[i], fx.owner, ITEM_OK, NULL), 1);
        item_clear(&again[i]);
        item_clear(&its[i]);
    }
    assert_int_equal(fx_finish(&mine, fx.owner, ITEM_OK, NULL), 1);
    item_clear(&mine);
    assert_int_equal(fx_get(id).status, JOB_COMPLETED);
    assert_int_equal(fx_get(id).success, 3);
}

static void recovery_twice_gives_nothing_twice(void **state)
{
    (void)state;
    char id[UUID_SIZE];
    struct item it;
    fx_start_items(2, id);
    const char *dead = fx_dead_owner(1);
    assert_int_equal(fx_claim(dead, 1, &it), 1);
    item_clear(&it);
    assert_int_equal(fx_recover(3), 1);
    assert_int_equal(fx_claim(fx.owner, 1, &it), 1);
    assert_int_equal(needs_recovery(), 0);
    assert_int_equal(fx_recover(3), 0);
    assert_int_equal(fx_finish(&it, fx.owner, ITEM_OK, NULL), 1); /* still mine */
    item_clear(&it);
}

static void owner_of_another_boot_is_dead(void **state)
{
    (void)state;
    struct err err = {0};
    char id[UUID_SIZE], owner[BOARD_OWNER_SIZE];
    struct item it;
    memcpy(owner, fx.owner, sizeof(owner)); /* this very process, another boot */
    owner[0] = owner[0] == 'f' ? '0' : 'f';
    fx_begin();
    fx_ok(store_owner_renew(fx.jobs, owner, 0, INT64_MAX, fx_now(), &err), &err);
    fx_commit();
    fx_start_items(1, id);
    assert_int_equal(fx_claim(owner, 1, &it), 1);
    item_clear(&it);
    assert_int_equal(fx_recover(3), 1);
}

static void third_death_is_an_error_that_names_the_signal(void **state)
{
    (void)state;
    char id[UUID_SIZE];
    struct item it;
    fx_start_items(1, id);
    for (int death = 1; death <= 3; death++) {
        struct other o = other_start();
        assert_int_equal(fx_claim(o.owner, 1, &it), 1);
        assert_int_equal(it.attempt, death);
        item_clear(&it);
        other_die(&o, death == 3 ? SIGSEGV : SIGKILL);
        assert_int_equal(fx_recover(3), 1);
        assert_int_equal(fx_get(id).status, death < 3 ? JOB_PROCESSING : JOB_COMPLETED);
    }
    assert_int_equal(fx_get(id).errors, 1);
    assert_string_equal(fx_active(), "");
    const char *why = fx_text(GATE_JOBS, "SELECT error FROM job_results");
    assert_non_null(strstr(why, "3 times"));
    assert_non_null(strstr(why, "SIGSEGV"));
}

struct given {
    int calls;
    int64_t items;
    struct job last;
};

static void note_given(void *ctx, const struct job *j, int64_t items)
{
    struct given *g = ctx;
    g->calls++;
    g->items += items;
    g->last = *j;
}

static void each_job_is_told_once_with_its_items(void **state)
{
    (void)state;
    struct err err = {0};
    char a[UUID_SIZE], b[UUID_SIZE];
    struct item it[6];
    const char *dead = fx_dead_owner(1);
    fx_start_items(3, a);
    fx_start_items(3, b);
    int n = fx_claim(dead, 6, it);
    assert_int_equal(n, 6);
    for (int i = 0; i < n; i++)
        item_clear(&it[i]);
    struct given g = {0};
    fx_begin();
    assert_int_equal(store_recover(fx.jobs, fx.board, 3, fx_now(), note_given, &g, &err), 6);
    fx_commit();
    assert_int_equal(g.calls, 2);
    assert_int_equal(g.items, 6);
}

/* The end of a job is told with all that a log line about it says. */
static void death_that_ends_the_active_job_says_so(void **state)
{
    (void)state;
    struct err err = {0};
    char id[UUID_SIZE];
    struct item it;
    fx_start_items(1, id);
    assert_int_equal(fx_claim(fx_dead_owner(1), 1, &it), 1);
    item_clear(&it);
    struct given g = {0};
    fx_begin();
    assert_int_equal(store_recover(fx.jobs, fx.board, 1, fx_now(), note_given, &g, &err), 1);
    fx_commit();
    assert_int_equal(g.calls, 1);
    assert_int_equal(g.last.status, JOB_COMPLETED);
    assert_true(g.last.was_active);
}

static void owner_with_very_many_leases_gives_all_back(void **state)
{
    (void)state;
    enum { ITEMS = 5 * STORE_LEASES_PER_CLAIM };
    static struct item it[STORE_LEASES_PER_CLAIM];
    char id[UUID_SIZE];
    fx_start_items(ITEMS, id);
    const char *dead = fx_dead_owner(1);
    for (int got = 0; got < ITEMS;) {
        int n = fx_claim(dead, STORE_LEASES_PER_CLAIM, it);
        assert_true(n > 0);
        got += n;
        for (int i = 0; i < n; i++)
            item_clear(&it[i]);
    }
    assert_int_equal(fx_recover(3), ITEMS);
    assert_int_equal(fx_int(GATE_JOBS, "SELECT count(*) FROM job_items WHERE status = 'queued'"),
                     ITEMS);
    assert_int_equal(fx_int(GATE_JOBS, "SELECT count(*) FROM owners"), 1);
}

static void item_of_a_cancelling_job_is_cancelled_after_its_worker_died(void **state)
{
    (void)state;
    char id[UUID_SIZE];
    struct item it;
    bool ended;
    fx_start_items(1, id);
    assert_int_equal(fx_claim(fx_dead_owner(1), 1, &it), 1);
    item_clear(&it);
    assert_int_equal(fx_cancel(id, NULL), 1);
    assert_int_equal(fx_get(id).status, JOB_PROCESSING);
    assert_int_equal(fx_recover(3), 1);
    assert_int_equal(fx_cancel_more(&ended), 1);
    assert_true(ended);
    assert_int_equal(fx_get(id).status, JOB_CANCELLED);
}

/*
 * A process that has no descriptor free cannot look at /proc. It must not take that for the death of everybody: two
 * threads would work on one book.
 */
static void living_owner_is_not_dead_when_no_descriptor_is_free(void **state)
{
    (void)state;
    char id[UUID_SIZE];
    struct item it;
    fx_start_items(1, id);
    assert_int_equal(fx_claim(fx.owner, 1, &it), 1);
    (void)needs_recovery(); /* opens and prepares all it needs */
    struct rlimit old, none;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
    none = old;
    none.rlim_cur = 3;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    int rc = needs_recovery();
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &old), 0);
    assert_int_equal(rc, 0);
    item_clear(&it);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FX_TEST(leases_of_a_killed_process_are_given_back),
        FX_TEST(recovery_twice_gives_nothing_twice),
        FX_TEST(owner_of_another_boot_is_dead),
        FX_TEST(third_death_is_an_error_that_names_the_signal),
        FX_TEST(each_job_is_told_once_with_its_items),
        FX_TEST(death_that_ends_the_active_job_says_so),
        FX_TEST(owner_with_very_many_leases_gives_all_back),
        FX_TEST(item_of_a_cancelling_job_is_cancelled_after_its_worker_died),
        FX_TEST(living_owner_is_not_dead_when_no_descriptor_is_free),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
