/*
 * comicinfo_doc.h - the inside of a ComicInfo document; for comicinfo*.c only.
 */
#ifndef LB_COMICINFO_DOC_H
#define LB_COMICINFO_DOC_H

#include <stdbool.h>

#include "base.h"
#include "comicinfo.h"
#include "strbuf.h"

enum comicinfo_element {
#define ELEMENT(name, kind) EL_##name,
#include "comicinfo_elements.def"
#undef ELEMENT
    EL__COUNT
};

/* A known element directly below the root: byte ranges in doc->text. */
struct comicinfo_child {
    enum comicinfo_element element;
    size_t start;       /* its '<' */
    size_t inner_start; /* behind its start tag */
    size_t inner_end;   /* its end tag */
    size_t end;         /* behind its end tag; == inner_start when it is <Empty/> */
    char *value;
};

struct comicinfo {
    struct strbuf text;
    bool ascii_only;   /* characters above 127 must be written as references: Latin-1, ASCII */
    size_t root_inner; /* behind the root's start tag */
    size_t root_end;   /* behind the root's end tag; == root_inner when the root is <ComicInfo/> */
    struct comicinfo_child *children;
    size_t n_children;
    size_t cap_children;
};

/* EL__COUNT when there is none of that name. */
enum comicinfo_element comicinfo_element_find(const char *name);
const char *comicinfo_element_name(enum comicinfo_element e);

/* May this character stand in a document? */
bool comicinfo_is_char(unsigned c);

#endif
