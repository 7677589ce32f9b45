/* Preferences and settings: any JSON in, the same JSON out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "store_fixture.h"

static struct db *prefs(void)
{
    return store_reader_db(fx.reader, GATE_PREFERENCES);
}

static void merge(const char *text)
{
    struct err err = {0};
    json_t *values = json_loads(text, 0, NULL);
    assert_non_null(values);
    fx_ok(store_begin(fx.store, GATE_PREFERENCES, true, &err), &err);
    fx_ok(store_pref_merge(fx.preferences, values, fx_now(), &err), &err);
    fx_ok(store_commit(fx.store, GATE_PREFERENCES, &err), &err);
    json_decref(values);
}

static void all_are(const char *text)
{
    struct err err = {0};
    json_t *want = json_loads(text, 0, NULL), *have = store_pref_all(prefs(), &err);
    assert_non_null(want);
    assert_non_null(have);
    if (!json_equal(want, have))
        fail_msg("have %s, want %s", json_dumps(have, JSON_ENCODE_ANY), text);
    json_decref(want);
    json_decref(have);
}

static void preferences_merge_and_keep_every_kind_of_value(void **state)
{
    (void)state;
    all_are("{}");
    merge("{\"theme\": \"dark\", \"perPage\": 100, \"ratio\": 0.1, \"none\": null, \"on\": true}");
    merge("{\"perPage\": 250, \"list\": [1, {\"a\": \"\\u00e9\"}], \"with 'quote\": \"x'; DROP\"}");
    all_are("{\"theme\": \"dark\", \"perPage\": 250, \"ratio\": 0.1, \"none\": null, \"on\": true,"
            " \"list\": [1, {\"a\": \"\\u00e9\"}], \"with 'quote\": \"x'; DROP\"}");
    merge("{}");
    fx_reopen();
    assert_int_equal(fx_int(GATE_PREFERENCES, "SELECT count(*) FROM preferences"), 7);
}

static void value_spoiled_by_hand_reads_as_null(void **state)
{
    (void)state;
    merge("{\"a\": 1, \"b\": 2}");
    assert_int_equal(
        fx_sql(GATE_PREFERENCES, "UPDATE preferences SET value = '{not json' WHERE key = 'a'"),
        SQLITE_OK);
    all_are("{\"a\": null, \"b\": 2}");
}

static void setting_is_none_until_it_is_set(void **state)
{
    (void)state;
    struct err err = {0};
    assert_null(store_setting_get(prefs(), "issue_padding", &err));
    assert_int_equal(err.code, ERR_NONE);
    for (int i = 4; i < 6; i++) {
        json_t *v = json_integer(i);
        fx_ok(store_begin(fx.store, GATE_PREFERENCES, true, &err), &err);
        fx_ok(store_setting_set(fx.preferences, "issue_padding", v, fx_now(), &err), &err);
        fx_ok(store_commit(fx.store, GATE_PREFERENCES, &err), &err);
        json_decref(v);
        v = store_setting_get(prefs(), "issue_padding", &err);
        assert_int_equal(json_integer_value(v), i);
        json_decref(v);
    }
    all_are("{}"); /* settings are not preferences */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FX_TEST(preferences_merge_and_keep_every_kind_of_value),
        FX_TEST(value_spoiled_by_hand_reads_as_null),
        FX_TEST(setting_is_none_until_it_is_set),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
