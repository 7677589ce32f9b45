/*
 * journal.h - a journal for books under test: keeps the record of a settle in a file of the scratch folder, so that a
 * child that is killed leaves it to its parent.
 */
#ifndef LB_JOURNAL_H
#define LB_JOURNAL_H

#include "book.h"
#include "scratch.h"

struct journal {
    const struct scratch *scratch;
    struct book_journal book; /* for book_set_journal */
    int begun, ended;
    bool had_record; /* the last begin had one */
    bool refuse;     /* begin answers ERR_BUSY */
};

void journal_init(struct journal *j, const struct scratch *s);
/* The record that is left: begun with one and not ended. */
bool journal_left(const struct journal *j, struct tail_write *ret);
void journal_forget(const struct journal *j);

#endif
