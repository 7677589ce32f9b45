#include "disk_model.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#define SECTOR    512
#define MAX_STEPS 4096
#define MAX_FILES 16
#define NO_FILE   SIZE_MAX

enum kind { MAKE, WRITE, CUT, SYNC, SYNC_FOLDER, RENAME, REMOVE, LINK, ROW };

struct step {
    enum kind kind;
    size_t file;
    uint64_t at; /* of a write; the size of a cut */
    struct strbuf data;
    char name[64], name2[64];
};

struct names {
    struct {
        char name[64];
        size_t file;
    } at[DISK_NAMES];
    size_t n;
};

struct disk_model {
    int folder;
    struct stat st;
    ino_t inodes[MAX_FILES]; /* 0: no longer that file's */
    struct strbuf before[MAX_FILES];
    size_t n_files;
    struct names names; /* before */
    struct step steps[MAX_STEPS];
    size_t n_steps;
};

static struct disk_model *recording; /* what the wrapped calls write to */
static size_t calls_left = DISK_NEVER;
static size_t calls_made;
static bool dead;
static bool shares_blocks;
static size_t clones_made;

static void set_name(char ret[64], const char *name)
{
    must(strlen(name) < 64);
    memcpy(ret, name, strlen(name) + 1);
}

/* ------------------------------------------------------------------ the record */

static void read_whole(int folder, const char *name, struct strbuf *ret, ino_t *ret_ino)
{
    int fd LB_CLEANUP(fd_close) = openat(folder, name, O_RDONLY | O_CLOEXEC);
    struct stat st;
    must(fd >= 0 && fstat(fd, &st) == 0);
    *ret_ino = st.st_ino;
    strbuf_reset(ret);
    char *to = strbuf_reserve(ret, (size_t)st.st_size + 1);
    must(pread(fd, to, (size_t)st.st_size, 0) == st.st_size);
    ret->len = (size_t)st.st_size;
}

struct disk_model *disk_record(const struct scratch *folder)
{
    struct disk_model *m = mem_new(sizeof(*m));
    m->folder = openat(folder->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    must(m->folder >= 0 && fstat(m->folder, &m->st) == 0);
    DIR *d = fdopendir(dup(m->folder));
    must(d != NULL);
    for (struct dirent *e = readdir(d); e; e = readdir(d)) {
        if (e->d_type != DT_REG)
            continue;
        must(m->names.n < DISK_NAMES);
        read_whole(m->folder, e->d_name, &m->before[m->n_files], &m->inodes[m->n_files]);
        set_name(m->names.at[m->names.n].name, e->d_name);
        m->names.at[m->names.n++].file = m->n_files++;
    }
    (void)closedir(d);
    recording = m;
    return m;
}

void disk_record_end(struct disk_model *m)
{
    must(recording == m);
    recording = NULL;
}

void disk_model_free(struct disk_model *m)
{
    if (!m)
        return;
    fd_close(m->folder);
    for (size_t i = 0; i < m->n_files; i++)
        strbuf_clear(&m->before[i]);
    for (size_t i = 0; i < m->n_steps; i++)
        strbuf_clear(&m->steps[i].data);
    free(m);
}

static struct step *add(enum kind kind, size_t file)
{
    must(recording->n_steps < MAX_STEPS);
    struct step *s = &recording->steps[recording->n_steps++];
    s->kind = kind;
    s->file = file;
    return s;
}

void disk_record_row(const void *row, size_t len)
{
    if (recording)
        strbuf_add(&add(ROW, NO_FILE)->data, row, len);
}

/* The file of the record behind a descriptor. */
static size_t file_of(int fd)
{
    struct stat st;
    if (!recording || fstat(fd, &st) < 0)
        return NO_FILE;
    for (size_t i = 0; i < recording->n_files; i++)
        if (recording->inodes[i] == st.st_ino && st.st_dev == recording->st.st_dev)
            return i;
    return NO_FILE;
}

static bool is_folder(int fd)
{
    struct stat st;
    return recording && fstat(fd, &st) == 0 && st.st_ino == recording->st.st_ino &&
           st.st_dev == recording->st.st_dev;
}

static void add_names(enum kind kind, const char *a, const char *b)
{
    struct step *s = add(kind, NO_FILE);
    set_name(s->name, a);
    set_name(s->name2, b);
}

static void add_write(size_t file, const void *data, size_t len, uint64_t at)
{
    struct step *s = add(WRITE, file);
    s->at = at;
    strbuf_add(&s->data, data, len);
}

/* What was copied into a file by the kernel is read back. */
static void add_copied(int fd, size_t file, uint64_t at, size_t len)
{
    struct step *s = add(WRITE, file);
    s->at = at;
    must(pread(fd, strbuf_reserve(&s->data, len + 1), len, (off_t)at) == (ssize_t)len);
    s->data.len = len;
}

/* ------------------------------------------------------------------ the calls */

size_t disk_fail_after(size_t calls)
{
    size_t made = calls_made;
    calls_left = calls;
    calls_made = 0;
    dead = false;
    return made;
}

/* May this call be made? The one at which we die is made by half, when it is a write. */
static enum { WHOLE, HALF, NOT } permission(void)
{
    calls_made++;
    if (calls_left == DISK_NEVER)
        return WHOLE;
    if (calls_left > 0) {
        calls_left--;
        return WHOLE;
    }
    bool first = !dead;
    dead = true;
    return first ? HALF : NOT;
}

#define REAL(type, name, ...)                                                                      \
    type __real_##name(__VA_ARGS__);                                                               \
    type __wrap_##name(__VA_ARGS__);                                                               \
    type __wrap_##name(__VA_ARGS__)

static int refused(void)
{
    errno = EIO;
    return -1;
}

REAL(ssize_t, pwrite, int fd, const void *buf, size_t n, off_t at)
{
    int how = permission();
    size_t file = file_of(fd);
    if (how == HALF)
        (void)__real_pwrite(fd, buf, n / 2, at);
    if (how != WHOLE)
        return refused();
    ssize_t rc = __real_pwrite(fd, buf, n, at);
    if (rc > 0 && file != NO_FILE)
        add_write(file, buf, (size_t)rc, (uint64_t)at);
    return rc;
}

REAL(ssize_t, copy_file_range, int from, off64_t *in, int to, off64_t *out, size_t n,
     unsigned flags)
{
    if (permission() != WHOLE)
        return refused();
    uint64_t at = (uint64_t)*out;
    ssize_t rc = __real_copy_file_range(from, in, to, out, n, flags);
    size_t file = file_of(to);
    if (rc > 0 && file != NO_FILE)
        add_copied(to, file, at, (size_t)rc);
    return rc;
}

int __real_ioctl(int fd, unsigned long request, void *arg);
int __wrap_ioctl(int fd, unsigned long request, ...);
int __wrap_ioctl(int fd, unsigned long request, ...)
{
    va_list args;
    va_start(args, request);
    void *arg = va_arg(args, void *);
    va_end(args);
    if (request != FICLONE)
        return __real_ioctl(fd, request, arg);
    if (permission() != WHOLE)
        return refused();
    if (!shares_blocks) {
        errno = EXDEV; /* "not this file": others would be remembered for the file system */
        return -1;
    }
    int from = (int)(intptr_t)arg;
    size_t file = file_of(fd);
    struct stat st;
    must(fstat(from, &st) == 0);
    size_t len = (size_t)st.st_size;
    char *bytes LB_CLEANUP(mem_free) = mem_new(len + 1);
    must(pread(from, bytes, len, 0) == (ssize_t)len);
    must(__real_pwrite(fd, bytes, len, 0) == (ssize_t)len);
    if (file != NO_FILE)
        add_write(file, bytes, len, 0);
    clones_made++;
    return 0;
}

REAL(int, ftruncate, int fd, off_t size)
{
    if (permission() != WHOLE)
        return refused();
    int rc = __real_ftruncate(fd, size);
    size_t file = file_of(fd);
    if (rc == 0 && file != NO_FILE)
        add(CUT, file)->at = (uint64_t)size;
    return rc;
}

/* Nothing here outlives the process, so no sync is waited for. */
static int synced(int fd)
{
    if (permission() != WHOLE)
        return refused();
    size_t file = file_of(fd);
    if (file != NO_FILE)
        (void)add(SYNC, file);
    else if (is_folder(fd))
        (void)add(SYNC_FOLDER, NO_FILE);
    return 0;
}

REAL(int, fsync, int fd)
{
    return synced(fd);
}

REAL(int, fdatasync, int fd)
{
    return synced(fd);
}

int __real_openat(int dir, const char *name, int flags, mode_t mode);
int __wrap_openat(int dir, const char *name, int flags, ...);
int __wrap_openat(int dir, const char *name, int flags, ...)
{
    va_list args;
    va_start(args, flags);
    mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(args, mode_t) : 0;
    va_end(args);
    if (!(flags & O_CREAT))
        return __real_openat(dir, name, flags, mode);
    if (permission() != WHOLE)
        return refused();
    bool there = faccessat(dir, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
    int fd = __real_openat(dir, name, flags, mode);
    struct stat st;
    if (fd < 0 || there || !is_folder(dir) || fstat(fd, &st) < 0)
        return fd;
    size_t old = file_of(fd); /* a removed file's inode may come again */
    if (old != NO_FILE)
        recording->inodes[old] = 0;
    must(recording->n_files < MAX_FILES);
    recording->inodes[recording->n_files] = st.st_ino;
    add_names(MAKE, name, "");
    recording->steps[recording->n_steps - 1].file = recording->n_files++;
    return fd;
}

REAL(int, renameat, int dir, const char *name, int to_dir, const char *to)
{
    if (permission() != WHOLE)
        return refused();
    int rc = __real_renameat(dir, name, to_dir, to);
    if (rc == 0 && is_folder(dir))
        add_names(RENAME, name, to);
    return rc;
}

REAL(int, renameat2, int dir, const char *name, int to_dir, const char *to, unsigned flags)
{
    if (permission() != WHOLE)
        return refused();
    int rc = __real_renameat2(dir, name, to_dir, to, flags);
    if (rc == 0 && is_folder(dir))
        add_names(RENAME, name, to);
    return rc;
}

REAL(int, linkat, int dir, const char *name, int to_dir, const char *to, int flags)
{
    if (permission() != WHOLE)
        return refused();
    int rc = __real_linkat(dir, name, to_dir, to, flags);
    if (rc == 0 && is_folder(to_dir))
        add_names(LINK, name, to);
    return rc;
}

REAL(int, unlinkat, int dir, const char *name, int flags)
{
    if (permission() != WHOLE)
        return refused();
    int rc = __real_unlinkat(dir, name, flags);
    if (rc == 0 && is_folder(dir))
        add_names(REMOVE, name, "");
    return rc;
}

/* ------------------------------------------------------------------ images */

size_t disk_steps(const struct disk_model *m)
{
    return m->n_steps;
}

size_t disk_step_bytes(const struct disk_model *m, size_t i)
{
    return i < m->n_steps && m->steps[i].kind == WRITE ? m->steps[i].data.len : 0;
}

const char *disk_step_text(const struct disk_model *m, size_t i, char *ret, size_t size)
{
    static const char *const words[] = {"make",   "write",  "cut",  "sync", "sync the folder",
                                        "rename", "remove", "link", "row"};
    if (i >= m->n_steps) {
        (void)snprintf(ret, size, "the end");
        return ret;
    }
    const struct step *s = &m->steps[i];
    (void)snprintf(ret, size, "%s %s %zu bytes at %llu", words[s->kind], s->name, s->data.len,
                   (unsigned long long)s->at);
    return ret;
}

void disk_image_clear(struct disk_image *i)
{
    for (size_t k = 0; k < i->n; k++)
        strbuf_clear(&i->files[k].bytes);
    strbuf_clear(&i->row);
    *i = (struct disk_image){0};
}

static void set_size(struct strbuf *b, size_t size)
{
    if (size > b->len)
        memset(strbuf_reserve(b, size - b->len), 0, size - b->len);
    b->len = size;
}

/* Does the first `bytes` of a step to a file's bytes. */
static void apply(const struct step *s, size_t bytes, struct strbuf *b)
{
    if (s->kind == CUT)
        set_size(b, (size_t)s->at);
    if (s->kind != WRITE || bytes == 0)
        return;
    if (b->len < s->at + bytes)
        set_size(b, (size_t)s->at + bytes);
    memcpy(b->data + s->at, s->data.data, bytes);
}

static void names_remove(struct names *n, const char *name)
{
    for (size_t i = 0; i < n->n; i++)
        if (strcmp(n->at[i].name, name) == 0) {
            n->at[i] = n->at[--n->n];
            return;
        }
}

static size_t names_find(const struct names *n, const char *name)
{
    for (size_t i = 0; i < n->n; i++)
        if (strcmp(n->at[i].name, name) == 0)
            return n->at[i].file;
    return NO_FILE;
}

static void names_put(struct names *n, const char *name, size_t file)
{
    names_remove(n, name);
    must(n->n < DISK_NAMES && file != NO_FILE);
    set_name(n->at[n->n].name, name);
    n->at[n->n++].file = file;
}

static void names_apply(struct names *n, const struct step *s)
{
    if (s->kind == MAKE)
        names_put(n, s->name, s->file);
    else if (s->kind == REMOVE)
        names_remove(n, s->name);
    else if (s->kind == RENAME || s->kind == LINK)
        names_put(n, s->name2, names_find(n, s->name));
    if (s->kind == RENAME)
        names_remove(n, s->name);
}

static void image_add(struct disk_image *i, const char *name, struct strbuf *bytes)
{
    set_name(i->files[i->n].name, name);
    i->files[i->n++].bytes = *bytes;
    *bytes = (struct strbuf){0};
}

/* How much of step i was done when the record is cut after `steps` and `bytes`. */
static size_t done_of(const struct disk_model *m, size_t i, size_t steps, size_t bytes)
{
    return i < steps ? m->steps[i].data.len : bytes;
}

/* Steps that count: a part of a write does, a part of another call does not exist. */
static size_t end_of(const struct disk_model *m, size_t steps, size_t bytes)
{
    return bytes > 0 && steps < m->n_steps && m->steps[steps].kind == WRITE ? steps + 1 : steps;
}

void disk_killed(const struct disk_model *m, size_t steps, size_t bytes, struct disk_image *ret)
{
    size_t end = end_of(m, steps, bytes);
    struct names names = m->names;
    disk_image_clear(ret);
    for (size_t i = 0; i < end; i++) {
        names_apply(&names, &m->steps[i]);
        if (m->steps[i].kind == ROW) {
            strbuf_reset(&ret->row);
            strbuf_add(&ret->row, m->steps[i].data.data, m->steps[i].data.len);
        }
    }
    for (size_t k = 0; k < names.n; k++) {
        size_t file = names.at[k].file;
        struct strbuf b = {0};
        strbuf_add(&b, m->before[file].data, m->before[file].len);
        for (size_t i = 0; i < end; i++)
            if (m->steps[i].file == file)
                apply(&m->steps[i], done_of(m, i, steps, bytes), &b);
        image_add(ret, names.at[k].name, &b);
    }
}

size_t disk_share_blocks(bool works)
{
    size_t made = clones_made;
    shares_blocks = works;
    clones_made = 0;
    return made;
}

uint64_t disk_random(uint64_t *random)
{
    uint64_t x = *random + 0x9e3779b97f4a7c15u; /* splitmix64 */
    *random = x;
    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
    x = (x ^ x >> 27) * 0x94d049bb133111ebu;
    return x ^ x >> 31;
}

static size_t below(uint64_t *random, size_t n)
{
    return (size_t)(disk_random(random) % n);
}

/* The moments of a file since its last sync, in a row: its bytes after none, one, ... of its steps. */
struct moments {
    struct strbuf at[MAX_STEPS / 16];
    size_t n;
};

static void moments_clear(struct moments *t)
{
    for (size_t i = 0; i < t->n; i++)
        strbuf_clear(&t->at[i]);
}
LB_DEFINE_CLEANUP(struct moments, moments_clear)

static void moments_of(const struct disk_model *m, size_t file, size_t steps, size_t bytes,
                       bool with_syncs, struct moments *ret)
{
    size_t end = end_of(m, steps, bytes);
    size_t safe = 0; /* steps before it are on the disk */
    for (size_t i = 0; with_syncs && i < end; i++)
        if (m->steps[i].kind == SYNC && m->steps[i].file == file)
            safe = i;
    struct strbuf b LB_CLEANUP(strbuf_clear) = {0};
    strbuf_add(&b, m->before[file].data, m->before[file].len);
    for (size_t i = 0; i <= end; i++) {
        bool counts = i < end && m->steps[i].file == file &&
                      (m->steps[i].kind == WRITE || m->steps[i].kind == CUT);
        if (i == safe)
            strbuf_add(&ret->at[ret->n++], b.data, b.len);
        if (!counts)
            continue;
        apply(&m->steps[i], done_of(m, i, steps, bytes), &b);
        must(ret->n < ARRAY_LEN(ret->at) - 1);
        if (i >= safe)
            strbuf_add(&ret->at[ret->n++], b.data, b.len);
    }
}

/* One disk of the many: any moment for the length, any for each sector. */
static void mix(const struct moments *t, uint64_t *random, struct strbuf *ret)
{
    size_t last = t->n - 1;
    size_t style = below(random, 4);
    size_t odds = 1 + below(random, 15); /* of 16, that a sector is there */
    size_t moment = below(random, t->n);
    size_t len = t->at[moment].len;
    if (moment < last && t->at[moment + 1].len > len && below(random, 2))
        len += below(random, t->at[moment + 1].len - len);
    if (style == 0)
        len = t->at[last].len;
    set_size(ret, len);
    for (size_t at = 0; at < len; at += SECTOR) {
        size_t n = len - at < SECTOR ? len - at : SECTOR;
        size_t from = style == 1                                  ? moment
                      : style == 2                                ? below(random, t->n)
                      : disk_random(random) % 16 < (uint64_t)odds ? last
                                                                  : 0;
        const struct strbuf *b = &t->at[from];
        size_t have = b->len > at ? b->len - at : 0;
        memset(ret->data + at, 0, n);
        if (have)
            memcpy(ret->data + at, b->data + at, have < n ? have : n);
    }
}

void disk_power_lost(const struct disk_model *m, size_t steps, size_t bytes, bool with_syncs,
                     uint64_t *random, struct disk_image *ret)
{
    size_t end = end_of(m, steps, bytes);
    size_t names_end = 0;
    struct names names = m->names;
    disk_image_clear(ret);
    for (size_t i = 0; with_syncs && i < end; i++)
        if (m->steps[i].kind == SYNC_FOLDER)
            names_end = i;
    names_end += below(random, end - names_end + 1);
    for (size_t i = 0; i < end; i++) {
        const struct step *s = &m->steps[i];
        if (i < names_end)
            names_apply(&names, s);
        if (s->kind != ROW || (s->data.len == 0 && below(random, 2)))
            continue; /* a row that was dropped may be there again */
        strbuf_reset(&ret->row);
        strbuf_add(&ret->row, s->data.data, s->data.len);
    }
    for (size_t k = 0; k < names.n; k++) {
        struct moments t LB_CLEANUP(moments_clear) = {0};
        struct strbuf b = {0};
        moments_of(m, names.at[k].file, steps, bytes, with_syncs, &t);
        mix(&t, random, &b);
        image_add(ret, names.at[k].name, &b);
    }
}

static void put_file(int folder, const char *name, const struct strbuf *bytes)
{
    int fd LB_CLEANUP(fd_close) = __real_openat(folder, name, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
    must(fd >= 0 && __real_ftruncate(fd, (off_t)bytes->len) == 0);
    must(bytes->len == 0 || __real_pwrite(fd, bytes->data, bytes->len, 0) == (ssize_t)bytes->len);
}

void disk_image_put(const struct disk_image *image, const struct scratch *folder)
{
    int dir LB_CLEANUP(fd_close) =
        __real_openat(folder->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
    DIR *d = fdopendir(dup(dir));
    must(d != NULL);
    for (struct dirent *e = readdir(d); e; e = readdir(d)) {
        bool wanted = e->d_type != DT_REG;
        for (size_t i = 0; i < image->n; i++)
            wanted = wanted || strcmp(image->files[i].name, e->d_name) == 0;
        if (!wanted)
            must(__real_unlinkat(dir, e->d_name, 0) == 0);
    }
    (void)closedir(d);
    for (size_t i = 0; i < image->n; i++)
        put_file(dir, image->files[i].name, &image->files[i].bytes);
}
