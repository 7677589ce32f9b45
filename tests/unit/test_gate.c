/* gate.h between threads and between processes, with deaths at every place. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"
#include "gate.h"

#define MAX_KIDS 16

/* What the processes of one test share. */
struct shared {
    struct gate gate;
    long counter; /* plain: only the gate guards it */
    int inside;   /* plain: 0 unless somebody is in */
    _Atomic int step;
    _Atomic int order[MAX_KIDS];
    _Atomic int n_order;
    _Atomic long passes[MAX_KIDS];
    _Atomic int stop;
};

static struct shared *sh;

static void sleep_ms(int ms)
{
    struct timespec ts = {ms / 1000, (long)(ms % 1000) * 1000000};
    (void)nanosleep(&ts, NULL);
}

static int setup(void **state)
{
    (void)state;
    sh = mmap(NULL, sizeof(*sh), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_true(sh != MAP_FAILED);
    gate_init(&sh->gate);
    (void)alarm(60); /* a gate that hangs ends the test */
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    (void)alarm(0);
    return munmap(sh, sizeof(*sh));
}

static int sit(void)
{
    struct err err = {0};
    int seat;
    must(gate_sit(&sh->gate, &seat, &err) == 0);
    return seat;
}

static pid_t start(void (*body)(int), int arg)
{
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        (void)alarm(60);
        body(arg);
        _exit(0);
    }
    return pid;
}

static void wait_clean(pid_t pid)
{
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static void kill_now(pid_t pid)
{
    int status;
    assert_int_equal(kill(pid, SIGKILL), 0);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

static void await_step(int step)
{
    while (sh->step < step)
        sleep_ms(1);
}

static bool is_waiting(int seat)
{
    return sh->gate.seats[seat].word == 2;
}

static int count_waiting(void)
{
    int n = 0;
    for (int i = 0; i < GATE_SEATS; i++)
        n += is_waiting(i);
    return n;
}

static void await_waiting(int n)
{
    while (count_waiting() < n)
        sleep_ms(1);
}

/* ---- bodies of the children ---- */

static void count_2000(int unused)
{
    (void)unused;
    int seat = sit();
    for (int i = 0; i < 2000; i++) {
        gate_enter(&sh->gate, seat, NULL);
        must(sh->inside == 0);
        sh->inside = 1;
        long v = sh->counter;
        if (i % 64 == 0)
            sleep_ms(0); /* invite the others in */
        sh->counter = v + 1;
        sh->inside = 0;
        gate_leave(&sh->gate, seat);
    }
    gate_stand(&sh->gate, seat);
}

static void pass_and_note(int who)
{
    int seat = sit();
    gate_enter(&sh->gate, seat, NULL);
    sh->order[sh->n_order++] = who;
    gate_leave(&sh->gate, seat);
    gate_stand(&sh->gate, seat);
}

static void enter_and_hang(int unused)
{
    (void)unused;
    int seat = sit();
    gate_enter(&sh->gate, seat, NULL);
    sh->step = 1;
    for (;;)
        sleep_ms(1000);
}

static void sit_and_hang(int unused)
{
    (void)unused;
    (void)sit();
    sh->step = 1;
    for (;;)
        sleep_ms(1000);
}

static void sit_40_and_hang(int unused)
{
    for (int i = 0; i < 39; i++)
        (void)sit();
    sit_and_hang(unused);
}

static void take_lock_and_hang(int unused)
{
    (void)unused;
    (void)sit();
    gate_mutex_take(&sh->gate.lock);
    sh->step = 1;
    for (;;)
        sleep_ms(1000);
}

/* Dies in the middle of leaving: nobody is inside, and nobody was chosen. */
static void leave_half_and_hang(int unused)
{
    (void)unused;
    int seat = sit();
    gate_enter(&sh->gate, seat, NULL);
    sh->step = 1;
    await_waiting(1);
    gate_mutex_take(&sh->gate.lock);
    sh->gate.seats[seat].word = 1;
    sh->step = 2;
    for (;;)
        sleep_ms(1000);
}

static void pass_until_stopped(int who)
{
    int seat = sit();
    while (!sh->stop) {
        gate_enter(&sh->gate, seat, NULL);
        sh->counter++;
        gate_leave(&sh->gate, seat);
        sh->passes[who]++;
    }
    gate_stand(&sh->gate, seat);
}

/* ---- tests ---- */

static void eight_processes_never_inside_together(void **state)
{
    (void)state;
    pid_t kids[8];
    for (int i = 0; i < 8; i++)
        kids[i] = start(count_2000, 0);
    for (int i = 0; i < 8; i++)
        wait_clean(kids[i]);
    assert_int_equal(sh->counter, 8 * 2000);
    assert_int_equal(sh->gate.passes, 8 * 2000);
    assert_int_equal(sh->gate.recoveries, 0);
}

static void waiters_pass_in_the_order_they_came(void **state)
{
    (void)state;
    int seat = sit();
    gate_enter(&sh->gate, seat, NULL);
    pid_t kids[8];
    for (int i = 0; i < 8; i++) {
        kids[i] = start(pass_and_note, i);
        await_waiting(i + 1);
    }
    gate_leave(&sh->gate, seat);
    for (int i = 0; i < 8; i++)
        wait_clean(kids[i]);
    for (int i = 0; i < 8; i++)
        assert_int_equal(sh->order[i], i);
    gate_stand(&sh->gate, seat);
}

/* A holder cannot take the next turn over the heads of those who wait. */
static void holder_that_comes_again_goes_to_the_end(void **state)
{
    (void)state;
    int seat = sit();
    gate_enter(&sh->gate, seat, NULL);
    pid_t kid = start(pass_and_note, 1);
    await_waiting(1);
    gate_leave(&sh->gate, seat);
    gate_enter(&sh->gate, seat, NULL);
    assert_int_equal(sh->n_order, 1);
    gate_leave(&sh->gate, seat);
    gate_stand(&sh->gate, seat);
    wait_clean(kid);
}

static void holder_killed_inside_is_passed(void **state)
{
    (void)state;
    pid_t holder = start(enter_and_hang, 0);
    await_step(1);
    kill_now(holder);
    int seat = sit(); /* the dead one's seat, with HOLDING still in it */
    int64_t wait_us = -1;
    gate_enter(&sh->gate, seat, &wait_us);
    gate_leave(&sh->gate, seat);
    gate_stand(&sh->gate, seat);
    assert_int_equal(sh->gate.recoveries, 1);
}

static void holder_killed_while_others_wait_is_noticed_soon(void **state)
{
    (void)state;
    pid_t holder = start(enter_and_hang, 0);
    await_step(1);
    pid_t kids[3];
    for (int i = 0; i < 3; i++) {
        kids[i] = start(pass_and_note, i);
        await_waiting(i + 1);
    }
    int64_t t = clock_mono_ms();
    kill_now(holder);
    for (int i = 0; i < 3; i++)
        wait_clean(kids[i]);
    assert_true(clock_mono_ms() - t < 10000); /* GATE_CHECK_MS and a busy machine */
    assert_int_equal(sh->gate.recoveries, 1);
    for (int i = 0; i < 3; i++)
        assert_int_equal(sh->order[i], i);
}

static void waiter_killed_is_skipped(void **state)
{
    (void)state;
    int seat = sit();
    gate_enter(&sh->gate, seat, NULL);
    pid_t dead = start(pass_and_note, 0);
    await_waiting(1);
    pid_t alive = start(pass_and_note, 1);
    await_waiting(2);
    kill_now(dead);
    gate_leave(&sh->gate, seat);
    wait_clean(alive);
    assert_int_equal(sh->n_order, 1);
    assert_int_equal(sh->order[0], 1);
    assert_int_equal(sh->gate.recoveries, 0);
    gate_stand(&sh->gate, seat);
}

static void killed_with_the_lock_taken_is_repaired(void **state)
{
    (void)state;
    pid_t kid = start(take_lock_and_hang, 0);
    await_step(1);
    kill_now(kid);
    int seat = sit();
    gate_enter(&sh->gate, seat, NULL);
    gate_leave(&sh->gate, seat);
    gate_stand(&sh->gate, seat);
}

static void killed_between_leaving_and_choosing_is_repaired(void **state)
{
    (void)state;
    pid_t holder = start(leave_half_and_hang, 0);
    await_step(1);
    pid_t waiter = start(pass_and_note, 7);
    await_step(2);
    kill_now(holder);
    wait_clean(waiter);
    assert_int_equal(sh->order[0], 7);
}

static void seats_of_the_dead_are_given_again(void **state)
{
    (void)state;
    for (int i = 0; i < GATE_SEATS + 8; i++) {
        sh->step = 0;
        pid_t kid = start(sit_and_hang, 0);
        await_step(1);
        kill_now(kid);
    }
    gate_stand(&sh->gate, sit());
}

static void all_seats_taken_is_an_error(void **state)
{
    (void)state;
    pid_t kid = start(sit_40_and_hang,
                      0); /* not all here: the thread sanitizer counts a thread's locks to 64 */
    await_step(1);
    int seats[GATE_SEATS - 40];
    for (int i = 0; i < GATE_SEATS - 40; i++)
        seats[i] = sit();
    struct err err = {0};
    int seat = -1;
    assert_int_equal(gate_sit(&sh->gate, &seat, &err), -1);
    assert_int_equal(err.code, ERR_LIMIT);
    kill_now(kid);
    for (int i = 0; i < GATE_SEATS - 40; i++)
        gate_stand(&sh->gate, seats[i]);
}

static void *sit_enter_and_end(void *unused)
{
    (void)unused;
    gate_enter(&sh->gate, sit(), NULL);
    return NULL; /* without leaving, without standing up */
}

static void thread_that_ends_inside_counts_as_dead(void **state)
{
    (void)state;
    pthread_t t;
    assert_int_equal(pthread_create(&t, NULL, sit_enter_and_end, NULL), 0);
    assert_int_equal(pthread_join(t, NULL), 0);
    int seat = sit();
    gate_enter(&sh->gate, seat, NULL);
    assert_int_equal(sh->gate.recoveries, 1);
    gate_leave(&sh->gate, seat);
    gate_stand(&sh->gate, seat);
}

static void *count_2000_thread(void *unused)
{
    (void)unused;
    count_2000(0);
    return NULL;
}

static void threads_never_inside_together(void **state)
{
    (void)state;
    pthread_t t[4];
    for (int i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&t[i], NULL, count_2000_thread, NULL), 0);
    for (int i = 0; i < 4; i++)
        assert_int_equal(pthread_join(t[i], NULL), 0);
    assert_int_equal(sh->counter, 4 * 2000);
}

/* After each kill every survivor passes again: nothing sticks, whatever instruction the dead one
 * was at. */
static void survivors_go_on_after_each_of_200_kills(void **state)
{
    (void)state;
    enum { KIDS = 5, KILLS = 200 };
    pid_t kids[KIDS];
    unsigned seed = 7;
    for (int i = 0; i < KIDS; i++)
        kids[i] = start(pass_until_stopped, i);
    for (int k = 0; k < KILLS; k++) {
        int victim = rand_r(&seed) % KIDS;
        struct timespec ts = {0, rand_r(&seed) % 3000000};
        (void)nanosleep(&ts, NULL);
        kill_now(kids[victim]);
        for (int i = 0; i < KIDS; i++) {
            long before = sh->passes[i];
            while (i != victim && sh->passes[i] < before + 2)
                sleep_ms(1); /* alarm() is the limit */
        }
        kids[victim] = start(pass_until_stopped, victim);
    }
    sh->stop = 1;
    for (int i = 0; i < KIDS; i++)
        wait_clean(kids[i]);
    for (int i = 0; i < GATE_SEATS; i++) /* the dead may keep theirs until somebody needs it */
        assert_int_not_equal(sh->gate.seats[i].word, 2);
    assert_true(sh->gate.recoveries > 0);
    assert_true(sh->gate.recoveries <= KILLS);
}

static void waits_are_measured(void **state)
{
    (void)state;
    int seat = sit();
    int64_t wait_us = -1;
    gate_enter(&sh->gate, seat, &wait_us);
    assert_in_range(wait_us, 0, 10000000);
    pid_t kid = start(pass_and_note, 0);
    await_waiting(1);
    sleep_ms(60);
    gate_leave(&sh->gate, seat);
    wait_clean(kid);
    assert_in_range(sh->gate.longest_wait_us, 60000, 20000000);
    assert_int_equal(sh->gate.passes, 2);
    gate_stand(&sh->gate, seat);
}

static void mutex_of_a_dead_process_can_be_tried(void **state)
{
    (void)state;
    struct gate_mutex *m = &sh->gate.lock;
    pid_t kid = start(take_lock_and_hang, 0);
    await_step(1);
    assert_false(gate_mutex_try(m));
    kill_now(kid);
    assert_true(gate_mutex_try(m));
    gate_mutex_drop(m);
    assert_true(gate_mutex_try(m));
    gate_mutex_drop(m);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(eight_processes_never_inside_together),
        T(waiters_pass_in_the_order_they_came),
        T(holder_that_comes_again_goes_to_the_end),
        T(holder_killed_inside_is_passed),
        T(holder_killed_while_others_wait_is_noticed_soon),
        T(waiter_killed_is_skipped),
        T(killed_with_the_lock_taken_is_repaired),
        T(killed_between_leaving_and_choosing_is_repaired),
        T(seats_of_the_dead_are_given_again),
        T(all_seats_taken_is_an_error),
        T(thread_that_ends_inside_counts_as_dead),
        T(threads_never_inside_together),
        T(survivors_go_on_after_each_of_200_kills),
        T(waits_are_measured),
        T(mutex_of_a_dead_process_can_be_tried),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
