/*
 * writer_batch.h - what gathers for the writer: finished items and items to put back, and their way into a transaction.
 */
#ifndef LB_WRITER_BATCH_H
#define LB_WRITER_BATCH_H

#include "base.h"
#include "drive.h"
#include "notes.h"
#include "writer.h"

struct item_done_list {
    struct item_done *list;
    size_t n, cap;
    size_t n_driven; /* of them somebody waits for */
};
/* Takes *d. */
void item_done_list_add(struct item_done_list *l, struct item_done *d);
/* Puts `first` before what is in l; first is empty afterwards. */
void item_done_list_prepend(struct item_done_list *l, struct item_done_list *first);
void item_done_list_clear(struct item_done_list *l);

struct item_return {
    struct item item;
    bool counted;
};
struct item_return_list {
    struct item_return *list;
    size_t n, cap;
};
void item_return_list_add(struct item_return_list *l, struct item *it, bool counted);
void item_return_list_prepend(struct item_return_list *l, struct item_return_list *first);
void item_return_list_clear(struct item_return_list *l);

/*
 * Every k of n is an event of its own while a job makes up to PACE_EVENTS events a second in this worker; above that,
 * the progress of one commit is merged into one event.
 */
#define PACE_EVENTS 200
#define PACE_JOBS   16
struct pace {
    struct {
        char job_id[UUID_SIZE];
        double tokens;
        int64_t at_ms;
    } jobs[PACE_JOBS];
};
/* May this job make an event of its own now? Takes a token. */
bool pace_take(struct pace *p, const char *job_id, int64_t now_ms);

/*
 * Finishes all in jobs.db. Items whose lease was lost are dropped. `driven`: what calls are to be told after the
 * commit.
 */
int batch_finish(struct db *jobs, const char *owner, const struct item_done_list *done,
                 struct pace *pace, struct notes *notes, struct drive_results *driven,
                 struct err *err) LB_MUST_CHECK;
int batch_return(struct db *jobs, const char *owner, const struct item_return_list *returns,
                 struct drive_results *driven, struct err *err) LB_MUST_CHECK;
/* How many of them are to be recorded in library.db. */
size_t batch_touches_library(const struct item_done_list *done);
/* Marks, renames and history in library.db. */
int batch_library(struct db *library, const struct item_done_list *done,
                  struct err *err) LB_MUST_CHECK;

#endif
