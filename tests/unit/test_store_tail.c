/* Records of writes into the tails of files: with the declaration, with the end of the item, and after deaths. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "store_fixture.h"
#include "store_tail.h"

static const char *const paths[] = {"a.cbz", "b.cbz", "c.cbz"};
static const struct tail_write write_a = {.device = 7,
                                          .inode = 70,
                                          .old_size = 1000,
                                          .old_mtime_ns = -5,
                                          .tail_at = 900,
                                          .append_at = 1100,
                                          .tail_len = 150,
                                          .old_sum = INT64_MIN,
                                          .append_sum = INT64_MAX,
                                          .place_sum = -1};

static int64_t left(void)
{
    return fx_int(GATE_JOBS, "SELECT count(*) FROM tail_writes");
}

static int add(struct item *it, const char *owner, const struct tail_write *w, struct err *err)
{
    *err = (struct err){0};
    fx_begin();
    int rc = store_item_declare(fx.jobs, it, owner, "{}", NULL, err);
    if (rc == 0)
        rc = store_tail_add(fx.jobs, it, owner, "new.cbz", w, err);
    if (rc < 0)
        fx_rollback();
    else
        fx_commit();
    it->tail = ITEM_TAIL_OPEN;
    return rc;
}

static int adopt(const char *owner, bool all, struct tail_record *ret, int max)
{
    struct err err = {0};
    fx_begin();
    int n = store_tail_adopt(fx.jobs, fx.board, owner, all, fx_now(), ret, max, &err);
    fx_ok(n, &err);
    fx_commit();
    return n;
}

static int due(const char *owner)
{
    struct err err = {0};
    int rc = store_tail_due(fx.read, fx.board, owner, false, fx_now(), &err);
    fx_ok(rc, &err);
    return rc;
}

static void end_one(int64_t id, double retry_at, bool kept)
{
    struct err err = {0};
    fx_begin();
    fx_ok(retry_at < 0 ? store_tail_drop(fx.jobs, id, &err)
                       : store_tail_retry(fx.jobs, id, retry_at, kept, &err),
          &err);
    fx_commit();
}

/* Three items of one job, leased to `owner`; the first has a record. */
static void claim_three(const char *owner, struct item it[3])
{
    char id[UUID_SIZE];
    struct err err;
    fx_start_paths(paths, 3, id);
    assert_int_equal(fx_claim(owner, 3, it), 3);
    fx_ok(add(&it[0], owner, &write_a, &err), &err);
}

static void clear(struct item *it, int n)
{
    for (int i = 0; i < n; i++)
        item_clear(&it[i]);
}

static void record_goes_with_the_end_of_its_item(void **state)
{
    struct item it[3];
    struct job job;
    struct err err;
    (void)state;
    claim_three(fx.owner, it);
    assert_int_equal(left(), 1);
    assert_int_equal(due(fx.owner), 0); /* its owner lives */
    it[0].tail = ITEM_TAIL_OVER;
    assert_int_equal(fx_finish(&it[0], fx.owner, ITEM_OK, &job), 1);
    assert_int_equal(left(), 0);
    fx_ok(add(&it[1], fx.owner, &write_a, &err), &err);
    it[1].tail = ITEM_TAIL_OVER;
    assert_int_equal(fx_return(&it[1], fx.owner, false), 1);
    assert_int_equal(left(), 0);
    clear(it, 3);
}

static void write_without_an_end_is_left_to_recovery(void **state)
{
    struct item it[3];
    struct job job;
    struct tail_record r;
    (void)state;
    claim_three(fx.owner, it);
    assert_int_equal(fx_finish(&it[0], fx.owner, ITEM_ERROR, &job), 1); /* still open */
    assert_int_equal(left(), 1);
    assert_int_equal(due(fx.owner), 1);
    assert_int_equal(adopt(fx.owner, false, &r, 1), 1);
    assert_string_equal(r.path, "a.cbz");
    assert_string_equal(r.target, "new.cbz");
    assert_true(r.same_boot);
    assert_memory_equal(&r.write, &write_a, sizeof(write_a));
    end_one(r.id, -1, false);
    assert_int_equal(due(fx.owner), 0);
    tail_record_clear(&r);
    clear(it, 3);
}

static void file_with_a_record_is_not_written_again(void **state)
{
    struct item it[3];
    struct tail_write other = write_a;
    struct err err;
    (void)state;
    claim_three(fx.owner, it);
    assert_int_equal(add(&it[1], fx.owner, &write_a, &err),
                     -1); /* the same file under another name */
    assert_int_equal(err.code, ERR_CONFLICT);
    other.inode++;
    fx_ok(add(&it[1], fx.owner, &other, &err), &err);
    fx_ok(add(&it[0], fx.owner, &write_a, &err), &err); /* its own: the newest counts */
    assert_int_equal(left(), 2);
    clear(it, 3);
}

static void items_of_the_dead_wait_until_the_file_is_whole(void **state)
{
    const char *dead = fx_dead_owner(1), *second = fx_dead_owner(2);
    struct item it[3], again;
    struct tail_record r;
    struct job job;
    struct err err = {0};
    (void)state;
    claim_three(dead, it);
    assert_int_equal(store_needs_recovery(fx.read, fx.board, &err), 1); /* of the second, for now */
    (void)fx_recover(FX_MAX_ATTEMPTS);
    assert_int_equal(fx_claim(fx.owner, 1, &again), 0); /* none of the three */
    assert_int_equal(due(fx.owner), 1);
    assert_int_equal(adopt(second, false, &r, 1), 1); /* one that dies while it recovers */
    tail_record_clear(&r);
    (void)fx_recover(FX_MAX_ATTEMPTS);
    assert_int_equal(adopt(fx.owner, false, &r, 1), 1);
    assert_int_equal(due(fx.owner), 1); /* mine, until I say what came of it */
    (void)fx_recover(FX_MAX_ATTEMPTS);
    assert_int_equal(fx_claim(fx.owner, 1, &again), 0);
    assert_int_equal(fx_finish(&it[0], dead, ITEM_OK, &job),
                     1); /* late: changes no record that is adopted */
    assert_int_equal(left(), 1);
    end_one(r.id, -1, false);
    assert_int_equal(fx_recover(FX_MAX_ATTEMPTS), 2);
    assert_int_equal(fx_claim(fx.owner, 1, &again), 1);
    assert_int_equal(again.tail, ITEM_TAIL_NONE);
    tail_record_clear(&r);
    item_clear(&again);
    clear(it, 3);
}

static void what_cannot_be_done_now_is_tried_again_and_in_the_end_holds_nobody(void **state)
{
    const char *dead = fx_dead_owner(1);
    struct item it[3], again;
    struct tail_record r;
    (void)state;
    claim_three(dead, it);
    assert_int_equal(adopt(fx.owner, false, &r, 1), 1);
    assert_int_equal(r.tries, 0);
    end_one(r.id, fx.now + 100, false);
    tail_record_clear(&r);
    assert_int_equal(due(fx.owner), 0); /* not yet */
    assert_int_equal(fx_recover(FX_MAX_ATTEMPTS), 0);
    fx.now += 200;
    assert_int_equal(due(fx.owner), 1);
    assert_int_equal(adopt(fx.owner, false, &r, 1), 1);
    assert_int_equal(r.tries, 1);
    end_one(r.id, fx.now + 60, true);
    tail_record_clear(&r);
    assert_int_equal(fx_recover(FX_MAX_ATTEMPTS), 3);
    assert_int_equal(fx_claim(fx.owner, 1, &again), 1);
    assert_int_equal(left(), 1);
    assert_int_equal(due(fx.owner), 0);
    assert_int_equal(adopt(fx.owner, true, &r, 1), 1); /* the next start does not wait */
    end_one(r.id, fx.now + 10 * 365 * 86400, true);
    assert_int_equal(due(fx.owner), 1); /* a time that another clock set */
    tail_record_clear(&r);
    item_clear(&again);
    clear(it, 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FX_TEST(record_goes_with_the_end_of_its_item),
        FX_TEST(write_without_an_end_is_left_to_recovery),
        FX_TEST(file_with_a_record_is_not_written_again),
        FX_TEST(items_of_the_dead_wait_until_the_file_is_whole),
        FX_TEST(what_cannot_be_done_now_is_tried_again_and_in_the_end_holds_nobody),
    };
    return cmocka_run_group_tests_name("store, tails", tests, NULL, NULL);
}
