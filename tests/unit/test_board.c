/* board.h: the mapping, bells, deaths, and the names of owners. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "board.h"

static struct board *board;
static int board_fd, bells[BOARD_MAX_SLOTS];

static int setup(void **state)
{
    (void)state;
    struct err err = {0};
    return board_create(3, &board, &board_fd, bells, &err);
}

static int teardown(void **state)
{
    (void)state;
    (void)close(board_fd);
    for (int i = 0; i < BOARD_MAX_SLOTS; i++)
        (void)close(bells[i]);
    return munmap(board, sizeof(*board));
}

static void attached_board_is_the_same_memory(void **state)
{
    (void)state;
    struct err err = {0};
    struct board *other = NULL;
    assert_int_equal(board_attach(board_fd, &other, &err), 0);
    assert_ptr_not_equal(other, board);
    assert_int_equal(other->n_slots, 3);
    assert_int_equal(strlen(other->boot_id), 36);
    board->slots[1].beat_boot_ms = 4711;
    assert_int_equal(other->slots[1].beat_boot_ms, 4711);
    int seat;
    assert_int_equal(gate_sit(&other->gates[GATE_LIBRARY], &seat, &err), 0);
    gate_stand(&other->gates[GATE_LIBRARY], seat);
    assert_true(gate_mutex_try(&other->scan));
    gate_mutex_drop(&other->scan);
    (void)munmap(other, sizeof(*other));
}

static void board_cannot_be_cut(void **state)
{
    (void)state;
    assert_int_equal(ftruncate(board_fd, 10), -1);
}

static void what_is_no_board_is_refused(void **state)
{
    (void)state;
    struct err err = {0};
    struct board *other = NULL;
    assert_int_equal(board_attach(-1, &other, &err), -1);
    int fd = memfd_create("other", MFD_CLOEXEC);
    assert_int_equal(board_attach(fd, &other, &err), -1);
    assert_int_equal(ftruncate(fd, sizeof(struct board)), 0);
    assert_int_equal(board_attach(fd, &other, &err), -1);
    assert_string_equal(err_name(err.code), "internal");
    (void)close(fd);
}

static void bell_rings_once_however_often_it_is_rung(void **state)
{
    (void)state;
    uint64_t v;
    assert_int_equal(read(bells[2], &v, sizeof(v)), -1); /* silent, and does not block */
    for (int i = 0; i < 1000; i++)
        board_ring(bells[2]);
    assert_int_equal(read(bells[2], &v, sizeof(v)), sizeof(v));
    assert_int_equal(v, 1000);
    assert_int_equal(read(bells[2], &v, sizeof(v)), -1);
    assert_int_equal(read(bells[1], &v, sizeof(v)), -1);
}

static void bell_that_is_full_does_not_block(void **state)
{
    (void)state;
    uint64_t v = UINT64_MAX - 1;
    assert_int_equal(write(bells[0], &v, sizeof(v)), sizeof(v));
    board_ring(bells[0]);
    assert_int_equal(read(bells[0], &v, sizeof(v)), sizeof(v));
}

static void a_process_that_nobody_waited_for_tells_how_it_ended(void **state)
{
    (void)state;
    const int signals[] = {SIGKILL, 0};
    for (size_t i = 0; i < ARRAY_LEN(signals); i++) {
        pid_t pid = fork();
        if (pid == 0) {
            if (signals[i])
                (void)raise(signals[i]);
            _exit(3);
        }
        board_note_death(board, pid, SIGTERM, 0); /* of one that had the pid before */
        siginfo_t end;
        assert_int_equal(waitid(P_PID, (id_t)pid, &end, WEXITED | WNOWAIT), 0);
        assert_int_equal(board_death_signal(board, pid), signals[i]);
        assert_int_equal(waitpid(pid, NULL, 0), pid);
        assert_int_equal(board_death_signal(board, pid), SIGTERM);
    }
    assert_int_equal(board_death_signal(board, getpid()), -1);
}

static void deaths_are_remembered_newest_first(void **state)
{
    (void)state;
    assert_int_equal(board_death_signal(board, 100), -1);
    board_note_death(board, 100, SIGKILL, 0);
    board_note_death(board, 101, 0, 3);
    assert_int_equal(board_death_signal(board, 100), SIGKILL);
    assert_int_equal(board_death_signal(board, 101), 0);
    assert_int_equal(board->n_deaths, 2);
    board_note_death(board, 100, SIGSEGV, 0); /* the pid came again */
    assert_int_equal(board_death_signal(board, 100), SIGSEGV);
    for (int i = 0; i < BOARD_MAX_DEATHS; i++)
        board_note_death(board, 1000 + i, SIGTERM, 0);
    assert_int_equal(board_death_signal(board, 100), -1);
    assert_int_equal(board_death_signal(board, 1000), SIGTERM);
}

static void owner_names_this_process_and_differs_each_time(void **state)
{
    (void)state;
    char a[BOARD_OWNER_SIZE], b[BOARD_OWNER_SIZE];
    board_owner_new(board, a);
    board_owner_new(board, b);
    assert_string_not_equal(a, b);
    assert_memory_equal(a, board->boot_id, 36);
    assert_int_equal(board_owner_pid(a), getpid());
    assert_true(board_owner_alive(board, a));
}

static void owner_of_another_boot_is_dead(void **state)
{
    (void)state;
    char a[BOARD_OWNER_SIZE];
    board_owner_new(board, a);
    a[0] = a[0] == '0' ? '1' : '0';
    assert_false(board_owner_alive(board, a));
}

/* The pid was given to somebody else: it exists, but it started at another time. */
static void owner_whose_pid_was_reused_is_dead(void **state)
{
    (void)state;
    char a[BOARD_OWNER_SIZE], b[BOARD_OWNER_SIZE + 32];
    board_owner_new(board, a);
    int pid;
    int64_t ticks;
    char random[20];
    assert_int_equal(sscanf(a + 37, "%d:%" SCNd64 ":%19s", &pid, &ticks, random), 3);
    assert_int_equal(strlen(random), 16);
    (void)snprintf(b, sizeof(b), "%.36s:%d:%" PRId64 ":%s", a, pid, ticks, random);
    assert_true(board_owner_alive(board, b));
    (void)snprintf(b, sizeof(b), "%.36s:%d:%" PRId64 ":%s", a, pid, ticks - 1, random);
    assert_false(board_owner_alive(board, b));
}

static void owner_that_died_is_dead_even_unreaped(void **state)
{
    (void)state;
    int fds[2];
    char name[BOARD_OWNER_SIZE];
    assert_int_equal(pipe(fds), 0);
    pid_t pid = fork();
    if (pid == 0) {
        board_owner_new(board, name);
        ssize_t n = write(fds[1], name, sizeof(name));
        pause();
        _exit(n != sizeof(name));
    }
    assert_int_equal(read(fds[0], name, sizeof(name)), sizeof(name));
    assert_int_equal(board_owner_pid(name), pid);
    assert_true(board_owner_alive(board, name));
    assert_int_equal(kill(pid, SIGKILL), 0);
    siginfo_t info;
    assert_int_equal(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT), 0);
    assert_false(board_owner_alive(board, name)); /* a zombie */
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    assert_false(board_owner_alive(board, name));
    (void)close(fds[0]);
    (void)close(fds[1]);
}

static void nonsense_is_nobody(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",        ":",   "x",    "a:b:c:d", "a:-1:2:3",
        "a:0:2:3", "a:1", "a:1:", "a:1:x:y", "a:99999999999999999999:1:2",
        "a:1:2"};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        assert_false(board_owner_alive(board, bad[i]));
        assert_int_equal(board_owner_pid(bad[i]), 0);
    }
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(attached_board_is_the_same_memory),
        T(board_cannot_be_cut),
        T(what_is_no_board_is_refused),
        T(bell_rings_once_however_often_it_is_rung),
        T(bell_that_is_full_does_not_block),
        T(a_process_that_nobody_waited_for_tells_how_it_ended),
        T(deaths_are_remembered_newest_first),
        T(owner_names_this_process_and_differs_each_time),
        T(owner_of_another_boot_is_dead),
        T(owner_whose_pid_was_reused_is_dead),
        T(owner_that_died_is_dead_even_unreaped),
        T(nonsense_is_nobody),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
