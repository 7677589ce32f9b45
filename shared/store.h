/*
 * store.h - the stores: jobs.db, preferences.db, library.db in the state folder (docs/ARCHITECTURE.md, "Truth").
 *
 * `struct store_reader` is three read-only connections, `struct store` three writable ones with their seats at the
 * gates. Each belongs to the thread that opened it; open them after the last fork. Functions that read take a
 * `struct db *` of either; functions that write must be called between store_begin and store_commit of that file.
 *
 * Times are Unix seconds (double). Functions return 0 (or a count), or -1 with `err` filled. ERR_BUSY: the database was
 * locked for longer than STORE_BUSY_MS by somebody outside the gate.
 */
#ifndef LB_STORE_H
#define LB_STORE_H

#include <jansson.h>
#include <stdbool.h>

#include "base.h"
#include "err.h"
#include "gate.h"
#include "job.h"

#define STORE_BUSY_MS          10000
#define STORE_LEASES_PER_CLAIM 256

struct board;
struct db;
struct store;
struct store_reader;

/*
 * Opens the three files, makes them when they are not there, and brings their schema up to date. A file of a newer
 * version: ERR_STORE that says so. `board` has the gates and must outlive the store.
 */
int store_open(const char *state_dir, struct board *board, struct store **ret,
               struct err *err) LB_MUST_CHECK;
void store_close(struct store *s);
/*
 * What store_open did about a damaged file: the first one to open it after the master's start looks (store_repair.h).
 * NULL: nothing.
 */
struct store_repair {
    char kept_as[4400];  /* the damaged file; "" = there was nothing to do */
    char why[200];       /* what SQLite said */
    bool resumed;        /* ended what an earlier start had begun */
    int64_t jobs, items; /* saved from jobs.db */
};
const struct store_repair *store_repaired(const struct store *s, enum gate_file file);
/*
 * Did a statement of this process find the file damaged? Nothing will heal it while it is open: the next start must,
 * and a mark in the state folder tells it to. Any thread.
 */
bool store_is_damaged(enum gate_file file);
const char *store_file_name(enum gate_file file); /* "jobs.db" */
const char *store_engine_version(void);           /* of SQLite */
struct db *store_db(struct store *s, enum gate_file file);

/*
 * Passes the gate and begins. durable: the commit is on the disk when store_commit returns (synchronous=FULL); else it
 * survives the death of every process but perhaps not a power cut.
 */
int store_begin(struct store *s, enum gate_file file, bool durable, struct err *err) LB_MUST_CHECK;
/* Commits, checkpoints when the log has grown, leaves the gate. On -1 nothing is known: read again before retrying. */
int store_commit(struct store *s, enum gate_file file, struct err *err) LB_MUST_CHECK;
void store_rollback(struct store *s, enum gate_file file);
/* A savepoint inside: one request of a group may fail without the others. */
int store_part_begin(struct store *s, enum gate_file file, struct err *err) LB_MUST_CHECK;
int store_part_end(struct store *s, enum gate_file file, bool keep, struct err *err) LB_MUST_CHECK;
/* Checkpoints and cuts the log when nobody reads; behind the gate. For the end of a job and for idle times. */
int store_checkpoint(struct store *s, enum gate_file file, struct err *err) LB_MUST_CHECK;

/* The files must exist (a store_open has been there). */
int store_reader_open(const char *state_dir, struct store_reader **ret,
                      struct err *err) LB_MUST_CHECK;
void store_reader_close(struct store_reader *r);
struct db *store_reader_db(struct store_reader *r, enum gate_file file);
/* Changes whenever another connection committed to the file. */
int64_t store_data_version(struct db *db);
int64_t store_file_bytes(struct db *db, bool wal);
/* A read that must see one state over several statements. Keep it short: it holds the log. */
int store_read_begin(struct db *db, struct err *err) LB_MUST_CHECK;
void store_read_end(struct db *db);

/* ---- jobs: store_job.c (jobs.db) ---- */

/* Reads. 1 = found, 0 = there is none. Jobs that are being staged or deleted are not found. */
int store_job_get(struct db *db, const char *job_id, struct job *ret,
                  struct err *err) LB_MUST_CHECK;

struct job_filter {
    bool only_active;       /* queued or processing */
    enum job_status status; /* JOB__COUNT = any */
    const char *operation;  /* NULL = any */
    const char *
        search; /* part of the title or the operation in any case, or how the id begins; NULL = any */
    const char *before; /* job id: older than this one; NULL = from the newest */
};
/* Newest first. Returns how many were written to ret. ERR_NOT_FOUND: there is no job `before`. */
int store_job_list(struct db *db, const struct job_filter *f, struct job *ret, int max,
                   struct err *err) LB_MUST_CHECK;
/* How many live jobs have each status. */
int store_job_counts(struct db *db, int64_t ret[JOB__COUNT], struct err *err) LB_MUST_CHECK;

struct job_result {
    int64_t id; /* 1, 2, 3 in the order of finishing */
    char *path; /* bytes */
    bool success;
    char *message; /* NULL = none */
    char *details; /* JSON text, NULL = none */
    double started_at, finished_at;
};
void job_result_clear(struct job_result *r);
/*
 * Results in the order of finishing, at most max: those after `after`, or with -1 the newest ones. outcome: 0 = all,
 * 1 = ok, -1 = errors. search: a part of the path in any case, or NULL (not with the newest ones). Calls fn for each;
 * fn's -1 ends it.
 */
int store_results(struct db *db, const char *job_id, int64_t after, int outcome, const char *search,
                  int max, int (*fn)(void *ctx, const struct job_result *r, struct err *err),
                  void *ctx, struct err *err) LB_MUST_CHECK;

/* A new job, not yet shown to anybody. `owner` is the process that stages it. */
struct job_new {
    const char *job_id;
    const char *operation;
    const char *title;
    const char *options; /* JSON text */
    int64_t total;
    bool exclusive;
    enum job_priority priority;
    const char *made_by;         /* "worker 1" */
    const char *staged_by;       /* owner name */
    const char *idempotency_key; /* NULL = none */
    bool paused;
    int max_threads;    /* 0 = no limit */
    const char *parent; /* it takes items of this job; NULL = of none. */
    const char *
        parent_kind; /* "retry" or "follow_up:<operation>"; a job has one live child of each kind */
    enum job_drive drive;
    const char *follow_up; /* operations that follow it, JSON array; NULL = none */
    bool dry_run;          /* see struct job */
    bool single; /* over one file, for a caller that waits: it does not become the active job */
    const char *source; /* who started it, up to JOB_SOURCE_MAX bytes; NULL = "api" */
};
int store_job_stage(struct db *db, const struct job_new *n, double now,
                    struct err *err) LB_MUST_CHECK;
/* Appends items seq_first, seq_first + 1, ... */
int store_job_stage_items(struct db *db, const char *job_id, int64_t seq_first,
                          const char *const *paths, size_t n, struct err *err) LB_MUST_CHECK;
/* Gives a staging up; the sweep removes it. One that is not there is fine. */
int store_job_unstage(struct db *db, const char *job_id, double now, struct err *err) LB_MUST_CHECK;
/*
 * Shows it to everybody, makes it the active job (unless it is single, or a preview; one of the watcher takes nobody's
 * place), writes its first event. Commit with durable = true.
 */
int store_job_publish(struct db *db, const char *job_id, double now, struct job *ret,
                      struct err *err) LB_MUST_CHECK;
/* Was it made as one? 1 or 0; 0 for a job that is not there. */
int store_job_is_single(struct db *db, const char *job_id, struct err *err) LB_MUST_CHECK;
/* Is an item with this path queued or running? 1 or 0. */
int store_path_is_busy(struct db *jobs, const char *path, struct err *err) LB_MUST_CHECK;
/* The id of the live job that was made with this key; 1 = found, 0 = none. */
int store_job_by_key(struct db *db, const char *key, char ret[UUID_SIZE],
                     struct err *err) LB_MUST_CHECK;

/*
 * Cancels: queued items go at once (the first STORE_CANCEL_CHUNK of them; store_job_cancel_more does the rest), running
 * ones are told by the `cancelling` flag. The status becomes cancelled in the commit in which no item is left.
 * Returns 1 when it is cancelling or cancelled now (asked twice is asked once), 0 when it had ended or is not there.
 */
#define STORE_CANCEL_CHUNK 2000
int store_job_cancel(struct db *db, const char *job_id, double now, struct job *ret,
                     struct err *err) LB_MUST_CHECK;
/* Goes on with one job that is being cancelled. Returns 1 when there is more to do, 0 when not. */
int store_job_cancel_more(struct db *db, double now, struct job *ret_ended, bool *ret_has_ended,
                          struct err *err) LB_MUST_CHECK;
/* Hides a job, cancels what runs. Its rows go by store_sweep. Returns 1, or 0 when it is not there. */
int store_job_delete(struct db *db, const char *job_id, double now, struct err *err) LB_MUST_CHECK;
/*
 * What store_sweep takes for old. Jobs that have ended go when their last event is not after old_id, or when it is not
 * after start_id and they ended before ended_before. Events go up to old_id, and beyond the newest events_kept.
 */
struct store_limits {
    double ended_before; /* wall clock */
    int64_t start_id, old_id, events_kept;
};
/*
 * The limits now, when ended jobs are kept for keep_s: whatever the wall clock does, nothing goes that ended less than
 * keep_s ago since the master's start. To be asked from time to time: that is how the age of events is known.
 */
int store_limits_now(struct db *db, struct board *board, int64_t keep_s, int64_t events_kept,
                     struct store_limits *ret, struct err *err) LB_MUST_CHECK;
/*
 * Removes a little of what nobody needs: rows of hidden jobs, stagings whose process is dead, what is old, and gives
 * space back to the disk. Returns 1 when there is more, 0 when all is clean.
 */
int store_sweep(struct db *db, const struct board *board, const struct store_limits *limits,
                struct err *err) LB_MUST_CHECK;
/* Is there anything for store_sweep, for store_job_cancel_more? Reads. 1 = yes, 0 = no. */
int store_needs_sweep(struct db *db, const struct board *board, const struct store_limits *limits,
                      struct err *err) LB_MUST_CHECK;
int store_needs_cancel(struct db *db, struct err *err) LB_MUST_CHECK;

/*
 * The ids of unfinished jobs that are being cancelled, for the flags of running items. Returns how
 * many (at most max).
 */
int store_cancelling(struct db *db, char (*ret)[UUID_SIZE], int max, struct err *err) LB_MUST_CHECK;

/* ---- control: store_control.c (jobs.db) ---- */

/* What shall become of a job; NULL members stay as they are. */
struct job_change {
    const bool *paused;
    const enum job_priority *priority;
    const int *max_threads; /* 0 = no limit */
    const char *title;
    const enum job_drive
        *drive; /* to the server: the pools take its items; to the client: no more */
};
/*
 * Changes a job: one version and one event, whatever changes; none when all is so already (*ret_changed). Returns 1, or
 * 0 when there is no such job. ERR_CONFLICT: it has ended and more than its title was to change, or it is being
 * cancelled and was to be paused, resumed or driven by another. Items of a paused job that are leased run on (see
 * store_paused_leases).
 */
int store_job_change(struct db *db, const char *job_id, const struct job_change *c, double now,
                     struct job *ret, bool *ret_changed, struct err *err) LB_MUST_CHECK;
/* Pauses or resumes unfinished jobs that are not being cancelled, at most max. Returns how many it changed. */
#define STORE_PAUSE_CHUNK 200
int store_jobs_pause(struct db *db, bool paused, int max, double now,
                     struct err *err) LB_MUST_CHECK;
/* Paused jobs of which `owner` holds leases: what it has claimed ahead of them goes back. Returns how many. */
int store_paused_leases(struct db *db, const char *owner, char (*ret)[UUID_SIZE], int max,
                        struct err *err) LB_MUST_CHECK;

/* For /metrics and /api/status. */
#define JOB_FIGURES_OWNERS 64
struct job_figures {
    int64_t jobs[JOB__COUNT];
    int64_t paused;           /* of those that are unfinished */
    int64_t unfinished_items; /* queued or leased */
    int64_t leased_items;
    int n_owners; /* the first JOB_FIGURES_OWNERS processes that hold leases */
    struct {
        pid_t pid; /* 0: its name is none of board.h */
        int64_t items;
    } owners[JOB_FIGURES_OWNERS];
};
int store_job_figures(struct db *db, struct job_figures *ret, struct err *err) LB_MUST_CHECK;

/* The live job that takes the failed items of `parent` again; 1 = found, 0 = none. */
int store_job_retry_of(struct db *db, const char *parent, struct job *ret,
                       struct err *err) LB_MUST_CHECK;
/* The options of a job, JSON text, malloc'd. ERR_NOT_FOUND. */
int store_job_options(struct db *db, const char *job_id, char **ret, struct err *err) LB_MUST_CHECK;
/* The paths of all items that are not done, in order. fn's -1 ends it. Reads in short statements. */
int store_job_not_done(struct db *db, const char *job_id,
                       int (*fn)(void *ctx, const char *path, struct err *err), void *ctx,
                       struct err *err) LB_MUST_CHECK;

/* ---- what follows a job: store_follow.c (jobs.db) ---- */

/* Completed jobs whose follow-up is to be made by itself, at most max. A read. Returns how many. */
int store_follow_due(struct db *db, struct job *ret, int max, struct err *err) LB_MUST_CHECK;
/* The live job that runs `operation` over what succeeded in `parent`. 1 = found, 0 = there is none. */
int store_follow_find(struct db *db, const char *parent, const char *operation, struct job *ret,
                      struct err *err) LB_MUST_CHECK;
/* The follow-up of this job cannot be made: it is not due any more. */
int store_follow_forget(struct db *db, const char *parent, struct err *err) LB_MUST_CHECK;

struct follow_new {
    const char *parent, *operation, *title;
    bool exclusive;        /* as in struct job_new */
    const char *made_by;   /* "worker 1" */
    const char *staged_by; /* owner name */
    int chunk;             /* items of the parent that one step looks at */
};
/* How far the making is; {0} at the start. When a commit fails: store_job_unstage(job_id), and {0} again. */
struct follow_up {
    char job_id[UUID_SIZE]; /* "" = not begun */
    int64_t after, n;       /* the parent's item looked at last; items so far */
};
enum follow_state {
    FOLLOW_MORE,    /* call again, in another transaction */
    FOLLOW_MADE,    /* published just now: *ret */
    FOLLOW_FOUND,   /* it is there already: *ret */
    FOLLOW_NOTHING, /* nothing succeeded that is still in the library */
    FOLLOW_OTHER,   /* somebody else is making it */
};
/*
 * One step of making the job that follows `parent`; returns an enum follow_state. The operations that the parent named
 * after this one follow the new job in turn. The publication links both, in one commit. ERR_CONFLICT: the parent has
 * not completed. ERR_NOT_FOUND. ERR_LIMIT.
 */
int store_follow_step(struct db *db, const struct board *board, const struct follow_new *n,
                      struct follow_up *f, double now, struct job *ret,
                      struct err *err) LB_MUST_CHECK;

/* ---- items: store_claim.c, store_item.c, store_items.c (jobs.db) ---- */

/* What came of the item's write into the tail of a file (store_tail.h). */
enum item_tail { ITEM_TAIL_NONE, ITEM_TAIL_OPEN, ITEM_TAIL_OVER };
struct item {
    char job_id[UUID_SIZE];
    char operation[32];
    int64_t seq;
    int attempt;
    char *path;
    char *intent;  /* JSON text or NULL */
    char *options; /* the job's, JSON text */
    bool driven;   /* a client asked for it */
    enum item_tail tail;
    bool dry_run; /* it must not change anything */
};
void item_clear(struct item *it);
void item_copy(struct item *ret, const struct item *from);

/* This process may hold leases from now until lease_until (boot clock, ms); called again it renews them. */
int store_owner_renew(struct db *db, const char *owner, int slot, int64_t lease_until_boot_ms,
                      double now, struct err *err) LB_MUST_CHECK;

/* So many clients wait here for an item of a client-driven job. */
struct claim_demand {
    char job_id[UUID_SIZE];
    int n;
};
#define STORE_DEMANDS_MAX 16
struct claimer {
    const char *owner;   /* who gets the leases */
    const char *made_by; /* "worker 1": among equals its own jobs go first */
    int max_attempts;    /* as for store_recover */
    int max_files; /* at most so many items that are files; 0: no limit, CLAIM_NO_FILES: none */
    const struct claim_demand
        *demands;  /* of jobs that a client drives, no item is leased without one */
    int n_demands; /* at most STORE_DEMANDS_MAX */
};
#define CLAIM_NO_FILES (-1)
/*
 * Leases up to max queued items, by priority, then fair share between jobs, then the claimer's own, then age. Never an
 * item whose path another lease holds. An item whose next death would be its last is leased alone, while its owner
 * holds nothing else: when that worker dies, it was this item. Starts jobs that were queued: *started (or NULL) is
 * called with each of them. Returns how many.
 */
int store_claim(struct db *db, const struct claimer *who, int max, double now, struct item *ret,
                void (*started)(void *ctx, const struct job *j), void *ctx,
                struct err *err) LB_MUST_CHECK;
/* Is there an item that could be claimed? A read: 1 = yes (perhaps one that waits for a path), 0 = no. */
int store_has_work(struct db *db, int max_files, struct err *err) LB_MUST_CHECK;
/* The same for what clients wait for. */
int store_has_demanded(struct db *db, const struct claim_demand *demands, int n,
                       struct err *err) LB_MUST_CHECK;
/* Has the job an item that nobody has taken? A read: 1 = yes, 0 = no. */
int store_has_queued(struct db *db, const char *job_id, struct err *err) LB_MUST_CHECK;

enum item_state { ITEM_IS_QUEUED, ITEM_IS_LEASED, ITEM_IS_OK, ITEM_IS_ERROR, ITEM_IS_CANCELLED };
struct item_row {
    int64_t seq;
    const char *path; /* texts are valid inside the callback */
    enum item_state state;
    int attempts;
    const char *message, *details; /* NULL = none */
};
/* The items after number `after`, at most max, in order. fn's -1 ends it. Returns how many. */
int store_items(struct db *db, const char *job_id, int64_t after, int max,
                int (*fn)(void *ctx, const struct item_row *it, struct err *err), void *ctx,
                struct err *err) LB_MUST_CHECK;

/*
 * Commits what a run is about to change. ERR_CONFLICT: `target` is leased to another item.
 * ERR_NOT_ACTIVE: lease lost.
 */
int store_item_declare(struct db *db, const struct item *it, const char *owner, const char *intent,
                       const char *target, struct err *err) LB_MUST_CHECK;

/*
 * An item of a preview would rename `from` to `to` (NULL: move it out of the library). on_disk: another file has the
 * name `to` now. Returns 1 when it would get the name: earlier items of the job neither took it nor is it there, unless
 * one left it. Then later items know. 0: the name would be taken; nothing is noted.
 */
int store_plan_name(struct db *db, const struct item *it, const char *from, const char *to,
                    bool on_disk, struct err *err) LB_MUST_CHECK;

enum item_outcome { ITEM_OK, ITEM_ERROR, ITEM_CANCELLED };
struct item_finish {
    enum item_outcome outcome;
    const char *message; /* the error, or a note; NULL = none */
    const char *details; /* JSON text or NULL */
    /* Relative; NULL = unchanged, "" = not in the library any more. Queued items of other jobs follow the rename. */
    const char *final_path;
    double
        began_at; /* when it ran at last; 0 = not known: when it was claimed, perhaps ahead of time */
    bool own_event; /* false: progress may be merged; the last item always makes its event */
};
/* Returns 1 with the job as it is now, 0 when the lease was lost (nothing is changed), -1 on error. */
int store_item_finish(struct db *db, const struct item *it, const char *owner,
                      const struct item_finish *f, double now, struct job *ret,
                      struct err *err) LB_MUST_CHECK;
/* Puts a leased item back; `counted` = false takes the attempt back too (it never started). Returns 1 or 0 as above. */
int store_item_return(struct db *db, const struct item *it, const char *owner, bool counted,
                      double now, struct err *err) LB_MUST_CHECK;

/*
 * Gives back every lease whose owner is dead (board_owner_alive) and drops the owner; not those of an owner of whose
 * files one has still to be made whole (store_tail.h). An item that has been through
 * max_attempts deaths becomes an error that names the signal. `given` is called for each job touched, with how many of
 * its items were given back or given up; a job may have ended with that. Returns how many items.
 */
int store_recover(struct db *db, const struct board *board, int max_attempts, double now,
                  void (*given)(void *ctx, const struct job *j, int64_t items), void *ctx,
                  struct err *err) LB_MUST_CHECK;
/* What running items of dead owners said they would change. A read; texts are valid inside the callback. */
typedef void store_intent_fn(void *ctx, const char *operation, const char *job_id,
                             const char *intent);
int store_dead_intents(struct db *db, const struct board *board, store_intent_fn *fn, void *ctx,
                       struct err *err) LB_MUST_CHECK;
/* Is there an owner that is dead? A read: 1 = yes, 0 = no. */
int store_needs_recovery(struct db *db, const struct board *board, struct err *err) LB_MUST_CHECK;

/* ---- events: store_event.c (jobs.db) ---- */

/* Writes one event; `data` is its JSON (borrowed). Returns its id, or -1. */
int64_t store_event_add(struct db *db, const char *type, const char *job_id, const json_t *data,
                        double now, struct err *err) LB_MUST_CHECK;
/* job_updated with the job's state; `item` (borrowed, may be NULL) is the item just finished. Sets j->last_event_id. */
int store_event_job(struct db *db, struct job *j, json_t *item, double now,
                    struct err *err) LB_MUST_CHECK;

struct event_row {
    int64_t id;
    const char *type, *job_id, *data; /* job_id may be NULL; valid inside the callback */
    double at;
};
/* Events after `after`, at most max, in order. Returns how many. */
int store_events(struct db *db, int64_t after, int max,
                 void (*fn)(void *ctx, const struct event_row *e), void *ctx,
                 struct err *err) LB_MUST_CHECK;
/* The newest id that was ever given, and the oldest that is still kept (0 when none is). */
int store_event_range(struct db *db, int64_t *ret_oldest, int64_t *ret_newest,
                      struct err *err) LB_MUST_CHECK;
/* Live jobs whose last event is after `after`, oldest first. Returns how many. */
int store_jobs_changed(struct db *db, int64_t after, struct job *ret, int max,
                       struct err *err) LB_MUST_CHECK;

/* ---- active job: store_active.c ---- */

struct active_job {
    char job_id[UUID_SIZE]; /* "" = none */
    char title[JOB_TITLE_MAX + 1];
};
/* From jobs.db; never one that has ended. */
int store_active_get(struct db *jobs, struct active_job *ret, struct err *err) LB_MUST_CHECK;
/*
 * Sets it if the job is live and not ended. Returns 1 when set, 0 when the job has ended,
 * ERR_NOT_FOUND when unknown.
 */
int store_active_set(struct db *jobs, const char *job_id, const char *title, double now,
                     struct err *err) LB_MUST_CHECK;
int store_active_clear(struct db *jobs, double now, struct err *err) LB_MUST_CHECK;
/*
 * Writes the truth of jobs.db into preferences.db: reads `jobs` after the gate of preferences.db was passed, so
 * the last
 * to write has the newest truth. Returns 1 when it changed something. The caller is between store_begin and
 * store_commit of preferences.db.
 */
int store_active_copy(struct db *jobs, struct db *preferences, double now,
                      struct err *err) LB_MUST_CHECK;
/* Does the copy differ? A read: 1 = yes, 0 = no. */
int store_active_differs(struct db *jobs, struct db *preferences, struct err *err) LB_MUST_CHECK;

/* ---- preferences and settings: store_pref.c (preferences.db) ---- */

/* All of them as one object. New reference. */
json_t *store_pref_all(struct db *db, struct err *err);
/* Merges the members of `values`. */
int store_pref_merge(struct db *db, const json_t *values, double now,
                     struct err *err) LB_MUST_CHECK;
/* One setting's value, or NULL without an error when it was never set. New reference. */
json_t *store_setting_get(struct db *db, const char *key, struct err *err);
int store_setting_set(struct db *db, const char *key, const json_t *value, double now,
                      struct err *err) LB_MUST_CHECK;

#endif
