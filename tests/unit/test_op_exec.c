/* test_op_exec.c - commands: what a program is given, and what becomes of how it ends. */
#include "op_lab.h"

#include "clock.h"
#include "config.h"
#include "exec_child.h"
#include "op_exec.h"

static void expands(const char *arg, const char *wanted)
{
    const struct exec_values v = {
        "/lib/a {name}.cbz", "a {name}.cbz", "{seq}$(x)", "/lib", "{path}", "7"};
    char *got LB_CLEANUP(mem_free) = op_exec_expand(arg, &v);
    assert_string_equal(got, wanted);
}

static void placeholders_are_replaced_once_and_not_read_again(void **state)
{
    (void)state;
    expands("", "");
    expands("plain", "plain");
    expands("{path}", "/lib/a {name}.cbz");
    expands("x{relative_path}y", "xa {name}.cbzy");
    expands("{name}", "{seq}$(x)");
    expands("{folder}/{name}", "/lib/{seq}$(x)");
    expands("{job_id}-{seq}", "{path}-7");
    expands("{{seq}}", "{7}");
    expands("{unknown} {path", "{unknown} {path");
    expands("%s \\{seq\\}", "%s \\{seq\\}");
}

static void an_argument_that_gets_too_long_is_refused(void **state)
{
    (void)state;
    char *path LB_CLEANUP(mem_free) = mem_new(4096);
    memset(path, 'p', 4095);
    const struct exec_values v = {path, path, path, "", "", "1"};
    struct strbuf arg LB_CLEANUP(strbuf_clear) = {0};
    for (int i = 0; i < 32; i++)
        strbuf_adds(&arg, "{path}");
    char *fits LB_CLEANUP(mem_free) = op_exec_expand(strbuf_str(&arg), &v);
    assert_non_null(fits);
    strbuf_adds(&arg, "{path}");
    assert_null(op_exec_expand(strbuf_str(&arg), &v));
}

/* ---- runs: one command over strings, made from words ---- */

static struct config c;

struct run {
    struct op_result result;
    struct err err;
    int rc;
};

static void run_clear(struct run *r)
{
    op_result_clear(&r->result);
}
LB_DEFINE_CLEANUP(struct run, run_clear)

static void configure(const char *script, const char *timeout, const char *kill_after)
{
    struct err err = {0};
    config_defaults(&c);
    const char *const args[] = {"sh", "-c", script, "sh", "{path}", "{seq}", "{job_id}"};
    assert_int_equal(config_command_begin(&c, "test", &err), 0);
    assert_int_equal(config_command_set(&c, "name", "it", "test", &err), 0);
    assert_int_equal(config_command_set(&c, "accepts", "strings", "test", &err), 0);
    assert_int_equal(config_command_set(&c, "timeout_s", timeout, "test", &err), 0);
    assert_int_equal(config_command_set(&c, "kill_after_s", kill_after, "test", &err), 0);
    assert_int_equal(config_command_set(&c, "argv", NULL, "test", &err), 0);
    for (size_t i = 0; i < ARRAY_LEN(args); i++)
        assert_int_equal(config_command_arg(&c, args[i], "test", &err), 0);
    assert_int_equal(config_command_set(&c, "env", NULL, "test", &err), 0);
    assert_int_equal(config_command_env(&c, "MINE", "a b", "test", &err), 0);
    assert_int_equal(config_command_end(&c, "test", &err), 0);
    op_register_commands(&c);
}

static void run_it(struct lab *l, const char *path, const json_t *intent, struct run *ret)
{
    *ret = (struct run){0};
    l->env.op = op_find("it");
    assert_non_null(l->env.op);
    json_t *options = json_object();
    struct op_item item = {.job_id = "0192aaaa-job",
                           .seq = 5,
                           .path = path,
                           .attempt = 1,
                           .intent = intent,
                           .options = options};
    ret->rc = l->env.op->run(&l->env, &item, &ret->result, &ret->err);
    json_decref(options);
}

static const char *detail(const struct run *r, const char *name)
{
    const char *text = json_string_value(json_object_get(r->result.details, name));
    return text ? text : "";
}

static void gives_output(const char *script, const char *path, const char *wanted)
{
    struct lab l LB_CLEANUP(lab_close) = {0};
    struct run r LB_CLEANUP(run_clear) = {0};
    lab_open(&l);
    configure(script, "10", "1");
    run_it(&l, path, NULL, &r);
    if (r.rc < 0)
        fail_msg("%s", r.err.msg);
    assert_string_equal(detail(&r, "output"), wanted);
    assert_int_equal(l.declared, 1);
}

static void fails_with(const char *script, const char *wanted, const char *said)
{
    struct lab l LB_CLEANUP(lab_close) = {0};
    struct run r LB_CLEANUP(run_clear) = {0};
    lab_open(&l);
    configure(script, "1", "1");
    run_it(&l, "x", NULL, &r);
    assert_int_equal(r.rc, -1);
    assert_string_equal(r.err.msg, wanted);
    assert_string_equal(detail(&r, "stderr"), said);
}

static void a_name_is_one_argument_whatever_it_holds(void **state)
{
    (void)state;
    static const char *const names[] = {"a b", "$(id)", "`id`",    "-rf",
                                        "'\"", "*",     ";exit 3", "{seq}"};
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        gives_output("[ $# = 3 ] && printf %s \"$1\"", names[i], names[i]);
    gives_output("printf '%s\\n' \"$1\" | wc -l | tr -d ' '", "two\nlines", "2");
}

static void the_environment_is_clean(void **state)
{
    (void)state;
    assert_int_equal(setenv("SECRET_OF_THE_SERVER", "x", 1), 0);
    gives_output("env | sed 's/=.*//' | grep -v '^_$\\|PWD\\|SHLVL' | sort | tr '\\n' ' '", "p",
                 "HOME LANG LONGBOX_JOB_ID LONGBOX_PATH MINE PATH");
    gives_output("echo \"$MINE|$LONGBOX_JOB_ID|$LONGBOX_PATH|$2|$3\"", "p q",
                 "a b|0192aaaa-job|p q|5|0192aaaa-job");
    gives_output("ls -l /proc/self/fd | grep -c -- '->'", "p",
                 "4"); /* 0, 1, 2 and the folder that ls reads */
    gives_output("cat; basename \"$PWD\"", "p", "library");
}

static void the_last_line_of_output_is_kept(void **state)
{
    (void)state;
    gives_output("echo one; echo two; echo", "p", "two");
    gives_output(":", "p", "");
    gives_output("printf 'a\\033[1m\\001\\377b'", "p",
                 "a\\x1b[1m\\x01\xef\xbf\xbd"
                 "b");
    gives_output("yes | head -c 3000000; echo end", "p", "end");
}

static void a_bad_end_is_told(void **state)
{
    (void)state;
    fails_with("exit 3", "exit status 3", "");
    fails_with("echo first >&2; echo 'no such page' >&2; exit 3", "exit status 3: no such page",
               "first\nno such page");
    fails_with("kill -SEGV $$", "ended by SIGSEGV", "");
    fails_with("sleep 20", "timed out after 1 s", "");
    fails_with("trap '' TERM; while :; do sleep 0.1; done", "timed out after 1 s", "");
}

static void stderr_is_kept_to_2_kb(void **state)
{
    (void)state;
    struct lab l LB_CLEANUP(lab_close) = {0};
    struct run r LB_CLEANUP(run_clear) = {0};
    lab_open(&l);
    configure(
        "i=0; while [ $i -lt 500 ]; do echo \"line $i \303\244\" >&2; i=$((i+1)); done; exit 1",
        "10", "1");
    run_it(&l, "x", NULL, &r);
    assert_string_equal(r.err.msg, "exit status 1: line 499 \303\244");
    size_t len = strlen(detail(&r, "stderr"));
    assert_true(len > 1900 && len <= EXEC_TAIL);
}

static void a_program_that_is_not_there_is_told(void **state)
{
    (void)state;
    struct lab l LB_CLEANUP(lab_close) = {0};
    static const char *const programs[][2] = {
        {"no-such-program-here", "program \"no-such-program-here\" is not found in PATH"},
        {"/no/such", "program \"/no/such\": No such file or directory"},
        {"/etc/passwd", "program \"/etc/passwd\": Permission denied"}};
    lab_open(&l);
    for (size_t i = 0; i < ARRAY_LEN(programs); i++) {
        struct run r LB_CLEANUP(run_clear) = {0};
        configure(":", "1", "1");
        c.commands[0].args_at = c.command_bytes_used;
        c.commands[0].n_args = 0;
        assert_int_equal(config_command_arg(&c, programs[i][0], "test", &r.err), 0);
        run_it(&l, "x", NULL, &r);
        assert_int_equal(r.rc, -1);
        assert_string_equal(r.err.msg, programs[i][1]);
    }
}

static bool lives(pid_t pid)
{
    return exec_start_time(pid) != 0 && kill(pid, 0) == 0;
}

static void children_of_a_program_end_with_it(void **state)
{
    (void)state;
    struct lab l LB_CLEANUP(lab_close) = {0};
    struct run r LB_CLEANUP(run_clear) = {0};
    lab_open(&l);
    configure("sleep 30 >/dev/null 2>&1 & echo $!", "10", "1");
    int64_t from = clock_mono_ms();
    run_it(&l, "x", NULL, &r);
    assert_int_equal(r.rc, 0);
    assert_true(clock_mono_ms() - from < 25000);
    pid_t child = (pid_t)strtol(detail(&r, "output"), NULL, 10);
    assert_true(child > 1);
    for (int i = 0; i < 1000 && lives(child); i++)
        (void)usleep(10000);
    char state_path[64], text[256] = "";
    (void)snprintf(state_path, sizeof(state_path), "/proc/%d/stat", (int)child);
    FILE *f = fopen(state_path, "r"); /* a zombie may be left where nobody reaps orphans */
    if (f) {
        (void)!fgets(text, sizeof(text), f);
        (void)fclose(f);
        assert_non_null(strstr(text, ") Z "));
    }
}

static void a_cancelled_item_says_so(void **state)
{
    (void)state;
    struct lab l LB_CLEANUP(lab_close) = {0};
    struct run r LB_CLEANUP(run_clear) = {0};
    lab_open(&l);
    l.cancel = true;
    configure("echo ran > ran", "10", "1");
    run_it(&l, "x", NULL, &r);
    assert_int_equal(r.rc, -1);
    assert_int_equal(r.err.code, ERR_CANCELLED);
    char ran[128];
    (void)snprintf(ran, sizeof(ran), "%s/ran", l.library);
    assert_int_equal(access(ran, F_OK), -1); /* it was never released */
}

static int slow_refusal(void *ctx, const json_t *intent, const char *target,
                        const struct tail_write *write, struct err *err)
{
    (void)ctx, (void)intent, (void)target, (void)write;
    (void)usleep(300000); /* time enough for a program that does not wait */
    return err_set(err, ERR_STORE, "not now");
}

static void nothing_runs_before_the_declaration(void **state)
{
    (void)state;
    struct lab l LB_CLEANUP(lab_close) = {0};
    struct run r LB_CLEANUP(run_clear) = {0};
    char ran[128];
    lab_open(&l);
    l.env.declare = slow_refusal;
    configure("echo ran > ran", "10", "1");
    run_it(&l, "x", NULL, &r);
    assert_int_equal(r.rc, -1);
    assert_int_equal(r.err.code, ERR_STORE);
    (void)snprintf(ran, sizeof(ran), "%s/ran", l.library);
    assert_int_equal(access(ran, F_OK), -1);
}

/* A group as a killed worker leaves it: its leader may be dead, a child of it goes on. */
static pid_t start_group(bool leader_ends, const char *job)
{
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        char job_id[96];
        (void)snprintf(job_id, sizeof(job_id), "LONGBOX_JOB_ID=%s", job);
        char *argv[] = {(char *)"sh", (char *)"-c",
                        (char *)(leader_ends ? "sleep 60 & exit 0" : "sleep 60 & wait"), NULL};
        char *envp[] = {job_id, (char *)"PATH=/usr/bin:/bin", NULL};
        (void)setsid();
        (void)execve("/bin/sh", argv, envp);
        _exit(127);
    }
    for (int i = 0; i < 10000 && kill(-pid, 0) < 0; i++)
        (void)usleep(1000);
    return pid;
}

/* Does anything but zombies live in it? */
static bool group_is_there(pid_t group)
{
    struct run r LB_CLEANUP(run_clear) = {0};
    struct lab l LB_CLEANUP(lab_close) = {0};
    lab_open(&l);
    configure("cat /proc/[0-9]*/stat 2>/dev/null | sed 's/.*) //' | awk -v g=\"$1\" "
              "'$3 == g && $1 != \"Z\" { n++ } END { print n + 0 }'",
              "10", "1");
    char text[24];
    (void)snprintf(text, sizeof(text), "%d", (int)group);
    run_it(&l, text, NULL, &r);
    assert_int_equal(r.rc, 0);
    return strcmp(detail(&r, "output"), "0") != 0;
}

static void an_earlier_run_is_ended_first_and_only_it(void **state)
{
    (void)state;
    struct err err = {0};
    for (int leader_ends = 0; leader_ends < 2; leader_ends++) {
        pid_t group = start_group(leader_ends, "job-1");
        unsigned long long start = exec_start_time(group);
        if (leader_ends)
            assert_int_equal(waitpid(group, NULL, 0), group);
        assert_true(group_is_there(group));
        /* Another start time, or another job: somebody else's. */
        assert_int_equal(exec_end_group(group, leader_ends ? start : start + 1,
                                        leader_ends ? "job-2" : "job-1", &err),
                         0);
        assert_true(group_is_there(group));
        assert_int_equal(exec_end_group(group, start, "job-1", &err), 0);
        assert_false(group_is_there(group));
        if (!leader_ends)
            assert_int_equal(waitpid(group, NULL, 0), group);
    }
}

static void a_second_run_ends_the_first_by_its_record(void **state)
{
    (void)state;
    struct lab l LB_CLEANUP(lab_close) = {0};
    struct run r LB_CLEANUP(run_clear) = {0};
    lab_open(&l);
    configure("echo new", "10", "1");
    run_it(&l, "x", NULL, &r); /* for a record of this boot */
    pid_t group = start_group(false, "0192aaaa-job");
    json_t *intent = json_deep_copy(l.intent);
    (void)json_object_set_new(intent, "group", json_integer(group));
    (void)json_object_set_new(intent, "start", json_integer((json_int_t)exec_start_time(group)));
    (void)json_object_set_new(intent, "boot", json_string("another boot"));
    run_clear(&r);
    run_it(&l, "x", intent, &r);
    assert_true(group_is_there(group)); /* not of this boot: the number says nothing */
    (void)json_object_set(intent, "boot", json_object_get(l.intent, "boot"));
    run_clear(&r);
    configure("echo new", "10", "1");
    run_it(&l, "x", intent, &r);
    assert_int_equal(r.rc, 0);
    assert_false(group_is_there(group));
    assert_int_equal(waitpid(group, NULL, 0), group);
    json_decref(intent);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(placeholders_are_replaced_once_and_not_read_again),
        cmocka_unit_test(an_argument_that_gets_too_long_is_refused),
        cmocka_unit_test(a_name_is_one_argument_whatever_it_holds),
        cmocka_unit_test(the_environment_is_clean),
        cmocka_unit_test(the_last_line_of_output_is_kept),
        cmocka_unit_test(a_bad_end_is_told),
        cmocka_unit_test(stderr_is_kept_to_2_kb),
        cmocka_unit_test(a_program_that_is_not_there_is_told),
        cmocka_unit_test(children_of_a_program_end_with_it),
        cmocka_unit_test(a_cancelled_item_says_so),
        cmocka_unit_test(nothing_runs_before_the_declaration),
        cmocka_unit_test(an_earlier_run_is_ended_first_and_only_it),
        cmocka_unit_test(a_second_run_ends_the_first_by_its_record),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
