#include "book.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "book_kind.h"
#include "book_parts.h"
#include "entry_name.h"
#include "path.h"

#define OPEN_TRIES   1000
#define OPEN_WAIT_US 2000

size_t book_find_tags(const struct zip *z)
{
    size_t found = BOOK_NO_TAGS;
    bool at_root = false;
    for (size_t i = 0; i < z->n; i++) {
        const struct zip_entry *e = &z->entries[i];
        if (!entry_is_comicinfo(zip_name(z, e), e->name_len))
            continue;
        bool root = e->name_len == strlen(BOOK_MEMBER);
        if (root || !at_root)
            found = i;
        at_root = at_root || root;
    }
    return found;
}

static int check_kind(const struct stat *st, struct err *err)
{
    if (S_ISREG(st->st_mode))
        return 0;
    return err_set(err, ERR_BOOK, "this is %s, not a file",
                   S_ISDIR(st->st_mode)    ? "a folder"
                   : S_ISFIFO(st->st_mode) ? "a named pipe"
                                           : "a device");
}

static int read_tags(struct book *b, struct err *err)
{
    b->tags = book_find_tags(&b->zip);
    if (b->tags == BOOK_NO_TAGS)
        return 0;
    if (zip_read_entry(b->fd, &b->zip, &b->zip.entries[b->tags], BOOK_MEMBER, COMICINFO_MAX_BYTES,
                       &b->member, err) < 0)
        return -1;
    return comicinfo_parse(strbuf_str(&b->member), b->member.len, &b->info, err);
}

/*
 * O_NONBLOCK: a named pipe must not hold us. Then a file whose end is just being written by another one of us, or that
 * another program holds a lease on, says so; a settle takes a few ms.
 */
static int open_file(int root_fd, const char *path, int *ret, struct err *err)
{
    for (int i = 0; i < OPEN_TRIES; i++) {
        *err = (struct err){0};
        if (path_open(root_fd, path, O_RDONLY | O_NONBLOCK | O_NOCTTY, ret, err) == 0)
            return 0;
        if (err->sys != EWOULDBLOCK)
            return -1;
        (void)usleep(OPEN_WAIT_US);
    }
    return err_set(err, ERR_BUSY, "another program is just changing the file; try again");
}

/* Without its tags an archive of another kind can still be renamed. */
static int read_archive(struct book *b, const char *path, struct err *err)
{
    if (zip_read(b->fd, (uint64_t)b->st.st_size, &b->zip, err) == 0)
        return read_tags(b, err);
    enum book_kind kind = err->code == ERR_BOOK ? book_kind_of(b->fd, path) : BOOK_OTHER;
    if (kind == BOOK_OTHER || kind == BOOK_ZIP)
        return -1;
    *err = (struct err){0};
    b->foreign = book_kind_name(kind);
    b->tags = BOOK_NO_TAGS;
    return 0;
}

int book_open(int root_fd, const char *path, struct book **ret, struct err *err)
{
    struct book *b LB_CLEANUP(book_close) = mem_new(sizeof(*b));
    b->dirfd = b->fd = -1;
    const char *base;
    if (open_file(root_fd, path, &b->fd, err) < 0 ||
        path_open_parent(root_fd, path, &b->dirfd, &base, err) < 0)
        return -1;
    b->base = mem_strdup(base);
    if (fstat(b->fd, &b->st) < 0)
        return err_sys(err, ERR_IO, "look at the file");
    if (check_kind(&b->st, err) < 0 || read_archive(b, path, err) < 0)
        return -1;
    *ret = b;
    b = NULL;
    return 0;
}

void book_close(struct book *b)
{
    if (!b)
        return;
    fd_close(b->fd);
    fd_close(b->dirfd);
    free(b->base);
    zip_clear(&b->zip);
    comicinfo_free(b->info);
    strbuf_clear(&b->member);
    free(b);
}

const char *book_tag(const struct book *b, const char *element)
{
    return b->info ? comicinfo_get(b->info, element) : NULL;
}

const char *book_member(const struct book *b, size_t *ret_len)
{
    *ret_len = b->member.len;
    return b->info ? strbuf_str(&b->member) : NULL;
}

int book_check_tags(const struct book *b, struct err *err)
{
    if (!b->foreign)
        return 0;
    return err_set(err, ERR_BOOK,
                   "this is %s: only a CBZ has tags that can be read and changed; convert it first",
                   b->foreign);
}

int64_t book_pages(const struct book *b)
{
    int64_t pages = 0;
    for (size_t i = 0; i < b->zip.n; i++)
        pages += entry_is_page(zip_name(&b->zip, &b->zip.entries[i]), b->zip.entries[i].name_len);
    return pages;
}
