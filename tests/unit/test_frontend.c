/* frontend.h: the template language, and that h2o itself accepts what comes out of etc/h2o.conf.in.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "frontend.h"

static char folder[] = "/tmp/longbox-test-frontend-XXXXXX";

static int group_setup(void **state)
{
    (void)state;
    return mkdtemp(folder) == NULL;
}

static int group_teardown(void **state)
{
    (void)state;
    static const char *const files[] = {"h2o.conf", "errors/502.json", "errors/413.json", "bad.in"};
    char path[128];
    for (size_t i = 0; i < ARRAY_LEN(files); i++) {
        (void)snprintf(path, sizeof(path), "%s/%s", folder, files[i]);
        (void)unlink(path);
    }
    (void)snprintf(path, sizeof(path), "%s/errors", folder);
    (void)rmdir(path);
    return rmdir(folder);
}

/* ---- the template language ---- */

static const struct frontend_var vars[] = {
    {"A", "one"}, {"B_2", "say \"hi\" \\"}, {"on", ""}, {"off", NULL}};

static void renders(const char *template, const char *wanted)
{
    struct err err = {0};
    struct strbuf out LB_CLEANUP(strbuf_clear) = {0};
    if (frontend_render(template, vars, ARRAY_LEN(vars), &out, &err) < 0)
        fail_msg("%s", err.msg);
    assert_string_equal(strbuf_str(&out), wanted);
}

static void render_refused(const char *template, const char *wanted)
{
    struct err err = {0};
    struct strbuf out LB_CLEANUP(strbuf_clear) = {0};
    assert_int_equal(frontend_render(template, vars, ARRAY_LEN(vars), &out, &err), -1);
    assert_string_equal(err.msg, wanted);
}

static void values_are_put_in_and_escaped(void **state)
{
    (void)state;
    renders("x @A@ y@A@@A@\n", "x one yoneone\n");
    renders("\"@B_2@\"", "\"say \\\"hi\\\" \\\\\"\n");
    renders("a@b @ @@ @a@\n", "a@b @ @@ @a@\n");
    renders("", "");
}

static void parts_are_kept_only_when_their_switch_is_on(void **state)
{
    (void)state;
    renders("1\n#if on\n2\n#end\n3\n#if off\n4 @A@ @UNKNOWN@\n#end\n5\n", "1\n2\n3\n5\n");
    renders("  #if off\n# end\n", "  #if off\n# end\n"); /* plain comments */
}

static void mistakes_in_the_template_are_named(void **state)
{
    (void)state;
    render_refused("x\n@NOPE@\n", "line 2: @NOPE@ is not known");
    render_refused("#if nope\n#end\n", "line 1: '#if nope' is not known");
    render_refused("#if on\n", "line 1: #if without #end");
    render_refused("\n#end\n", "line 2: #end without #if");
    render_refused("#if on\n#if off\n#end\n", "line 2: #if inside the #if of line 1");
}

/* ---- what h2o says of the result ---- */

static struct config sound(void)
{
    struct config c;
    struct err err = {0};
    config_defaults(&c);
    /* Tests run in the root of the tree. */
    must(config_set(&c, "front_template", "etc/h2o.conf.in", "test", &err) == 0);
    must(config_set(&c, "htdocs", folder, "test", &err) == 0);
    return c;
}

static int prepare(const struct config *c, const char *listen, struct err *err)
{
    struct address a;
    struct frontend f;
    char socket_path[128];
    must(address_parse(listen, &a, err) == 0);
    (void)snprintf(socket_path, sizeof(socket_path), "%s/workers.sock", folder);
    int rc = frontend_prepare(c, folder, socket_path, &a, &f, err);
    frontend_clear(&f);
    return rc;
}

static char *read_conf(void)
{
    char path[128];
    (void)snprintf(path, sizeof(path), "%s/h2o.conf", folder);
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    char *text = mem_new(65536);
    assert_true(fread(text, 1, 65535, file) > 0);
    assert_int_equal(fclose(file), 0);
    return text;
}

/* h2o -t accepts it, and it holds all of `wanted` (up to a NULL) and not `unwanted`. */
static void accepted(const struct config *c, const char *listen, const char *const *wanted,
                     const char *unwanted)
{
    struct err err = {0};
    if (prepare(c, listen, &err) < 0)
        fail_msg("%s", err.msg);
    char *text LB_CLEANUP(mem_free) = read_conf();
    for (; *wanted; wanted++)
        if (strstr(text, *wanted) == NULL)
            fail_msg("'%s' is not in:\n%s", *wanted, text);
    if (unwanted)
        assert_null(strstr(text, unwanted));
}

static void plain_configuration_is_accepted(void **state)
{
    (void)state;
    static const char *const wanted[] = {"\n  host: \"127.0.0.1\"\n  port: 18080\n",
                                         "limit-request-body: 16777216",
                                         "max-connections: 8192",
                                         "/workers.sock]/api\"",
                                         "http1-upgrade-to-http2: OFF",
                                         "compress: [gzip]",
                                         "proxy.preserve-host: ON",
                                         NULL};
    struct config c = sound();
    accepted(&c, "127.0.0.1:18080", wanted, "ssl:");
}

static void ipv6_without_compression_is_accepted(void **state)
{
    (void)state;
    static const char *const wanted[] = {"host: \"::1\"", NULL};
    struct err err = {0};
    struct config c = sound();
    assert_int_equal(config_set(&c, "compress", "false", "test", &err), 0);
    accepted(&c, "[::1]:18080", wanted, "compress:");
}

static void tls_configuration_is_accepted(void **state)
{
    (void)state;
    static const char *const wanted[] = {"certificate-file: \"tests/data/tls-cert.pem\"",
                                         "key-file: \"tests/data/tls-key.pem\"",
                                         "minimum-version: TLSv1.2", NULL};
    struct err err = {0};
    struct config c = sound();
    assert_int_equal(config_set(&c, "tls_cert", "tests/data/tls-cert.pem", "test", &err), 0);
    assert_int_equal(config_set(&c, "tls_key", "tests/data/tls-key.pem", "test", &err), 0);
    accepted(&c, "127.0.0.1:18443", wanted, NULL);
}

static void base_path_is_accepted_beside_the_root(void **state)
{
    (void)state;
    static const char *const wanted[] = {
        "\"/comics/x\": *page",          "\"/comics/x/api\": *api", "\"/comics/x/health\": *health",
        "\"/comics/x/static\": *static", "\"/api\": &api",          NULL};
    struct err err = {0};
    struct config c = sound();
    assert_int_equal(config_set(&c, "base_path", "/comics/x", "test", &err), 0);
    accepted(&c, "127.0.0.1:18080", wanted, NULL);
}

static void access_log_is_accepted(void **state)
{
    (void)state;
    static const char *const wanted[] = {"path: \"/tmp/a \\\"b\\\\c\"", NULL};
    struct err err = {0};
    struct config c = sound();
    assert_int_equal(config_set(&c, "front_access_log", "/tmp/a \"b\\c", "test", &err), 0);
    accepted(&c, "127.0.0.1:18080", wanted, NULL);
}

static void write_in_folder(const char *name, const char *text, mode_t mode, char *ret, size_t size)
{
    (void)snprintf(ret, size, "%s/%s", folder, name);
    FILE *f = fopen(ret, "w");
    assert_non_null(f);
    assert_true(fputs(text, f) >= 0);
    assert_int_equal(fclose(f), 0);
    assert_int_equal(chmod(ret, mode), 0);
}

static void what_h2o_says_is_in_the_message(void **state)
{
    (void)state;
    char path[128];
    struct err err = {0};
    struct config c = sound();
    write_in_folder("bad.in", "num-threads: 1\nno-such-directive: 2\n", 0600, path, sizeof(path));
    assert_int_equal(config_set(&c, "front_template", path, "test", &err), 0);
    assert_int_equal(prepare(&c, "127.0.0.1:18080", &err), -1);
    assert_int_equal(err.code, ERR_CONFIG);
    assert_non_null(strstr(err.msg, "unknown command: no-such-directive"));
}

static void missing_parts_are_named(void **state)
{
    (void)state;
    struct err err = {0};
    struct config c = sound();
    assert_int_equal(config_set(&c, "h2o", "/nonexistent/h2o", "test", &err), 0);
    assert_int_equal(prepare(&c, "127.0.0.1:18080", &err), -1);
    assert_string_equal(err.msg, "start /nonexistent/h2o: No such file or directory");
    c = sound();
    assert_int_equal(config_set(&c, "htdocs", "/nonexistent", "test", &err), 0);
    assert_int_equal(prepare(&c, "127.0.0.1:18080", &err), -1);
    assert_string_equal(err.msg, "\"/nonexistent\": No such file or directory");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_are_put_in_and_escaped),
        cmocka_unit_test(parts_are_kept_only_when_their_switch_is_on),
        cmocka_unit_test(mistakes_in_the_template_are_named),
        cmocka_unit_test(plain_configuration_is_accepted),
        cmocka_unit_test(ipv6_without_compression_is_accepted),
        cmocka_unit_test(tls_configuration_is_accepted),
        cmocka_unit_test(base_path_is_accepted_beside_the_root),
        cmocka_unit_test(access_log_is_accepted),
        cmocka_unit_test(what_h2o_says_is_in_the_message),
        cmocka_unit_test(missing_parts_are_named),
    };
    return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
