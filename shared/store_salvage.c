/*
 * What can still be read of a damaged jobs.db, in a new one.
 *
 * SQLite's own recovery is not part of its library, so rows are read by key, and what cannot be read is stepped over.
 * A row that breaks a rule of the schema is left out; counters are made from the items that are there; what was
 * running is queued again. A job that lost items says so.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "store_db.h"
#include "store_repair.h"
#include "strbuf.h"

/* After so many rows that cannot be read in a row, steps do not get longer. */
#define STEP_MAX 16
/* The ids of new events begin so much above what is known: an older id never means a newer event. */
#define EVENT_ID_GAP 1000000
/* When not even the highest is known. */
#define ROWID_MAX 1000000

struct salvage {
    sqlite3 *from, *to;
    const char *to_path;
    int64_t jobs, items;
};

static int to_failed(struct salvage *s, const char *doing, struct err *err)
{
    int rc = sqlite3_errcode(s->to);
    return err_set(err, (rc & 0xff) == SQLITE_FULL ? ERR_NO_SPACE : ERR_IO, "%s: %s: %s",
                   s->to_path, doing, sqlite3_errmsg(s->to));
}

static int run(struct salvage *s, const char *sql, struct err *err)
{
    return sqlite3_exec(s->to, sql, NULL, NULL, NULL) == SQLITE_OK ? 0 : to_failed(s, "write", err);
}

static bool has_column(sqlite3 *conn, const char *table, const char *column)
{
    return sqlite3_table_column_metadata(conn, "main", table, column, NULL, NULL, NULL, NULL,
                                         NULL) == SQLITE_OK;
}

/* What is read instead of a column: a lease ends with its owner. */
static const char *expression(const char *table, const char *column)
{
    if (strcmp(table, "job_items") == 0 && strcmp(column, "status") == 0)
        return "CASE status WHEN 'leased' THEN 'queued' ELSE status END";
    if (strcmp(table, "job_items") == 0 && strcmp(column, "lease_owner") == 0)
        return "NULL";
    return column;
}

struct copy {
    struct salvage *s;
    sqlite3_stmt *select; /* the key, then the columns; ?1 is the key before */
    sqlite3_stmt *insert;
    int n; /* columns */
};

static void copy_clear(struct copy *c)
{
    (void)sqlite3_finalize(c->select); /* NULL is fine */
    (void)sqlite3_finalize(c->insert);
}
LB_DEFINE_CLEANUP(struct copy, copy_clear)

/* Copies the columns that both files have: an older file has fewer. 1: ready. 0: the table cannot be read at all. */
static int copy_init(struct copy *c, struct salvage *s, const char *table, const char *target,
                     const char *key, const char *where)
{
    struct strbuf from LB_CLEANUP(strbuf_clear) = {0};
    struct strbuf to LB_CLEANUP(strbuf_clear) = {0};
    char list[80];
    sqlite3_stmt *st;
    *c = (struct copy){.s = s};
    strbuf_addf(&from, "SELECT %s", key);
    strbuf_addf(&to, "INSERT INTO %s (", target);
    (void)snprintf(list, sizeof(list), "SELECT name FROM pragma_table_info('%s')", table);
    must(sqlite3_prepare_v2(s->to, list, -1, &st, NULL) == SQLITE_OK);
    while (sqlite3_step(st) == SQLITE_ROW) {
        const char *name = (const char *)sqlite3_column_text(st, 0);
        if (!has_column(s->from, table, name))
            continue;
        strbuf_addf(&from, ", %s", expression(table, name));
        strbuf_addf(&to, "%s%s", c->n++ ? ", " : "", name);
    }
    (void)sqlite3_finalize(st);
    strbuf_addf(&from, " FROM %s NOT INDEXED %s", table, where);
    strbuf_adds(&to, ") VALUES (");
    for (int i = 0; i < c->n; i++)
        strbuf_adds(&to, i ? ", ?" : "?");
    strbuf_adds(&to, ")");
    if (c->n == 0 || sqlite3_prepare_v2(s->from, from.data, -1, &c->select, NULL) != SQLITE_OK)
        return 0;
    must(sqlite3_prepare_v2(s->to, to.data, -1, &c->insert, NULL) == SQLITE_OK);
    return 1;
}

/* 1: copied. 0: the row breaks a rule. -1: the new file cannot be written. */
static int copy_row(struct copy *c, struct err *err)
{
    for (int i = 0; i < c->n; i++)
        (void)sqlite3_bind_value(c->insert, i + 1, sqlite3_column_value(c->select, i + 1));
    int rc = sqlite3_step(c->insert);
    (void)sqlite3_reset(c->insert);
    if (rc == SQLITE_DONE)
        return 1;
    return (rc & 0xff) == SQLITE_CONSTRAINT ? 0 : to_failed(c->s, "copy a row", err);
}

/*
 * Copies the rows with keys 1 to `last`, in order. Where one cannot be read, tries a little further on. Returns how
 * many.
 */
static int64_t copy_rows(struct copy *c, int64_t last, struct err *err)
{
    int64_t key = 0, step = 1, copied = 0;
    while (key < last) {
        (void)sqlite3_bind_int64(c->select, 1, key);
        int rc, one = 0;
        while (one >= 0 && (rc = sqlite3_step(c->select)) == SQLITE_ROW) {
            int64_t at = sqlite3_column_int64(c->select, 0);
            if (at <= key || at > last) /* a damaged page can say anything */
                continue;
            key = at;
            step = 1;
            one = copy_row(c, err);
            copied += one;
        }
        (void)sqlite3_reset(c->select); /* its error is why we are here */
        if (one < 0)
            return -1;
        if (rc == SQLITE_DONE)
            break;
        key += step;
        step = step < STEP_MAX ? step * 2 : step;
    }
    return copied;
}

/* One number of a file, or `def` when it cannot be read. */
static int64_t number(sqlite3 *conn, const char *sql, int64_t def)
{
    sqlite3_stmt *st;
    if (sqlite3_prepare_v2(conn, sql, -1, &st, NULL) != SQLITE_OK)
        return def;
    int64_t ret = sqlite3_step(st) == SQLITE_ROW ? sqlite3_column_int64(st, 0) : def;
    (void)sqlite3_finalize(st);
    return ret;
}

/* All jobs, into a table without rules. */
static int copy_jobs(struct salvage *s, struct err *err)
{
    struct copy c LB_CLEANUP(copy_clear) = {0};
    if (run(s, "CREATE TEMP TABLE found AS SELECT * FROM main.jobs", err) < 0)
        return -1;
    if (!copy_init(&c, s, "jobs", "found", "rowid", "WHERE rowid > ?1 ORDER BY rowid"))
        return 0;
    int64_t last = number(s->from, "SELECT max(rowid) FROM jobs", ROWID_MAX);
    if (copy_rows(&c, last, err) < 0)
        return -1;
    return run(s,
               "DELETE FROM found WHERE phase IS NOT 'live' OR typeof(job_id) <> 'text'"
               " OR rowid NOT IN (SELECT min(rowid) FROM found GROUP BY job_id)",
               err);
}

static int copy_items(struct salvage *s, struct err *err)
{
    struct copy c LB_CLEANUP(copy_clear) = {0};
    sqlite3_stmt *jobs;
    if (!copy_init(&c, s, "job_items", "main.job_items", "seq",
                   "WHERE seq > ?1 AND job_id = ?2 ORDER BY seq"))
        return 0;
    must(sqlite3_prepare_v2(s->to, "SELECT job_id, total_items FROM found", -1, &jobs, NULL) ==
         SQLITE_OK);
    int64_t rc = 0;
    while (rc >= 0 && sqlite3_step(jobs) == SQLITE_ROW) {
        (void)sqlite3_bind_value(c.select, 2, sqlite3_column_value(jobs, 0));
        rc = copy_rows(&c, sqlite3_column_int64(jobs, 1), err);
    }
    (void)sqlite3_finalize(jobs);
    return rc < 0 ? -1 : 0;
}

/* The records of files that are to be made whole. A wrong one does no harm: the files are looked at first. */
static int copy_tails(struct salvage *s, struct err *err)
{
    struct copy c LB_CLEANUP(copy_clear) = {0};
    if (!copy_init(&c, s, "tail_writes", "main.tail_writes", "rowid",
                   "WHERE rowid > ?1 ORDER BY rowid"))
        return 0;
    int64_t last = number(s->from, "SELECT max(rowid) FROM tail_writes", ROWID_MAX);
    return copy_rows(&c, last, err) < 0 ? -1 : 0;
}

/*
 * Makes the jobs say what their items say. Results are numbered again, without the lost ones, because the next one gets
 * the number of processed items plus one. A job without any item cannot go on; one that had ended stays as it was. A
 * job that had ended and still has items to do goes on: its end was newer
 * than the items that could be read.
 */
static const char settle[] =
    "CREATE TEMP TABLE numbers AS SELECT job_id, seq,"
    "       row_number() OVER (PARTITION BY job_id ORDER BY result_no) AS n"
    "  FROM main.job_items WHERE result_no IS NOT NULL;"
    "UPDATE main.job_items SET result_no = -n FROM numbers"
    " WHERE numbers.job_id = job_items.job_id AND numbers.seq = job_items.seq;"
    "UPDATE main.job_items SET result_no = -result_no WHERE result_no < 0;"
    "CREATE TEMP TABLE counts AS SELECT job_id, count(*) AS total, sum(status = 'ok') AS ok,"
    "       sum(status = 'error') AS errors, sum(status = 'cancelled') AS cancelled,"
    "       sum(status = 'queued') AS open FROM main.job_items GROUP BY job_id;"
    "UPDATE found SET status = 'failed', completed_at = :now, version = version + 1,"
    "       error = 'all its items were lost when jobs.db was damaged'"
    " WHERE completed_at IS NULL AND job_id NOT IN (SELECT job_id FROM counts);"
    "UPDATE found SET error = (found.total_items - counts.total) || ' of ' || found.total_items ||"
    "       ' items were lost when jobs.db was damaged'"
    "  FROM counts WHERE counts.job_id = found.job_id AND counts.total <> found.total_items;"
    "UPDATE found SET total_items = total, success_items = ok, error_items = errors,"
    "       processed_items = ok + errors, cancelled_items = counts.cancelled,"
    "       version = version + 1,"
    "       completed_at = CASE WHEN open > 0 THEN NULL ELSE coalesce(completed_at, :now) END,"
    "       status = CASE WHEN open > 0 AND status <> 'queued' THEN 'processing'"
    "                     WHEN open > 0 THEN 'queued'"
    "                     WHEN status IN ('completed', 'cancelled', 'failed') THEN status"
    "                     WHEN cancelling THEN 'cancelled' ELSE 'completed' END"
    "  FROM counts WHERE counts.job_id = found.job_id;";

static const char after[] =
    "DELETE FROM main.job_items WHERE job_id NOT IN (SELECT job_id FROM main.jobs);"
    "UPDATE active SET job_id = j.job_id, job_title = j.title, updated_at = j.created_at"
    "  FROM (SELECT job_id, title, created_at FROM main.jobs WHERE completed_at IS NULL"
    "         ORDER BY created_at DESC LIMIT 1) AS j;"
    "DROP TABLE found; DROP TABLE numbers; DROP TABLE counts;";

/* The statements one by one; :now, where there is one, is bound. */
static int run_settle(struct salvage *s, double now, struct err *err)
{
    for (const char *sql = settle; *sql;) {
        sqlite3_stmt *st;
        must(sqlite3_prepare_v2(s->to, sql, -1, &st, &sql) == SQLITE_OK);
        int i = sqlite3_bind_parameter_index(st, ":now");
        if (i > 0)
            (void)sqlite3_bind_double(st, i, now);
        int rc = sqlite3_step(st);
        (void)sqlite3_finalize(st);
        if (rc != SQLITE_DONE)
            return to_failed(s, "count", err);
    }
    return 0;
}

/* From the table without rules into the one with them, row by row: one that breaks a rule is left out. */
static int place_jobs(struct salvage *s, struct err *err)
{
    struct copy c LB_CLEANUP(copy_clear) = {0};
    struct salvage own = {.from = s->to, .to = s->to, .to_path = s->to_path};
    must(copy_init(&c, &own, "jobs", "main.jobs", "rowid", "") == 0 || c.select);
    (void)sqlite3_finalize(c.select);
    c.select = NULL;
    must(sqlite3_prepare_v2(s->to, "SELECT rowid, * FROM found WHERE rowid > ?1 ORDER BY rowid", -1,
                            &c.select, NULL) == SQLITE_OK);
    return copy_rows(&c, INT64_MAX, err) < 0 ? -1 : 0;
}

/* Ids of events never come again: the known ones, and room for those that are not known. */
static int place_event_id(struct salvage *s, struct err *err)
{
    char sql[160];
    int64_t a = number(s->from, "SELECT seq FROM sqlite_sequence WHERE name = 'events'", 0);
    int64_t b = number(s->to, "SELECT max(last_event_id) FROM main.jobs", 0);
    (void)snprintf(sql, sizeof(sql),
                   "INSERT INTO sqlite_sequence (name, seq) VALUES ('events', %lld)",
                   (long long)((a > b ? a : b) + EVENT_ID_GAP));
    return run(s, sql, err);
}

static int salvage(struct salvage *s, double now, struct err *err)
{
    if (run(s,
            "PRAGMA temp_store = MEMORY; PRAGMA synchronous = FULL; PRAGMA auto_vacuum = "
            "INCREMENTAL;"
            "BEGIN IMMEDIATE",
            err) < 0 ||
        db_schema_apply(s->to, GATE_JOBS, err) < 0 || copy_jobs(s, err) < 0 ||
        copy_items(s, err) < 0 || copy_tails(s, err) < 0 || run_settle(s, now, err) < 0 ||
        place_jobs(s, err) < 0 || place_event_id(s, err) < 0 || run(s, after, err) < 0)
        return -1;
    s->jobs = number(s->to, "SELECT count(*) FROM main.jobs", 0);
    s->items = number(s->to, "SELECT count(*) FROM main.job_items", 0);
    return run(s, "COMMIT", err);
}

int store_salvage(const char *from, const char *to, double now, int64_t *ret_jobs,
                  int64_t *ret_items, struct err *err)
{
    struct salvage s = {.to_path = to};
    int rc = -1;
    /* A file that is shorter than its header says is refused, unless the schema may be written. */
    if (sqlite3_open_v2(from, &s.from, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL) ==
        SQLITE_OK)
        (void)sqlite3_exec(s.from, "PRAGMA writable_schema = ON; PRAGMA query_only = ON", NULL,
                           NULL, NULL);
    (void)sqlite3_db_config(s.from, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
    if (sqlite3_open_v2(to, &s.to, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX,
                        NULL) == SQLITE_OK)
        rc = salvage(&s, now, err);
    else
        (void)to_failed(&s, "make it", err);
    *ret_jobs = s.jobs;
    *ret_items = s.items;
    must(sqlite3_close(s.from) == SQLITE_OK && sqlite3_close(s.to) == SQLITE_OK);
    return rc;
}
