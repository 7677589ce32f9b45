#include "store_db.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include "board.h"
#include "clock.h"
#include "fault.h"
#include "schema.h"
#include "store_repair.h"

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

static _Atomic bool damaged[GATE_COUNT];

const char *db_file_name(enum gate_file file)
{
    return file_names[file];
}

const char *store_engine_version(void)
{
    return sqlite3_libversion();
}

const char *store_file_name(enum gate_file file)
{
    static const char *const names[GATE_COUNT] = {"jobs.db", "preferences.db", "library.db"};
    return names[file];
}

bool store_is_damaged(enum gate_file file)
{
    return damaged[file];
}

static void note_damage(struct db *db)
{
    if (!damaged[db->file])
        store_repair_mark(sqlite3_db_filename(db->conn, "main"));
    damaged[db->file] = true;
}

/* SQLite has lost the errno of an I/O error by now: what is the disk like? */
static int disk_errno(struct db *db)
{
    struct statvfs fs;
    const char *path = sqlite3_db_filename(db->conn, "main");
    if (!path || statvfs(path, &fs) < 0)
        return EIO;
    if (fs.f_flag & ST_RDONLY)
        return EROFS;
    return fs.f_bavail == 0 && fs.f_blocks > 0 ? ENOSPC : EIO;
}

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
    case SQLITE_READONLY:
        code = ERR_IO;
        break;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        note_damage(db);
        break;
    default:
        break;
    }
    int sys = code == ERR_IO ? disk_errno(db) : 0;
    if (sys == ENOSPC) /* of the -shm file */
        code = ERR_NO_SPACE;
    (void)err_set(err, code, "%s.db: %s: %s", file_names[db->file], doing,
                  sqlite3_errmsg(db->conn));
    err->sys = sys;
    return -1;
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
        return err_set(err, ERR_STORE,
                       "%s: no write-ahead log on this file system: use a local one for state_dir",
                       sqlite3_db_filename(db->conn, "main"));
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
    /* Only a file that has nothing in it yet can learn to give space back. */
    bool is_new = writable && store_file_bytes(db, false) == 0;
    if ((is_new && db_exec(db, "PRAGMA auto_vacuum = INCREMENTAL", err) < 0) ||
        (writable && switch_to_wal(db, err) < 0) || db_exec(db, setup, err) < 0) {
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
    found_lists_free(db->found);
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

int db_newest_version(enum gate_file file)
{
    int newest = 0;
    for (const struct schema_step *s = schema_steps; s->db; s++)
        if (strcmp(s->db, file_names[file]) == 0)
            newest = s->version;
    return newest;
}

int db_schema_apply(sqlite3 *conn, enum gate_file file, struct err *err)
{
    struct db db = {.conn = conn, .file = file};
    return db_upgrade(&db, err);
}

int db_upgrade(struct db *db, struct err *err)
{
    int have;
    if (user_version(db, &have, err) < 0)
        return -1;
    int newest = db_newest_version(db->file);
    for (const struct schema_step *s = schema_steps; s->db; s++) {
        if (strcmp(s->db, file_names[db->file]) != 0 || s->version <= have)
            continue;
        char set[64];
        (void)snprintf(set, sizeof(set), "PRAGMA user_version = %d", s->version);
        if (db_exec(db, s->sql, err) < 0 || db_exec(db, set, err) < 0)
            return err_wrap(err, "schema %d", s->version);
    }
    if (have > newest)
        return err_set(
            err, ERR_STORE,
            "%s has version %d, this program knows versions up to %d: it was written by a newer "
            "Longbox; use that one, or another state folder",
            sqlite3_db_filename(db->conn, "main"), have, newest);
    return 0;
}

/* ---- the writable store ---- */

struct store {
    struct board *board;
    struct db *db[GATE_COUNT];
    int seat[GATE_COUNT];
    bool full_sync[GATE_COUNT];
    struct store_repair repairs[GATE_COUNT];
};

/* Only the first to open a file may move it away: nobody else has it open then. Behind the gate. */
static int check_once(struct store *s, const char *state_dir, enum gate_file f, struct err *err)
{
    if (s->board->file_checked[f])
        return 0;
    if (store_repair(state_dir, f, &s->repairs[f], err) < 0)
        return -1;
    s->board->file_checked[f] = 1;
    return 0;
}

const struct store_repair *store_repaired(const struct store *s, enum gate_file file)
{
    return s->repairs[file].kept_as[0] ? &s->repairs[file] : NULL;
}

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
        int rc = check_once(s, state_dir, (enum gate_file)f, err);
        if (rc == 0)
            rc = db_open(state_dir, (enum gate_file)f, true, &s->db[f], err);
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
    fault_hit("begin_after");
    return 0;
}

static int checkpoint(struct store *s, struct db *db, int mode, struct err *err)
{
    fault_hit("checkpoint_before");
    int rc = sqlite3_wal_checkpoint_v2(db->conn, NULL, mode, NULL, NULL);
    fault_hit("checkpoint_after");
    if (rc == SQLITE_OK)
        s->board->gates[db->file].checkpoint_boot_ms = clock_boot_ms();
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
        (void)checkpoint(s, db,
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
    int rc = checkpoint(s, db, SQLITE_CHECKPOINT_TRUNCATE, err);
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
