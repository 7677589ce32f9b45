/*
 * bookname_parse.h - what a person reads in a file name: series, number, volume, year, title (the parser "better").
 *
 * Pure functions on text; any thread, no locale, no allocation. Works by rules on the shape of a
 * name (brackets, number forms, words such as "vol" in many languages), never by lists of series.
 * docs/API.md says the rules; tests/data/names.tsv, filenames.tsv and chapters.tsv hold them.
 */
#ifndef LB_BOOKNAME_PARSE_H
#define LB_BOOKNAME_PARSE_H

#include <jansson.h>

#include "base.h"

#define PARSED_TEXT   768 /* bytes; what is longer is cut at a character's border */
#define PARSED_NUMBER 24
/* A name read with less is a guess: jobs write nothing from it unless told to. */
#define PARSED_SURE 0.6

struct bookname_parsed { /* "" = the name does not say; all are UTF-8 */
    char series[PARSED_TEXT];
    char title[PARSED_TEXT];
    char issue[PARSED_NUMBER]; /* without zeros in front: "12", "12.5", "-1", "12AU", "\u00bd" */
    char issue_count[PARSED_NUMBER];
    char volume[PARSED_NUMBER];
    char year[PARSED_NUMBER];
    double confidence; /* 0 to 1: how sure it is that series and number are these */
};

/*
 * bookname_parse(name, folder, ret)
 * `name` may carry its extension and need not be UTF-8. `folder` is the name of the folder it is in, a hint, or NULL: a
 * number that belongs to the folder's name is not the issue, and a name without a series has the folder's.
 */
void bookname_parse(const char *name, const char *folder, struct bookname_parsed *ret);

/* Its members, null where the name does not say, and `chapter`, which is the issue once more. */
json_t *bookname_parsed_json(const struct bookname_parsed *p);

#endif
