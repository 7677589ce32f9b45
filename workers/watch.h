/*
 * watch.h - inotify over a folder tree: which books changed, and when the tree has to be read again.
 *
 * A watch sees what happens on this machine. On a network file system it does not see what other machines do.
 * One thread.
 */
#ifndef LB_WATCH_H
#define LB_WATCH_H

#include "base.h"
#include "err.h"

struct watch;

/* ERR_LIMIT: no inotify instance is left; the sentence names the limit to raise. */
int watch_open(struct watch **ret, struct err *err) LB_MUST_CHECK;
void watch_close(struct watch *w); /* NULL is fine */
/* Readable when there is something to read. */
int watch_fd(const struct watch *w);

/*
 * A walk over the tree says which folders there are: watch_begin, watch_folder for each before it is read (its open
 * descriptor, and its path, "" for the root), watch_end. Folders that were not named are not watched any more.
 * watch_end: ERR_LIMIT when not all could be watched; then the watch is of no use.
 */
void watch_begin(struct watch *w);
void watch_folder(struct watch *w, int fd, const char *path);
int watch_end(struct watch *w, struct err *err) LB_MUST_CHECK;
size_t watch_folders(const struct watch *w);

enum watch_event {
    WATCH_CHANGED, /* a book came, went, or was closed after it was written */
    WATCH_WRITTEN, /* a book is being written */
    WATCH_TREE,    /* folders came or went, or events were lost: read the tree. `path` is NULL. */
};
/* Hands on what happened. Never blocks. */
void watch_read(struct watch *w, void (*fn)(void *ctx, enum watch_event e, const char *path),
                void *ctx);

#endif
