#include "op_duplicate.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bookname.h"
#include "log.h"
#include "op_move.h"
#include "op_plan.h"
#include "path.h"
#include "strbuf.h"
#include "utf8.h"

#define QUOTED(path) log_quote((path), (char[160]){0}, 160)
#define TRIES        10000 /* "x (2).cbz" and so on */

/* "<stem> (n)<extension>", n = 1 without the number; the stem is cut where the name would be too long. malloc'd. */
static char *numbered_name(const char *base, int n)
{
    const char *extension = path_extension(base);
    size_t stem = (size_t)(extension - base);
    char suffix[BOOKNAME_MAX + 32] = "";
    if (n > 1)
        (void)snprintf(suffix, sizeof(suffix), " (%d)%s", n, extension);
    else
        (void)snprintf(suffix, sizeof(suffix), "%s", extension);
    while (stem > 0 && stem + strlen(suffix) > BOOKNAME_MAX)
        for (stem--; stem > 0 && ((unsigned char)base[stem] & 0xc0) == 0x80;)
            stem--;
    struct strbuf name = {0};
    strbuf_add(&name, base, stem);
    strbuf_adds(&name, suffix);
    return strbuf_take(&name);
}

int op_duplicate_open_dir(const struct op_env *env, int *ret_fd, struct err *err)
{
    *ret_fd = open(env->duplicate_dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (*ret_fd < 0)
        return err_sys(err, ERR_IO, "the folder for duplicates, %s", QUOTED(env->duplicate_dir));
    return 0;
}

/* The error of a duplicate that would have to be copied. Returns -1. */
static int cross_device(const struct op_env *env, struct err *err)
{
    return err_set(err, ERR_IO,
                   "the folder for duplicates, %s, is on another file system than the library",
                   QUOTED(env->duplicate_dir));
}

int op_duplicate_plan(const struct duplicate *d, char **place, struct err *err)
{
    int root LB_CLEANUP(fd_close) = -1;
    struct stat st;
    if (op_duplicate_open_dir(d->env, &root, err) < 0)
        return -1;
    if (fstat(root, &st) < 0)
        return err_sys(err, ERR_IO, "the folder for duplicates, %s", QUOTED(d->env->duplicate_dir));
    if ((int64_t)st.st_dev != d->dev)
        return cross_device(d->env, err);
    char *parent LB_CLEANUP(mem_free) = op_parent_name(d->from);
    for (int n = 1; n <= TRIES; n++) {
        char *name LB_CLEANUP(mem_free) = numbered_name(path_base(d->from), n);
        struct strbuf to LB_CLEANUP(strbuf_clear) = {0};
        if (parent[0])
            strbuf_addf(&to, "%s/", parent);
        strbuf_adds(&to, name);
        if (fstatat(root, strbuf_str(&to), &st, AT_SYMLINK_NOFOLLOW) == 0)
            continue;
        if (errno != ENOENT)
            return err_sys(err, ERR_IO, "the folder for duplicates: %s", QUOTED(strbuf_str(&to)));
        free(*place);
        *place = strbuf_take(&to);
        return 0;
    }
    return err_set(err, ERR_LIMIT, "%d duplicates of %s are there already", TRIES, QUOTED(d->from));
}

/* 1 = done, 0 = the name was taken meanwhile. */
static int move_to(const struct op_env *env, int dir, const char *base, const char *place,
                   struct err *err)
{
    char *parent LB_CLEANUP(mem_free) = op_parent_name(place);
    int root LB_CLEANUP(fd_close) = -1, folder LB_CLEANUP(fd_close) = -1;
    if (op_duplicate_open_dir(env, &root, err) < 0)
        return -1;
    if (parent[0] && mkdirat(root, parent, 0777) < 0 && errno != EEXIST)
        return err_sys(err, ERR_IO, "make a folder for duplicates, %s", QUOTED(parent));
    folder = openat(root, parent[0] ? parent : ".", O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (folder < 0)
        return err_sys(err, ERR_IO, "the folder for duplicates, %s", QUOTED(parent));
    enum move_outcome outcome;
    if (op_move(dir, base, folder, path_base(place), true, &outcome, err) < 0)
        return -1;
    if (outcome == MOVE_CROSS_DEVICE)
        return cross_device(env, err);
    return outcome == MOVE_DONE;
}

int op_duplicate_move(const struct duplicate *d, int dir, const char *base, char **place,
                      int (*declare)(void *ctx, struct err *err), void *ctx, struct err *err)
{
    for (;;) {
        int rc = *place ? move_to(d->env, dir, base, *place, err) : 0;
        if (rc != 0)
            return rc < 0 ? -1 : 0;
        if (op_duplicate_plan(d, place, err) < 0 || declare(ctx, err) < 0)
            return -1;
    }
}

void op_duplicate_result(const struct op_env *env, const char *place, struct op_result *ret)
{
    struct strbuf b LB_CLEANUP(strbuf_clear) = {0};
    strbuf_addf(&b, "%s/%s", env->duplicate_dir, place);
    const char *path = strbuf_str(&b);
    size_t root = strlen(env->library_root);
    if (strncmp(path, env->library_root, root) == 0 && path[root] == '/') {
        ret->final_path = mem_strdup(path + root + 1);
        return;
    }
    struct strbuf text LB_CLEANUP(strbuf_clear) = {0};
    utf8_append_lossy(&text, path, strlen(path));
    (void)json_object_set_new(ret->details, "final", json_string(strbuf_str(&text)));
}
