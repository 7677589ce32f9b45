/*
 * new_book.h - a new CBZ beside an old file: written under a temporary name, proven, and then given its own.
 *
 * The temporary name is that of book_copy.h (the old file's inode) and is locked while it is written, so that two never
 * work on one and a scan takes away what a crash left. The new file is a sink (entry_sink.h). It gets mode, owner,
 * attributes and time of the old one.
 */
#ifndef LB_NEW_BOOK_H
#define LB_NEW_BOOK_H

#include <sys/stat.h>

#include "entry_sink.h"

/* What a finished one is known by after a crash. size 0: not finished. */
struct new_book_mark {
    uint64_t size;
    uint32_t dir_crc;
};

struct new_book;

/* dir: the folder (O_PATH is enough); st: the old file. ERR_BUSY: another one writes it. */
int new_book_open(int dir, const struct stat *st, struct new_book **ret,
                  struct err *err) LB_MUST_CHECK;
/* An unfinished or unplaced one is removed. NULL is fine. */
void new_book_free(struct new_book *b);
LB_DEFINE_CLEANUP_PTR(struct new_book, new_book_free)

/*
 * An entry that ends with a reason is left out and the walk goes on. Names that would lead out of a folder end it:
 * ERR_BOOK. Folders are left out.
 */
struct entry_sink new_book_sink(struct new_book *b);
/* Entries that are in it, and those that were left out because they were damaged. */
size_t new_book_entries(const struct new_book *b);
size_t new_book_damaged(const struct new_book *b);
int64_t new_book_pages(const struct new_book *b);

/*
 * Ends the archive, takes over what `from_fd` has besides its bytes, syncs it, reads it again: names, sizes and
 * checksums have to be those that came in, and the bytes have to give them. ERR_BOOK: nothing came in.
 */
int new_book_finish(struct new_book *b, int from_fd, bool (*cancelled)(void *ctx), void *ctx,
                    struct new_book_mark *ret, struct err *err) LB_MUST_CHECK;
/*
 * Gives it the name. *ret_taken: another file has it and replace is false; it stays temporary. replace: the file of
 * that name goes.
 */
int new_book_place(struct new_book *b, const char *name, bool replace, bool *ret_taken,
                   struct err *err) LB_MUST_CHECK;

/* Is the file of that name the one of the mark? Then true. */
bool new_book_is(int dir, const char *name, const struct new_book_mark *mark);

#endif
