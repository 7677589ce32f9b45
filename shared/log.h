/*
 * log.h - one event is one line on stderr: time, level, process, event, then key=value, ids first.
 *
 *   2026-11-22T04:31:07.123Z info worker=1 event="job created" job=0192... op=process items=25
 *
 * The line is built in memory and written with one write(2), so lines of several processes never mix. Names of files
 * and other text from outside go through log_quote. Any thread.
 */
#ifndef LB_LOG_H
#define LB_LOG_H

#include <stddef.h>

#include "base.h"
#include "err.h"

enum log_level { LOG_LVL_ERROR, LOG_LVL_WARN, LOG_LVL_INFO, LOG_LVL_DEBUG };

/* Says who writes ("master", "worker=0") and from which level on. Call once before the first thread. */
void log_setup(const char *who, enum log_level level);
/*
 * From here on the log is appended to this file, which is made when missing: standard error becomes it, for children
 * too. Called again it opens the file anew, after somebody moved it away. On -1 the log goes on where it was.
 */
int log_open_file(const char *path, struct err *err) LB_MUST_CHECK;
/* "error" "warn" "info" "debug"; -1 when it is none of them. */
int log_level_parse(const char *name);

void log_event(enum log_level level, const char *event, const char *fmt, ...) LB_PRINTF(3, 4);

/* error: someone must act. warn: went wrong and was handled, says how. info: a job, worker or setting changed. */
#define log_error(event, ...) log_event(LOG_LVL_ERROR, event, __VA_ARGS__)
#define log_warn(event, ...)  log_event(LOG_LVL_WARN, event, __VA_ARGS__)
#define log_info(event, ...)  log_event(LOG_LVL_INFO, event, __VA_ARGS__)
#define log_debug(event, ...) log_event(LOG_LVL_DEBUG, event, __VA_ARGS__)

/*
 * Writes `text` into buf with quotes, backslashes and control bytes escaped, cut to the size with "..." at the end.
 * Returns buf. Bytes that are not UTF-8 become \xNN.
 */
const char *log_quote(const char *text, char *buf, size_t size);
/* For an argument list: a buffer that lives as long as the enclosing block. */
#define LOG_QUOTE(text) log_quote((text), (char[300]){0}, 300)

#endif
