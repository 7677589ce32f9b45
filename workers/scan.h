/*
 * scan.h - reads the library folder and brings library.db to the same state.
 *
 * One worker at a time scans (the lock is in the scoreboard). The thread "lb-scan" looks every scan_interval_s, first
 * at start. Files that are gone keep their row and their marks for when they come back.
 */
#ifndef LB_SCAN_H
#define LB_SCAN_H

#include <stdbool.h>

#include "base.h"
#include "err.h"

struct scan;
struct worker;

struct scan *scan_start(struct worker *w);
void scan_stop(struct scan *s);

/*
 * Returns when a scan has ended that began not longer than max_age_ms ago, by whichever worker; makes one if needed.
 * For API threads, before a job over "all": what the disk holds counts, not what the last scan saw. ERR_IO: the
 * library folder cannot be read.
 */
int scan_ensure(struct worker *w, int64_t max_age_ms, struct err *err) LB_MUST_CHECK;

#endif
