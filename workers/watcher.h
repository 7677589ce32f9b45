/*
 * watcher.h - the thread "lb-watch": keeps library.db like the library folder, and has new books processed.
 *
 * In one worker at a time, which holds the lock `watch` of the scoreboard; when it dies, another takes over within a
 * second and reads the whole tree. Changes are seen by inotify (watch.h). Where that is not to be had, and every
 * scan_interval_s, the tree is read.
 */
#ifndef LB_WATCHER_H
#define LB_WATCHER_H

#include <jansson.h>
#include <stdbool.h>

#include "board.h"

struct watcher;
struct worker;

struct watcher *watcher_start(struct worker *w);
void watcher_stop(struct watcher *s); /* NULL is fine */

/* Does some worker watch the library, and can it read it? Any thread. */
bool watcher_is_running(const struct board *b);
/* {"running", "enabled"}: for the event and the API. New reference. */
json_t *watcher_status(const struct board *b);
/* Tells all pages so. Any thread but the loop's and the writer's. False when that failed, which is logged. */
bool watcher_tell(struct worker *w);

#endif
