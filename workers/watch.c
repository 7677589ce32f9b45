#include "watch.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "log.h"
#include "path.h"

#define BUFFER_BYTES 65536
#define MASK                                                                                       \
    (IN_CREATE | IN_MODIFY | IN_CLOSE_WRITE | IN_MOVED_FROM | IN_MOVED_TO | IN_DELETE |            \
     IN_ONLYDIR | IN_EXCL_UNLINK)

struct folder {
    char *path; /* NULL: not watched */
    bool seen;  /* in the walk that goes on */
};

struct watch {
    int fd;
    struct folder *folders; /* by watch descriptor: they count up from 1 */
    size_t n_slots, n_folders;
    int failed;      /* errno of the first folder that could not be watched */
    size_t n_wanted; /* folders in this walk */
    char buffer[BUFFER_BYTES] __attribute__((aligned(__alignof__(struct inotify_event))));
};

int watch_open(struct watch **ret, struct err *err)
{
    int fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    if (fd < 0 && errno == EMFILE)
        return err_set(err, ERR_LIMIT,
                       "no inotify instance is left: raise fs.inotify.max_user_instances (sysctl)");
    if (fd < 0)
        return err_sys(err, ERR_INTERNAL, "inotify");
    struct watch *w = mem_new(sizeof(*w));
    w->fd = fd;
    *ret = w;
    return 0;
}

static void forget(struct watch *w, size_t wd)
{
    if (wd >= w->n_slots || !w->folders[wd].path)
        return;
    free(w->folders[wd].path);
    w->folders[wd] = (struct folder){0};
    w->n_folders--;
}

void watch_close(struct watch *w)
{
    if (!w)
        return;
    for (size_t wd = 0; wd < w->n_slots; wd++)
        forget(w, wd);
    free(w->folders);
    (void)close(w->fd);
    free(w);
}

int watch_fd(const struct watch *w)
{
    return w->fd;
}

size_t watch_folders(const struct watch *w)
{
    return w->n_folders;
}

/* ---- the folders ---- */

void watch_begin(struct watch *w)
{
    for (size_t wd = 0; wd < w->n_slots; wd++)
        w->folders[wd].seen = false;
    w->failed = 0;
    w->n_wanted = 0;
}

static void keep(struct watch *w, size_t wd, const char *path)
{
    if (wd >= w->n_slots) {
        size_t n = wd + 1 > w->n_slots * 2 ? wd + 1 : w->n_slots * 2;
        w->folders = realloc(w->folders, n * sizeof(*w->folders));
        must(w->folders); /* bounded by the kernel's limit of watches */
        memset(w->folders + w->n_slots, 0, (n - w->n_slots) * sizeof(*w->folders));
        w->n_slots = n;
    }
    forget(w, wd); /* under another name, perhaps */
    w->folders[wd] = (struct folder){mem_strdup(path), true};
    w->n_folders++;
}

void watch_folder(struct watch *w, int fd, const char *path)
{
    w->n_wanted++;
    if (w->failed)
        return;
    char name[64]; /* the open folder itself, whatever its name leads to by now */
    (void)snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);
    int wd = inotify_add_watch(w->fd, name, MASK);
    if (wd >= 0)
        keep(w, (size_t)wd, path);
    else if (errno != ENOENT && errno != ENOTDIR && errno != EACCES) /* those: the walk tells */
        w->failed = errno;
}

int watch_end(struct watch *w, struct err *err)
{
    for (size_t wd = 0; wd < w->n_slots; wd++)
        if (w->folders[wd].path && !w->folders[wd].seen) {
            (void)inotify_rm_watch(w->fd, (int)wd); /* gone with its folder, mostly */
            forget(w, wd);
        }
    if (w->failed == ENOSPC)
        return err_set(err, ERR_LIMIT,
                       "the library has %zu folders, and the kernel's limit of watches is reached: "
                       "raise fs.inotify.max_user_watches (sysctl)",
                       w->n_wanted);
    if (!w->failed)
        return 0;
    errno = w->failed;
    return err_sys(err, ERR_LIMIT, "a folder cannot be watched");
}

/* ---- what happened ---- */

/* 1 = ret has the path of a book, 0 = it is none, or its folder is not known. */
static bool book_path(const struct watch *w, const struct inotify_event *e,
                      char ret[PATH_MAX_BYTES])
{
    if (e->len == 0 || !path_is_book(e->name) || (size_t)e->wd >= w->n_slots)
        return false;
    const char *folder = w->folders[e->wd].path;
    if (!folder)
        return false;
    int n = snprintf(ret, PATH_MAX_BYTES, "%s%s%s", folder, folder[0] ? "/" : "", e->name);
    return n > 0 && n < PATH_MAX_BYTES;
}

static void take(struct watch *w, const struct inotify_event *e,
                 void (*fn)(void *ctx, enum watch_event e, const char *path), void *ctx)
{
    if (e->mask & IN_Q_OVERFLOW) {
        log_info("folder events lost", "note=\"the library is scanned instead\"");
        fn(ctx, WATCH_TREE, NULL);
        return;
    }
    if (e->wd < 0)
        return;
    if (e->mask & IN_IGNORED) { /* the folder is gone */
        forget(w, (size_t)e->wd);
        return;
    }
    if (e->mask & IN_ISDIR) {
        if (e->len > 0 && e->name[0] != '.')
            fn(ctx, WATCH_TREE, NULL);
        return;
    }
    char path[PATH_MAX_BYTES];
    if (book_path(w, e, path))
        fn(ctx, e->mask & IN_MODIFY ? WATCH_WRITTEN : WATCH_CHANGED, path);
}

void watch_read(struct watch *w, void (*fn)(void *ctx, enum watch_event e, const char *path),
                void *ctx)
{
    ssize_t n;
    while ((n = read(w->fd, w->buffer, sizeof(w->buffer))) > 0)
        for (ssize_t at = 0; at < n;) {
            const struct inotify_event *e = (const struct inotify_event *)(w->buffer + at);
            take(w, e, fn, ctx);
            at += (ssize_t)sizeof(*e) + (ssize_t)e->len;
        }
}
