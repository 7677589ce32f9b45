#include "exec_child.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clock.h"

#define STEP_MS     50 /* between two looks at the cancel flag */
#define READS       16 /* of 64 KiB, before the clock is looked at again */
#define GONE_MS     10000
#define EXIT_FAILED 127

/* ---- in the child: async-signal-safe calls only, the process has threads ---- */

struct plan {
    const char *program;
    char *const *argv, *const *envp;
    int null, out, err, gate, dir_fd;
    pid_t parent;
};

LB_NORETURN static void child_main(const struct plan *p)
{
    char byte;
    sigset_t none;
    struct sigaction normal = {.sa_handler = SIG_DFL};
    (void)setsid();
    /* If the worker died before this call there is another parent already. */
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != p->parent)
        _exit(EXIT_FAILED);
    for (int s = 1; s < NSIG; s++)
        (void)sigaction(s, &normal, NULL); /* refused for SIGKILL and SIGSTOP */
    (void)sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
    if (read(p->gate, &byte, 1) != 1) /* not released */
        _exit(EXIT_FAILED);
    if (dup2(p->null, 0) == 0 && dup2(p->out, 1) == 1 && dup2(p->err, 2) == 2 &&
        fchdir(p->dir_fd) == 0) {
        (void)close_range(3, ~0U, CLOSE_RANGE_CLOEXEC);
        (void)execve(p->program, p->argv, p->envp);
    }
    int e = errno;
    (void)!write(p->gate, &e, sizeof(e)); /* nobody to tell if that fails */
    _exit(EXIT_FAILED);
}

/* ---- start ---- */

static int pipes(struct exec_child *ch, struct plan *p, struct err *err)
{
    int out[2], e[2], gate[2];
    p->null = open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (p->null < 0)
        return err_sys(err, ERR_IO, "/dev/null");
    if (pipe2(out, O_CLOEXEC) < 0)
        return err_sys(err, ERR_IO, "pipe");
    ch->out_fd = out[0];
    p->out = out[1];
    if (pipe2(e, O_CLOEXEC) < 0)
        return err_sys(err, ERR_IO, "pipe");
    ch->err_fd = e[0];
    p->err = e[1];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, gate) < 0)
        return err_sys(err, ERR_IO, "socketpair");
    ch->gate = gate[0];
    p->gate = gate[1];
    (void)fcntl(ch->out_fd, F_SETFL, O_NONBLOCK);
    (void)fcntl(ch->err_fd, F_SETFL, O_NONBLOCK);
    return 0;
}

int exec_child_start(struct exec_child *ch, const char *program, char *const argv[],
                     char *const envp[], int dir_fd, struct err *err)
{
    struct plan p = {program, argv, envp, -1, -1, -1, -1, dir_fd, getpid()};
    *ch = (struct exec_child){.pidfd = -1, .gate = -1, .out_fd = -1, .err_fd = -1};
    int rc = pipes(ch, &p, err);
    if (rc == 0) {
        pid_t pid = fork();
        if (pid == 0)
            child_main(&p);
        if (pid < 0)
            rc = err_sys(err, ERR_IO, "fork");
        else
            ch->pid = pid;
    }
    fd_close(p.null);
    fd_close(p.out);
    fd_close(p.err);
    fd_close(p.gate);
    if (rc == 0)
        ch->pidfd = (int)syscall(SYS_pidfd_open, ch->pid, 0); /* -1: found by looking */
    return rc;
}

/* ---- processes as /proc shows them ---- */

struct proc {
    char state;
    int group, session;
    unsigned long long start;
};

static bool read_proc(const char *pid, struct proc *ret)
{
    char path[64], text[1024];
    (void)snprintf(path, sizeof(path), "/proc/%.20s/stat", pid);
    int fd LB_CLEANUP(fd_close) = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
    if (n <= 0)
        return false;
    text[n] = '\0';
    const char *rest = strrchr(text, ')'); /* the name before it may hold anything */
    return rest && sscanf(rest + 1,
                          " %c %*d %d %d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %*d "
                          "%*d %llu",
                          &ret->state, &ret->group, &ret->session, &ret->start) == 4;
}

unsigned long long exec_start_time(pid_t pid)
{
    char text[24];
    struct proc p;
    (void)snprintf(text, sizeof(text), "%d", (int)pid);
    return read_proc(text, &p) ? p.start : 0;
}

static bool is_for_job(const char *pid, const char *job_id)
{
    enum { MAX = 262144 };
    char path[64], wanted[96];
    (void)snprintf(path, sizeof(path), "/proc/%.20s/environ", pid);
    int n = snprintf(wanted, sizeof(wanted), "LONGBOX_JOB_ID=%s", job_id);
    int fd LB_CLEANUP(fd_close) = open(path, O_RDONLY | O_CLOEXEC);
    char *text LB_CLEANUP(mem_free) = mem_new(MAX);
    size_t len = 0;
    ssize_t got;
    while (fd >= 0 && len < MAX && (got = read(fd, text + len, MAX - len)) > 0)
        len += (size_t)got;
    return memmem(text, len, wanted, (size_t)n + 1) != NULL; /* with the NUL behind */
}

/* What lives of a group; with a job, *ret_ours says whether one of them carries its id. The leader may be left out. */
static int group_members(pid_t leader, bool with_leader, const char *job_id, bool *ret_ours)
{
    DIR *d = opendir("/proc");
    struct dirent *entry;
    struct proc p;
    int n = 0;
    while (d && (entry = readdir(d)) != NULL) {
        if (!isdigit((unsigned char)entry->d_name[0]) || !read_proc(entry->d_name, &p) ||
            p.group != leader || p.state == 'Z' || p.state == 'X')
            continue;
        if (!with_leader && strtol(entry->d_name, NULL, 10) == leader)
            continue;
        n++;
        if (job_id && !*ret_ours)
            *ret_ours = is_for_job(entry->d_name, job_id);
    }
    if (d)
        (void)closedir(d);
    return n;
}

/*
 * While a group has members no new process gets its number, so a leader with another start time says that ours is gone.
 * When the leader is gone a member has to prove by its environment that the group is ours.
 */
static bool group_lives(pid_t leader, unsigned long long start, const char *job_id)
{
    unsigned long long now = exec_start_time(leader);
    bool ours = now == start;
    if (now != 0 && now != start)
        return false;
    return group_members(leader, true, job_id, &ours) > 0 && ours;
}

bool exec_kill_group(pid_t leader, unsigned long long start, const char *job_id)
{
    return group_lives(leader, start, job_id) && kill(-leader, SIGKILL) == 0;
}

int exec_end_group(pid_t leader, unsigned long long start, const char *job_id, struct err *err)
{
    int64_t until = clock_mono_ms() + GONE_MS;
    while (group_lives(leader, start, job_id)) {
        (void)kill(-leader, SIGKILL);
        if (clock_mono_ms() > until)
            return err_set(err, ERR_BUSY,
                           "process group %d of an earlier run of this item does not end",
                           (int)leader);
        (void)usleep(5000);
    }
    return 0;
}

/* ---- following it ---- */

static void keep(struct exec_tail *t, const char *bytes, size_t n)
{
    if (n > EXEC_TAIL) {
        bytes += n - EXEC_TAIL;
        n = EXEC_TAIL;
        t->cut = true;
    }
    if (t->len + n > EXEC_TAIL) {
        size_t off = t->len + n - EXEC_TAIL;
        memmove(t->bytes, t->bytes + off, t->len - off);
        t->len -= off;
        t->cut = true;
    }
    memcpy(t->bytes + t->len, bytes, n);
    t->len += n;
}

/* Reads what is there; closes the pipe at its end. */
static void drain(int *fd, struct exec_tail *t)
{
    char bytes[65536];
    for (int i = 0; *fd >= 0 && i < READS; i++) {
        ssize_t n = read(*fd, bytes, sizeof(bytes));
        if (n > 0) {
            keep(t, bytes, (size_t)n);
        } else if (n == 0 || (errno != EAGAIN && errno != EINTR)) {
            fd_close(*fd);
            *fd = -1;
        } else {
            return;
        }
    }
}

static void look(struct exec_child *ch, int ms)
{
    struct pollfd fds[] = {
        {ch->out_fd, POLLIN, 0}, {ch->err_fd, POLLIN, 0}, {ch->pidfd, POLLIN, 0}};
    (void)poll(fds, ARRAY_LEN(fds), ms); /* interrupted: the caller looks at everything anyway */
    drain(&ch->out_fd, &ch->out);
    drain(&ch->err_fd, &ch->err);
}

/* The program has ended, and is not reaped: so its number, which is the group's, is nobody else's yet. */
static bool has_ended(const struct exec_child *ch, siginfo_t *ret)
{
    *ret = (siginfo_t){0};
    must(waitid(P_PID, (id_t)ch->pid, ret, WEXITED | WNOHANG | WNOWAIT) == 0);
    return ret->si_pid == ch->pid;
}

/* Ends what is left of the group and takes the status. */
static void reap(struct exec_child *ch)
{
    siginfo_t info;
    (void)kill(-ch->pid, SIGKILL);
    (void)kill(ch->pid, SIGKILL); /* it may not have come to setsid() */
    while (waitid(P_PID, (id_t)ch->pid, &info, WEXITED) < 0 && errno == EINTR)
        ;
    ch->pid = 0;
}

void exec_child_follow(struct exec_child *ch, int64_t timeout_ms, int64_t kill_after_ms,
                       bool (*cancelled)(void *ctx), void *ctx, struct exec_end *ret)
{
    int64_t ends_at = clock_mono_ms() + timeout_ms, kill_at = 0;
    bool killed = false;
    siginfo_t info;
    *ret = (struct exec_end){.stop = EXEC_ENDED};
    (void)send(ch->gate, "g", 1, MSG_NOSIGNAL); /* killed meanwhile: seen below */
    while (look(ch, STEP_MS), !has_ended(ch, &info)) {
        int64_t now = clock_mono_ms();
        if (ret->stop == EXEC_ENDED && (cancelled(ctx) || now >= ends_at)) {
            ret->stop = cancelled(ctx) ? EXEC_CANCELLED : EXEC_TIMED_OUT;
            kill_at = now + kill_after_ms;
            (void)kill(-ch->pid, SIGTERM);
        }
        if (ret->stop != EXEC_ENDED && !killed && now >= kill_at) {
            (void)kill(-ch->pid, SIGKILL);
            killed = true;
        }
    }
    /* After SIGTERM its children have the same time as it. */
    while (ret->stop != EXEC_ENDED && clock_mono_ms() < kill_at &&
           group_members(ch->pid, false, NULL, NULL) > 0)
        look(ch, STEP_MS / 2);
    bool by_signal = info.si_code != CLD_EXITED;
    ret->signal = by_signal ? info.si_status : 0;
    ret->status = by_signal ? 0 : info.si_status;
    reap(ch);
    look(ch, 0);
    if (recv(ch->gate, &ret->exec_errno, sizeof(int), MSG_DONTWAIT) != (ssize_t)sizeof(int))
        ret->exec_errno = 0;
}

void exec_child_clear(struct exec_child *ch)
{
    if (ch->pid > 0)
        reap(ch);
    if (ch->gate > 0) /* {0}: nothing was opened, and 0 is not ours */
        fd_close(ch->gate);
    if (ch->pidfd > 0)
        fd_close(ch->pidfd);
    if (ch->out_fd > 0)
        fd_close(ch->out_fd);
    if (ch->err_fd > 0)
        fd_close(ch->err_fd);
    *ch = (struct exec_child){0};
}
