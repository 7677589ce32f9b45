#include "unpack.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clock.h"
#include "exe.h"
#include "unpack_wire.h"
#include "zip_io.h"

#define STEP_MS 100 /* between two looks at the cancel flag */

struct walk {
    const struct unpack_limits *limits;
    const struct entry_sink *sink;
    struct unpack_report *report;
    pid_t pid;
    int pipe_fd;
    int64_t ends_at_ms;
    bool in_entry, done;
    uint32_t n_entries;
    uint64_t entry_bytes, total_bytes;
    unsigned char *frame; /* room for the longest one */
};

/* ------------------------------------------------------------------ the child */

/* Beside the worker; or, for programs of a build tree, in its folder of programs. */
static int find_program(char ret[PATH_MAX], struct err *err)
{
    static const char *const places[] = {"longbox-unpack", "../bin/longbox-unpack"};
    return exe_beside(places, ARRAY_LEN(places), ret, err);
}

static int spawn(struct walk *w, const char *program, int fd, int out, struct err *err)
{
    char text[5][24];
    const uint64_t values[5] = {w->limits->cpu_s, w->limits->memory_mib, w->limits->entries,
                                w->limits->entry_bytes, w->limits->total_bytes};
    char *argv[8] = {(char[]){"longbox-unpack"}};
    char *envp[] = {NULL};
    for (int i = 0; i < 5; i++) {
        (void)snprintf(text[i], sizeof(text[i]), "%llu", (unsigned long long)values[i]);
        argv[i + 1] = text[i];
    }
#ifdef LB_FAULTS
    argv[6] = getenv("LB_UNPACK_TRY"); /* NOLINT(concurrency-mt-unsafe): nobody sets it later */
#endif
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attr;
    sigset_t none, all;
    (void)sigemptyset(&none);
    (void)sigfillset(&all);
    must(posix_spawn_file_actions_init(&actions) == 0 && posix_spawnattr_init(&attr) == 0);
    must(posix_spawn_file_actions_adddup2(&actions, fd, STDIN_FILENO) == 0 &&
         posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO) == 0 &&
         posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0) == 0);
    must(posix_spawnattr_setsigmask(&attr, &none) == 0 &&
         posix_spawnattr_setsigdefault(&attr, &all) == 0 &&
         posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF |
                                             POSIX_SPAWN_SETSID) == 0);
    int rc = posix_spawn(&w->pid, program, &actions, &attr, argv, envp);
    (void)posix_spawn_file_actions_destroy(&actions);
    (void)posix_spawnattr_destroy(&attr);
    if (rc == 0)
        return 0;
    w->pid = 0;
    errno = rc;
    return err_sys(err, ERR_IO, "start %s", program);
}

static int start(struct walk *w, int fd, struct err *err)
{
    char program[PATH_MAX];
    int ends[2];
    if (find_program(program, err) < 0)
        return -1;
    if (pipe2(ends, O_CLOEXEC) < 0)
        return err_sys(err, ERR_IO, "pipe");
    (void)fcntl(ends[0], F_SETPIPE_SZ, 1 << 20); /* fewer turns; a refusal costs only time */
    w->pipe_fd = ends[0];
    int rc = spawn(w, program, fd, ends[1], err);
    fd_close(ends[1]);
    return rc;
}

/* Ends the child if it still runs; *ret is its status. */
static void reap(struct walk *w, int *ret)
{
    *ret = 0;
    if (w->pid <= 0)
        return;
    while (waitpid(w->pid, ret, 0) < 0 && errno == EINTR)
        ;
    w->pid = 0;
}

static void walk_clear(struct walk *w)
{
    int status;
    if (w->pid > 0)
        (void)kill(w->pid, SIGKILL);
    reap(w, &status);
    fd_close(w->pipe_fd);
    free(w->frame);
}
LB_DEFINE_CLEANUP(struct walk, walk_clear)

/* ------------------------------------------------------------------ reading frames */

static int check_time(const struct walk *w, struct err *err)
{
    if (w->sink->cancelled && w->sink->cancelled(w->sink->cancel_ctx))
        return err_set(err, ERR_CANCELLED, "cancelled");
    if (clock_mono_ms() > w->ends_at_ms)
        return err_set(err, ERR_BOOK, "unpacking it takes more than %u s", w->limits->wall_s);
    return 0;
}

/* 1 = all `len` bytes, 0 = the pipe has ended, -1. */
static int read_pipe(const struct walk *w, unsigned char *buf, size_t len, struct err *err)
{
    for (size_t done = 0; done < len;) {
        struct pollfd p = {w->pipe_fd, POLLIN, 0};
        int ready = poll(&p, 1, STEP_MS);
        if (ready <= 0) {
            if (check_time(w, err) < 0)
                return -1;
            continue;
        }
        ssize_t n = read(w->pipe_fd, buf + done, len - done);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return err_sys(err, ERR_IO, "read from longbox-unpack");
        if (n == 0)
            return 0;
        done += (size_t)n;
    }
    return 1;
}

static int nonsense(struct err *err)
{
    return err_set(err, ERR_BOOK,
                   "the program that unpacks it answers nonsense: the archive may "
                   "be made to do harm");
}

static int on_entry(struct walk *w, size_t len, struct err *err)
{
    if (w->in_entry || len <= UNPACK_ENTRY_BYTES || len > UNPACK_ENTRY_BYTES + UNPACK_NAME_BYTES)
        return nonsense(err);
    if (++w->n_entries > w->limits->entries)
        return nonsense(err); /* it should have said so */
    w->in_entry = true;
    w->entry_bytes = 0;
    struct entry_info e = {
        .name = (const char *)w->frame + UNPACK_ENTRY_BYTES,
        .name_len = len - UNPACK_ENTRY_BYTES,
        .index = w->n_entries - 1,
        .mtime = (int64_t)zip_get64(w->frame + 8),
    };
    return w->sink->begin(w->sink->ctx, &e, err);
}

static int on_data(struct walk *w, size_t len, struct err *err)
{
    w->entry_bytes += len;
    w->total_bytes += len;
    if (!w->in_entry || w->entry_bytes > w->limits->entry_bytes ||
        w->total_bytes > w->limits->total_bytes)
        return nonsense(err);
    if (check_time(w, err) < 0)
        return -1;
    return w->sink->data(w->sink->ctx, w->frame, len, err);
}

/* An entry that was begun is ended with `why` before the walk ends with it. */
static int fail_walk(struct walk *w, const struct err *why, struct err *err)
{
    if (w->in_entry) {
        w->in_entry = false;
        if (w->sink->end(w->sink->ctx, why, err) < 0)
            return -1;
    }
    *err = *why;
    return -1;
}

/* The text, as far as it is one. */
static void clean_text(char *ret, size_t size, const unsigned char *bytes, size_t len)
{
    size_t n = 0;
    for (size_t i = 0; i < len && n + 1 < size; i++)
        ret[n++] = bytes[i] >= 0x20 && bytes[i] < 0x7f ? (char)bytes[i] : ' ';
    ret[n] = '\0';
}

static int on_failed(struct walk *w, size_t len, struct err *err)
{
    char text[UNPACK_TEXT_BYTES + 1];
    struct err why = {0};
    if (len < 1 || len > UNPACK_TEXT_BYTES + 1)
        return nonsense(err);
    clean_text(text, sizeof(text), w->frame + 1, len - 1);
    w->report->not_understood = w->frame[0] == UNPACK_DAMAGED;
    if (w->frame[0] == UNPACK_DAMAGED)
        (void)err_set(&why, ERR_BOOK, "the archive cannot be unpacked: %s", text);
    else
        (void)err_set(&why, ERR_BOOK, "%s", text);
    return fail_walk(w, &why, err);
}

static int on_frame(struct walk *w, unsigned kind, size_t len, struct err *err)
{
    switch (kind) {
    case UNPACK_ENTRY:
        return on_entry(w, len, err);
    case UNPACK_DATA:
        return on_data(w, len, err);
    case UNPACK_END:
        if (!w->in_entry || len != 0)
            return nonsense(err);
        w->in_entry = false;
        return w->sink->end(w->sink->ctx, NULL, err);
    case UNPACK_SKIPPED:
        if (w->in_entry || ++w->report->n_skipped > w->limits->entries)
            return nonsense(err);
        return 0;
    case UNPACK_DONE:
        if (w->in_entry)
            return nonsense(err);
        clean_text(w->report->format, sizeof(w->report->format), w->frame, len);
        w->done = true;
        return 0;
    case UNPACK_FAILED:
        return on_failed(w, len, err);
    default:
        return nonsense(err);
    }
}

/* The pipe ended without a last word: how did the child end? */
static int ended_early(struct walk *w, struct err *err)
{
    int status;
    struct err why = {0};
    reap(w, &status);
    int sig = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
    if (sig == SIGXCPU)
        (void)err_set(&why, ERR_BOOK, "unpacking it takes more than %u s of CPU time",
                      w->limits->cpu_s);
    else if (sig == SIGSYS)
        (void)err_set(&why, ERR_BOOK,
                      "the archive made the program that unpacks it do what it "
                      "must not; it was stopped");
    else if (sig)
        (void)err_set(&why, ERR_BOOK, "the program that unpacks it was ended by signal %d (%s)",
                      sig, strsignal(sig)); /* NOLINT(concurrency-mt-unsafe): glibc's is */
    else
        (void)err_set(&why, ERR_IO, "the program that unpacks it ended with status %d",
                      WEXITSTATUS(status));
    w->report->not_understood = sig != 0 && sig != SIGXCPU;
    return fail_walk(w, &why, err);
}

int unpack_walk(int fd, const struct unpack_limits *limits, const struct entry_sink *sink,
                struct unpack_report *ret, struct err *err)
{
    struct walk w LB_CLEANUP(walk_clear) = {
        .limits = limits,
        .sink = sink,
        .report = ret,
        .pipe_fd = -1,
        .ends_at_ms = clock_mono_ms() + (int64_t)limits->wall_s * 1000,
        .frame = mem_new(UNPACK_DATA_BYTES),
    };
    unsigned char head[UNPACK_HEAD_BYTES];
    *ret = (struct unpack_report){0};
    if (start(&w, fd, err) < 0)
        return -1;
    while (!w.done) {
        int rc = read_pipe(&w, head, sizeof(head), err);
        if (rc < 0)
            return -1;
        size_t len = rc ? zip_get32(head + 1) : 0;
        if (len > UNPACK_DATA_BYTES)
            return nonsense(err);
        if (rc && len > 0)
            rc = read_pipe(&w, w.frame, len, err);
        if (rc < 0)
            return -1;
        if (rc == 0)
            return ended_early(&w, err);
        if (on_frame(&w, head[0], len, err) < 0)
            return -1;
    }
    return 0;
}
