#include "child.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

/* In the child, between fork and exec. Returns only when something failed, with errno set. */
static void become(const struct child *c, pid_t master)
{
    if (setpgid(0, 0) < 0) /* Ctrl-C in a terminal reaches the master alone */
        return;
    if (c->death_signal) {
        if (prctl(PR_SET_PDEATHSIG, c->death_signal) < 0)
            return;
        if (getppid() != master)
            _exit(1); /* it died before we asked */
    }
    int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (null < 0 || dup2(null, STDIN_FILENO) < 0 || dup2(STDERR_FILENO, STDOUT_FILENO) < 0)
        return;
    for (size_t i = 0; i < c->n_fds; i++)
        if (dup2(c->fds[i].from, c->fds[i].to) < 0)
            return;
    if (c->env_name && setenv(c->env_name, c->env_value, 1) < 0)
        return;
    sigset_t none;
    (void)sigemptyset(&none);
    (void)signal(SIGPIPE, SIG_DFL);
    if (sigprocmask(SIG_SETMASK, &none, NULL) < 0)
        return;
    (void)execvp(c->program, c->argv);
}

int child_spawn(const struct child *c, pid_t *ret_pid, struct err *err)
{
    for (size_t i = 0; i < c->n_fds; i++)
        must(c->fds[i].from <= STDERR_FILENO || c->fds[i].from >= CHILD_FD_MIN);
    int pipe_fd[2], failed_fd = -1;
    if (pipe2(pipe_fd, O_CLOEXEC) < 0)
        return err_sys(err, ERR_IO, "start %s", c->program);
    int result_fd LB_CLEANUP(fd_close) = pipe_fd[0];
    if (child_fd_high(pipe_fd[1], &failed_fd, err) < 0)
        return -1;
    pid_t master = getpid();
    pid_t pid = fork();
    if (pid < 0) {
        (void)err_sys(err, ERR_IO, "start %s", c->program);
        fd_close(failed_fd);
        return -1;
    }
    if (pid == 0) {
        become(c, master);
        int why = errno;
        ssize_t n = write(failed_fd, &why, sizeof(why));
        (void)n; /* the master then sees a death without a reason */
        _exit(127);
    }
    fd_close(failed_fd);
    int why = 0;
    ssize_t n = read(result_fd, &why, sizeof(why)); /* 0 bytes: exec closed the other end */
    if (n == (ssize_t)sizeof(why)) {
        (void)waitpid(pid, NULL, 0); /* it is at its _exit */
        errno = why;
        return err_sys(err, ERR_IO, "start %s", c->program);
    }
    *ret_pid = pid;
    return 0;
}

int child_fd_high(int fd, int *ret, struct err *err)
{
    int high = fcntl(fd, F_DUPFD_CLOEXEC, CHILD_FD_MIN);
    if (high < 0)
        (void)err_sys(err, ERR_IO, "move descriptor %d", fd);
    fd_close(fd);
    if (high < 0)
        return -1;
    *ret = high;
    return 0;
}

const char *child_how(int status, char *buf, size_t size)
{
    if (WIFSIGNALED(status))
        (void)snprintf(buf, size, "signal %d (%s)", WTERMSIG(status),
                       sigdescr_np(WTERMSIG(status)) ? sigdescr_np(WTERMSIG(status)) : "unknown");
    else
        (void)snprintf(buf, size, "exit code %d", WEXITSTATUS(status));
    return buf;
}
