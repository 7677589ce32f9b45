#include "store_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct fixture fx;

static const char *const files[GATE_COUNT] = {"jobs", "preferences", "library"};

void fx_ok(int rc, const struct err *err)
{
    if (rc < 0)
        fail_msg("%s", err->msg);
}

double fx_now(void)
{
    return fx.now += 0.125;
}

static void open_stores(void)
{
    struct err err = {0};
    fx_ok(store_open(fx.dir, fx.board, &fx.store, &err), &err);
    fx_ok(store_reader_open(fx.dir, &fx.reader, &err), &err);
    fx.jobs = store_db(fx.store, GATE_JOBS);
    fx.preferences = store_db(fx.store, GATE_PREFERENCES);
    fx.read = store_reader_db(fx.reader, GATE_JOBS);
}

void fx_close(void)
{
    for (int i = 0; i < GATE_COUNT; i++) {
        (void)sqlite3_close(fx.shell[i]); /* NULL is fine */
        fx.shell[i] = NULL;
    }
    store_reader_close(fx.reader);
    store_close(fx.store);
    fx.reader = NULL;
    fx.store = NULL;
}

int fixture_setup(void **state)
{
    (void)state;
    struct err err = {0};
    int fd, bells[BOARD_MAX_SLOTS];
    fx = (struct fixture){.now = 1790000000};
    (void)alarm(600); /* a store that does not come to an end fails its test */
    const char *tmp = getenv("TMPDIR");
    (void)snprintf(fx.dir, sizeof(fx.dir), "%.60s/lb-test-store-XXXXXX", tmp ? tmp : "/tmp");
    assert_non_null(mkdtemp(fx.dir));
    fx_ok(board_create(2, &fx.board, &fd, bells, &err), &err);
    fd_close(fd);
    fd_close(bells[0]);
    fd_close(bells[1]);
    open_stores();
    board_owner_new(fx.board, fx.owner);
    fx_begin();
    fx_ok(store_owner_renew(fx.jobs, fx.owner, 0, 30000, fx_now(), &err), &err);
    fx_commit();
    return 0;
}

int fixture_teardown(void **state)
{
    (void)state;
    (void)alarm(0);
    fx_rules();
    fx_close();
    static const char *const ends[] = {"", "-wal", "-shm"};
    for (size_t i = 0; i < 9; i++) {
        char path[160];
        (void)snprintf(path, sizeof(path), "%s/%s.db%s", fx.dir, files[i / 3], ends[i % 3]);
        (void)unlink(path); /* not all of them exist */
    }
    return rmdir(fx.dir);
}

void fx_reopen(void)
{
    fx_close();
    open_stores();
}

void fx_begin(void)
{
    struct err err = {0};
    fx_ok(store_begin(fx.store, GATE_JOBS, false, &err), &err);
}

void fx_commit(void)
{
    struct err err = {0};
    fx_ok(store_commit(fx.store, GATE_JOBS, &err), &err);
}

void fx_rollback(void)
{
    store_rollback(fx.store, GATE_JOBS);
}

/* ---- jobs ---- */

static void stage_items(const struct fx_job *j, const char *job_id)
{
    struct err err = {0};
    for (int i = 0; i < j->n; i++) {
        char name[32];
        (void)snprintf(name, sizeof(name), "item %d", i + 1);
        const char *path = j->paths ? j->paths[i] : name;
        fx_ok(store_job_stage_items(fx.jobs, job_id, i + 1, &path, 1, &err), &err);
    }
}

void fx_start(const struct fx_job *j, char ret[UUID_SIZE])
{
    struct err err = {0};
    uuid_new(ret);
    struct job_new n = {
        .job_id = ret,
        .operation = j->exclusive ? "process" : "noop",
        .title = "Processing Files...",
        .options = "{}",
        .total = j->n,
        .exclusive = j->exclusive,
        .priority = j->priority,
        .made_by = j->made_by ? j->made_by : "worker 0",
        .staged_by = fx.owner,
        .source = j->source,
        .idempotency_key = j->key,
        .dry_run = j->dry_run,
        .single = j->single,
    };
    struct job job;
    fx_begin();
    fx_ok(store_job_stage(fx.jobs, &n, fx_now(), &err), &err);
    stage_items(j, ret);
    fx_ok(store_job_publish(fx.jobs, ret, fx_now(), &job, &err), &err);
    fx_commit();
}

void fx_start_items(int n, char ret[UUID_SIZE])
{
    fx_start(&(struct fx_job){.n = n, .priority = PRIORITY_NORMAL}, ret);
}

void fx_start_paths(const char *const *paths, int n, char ret[UUID_SIZE])
{
    fx_start(
        &(struct fx_job){.paths = paths, .n = n, .exclusive = true, .priority = PRIORITY_NORMAL},
        ret);
}

struct job fx_get(const char *job_id)
{
    struct err err = {0};
    struct job job = {0};
    int rc = store_job_get(fx.read, job_id, &job, &err);
    fx_ok(rc, &err);
    assert_int_equal(rc, 1);
    return job;
}

bool fx_exists(const char *job_id)
{
    struct err err = {0};
    struct job job;
    int rc = store_job_get(fx.read, job_id, &job, &err);
    fx_ok(rc, &err);
    return rc;
}

const char *fx_active(void)
{
    static struct active_job active;
    struct err err = {0};
    fx_ok(store_active_get(fx.read, &active, &err), &err);
    return active.job_id;
}

int fx_claim(const char *owner, int max, struct item *ret)
{
    struct err err = {0};
    fx_begin();
    struct claimer who = {.owner = owner, .made_by = "worker 0", .max_attempts = FX_MAX_ATTEMPTS};
    int n = store_claim(fx.jobs, &who, max, fx_now(), ret, NULL, NULL, &err);
    fx_ok(n, &err);
    fx_commit();
    return n;
}

static int finish(const struct item *it, const char *owner, const struct item_finish *f,
                  struct job *ret)
{
    struct err err = {0};
    fx_begin();
    int rc = store_item_finish(fx.jobs, it, owner, f, fx_now(), ret, &err);
    fx_ok(rc, &err);
    fx_commit();
    return rc;
}

int fx_finish(const struct item *it, const char *owner, enum item_outcome outcome, struct job *ret)
{
    struct job unused;
    struct item_finish f = {.outcome = outcome,
                            .message = outcome == ITEM_ERROR ? "it is broken" : NULL,
                            .own_event = true};
    return finish(it, owner, &f, ret ? ret : &unused);
}

int fx_finish_renamed(const struct item *it, const char *owner, const char *final_path)
{
    struct job unused;
    struct item_finish f = {.outcome = ITEM_OK, .final_path = final_path, .own_event = true};
    return finish(it, owner, &f, &unused);
}

int fx_return(const struct item *it, const char *owner, bool counted)
{
    struct err err = {0};
    fx_begin();
    int rc = store_item_return(fx.jobs, it, owner, counted, fx_now(), &err);
    fx_ok(rc, &err);
    fx_commit();
    return rc;
}

int fx_cancel(const char *job_id, struct job *ret)
{
    struct err err = {0};
    struct job unused;
    fx_begin();
    int rc = store_job_cancel(fx.jobs, job_id, fx_now(), ret ? ret : &unused, &err);
    fx_ok(rc, &err);
    fx_commit();
    return rc;
}

int fx_cancel_more(bool *ret_ended)
{
    struct err err = {0};
    struct job job;
    fx_begin();
    int rc = store_job_cancel_more(fx.jobs, fx_now(), &job, ret_ended, &err);
    fx_ok(rc, &err);
    fx_commit();
    return rc;
}

int fx_delete(const char *job_id)
{
    struct err err = {0};
    fx_begin();
    int rc = store_job_delete(fx.jobs, job_id, fx_now(), &err);
    fx_ok(rc, &err);
    fx_commit();
    return rc;
}

int fx_recover(int max_attempts)
{
    struct err err = {0};
    fx_begin();
    int rc = store_recover(fx.jobs, fx.board, max_attempts, fx_now(), NULL, NULL, &err);
    fx_ok(rc, &err);
    fx_commit();
    return rc;
}

struct store_limits fx_limits(double ended_before, int64_t events_kept)
{
    return (struct store_limits){
        .ended_before = ended_before, .start_id = INT64_MAX, .events_kept = events_kept};
}

int fx_sweep_all(double keep_after, int64_t events_kept)
{
    struct err err = {0};
    struct store_limits l = fx_limits(keep_after, events_kept);
    for (int rounds = 0;; rounds++) {
        fx_begin();
        int rc = store_sweep(fx.jobs, fx.board, &l, &err);
        fx_ok(rc, &err);
        fx_commit();
        if (rc == 0)
            return rounds;
        assert_true(rounds < 10000);
    }
}

const char *fx_dead_owner(int n)
{
    static char names[8][BOARD_OWNER_SIZE];
    must(n > 0 && n < 8);
    /* no process has the highest pid that a kernel gives, and a start at tick 1 */
    (void)snprintf(names[n], sizeof(names[n]), "%s:%d:1:%016x", fx.board->boot_id, 4194304 - n,
                   (unsigned)n);
    struct err err = {0};
    fx_begin();
    fx_ok(store_owner_renew(fx.jobs, names[n], 1, 30000, fx_now(), &err), &err);
    fx_commit();
    return names[n];
}

/* ---- past the store ---- */

static sqlite3 *shell(enum gate_file file)
{
    if (!fx.shell[file]) {
        char path[160];
        (void)snprintf(path, sizeof(path), "%s/%s.db", fx.dir, files[file]);
        assert_int_equal(sqlite3_open_v2(path, &fx.shell[file], SQLITE_OPEN_READWRITE, NULL),
                         SQLITE_OK);
        (void)sqlite3_db_config(fx.shell[file], SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
    }
    return fx.shell[file];
}

int fx_sql(enum gate_file file, const char *sql)
{
    return sqlite3_exec(shell(file), sql, NULL, NULL, NULL);
}

const char *fx_text(enum gate_file file, const char *sql)
{
    static char text[4096];
    sqlite3_stmt *st;
    if (sqlite3_prepare_v2(shell(file), sql, -1, &st, NULL) != SQLITE_OK)
        fail_msg("%s: %s", sql, sqlite3_errmsg(shell(file)));
    text[0] = '\0';
    if (sqlite3_step(st) == SQLITE_ROW && sqlite3_column_text(st, 0))
        (void)snprintf(text, sizeof(text), "%s", (const char *)sqlite3_column_text(st, 0));
    (void)sqlite3_finalize(st);
    return text;
}

int64_t fx_int(enum gate_file file, const char *sql)
{
    return strtoll(fx_text(file, sql), NULL, 10);
}

/* ---- what holds always ---- */

static const struct {
    const char *rule, *sql; /* the rows that break it */
} rules[] = {
    {"processed = success + errors",
     "SELECT job_id FROM jobs WHERE processed_items <> success_items + error_items"},
    {"the counters are those of the items",
     "SELECT job_id FROM jobs j WHERE phase = 'live'"
     " AND (success_items, error_items, cancelled_items) IS NOT"
     " (SELECT count(*) FILTER (WHERE status = 'ok'), count(*) FILTER (WHERE status = 'error'),"
     "         count(*) FILTER (WHERE status = 'cancelled') FROM job_items i WHERE i.job_id = "
     "j.job_id)"},
    {"never all done and not ended",
     "SELECT job_id FROM jobs WHERE completed_at IS NULL AND phase <> 'staging'"
     " AND processed_items + cancelled_items >= total_items"},
    {"a job that ended has nothing left to run",
     "SELECT job_id FROM jobs j WHERE completed_at IS NOT NULL AND phase = 'live' AND EXISTS"
     " (SELECT 1 FROM job_items i WHERE i.job_id = j.job_id AND status IN ('queued', 'leased'))"},
    {"processing means that something was claimed",
     "SELECT job_id FROM jobs WHERE (status = 'processing') > (started_at IS NOT NULL)"},
    {"results are numbered 1, 2, 3",
     "SELECT job_id FROM jobs j WHERE phase = 'live' AND processed_items <>"
     " (SELECT ifnull(max(result_no), 0) FROM job_items i WHERE i.job_id = j.job_id)"},
    {"a leased path belongs to a leased item of an exclusive job",
     "SELECT path FROM leased_paths l WHERE NOT EXISTS (SELECT 1 FROM job_items i JOIN jobs j "
     "USING (job_id)"
     " WHERE i.job_id = l.job_id AND i.seq = l.seq AND i.status = 'leased' AND j.exclusive)"},
    {"a leased item of an exclusive job holds its path",
     "SELECT i.path FROM job_items i JOIN jobs j USING (job_id) WHERE i.status = 'leased' AND "
     "j.exclusive"
     " AND NOT EXISTS (SELECT 1 FROM leased_paths l WHERE (l.path, l.job_id, l.seq) = (i.path, "
     "i.job_id, i.seq))"},
    {"the active job has not ended",
     "SELECT a.job_id FROM active a WHERE a.job_id IS NOT NULL AND NOT EXISTS"
     " (SELECT 1 FROM jobs j WHERE j.job_id = a.job_id AND j.completed_at IS NULL)"},
    {"the last event of a job that ended says so",
     "SELECT e.job_id FROM jobs j JOIN events e ON e.id = j.last_event_id"
     " WHERE j.phase = 'live' AND j.completed_at IS NOT NULL AND (json_extract(e.data, '$.status') "
     "<> j.status"
     " OR json_extract(e.data, '$.version') <> j.version)"},
};

void fx_rules(void)
{
    assert_string_equal(fx_text(GATE_JOBS, "PRAGMA integrity_check"), "ok");
    for (size_t i = 0; i < ARRAY_LEN(rules); i++) {
        const char *broken = fx_text(GATE_JOBS, rules[i].sql);
        if (*broken)
            fail_msg("%s: not so for %s", rules[i].rule, broken);
    }
}
