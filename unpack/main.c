/*
 * longbox-unpack - reads a RAR, 7-Zip or tar archive and writes its files as frames (unpack_wire.h).
 *
 * The archive is standard input, a file that can be read at any place. Nothing else is opened: before the first byte is
 * looked at the process has given away everything but reading, writing and memory. A program of its own, so that the
 * workers do not even hold the code that parses these formats.
 *
 * It also starts the reader of others that stands in for the library, confined as that allows (UNPACK_RUN).
 *
 * The loop is ours and bounded: it ends at the first header that cannot be read, which libarchive's own tools do not.
 */
#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <locale.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "confine.h"
#include "unpack_wire.h"
#include "whole.h"

#define ARGUMENTS       6
#define RUN_ARGUMENTS   5
#define RUN_DESCRIPTORS 64
#define READ_BYTES      (64u << 10)

static struct {
    uint64_t cpu_s, memory_mib, entries, entry_bytes, total_bytes;
} limits;

static struct {
    uint64_t at, size;
    char buf[READ_BYTES];
} in;

static uint64_t n_entries, total;

/* ---- frames ---- */

static void put(const void *bytes, size_t len)
{
    const char *p = bytes;
    while (len > 0) {
        ssize_t n = write(STDOUT_FILENO, p, len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            _exit(1); /* nobody listens any more */
        p += n;
        len -= (size_t)n;
    }
}

static void put_number(unsigned char *at, uint64_t v, int bytes)
{
    for (int i = 0; i < bytes; i++)
        at[i] = (unsigned char)(v >> (8 * i));
}

static void frame(enum unpack_kind kind, const void *a, size_t a_len, const void *b, size_t b_len)
{
    unsigned char head[UNPACK_HEAD_BYTES] = {(unsigned char)kind};
    put_number(head + 1, a_len + b_len, 4);
    put(head, sizeof(head));
    put(a, a_len);
    put(b, b_len);
}

__attribute__((noreturn, format(printf, 2, 3))) static void fail(enum unpack_fault fault,
                                                                 const char *fmt, ...)
{
    char text[UNPACK_TEXT_BYTES];
    char kind = (char)fault;
    va_list ap;
    va_start(ap, fmt);
    (void)vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    frame(UNPACK_FAILED, &kind, 1, text, strlen(text));
    _exit(0);
}

/* ---- libarchive's view of standard input ---- */

static la_ssize_t on_read(struct archive *a, void *ctx, const void **ret)
{
    (void)ctx;
    for (;;) {
        ssize_t n = pread(STDIN_FILENO, in.buf, sizeof(in.buf), (off_t)in.at);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            archive_set_error(a, errno, "read");
            return ARCHIVE_FATAL;
        }
        in.at += (uint64_t)n;
        *ret = in.buf;
        return n;
    }
}

static la_int64_t on_skip(struct archive *a, void *ctx, la_int64_t want)
{
    (void)a, (void)ctx;
    uint64_t left = in.at < in.size ? in.size - in.at : 0;
    uint64_t n = want < 0 ? 0 : (uint64_t)want < left ? (uint64_t)want : left;
    in.at += n;
    return (la_int64_t)n;
}

static la_int64_t on_seek(struct archive *a, void *ctx, la_int64_t to, int whence)
{
    (void)a, (void)ctx;
    int64_t base = whence == SEEK_SET ? 0 : whence == SEEK_CUR ? (int64_t)in.at : (int64_t)in.size;
    int64_t at;
    if (__builtin_add_overflow(base, to, &at) || at < 0)
        return ARCHIVE_FATAL;
    in.at = (uint64_t)at;
    return at;
}

/* ---- the loop ---- */

__attribute__((noreturn)) static void fail_archive(struct archive *a)
{
    const char *text = archive_error_string(a);
    if (archive_read_has_encrypted_entries(a) > 0 || (text && strstr(text, "ncrypt")))
        fail(UNPACK_ENCRYPTED, "the archive is encrypted");
    if (archive_errno(a) == ENOMEM)
        fail(UNPACK_NO_MEMORY, "it needs more than %llu MiB of memory to unpack",
             (unsigned long long)limits.memory_mib);
    bool whole = whole_single_rar(STDIN_FILENO, in.size) || whole_7z(STDIN_FILENO, in.size);
    fail(whole ? UNPACK_UNREAD : UNPACK_DAMAGED, "%s", text ? text : "the archive cannot be read");
}

static void count(uint64_t entry, size_t n)
{
    total += n;
    if (entry > limits.entry_bytes)
        fail(UNPACK_TOO_MUCH, "an entry unpacks to more than %llu MiB",
             (unsigned long long)(limits.entry_bytes >> 20));
    if (total > limits.total_bytes)
        fail(UNPACK_TOO_MUCH, "the archive unpacks to more than %llu MiB",
             (unsigned long long)(limits.total_bytes >> 20));
    if (total > UNPACK_RATIO_BEGINS && total / UNPACK_RATIO > in.size)
        fail(UNPACK_TOO_MUCH, "the archive unpacks to more than %d times its size", UNPACK_RATIO);
}

static void send_data(struct archive *a)
{
    static char buf[UNPACK_DATA_BYTES];
    uint64_t size = 0;
    la_ssize_t n;
    while ((n = archive_read_data(a, buf, sizeof(buf))) > 0) {
        size += (uint64_t)n;
        count(size, (size_t)n);
        frame(UNPACK_DATA, buf, (size_t)n, NULL, 0);
    }
    if (n < 0) /* warnings too: a checksum that does not match may be one */
        fail_archive(a);
}

static const char *name_of(struct archive_entry *e)
{
    const char *name = archive_entry_pathname_utf8(e);
    return name ? name : archive_entry_pathname(e);
}

static void send_entry(struct archive *a, struct archive_entry *e)
{
    unsigned type = (unsigned)archive_entry_filetype(e);
    const char *name = name_of(e);
    unsigned char head[UNPACK_ENTRY_BYTES];
    if (!name || strlen(name) == 0 || strlen(name) > UNPACK_NAME_BYTES)
        fail(UNPACK_DAMAGED, "an entry has no name that can be read");
    if (type == AE_IFDIR)
        return; /* asking a RAR5 folder for its data is an error */
    if (archive_entry_is_encrypted(e))
        fail(UNPACK_ENCRYPTED, "the archive is encrypted");
    if ((type != 0 && type != AE_IFREG) || archive_entry_hardlink(e) || archive_entry_symlink(e)) {
        frame(UNPACK_SKIPPED, name, strlen(name), NULL, 0);
        return;
    }
    put_number(head, archive_entry_size_is_set(e) ? (uint64_t)archive_entry_size(e) : UINT64_MAX,
               8);
    put_number(head + 8, (uint64_t)(archive_entry_mtime_is_set(e) ? archive_entry_mtime(e) : 0), 8);
    frame(UNPACK_ENTRY, head, sizeof(head), name, strlen(name));
    send_data(a);
    frame(UNPACK_END, NULL, 0, NULL, 0);
}

static bool is_whole(struct archive *a)
{
    int format = archive_format(a) & ARCHIVE_FORMAT_BASE_MASK;
    if (format == ARCHIVE_FORMAT_RAR || format == ARCHIVE_FORMAT_RAR_V5)
        return whole_rar(STDIN_FILENO, in.size);
    if (format == ARCHIVE_FORMAT_TAR && archive_filter_count(a) == 1)
        return whole_tar(STDIN_FILENO, in.size);
    return format != 0; /* 0: nothing was recognised */
}

static void send_all(struct archive *a)
{
    struct archive_entry *e;
    int rc;
    while ((rc = archive_read_next_header(a, &e)) == ARCHIVE_OK || rc == ARCHIVE_WARN) {
        if (++n_entries > limits.entries)
            fail(UNPACK_TOO_MUCH, "the archive has more than %llu entries",
                 (unsigned long long)limits.entries);
        send_entry(a, e);
    }
    if (rc != ARCHIVE_EOF)
        fail_archive(a);
    if (!is_whole(a))
        fail(UNPACK_DAMAGED, "its end is missing: it is cut off, or from before 2002");
    const char *format = archive_format_name(a);
    frame(UNPACK_DONE, format ? format : "", format ? strlen(format) : 0, NULL, 0);
}

#ifdef LB_FAULTS
/* ---- for tests: what a taken-over parser would try ---- */

static void try_memory(void)
{
    for (size_t have = 0; have < 4096; have += 16) {
        char *p = malloc(16u << 20);
        if (!p)
            fail(UNPACK_NO_MEMORY, "no more memory after %zu MiB", have);
        for (size_t i = 0; i < 16u << 20; i += 4096)
            ((volatile char *)p)[i] = 1;
    }
}

__attribute__((noreturn)) static void misbehave(const char *what)
{
    char *const argv[] = {NULL};
    errno = 0;
    if (strcmp(what, "open") == 0)
        (void)!open("/etc/passwd", O_RDONLY);
    else if (strcmp(what, "create") == 0)
        (void)!open("/tmp/longbox-unpack-was-here", O_WRONLY | O_CREAT, 0600);
    else if (strcmp(what, "socket") == 0)
        (void)!socket(AF_INET, SOCK_STREAM, 0);
    else if (strcmp(what, "fork") == 0)
        (void)!fork();
    else if (strcmp(what, "exec") == 0)
        (void)!execve("/bin/true", argv, argv);
    else if (strcmp(what, "kill") == 0)
        (void)!kill(getppid(), SIGKILL);
    else if (strcmp(what, "unlink") == 0)
        (void)!unlink("/tmp/longbox-unpack-was-here");
    else if (strcmp(what, "code") == 0)
        (void)!mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    else if (strcmp(what, "memory") == 0)
        try_memory();
    else if (strcmp(what, "spin") == 0)
        for (volatile unsigned i = 0;; i++)
            ;
    else if (strcmp(what, "nonsense") == 0)
        frame(UNPACK_DATA, "x", 1, NULL, 0);
    fail(UNPACK_DAMAGED, "%s: errno %d", what, errno);
}
#endif

/* ---- start ---- */

static uint64_t number(const char *text)
{
    char *end;
    errno = 0;
    unsigned long long n = strtoull(text, &end, 10);
    if (errno || *end || end == text || n == 0) {
        (void)fputs("longbox-unpack is started by longbox-worker\n", stderr);
        _exit(2);
    }
    return n;
}

static struct archive *make_reader(void)
{
    struct archive *a = archive_read_new();
    if (!a || archive_read_support_format_rar(a) < ARCHIVE_WARN ||
        archive_read_support_format_rar5(a) < ARCHIVE_WARN ||
        archive_read_support_format_7zip(a) < ARCHIVE_WARN ||
        archive_read_support_format_tar(a) < ARCHIVE_WARN ||
        archive_read_support_filter_gzip(a) < ARCHIVE_WARN ||
        archive_read_support_filter_bzip2(a) < ARCHIVE_WARN ||
        archive_read_support_filter_xz(a) < ARCHIVE_WARN)
        _exit(2);
    (void)archive_read_set_read_callback(a, on_read);
    (void)archive_read_set_skip_callback(a, on_skip);
    (void)archive_read_set_seek_callback(a, on_seek);
    (void)archive_read_set_callback_data(a, &in);
    return a;
}

/* Starts another reader; what it can do is confine_program's. */
__attribute__((noreturn)) static void run_program(unsigned cpu_s, unsigned memory_mib, char **argv)
{
    confine_start();
    if (confine_limits(cpu_s, memory_mib, RUN_DESCRIPTORS) < 0 || confine_program() < 0)
        _exit(2);
    (void)execve(argv[0], argv, environ);
    _exit(2);
}

int main(int argc, char **argv)
{
    struct stat st;
    if (argc >= RUN_ARGUMENTS && strcmp(argv[1], UNPACK_RUN) == 0)
        run_program((unsigned)number(argv[2]), (unsigned)number(argv[3]), argv + 4);
    if (argc < ARGUMENTS)
        (void)number("");
    limits.cpu_s = number(argv[1]);
    limits.memory_mib = number(argv[2]);
    limits.entries = number(argv[3]);
    limits.entry_bytes = number(argv[4]);
    limits.total_bytes = number(argv[5]);
    confine_start();
    (void)setlocale(LC_CTYPE, "C.UTF-8");
    struct archive *a = make_reader();
    if (fstat(STDIN_FILENO, &st) < 0 ||
        confine_limits((unsigned)limits.cpu_s, (unsigned)limits.memory_mib, 3) < 0 ||
        confine_calls() < 0)
        _exit(2);
#ifdef LB_FAULTS
    if (argc > ARGUMENTS)
        misbehave(argv[ARGUMENTS]);
#endif
    in.size = (uint64_t)st.st_size;
    if (archive_read_open1(a) != ARCHIVE_OK)
        fail_archive(a);
    send_all(a);
    _exit(0); /* the library's own end would only free memory */
}
