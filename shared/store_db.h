/*
 * store_db.h - one SQLite connection to one of the three files. Only shared/store_*.c include this.
 *
 * Statements are named in store_sql.def, prepared once for each connection, and bound by parameter name. A query is
 * reset when its scope ends.
 */
#ifndef LB_STORE_DB_H
#define LB_STORE_DB_H

#include <sqlite3.h>
#include <stdbool.h>

#include "base.h"
#include "err.h"
#include "gate.h"
#include "store.h"

enum sql_id {
#define SQL(name, file, text) SQL_##name,
#include "store_sql.def"
#undef SQL
    SQL__COUNT
};

struct sql_text {
    const char *name;
    enum gate_file file;
    const char *text;
};
extern const struct sql_text sql_texts[SQL__COUNT];

struct db {
    sqlite3 *conn;
    enum gate_file file;
    bool writable;
    bool in_write; /* between store_begin and store_commit */
    int log_pages; /* in use in the log after our last commit; the log's file does not shrink with it */
    int log_pages_checked; /* at our last checkpoint */
    struct found_lists *found;     /* of searches in library.db, for store_list.c; NULL at first */
    sqlite3_stmt *stmts[SQL__COUNT];
};

/* Opens (and, when writable, creates and sets up) a file of the state folder. The schema is store_schema_apply's. */
int db_open(const char *state_dir, enum gate_file file, bool writable, struct db **ret,
            struct err *err) LB_MUST_CHECK;
void db_close(struct db *db);
/* Turns the connection's last error into an err. Returns -1. */
int db_error(struct db *db, struct err *err, const char *doing);
/* One or more statements without parameters. */
int db_exec(struct db *db, const char *sql, struct err *err) LB_MUST_CHECK;
void found_lists_free(struct found_lists *l); /* store_list.c */
const char *db_file_name(enum gate_file file); /* "jobs" */
int db_newest_version(enum gate_file file);
/* All steps of the schema, for a file that is new. Inside a transaction. */
int db_schema_apply(sqlite3 *conn, enum gate_file file, struct err *err) LB_MUST_CHECK;
/* Brings the file to the newest schema. Inside BEGIN IMMEDIATE, behind the gate. */
int db_upgrade(struct db *db, struct err *err) LB_MUST_CHECK;

struct query {
    struct db *db;
    sqlite3_stmt *stmt;
};
int query_start(struct query *q, struct db *db, enum sql_id id, struct err *err) LB_MUST_CHECK;
void query_end(struct query *q);
LB_DEFINE_CLEANUP(struct query, query_end)
void query_text(struct query *q, const char *param,
                const char *value); /* NULL binds NULL; not copied */
void query_int(struct query *q, const char *param, int64_t value);
void query_real(struct query *q, const char *param, double value);
void query_null(struct query *q, const char *param);
/* 1: a row is there. 0: done. -1: error. */
int query_step(struct query *q, struct err *err) LB_MUST_CHECK;
/* For statements that give no row. */
int query_run(struct query *q, struct err *err) LB_MUST_CHECK;
/* query_run of an INSERT, then the rowid of its row; -1 on error. */
int64_t query_insert(struct query *q, struct err *err) LB_MUST_CHECK;
/* query_run, then how many rows it changed; -1 on error. */
int64_t query_changes(struct query *q, struct err *err) LB_MUST_CHECK;
int64_t query_col_int(const struct query *q, int col);
double query_col_real(const struct query *q, int col);
const char *query_col_text(const struct query *q,
                           int col); /* NULL for NULL; valid until the next step */
void query_col_copy(const struct query *q, int col, char *ret, size_t size); /* "" for NULL; cut */

#endif
