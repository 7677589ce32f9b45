/* config.h: each message once, the order of sources, and the way to a child and back. */
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

#include "config.h"
#include "strbuf.h"

static char folder[] = "/tmp/longbox-test-config-XXXXXX";
static char file[64], library[64];
static struct config c;

static int group_setup(void **state)
{
    (void)state;
    static const char *const known[] = {
        "WATCHED_DIR", "DUPLICATE_DIR", "CONFIG_DIR",   "WEB_PORT",    "GUNICORN_WORKERS",
        "MAX_WORKERS", "BASE_PATH",     "SSL_CERTFILE", "SSL_KEYFILE", "XDG_STATE_HOME"};
    for (size_t i = 0; i < ARRAY_LEN(known); i++)
        (void)unsetenv(known[i]);
    if (mkdtemp(folder) == NULL)
        return -1;
    (void)snprintf(file, sizeof(file), "%s/longbox.yaml", folder);
    (void)snprintf(library, sizeof(library), "%s/library", folder);
    return mkdir(library, 0700);
}

static int group_teardown(void **state)
{
    (void)state;
    (void)unlink(file);
    (void)rmdir(library);
    return rmdir(folder);
}

static int setup(void **state)
{
    (void)state;
    config_defaults(&c);
    return 0;
}

static void write_file(const char *text, size_t len)
{
    FILE *f = fopen(file, "w");
    assert_non_null(f);
    assert_int_equal(fwrite(text, 1, len, f), len);
    assert_int_equal(fclose(f), 0);
}

/* Loads the text as a file; the message, less the file's name in front, has to begin so. */
static void refused_n(const char *text, size_t len, const char *wanted)
{
    struct err err = {0};
    write_file(text, len);
    config_defaults(&c);
    assert_int_equal(config_load_file(&c, file, &err), -1);
    assert_int_equal(err.code, ERR_CONFIG);
    assert_memory_equal(err.msg, file, strlen(file));
    const char *rest = err.msg + strlen(file);
    if (strncmp(rest, wanted, strlen(wanted)) != 0)
        fail_msg("'%s' does not begin with '%s'", rest, wanted);
}

static void refused(const char *text, const char *wanted)
{
    refused_n(text, strlen(text), wanted);
}

static void file_is_refused_with_line_key_and_range(void **state)
{
    (void)state;
    refused("workers: 2\nworkres: 3\n",
            ":2: key \"workres\" is not known; did you mean 'workers'?");
    refused("zzz: [1, 2]\n", ":1: key \"zzz\" is not known");
    refused("Workers: 2\n", ":1: key \"Workers\" is not known; did you mean 'workers'?");
    refused("workers: 2\n\nthreads: 1\nworkers: 3\n",
            ":4: key 'workers': stands here a second time, first in line 1");
    refused("# c\nworkers: 33\n",
            ":2: key 'workers': \"33\" is not a whole number from 1 to 32 (processes)");
    refused("workers: two\n", ":1: key 'workers': \"two\" is not a whole number");
    refused("workers: 2.5\n", ":1: key 'workers': \"2.5\" is not a whole number");
    refused("workers: 0x2\n", ":1: key 'workers': \"0x2\" is not a whole number");
    refused("workers:\n", ":1: key 'workers': \"\" is not a whole number");
    refused("workers: 99999999999999999999\n",
            ":1: key 'workers': \"99999999999999999999\" is not");
    refused("workers: \" 2\"\n", ":1: key 'workers': \" 2\" is not a whole number");
    refused("compress: maybe\n", ":1: key 'compress': \"maybe\" is not true or false");
    refused("auth: aaaaaaaaaaaaaaaaaaaa\n", ":1: key 'auth': 20 bytes, and at most 16 are allowed");
    refused("library: \"a\\nb\"\n", ":1: key 'library': control character 0x0a in the value");
    refused("library: \"a\\0b\"\n", ":1: a NUL byte in the text");
}

static void file_of_another_shape_is_refused(void **state)
{
    (void)state;
    refused("hosts: [a, b]\n", ":1: key 'hosts': a single value is wanted, not a list");
    refused("hosts: {a: b}\n", ":1: key 'hosts': a single value is wanted, not a group of keys");
    refused("library: &x /a\nstate_dir: *x\n",
            ":2: key 'state_dir': a single value is wanted, not an alias");
    refused("- a\n- b\n", ":1: lines of the form 'key: value' are wanted");
    refused("? [a]\n: b\n", ":1: a key has to be a plain word");
    refused("workers: 2\n---\nworkers: 3\n", ":2: a second document begins here");
    refused("workers: 2\nlibrary: a: b\n", ":2: not YAML: mapping values are not allowed");
    refused("library: \"open\n", ":2: not YAML: found unexpected end of stream");
    refused("library: \xff\xfe\n", ": not YAML: ");
    refused_n("a\0b: 1\n", 7, ": not YAML: control characters are not allowed");
}

static void file_that_is_not_there_is_an_error(void **state)
{
    (void)state;
    struct err err = {0};
    assert_int_equal(config_load_file(&c, "/nonexistent/longbox.yaml", &err), -1);
    assert_string_equal(err.msg, "/nonexistent/longbox.yaml: No such file or directory");
    assert_int_equal(config_load_file(&c, folder, &err), -1); /* a folder */
}

static void load_ok(const char *text)
{
    struct err err = {0};
    write_file(text, strlen(text));
    if (config_load_file(&c, file, &err) < 0)
        fail_msg("%s", err.msg);
}

static void file_sets_what_it_names(void **state)
{
    (void)state;
    load_ok("library: /a \"b\"\nworkers: 7\ncompress: off\nhosts: ~\nauth: none # why\n");
    assert_string_equal(c.library, "/a \"b\"");
    assert_int_equal(c.workers, 7);
    assert_false(c.compress);
    assert_string_equal(c.auth, "none");
    assert_int_equal(c.threads, 4);
    load_ok("");
    load_ok("# nothing\n");
}

static void example_file_equals_the_defaults_and_names_every_key(void **state)
{
    (void)state;
    struct config defaults;
    struct err err = {0};
    struct strbuf dump LB_CLEANUP(strbuf_clear) = {0};
    config_defaults(&defaults);
    if (config_load_file(&c, "etc/longbox.yaml", &err) < 0) /* tests run in the root of the tree */
        fail_msg("%s", err.msg);
    assert_memory_equal(&c, &defaults, sizeof(c));
    config_dump(&defaults, &dump);
    FILE *f = fopen("etc/longbox.yaml", "r");
    assert_non_null(f);
    static char text[65536];
    size_t n = fread(text, 1, sizeof(text) - 1, f);
    text[n] = '\0';
    assert_int_equal(fclose(f), 0);
    assert_non_null(strstr(text, strbuf_str(&dump))); /* else: longbox config --dump, and a head */
}

static void dump_is_read_back_the_same(void **state)
{
    (void)state;
    struct err err = {0};
    struct strbuf dump LB_CLEANUP(strbuf_clear) = {0};
    struct config again;
    assert_int_equal(config_set(&c, "library", "/a \"b\\c: # d", "test", &err), 0);
    assert_int_equal(config_set(&c, "compress", "false", "test", &err), 0);
    assert_int_equal(config_set(&c, "heartbeat_s", "3", "test", &err), 0);
    config_dump(&c, &dump);
    write_file(dump.data, dump.len);
    config_defaults(&again);
    assert_int_equal(config_load_file(&again, file, &err), 0);
    assert_memory_equal(&again, &c, sizeof(c));
}

static void child_reads_back_what_was_handed_over(void **state)
{
    (void)state;
    struct err err = {0};
    struct strbuf out LB_CLEANUP(strbuf_clear) = {0};
    struct config again;
    assert_int_equal(config_set(&c, "library", "/100% \xc3\xa4 a=b %0a", "test", &err), 0);
    assert_int_equal(config_set(&c, "lease_ms", "12345", "test", &err), 0);
    assert_int_equal(config_set(&c, "compress", "no", "test", &err), 0);
    config_export(&c, &out);
    assert_int_equal(config_import(&again, strbuf_str(&out), &err), 0);
    assert_memory_equal(&again, &c, sizeof(c));
    static const char *const bad[] = {"workers=2",     "workers\n", "library=%zz\n", "library=%\n",
                                      "library=%00\n", "nokey=1\n", "workers=99\n"};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        assert_int_equal(config_import(&again, bad[i], &err), -1);
}

static void env_is(const char *name, const char *value, const char *key, const char *wanted)
{
    struct err err = {0};
    struct config want;
    config_defaults(&c);
    config_defaults(&want);
    assert_int_equal(config_set(&want, key, wanted, "test", &err), 0);
    assert_int_equal(setenv(name, value, 1), 0);
    if (config_load_env(&c, &err) < 0)
        fail_msg("%s", err.msg);
    (void)unsetenv(name);
    if (memcmp(&c, &want, sizeof(c)) != 0)
        fail_msg("%s=%s does not set %s to %s", name, value, key, wanted);
}

static void environment_of_the_old_container_is_understood(void **state)
{
    (void)state;
    env_is("WATCHED_DIR", "/books", "library", "/books");
    env_is("DUPLICATE_DIR", "/dup", "duplicate_dir", "/dup");
    env_is("CONFIG_DIR", "/Config", "state_dir", "/Config");
    env_is("WEB_PORT", "5000", "listen", "127.0.0.1:5000");
    env_is("GUNICORN_WORKERS", "3", "workers", "3");
    env_is("MAX_WORKERS", "9", "threads", "9");
    env_is("BASE_PATH", "/comics", "base_path", "/comics");
    env_is("SSL_CERTFILE", "/c", "tls_cert", "/c");
    env_is("SSL_KEYFILE", "/k", "tls_key", "/k");
    env_is("GUNICORN_WORKERS", "", "workers", "2"); /* empty: not set */
    env_is("LONGBOX_LEASE_MS", "4000", "lease_ms", "4000");
    env_is("LONGBOX_HTDOCS", "/h", "htdocs", "/h");
    env_is("LONGBOX_CONFIG", "whatever", "workers", "2"); /* the way to a child, not a key */
}

static void env_refused(const char *name, const char *value, const char *wanted)
{
    struct err err = {0};
    config_defaults(&c);
    assert_int_equal(setenv(name, value, 1), 0);
    assert_int_equal(config_load_env(&c, &err), -1);
    (void)unsetenv(name);
    assert_string_equal(err.msg, wanted);
}

static void environment_is_refused_with_its_variable(void **state)
{
    (void)state;
    env_refused(
        "GUNICORN_WORKERS", "99",
        "GUNICORN_WORKERS: key 'workers': \"99\" is not a whole number from 1 to 32 (processes)");
    env_refused("WEB_PORT", "http", "WEB_PORT: \"http\" is not a port from 0 to 65535");
    env_refused("WEB_PORT", "65536", "WEB_PORT: \"65536\" is not a port from 0 to 65535");
    env_refused(
        "LONGBOX_THREADS", "0",
        "LONGBOX_THREADS: key 'threads': \"0\" is not a whole number from 1 to 64 (threads)");
    env_refused("LONGBOX_WORKRES", "3",
                "LONGBOX_WORKRES: key \"workres\" is not known; did you mean 'workers'?");
}

static void later_sources_win(void **state)
{
    (void)state;
    struct err err = {0};
    static const char *const sets[] = {"workers=6"};
    static const char text[] = "workers: 3\nthreads: 3\nlease_ms: 3000\nheartbeat_s: 3\n";
    write_file(text, sizeof(text) - 1);
    assert_int_equal(setenv("GUNICORN_WORKERS", "4", 1), 0);
    assert_int_equal(setenv("MAX_WORKERS", "4", 1), 0);
    assert_int_equal(setenv("LONGBOX_THREADS", "5", 1), 0);
    assert_int_equal(setenv("LONGBOX_LEASE_MS", "5000", 1), 0);
    assert_int_equal(config_load(&c, file, sets, 1, &err), 0);
    (void)unsetenv("GUNICORN_WORKERS");
    (void)unsetenv("MAX_WORKERS");
    (void)unsetenv("LONGBOX_THREADS");
    (void)unsetenv("LONGBOX_LEASE_MS");
    assert_int_equal(c.workers, 6);     /* flag over environment over file */
    assert_int_equal(c.threads, 5);     /* our name over the old one */
    assert_int_equal(c.lease_ms, 5000); /* environment over file */
    assert_int_equal(c.heartbeat_s, 3); /* file over default */
    static const char *const bad[] = {"workers"};
    assert_int_equal(config_load(&c, NULL, bad, 1, &err), -1);
    assert_string_equal(err.msg, "command line: \"workers\" is not key=value");
}

/* A sound configuration with one value changed. */
static int check_with(const char *key, const char *value, struct err *err)
{
    config_defaults(&c);
    must(config_set(&c, "library", library, "test", err) == 0);
    must(config_set(&c, "state_dir", folder, "test", err) == 0);
    must(config_set(&c, key, value, "test", err) == 0);
    return config_check(&c, err);
}

static void check_refused(const char *key, const char *value, const char *wanted)
{
    struct err err = {0};
    assert_int_equal(check_with(key, value, &err), -1);
    assert_int_equal(err.code, ERR_CONFIG);
    if (strstr(err.msg, wanted) == NULL)
        fail_msg("'%s' is not in '%s'", wanted, err.msg);
}

static void check_says_what_no_key_alone_can_tell(void **state)
{
    (void)state;
    check_refused("library", "", "key 'library': no folder is set");
    check_refused("library", "/nonexistent", "key 'library': \"/nonexistent\": No such file");
    check_refused("library", "/dev/null", "key 'library': \"/dev/null\" is not a folder");
    check_refused("duplicate_dir", "/proc", "key 'duplicate_dir': \"/proc\"");
    check_refused("duplicate_dir", "/nonexistent",
                  "key 'duplicate_dir': \"/nonexistent\": No such file");
    check_refused("duplicate_dir", "/dev/shm",
                  "key 'duplicate_dir': \"/dev/shm\" is on another file system");
    check_refused("trash_dir", "/nonexistent", "key 'trash_dir': \"/nonexistent\": No such file");
    check_refused("trash_dir", "/dev/null", "key 'trash_dir': \"/dev/null\" is not a folder");
    check_refused("htdocs", "/nonexistent", "key 'htdocs'");
    check_refused("front_template", "/nonexistent", "key 'front_template'");
    check_refused("h2o", "", "key 'h2o': names no program");
    check_refused("listen", "8080", "key 'listen': '8080' has no port");
    check_refused("listen", "127.0.0.1:", "does not end in a port");
    check_refused("listen", "127.0.0.1:65536", "has a port above 65535");
    check_refused("listen", "::1:80", "is no numeric address");
    check_refused("listen", "[x]:80", "is no IPv6 address");
    check_refused("listen", "example.org:80", "is no numeric address");
    check_refused("listen", "0.0.0.0:80", "set auth: none if that is meant");
    check_refused("listen", "[::]:80", "set auth: none if that is meant");
    check_refused("auth", "basic", "key 'auth': has to be \"none\" or empty");
    check_refused("base_path", "comics", "key 'base_path': has to begin with /");
    check_refused("base_path", "/a b", "letters, digits");
    check_refused("base_path", "/a//b", "empty");
    check_refused("base_path", "/../b", "begin with a dot");
    check_refused("base_path", "/api/x", "/api is a path of the server itself");
    check_refused("tls_cert", "/etc/passwd", "key 'tls_key': has to be set with tls_cert");
    check_refused("tls_key", "/etc/passwd", "key 'tls_cert': has to be set with tls_key");
    check_refused("log_level", "loud", "key 'log_level': has to be error, warn, info or debug");
    check_refused("name_parser", "best", "key 'name_parser': has to be compatible or better");
    check_refused("name_policy", "loose", "key 'name_policy': has to be strict or posix");
    check_refused("lease_renew_ms", "20000", "key 'lease_renew_ms': has to be at most half");
}

static void check_accepts(const char *key, const char *value)
{
    struct err err = {0};
    if (check_with(key, value, &err) < 0)
        fail_msg("%s", err.msg);
}

static void check_completes_what_it_accepts(void **state)
{
    (void)state;
    check_accepts("listen", "[::1]:0");
    check_accepts("listen", "localhost:80");
    check_accepts("base_path", "/a/b-c_d~e.f/");
    assert_string_equal(c.base_path, "/a/b-c_d~e.f");
    check_accepts("base_path", "/");
    assert_string_equal(c.base_path, "");
    check_accepts("base_path", "/apis");
    check_accepts("duplicate_dir", folder);
    check_accepts("trash_dir", folder);
    check_refused("trash_dir", library, "key 'trash_dir': is the library itself");
    check_accepts("trash_dir", "/dev/shm"); /* another file system */
    char text[128];
    (void)snprintf(text, sizeof(text), "%s/./library/", folder);
    check_accepts("library", text);
    assert_string_equal(c.library, library);
    check_accepts("state_dir", "/tmp/nonexistent//");
    assert_string_equal(c.state_dir, "/tmp/nonexistent");
    assert_int_equal(setenv("XDG_STATE_HOME", "/x", 1), 0);
    check_accepts("state_dir", "");
    assert_string_equal(c.state_dir, "/x/longbox");
    (void)unsetenv("XDG_STATE_HOME");
    assert_int_equal(setenv("HOME", "/h", 1), 0);
    check_accepts("state_dir", "");
    assert_string_equal(c.state_dir, "/h/.local/state/longbox");
    check_accepts("state_dir", "relative");
    assert_int_equal(c.state_dir[0], '/');
    assert_non_null(strstr(c.state_dir, "/relative"));
}

static void open_address_with_auth_none_is_accepted(void **state)
{
    (void)state;
    struct err err = {0};
    assert_int_equal(check_with("listen", "0.0.0.0:80", &err), -1);
    assert_int_equal(config_set(&c, "auth", "none", "test", &err), 0);
    assert_int_equal(config_check(&c, &err), 0);
}

#define T(f) cmocka_unit_test_setup(f, setup)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(file_is_refused_with_line_key_and_range),
        T(file_of_another_shape_is_refused),
        T(file_that_is_not_there_is_an_error),
        T(file_sets_what_it_names),
        T(example_file_equals_the_defaults_and_names_every_key),
        T(dump_is_read_back_the_same),
        T(child_reads_back_what_was_handed_over),
        T(environment_of_the_old_container_is_understood),
        T(environment_is_refused_with_its_variable),
        T(later_sources_win),
        T(check_says_what_no_key_alone_can_tell),
        T(check_completes_what_it_accepts),
        T(open_address_with_auth_none_is_accepted),
    };
    return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
