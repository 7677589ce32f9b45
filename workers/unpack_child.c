#include "unpack_child.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clock.h"
#include "exe.h"

#define STEP_MS 100  /* between two looks at the cancel flag */
#define GONE_MS 5000 /* for one that has closed its pipe to end */

/* Beside the worker; or, for programs of a build tree, in its folder of programs. */
static int find_program(char ret[PATH_MAX], struct err *err)
{
    static const char *const places[] = {"longbox-unpack", "../bin/longbox-unpack"};
    return exe_beside(places, ARRAY_LEN(places), ret, err);
}

static int spawn(struct unpack_child *ch, const char *program, int fd, int out, char **argv,
                 char *const *envp, struct err *err)
{
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
    int rc = posix_spawn(&ch->pid, program, &actions, &attr, argv, envp);
    (void)posix_spawn_file_actions_destroy(&actions);
    (void)posix_spawnattr_destroy(&attr);
    if (rc == 0)
        return 0;
    ch->pid = 0;
    errno = rc;
    return err_sys(err, ERR_IO, "start %s", program);
}

int unpack_child_start(struct unpack_child *ch, int fd, char **argv, char *const *envp,
                       const struct unpack_limits *limits, const struct entry_sink *sink,
                       struct err *err)
{
    char program[PATH_MAX];
    int ends[2];
    *ch = (struct unpack_child){
        .limits = limits,
        .sink = sink,
        .pipe_fd = -1,
        .ends_at_ms = clock_mono_ms() + (int64_t)limits->wall_s * 1000,
    };
    if (find_program(program, err) < 0)
        return -1;
    if (pipe2(ends, O_CLOEXEC) < 0)
        return err_sys(err, ERR_IO, "pipe");
    (void)fcntl(ends[0], F_SETPIPE_SZ, 1 << 20); /* fewer turns; a refusal costs only time */
    ch->pipe_fd = ends[0];
    argv[0] = (char[]){"longbox-unpack"};
    int rc = spawn(ch, program, fd, ends[1], argv, envp, err);
    fd_close(ends[1]);
    return rc;
}

int unpack_child_time(const struct unpack_child *ch, struct err *err)
{
    if (ch->sink->cancelled && ch->sink->cancelled(ch->sink->cancel_ctx))
        return err_set(err, ERR_CANCELLED, "cancelled");
    if (clock_mono_ms() > ch->ends_at_ms)
        return err_set(err, ERR_BOOK, "unpacking it takes more than %u s", ch->limits->wall_s);
    return 0;
}

int unpack_child_read(const struct unpack_child *ch, void *buf, size_t len, size_t *ret,
                      struct err *err)
{
    for (*ret = 0; *ret < len;) {
        struct pollfd p = {ch->pipe_fd, POLLIN, 0};
        int ready = poll(&p, 1, STEP_MS);
        if (ready <= 0) {
            if (unpack_child_time(ch, err) < 0)
                return -1;
            continue;
        }
        ssize_t n = read(ch->pipe_fd, (char *)buf + *ret, len - *ret);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return err_sys(err, ERR_IO, "read from longbox-unpack");
        if (n == 0)
            return 0;
        *ret += (size_t)n;
    }
    return 0;
}

int unpack_child_end(struct unpack_child *ch)
{
    int status = 0;
    int64_t until = clock_mono_ms() + GONE_MS;
    while (ch->pid > 0) {
        pid_t got = waitpid(ch->pid, &status, WNOHANG);
        if (got == ch->pid || (got < 0 && errno != EINTR))
            break;
        if (clock_mono_ms() > until)
            (void)kill(ch->pid, SIGKILL);
        (void)usleep(1000);
    }
    ch->pid = 0;
    return status;
}

int unpack_child_why(const struct unpack_child *ch, int status, struct err *ret)
{
    int sig = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
    if (sig == SIGXCPU)
        (void)err_set(ret, ERR_BOOK, "unpacking it takes more than %u s of CPU time",
                      ch->limits->cpu_s);
    else if (sig == SIGSYS)
        (void)err_set(ret, ERR_BOOK,
                      "the archive made the program that unpacks it do what it "
                      "must not; it was stopped");
    else if (sig)
        (void)err_set(ret, ERR_BOOK, "the program that unpacks it was ended by signal %d (%s)", sig,
                      strsignal(sig)); /* NOLINT(concurrency-mt-unsafe): glibc's is */
    else
        (void)err_set(ret, ERR_IO, "the program that unpacks it ended with status %d",
                      WEXITSTATUS(status));
    return sig;
}

void unpack_child_clear(struct unpack_child *ch)
{
    if (ch->pid > 0) {
        (void)kill(ch->pid, SIGKILL);
        (void)unpack_child_end(ch);
    }
    fd_close(ch->pipe_fd);
    ch->pipe_fd = -1;
}
