/* Statements of store_sql.def, bound by name. */
#include <stdio.h>

#include "store_db.h"

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

int64_t query_insert(struct query *q, struct err *err)
{
    if (query_run(q, err) < 0)
        return -1;
    return sqlite3_last_insert_rowid(q->db->conn);
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
