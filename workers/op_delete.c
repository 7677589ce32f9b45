/*
 * One run: plan -> declare -> move or unlink -> result. The plan knows the file by its number, size and time. A run
 * with an intent that finds no file had done its work; one that finds another file under the name leaves it alone.
 */
#include "op_delete.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fault.h"
#include "job.h"
#include "log.h"
#include "op_plan.h"
#include "path.h"
#include "trash.h"

#define QUOTED(path) log_quote((path), (char[160]){0}, 160)
#define TRIES        100

struct run {
    const struct op_env *env;
    const struct op_item *item;
    struct op_plan plan; /* duplicate_to: the place in the trash; NULL: none */
    int dir;             /* the folder that the book is in */
    const char *base;
};

static void run_clear(struct run *r)
{
    fd_close(r->dir);
    op_plan_clear(&r->plan);
}
LB_DEFINE_CLEANUP(struct run, run_clear)

static struct trash trash_of(const struct run *r)
{
    return (struct trash){r->env->library_fd, r->env->library_root, r->env->trash_dir};
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
    struct trash trash = trash_of(r);
    if (!path_is_book(r->item->path) || (!S_ISREG(st->st_mode) && !S_ISLNK(st->st_mode)))
        return err_set(err, ERR_BOOK, "%s is not a book: it is kept", QUOTED(r->item->path));
    op_plan_clear(&r->plan);
    r->plan.from = mem_strdup(r->item->path);
    r->plan.was = file_id_of(st);
    if (r->env->trash_dir && S_ISREG(st->st_mode) && /* a link holds nothing */
        trash_plan(&trash, r->plan.from, &r->plan.duplicate_to, err) < 0)
        return -1;
    return declare(r, err);
}

/* Is the file of the plan at its place in the trash? */
static bool is_in_trash(const struct run *r)
{
    struct trash trash = trash_of(r);
    struct stat st;
    char *place LB_CLEANUP(mem_free) = NULL;
    if (!r->plan.duplicate_to || !r->env->trash_dir)
        return false;
    place = trash_absolute(&trash, r->plan.duplicate_to);
    if (lstat(place, &st) < 0)
        return false;
    struct file_id is = file_id_of(&st);
    return file_id_unchanged(&r->plan.was, &is);
}

/* With the plan of an earlier run: 1 = it is still to be done, 0 = it was done. */
static int resume(const struct run *r, bool there, const struct stat *st, struct err *err)
{
    if (!there)
        return 0;
    struct file_id is = file_id_of(st);
    if (is.dev == r->plan.was.dev && is.ino == r->plan.was.ino &&
        file_id_unchanged(&r->plan.was, &is))
        return 1; /* perhaps its copy is in the trash already */
    if (is_in_trash(r))
        return 0;
    return err_set(err, ERR_BOOK, "%s is another file than the one to delete: it is kept",
                   QUOTED(r->item->path));
}

/* To the declared place: there an earlier run may have left a copy. */
static int move_to_trash(struct run *r, const struct stat *st, struct err *err)
{
    struct trash trash = trash_of(r);
    for (int tries = 0; tries < TRIES; tries++) {
        bool taken = !r->plan.duplicate_to; /* declared when there was no trash */
        if (!taken && trash_move(&trash, r->item->path, r->plan.duplicate_to, &taken, err) < 0)
            return -1;
        if (!taken)
            return 0;
        if (plan_new(r, st, err) < 0)
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
    struct trash trash = trash_of(r);
    ret->changed_file = true;
    ret->removed = true;
    ret->details = json_object();
    char *place LB_CLEANUP(mem_free) = NULL;
    if (r->plan.duplicate_to && r->env->trash_dir)
        place = trash_absolute(&trash, r->plan.duplicate_to);
    (void)json_object_set_new(ret->details, "final", place ? json_text(place) : json_null());
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
    if (!planned && plan_new(&r, &st, err) < 0)
        return -1;
    fault_hit("delete_declared");
    bool keeps = env->trash_dir && S_ISREG(st.st_mode);
    if (todo && (keeps ? move_to_trash(&r, &st, err) : unlink_for_good(&r, err)) < 0)
        return -1;
    *err = (struct err){0};
    fill_result(&r, ret);
    return 0;
}
