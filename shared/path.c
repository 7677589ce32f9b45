#include "path.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <string.h>
#include <strings.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "log.h"

#define PART_MAX_BYTES 255
#define OPEN_ATTEMPTS  16  /* openat2(2): EAGAIN when a rename elsewhere ran into the walk */
#define QUOTE_BYTES    160 /* of a path inside a message */

/* A quoted, escaped, cut path for a message; lives as long as the enclosing block. */
#define QUOTED(path) log_quote((path), (char[QUOTE_BYTES]){0}, QUOTE_BYTES)

static bool is_dots(const char *part, size_t len)
{
    return (len == 1 && part[0] == '.') || (len == 2 && part[0] == '.' && part[1] == '.');
}

/* Control bytes and NUL. `shown` is the text as far as it can be shown. */
static int check_bytes(const char *text, size_t len, const char *shown, struct err *err)
{
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)text[i];
        if (c == 0)
            return err_set(err, ERR_PATH_INVALID, "path %s holds a NUL byte", QUOTED(shown));
        if (c < 0x20 || c == 0x7f)
            return err_set(err, ERR_PATH_INVALID, "path %s holds a control character",
                           QUOTED(shown));
    }
    return 0;
}

int path_from_client(const char *root, const char *text, size_t len, char ret[PATH_MAX_BYTES],
                     struct err *err)
{
    char shown[QUOTE_BYTES * 2]; /* longer than a quote, so a cut shows */
    size_t n_shown = len < sizeof(shown) - 1 ? len : sizeof(shown) - 1;
    if (n_shown)
        memcpy(shown, text, n_shown);
    shown[n_shown] = '\0';
    if (check_bytes(text, len, shown, err) < 0)
        return -1;
    const char *p = text;
    const char *end = text + len;
    if (len > 0 && text[0] == '/') {
        size_t n_root = strlen(root);
        if (len < n_root || memcmp(text, root, n_root) != 0 ||
            (len > n_root && text[n_root] != '/'))
            return err_set(err, ERR_PATH_OUTSIDE, "path %s is not in the library", QUOTED(shown));
        p += n_root;
    }
    char out[PATH_MAX_BYTES];
    size_t n_out = 0;
    while (p < end) {
        const char *slash = memchr(p, '/', (size_t)(end - p));
        size_t n = (size_t)((slash ? slash : end) - p);
        if (n == 2 && is_dots(p, n))
            return err_set(err, ERR_PATH_OUTSIDE, "path %s leaves the library (\"..\")",
                           QUOTED(shown));
        if (n > PART_MAX_BYTES || n_out + n + 2 > sizeof(out))
            return err_set(err, ERR_PATH_INVALID, "path %s is too long", QUOTED(shown));
        if (n > 0 && !is_dots(p, n)) { /* "a//b" and "./a" mean the same file */
            if (n_out > 0)
                out[n_out++] = '/';
            memcpy(out + n_out, p, n);
            n_out += n;
        }
        p = slash ? slash + 1 : end;
    }
    if (n_out == 0)
        return err_set(err, ERR_PATH_INVALID, "path %s names no file", QUOTED(shown));
    memcpy(ret, out, n_out);
    ret[n_out] = '\0';
    return 0;
}

/* The rules of path.h for a path that is already ours. */
static int check_relative(const char *path, struct err *err)
{
    size_t len = strlen(path);
    if (len == 0 || len >= PATH_MAX_BYTES)
        return err_set(err, ERR_PATH_INVALID, "path %s is %s", QUOTED(path),
                       len ? "too long" : "empty");
    for (const char *p = path;;) {
        size_t n = strcspn(p, "/");
        if (n == 2 && is_dots(p, n))
            return err_set(err, ERR_PATH_OUTSIDE, "path %s leaves the library (\"..\")",
                           QUOTED(path));
        if (n == 0 && p == path)
            return err_set(err, ERR_PATH_OUTSIDE, "path %s is not relative to the library",
                           QUOTED(path));
        if (n == 0 || is_dots(p, n))
            return err_set(err, ERR_PATH_INVALID, "path %s has an empty part", QUOTED(path));
        if (n > PART_MAX_BYTES)
            return err_set(err, ERR_PATH_INVALID, "path %s is too long", QUOTED(path));
        if (p[n] == '\0')
            return 0;
        p += n + 1;
    }
}

static int open_failed(const char *path, struct err *err)
{
    switch (errno) {
    case ENOENT:
    case ENOTDIR:
        return err_sys(err, ERR_NOT_FOUND, "%s", QUOTED(path));
    case EXDEV:
        return err_set(err, ERR_PATH_OUTSIDE, "%s leaves the library through a symbolic link",
                       QUOTED(path));
    case ELOOP:
    case ENAMETOOLONG:
        return err_sys(err, ERR_PATH_INVALID, "%s", QUOTED(path));
    default:
        return err_sys(err, ERR_IO, "open %s", QUOTED(path));
    }
}

/*
 * For kernels (before 5.6) and containers without openat2: part by part, following no link at all.
 * A link is answered as EXDEV: where it leads cannot be known safely here.
 */
static int walk(int root_fd, const char *path, int flags)
{
    int dir LB_CLEANUP(fd_close) = -1;
    int at = root_fd;
    for (const char *p = path;;) {
        char part[PART_MAX_BYTES + 1];
        size_t n = strcspn(p, "/");
        must(n <= PART_MAX_BYTES);
        memcpy(part, p, n);
        part[n] = '\0';
        bool last = p[n] == '\0';
        struct stat st;
        if (fstatat(at, part, &st, AT_SYMLINK_NOFOLLOW) < 0)
            return -1;
        if (S_ISLNK(st.st_mode) && !(last && (flags & O_NOFOLLOW))) {
            errno = EXDEV;
            return -1;
        }
        int step = last ? flags | O_NOFOLLOW : O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
        int fd = openat(at, part, step);
        if (fd < 0 || last)
            return fd;
        fd_close(dir);
        dir = at = fd;
        p += n + 1;
    }
}

static int open_beneath(int root_fd, const char *path, int flags)
{
    struct open_how how = {
        .flags = (uint64_t)(unsigned)flags,
        .resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS,
    };
    for (int i = 0;; i++) {
        long fd = syscall(SYS_openat2, root_fd, path, &how, sizeof(how));
        if (fd >= 0)
            return (int)fd;
        if (errno == ENOSYS || errno == EPERM) /* EPERM: how older container filters say ENOSYS */
            return walk(root_fd, path, flags);
        if (errno != EINTR && (errno != EAGAIN || i == OPEN_ATTEMPTS))
            return -1;
    }
}

int path_open(int root_fd, const char *path, int flags, int *ret_fd, struct err *err)
{
    must((flags & O_CREAT) ==
         0); /* it takes no mode: new files are made next to others by their folder */
    if (check_relative(path, err) < 0)
        return -1;
    int fd = open_beneath(root_fd, path, flags | O_CLOEXEC);
    if (fd < 0)
        return open_failed(path, err);
    *ret_fd = fd;
    return 0;
}

int path_open_parent(int root_fd, const char *path, int *ret_dirfd, const char **ret_base,
                     struct err *err)
{
    if (check_relative(path, err) < 0)
        return -1;
    const char *base = path_base(path);
    char folder[PATH_MAX_BYTES] = ".";
    if (base > path) {
        size_t n = (size_t)(base - path) - 1;
        memcpy(folder, path, n);
        folder[n] = '\0';
    }
    int fd = open_beneath(root_fd, folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return open_failed(folder, err);
    *ret_dirfd = fd;
    *ret_base = base;
    return 0;
}

const char *path_base(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

const char *path_extension(const char *path)
{
    const char *base = path_base(path);
    const char *dot = strrchr(base, '.');
    return dot && dot != base ? dot : base + strlen(base);
}

bool path_is_book(const char *path)
{
    static const char *const extensions[] = {".cbz", ".cbr", ".cb7", ".cbt"};
    if (path_base(path)[0] == '.')
        return false;
    for (size_t i = 0; i < ARRAY_LEN(extensions); i++)
        if (strcasecmp(path_extension(path), extensions[i]) == 0)
            return true;
    return false;
}
