/* test_config_commands.c - the section `commands`: what is refused and with which words, and the way to a child and back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "config.h"
#include "op.h"
#include "strbuf.h"

static char folder[] = "/tmp/longbox-test-commands-XXXXXX";
static char file[64];
static struct config c, again;

static int group_setup(void **state)
{
    (void)state;
    if (mkdtemp(folder) == NULL)
        return -1;
    (void)snprintf(file, sizeof(file), "%s/longbox.yaml", folder);
    return 0;
}

static int group_teardown(void **state)
{
    (void)state;
    (void)unlink(file);
    return rmdir(folder);
}

static int load(struct config *into, const char *text, struct err *err)
{
    FILE *f = fopen(file, "w");
    assert_non_null(f);
    (void)fputs(text, f);
    assert_int_equal(fclose(f), 0);
    config_defaults(into);
    return config_load_file(into, file, err);
}

static void load_ok(const char *text)
{
    struct err err = {0};
    if (load(&c, text, &err) < 0)
        fail_msg("%s", err.msg);
}

/* The message, less the file's name in front and the key behind the line, has to begin so. */
static void refused(const char *text, int line, const char *wanted)
{
    struct err err = {0};
    char whole[512];
    assert_int_equal(load(&c, text, &err), -1);
    assert_int_equal(err.code, ERR_CONFIG);
    (void)snprintf(whole, sizeof(whole), "%s:%d: key 'commands': %s", file, line, wanted);
    if (strncmp(err.msg, whole, strlen(whole)) != 0)
        fail_msg("'%s' does not begin with '%s'", err.msg, whole);
}

#define ONE "commands:\n  - name: a\n    argv: [x]\n"

static void defaults_are_filled_in(void **state)
{
    (void)state;
    load_ok(ONE);
    const struct config_command *cmd = &c.commands[0];
    assert_int_equal(c.n_commands, 1);
    assert_string_equal(cmd->name, "a");
    assert_string_equal(cmd->title, "a");
    assert_string_equal(cmd->text, "");
    assert_false(cmd->accepts_strings || cmd->changes_files);
    assert_int_equal(cmd->timeout_s, 600);
    assert_int_equal(cmd->kill_after_s, 5);
    assert_int_equal(cmd->n_args, 1);
    assert_int_equal(cmd->n_env, 0);
    load_ok("commands: []\n");
    assert_int_equal(c.n_commands, 0);
}

static void names_are_checked(void **state)
{
    (void)state;
    refused("commands:\n  - argv: [x]\n", 2, "name is missing");
    refused("commands:\n  - name: Big\n", 2, "name \"Big\" is not a-z, 0-9 and -");
    refused("commands:\n  - name: 1a\n", 2, "name \"1a\" is not");
    refused("commands:\n  - name: ''\n", 2, "name \"\" is not");
    refused("commands:\n  - name: a_b\n", 2, "name \"a_b\" is not");
    refused("commands:\n  - name: abcdefghijklmnopqrstuvwxyzabcdef\n", 2, "name \"abcdefghij");
    load_ok("commands:\n  - name: abcdefghijklmnopqrstuvwxyzabcde\n    argv: [x]\n");
    refused(ONE "  - name: a\n", 4, "name 'a' stands twice");
    refused("commands:\n  - name: a\n    name: b\n", 3, "name stands here a second time");
    /* Every built-in operation, by the table itself. */
    const struct op *op;
    config_defaults(&c);
    op_register_commands(&c);
    for (size_t i = 0; (op = op_at(i)) != NULL; i++) {
        char text[128], wanted[128];
        (void)snprintf(text, sizeof(text), "commands:\n  - name: %s\n    argv: [x]\n", op->name);
        (void)snprintf(wanted, sizeof(wanted), "name '%s' is that of a built-in operation",
                       op->name);
        refused(text, 2, wanted);
    }
}

static void values_are_checked(void **state)
{
    (void)state;
    refused("commands:\n  - name: a\n", 2, "a has no argv");
    refused("commands:\n  - name: a\n    argv: []\n", 2, "a has no argv");
    refused("commands:\n  - name: a\n    argv: x\n", 3, "argv has to be a list");
    refused("commands:\n  - name: a\n    argv: [[x]]\n", 3, "each part of argv has to be");
    refused("commands:\n  - name: a\n    argv: ['']\n", 3, "argv has to begin with a program");
    refused("commands:\n  - name: a\n    argv: ['{path}']\n", 3,
            "argv has to begin with a program; it cannot be a placeholder");
    refused(ONE "    argv: [y]\n", 4, "argv stands here a second time");
    refused(ONE "    timeout_s: 0\n", 4,
            "timeout_s \"0\" is not a whole number from 1 to 86400 (s)");
    refused(ONE "    timeout_s: 86401\n", 4, "timeout_s \"86401\" is not");
    refused(ONE "    timeout_s: ten\n", 4, "timeout_s \"ten\" is not");
    refused(ONE "    kill_after_s: 301\n", 4,
            "kill_after_s \"301\" is not a whole number from 0 to 300");
    refused(ONE "    kill_after_s: -1\n", 4, "kill_after_s \"-1\" is not");
    refused(ONE "    accepts: files\n", 4, "accepts \"files\" is not books or strings");
    refused(ONE "    changes_files: 1\n", 4, "changes_files \"1\" is not true or false");
    refused(ONE "    title: \"a\\nb\"\n", 4, "title \"a\\x0ab\" is not text of at most 64 bytes");
    refused(ONE "    text: [a]\n", 4, "text has to be a single text");
    refused(ONE "    shell: true\n", 4, "\"shell\" is not a key of a command");
    refused(ONE "    env: [A]\n", 4, "env has to be lines NAME: value");
    refused(ONE "    env: {1A: b}\n", 4, "env: \"1A\" is not a name");
    refused(ONE "    env: {A-B: b}\n", 4, "env: \"A-B\" is not a name");
    refused(ONE "    env: {A: b, A: c}\n", 4, "env: 'A' stands twice");
    refused(ONE "    env: {LONGBOX_PATH: b}\n", 4, "env: names that begin with LONGBOX_ are ours");
    refused("commands: 3\n", 1, "a list is wanted");
    refused("commands: {a: b}\n", 1, "a list is wanted");
    refused("commands: [a]\n", 1, "each command has to be lines");
    refused(ONE "workers: 2\ncommands: []\n", 5, "stands here a second time, first in line 1");
}

static void a_file_name_never_becomes_the_text_of_a_shell(void **state)
{
    (void)state;
    static const char *const wrong[] = {"[sh, -c, 'cat {path}']",
                                        "[/bin/bash, -ec, 'cat \"{name}\"']",
                                        "[dash, -x, -c, 'a; b {folder}', z]"};
    char text[256];
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
        (void)snprintf(text, sizeof(text), "commands:\n  - name: a\n    argv: %s\n", wrong[i]);
        refused(text, 2, "a puts a file name into the text of a shell");
    }
    load_ok("commands:\n  - name: a\n    argv: [sh, -c, 'cat \"$1\" | wc', sh, '{path}']\n"
            "  - name: b\n    argv: [echo, -c, '{path}']\n");
}

static void there_are_limits(void **state)
{
    (void)state;
    struct strbuf text LB_CLEANUP(strbuf_clear) = {0};
    strbuf_adds(&text, "commands:\n");
    for (int i = 0; i < CONFIG_COMMANDS_MAX; i++)
        strbuf_addf(&text, "  - {name: n%d, argv: [x]}\n", i);
    load_ok(strbuf_str(&text));
    strbuf_adds(&text, "  - {name: one-more, argv: [x]}\n");
    refused(strbuf_str(&text), 34, "more than 32 of them");

    strbuf_reset(&text);
    strbuf_adds(&text, "commands:\n  - name: a\n    argv: [x");
    for (int i = 1; i < CONFIG_COMMAND_ARGS_MAX; i++)
        strbuf_adds(&text, ", x");
    strbuf_adds(&text, ", x]\n");
    refused(strbuf_str(&text), 3, "argv has more than 64 parts");

    strbuf_reset(&text);
    strbuf_adds(&text, "commands:\n  - name: a\n    argv: [x, ");
    for (int i = 0; i < CONFIG_COMMAND_BYTES; i++)
        strbuf_addc(&text, 'y');
    strbuf_adds(&text, "]\n");
    refused(strbuf_str(&text), 3, "arguments and variables of all commands are more than 32768");
}

static const char every_key[] =
    "commands:\n  - name: first\n    env: {A: \"1=2\\n%\", B: ''}\n    kill_after_s: 0\n"
    "    argv: [prog, \"a b\\t\\\"c\\\\\", '{path}', '', \"\\xe4\"]\n    text: 'it''s'\n    title: "
    "T\n"
    "    accepts: strings\n    changes_files: true\n    timeout_s: 7\n"
    "  - {name: second, argv: [x]}\nworkers: 3\n";

static void dump_is_read_back_the_same(void **state)
{
    (void)state;
    struct err err = {0};
    struct strbuf one LB_CLEANUP(strbuf_clear) = {0}, two LB_CLEANUP(strbuf_clear) = {0};
    load_ok(every_key);
    config_dump(&c, &one);
    if (load(&again, strbuf_str(&one), &err) < 0)
        fail_msg("%s", err.msg);
    config_dump(&again, &two);
    assert_string_equal(strbuf_str(&one), strbuf_str(&two));
    assert_int_equal(again.n_commands, 2);
}

static void child_reads_back_what_was_handed_over(void **state)
{
    (void)state;
    struct err err = {0};
    struct strbuf out LB_CLEANUP(strbuf_clear) = {0};
    load_ok(every_key);
    config_export(&c, &out);
    if (config_import(&again, strbuf_str(&out), &err) < 0)
        fail_msg("%s", err.msg);
    assert_int_equal(again.n_commands, 2);
    const struct config_command *cmd = &again.commands[0];
    assert_string_equal(cmd->name, "first");
    assert_string_equal(cmd->text, "it's");
    assert_true(cmd->accepts_strings && cmd->changes_files);
    assert_int_equal(cmd->timeout_s, 7);
    assert_int_equal(cmd->kill_after_s, 0);
    static const char *const args[] = {"prog", "a b\t\"c\\", "{path}", "", "\xc3\xa4"};
    assert_int_equal(cmd->n_args, ARRAY_LEN(args));
    const char *s = again.command_bytes + cmd->args_at;
    for (size_t i = 0; i < ARRAY_LEN(args); i++, s = config_command_next(s))
        assert_string_equal(s, args[i]);
    s = again.command_bytes + cmd->env_at;
    assert_int_equal(cmd->n_env, 2);
    assert_string_equal(s, "A=1=2\n%");
    assert_string_equal(config_command_next(s), "B=");
    assert_int_equal(again.workers, 3);
    static const char *const bad[] = {"commands.name=a\n", "commands.begin=\ncommands.end=\n",
                                      "commands.begin=\ncommands.env.next=a\n"};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        assert_int_equal(config_import(&again, bad[i], &err), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults_are_filled_in),
        cmocka_unit_test(names_are_checked),
        cmocka_unit_test(values_are_checked),
        cmocka_unit_test(a_file_name_never_becomes_the_text_of_a_shell),
        cmocka_unit_test(there_are_limits),
        cmocka_unit_test(dump_is_read_back_the_same),
        cmocka_unit_test(child_reads_back_what_was_handed_over),
    };
    return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
