#include "api_lab.h"

#include <dirent.h>

#define DATA "tests/data/http"

/* ---- every request of tests/data/http ---- */

static void ask_file(const char *name)
{
    static char bytes[65536];
    char path[400];
    (void)snprintf(path, sizeof(path), DATA "/%s", name);
    FILE *f = fopen(path, "rb");
    assert_non_null(f);
    size_t len = fread(bytes, 1, sizeof(bytes), f);
    assert_true(len > 0 && len < sizeof(bytes));
    assert_int_equal(fclose(f), 0);
    int expected = (int)strtol(name, NULL, 10);

    struct raw_client c;
    raw_connect(&c, &server);
    raw_send_n(&c, bytes, len);
    raw_read(&c, &a, false);
    raw_close(&c);
    if (a.status != expected)
        fail_msg("%s: %d %s", name, a.status, a.body);
    assert_string_equal(raw_header(&a, "Content-Type"), "application/json");
    assert_string_equal(raw_header(&a, "Cache-Control"), "no-store");
    assert_string_equal(raw_header(&a, "X-Longbox-Worker"), "7");
    assert_string_equal(raw_header(&a, "X-Content-Type-Options"), "nosniff");
    assert_non_null(raw_header(&a, "X-Request-Id"));
    if (expected >= 400) {
        assert_true(strlen(member("error")) > 5);
        assert_true(strlen(member("code")) > 1);
    }
}

static void every_ugly_request_gets_its_status(void **state)
{
    (void)state;
    struct dirent **names;
    int n = scandir(DATA, &names, NULL, alphasort);
    assert_true(n > 40);
    int asked = 0;
    for (int i = 0; i < n; i++) {
        if (names[i]->d_name[0] != '.') {
            ask_file(names[i]->d_name);
            asked++;
        }
        free(names[i]);
    }
    free(names);
    assert_true(asked > 40);
    assert_int_equal(pending(), 0);
}

/* ---- paths and queries ---- */

static void path_of(const char *target, const char *expected)
{
    ask("GET", target, "", NULL);
    if (a.status != 200)
        fail_msg("%s: %d %s", target, a.status, a.body);
    assert_string_equal(member("path"), expected);
}

static void a_path_parameter_is_decoded_and_may_hold_slashes(void **state)
{
    (void)state;
    path_of("/api/file/a.cbz/tags", "a.cbz");
    path_of("/api/file/a+b%2bc%20d.cbz/tags", "a+b+c d.cbz");
    path_of("/api/file/A/B/c.cbz/tags", "A/B/c.cbz");
    path_of("/api/file/A%2FB%2fc.cbz/tags", "A/B/c.cbz");
    path_of("/api/file/tags/tags", "tags");
    path_of("/api/file/%2Fabs%2Fc.cbz/tags", "/abs/c.cbz");
    path_of("/api/file//abs/c.cbz/tags", "/abs/c.cbz");
    path_of("/api/file/..%2Fx/tags", "../x"); /* for the handler to refuse, with a better reason */
    path_of("/api/file/../x/tags", "../x");
    path_of("/comics/api/file/%25/tags", "%");
    path_of("/api/file/%C3%A9%FF/tags",
            "\xc3\xa9\xef\xbf\xbd"); /* JSON shows what is not UTF-8 as U+FFFD */
    ask("GET", "/api/file/tags", "", NULL);
    assert_int_equal(a.status, 404);
    assert_string_equal(member("code"), "no_such_route");
    assert_string_equal(member("error"), "there is nothing at \"/api/file/tags\"");
}

static void the_query_is_decoded_and_numbers_are_checked(void **state)
{
    (void)state;
    ask("GET", "/api/things?search=a+b%2Bc%26d&limit=007&search=second&&x", "User-Agent: t\r\n",
        NULL);
    assert_string_equal(member("search"), "a b+c&d");
    assert_string_equal(member("agent"), "t");
    assert_non_null(strstr(a.body, "{\"limit\":7,"));
    assert_non_null(strstr(a.body, "\"rate\":0.1}")); /* 16 digits, not 0.10000000000000001 */
    ask("GET", "/api/things", "", NULL);
    assert_non_null(strstr(a.body, "{\"limit\":10,\"search\":null"));
    static const struct {
        const char *value, *code;
        int status;
    } wrong[] = {{"x", "bad_field", 400},
                 {"", "bad_field", 400},
                 {"1x", "bad_field", 400},
                 {"+1", "bad_field", 400},
                 {"-", "bad_field", 400},
                 {"0", "out_of_range", 422},
                 {"101", "out_of_range", 422},
                 {"-5", "out_of_range", 422},
                 {"99999999999999999999", "out_of_range", 422}};
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
        char target[100];
        (void)snprintf(target, sizeof(target), "/api/things?limit=%s", wrong[i].value);
        ask("GET", target, "", NULL);
        assert_int_equal(a.status, wrong[i].status);
        assert_string_equal(member("code"), wrong[i].code);
        assert_string_equal(member("field"), "limit");
    }
    char many[2000] = "/api/things?";
    for (int i = 0; i <= API_QUERY_MAX; i++)
        (void)strncat(many, "a=b&", sizeof(many) - strlen(many) - 1);
    ask("GET", many, "", NULL);
    assert_int_equal(a.status, 400);
}

static void a_wrong_method_is_told_the_right_ones(void **state)
{
    (void)state;
    ask("PUT", "/api/things", "", NULL);
    assert_int_equal(a.status, 405);
    assert_string_equal(raw_header(&a, "Allow"), "GET, HEAD, POST");
    ask("POST", "/comics/api/things/5", "", NULL);
    assert_string_equal(raw_header(&a, "Allow"), "GET, HEAD, DELETE");
    ask("OPTIONS", "/api/echo", "", NULL);
    assert_string_equal(raw_header(&a, "Allow"), "POST");
    assert_string_equal(member("code"), "method_not_allowed");
}

static void head_is_answered_like_get_without_the_body(void **state)
{
    (void)state;
    ask("GET", "/api/things", "", NULL);
    size_t len = a.len;
    ask("HEAD", "/api/things", "", NULL);
    assert_int_equal(a.status, 200);
    assert_int_equal(strtoul(raw_header(&a, "Content-Length"), NULL, 10), len);
    ask("HEAD", "/api/echo", "", NULL);
    assert_int_equal(a.status, 405);
}

/* ---- bodies ---- */

static void the_message_says_where_the_json_breaks(void **state)
{
    (void)state;
    ask("POST", "/api/echo", "", "{\n \"a\": nope}");
    assert_int_equal(a.status, 400);
    assert_string_equal(member("code"), "bad_json");
    assert_non_null(strstr(member("error"), "body is not a JSON object or array: line 2, column "));
}

static void nesting_is_limited(void **state)
{
    (void)state;
    char deep[4200];
    static const struct {
        size_t depth;
        int status;
    } cases[] = {{2000, 200}, {2049, 400}};
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        memset(deep, '[', cases[i].depth);
        memset(deep + cases[i].depth, ']', cases[i].depth);
        deep[2 * cases[i].depth] = '\0';
        ask("POST", "/api/deep", "", deep);
        assert_int_equal(a.status, cases[i].status);
    }
}

static void a_route_s_own_limit_counts(void **state)
{
    (void)state;
    char body[8300];
    memset(body, ' ', sizeof(body));
    memcpy(body, "{}", 2);
    static const struct {
        const char *target;
        size_t len;
        int status;
    } cases[] = {{"/api/echo", 1024, 200},
                 {"/api/echo", 1025, 413},
                 {"/api/deep", 8192, 200},
                 {"/api/deep", 8193, 413},
                 {"/api/ignore", 8192, 200}};
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        body[cases[i].len] = '\0';
        ask("POST", cases[i].target, "", body);
        if (a.status != cases[i].status)
            fail_msg("%s %zu: %d", cases[i].target, cases[i].len, a.status);
        body[cases[i].len] = ' ';
    }
}

static void a_route_without_a_body_ignores_it(void **state)
{
    (void)state;
    ask("POST", "/api/ignore", "Content-Type: text/html\r\n", "<not json>");
    assert_int_equal(a.status, 200);
}

static void a_string_of_the_body_has_to_be_one(void **state)
{
    (void)state;
    ask("POST", "/api/things", "", "{\"title\": \"T\"}");
    assert_int_equal(a.status, 201);
    assert_string_equal(a.body, "{\"title\":\"T\"}");
    ask("POST", "/api/things", "", "{\"title\": null}");
    assert_string_equal(a.body, "{\"title\":null}");
    ask("POST", "/api/things", "", NULL);
    assert_string_equal(a.body, "{\"title\":null}");
    ask("POST", "/api/things", "", "{\"title\": 5}");
    assert_int_equal(a.status, 400);
    assert_string_equal(member("field"), "title");
    ask("POST", "/api/things", "", "[]");
    assert_int_equal(a.status, 400);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(every_ugly_request_gets_its_status),
        T(a_path_parameter_is_decoded_and_may_hold_slashes),
        T(the_query_is_decoded_and_numbers_are_checked),
        T(a_wrong_method_is_told_the_right_ones),
        T(head_is_answered_like_get_without_the_body),
        T(the_message_says_where_the_json_breaks),
        T(nesting_is_limited),
        T(a_route_s_own_limit_counts),
        T(a_route_without_a_body_ignores_it),
        T(a_string_of_the_body_has_to_be_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
