/*
 * One run: plan -> declare -> move or unlink -> result. The plan knows the file by its number, size and time. A run
 * with an intent that finds no file, or its file in the trash, had done its work; one that finds another file under the
 * name leaves it alone.
 */
#include "op_delete.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fault.h"
#include "log.h"
#include "op_move.h"
#include "op_plan.h"
#include "path.h"
#include "strbuf.h"
#include "utf8.h"

#define QUOTED(path) log_quote((path), (char[160]){0}, 160)
#define NAMES_MAX    10000 /* "x (2).cbz" and so on */

struct run {
    const struct op_env *env;
    const struct op_item *item;
    struct op_plan plan; /* duplicate_to: the path below trash_dir; NULL: no trash */
    int dir;             /* the folder that the book is in */
    const char *base;
};

static void run_clear(struct run *r)
{
    fd_close(r->dir);
    op_plan_clear(&r->plan);
}
LB_DEFINE_CLEANUP(struct run, run_clear)

/* ---- the trash ---- */

static int open_trash(const struct run *r, int *ret, struct err *err)
{
    *ret = open(r->env->trash_dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (*ret < 0)
        return err_sys(err, ERR_IO, "the trash folder, %s", QUOTED(r->env->trash_dir));
    return 0;
}

/* Opens the folder of `path` below the trash, making what is missing of it. */
static int open_trash_folder(const struct run *r, const char *path, int *ret, struct err *err)
{
    int at;
    if (open_trash(r, &at, err) < 0)
        return -1;
    for (const char *p = path, *slash; (slash = strchr(p, '/')) != NULL; p = slash + 1) {
        char *part LB_CLEANUP(mem_free) = mem_strndup(p, (size_t)(slash - p));
        int next = -1;
        if (mkdirat(at, part, 0777) == 0 || errno == EEXIST)
            next = openat(at, part, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (next < 0)
            (void)err_sys(err, ERR_IO, "a folder in the trash, %s", QUOTED(part));
        fd_close(at);
        at = next;
        if (at < 0)
            return -1;
    }
    *ret = at;
    return 0;
}

/* plan.duplicate_to := a free name in the trash. */
static int choose_name(struct run *r, struct err *err)
{
    int root LB_CLEANUP(fd_close) = -1;
    struct stat st;
    const char *from = r->plan.from;
    if (open_trash(r, &root, err) < 0)
        return -1;
    for (int n = 1; n <= NAMES_MAX; n++) {
        char *name LB_CLEANUP(mem_free) = op_numbered_name(path_base(from), n);
        struct strbuf to LB_CLEANUP(strbuf_clear) = {0};
        strbuf_add(&to, from, (size_t)(path_base(from) - from));
        strbuf_adds(&to, name);
        if (fstatat(root, strbuf_str(&to), &st, AT_SYMLINK_NOFOLLOW) == 0)
            continue;
        if (errno != ENOENT)
            return err_sys(err, ERR_IO, "the trash folder: %s", QUOTED(strbuf_str(&to)));
        mem_free(r->plan.duplicate_to);
        r->plan.duplicate_to = strbuf_take(&to);
        return 0;
    }
    return err_set(err, ERR_LIMIT, "%d files of this name are in the trash already", NAMES_MAX);
}

/* Is the file of the plan in the trash? 1 or 0. */
static bool is_in_trash(const struct run *r)
{
    struct err why = {0};
    struct stat st;
    int root LB_CLEANUP(fd_close) = -1;
    if (!r->plan.duplicate_to || !r->env->trash_dir || open_trash(r, &root, &why) < 0 ||
        fstatat(root, r->plan.duplicate_to, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return false;
    struct file_id is = file_id_of(&st);
    return file_id_unchanged(&r->plan.was, &is);
}

/* ---- the run ---- */

static int declare(struct run *r, struct err *err)
{
    json_t *intent = op_plan_to_json(&r->plan, "delete");
    int rc = r->env->declare(r->env->ctx, intent, NULL, NULL, err);
    json_decref(intent);
    return rc;
}

/* Looks at the file. 1 = there is one, 0 = there is none. */
static int look(struct run *r, struct stat *ret, struct err *err)
{
    if (path_open_parent(r->env->library_fd, r->item->path, &r->dir, &r->base, err) < 0)
        return err->code == ERR_NOT_FOUND ? 0 : -1;
    if (fstatat(r->dir, r->base, ret, AT_SYMLINK_NOFOLLOW) == 0)
        return 1;
    return errno == ENOENT ? 0 : err_sys(err, ERR_IO, "look at %s", QUOTED(r->item->path));
}

static int plan_new(struct run *r, const struct stat *st, struct err *err)
{
    if (!path_is_book(r->item->path) || (!S_ISREG(st->st_mode) && !S_ISLNK(st->st_mode)))
        return err_set(err, ERR_BOOK, "%s is not a book: it is kept", QUOTED(r->item->path));
    r->plan.from = mem_strdup(r->item->path);
    r->plan.was = file_id_of(st);
    if (r->env->trash_dir && choose_name(r, err) < 0)
        return -1;
    return declare(r, err);
}

/* With the plan of an earlier run: 1 = it is still to be done, 0 = it was done. */
static int resume(const struct run *r, bool there, const struct stat *st, struct err *err)
{
    if (!there || is_in_trash(r))
        return 0;
    struct file_id is = file_id_of(st);
    if (is.dev == r->plan.was.dev && is.ino == r->plan.was.ino &&
        file_id_unchanged(&r->plan.was, &is))
        return 1;
    return err_set(err, ERR_BOOK, "%s is another file than the one to delete: it is kept",
                   QUOTED(r->item->path));
}

static int move_to_trash(struct run *r, struct err *err)
{
    for (int tries = 0; tries < NAMES_MAX; tries++) {
        int folder LB_CLEANUP(fd_close) = -1;
        enum move_outcome outcome;
        if (open_trash_folder(r, r->plan.duplicate_to, &folder, err) < 0 ||
            op_move(r->dir, r->base, folder, path_base(r->plan.duplicate_to), true, &outcome, err) <
                0)
            return -1;
        if (outcome == MOVE_DONE)
            return 0;
        if (outcome == MOVE_CROSS_DEVICE)
            return err_set(err, ERR_IO,
                           "the trash folder, %s, is on another file system than the book",
                           QUOTED(r->env->trash_dir));
        if (choose_name(r, err) < 0 || declare(r, err) < 0) /* the name was taken meanwhile */
            return -1;
    }
    return err_set(err, ERR_BUSY, "the trash folder changes all the time");
}

static int unlink_for_good(struct run *r, struct err *err)
{
    if (unlinkat(r->dir, r->base, 0) < 0)
        return err_sys(err, ERR_IO, "delete %s", QUOTED(r->item->path));
    fault_hit("delete_unlinked");
    int fd LB_CLEANUP(fd_close) = openat(r->dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0)
        (void)fsync(fd); /* some file systems cannot; it is gone either way */
    return 0;
}

static void fill_result(const struct run *r, struct op_result *ret)
{
    ret->changed_file = true;
    ret->removed = true;
    ret->details = json_object();
    if (!r->plan.duplicate_to || !r->env->trash_dir) {
        (void)json_object_set_new(ret->details, "final", json_null());
        return;
    }
    struct strbuf place LB_CLEANUP(strbuf_clear) = {0};
    strbuf_addf(&place, "%s/", r->env->trash_dir);
    utf8_append_lossy(&place, r->plan.duplicate_to, strlen(r->plan.duplicate_to));
    (void)json_object_set_new(ret->details, "final", json_string(strbuf_str(&place)));
}

int op_delete_run(const struct op_env *env, const struct op_item *item, struct op_result *ret,
                  struct err *err)
{
    struct run r LB_CLEANUP(run_clear) = {.env = env, .item = item, .dir = -1};
    struct stat st;
    bool planned = item->intent && op_plan_from_json(item->intent, &r.plan);
    int there = look(&r, &st, err);
    if (there < 0)
        return -1;
    if (!planned && !there)
        return err_set(err, ERR_NOT_FOUND, "File not found");
    int todo = planned ? resume(&r, there, &st, err) : 1;
    if (todo < 0)
        return -1;
    if (todo && env->cancelled(env->ctx))
        return err_set(err, ERR_CANCELLED, "cancelled before anything was changed");
    if (todo) { /* planned or not: the setting may be another one by now */
        op_plan_clear(&r.plan);
        if (plan_new(&r, &st, err) < 0)
            return -1;
    }
    fault_hit("delete_declared");
    if (todo && (r.plan.duplicate_to ? move_to_trash(&r, err) : unlink_for_good(&r, err)) < 0)
        return -1;
    *err = (struct err){0};
    fill_result(&r, ret);
    return 0;
}
