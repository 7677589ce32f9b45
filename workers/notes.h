/*
 * notes.h - what happened to jobs in a transaction, kept until it is committed and then logged: nothing is logged that
 * did not become true, and nothing while the gate is held.
 */
#ifndef LB_NOTES_H
#define LB_NOTES_H

#include "base.h"
#include "job.h"

enum note_kind {
    NOTE_CREATED,
    NOTE_STARTED,
    NOTE_PROGRESS,
    NOTE_ENDED,
    NOTE_RESUMED,
    NOTE_NOT_FOLLOWED,
};

struct note {
    enum note_kind kind;
    struct job job;
    int64_t items; /* given back: NOTE_RESUMED */
};

struct notes {
    struct note *list;
    size_t n, cap;
};

/* Callbacks of the store; ctx is a struct notes. */
void notes_started(void *ctx, const struct job *j);
void notes_resumed(void *ctx, const struct job *j, int64_t items);
/* A job after one more item: notes every tenth (of big jobs every thousandth part), and its end. */
void notes_counted(struct notes *n, const struct job *j);
void notes_ended(struct notes *n, const struct job *j);
/* It was made, and is the active job. */
void notes_created(struct notes *n, const struct job *j);
/* What was to follow this job cannot be made. */
void notes_not_followed(struct notes *n, const struct job *j);
/* Logs and forgets. */
void notes_log(struct notes *n);
void notes_clear(struct notes *n);

#endif
