#include "store_repair.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "clock.h"
#include "fault.h"
#include "store_db.h"

/* A file up to this size is read at every start: milliseconds. */
#define SMALL_BYTES (8 << 20)
/* A start does not wait longer for the reading of a large one; what was read until then was good. */
#define CHECK_MAX_MS 10000
#define PATH_SIZE    4300

static void path_of(char ret[PATH_SIZE], const char *db_path, const char *end)
{
    (void)snprintf(ret, PATH_SIZE, "%s%s", db_path, end);
}

static int64_t size_of(const char *db_path, const char *end)
{
    char path[PATH_SIZE];
    struct stat st;
    path_of(path, db_path, end);
    return stat(path, &st) < 0 ? -1 : (int64_t)st.st_size;
}

void store_repair_mark(const char *db_path)
{
    char path[PATH_SIZE];
    path_of(path, db_path, ".suspect");
    fd_close(open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
}

/* Says what a person can do about it: SQLite's own words are "unable to open database file". */
static int check_access(const char *db_path, struct err *err)
{
    int fd LB_CLEANUP(fd_close) = open(db_path, O_RDWR | O_CLOEXEC);
    if (fd >= 0 || errno == ENOENT)
        return 0;
    if (errno == EROFS)
        return err_sys(err, ERR_IO,
                       "%s cannot be written: mount its disk writable, or choose another state_dir",
                       db_path);
    if (errno == EACCES || errno == EPERM)
        return err_sys(err, ERR_IO,
                       "%s must be readable and writable for user id %d: change its owner or mode",
                       db_path, (int)geteuid());
    return err_sys(err, ERR_IO, "%s cannot be opened", db_path);
}

static bool is_damage(int rc)
{
    return (rc & 0xff) == SQLITE_CORRUPT || (rc & 0xff) == SQLITE_NOTADB;
}

static int takes_too_long(void *end_ms)
{
    return clock_mono_ms() > *(int64_t *)end_ms;
}

/* The first row of a PRAGMA as text. Returns SQLite's code. */
static int first_row(sqlite3 *conn, const char *sql, char *ret, size_t size)
{
    sqlite3_stmt *st;
    int rc = sqlite3_prepare_v2(conn, sql, -1, &st, NULL);
    if (rc != SQLITE_OK)
        return rc;
    rc = sqlite3_step(st);
    const char *text = rc == SQLITE_ROW ? (const char *)sqlite3_column_text(st, 0) : NULL;
    (void)snprintf(ret, size, "%s", text ? text : "");
    (void)sqlite3_finalize(st);
    return rc == SQLITE_ROW || rc == SQLITE_DONE ? SQLITE_OK : rc;
}

/* Reads all of it. 1: damaged, `why` says how. 0: good, as far as the time went. -1: it could not be read. */
static int read_through(sqlite3 *conn, const char *check, char *why, size_t size)
{
    int64_t end_ms = clock_mono_ms() + CHECK_MAX_MS;
    sqlite3_progress_handler(conn, 100000, takes_too_long, &end_ms);
    int rc = first_row(conn, check, why, size);
    sqlite3_progress_handler(conn, 0, NULL, NULL);
    if (rc == SQLITE_OK)
        return strcmp(why, "ok") != 0;
    if (rc == SQLITE_INTERRUPT)
        return 0;
    (void)snprintf(why, size, "%s", sqlite3_errmsg(conn));
    return is_damage(rc) ? 1 : -1;
}

/* 1: damaged, `why` says how. 0: good. -1: it cannot be used, and not because of damage. */
static int look_inside(const char *db_path, enum gate_file file, const char *check, char *why,
                       size_t size, struct err *err)
{
    sqlite3 *conn = NULL;
    char version[32] = "0";
    int rc = sqlite3_open_v2(db_path, &conn, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);
    (void)sqlite3_busy_timeout(conn, STORE_BUSY_MS);
    (void)sqlite3_db_config(conn, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
    if (rc == SQLITE_OK)
        rc = first_row(conn, "PRAGMA user_version", version, sizeof(version));
    int ret = 0;
    if (rc != SQLITE_OK) {
        (void)snprintf(why, size, "%s", sqlite3_errmsg(conn));
        ret = is_damage(rc) ? 1 : -1;
    } else if (strtol(version, NULL, 10) > db_newest_version(file)) {
        ret = err_set(err, ERR_STORE,
                      "%s has version %s, this program knows versions up to %d: it was written by "
                      "a newer Longbox; use that one, or another state folder",
                      db_path, version, db_newest_version(file));
    } else if (check) {
        ret = read_through(conn, check, why, size);
    }
    if (ret < 0 && !err->msg[0])
        (void)err_set(err, ERR_IO, "%s: %s", db_path, why);
    must(sqlite3_close(conn) == SQLITE_OK);
    return ret;
}

/* Moves one of the files of a database; one that is not there is fine. */
static int move(const char *db_path, const char *end, const char *to_path, struct err *err)
{
    char from[PATH_SIZE], to[PATH_SIZE];
    path_of(from, db_path, end);
    path_of(to, to_path, end);
    if (rename(from, to) < 0 && errno != ENOENT)
        return err_sys(err, ERR_IO, "set %s aside as %s", from, to);
    return 0;
}

static int sync_folder(const char *state_dir, struct err *err)
{
    int fd LB_CLEANUP(fd_close) = open(state_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 || fsync(fd) < 0)
        return err_sys(err, ERR_IO, "sync the folder %s", state_dir);
    return 0;
}

/* The log goes first: a log beside a database that it is not of would be played into it. */
static int set_aside(const char *state_dir, const char *db_path, struct store_repair *ret,
                     struct err *err)
{
    int64_t stamp = (int64_t)clock_wall_s();
    do
        (void)snprintf(ret->kept_as, sizeof(ret->kept_as), "%s.damaged-%lld", db_path,
                       (long long)stamp++);
    while (access(ret->kept_as, F_OK) == 0);
    if (move(db_path, "-wal", ret->kept_as, err) < 0)
        return -1;
    fault_hit("repair_log_moved");
    if (move(db_path, "-shm", ret->kept_as, err) < 0 || move(db_path, "", ret->kept_as, err) < 0)
        return -1;
    fault_hit("repair_moved");
    return sync_folder(state_dir, err);
}

/*
 * What is saved has its name only when it is whole; so a start that finds one goes on where the last one died, when the
 * database may be without its log already, or gone.
 */
static int put_saved_in_place(const char *state_dir, const char *db_path, struct store_repair *ret,
                              struct err *err)
{
    char saved[PATH_SIZE];
    path_of(saved, db_path, ".saved");
    if (set_aside(state_dir, db_path, ret, err) < 0)
        return -1;
    if (rename(saved, db_path) < 0)
        return err_sys(err, ERR_IO, "rename %s to %s", saved, db_path);
    return sync_folder(state_dir, err);
}

static int repair_jobs(const char *state_dir, const char *db_path, struct store_repair *ret,
                       struct err *err)
{
    char part[PATH_SIZE], saved[PATH_SIZE];
    path_of(part, db_path, ".saving");
    path_of(saved, db_path, ".saved");
    (void)unlink(part); /* of a start that died; none is fine */
    if (store_salvage(db_path, part, clock_wall_s(), &ret->jobs, &ret->items, err) < 0) {
        (void)unlink(part);
        return err_wrap(err, "save what is in %s", db_path);
    }
    fault_hit("repair_saved");
    if (rename(part, saved) < 0 || sync_folder(state_dir, err) < 0)
        return err_sys(err, ERR_IO, "rename %s to %s", part, saved);
    return put_saved_in_place(state_dir, db_path, ret, err);
}

int store_repair(const char *state_dir, enum gate_file file, struct store_repair *ret,
                 struct err *err)
{
    char db_path[PATH_SIZE], mark[PATH_SIZE], saved[PATH_SIZE];
    *ret = (struct store_repair){0};
    (void)snprintf(db_path, sizeof(db_path), "%s/%s.db", state_dir, db_file_name(file));
    path_of(saved, db_path, ".saved");
    path_of(mark, db_path, ".suspect");
    if (file == GATE_JOBS && access(saved, F_OK) == 0) {
        (void)snprintf(ret->why, sizeof(ret->why), "an earlier start did not end its repair");
        ret->resumed = true;
        return put_saved_in_place(state_dir, db_path, ret, err);
    }
    int64_t bytes = size_of(db_path, "");
    if (check_access(db_path, err) < 0)
        return -1;
    if (bytes <= 0) /* it will be made */
        return 0;
    bool suspect = access(mark, F_OK) == 0;
    const char *check = suspect ? "PRAGMA integrity_check(1)"
                        : size_of(db_path, "-wal") > 0 || bytes <= SMALL_BYTES
                            ? "PRAGMA quick_check(1)"
                            : NULL;
    int rc = look_inside(db_path, file, check, ret->why, sizeof(ret->why), err);
    if (rc < 0)
        return -1;
    if (rc == 1 && (file == GATE_JOBS ? repair_jobs(state_dir, db_path, ret, err)
                                      : set_aside(state_dir, db_path, ret, err)) < 0)
        return -1;
    if (suspect)
        (void)unlink(mark); /* one that stays costs a look */
    return 0;
}
