#include "confine.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#if defined(__x86_64__)
#define ARCH AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define ARCH AUDIT_ARCH_AARCH64
#elif defined(__riscv) && __riscv_xlen == 64
#define ARCH AUDIT_ARCH_RISCV64
#elif defined(__arm__)
#define ARCH AUDIT_ARCH_ARM
#elif defined(__i386__)
#define ARCH AUDIT_ARCH_I386
#else
#error "add this machine's AUDIT_ARCH"
#endif

#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))

void confine_start(void)
{
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() == 1)
        _exit(1);
    (void)close_range(3, ~0U, 0);
}

static int limit(int what, uint64_t soft, uint64_t hard)
{
    struct rlimit l = {(rlim_t)soft, (rlim_t)hard};
    return setrlimit(what, &l);
}

int confine_limits(unsigned cpu_s, unsigned memory_mib, unsigned descriptors)
{
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__) /* they map terabytes */
    if (limit(RLIMIT_AS, (uint64_t)memory_mib << 20, (uint64_t)memory_mib << 20) < 0)
        return -1;
#else
    (void)memory_mib;
#endif
    if (limit(RLIMIT_CPU, cpu_s, (uint64_t)cpu_s + 5) < 0) /* SIGXCPU says why before SIGKILL */
        return -1;
    return limit(RLIMIT_CORE, 0, 0) < 0 || limit(RLIMIT_FSIZE, 0, 0) < 0 ||
                   limit(RLIMIT_NOFILE, descriptors, descriptors) < 0
               ? -1
               : 0;
}

/* What every program calls: memory, what it has open, the clock, its end. */
static const int of_every_program[] = {
    SYS_read,          SYS_write,          SYS_pread64,    SYS_close,
#ifdef SYS_mmap
    SYS_mmap,
#endif
#ifdef SYS_mmap2
    SYS_mmap2,
#endif
    SYS_munmap,        SYS_mremap,         SYS_mprotect,   SYS_madvise,      SYS_brk,
    SYS_futex,         SYS_exit,           SYS_exit_group, SYS_rt_sigreturn, SYS_restart_syscall,
    SYS_clock_gettime, SYS_getrandom,
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    SYS_sigaltstack, /* the sanitizer's own work */
    SYS_rt_sigaction,  SYS_rt_sigprocmask, SYS_getpid,     SYS_gettid,       SYS_sched_yield,
#endif
};

/* Looks at files, which open none. */
static const int looks[] = {
#ifdef SYS_stat
    SYS_stat,       SYS_lstat,
#endif
#ifdef SYS_access
    SYS_access,
#endif
#ifdef SYS_readlink
    SYS_readlink,
#endif
#ifdef SYS_newfstatat
    SYS_newfstatat,
#endif
    SYS_fstat,      SYS_statx, SYS_faccessat, SYS_faccessat2, SYS_readlinkat, SYS_getcwd,
};

/* What a library may ask for besides, and do without: character tables, the time zone, its limits. */
static const int opens_and_limits[] = {
#ifdef SYS_open
    SYS_open,
#endif
    SYS_openat,
    SYS_prlimit64,
};

static const int maps_memory[] = {
#ifdef SYS_mmap
    SYS_mmap,
#endif
#ifdef SYS_mmap2
    SYS_mmap2,
#endif
    SYS_mprotect,
};

#define RETURN(action) (struct sock_filter) BPF_STMT(BPF_RET | BPF_K, (action))
#define LOAD(field)                                                                                \
    (struct sock_filter) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, field))
#define IF_EQUAL(value, skip)                                                                      \
    (struct sock_filter) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)(value), 0, (skip))

static int set_filter(struct sock_filter *code, size_t n)
{
    struct sock_fprog program = {(unsigned short)n, code};
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
        return -1;
    return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program);
}

/* The beginning of a filter: the call's number is loaded. Returns its length. */
static size_t begin(struct sock_filter *code)
{
    size_t n = 0;
    code[n++] = LOAD(arch);
    code[n++] = IF_EQUAL(ARCH, 1);
    code[n++] = LOAD(nr);
    code[n++] = (struct sock_filter)BPF_STMT(BPF_JMP | BPF_JA, 1);
    code[n++] = RETURN(SECCOMP_RET_KILL_PROCESS); /* another machine's numbers */
    return n;
}

/* Answers each of the calls with the action. Returns the new length. */
static size_t answer(struct sock_filter *code, size_t n, const int *calls, size_t n_calls,
                     unsigned action)
{
    for (size_t i = 0; i < n_calls; i++) {
        code[n++] = IF_EQUAL(calls[i], 1);
        code[n++] = RETURN(action);
    }
    return n;
}
#define ANSWER(code, n, calls, action) answer(code, n, calls, ARRAY_LEN(calls), action)

int confine_calls(void)
{
    struct sock_filter
        code[8 + 5 * ARRAY_LEN(maps_memory) +
             2 * (ARRAY_LEN(of_every_program) + ARRAY_LEN(looks) + ARRAY_LEN(opens_and_limits))];
    size_t n = begin(code);
    for (size_t i = 0; i < ARRAY_LEN(maps_memory); i++) {
        code[n++] = IF_EQUAL(maps_memory[i], 3);
        code[n++] = LOAD(args[2]); /* its low half: the machines above are little-endian */
        code[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, PROT_EXEC, 0, 1);
        code[n++] = RETURN(SECCOMP_RET_KILL_PROCESS);
        code[n++] = LOAD(nr);
    }
    n = ANSWER(code, n, of_every_program, SECCOMP_RET_ALLOW);
    n = ANSWER(code, n, looks, SECCOMP_RET_ERRNO | EACCES);
    n = ANSWER(code, n, opens_and_limits, SECCOMP_RET_ERRNO | EACCES);
    code[n++] = RETURN(SECCOMP_RET_KILL_PROCESS);
    return set_filter(code, n);
}

/* ---- a program that is not ours ---- */

/* What the dynamic loader, the C library and a program that reads a file and writes to a pipe call besides. */
static const int program_calls[] = {
    SYS_execve, /* its own start; no other process can be made */
#ifdef SYS_arch_prctl
    SYS_arch_prctl,
#endif
    SYS_readv,        SYS_writev,          SYS_lseek,   SYS_set_tid_address, SYS_rseq,
    SYS_rt_sigaction, SYS_set_robust_list, SYS_getpid,  SYS_rt_sigprocmask,  SYS_gettid,
    SYS_sigaltstack,  SYS_getuid,          SYS_geteuid, SYS_getgid,          SYS_getegid,
    SYS_gettimeofday, SYS_sched_yield,     SYS_uname,
#if defined(__SANITIZE_ADDRESS__)
    SYS_prlimit64, /* the sanitizer's start, in the tests' own program */
#endif
};

/* Opens, with the place of their flags. */
static const struct {
    int call;
    unsigned flags_at;
} opens[] = {
#ifdef SYS_open
    {SYS_open, offsetof(struct seccomp_data, args[1])},
#endif
    {SYS_openat, offsetof(struct seccomp_data, args[2])},
};

#define OPENS_TO_WRITE (O_WRONLY | O_RDWR | O_CREAT | O_TRUNC | O_APPEND)

int confine_program(void)
{
    struct sock_filter
        code[8 + 5 * ARRAY_LEN(opens) +
             2 * (ARRAY_LEN(of_every_program) + ARRAY_LEN(looks) + ARRAY_LEN(program_calls))];
    size_t n = begin(code);
    for (size_t i = 0; i < ARRAY_LEN(opens); i++) {
        code[n++] = IF_EQUAL(opens[i].call, 4);
        code[n++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, opens[i].flags_at);
        code[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, OPENS_TO_WRITE, 0, 1);
        code[n++] = RETURN(SECCOMP_RET_ERRNO | EPERM);
        code[n++] = RETURN(SECCOMP_RET_ALLOW);
    }
    n = ANSWER(code, n, of_every_program, SECCOMP_RET_ALLOW);
    n = ANSWER(code, n, looks, SECCOMP_RET_ALLOW);
    n = ANSWER(code, n, program_calls, SECCOMP_RET_ALLOW);
    code[n++] = RETURN(SECCOMP_RET_ERRNO | EPERM);
    return set_filter(code, n);
}
