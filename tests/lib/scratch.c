#include "scratch.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <spawn.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

void scratch_make(struct scratch *s)
{
    (void)snprintf(s->dir, sizeof(s->dir), "/tmp/longbox-test-XXXXXX");
    must(mkdtemp(s->dir) != NULL);
    s->fd = open(s->dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
    must(s->fd >= 0);
}

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *at)
{
    (void)st;
    (void)kind;
    (void)at;
    return remove(path);
}

void scratch_remove(struct scratch *s)
{
    fd_close(s->fd);
    (void)nftw(s->dir, remove_one, 16,
               FTW_DEPTH | FTW_PHYS); /* a stray folder in /tmp fails no test */
}

void scratch_write(const struct scratch *s, const char *name, const void *data, size_t len)
{
    int fd LB_CLEANUP(fd_close) =
        openat(s->fd, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    must(fd >= 0 && (len == 0 || write(fd, data, len) == (ssize_t)len));
}

void scratch_read(const struct scratch *s, const char *name, struct strbuf *ret)
{
    int fd LB_CLEANUP(fd_close) = openat(s->fd, name, O_RDONLY | O_CLOEXEC);
    must(fd >= 0);
    strbuf_reset(ret);
    for (ssize_t n = 1; n > 0; ret->len += (size_t)n) {
        n = read(fd, strbuf_reserve(ret, 65536), 65536);
        must(n >= 0);
    }
    strbuf_add(ret, "", 0); /* the NUL behind */
}

int scratch_count(const struct scratch *s, const char *prefix)
{
    DIR *d = opendir(s->dir);
    must(d != NULL);
    int n = 0;
    for (struct dirent *e; (e = readdir(d)) != NULL;)
        n += strncmp(e->d_name, prefix, strlen(prefix)) == 0;
    (void)closedir(d);
    return n;
}

/* Runs it and reads its standard output; the status of waitpid. */
static int run_python(const struct scratch *s, const char *script, const char *name,
                      const char *argument, struct strbuf *ret)
{
    char path[512];
    int ends[2];
    (void)snprintf(path, sizeof(path), "%s/%s", s->dir, name);
    char *const argv[] = {
        (char[]){"python3"}, (char[]){"-c"}, (char *)script, path, (char *)argument, NULL};
    must(pipe2(ends, O_CLOEXEC) == 0);
    posix_spawn_file_actions_t actions;
    must(posix_spawn_file_actions_init(&actions) == 0);
    must(posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO) == 0);
    pid_t pid;
    must(posix_spawnp(&pid, "python3", &actions, NULL, argv, environ) == 0);
    (void)posix_spawn_file_actions_destroy(&actions);
    fd_close(ends[1]);
    strbuf_reset(ret);
    for (ssize_t n = 1; n > 0; ret->len += (size_t)n) {
        n = read(ends[0], strbuf_reserve(ret, 4096), 4096);
        must(n >= 0);
    }
    strbuf_add(ret, "", 0); /* the NUL behind */
    fd_close(ends[0]);
    int status;
    must(waitpid(pid, &status, 0) == pid);
    return status;
}

bool scratch_zip_ok(const struct scratch *s, const char *name)
{
    struct strbuf out LB_CLEANUP(strbuf_clear) = {0};
    return run_python(s,
                      "import sys, zipfile\n"
                      "sys.exit(zipfile.ZipFile(sys.argv[1]).testzip() is not None)",
                      name, "", &out) == 0;
}

void scratch_python(const struct scratch *s, const char *script, const char *name,
                    const char *argument, struct strbuf *ret)
{
    must(run_python(s, script, name, argument, ret) == 0);
}

void scratch_deny(int nr)
{
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)nr, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {ARRAY_LEN(code), code};
    must(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
    must(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0);
}

int scratch_child(int (*fn)(void *ctx), void *ctx)
{
    int status;
    pid_t pid = fork();
    must(pid >= 0);
    if (pid == 0)
        _exit(fn(ctx));
    must(waitpid(pid, &status, 0) == pid);
    return status;
}
