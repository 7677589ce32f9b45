#include "scan_walk.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "book_copy.h"
#include "log.h"
#include "path.h"

/* ---- a list of paths ---- */

void scan_list_add(struct scan_list *l, const char *path, const struct library_stat *stat,
                   bool gone)
{
    if (l->n == l->cap) {
        l->cap = l->cap ? l->cap * 2 : 256;
        l->entries = realloc(l->entries, l->cap * sizeof(*l->entries));
        must(l->entries); /* bounded by SCAN_FILES_MAX */
    }
    struct scan_entry *e = &l->entries[l->n++];
    *e = (struct scan_entry){.at = l->names.len, .gone = gone};
    if (stat)
        e->stat = *stat;
    strbuf_add(&l->names, path, strlen(path) + 1);
}

const char *scan_list_path(const struct scan_list *l, size_t i)
{
    return l->names.data + l->entries[i].at;
}

static int compare_entries(const void *a, const void *b, void *names)
{
    const struct scan_entry *x = a;
    const struct scan_entry *y = b;
    return strcmp((const char *)names + x->at, (const char *)names + y->at);
}

void scan_list_sort(struct scan_list *l)
{
    if (l->n > 1)
        qsort_r(l->entries, l->n, sizeof(*l->entries), compare_entries, l->names.data);
}

/* Compares the first len bytes of path, as a path of its own, with the i-th of the list. */
static int compare_folder(const char *path, size_t len, const char *listed)
{
    int order = strncmp(path, listed, len);
    return order ? order : -(listed[len] != '\0');
}

static bool has_folder(const struct scan_list *l, const char *path, size_t len)
{
    size_t low = 0;
    size_t high = l->n;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        int order = compare_folder(path, len, scan_list_path(l, mid));
        if (order == 0)
            return true;
        if (order < 0)
            high = mid;
        else
            low = mid + 1;
    }
    return false;
}

bool scan_list_has_folder_of(const struct scan_list *l, const char *path)
{
    if (l->n == 0)
        return false;
    if (has_folder(l, path, 0))
        return true;
    for (const char *p = strchr(path, '/'); p; p = strchr(p + 1, '/'))
        if (has_folder(l, path, (size_t)(p - path)))
            return true;
    return false;
}

void scan_list_clear(struct scan_list *l)
{
    free(l->entries);
    strbuf_clear(&l->names);
    *l = (struct scan_list){0};
}

/* ---- the walk ---- */

int scan_root_open(int root_fd, const char *root, int *ret_fd, struct err *err)
{
    struct stat named, opened;
    int fd LB_CLEANUP(fd_close) = openat(root_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 || stat(root, &named) < 0 || fstat(fd, &opened) < 0)
        return err_sys(err, ERR_IO, "the library folder %s cannot be read", LOG_QUOTE(root));
    if (named.st_dev != opened.st_dev || named.st_ino != opened.st_ino)
        return err_set(
            err, ERR_IO,
            "the library folder %s is another one than at the start; restart Longbox to use it",
            LOG_QUOTE(root));
    *ret_fd = fd;
    fd = -1;
    return 0;
}

void scan_walk_skip(struct scan_walk *w, const char *folder)
{
    struct stat st;
    if (!folder || !*folder || stat(folder, &st) < 0)
        return;
    must(w->n_skips < SCAN_SKIPS_MAX);
    w->skips[w->n_skips++] = (struct scan_folder_id){st.st_dev, st.st_ino};
}

struct walker {
    struct scan_walk *walk;
    struct {
        DIR *dir;
        size_t len; /* of its path */
    } levels[SCAN_DEPTH_MAX];
    size_t depth;
    char path[PATH_MAX_BYTES]; /* of what is looked at */
};

static void walker_clear(struct walker *v)
{
    while (v->depth > 0)
        (void)closedir(v->levels[--v->depth].dir);
}
LB_DEFINE_CLEANUP(struct walker, walker_clear)

static bool is_skipped(const struct scan_walk *w, int fd)
{
    struct stat st;
    if (w->n_skips == 0 || fstat(fd, &st) < 0)
        return false;
    for (size_t i = 0; i < w->n_skips; i++)
        if (w->skips[i].dev == st.st_dev && w->skips[i].ino == st.st_ino)
            return true;
    return false;
}

/* v->path is a folder of the open one: goes into it, or notes why not. */
static void enter_folder(struct walker *v, const char *name)
{
    if (v->depth == SCAN_DEPTH_MAX) {
        scan_list_add(&v->walk->excluded, v->path, NULL, false);
        return;
    }
    int fd = openat(dirfd(v->levels[v->depth - 1].dir), name,
                    O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0) {
        if (errno != ENOENT && errno != ENOTDIR &&
            errno != ELOOP) /* those: it is no folder any more */
            scan_list_add(&v->walk->unreadable, v->path, NULL, false);
        return;
    }
    if (is_skipped(v->walk, fd)) {
        scan_list_add(&v->walk->excluded, v->path, NULL, false);
        (void)close(fd);
        return;
    }
    if (v->walk->on_folder)
        v->walk->on_folder(v->walk->ctx, fd, v->path);
    DIR *dir = fdopendir(fd);
    must(dir); /* only memory can be missing */
    v->levels[v->depth].dir = dir;
    v->levels[v->depth].len = strlen(v->path);
    v->depth++;
}

/* The open folder could not be read to its end. */
static void note_unreadable(struct walker *v)
{
    v->path[v->levels[v->depth - 1].len] = '\0';
    scan_list_add(&v->walk->unreadable, v->path, NULL, false);
}

static void look_at(struct walker *v, const struct dirent *d)
{
    size_t len = v->levels[v->depth - 1].len;
    size_t n_name = strlen(d->d_name);
    if (d->d_name[0] == '.')
        (void)book_copy_remove_leftover(dirfd(v->levels[v->depth - 1].dir), d->d_name);
    if (d->d_name[0] == '.' || len + n_name + 2 > sizeof(v->path))
        return;
    if (len > 0)
        v->path[len++] = '/';
    memcpy(v->path + len, d->d_name, n_name + 1);
    bool book = path_is_book(d->d_name);
    struct stat st = {.st_mode = DTTOIF(d->d_type)};
    if (d->d_type == DT_UNKNOWN || (d->d_type == DT_REG && book)) {
        if (fstatat(dirfd(v->levels[v->depth - 1].dir), d->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0) {
            if (errno != ENOENT)
                note_unreadable(v);
            return;
        }
    }
    if (S_ISDIR(st.st_mode)) {
        enter_folder(v, d->d_name);
    } else if (S_ISLNK(st.st_mode)) {
        scan_list_add(&v->walk->excluded, v->path, NULL, false);
    } else if (book && S_ISREG(st.st_mode)) {
        struct library_stat s = library_stat_from(&st);
        scan_list_add(&v->walk->found, v->path, &s, false);
    }
}

static int walk_on(struct walker *v, struct err *err)
{
    while (v->depth > 0) {
        if (v->walk->stop && atomic_load(v->walk->stop))
            return err_set(err, ERR_STOPPING, "the scan was ended");
        errno = 0;
        const struct dirent *d =
            readdir(v->levels[v->depth - 1].dir); /* NOLINT(concurrency-mt-unsafe) our own DIR */
        if (d) {
            look_at(v, d);
            if (v->walk->found.n > SCAN_FILES_MAX)
                return err_set(err, ERR_LIMIT, "the library has more than %d books",
                               SCAN_FILES_MAX);
            continue;
        }
        if (errno && v->depth == 1)
            return err_sys(err, ERR_IO, "the library folder cannot be read");
        if (errno)
            note_unreadable(v);
        (void)closedir(v->levels[--v->depth].dir);
    }
    return 0;
}

int scan_walk(int root_fd, struct scan_walk *w, struct err *err)
{
    struct walker v LB_CLEANUP(walker_clear) = {.walk = w};
    int fd = openat(root_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return err_sys(err, ERR_IO, "the library folder cannot be read");
    if (w->on_folder)
        w->on_folder(w->ctx, fd, "");
    v.levels[0].dir = fdopendir(fd);
    must(v.levels[0].dir);
    v.depth = 1;
    if (walk_on(&v, err) < 0)
        return -1;
    scan_list_sort(&w->found);
    scan_list_sort(&w->unreadable);
    scan_list_sort(&w->excluded);
    return 0;
}

void scan_walk_clear(struct scan_walk *w)
{
    scan_list_clear(&w->found);
    scan_list_clear(&w->unreadable);
    scan_list_clear(&w->excluded);
}

/* ---- the difference ---- */

void scan_diff(const struct scan_list *known, const struct scan_walk *walk, struct scan_diff *ret)
{
    const struct scan_list *found = &walk->found;
    *ret = (struct scan_diff){
        .present = mem_new((found->n + 1) * sizeof(size_t)),
        .missing = mem_new((known->n + 1) * sizeof(size_t)),
    };
    size_t k = 0;
    size_t f = 0;
    while (k < known->n || f < found->n) {
        int order = k == known->n   ? 1
                    : f == found->n ? -1
                                    : strcmp(scan_list_path(known, k), scan_list_path(found, f));
        if (order < 0) {
            if (!known->entries[k].gone &&
                !scan_list_has_folder_of(&walk->unreadable, scan_list_path(known, k)))
                ret->missing[ret->n_missing++] = k;
            k++;
            continue;
        }
        bool is_new = order > 0 || known->entries[k].gone;
        if (is_new || !library_stat_same(&known->entries[k].stat, &found->entries[f].stat)) {
            ret->present[ret->n_present++] = f;
            ret->added += is_new;
            ret->changed += !is_new;
        }
        k += order == 0;
        f++;
    }
}

void scan_diff_clear(struct scan_diff *d)
{
    free(d->present);
    free(d->missing);
    *d = (struct scan_diff){0};
}

static int by_inode(const void *a, const void *b)
{
    const struct library_stat *x = a;
    const struct library_stat *y = b;
    return x->inode < y->inode ? -1 : x->inode > y->inode;
}

void scan_marked_make(const struct scan_list *known, struct scan_marked *ret)
{
    *ret = (struct scan_marked){.list = mem_new((known->n + 1) * sizeof(*ret->list))};
    for (size_t i = 0; i < known->n; i++)
        if (known->entries[i].processed)
            ret->list[ret->n++] = known->entries[i].stat;
    qsort(ret->list, ret->n, sizeof(*ret->list), by_inode);
}

bool scan_marked_has(const struct scan_marked *m, const struct library_stat *stat)
{
    const struct library_stat *hit =
        m->n ? bsearch(stat, m->list, m->n, sizeof(*m->list), by_inode) : NULL;
    if (!hit)
        return false;
    while (hit > m->list && hit[-1].inode == stat->inode)
        hit--;
    for (; hit < m->list + m->n && hit->inode == stat->inode; hit++)
        if (library_stat_same(hit, stat))
            return true;
    return false;
}

void scan_marked_clear(struct scan_marked *m)
{
    free(m->list);
    *m = (struct scan_marked){0};
}

bool scan_still_found(int root_fd, const struct scan_walk *w, size_t i, struct library_found *ret)
{
    struct stat st;
    ret->path = scan_list_path(&w->found, i);
    if (fstatat(root_fd, ret->path, &st, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISREG(st.st_mode))
        return false;
    ret->stat = library_stat_from(&st);
    return true;
}

bool scan_still_missing(int root_fd, const struct scan_walk *w, const char *path)
{
    struct stat st;
    if (fstatat(root_fd, path, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return errno == ENOENT || errno == ENOTDIR || errno == ELOOP;
    return !S_ISREG(st.st_mode) || !path_is_book(path) ||
           scan_list_has_folder_of(&w->excluded, path);
}
