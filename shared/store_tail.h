/*
 * store_tail.h - the records of writes into the tails of files (tail_write.h), in jobs.db.
 *
 * The store keeps rows; whoever recovers works on the files, between its transactions and outside of the gate: it
 * adopts what dead processes left, in one commit, makes the files whole, and says so in another one. Until then no item
 * of the dead process is given back (store_recover), so nobody else works on the file.
 */
#ifndef LB_STORE_TAIL_H
#define LB_STORE_TAIL_H

#include "store.h"
#include "tail_write.h"

/* After so many tries nothing waits for a record any more; it is tried again from time to time, and at each start. */
#define STORE_TAIL_TRIES 60

/*
 * The record of what an item is about to write; in the transaction of its store_item_declare. A former one of this run
 * goes: that write is over. ERR_CONFLICT: the file has another record, which must be recovered first.
 */
int store_tail_add(struct db *db, const struct item *it, const char *owner, const char *target,
                   const struct tail_write *w, struct err *err) LB_MUST_CHECK;
/*
 * The item is finished or put back: its record goes, or, when its write did not come to an end, is left for
 * recovery. store_item_finish and store_item_return call it.
 */
int store_tail_end(struct db *db, const struct item *it, const char *owner,
                   struct err *err) LB_MUST_CHECK;

struct tail_record {
    int64_t id;
    char *path, *target; /* target may be NULL */
    bool same_boot;      /* made since the machine started */
    int tries;
    struct tail_write write;
};
void tail_record_clear(struct tail_record *r);

/* Is there a record for `owner` to recover? A read: 1 = yes, 0 = no. `all` as below. */
int store_tail_due(struct db *db, const struct board *board, const char *owner, bool all,
                   double now, struct err *err) LB_MUST_CHECK;
/*
 * Makes `owner` responsible for records of the dead that are due, or, with `all`, for those that only wait for their
 * time too. Returns how many it is to recover (at most max): what it took, and what it could not say the end of before.
 */
int store_tail_adopt(struct db *db, const struct board *board, const char *owner, bool all,
                     double now, struct tail_record *ret, int max, struct err *err) LB_MUST_CHECK;
/* It is recovered, or never can be. */
int store_tail_drop(struct db *db, int64_t id, struct err *err) LB_MUST_CHECK;
/* Not now: again at `retry_at`. kept: nothing waits for it meanwhile. */
int store_tail_retry(struct db *db, int64_t id, double retry_at, bool kept,
                     struct err *err) LB_MUST_CHECK;

#endif
