/* slot.h: which moves exist, and how long a slot waits after which deaths. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "log.h"
#include "slot.h"

#define E SLOT_EMPTY
#define S SLOT_STARTING
#define R SLOT_READY
#define D SLOT_DRAINING
#define B SLOT_BACKING_OFF

static void only_these_moves_exist(void **state)
{
    (void)state;
    static const enum slot_state moves[][2] = {{E, S}, {E, B}, {S, R}, {S, D}, {S, B}, {R, E},
                                               {R, D}, {R, B}, {D, E}, {B, E}, {B, S}, {B, B}};
    for (int from = E; from <= B; from++)
        for (int to = E; to <= B; to++) {
            bool wanted = false;
            for (size_t i = 0; i < ARRAY_LEN(moves); i++)
                wanted |= (int)moves[i][0] == from && (int)moves[i][1] == to;
            if (slot_may_move((enum slot_state)from, (enum slot_state)to) != wanted)
                fail_msg("%s -> %s", slot_state_name((enum slot_state)from),
                         slot_state_name((enum slot_state)to));
        }
}

static void backoff_doubles_to_30_s(void **state)
{
    (void)state;
    static const int64_t wanted[] = {0, 250, 500, 1000, 2000, 4000, 8000, 16000, 30000, 30000};
    for (size_t i = 0; i < ARRAY_LEN(wanted); i++)
        assert_int_equal(slot_backoff_ms((int)i), wanted[i]);
    assert_int_equal(slot_backoff_ms(1000000), 30000);
}

static struct slot fresh(_Atomic int32_t *shown)
{
    struct slot s;
    slot_init(&s, "2", shown);
    return s;
}

static void one_that_served_is_replaced_at_once(void **state)
{
    (void)state;
    _Atomic int32_t shown = -1;
    struct slot s = fresh(&shown);
    assert_string_equal(s.name, "slot=2");
    slot_started(&s, 77, 1000);
    assert_int_equal(shown, S);
    assert_int_equal(s.pid, 77);
    slot_ready(&s, 1100);
    assert_int_equal(shown, R);
    assert_int_equal(slot_ended(&s, 9000), 0);
    assert_int_equal(shown, E);
    assert_int_equal(s.pid, 0);
    assert_true(s.ever_ready);
}

static void one_that_never_was_ready_waits_longer_each_time(void **state)
{
    (void)state;
    struct slot s = fresh(NULL);
    int64_t now = 1000;
    for (int i = 1; i <= 9; i++) {
        slot_started(&s, 77, now);
        assert_int_equal(slot_ended(&s, now + 5), slot_backoff_ms(i));
        assert_int_equal(s.state, B);
        assert_int_equal(s.retry_ms, now + 5 + slot_backoff_ms(i));
        assert_int_equal(s.failures, i);
        now = s.retry_ms;
    }
    slot_started(&s, 78, now);
    slot_ready(&s, now);
    assert_int_equal(slot_ended(&s, now + SLOT_QUICK_MS), 0);
    slot_started(&s, 79, now);
    assert_int_equal(slot_ended(&s, now), 250); /* it had served, so the count began anew */
}

static void one_that_cannot_be_started_waits_too(void **state)
{
    (void)state;
    struct slot s = fresh(NULL);
    assert_int_equal(slot_ended(&s, 0), 250);
    assert_int_equal(slot_ended(&s, 250), 500);
    slot_draining(&s);
    assert_int_equal(s.state, E);
}

static void third_death_in_a_row_right_after_ready_backs_off(void **state)
{
    (void)state;
    struct slot s = fresh(NULL);
    static const int64_t wanted[] = {0, 0, 250, 500};
    for (size_t i = 0; i < ARRAY_LEN(wanted); i++) {
        slot_started(&s, 77, 0);
        slot_ready(&s, 10);
        assert_int_equal(slot_ended(&s, 11), wanted[i]);
    }
    slot_started(&s, 77, 1000);
    slot_ready(&s, 1000);
    assert_int_equal(slot_ended(&s, 1000 + SLOT_QUICK_MS), 0);
    slot_started(&s, 77, 3000);
    slot_ready(&s, 3000);
    assert_int_equal(slot_ended(&s, 3001), 0); /* the row began anew */
}

static void one_that_was_told_to_end_leaves_an_empty_slot(void **state)
{
    (void)state;
    struct slot s = fresh(NULL);
    slot_draining(&s);
    assert_int_equal(s.state, E);
    slot_started(&s, 77, 0);
    slot_draining(&s);
    slot_draining(&s); /* twice is fine */
    assert_int_equal(s.state, D);
    assert_int_equal(slot_ended(&s, 5), 0);
    assert_int_equal(s.state, E);
    assert_int_equal(s.failures, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_these_moves_exist),
        cmocka_unit_test(backoff_doubles_to_30_s),
        cmocka_unit_test(one_that_served_is_replaced_at_once),
        cmocka_unit_test(one_that_never_was_ready_waits_longer_each_time),
        cmocka_unit_test(one_that_cannot_be_started_waits_too),
        cmocka_unit_test(third_death_in_a_row_right_after_ready_backs_off),
        cmocka_unit_test(one_that_was_told_to_end_leaves_an_empty_slot),
    };
    log_setup("test", LOG_LVL_ERROR);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
