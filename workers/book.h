/*
 * book.h - a comic archive (CBZ) as a thing with tags: opened beneath the library, read strictly, changed safely.
 *
 * One `struct book` belongs to one thread. Only book.c and what it calls (zip.h, comicinfo.h) know the formats.
 */
#ifndef LB_BOOK_H
#define LB_BOOK_H

#include <stdbool.h>

#include "base.h"
#include "err.h"
#include "tail_write.h"

struct book;

struct book_change {
    const char *element; /* "Title", "Series", "Number", ...: an element of ComicInfo 2.1 */
    const char *value;   /* UTF-8; "" or NULL takes the element out */
};

/*
 * book_open(root_fd, path, ret, err)
 * Opens `path` beneath root_fd (path.h), checks that it is a zip archive by its magic bytes and its directory, and
 * reads ComicInfo.xml when there is one. Of a RAR, 7-Zip or tar archive nothing is read: it has no tags and no pages.
 * ERR_NOT_FOUND: no such file. ERR_PATH_*: path not acceptable. ERR_BOOK: not a sound archive; the message says what it
 * is instead or what is broken, in words for users.
 */
int book_open(int root_fd, const char *path, struct book **ret, struct err *err) LB_MUST_CHECK;
void book_close(struct book *b);
LB_DEFINE_CLEANUP_PTR(struct book, book_close)

/* The text of an element, NULL when it is absent or empty. Valid until the book is closed or saved. */
const char *book_tag(const struct book *b, const char *element);
/* ERR_BOOK when tags of such an archive are neither read nor written: "convert it first". book_save says so, too. */
int book_check_tags(const struct book *b, struct err *err) LB_MUST_CHECK;
/* How many entries look like pages (by the extension of their names). */
int64_t book_pages(const struct book *b);

/* ComicInfo.xml as it is in the archive: its bytes, NULL when there is none. Valid as long as book_tag's. */
const char *book_member(const struct book *b, size_t *ret_len);

/*
 * How a book is changed (docs/ARCHITECTURE.md, "Books"). After a crash at any instruction, and a recovery, the book is
 * the old or the new one, byte for byte. Other entries, their order, times and comments stay byte for byte. The
 * file's owner, mode, attributes and access lists stay; its time of change becomes the moment of the change, because
 * that is how other programs see that there is something new.
 */
enum book_method {
    BOOK_NONE,   /* nothing differs, nothing is written */
    BOOK_CLONE,  /* a copy that shares its blocks with the old file, then as BOOK_COPY */
    BOOK_SETTLE, /* the end of the file is written in place, under a lease and with a record of it */
    BOOK_COPY, /* temporary file in the same folder (".longbox-..."), synced, compared, renamed over the old one */
};
const char *book_method_name(enum book_method m); /* "none", "clone", "settle", "copy" */

/*
 * Who keeps the record of a settle. begin is called once by a change that will write, before anything is changed, with
 * any method: `w` is the record of a settle, which must be on the disk before begin returns, else NULL. Its -1 ends the
 * change. end says that the book is whole, old or new, and the record not needed any more; it is not called after an
 * error that left the book in between: then book_recover must do the rest. Without a journal no book is settled.
 */
struct book_journal {
    int (*begin)(void *ctx, const struct tail_write *w, struct err *err);
    void (*end)(void *ctx);
    void *ctx;
};
void book_set_journal(struct book *b, const struct book_journal *j);

/*
 * book_save(b, changes, n, cancelled, ctx, ret_written, err)
 * Puts the changes into ComicInfo.xml, making one when there is none. Nothing differs: nothing is written, *ret_written
 * is false. `cancelled` (may be NULL) is asked between steps: ERR_CANCELLED, nothing changed. ERR_BUSY: another program
 * changed the book meanwhile. ERR_NO_SPACE and ERR_IO leave the old book and no temporary file.
 */
int book_save(struct book *b, const struct book_change *changes, size_t n,
              bool (*cancelled)(void *ctx), void *ctx, bool *ret_written,
              struct err *err) LB_MUST_CHECK;
/* The same for the whole of ComicInfo.xml, which must be what book_member can give; bytes = NULL takes it out. */
int book_put(struct book *b, const char *bytes, size_t len, bool (*cancelled)(void *ctx), void *ctx,
             bool *ret_written, struct err *err) LB_MUST_CHECK;

/*
 * What book_save or book_put would do now, with a journal, without doing it: the method, and how many bytes it would
 * pass to write.
 * Errors are those that the change would end with, as far as they can be known.
 */
int book_save_preview(struct book *b, const struct book_change *changes, size_t n,
                      enum book_method *ret, int64_t *ret_bytes, struct err *err) LB_MUST_CHECK;
int book_put_preview(struct book *b, const char *bytes, size_t len, enum book_method *ret,
                     int64_t *ret_bytes, struct err *err) LB_MUST_CHECK;

/*
 * Makes a book whole whose settle was interrupted: finishes it when the new tail is there, else cuts it back, by the
 * record. The file is looked for at `path`, at `target` (or NULL) and, by its number, in the folder of `path`.
 * same_boot: the record was made since the machine started, so the numbers of devices still mean the same.
 * ERR_BUSY, ERR_IO, ERR_NO_SPACE: not now; the book is as it was, or as far as the next call can go on from.
 */
enum book_recovery {
    BOOK_WAS_WHOLE, /* nothing had been written, or all */
    BOOK_FINISHED,  /* is the new one now */
    BOOK_CUT_BACK,  /* is the old one again */
    BOOK_MISFIT,    /* the file is not as the record knows it: not touched */
    BOOK_MISSING,   /* its folder has no such file any more: moved, replaced or deleted */
    BOOK_NO_FOLDER, /* the library, or the folder, is not there */
};
int book_recover(int root_fd, const char *path, const char *target, bool same_boot,
                 const struct tail_write *w, enum book_recovery *ret,
                 struct err *err) LB_MUST_CHECK;

#endif
