/* test_store_dry_run.c - previews in jobs.db: never the active job, and the names that their items would take. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "store_fixture.h"

static const char *const paths[] = {"S/a", "S/b", "S/c"};

static void start_preview(char ret[UUID_SIZE])
{
    fx_start(&(struct fx_job){.paths = paths,
                              .n = ARRAY_LEN(paths),
                              .exclusive = true,
                              .priority = PRIORITY_NORMAL,
                              .dry_run = true},
             ret);
}

static void preview_is_not_the_active_job(void **state)
{
    (void)state;
    char preview[UUID_SIZE], other[UUID_SIZE];
    start_preview(preview);
    assert_string_equal(fx_active(), "");
    fx_start_items(1, other);
    start_preview(preview);
    assert_string_equal(fx_active(), other);
    assert_true(fx_get(preview).dry_run);
    assert_false(fx_get(other).dry_run);
}

static void items_say_what_they_are(void **state)
{
    (void)state;
    char preview[UUID_SIZE], other[UUID_SIZE];
    start_preview(preview);
    fx_start_items(1, other);
    struct item it[8];
    int n = fx_claim(fx.owner, 8, it);
    assert_int_equal(n, 4);
    for (int i = 0; i < n; i++) {
        assert_int_equal(it[i].dry_run, strcmp(it[i].job_id, preview) == 0);
        item_clear(&it[i]);
    }
}

static int plan(const struct item *it, const char *to, bool on_disk)
{
    struct err err = {0};
    fx_begin();
    int rc = store_plan_name(fx.jobs, it, it->path, to, on_disk, &err);
    fx_ok(rc < 0 ? -1 : 0, &err);
    fx_commit();
    return rc;
}

static void names_are_taken_and_left_in_turn(void **state)
{
    (void)state;
    char preview[UUID_SIZE], second[UUID_SIZE];
    start_preview(preview);
    struct item it[3];
    assert_int_equal(fx_claim(fx.owner, 3, it), 3);
    assert_int_equal(plan(&it[0], "S/b", true), 0);  /* b is there */
    assert_int_equal(plan(&it[1], "S/x", false), 1); /* b -> x */
    assert_int_equal(plan(&it[2], "S/x", false), 0); /* b would have it */
    assert_int_equal(plan(&it[0], "S/b", true), 1);  /* b has left it */
    assert_int_equal(plan(&it[0], "S/b", true), 1);  /* once more, after a crash */
    assert_int_equal(plan(&it[2], "S/b", true), 0);  /* a would have it */
    assert_int_equal(plan(&it[2], NULL, false), 1);  /* c leaves the library */
    assert_int_equal(plan(&it[0], "S/c", true), 1);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(fx_finish(&it[i], fx.owner, ITEM_OK, &(struct job){0}), 1);
        item_clear(&it[i]);
    }

    start_preview(second); /* plans of one job are nothing to another */
    assert_int_equal(fx_claim(fx.owner, 3, it), 3);
    assert_int_equal(plan(&it[0], "S/x", false), 1);
    for (int i = 0; i < 3; i++)
        item_clear(&it[i]);
    assert_int_equal(fx_int(GATE_JOBS, "SELECT count(DISTINCT job_id) FROM planned_names"), 2);
    assert_int_equal(fx_delete(preview), 1);
    (void)fx_sweep_all(0, 1000);
    assert_int_equal(fx_int(GATE_JOBS, "SELECT count(DISTINCT job_id) FROM planned_names"), 1);
    assert_string_equal(fx_text(GATE_JOBS, "SELECT job_id FROM planned_names LIMIT 1"), second);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FX_TEST(preview_is_not_the_active_job),
        FX_TEST(items_say_what_they_are),
        FX_TEST(names_are_taken_and_left_in_turn),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
