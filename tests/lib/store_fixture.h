/*
 * store_fixture.h - for tests of the stores: a state folder of its own, open stores, and short words for what the tests
 * do with them. Each word fails the running cmocka test when the store answers with an error.
 *
 * Every test ends with fx_rules(): fixture_teardown checks what must hold in jobs.db whatever was done to it.
 */
#ifndef LB_STORE_FIXTURE_H
#define LB_STORE_FIXTURE_H

#include <sqlite3.h>
#include <stdbool.h>

#include "board.h"
#include "store.h"

struct fixture {
    char dir[96];
    struct board *board;
    struct store *store;
    struct store_reader *reader;
    struct db *jobs, *preferences; /* writable */
    struct db *read;               /* jobs.db as a poll reads it */
    char owner[BOARD_OWNER_SIZE];  /* this process */
    double now;                    /* fx_now() goes on from here */
    sqlite3 *shell[GATE_COUNT];    /* like somebody with the sqlite3 program: past the gate */
};
extern struct fixture fx;

#define FX_MAX_ATTEMPTS 3
/* The fixture's owner, as worker 0; &fx_claimer for store_claim. */
#define fx_claimer                                                                                 \
    ((struct claimer){.owner = fx.owner, .made_by = "worker 0", .max_attempts = FX_MAX_ATTEMPTS})

int fixture_setup(void **state);
int fixture_teardown(void **state);
#define FX_TEST(f) cmocka_unit_test_setup_teardown(f, fixture_setup, fixture_teardown)

/* Closes and opens the stores again, as after a restart. */
void fx_reopen(void);
/* The first half of it. */
void fx_close(void);
void fx_ok(int rc, const struct err *err);
double fx_now(void);

/* Write transactions on jobs.db. */
void fx_begin(void);
void fx_commit(void);
void fx_rollback(void);

struct fx_job {
    const char *const *paths; /* NULL: "item 1", "item 2", ... */
    int n;
    bool exclusive;
    enum job_priority priority;
    const char *made_by; /* NULL: "worker 0" */
    const char *source; /* NULL: "api" */
    const char *key;
    bool dry_run;
    bool single;
};
/* Stages and publishes in one commit. */
void fx_start(const struct fx_job *j, char ret[UUID_SIZE]);
void fx_start_items(int n, char ret[UUID_SIZE]);
void fx_start_paths(const char *const *paths, int n, char ret[UUID_SIZE]);

/* The job as a poll sees it; it must be there. */
struct job fx_get(const char *job_id);
bool fx_exists(const char *job_id);
/* The active job as a poll sees it; "" = none. The answer is good until the next call. */
const char *fx_active(void);

/* One commit each. */
int fx_claim(const char *owner, int max, struct item *ret);
int fx_finish(const struct item *it, const char *owner, enum item_outcome outcome, struct job *ret);
int fx_finish_renamed(const struct item *it, const char *owner, const char *final_path);
int fx_return(const struct item *it, const char *owner, bool counted);
int fx_cancel(const char *job_id, struct job *ret);
int fx_cancel_more(bool *ret_ended);
int fx_delete(const char *job_id);
int fx_recover(int max_attempts);
/* By the wall clock alone. */
struct store_limits fx_limits(double ended_before, int64_t events_kept);
int fx_sweep_all(double keep_after, int64_t events_kept);
/* Owners that do not live: name 1, 2, 3 ... */
const char *fx_dead_owner(int n);

/* SQL past the store. fx_sql answers SQLite's code. fx_int: the first column of the first row, fx_text the same. */
int fx_sql(enum gate_file file, const char *sql);
int64_t fx_int(enum gate_file file, const char *sql);
const char *fx_text(enum gate_file file,
                    const char *sql); /* good until the next call; "" for NULL */

/* The rules of jobs.db. Also integrity_check. */
void fx_rules(void);

#endif
