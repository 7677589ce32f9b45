#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "api_guard.h"

/* ---- who may ask ---- */

static void host_of(const struct api_guard *g, const char *host, enum err_code expected)
{
    struct err err = {0};
    int rc = api_guard_host(g, host, &err);
    if (err.code != expected || (rc == 0) != (expected == ERR_NONE))
        fail_msg("Host %s: %s %s", host ? host : "(none)", err_name(err.code), err.msg);
}

static void only_own_names_and_addresses_are_hosts(void **state)
{
    (void)state;
    struct api_guard *g = api_guard_new("comics.example.com other:8443 bad/name", "Box.home.lan");
    static const char *const good[] = {"localhost",
                                       "LOCALHOST:8080",
                                       "a.localhost",
                                       "127.0.0.1",
                                       "10.0.0.1:80",
                                       "[::1]",
                                       "[fe80::1]:8080",
                                       "box",
                                       "box.local",
                                       "BOX.home.lan:8080",
                                       "box.home.lan.",
                                       "comics.example.com",
                                       "comics.example.com:1234",
                                       "other:8443"};
    static const char *const foreign[] = {
        "evil.example", "xlocalhost",       "localhost.evil.example",
        "boxx",         "box.evil.example", "box.locals",
        "other",        "other:80",         "1.2.3.4.5",
        "1.2.3",        "example.com"};
    static const char *const broken[] = {
        NULL,  "",    ":80",         "a:",  "a:b", "a:0", "a:70000",     "[::1",
        "[x]", "::1", "[127.0.0.1]", "a/b", "a b", "a,b", "u@localhost", "."};
    for (size_t i = 0; i < ARRAY_LEN(good); i++)
        host_of(g, good[i], ERR_NONE);
    for (size_t i = 0; i < ARRAY_LEN(foreign); i++)
        host_of(g, foreign[i], ERR_HOST);
    for (size_t i = 0; i < ARRAY_LEN(broken); i++)
        host_of(g, broken[i], ERR_BAD_REQUEST);
    api_guard_free(g);
    g = api_guard_new("", ""); /* a machine without a name */
    host_of(g, "localhost", ERR_NONE);
    host_of(g, "box", ERR_HOST);
    api_guard_free(g);
}

static void only_the_own_origin_may_change_things(void **state)
{
    (void)state;
    struct api_guard *g = api_guard_new("comics.example.com proxy.example.com:8443", "box");
    static const struct {
        const char *host, *origin, *site;
        bool passes;
    } cases[] = {
        {"localhost:8080", NULL, NULL, true},
        {"localhost:8080", NULL, "same-origin", true},
        {"localhost:8080", NULL, "cross-site", false},
        {"localhost:8080", "http://localhost:8080", "cross-site", false},
        {"localhost:8080", "http://localhost:8080", "same-origin", true},
        {"localhost:8080", "HTTP://LocalHost:8080", NULL, true},
        {"localhost:8080", "http://localhost:8081", NULL, false},
        {"localhost:8080", "http://localhost", NULL, false},
        {"localhost", "http://localhost:80", NULL, true},
        {"box", "https://box", NULL, true}, /* TLS ends before us */
        {"box:80", "https://box:443", NULL, true},
        {"box:8443", "https://box", NULL, false},
        {"[::1]:8080", "http://[::1]:8080", NULL, true},
        {"localhost", "https://comics.example.com", NULL, true},
        {"localhost", "https://comics.example.com:8443", NULL, false},
        {"localhost", "https://proxy.example.com:8443", NULL, true},
        {"localhost", "https://proxy.example.com", NULL, false},
        {"localhost", "null", NULL, false},
        {"localhost", "", NULL, false},
        {"localhost", "ftp://localhost", NULL, false},
        {"localhost", "http://localhost.evil.example", NULL, false},
        {"localhost", "http://localhost/", NULL, false},
        {"localhost", "http://evil.example@localhost", NULL, false},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct err err = {0};
        int rc = api_guard_origin(g, cases[i].host, cases[i].origin, cases[i].site, &err);
        if ((rc == 0) != cases[i].passes)
            fail_msg("case %zu: %s %s", i, cases[i].host, cases[i].origin ? cases[i].origin : "-");
        assert_int_equal(err.code, cases[i].passes ? ERR_NONE : ERR_ORIGIN);
    }
    api_guard_free(g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_own_names_and_addresses_are_hosts),
        cmocka_unit_test(only_the_own_origin_may_change_things),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
