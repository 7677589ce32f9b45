#include "store_db.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "board.h"
#include "fault.h"
#include "schema.h"

const struct sql_text sql_texts[SQL__COUNT] = {
#define SQL(name, file, text) [SQL_##name] = {#name, file, text},
#include "store_sql.def"
#undef SQL
};

static const char *const file_names[GATE_COUNT] = {"jobs", "preferences", "library"};

/* The log is checkpointed when it has so many pages (4 KiB each), and cut when it is longer than the limit. */
#define WAL_PAGES_CHECKPOINT 1000
#define WAL_PAGES_AGAIN      200 /* more, when a reader kept it from being begun again */
#define WAL_BYTES_LIMIT      (16 << 20)

int db_error(struct db *db, struct err *err, const char *doing)
{
    int rc = sqlite3_extended_errcode(db->conn);
    enum err_code code = ERR_STORE;
    switch (rc & 0xff) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        code = ERR_BUSY;
        break;
    case SQLITE_FULL:
        code = ERR_NO_SPACE;
        break;
    case SQLITE_IOERR:
    case SQLITE_CANTOPEN:
        code = ERR_IO;
        break;
    default:
        break;
    }
    return err_set(err, code, "%s.db: %s: %s", file_names[db->file], doing,
                   sqlite3_errmsg(db->conn));
}

int db_exec(struct db *db, const char *sql, struct err *err)
{
    return sqlite3_exec(db->conn, sql, NULL, NULL, NULL) == SQLITE_OK ? 0
                                                                      : db_error(db, err, "set up");
}

static int note_log_pages(void *ctx, sqlite3 *conn, const char *schema, int pages)
{
    (void)conn;
    (void)schema;
    struct db *db = ctx;
    db->log_pages = pages;
    return SQLITE_OK;
}

/* SQLite says what mode it has in the end, not whether it could do what it was asked. */
static int switch_to_wal(struct db *db, struct err *err)
{
    sqlite3_stmt *st;
    if (sqlite3_prepare_v2(db->conn, "PRAGMA journal_mode = WAL", -1, &st, NULL) != SQLITE_OK)
        return db_error(db, err, "switch to WAL");
    bool on = sqlite3_step(st) == SQLITE_ROW &&
              strcmp((const char *)sqlite3_column_text(st, 0), "wal") == 0;
    if (sqlite3_finalize(st) != SQLITE_OK)
        return db_error(db, err, "switch to WAL");
    if (!on)
        return err_set(
            err, ERR_STORE,
            "%s.db: no write-ahead log on this file system: use a local one for state_dir",
            file_names[db->file]);
    return 0;
}

int db_open(const char *state_dir, enum gate_file file, bool writable, struct db **ret,
            struct err *err)
{
    char path[4200];
    (void)snprintf(path, sizeof(path), "%s/%s.db", state_dir, file_names[file]);
    struct db *db = mem_new(sizeof(*db));
    db->file = file;
    db->writable = writable;
    int flags = SQLITE_OPEN_NOMUTEX |
                (writable ? SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE : SQLITE_OPEN_READWRITE);
    if (sqlite3_open_v2(path, &db->conn, flags, NULL) != SQLITE_OK) {
        (void)err_set(err, ERR_IO, "%s: %s", path, sqlite3_errmsg(db->conn));
        db_close(db);
        return -1;
    }
    (void)sqlite3_extended_result_codes(db->conn, 1);
    /* Readers never wait for writers in WAL mode; the time-out is for an outside program that locks the file. */
    (void)sqlite3_busy_timeout(db->conn, STORE_BUSY_MS);
    const char *setup =
        writable ? "PRAGMA wal_autocheckpoint = 0;"
                   "PRAGMA synchronous = NORMAL; PRAGMA foreign_keys = OFF;"
                   "PRAGMA journal_size_limit = 16777216;"
                 /* query_only, not a read-only open: a reader must be able to make the -shm file */
                 : "PRAGMA wal_autocheckpoint = 0; PRAGMA query_only = ON;";
    if ((writable && switch_to_wal(db, err) < 0) || db_exec(db, setup, err) < 0) {
        db_close(db);
        return -1;
    }
    if (writable) /* after wal_autocheckpoint, which uses the same hook */
        (void)sqlite3_wal_hook(db->conn, note_log_pages, db);
    *ret = db;
    return 0;
}

void db_close(struct db *db)
{
    if (!db)
        return;
    for (size_t i = 0; i < ARRAY_LEN(db->stmts); i++)
        (void)sqlite3_finalize(db->stmts[i]); /* NULL is fine */
    if (db->conn) {
        /* The last connection would checkpoint outside the gate. */
        (void)sqlite3_db_config(db->conn, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
        must(sqlite3_close(db->conn) == SQLITE_OK);
    }
    free(db);
}

static int user_version(struct db *db, int *ret, struct err *err)
{
    sqlite3_stmt *st;
    if (sqlite3_prepare_v2(db->conn, "PRAGMA user_version", -1, &st, NULL) != SQLITE_OK)
        return db_error(db, err, "read its version");
    int rc = sqlite3_step(st);
    *ret = rc == SQLITE_ROW ? sqlite3_column_int(st, 0) : -1;
    (void)sqlite3_finalize(st);
    return rc == SQLITE_ROW ? 0 : db_error(db, err, "read its version");
}

int db_upgrade(struct db *db, struct err *err)
{
    int have;
    if (user_version(db, &have, err) < 0)
        return -1;
    int newest = 0;
    for (const struct schema_step *s = schema_steps; s->db; s++) {
        if (strcmp(s->db, file_names[db->file]) != 0)
            continue;
        newest = s->version;
        if (s->version <= have)
            continue;
        char set[64];
        (void)snprintf(set, sizeof(set), "PRAGMA user_version = %d", s->version);
        if (db_exec(db, s->sql, err) < 0 || db_exec(db, set, err) < 0)
            return err_wrap(err, "schema %d", s->version);
    }
    if (have > newest)
        return err_set(
            err, ERR_STORE,
            "%s.db has version %d, this program knows versions up to %d: it was written by a newer "
            "Longbox; use that one, or another state folder",
            file_names[db->file], have, newest);
    return 0;
}

/* ---- queries ---- */

int query_start(struct query *q, struct db *db, enum sql_id id, struct err *err)
{
    must(sql_texts[id].file == db->file);
    if (!db->stmts[id] &&
        sqlite3_prepare_v3(db->conn, sql_texts[id].text, -1, SQLITE_PREPARE_PERSISTENT,
                           &db->stmts[id], NULL) != SQLITE_OK)
        return db_error(db, err, sql_texts[id].name);
    q->db = db;
    q->stmt = db->stmts[id];
    must(sqlite3_stmt_readonly(q->stmt) || db->in_write);
    return 0;
}

void query_end(struct query *q)
{
    if (!q->stmt)
        return;
    (void)sqlite3_reset(q->stmt); /* the step has told its error already */
    (void)sqlite3_clear_bindings(q->stmt);
    q->stmt = NULL;
}

static int param_index(struct query *q, const char *param)
{
    int i = sqlite3_bind_parameter_index(q->stmt, param);
    must(i > 0);
    return i;
}

void query_text(struct query *q, const char *param, const char *value)
{
    must(sqlite3_bind_text(q->stmt, param_index(q, param), value, -1, SQLITE_STATIC) == SQLITE_OK);
}

void query_int(struct query *q, const char *param, int64_t value)
{
    must(sqlite3_bind_int64(q->stmt, param_index(q, param), value) == SQLITE_OK);
}

void query_real(struct query *q, const char *param, double value)
{
    must(sqlite3_bind_double(q->stmt, param_index(q, param), value) == SQLITE_OK);
}

void query_null(struct query *q, const char *param)
{
    must(sqlite3_bind_null(q->stmt, param_index(q, param)) == SQLITE_OK);
}

int query_step(struct query *q, struct err *err)
{
    int rc = sqlite3_step(q->stmt);
    if (rc == SQLITE_ROW)
        return 1;
    if (rc == SQLITE_DONE)
        return 0;
    for (size_t i = 0; i < ARRAY_LEN(q->db->stmts); i++)
        if (q->db->stmts[i] == q->stmt)
            return db_error(q->db, err, sql_texts[i].name);
    return db_error(q->db, err, "step");
}

int query_run(struct query *q, struct err *err)
{
    int rc = query_step(q, err);
    must(rc != 1);
    return rc;
}

int64_t query_changes(struct query *q, struct err *err)
{
    if (query_run(q, err) < 0)
        return -1;
    return sqlite3_changes64(q->db->conn);
}

int64_t query_col_int(const struct query *q, int col)
{
    return sqlite3_column_int64(q->stmt, col);
}

double query_col_real(const struct query *q, int col)
{
    return sqlite3_column_double(q->stmt, col);
}

const char *query_col_text(const struct query *q, int col)
{
    return (const char *)sqlite3_column_text(q->stmt, col);
}

void query_col_copy(const struct query *q, int col, char *ret, size_t size)
{
    const char *s = query_col_text(q, col);
    (void)snprintf(ret, size, "%s", s ? s : "");
}

/* ---- the writable store ---- */

struct store {
    struct board *board;
    struct db *db[GATE_COUNT];
    int seat[GATE_COUNT];
    bool full_sync[GATE_COUNT];
};

static int upgrade_behind_gate(struct store *s, enum gate_file f, struct err *err)
{
    if (store_begin(s, f, true, err) < 0)
        return -1;
    if (db_upgrade(s->db[f], err) < 0) {
        store_rollback(s, f);
        return -1;
    }
    return store_commit(s, f, err);
}

int store_open(const char *state_dir, struct board *board, struct store **ret, struct err *err)
{
    struct store *s = mem_new(sizeof(*s));
    s->board = board;
    for (int f = 0; f < GATE_COUNT; f++)
        s->seat[f] = -1;
    for (int f = 0; f < GATE_COUNT; f++) {
        if (gate_sit(&board->gates[f], &s->seat[f], err) < 0)
            goto fail;
        /* Switching a new file to WAL needs it alone, so that too is behind the gate. */
        gate_enter(&board->gates[f], s->seat[f], NULL);
        int rc = db_open(state_dir, (enum gate_file)f, true, &s->db[f], err);
        gate_leave(&board->gates[f], s->seat[f]);
        if (rc < 0 || upgrade_behind_gate(s, (enum gate_file)f, err) < 0)
            goto fail;
    }
    *ret = s;
    return 0;
fail:
    store_close(s);
    return -1;
}

void store_close(struct store *s)
{
    if (!s)
        return;
    for (int f = 0; f < GATE_COUNT; f++) {
        if (s->db[f] && s->db[f]->in_write)
            store_rollback(s, (enum gate_file)f);
        db_close(s->db[f]);
        if (s->seat[f] >= 0)
            gate_stand(&s->board->gates[f], s->seat[f]);
    }
    free(s);
}

struct db *store_db(struct store *s, enum gate_file file)
{
    return s->db[file];
}

int store_begin(struct store *s, enum gate_file file, bool durable, struct err *err)
{
    struct db *db = s->db[file];
    must(!db->in_write);
    gate_enter(&s->board->gates[file], s->seat[file], NULL);
    if (durable != s->full_sync[file]) {
        if (db_exec(db, durable ? "PRAGMA synchronous = FULL" : "PRAGMA synchronous = NORMAL",
                    err) < 0) {
            gate_leave(&s->board->gates[file], s->seat[file]);
            return -1;
        }
        s->full_sync[file] = durable;
    }
    if (sqlite3_exec(db->conn, "BEGIN IMMEDIATE", NULL, NULL, NULL) != SQLITE_OK) {
        (void)db_error(db, err, "begin");
        gate_leave(&s->board->gates[file], s->seat[file]);
        return -1;
    }
    db->in_write = true;
    return 0;
}

static int checkpoint(struct db *db, int mode, struct err *err)
{
    int rc = sqlite3_wal_checkpoint_v2(db->conn, NULL, mode, NULL, NULL);
    if (rc == SQLITE_OK || rc == SQLITE_BUSY || rc == SQLITE_LOCKED)
        return 0; /* a reader is still in the log: next time */
    return db_error(db, err, "checkpoint");
}

/*
 * A log that was checkpointed to its end is begun again by the next commit, and then has few pages in use; while a
 * reader is in it, it grows on, and a checkpoint at every commit would only cost two syncs each.
 */
static bool log_is_long(struct db *db)
{
    if (db->log_pages < db->log_pages_checked)
        db->log_pages_checked = 0;
    if (db->log_pages < WAL_PAGES_CHECKPOINT ||
        (db->log_pages_checked > 0 && db->log_pages < db->log_pages_checked + WAL_PAGES_AGAIN))
        return false;
    db->log_pages_checked = db->log_pages;
    return true;
}

int store_commit(struct store *s, enum gate_file file, struct err *err)
{
    struct db *db = s->db[file];
    must(db->in_write);
    fault_hit("commit_before");
    int rc = sqlite3_exec(db->conn, "COMMIT", NULL, NULL, NULL);
    if (rc != SQLITE_OK) {
        (void)db_error(db, err, "commit");
        store_rollback(s, file);
        return -1;
    }
    fault_hit("commit_after");
    db->in_write = false;
    if (log_is_long(db)) {
        struct err why = {0};
        /* RESTART would wait for readers; cutting is tried only when the log is long and is not waited for either. */
        (void)sqlite3_busy_timeout(db->conn, 0);
        (void)checkpoint(db,
                         db->log_pages * 4096LL > WAL_BYTES_LIMIT ? SQLITE_CHECKPOINT_TRUNCATE
                                                                  : SQLITE_CHECKPOINT_PASSIVE,
                         &why); /* the commit stands whatever the checkpoint says */
        (void)sqlite3_busy_timeout(db->conn, STORE_BUSY_MS);
    }
    gate_leave(&s->board->gates[file], s->seat[file]);
    return 0;
}

void store_rollback(struct store *s, enum gate_file file)
{
    struct db *db = s->db[file];
    must(db->in_write);
    /* An I/O error may have rolled back already; then this fails and nothing is left to do. */
    (void)sqlite3_exec(db->conn, "ROLLBACK", NULL, NULL, NULL);
    db->in_write = false;
    gate_leave(&s->board->gates[file], s->seat[file]);
}

int store_part_begin(struct store *s, enum gate_file file, struct err *err)
{
    must(s->db[file]->in_write);
    return db_exec(s->db[file], "SAVEPOINT part", err);
}

int store_part_end(struct store *s, enum gate_file file, bool keep, struct err *err)
{
    return db_exec(s->db[file], keep ? "RELEASE part" : "ROLLBACK TO part; RELEASE part", err);
}

int store_checkpoint(struct store *s, enum gate_file file, struct err *err)
{
    struct db *db = s->db[file];
    must(!db->in_write);
    gate_enter(&s->board->gates[file], s->seat[file], NULL);
    (void)sqlite3_busy_timeout(db->conn, 0);
    int rc = checkpoint(db, SQLITE_CHECKPOINT_TRUNCATE, err);
    (void)sqlite3_busy_timeout(db->conn, STORE_BUSY_MS);
    gate_leave(&s->board->gates[file], s->seat[file]);
    return rc;
}

/* ---- readers ---- */

struct store_reader {
    struct db *db[GATE_COUNT];
};

int store_reader_open(const char *state_dir, struct store_reader **ret, struct err *err)
{
    struct store_reader *r = mem_new(sizeof(*r));
    for (int f = 0; f < GATE_COUNT; f++)
        if (db_open(state_dir, (enum gate_file)f, false, &r->db[f], err) < 0) {
            store_reader_close(r);
            return -1;
        }
    *ret = r;
    return 0;
}

void store_reader_close(struct store_reader *r)
{
    if (!r)
        return;
    for (int f = 0; f < GATE_COUNT; f++)
        db_close(r->db[f]);
    free(r);
}

struct db *store_reader_db(struct store_reader *r, enum gate_file file)
{
    return r->db[file];
}

int64_t store_data_version(struct db *db)
{
    struct err err = {0};
    struct query q LB_CLEANUP(query_end) = {0};
    enum sql_id id = db->file == GATE_JOBS          ? SQL_JOBS_DATA_VERSION
                     : db->file == GATE_PREFERENCES ? SQL_PREFERENCES_DATA_VERSION
                                                    : SQL_LIBRARY_DATA_VERSION;
    if (query_start(&q, db, id, &err) < 0 || query_step(&q, &err) != 1)
        return -1;
    return query_col_int(&q, 0);
}

int64_t store_file_bytes(struct db *db, bool wal)
{
    const char *path = sqlite3_db_filename(db->conn, "main");
    struct stat st;
    if (stat(wal ? sqlite3_filename_wal(path) : path, &st) < 0)
        return 0; /* not there yet */
    return (int64_t)st.st_size;
}

int store_read_begin(struct db *db, struct err *err)
{
    return db_exec(db, "BEGIN", err);
}

void store_read_end(struct db *db)
{
    (void)sqlite3_exec(db->conn, "COMMIT", NULL, NULL, NULL); /* nothing was written */
}
