#include "op_repair.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "book_kind.h"
#include "fault.h"
#include "job.h" /* json_text */
#include "log.h"
#include "new_book.h"
#include "path.h"
#include "strbuf.h"
#include "zip.h"
#include "zip_salvage.h"

#define QUOTED(path) log_quote((path), (char[160]){0}, 160)
#define NAME_BYTES   255
#define SUFFIX       " (repaired).cbz"

struct repair {
    const struct op_env *env;
    const char *path, *base; /* base: the last part of path */
    char *to;                /* relative path of the new book */
    int fd, dir;
    struct stat st;
    struct zip zip;
    bool has_directory; /* zip is filled */
    struct zip_salvage salvage;
    struct new_book_mark mark;
    int64_t entries, pages, lost;
    bool sound; /* there is nothing to repair */
};

static void repair_clear(struct repair *r)
{
    fd_close(r->fd);
    fd_close(r->dir);
    free(r->to);
    zip_clear(&r->zip);
    zip_salvage_clear(&r->salvage);
}
LB_DEFINE_CLEANUP(struct repair, repair_clear)

/* folder/<stem> (repaired).cbz; the stem is cut where the name would be too long. */
static char *new_name(const char *path)
{
    const char *base = path_base(path);
    size_t stem = (size_t)(path_extension(base) - base);
    while (stem > 0 && stem + strlen(SUFFIX) > NAME_BYTES)
        for (stem--; stem > 0 && ((unsigned char)base[stem] & 0xc0) == 0x80;)
            stem--;
    struct strbuf b = {0};
    strbuf_add(&b, path, (size_t)(base - path) + stem);
    strbuf_adds(&b, SUFFIX);
    return strbuf_take(&b);
}

/* ------------------------------------------------------------------ the declaration */

static int declare(const struct repair *r, struct err *err)
{
    json_t *j = json_pack("{s:s, s:I, s:I, s:I, s:I, s:I}", "op", "repair", "new_size",
                          (json_int_t)r->mark.size, "new_crc", (json_int_t)r->mark.dir_crc,
                          "entries", (json_int_t)r->entries, "pages", (json_int_t)r->pages, "lost",
                          (json_int_t)r->lost);
    must(j);
    int rc = r->env->declare(r->env->ctx, j, r->to, NULL, err);
    json_decref(j);
    return rc;
}

static int64_t get(const json_t *intent, const char *key)
{
    return json_integer_value(json_object_get(intent, key));
}

/* Has an earlier run, that died, made the new book? */
static bool is_done(struct repair *r, const json_t *intent)
{
    const char *op = json_string_value(json_object_get(intent, "op"));
    if (!op || strcmp(op, "repair") != 0)
        return false;
    r->mark =
        (struct new_book_mark){(uint64_t)get(intent, "new_size"), (uint32_t)get(intent, "new_crc")};
    r->entries = get(intent, "entries");
    r->pages = get(intent, "pages");
    r->lost = get(intent, "lost");
    if (new_book_is(r->dir, path_base(r->to), &r->mark))
        return true;
    r->mark = (struct new_book_mark){0};
    return false;
}

/* ------------------------------------------------------------------ doing it */

static int open_book(struct repair *r, struct err *err)
{
    if (book_kind_open(r->env->library_fd, r->path, &r->fd, &r->st, err) < 0)
        return -1;
    if (r->st.st_size == 0)
        return err_set(err, ERR_BOOK, "the file is empty (0 bytes): there is nothing to save");
    enum book_kind kind = book_kind_of(r->fd, r->path);
    if (kind == BOOK_RAR || kind == BOOK_7Z || kind == BOOK_TAR)
        return err_set(err, ERR_BOOK, "this is %s: only zip archives (CBZ) can be repaired",
                       book_kind_name(kind));
    return 0;
}

/* What can be had: by the directory, else by the local headers. */
static int look(struct repair *r, struct err *err)
{
    struct err why = {0};
    uint64_t size = (uint64_t)r->st.st_size;
    r->has_directory = zip_read(r->fd, size, &r->zip, &why) == 0;
    if (!r->has_directory && why.code != ERR_BOOK) {
        *err = why;
        return -1;
    }
    if (!r->has_directory)
        return zip_salvage_find(r->fd, size, r->env->cancelled, r->env->ctx, &r->salvage, err);
    if (r->zip.junk_before || r->zip.junk_after)
        return 0;
    if (zip_check_data(r->fd, &r->zip, r->env->cancelled, r->env->ctx, &why) == 0)
        r->sound = true;
    if (r->sound || why.code == ERR_BOOK)
        return 0;
    *err = why;
    return -1;
}

static int look_taken(const struct repair *r, struct err *err)
{
    struct stat st;
    if (fstatat(r->dir, path_base(r->to), &st, AT_SYMLINK_NOFOLLOW) == 0)
        return err_set(err, ERR_BOOK, "%s is there already; move it away first",
                       QUOTED(path_base(r->to)));
    return errno == ENOENT ? 0 : err_sys(err, ERR_IO, "look for %s", QUOTED(r->to));
}

static int write_book(struct repair *r, struct new_book *b, struct err *err)
{
    struct entry_sink sink = new_book_sink(b);
    sink.cancelled = r->env->cancelled;
    sink.cancel_ctx = r->env->ctx;
    int rc = r->has_directory
                 ? zip_walk(r->fd, &r->zip, &sink, err)
                 : zip_salvage_walk(r->fd, (uint64_t)r->st.st_size, &r->salvage, &sink, err);
    if (rc < 0)
        return -1;
    r->entries = (int64_t)new_book_entries(b);
    r->pages = new_book_pages(b);
    r->lost = (int64_t)(new_book_damaged(b) + r->salvage.n_lost);
    return new_book_finish(b, r->fd, r->env->cancelled, r->env->ctx, &r->mark, err);
}

static int repair(struct repair *r, struct err *err)
{
    struct new_book *b LB_CLEANUP(new_book_free) = NULL;
    bool taken;
    if (declare(r, err) < 0)
        return -1;
    fault_hit("repair_declared");
    if (new_book_open(r->dir, &r->st, &b, err) < 0 || write_book(r, b, err) < 0)
        return -1;
    if (r->env->cancelled(r->env->ctx))
        return err_set(err, ERR_CANCELLED, "cancelled");
    if (declare(r, err) < 0)
        return -1;
    fault_hit("repair_proven");
    if (new_book_place(b, path_base(r->to), false, &taken, err) < 0)
        return -1;
    return taken ? look_taken(r, err) : 0;
}

/* ------------------------------------------------------------------ the result */

static void fill_result(const struct repair *r, struct op_result *ret)
{
    if (r->sound) {
        (void)snprintf(ret->message, sizeof(ret->message), "nothing is wrong with it");
        return;
    }
    if (r->env->dry_run) {
        ret->details = json_pack("{s:{s:{}, s:{s:o}, s:s}}", "preview", "before", "after", "name",
                                 json_text(path_base(r->to)), "method", "copy");
        must(ret->details);
        return;
    }
    char place[2 * PATH_MAX_BYTES];
    (void)snprintf(place, sizeof(place), "%s/%s", r->env->library_root, r->to);
    (void)snprintf(ret->message, sizeof(ret->message),
                   "%lld file%s saved, %lld lost; the old file is as it was", (long long)r->entries,
                   r->entries == 1 ? "" : "s", (long long)r->lost);
    ret->details = json_pack("{s:o, s:I, s:I, s:I}", "repaired", json_text(place), "entries",
                             (json_int_t)r->entries, "pages", (json_int_t)r->pages, "lost",
                             (json_int_t)r->lost);
    must(ret->details);
}

static int preview(const struct repair *r, struct err *err)
{
    bool taken = false;
    if (r->sound)
        return 0;
    if (!r->has_directory && r->salvage.n == 0)
        return err_set(err, ERR_BOOK, "there is no file in it that can be read");
    if (r->env->plan_name(r->env->ctx, r->to, false, &taken, err) < 0)
        return -1;
    return taken ? err_set(err, ERR_BOOK, "%s would be there already", QUOTED(path_base(r->to)))
                 : 0;
}

int op_repair_run(const struct op_env *env, const struct op_item *item, struct op_result *ret,
                  struct err *err)
{
    struct repair r LB_CLEANUP(repair_clear) = {
        .env = env, .path = item->path, .to = new_name(item->path), .fd = -1, .dir = -1};
    if (strlen(r.to) >= PATH_MAX_BYTES)
        return err_set(err, ERR_PATH_INVALID, "the path of the new book would be too long");
    if (path_open_parent(env->library_fd, item->path, &r.dir, &r.base, err) < 0)
        return -1;
    if (env->dry_run || !item->intent || !is_done(&r, item->intent)) {
        if (env->cancelled(env->ctx))
            return err_set(err, ERR_CANCELLED, "cancelled before anything was changed");
        if (open_book(&r, err) < 0 || look(&r, err) < 0)
            return -1;
        if (!r.sound && look_taken(&r, err) < 0)
            return -1;
        if (env->dry_run ? preview(&r, err) < 0 : !r.sound && repair(&r, err) < 0)
            return -1;
    }
    fault_hit("repair_done");
    fill_result(&r, ret);
    return 0;
}
