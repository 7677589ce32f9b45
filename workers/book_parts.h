/*
 * book_parts.h - a book inside: what book.c reads and book_save.c changes. Only book*.c.
 */
#ifndef LB_BOOK_PARTS_H
#define LB_BOOK_PARTS_H

#include <stdint.h>
#include <sys/stat.h>

#include "book.h"
#include "comicinfo.h"
#include "strbuf.h"
#include "zip.h"

#define BOOK_MEMBER  "ComicInfo.xml"
#define BOOK_NO_TAGS SIZE_MAX

struct book {
    int dirfd; /* O_PATH: the folder, beneath the library */
    int fd;
    char *base;
    struct stat st;
    const char *foreign; /* "a RAR archive": not read, never written; NULL = zip */
    struct zip zip;
    size_t tags;            /* index of the entry that holds ComicInfo.xml; BOOK_NO_TAGS */
    struct comicinfo *info; /* NULL when there is none */
    struct strbuf member;   /* its bytes */
    struct book_journal journal;
};

/*
 * The entry that counts: the last one at the root, else the last one in a folder. An archive may hold a ComicInfo.xml
 * for each of its folders; those are entries like any other.
 */
size_t book_find_tags(const struct zip *z);

/* From here on book_settle.c: writing in place. */

/* Of the bytes [at, at + len) of a file, or of bytes at hand. */
int64_t book_sum(const void *bytes, size_t len);
int book_sum_of(int fd, int64_t at, int64_t len, int64_t *ret, struct err *err) LB_MUST_CHECK;
/*
 * Nobody else has the file open, and whoever opens it waits until it is given back or the file is closed
 * (F_SETLEASE). False: refused, errno says why.
 */
bool book_lease_take(int fd);
void book_lease_give_back(int fd);

/* The new tail at its place and as it is appended first, and the record of both. */
struct book_settle {
    struct strbuf place, append;
    struct tail_write write;
};
void book_settle_clear(struct book_settle *s);
LB_DEFINE_CLEANUP(struct book_settle, book_settle_clear)
/*
 * Could the book be settled with these entries dropped and this member (or NULL) instead? 1: yes, s is how. 0: no. The
 * lease is tried, not kept.
 */
int book_settle_plan(struct book *b, const bool *drop, const struct zip_member *m,
                     struct book_settle *s, struct err *err) LB_MUST_CHECK;
/*
 * Does it. The record is in the journal. 1: done, b->fd is the book, its st and zip are to be read again. 0: somebody
 * opened the book meanwhile; nothing was changed. -1: failed; *ret_whole says whether the old book is in place.
 */
int book_settle_run(struct book *b, const struct book_settle *s, const char *text, size_t text_len,
                    bool *ret_whole, struct err *err) LB_MUST_CHECK;
/* The old book again, with its time of change. False: it cannot be written. */
bool book_settle_cut_back(int fd, const struct tail_write *w);
/* The rest, when the new tail is on the disk behind the old one; `tail` is as it is at its place. */
int book_settle_put_in_place(int fd, const struct tail_write *w, const void *tail,
                             struct err *err) LB_MUST_CHECK;

/*
 * Can a file of this folder be a copy of `fd` that shares its blocks? Asked with a file without a name; remembered for
 * each file system that cannot.
 */
bool book_clone_works(int dirfd, int fd, const struct stat *st);

#endif
