/* The bytes are those of Python 3: json.dumps({"current": 1, ...}) and so on. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "old_text.h"

static void check_string(const char *s, const char *wanted)
{
    struct strbuf out LB_CLEANUP(strbuf_clear) = {0};
    old_text_string(&out, s);
    assert_string_equal(strbuf_str(&out), wanted);
}

static void strings_are_escaped_as_python_does(void **state)
{
    (void)state;
    check_string("", "\"\"");
    check_string("Wolf 1.cbz", "\"Wolf 1.cbz\"");
    check_string("a\"b\\c/d", "\"a\\\"b\\\\c/d\"");
    check_string("\b\f\n\r\t", "\"\\b\\f\\n\\r\\t\"");
    check_string("\x01\x1f\x7f~", "\"\\u0001\\u001f\\u007f~\"");
    check_string("\xc3\xa9\xe2\x80\x99\xef\xbf\xbf", "\"\\u00e9\\u2019\\uffff\"");
    check_string("\xf0\x9f\x93\x96", "\"\\ud83d\\udcd6\"");
    check_string("\xf4\x8f\xbf\xbf", "\"\\udbff\\udfff\"");
    check_string("<script>&'", "\"<script>&'\"");
}

static void what_is_not_utf8_is_replaced(void **state)
{
    (void)state;
    check_string("a\xff\xfe z", "\"a\\ufffd\\ufffd z\"");
    check_string("\xed\xa0\x80", "\"\\ufffd\\ufffd\\ufffd\"");
    check_string("\xc3", "\"\\ufffd\"");
}

static void an_item_is_the_event_of_the_old_application(void **state)
{
    (void)state;
    struct strbuf out LB_CLEANUP(strbuf_clear) = {0};
    old_text_item(&out, 1, 3, "x 1.cbz", true, "not said");
    old_text_item(&out, 2, 3, "x 2.cbz", false, "File not found");
    old_text_item(&out, 3, 3, "x 3.cbz", false, NULL);
    assert_string_equal(
        strbuf_str(&out),
        "data: {\"current\": 1, \"total\": 3, \"file\": \"x 1.cbz\", \"success\": true, \"error\": "
        "null}\n\n"
        "data: {\"current\": 2, \"total\": 3, \"file\": \"x 2.cbz\", \"success\": false, "
        "\"error\": \"File not found\"}\n\n"
        "data: {\"current\": 3, \"total\": 3, \"file\": \"x 3.cbz\", \"success\": false, "
        "\"error\": \"\"}\n\n");
}

static void a_result_has_an_error_only_when_it_failed(void **state)
{
    (void)state;
    struct strbuf out LB_CLEANUP(strbuf_clear) = {0};
    old_text_result(&out, "x 1.cbz", true, "not said");
    old_text_result(&out, "x 2.cbz", false, "why");
    assert_string_equal(strbuf_str(&out),
                        "{\"file\": \"x 1.cbz\", \"success\": true}"
                        "{\"file\": \"x 2.cbz\", \"success\": false, \"error\": \"why\"}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(strings_are_escaped_as_python_does),
        cmocka_unit_test(what_is_not_utf8_is_replaced),
        cmocka_unit_test(an_item_is_the_event_of_the_old_application),
        cmocka_unit_test(a_result_has_an_error_only_when_it_failed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
