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
    struct zip zip;
    size_t tags;            /* index of the entry that holds ComicInfo.xml; BOOK_NO_TAGS */
    struct comicinfo *info; /* NULL when there is none */
    struct strbuf member;   /* its bytes */
};

/*
 * The entry that counts: the last one at the root, else the last one in a folder. An archive may hold a ComicInfo.xml
 * for each of its folders; those are entries like any other.
 */
size_t book_find_tags(const struct zip *z);

#endif
