#include "op_exec.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config.h"
#include "exe.h"
#include "exec_child.h"
#include "log.h"
#include "path.h"
#include "strbuf.h"
#include "utf8.h"

#define ARG_BYTES  131071 /* MAX_ARG_STRLEN of Linux, less the NUL */
#define OUTPUT_MAX 1024
#define REASON_MAX 240

/* ---- arguments and environment ---- */

char *op_exec_expand(const char *arg, const struct exec_values *values)
{
    const struct {
        const char *name, *value;
    } table[] = {{"{path}", values->path},     {"{relative_path}", values->relative_path},
                 {"{name}", values->name},     {"{folder}", values->folder},
                 {"{job_id}", values->job_id}, {"{seq}", values->seq}};
    struct strbuf out LB_CLEANUP(strbuf_clear) = {0};
    while (*arg && out.len <= ARG_BYTES) {
        size_t i = 0;
        while (i < ARRAY_LEN(table) && strncmp(arg, table[i].name, strlen(table[i].name)) != 0)
            i++;
        if (i == ARRAY_LEN(table)) {
            strbuf_addc(&out, *arg++);
            continue;
        }
        strbuf_adds(&out, table[i].value);
        arg += strlen(table[i].name);
    }
    return out.len <= ARG_BYTES ? strbuf_take(&out) : NULL;
}

/* A list of strings that ends with NULL. */
struct strings {
    char *v[CONFIG_COMMAND_ARGS_MAX + CONFIG_COMMAND_ENV_MAX + 8];
    int n;
};

static void strings_clear(struct strings *s)
{
    for (int i = 0; i < s->n; i++)
        free(s->v[i]);
    *s = (struct strings){0};
}
LB_DEFINE_CLEANUP(struct strings, strings_clear)

static int make_argv(const struct op *op, const struct exec_values *values, struct strings *ret,
                     struct err *err)
{
    const char *s = op->config->command_bytes + op->command->args_at;
    for (int i = 0; i < op->command->n_args; i++, s = config_command_next(s)) {
        char *arg = i == 0 ? mem_strdup(s) : op_exec_expand(s, values);
        if (!arg)
            return err_set(err, ERR_LIMIT, "argument %d of the command is longer than %d bytes", i,
                           ARG_BYTES);
        ret->v[ret->n++] = arg;
    }
    return 0;
}

static const char *variable(const struct strings *list, const char *name)
{
    size_t len = strlen(name);
    for (int i = 0; i < list->n; i++)
        if (strncmp(list->v[i], name, len) == 0 && list->v[i][len] == '=')
            return list->v[i] + len + 1;
    return NULL;
}

static void add_variable(struct strings *ret, const char *name, const char *value)
{
    struct strbuf pair LB_CLEANUP(strbuf_clear) = {0};
    strbuf_addf(&pair, "%s=%s", name, value);
    ret->v[ret->n++] = strbuf_take(&pair);
}

static void make_environment(const struct op *op, const struct exec_values *values,
                             struct strings *ret)
{
    static const char *const taken[][2] = {
        {"PATH", EXE_DEFAULT_PATH}, {"HOME", "/"}, {"LANG", "C.UTF-8"}};
    const char *s = op->config->command_bytes + op->command->env_at;
    for (int i = 0; i < op->command->n_env; i++, s = config_command_next(s))
        ret->v[ret->n++] = mem_strdup(s);
    for (size_t i = 0; i < ARRAY_LEN(taken); i++) {
        const char *value = getenv(taken[i][0]);
        if (!variable(ret, taken[i][0]))
            add_variable(ret, taken[i][0], value ? value : taken[i][1]);
    }
    add_variable(ret, "LONGBOX_JOB_ID", values->job_id);
    add_variable(ret, "LONGBOX_PATH", values->path);
}

/* ---- what it said ---- */

/* Valid UTF-8; control characters but newline and tab as \xNN. */
static void add_clean(struct strbuf *out, const char *bytes, size_t len)
{
    for (size_t i = 0; i < len;) {
        size_t n;
        unsigned cp = utf8_decode((const unsigned char *)bytes + i, len - i, &n);
        if ((cp < 0x20 && cp != '\n' && cp != '\t') || (cp >= 0x7f && cp < 0xa0))
            strbuf_addf(out, "\\x%02x", cp);
        else
            utf8_append(out, cp);
        i += n;
    }
}

/* All that was kept, from a whole character on. */
static void add_tail(struct strbuf *out, const struct exec_tail *t)
{
    size_t from = 0, to = t->len;
    while (t->cut && from < to && ((unsigned char)t->bytes[from] & 0xc0) == 0x80)
        from++;
    while (to > from && strchr("\r\n", t->bytes[to - 1]))
        to--;
    add_clean(out, t->bytes + from, to - from);
}

/* The last line that is not blank, at most `max` bytes of it. */
static void add_last_line(struct strbuf *out, const struct exec_tail *t, size_t max)
{
    size_t to = t->len;
    while (to > 0 && strchr(" \t\r\n", t->bytes[to - 1]))
        to--;
    size_t from = to;
    while (from > 0 && t->bytes[from - 1] != '\n')
        from--;
    struct strbuf line LB_CLEANUP(strbuf_clear) = {0};
    add_clean(&line, t->bytes + from, to - from);
    size_t len = line.len < max ? line.len : max;
    while (len < line.len && len > 0 && ((unsigned char)strbuf_str(&line)[len] & 0xc0) == 0x80)
        len--;
    strbuf_add(out, strbuf_str(&line), len);
}

static void add_detail(struct op_result *ret, const char *name, const struct strbuf *text)
{
    if (text->len == 0)
        return;
    if (!ret->details)
        ret->details = json_object();
    must(json_object_set_new(ret->details, name, json_string(strbuf_str(text))) == 0);
}

static int tell(const struct op *op, const struct exec_child *ch, const struct exec_end *end,
                const char *program, struct op_result *ret, struct err *err)
{
    struct strbuf output LB_CLEANUP(strbuf_clear) = {0};
    struct strbuf errors LB_CLEANUP(strbuf_clear) = {0};
    struct strbuf why LB_CLEANUP(strbuf_clear) = {0};
    if (end->stop == EXEC_CANCELLED)
        return err_set(err, ERR_CANCELLED, "cancelled");
    add_last_line(&output, &ch->out, OUTPUT_MAX);
    add_detail(ret, "output", &output);
    bool ok = end->stop == EXEC_ENDED && !end->exec_errno && !end->signal && end->status == 0;
    if (ok)
        return 0;
    add_tail(&errors, &ch->err);
    add_detail(ret, "stderr", &errors);
    if (end->exec_errno) {
        errno = end->exec_errno;
        return err_sys(err, ERR_CONFIG, "program %s", LOG_QUOTE(program));
    }
    if (end->stop == EXEC_TIMED_OUT)
        return err_set(err, ERR_IO, "timed out after %lld s", (long long)op->command->timeout_s);
    add_last_line(&why, &ch->err, REASON_MAX);
    const char *colon = why.len ? ": " : "";
    const char *name = end->signal ? sigabbrev_np(end->signal) : NULL;
    if (end->signal && name)
        return err_set(err, ERR_IO, "ended by SIG%s%s%s", name, colon, strbuf_str(&why));
    if (end->signal)
        return err_set(err, ERR_IO, "ended by signal %d%s%s", end->signal, colon, strbuf_str(&why));
    return err_set(err, ERR_IO, "exit status %d%s%s", end->status, colon, strbuf_str(&why));
}

/* ---- the record of a run ---- */

static void read_boot_id(char ret[40])
{
    int fd LB_CLEANUP(fd_close) = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? 0 : read(fd, ret, 39);
    ret[n > 0 ? n : 0] = '\0';
    ret[strcspn(ret, "\n")] = '\0';
}

struct group {
    pid_t leader;
    unsigned long long start;
};

/* The process group that an earlier run declared; false when there was none, or the machine has started anew since. */
static bool group_of(const json_t *intent, struct group *ret)
{
    char boot[40];
    const char *then = json_string_value(json_object_get(intent, "boot"));
    json_int_t group = json_integer_value(json_object_get(intent, "group"));
    read_boot_id(boot);
    *ret = (struct group){(pid_t)group,
                          (unsigned long long)json_integer_value(json_object_get(intent, "start"))};
    return then && strcmp(then, boot) == 0 && group >= 2 && group <= INT_MAX;
}

/* A run before this one, whose worker died: what is left of it must not work beside this one. */
static int end_earlier(const struct op_item *item, struct err *err)
{
    struct group g;
    return group_of(item->intent, &g) ? exec_end_group(g.leader, g.start, item->job_id, err) : 0;
}

bool op_exec_kill(const json_t *intent, const char *job_id)
{
    struct group g;
    return group_of(intent, &g) && exec_kill_group(g.leader, g.start, job_id);
}

static int declare(const struct op_env *env, const struct exec_child *ch, struct err *err)
{
    char boot[40];
    read_boot_id(boot);
    json_t *intent = json_pack("{s:I, s:I, s:s}", "group", (json_int_t)ch->pid, "start",
                               (json_int_t)exec_start_time(ch->pid), "boot", boot);
    must(intent);
    int rc = env->declare(env->ctx, intent, NULL, NULL, err);
    json_decref(intent);
    return rc;
}

/* ---- the run ---- */

static int run_program(const struct op_env *env, const struct exec_values *values, int dir_fd,
                       struct op_result *ret, struct err *err)
{
    const struct op *op = env->op;
    struct strings argv LB_CLEANUP(strings_clear) = {0};
    struct strings envp LB_CLEANUP(strings_clear) = {0};
    struct exec_child child LB_CLEANUP(exec_child_clear) = {0};
    struct exec_end end;
    char program[PATH_MAX];
    if (make_argv(op, values, &argv, err) < 0)
        return -1;
    make_environment(op, values, &envp);
    if (exe_in_path(argv.v[0], variable(&envp, "PATH"), program, err) < 0 ||
        exec_child_start(&child, program, argv.v, envp.v, dir_fd, err) < 0 ||
        declare(env, &child, err) < 0)
        return -1;
    if (env->cancelled(env->ctx))
        return err_set(err, ERR_CANCELLED, "cancelled");
    exec_child_follow(&child, op->command->timeout_s * 1000, op->command->kill_after_s * 1000,
                      env->cancelled, env->ctx, &end);
    return tell(op, &child, &end, program, ret, err);
}

static int stat_book(const struct op_env *env, const char *path, struct stat *ret, struct err *err)
{
    int fd LB_CLEANUP(fd_close) = -1;
    if (path_open(env->library_fd, path, O_PATH | O_NOFOLLOW, &fd, err) < 0)
        return -1;
    if (fstat(fd, ret) < 0)
        return err_sys(err, ERR_IO, "%s", LOG_QUOTE(path));
    return S_ISREG(ret->st_mode) ? 0 : err_set(err, ERR_BOOK, "not a file");
}

static bool same_file(const struct stat *a, const struct stat *b)
{
    return a->st_ino == b->st_ino && a->st_size == b->st_size &&
           a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

static int run_for_book(const struct op_env *env, const struct op_item *item,
                        struct exec_values *values, int dir_fd, struct op_result *ret,
                        struct err *err)
{
    struct stat before, after;
    struct err gone = {0};
    struct strbuf path LB_CLEANUP(strbuf_clear) = {0}, folder LB_CLEANUP(strbuf_clear) = {0};
    if (stat_book(env, item->path, &before, err) < 0)
        return -1;
    strbuf_addf(&path, "%s/%s", env->library_root, item->path);
    values->path = strbuf_str(&path);
    values->name = path_base(item->path);
    strbuf_add(&folder, values->path, (size_t)(path_base(values->path) - values->path) - 1);
    values->folder = strbuf_str(&folder);
    if (run_program(env, values, dir_fd, ret, err) < 0)
        return -1;
    if (stat_book(env, item->path, &after, &gone) < 0)
        (void)snprintf(ret->message, sizeof(ret->message), "afterwards: %.200s", gone.msg);
    else if (env->op->command->changes_files)
        ret->changed_file = !same_file(&before, &after);
    return 0;
}

int op_exec_check_options(const json_t *options, struct err *err)
{
    const char *key = json_object_iter_key(json_object_iter((json_t *)(uintptr_t)options));
    if (!json_is_object(options))
        return err_field(err, ERR_BAD_FIELD, "options", "options is not an object");
    if (key)
        return err_field(err, ERR_BAD_FIELD, "options", "this operation has no option %s",
                         LOG_QUOTE(key));
    return 0;
}

int op_exec_run(const struct op_env *env, const struct op_item *item, struct op_result *ret,
                struct err *err)
{
    char seq[24];
    (void)snprintf(seq, sizeof(seq), "%lld", (long long)item->seq);
    if (end_earlier(item, err) < 0)
        return -1;
    int dir_fd LB_CLEANUP(fd_close) = open(env->library_root, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (dir_fd < 0)
        return err_sys(err, ERR_IO, "library");
    struct exec_values values = {item->path, item->path, item->path, "", item->job_id, seq};
    if (env->op->accepts == ACCEPTS_BOOKS)
        return run_for_book(env, item, &values, dir_fd, ret, err);
    return run_program(env, &values, dir_fd, ret, err);
}
