#include "store_library.h"

#include <locale.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <wctype.h>

#include "path.h"
#include "store_db.h"
#include "store_library_row.h"
#include "store_undo.h"
#include "strbuf.h"
#include "utf8.h"

struct library_stat library_stat_from(const struct stat *st)
{
    return (struct library_stat){
        .size = (int64_t)st->st_size,
        .mtime = (double)st->st_mtim.tv_sec + (double)st->st_mtim.tv_nsec / 1e9,
        .inode = (int64_t)st->st_ino,
    };
}

bool library_stat_same(const struct library_stat *a, const struct library_stat *b)
{
    return a->size == b->size && a->mtime == b->mtime && a->inode == b->inode;
}

/* ---- any case ---- */

static locale_t fold_locale; /* (locale_t)0: only ASCII is folded */
static pthread_once_t fold_once = PTHREAD_ONCE_INIT;

static void fold_setup(void)
{
    fold_locale = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
}

static unsigned fold_char(unsigned cp)
{
    if (cp < 0x80)
        return cp >= 'A' && cp <= 'Z' ? cp - 'A' + 'a' : cp;
    return fold_locale ? (unsigned)towlower_l((wint_t)cp, fold_locale) : cp;
}

void library_fold(const char *text, struct strbuf *out)
{
    must(pthread_once(&fold_once, fold_setup) == 0);
    strbuf_reset(out);
    size_t left = strlen(text);
    const unsigned char *p = (const unsigned char *)text;
    while (left > 0) {
        size_t n;
        unsigned cp = utf8_decode(p, left, &n);
        utf8_append(out, fold_char(cp));
        p += n;
        left -= n;
    }
}

/* ---- reads ---- */

int store_library_totals(struct db *db, struct library_totals *ret, struct err *err)
{
    struct query q LB_CLEANUP(query_end) = {0};
    if (query_start(&q, db, SQL_LIBRARY_TOTALS, err) < 0)
        return -1;
    int rc = query_step(&q, err);
    if (rc < 0)
        return -1;
    if (rc == 0)
        return err_set(err, ERR_STORE, "library.db has lost its totals");
    *ret = (struct library_totals){
        .files = query_col_int(&q, 0),
        .processed = query_col_int(&q, 1),
        .duplicates = query_col_int(&q, 2),
        .history = query_col_int(&q, 3),
        .problems = query_col_int(&q, 4),
        .scanned = query_col_int(&q, 5) != 0,
    };
    return 0;
}

struct library_file library_file_of(const struct query *q)
{
    return (struct library_file){
        .file_id = query_col_int(q, 0),
        .path = query_col_text(q, 1),
        .stat = {.size = query_col_int(q, 2),
                 .mtime = query_col_real(q, 3),
                 .inode = query_col_int(q, 4)},
        .processed = query_col_int(q, 5) != 0,
        .duplicate = query_col_int(q, 6) != 0,
        .gone = query_col_int(q, 7) != 0,
        .problems = query_col_text(q, 8),
        .arrived = query_col_int(q, 9) != 0,
    };
}

int library_each(struct query *q, library_file_fn *fn, void *ctx, struct err *err)
{
    int rc;
    while ((rc = query_step(q, err)) == 1) {
        struct library_file f = library_file_of(q);
        if (fn(ctx, &f, err) < 0)
            return -1;
    }
    return rc;
}

static int get(struct db *db, enum sql_id id, const char *path, struct library_file *ret,
               struct err *err)
{
    struct query q LB_CLEANUP(query_end) = {0};
    if (query_start(&q, db, id, err) < 0)
        return -1;
    query_text(&q, ":path", path);
    int rc = query_step(&q, err);
    if (rc == 1) {
        *ret = library_file_of(&q);
        ret->path = path;
        ret->problems = NULL; /* would end with the query */
    }
    return rc;
}

int store_library_get(struct db *db, const char *path, struct library_file *ret, struct err *err)
{
    return get(db, SQL_LIBRARY_GET, path, ret, err);
}

int store_library_get_any(struct db *db, const char *path, struct library_file *ret,
                          struct err *err)
{
    return get(db, SQL_LIBRARY_GET_ANY, path, ret, err);
}

int store_library_show(struct db *db, const char *path, library_file_fn *fn, void *ctx,
                       struct err *err)
{
    struct query q LB_CLEANUP(query_end) = {0};
    if (query_start(&q, db, SQL_LIBRARY_GET, err) < 0)
        return -1;
    query_text(&q, ":path", path);
    return library_each(&q, fn, ctx, err);
}

int store_library_path_of(struct db *db, int64_t file_id, char **ret, struct err *err)
{
    struct query q LB_CLEANUP(query_end) = {0};
    if (query_start(&q, db, SQL_LIBRARY_PATH_OF, err) < 0)
        return -1;
    query_int(&q, ":file_id", file_id);
    int rc = query_step(&q, err);
    if (rc == 1)
        *ret = mem_strdup(query_col_text(&q, 0));
    return rc;
}

int store_library_each_known(struct db *db, library_file_fn *fn, void *ctx, struct err *err)
{
    struct query q LB_CLEANUP(query_end) = {0};
    if (query_start(&q, db, SQL_LIBRARY_KNOWN, err) < 0)
        return -1;
    return library_each(&q, fn, ctx, err);
}

/* ---- writes ---- */

/* `folded` is only memory that is used again and again. */
static int upsert(struct db *db, const char *path, const struct library_stat *stat, bool arrived,
                  double now, struct strbuf *folded, struct err *err)
{
    struct query q LB_CLEANUP(query_end) = {0};
    if (query_start(&q, db, SQL_LIBRARY_UPSERT, err) < 0)
        return -1;
    library_fold(path, folded);
    query_text(&q, ":path", path);
    query_text(&q, ":folded", strbuf_str(folded));
    query_int(&q, ":size", stat->size);
    query_real(&q, ":mtime", stat->mtime);
    query_int(&q, ":inode", stat->inode);
    query_real(&q, ":now", now);
    query_int(&q, ":arrived", arrived);
    return query_run(&q, err);
}

int store_library_upsert(struct db *db, const struct library_found *files, size_t n, double now,
                         struct err *err)
{
    struct strbuf folded LB_CLEANUP(strbuf_clear) = {0};
    for (size_t i = 0; i < n; i++)
        if (upsert(db, files[i].path, &files[i].stat, files[i].arrived, now, &folded, err) < 0)
            return -1;
    return 0;
}

int store_library_gone(struct db *db, const char *const *paths, size_t n, double now,
                       struct err *err)
{
    for (size_t i = 0; i < n; i++) {
        struct query q LB_CLEANUP(query_end) = {0};
        if (query_start(&q, db, SQL_LIBRARY_GONE, err) < 0)
            return -1;
        query_text(&q, ":path", paths[i]);
        query_real(&q, ":now", now);
        if (query_run(&q, err) < 0)
            return -1;
    }
    return 0;
}

static void bind_mark(struct query *q, const char *param, enum library_mark mark)
{
    if (mark == LIBRARY_MARK_KEEP)
        query_null(q, param);
    else
        query_int(q, param, mark == LIBRARY_MARK_SET);
}

int store_library_mark(struct db *db, const char *path, enum library_mark processed,
                       enum library_mark duplicate, struct err *err)
{
    struct query q LB_CLEANUP(query_end) = {0};
    if (query_start(&q, db, SQL_LIBRARY_MARK, err) < 0)
        return -1;
    query_text(&q, ":path", path);
    bind_mark(&q, ":processed", processed);
    bind_mark(&q, ":duplicate", duplicate);
    return (int)query_changes(&q, err);
}

int store_library_remove(struct db *db, const char *path, struct err *err)
{
    struct query q LB_CLEANUP(query_end) = {0};
    if (query_start(&q, db, SQL_LIBRARY_REMOVE, err) < 0)
        return -1;
    query_text(&q, ":path", path);
    return (int)query_changes(&q, err);
}

static int find_id(struct db *db, const char *path, int64_t *ret, struct err *err)
{
    struct query q LB_CLEANUP(query_end) = {0};
    if (query_start(&q, db, SQL_LIBRARY_ID, err) < 0)
        return -1;
    query_text(&q, ":path", path);
    int rc = query_step(&q, err);
    if (rc == 1)
        *ret = query_col_int(&q, 0);
    return rc;
}

int store_library_rename(struct db *db, const char *from, const char *to, struct err *err)
{
    int64_t id = 0;
    int rc = find_id(db, from, &id, err);
    if (rc <= 0 || strcmp(from, to) == 0)
        return rc;
    /* Rows for `to` are of a book that was there once, or what a scan saw since the rename: this
     * book, without marks. */
    if (store_library_remove(db, to, err) < 0)
        return -1;
    struct strbuf folded LB_CLEANUP(strbuf_clear) = {0};
    library_fold(to, &folded);
    struct query q LB_CLEANUP(query_end) = {0};
    if (query_start(&q, db, SQL_LIBRARY_RENAME, err) < 0)
        return -1;
    query_int(&q, ":file_id", id);
    query_text(&q, ":path", to);
    query_text(&q, ":folded", strbuf_str(&folded));
    return query_run(&q, err) < 0 ? -1 : 1;
}

/* ---- finished items and the history ---- */

/* 1 = added, 0 = it is there: an item that runs again after a crash is recorded once. */
static int add_history(struct db *db, const struct library_change *c, const char *final,
                       struct err *err)
{
    struct query q LB_CLEANUP(query_end) = {0};
    if (query_start(&q, db, SQL_HISTORY_ADD, err) < 0)
        return -1;
    query_text(&q, ":job_id", c->job_id);
    query_int(&q, ":seq", c->seq);
    query_text(&q, ":path", final);
    query_real(&q, ":at", c->at);
    query_text(&q, ":operation", c->operation);
    query_text(&q, ":before_name", path_base(c->path));
    query_text(&q, ":after_name", c->removed ? NULL : path_base(final));
    query_text(&q, ":before_title", c->before.title);
    query_text(&q, ":after_title", c->after.title);
    query_text(&q, ":before_series", c->before.series);
    query_text(&q, ":after_series", c->after.series);
    query_text(&q, ":before_issue", c->before.issue);
    query_text(&q, ":after_issue", c->after.issue);
    query_text(&q, ":before_publisher", c->before.publisher);
    query_text(&q, ":after_publisher", c->after.publisher);
    query_text(&q, ":before_year", c->before.year);
    query_text(&q, ":after_year", c->after.year);
    query_text(&q, ":before_volume", c->before.volume);
    query_text(&q, ":after_volume", c->after.volume);
    return (int)query_changes(&q, err);
}

static enum library_mark mark_of(bool set, bool clear)
{
    return set ? LIBRARY_MARK_SET : clear ? LIBRARY_MARK_CLEAR : LIBRARY_MARK_KEEP;
}

/* A file that no scan has seen yet, or not as verify has, is added as verify saw it. */
static int put_check(struct db *db, const char *path, const struct library_change *c,
                     struct strbuf *folded, struct err *err)
{
    const struct library_check *check = c->check;
    if (!c->stat && upsert(db, path, &check->stat, false, c->at, folded, err) < 0)
        return -1;
    struct query q LB_CLEANUP(query_end) = {0};
    if (query_start(&q, db, SQL_LIBRARY_CHECKED, err) < 0)
        return -1;
    query_text(&q, ":path", path);
    query_int(&q, ":size", check->stat.size);
    query_real(&q, ":mtime", check->stat.mtime);
    query_int(&q, ":problems", check->n_problems);
    query_text(&q, ":list", check->problems);
    query_int(&q, ":pages", check->pages);
    query_text(&q, ":content", check->content);
    query_real(&q, ":at", c->at);
    return query_run(&q, err);
}

/* What we changed ourselves is not new to us, and what was handed to a job is in good hands. */
static int not_arrived(struct db *db, int64_t file_id, struct err *err)
{
    struct query q LB_CLEANUP(query_end) = {0};
    if (query_start(&q, db, SQL_LIBRARY_OURS, err) < 0)
        return -1;
    query_int(&q, ":file_id", file_id);
    return query_run(&q, err);
}

int store_library_item_done(struct db *db, const struct library_change *c, struct err *err)
{
    const char *final = c->final_path ? c->final_path : c->path;
    if (c->removed)
        return store_library_remove(db, c->path, err) < 0 ? -1 : add_history(db, c, c->path, err);
    if (store_library_rename(db, c->path, final, err) < 0)
        return -1;
    struct strbuf folded LB_CLEANUP(strbuf_clear) = {0};
    if (c->stat && upsert(db, final, c->stat, false, c->at, &folded, err) < 0)
        return -1;
    struct library_file was = {0}; /* stays so when no scan has seen this file, nor has a stat */
    enum library_mark processed = mark_of(c->mark_processed, c->unmark_processed);
    enum library_mark duplicate = mark_of(c->mark_duplicate, c->unmark_duplicate);
    if (store_library_get(db, final, &was, err) < 0)
        return -1;
    if (was.arrived && not_arrived(db, was.file_id, err) < 0)
        return -1;
    if ((processed || duplicate) && store_library_mark(db, final, processed, duplicate, err) < 0)
        return -1;
    if (c->check && put_check(db, final, c, &folded, err) < 0)
        return -1;
    int rc = c->changed ? add_history(db, c, final, err) : 0;
    if (rc <= 0 || !c->undo)
        return rc < 0 ? -1 : 0;
    return store_undo_add(db, sqlite3_last_insert_rowid(db->conn), c, &was, err);
}
