/*
 * scan.h - reads the library folder, or a part of it, and brings library.db to the same state.
 *
 * One thread of all workers scans at a time (the lock is in the scoreboard). Files that are gone keep their row and
 * their marks for when they come back. What is new or changed since the last scan has arrived (store_library.h) while
 * the watcher is switched on.
 */
#ifndef LB_SCAN_H
#define LB_SCAN_H

#include <stdbool.h>

#include "base.h"
#include "err.h"

struct watch;
struct worker;

/*
 * Returns when a scan has ended that began not longer than max_age_ms ago, by whichever worker; makes one if needed.
 * For API threads, before a job over "all": what the disk holds counts, not what the last scan saw. ERR_IO: the
 * library folder cannot be read.
 */
int scan_ensure(struct worker *w, int64_t max_age_ms, struct err *err) LB_MUST_CHECK;
/* Has one ended well that began not longer than max_age_ms ago? */
bool scan_is_fresh(const struct worker *w, int64_t max_age_ms);

/*
 * Scans now: all of it, naming each folder to `watch` (NULL: none), or only these books. 1 = done, 0 = another thread
 * scans, try again; -1 = failed, which is logged.
 */
int scan_tree(struct worker *w, struct watch *watch, struct err *err) LB_MUST_CHECK;
int scan_books(struct worker *w, const char *const *paths, size_t n, struct err *err) LB_MUST_CHECK;

/* At the stop: scans of this process end soon, with ERR_STOPPING. */
void scan_end(void);
bool scan_is_over(void);

#endif
