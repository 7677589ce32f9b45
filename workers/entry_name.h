/*
 * entry_name.h - what the name of a file in an archive says. Names are bytes; pure functions; any thread.
 */
#ifndef LB_ENTRY_NAME_H
#define LB_ENTRY_NAME_H

#include <stdbool.h>

#include "base.h"

/* The part behind the last slash. */
const char *entry_base(const char *name, size_t len, size_t *ret_len);
/* A picture that readers show as a page: by its extension, not hidden, not of a Mac's resource folder. */
bool entry_is_page(const char *name, size_t len);
/* What file managers, scanners and systems leave behind: __MACOSX, Thumbs.db, .DS_Store, *.nfo and their like. */
bool entry_is_junk(const char *name, size_t len);
/* By its extension an archive or a book itself. */
bool entry_is_archive(const char *name, size_t len);
/* ComicInfo.xml in any case, in whatever folder. */
bool entry_is_comicinfo(const char *name, size_t len);
/* A name that would lead out of a folder when it were used as a path, or that holds control characters. */
bool entry_is_unsafe(const char *name, size_t len);

/*
 * The order in which readers show pages: folder by folder, letters without regard to case, runs of digits by their
 * value ("page 2" before "page 10"). entry_compare_plain has digits as any other character, as simple readers do.
 * Both are total orders.
 */
int entry_compare(const char *a, size_t a_len, const char *b, size_t b_len);
int entry_compare_plain(const char *a, size_t a_len, const char *b, size_t b_len);

#endif
