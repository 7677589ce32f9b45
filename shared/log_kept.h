/*
 * log_kept.h - the newest part of the log, kept in the state folder for GET /api/logs, wherever the log itself goes.
 *
 * Two files, <state_dir>/log/longbox.log and longbox.log.1, hold together no more than the limit. Every process appends
 * lines of its own with one write(2) each; whoever finds the first file half as long as the limit renames it to the
 * second.
 */
#ifndef LB_LOG_KEPT_H
#define LB_LOG_KEPT_H

#include <limits.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "base.h"
#include "err.h"

#define LOG_KEPT_MIN_BYTES 65536

/* "<state_dir>/log/longbox.log", and with `older` longbox.log.1. Returns ret. */
const char *log_kept_path(const char *state_dir, bool older, char ret[PATH_MAX]);
/*
 * From here on every line of the log is also kept. max_bytes lives on and may change at any time (the scoreboard).
 * Call once, before the first thread. On -1 nothing is kept.
 */
int log_keep(const char *state_dir, const _Atomic int64_t *max_bytes,
             struct err *err) LB_MUST_CHECK;
/* One line with its newline; does nothing before log_keep. For log.c. Any thread. */
void log_kept_write(const char *line, size_t len);

#endif
