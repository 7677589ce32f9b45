/*
 * One run: look -> declare (the name, the place in the trash) -> write and prove the new book -> declare (what it is
 * known by) -> give it its name -> move the old one to the trash -> result.
 *
 * A run after a crash that finds the new book under its name, known by the second declaration, only has to move the
 * old one; everything before that is done again. When the new book takes the old one's own name (a RAR that was called
 * .cbz), the old one is linked into the trash first and then replaced, so that the name never stands for nothing.
 */
#include "op_convert.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "book_kind.h"
#include "fault.h"
#include "job.h" /* json_text */
#include "log.h"
#include "new_book.h"
#include "op_duplicate.h"
#include "op_move.h"
#include "op_plan.h"
#include "op_preview.h"
#include "path.h"
#include "strbuf.h"
#include "trash.h"
#include "unpack_any.h"
#include "zip.h"

#define QUOTED(path) log_quote((path), (char[160]){0}, 160)

struct convert {
    const struct op_env *env;
    const char *path;
    struct trash trash;
    int fd, dir;
    const char *base; /* of path */
    char *to;         /* relative path of the new book; perhaps that of the old one */
    char *place;      /* in the trash; NULL = nothing goes there */
    char *aside;      /* in duplicate_dir, when the name `to` is taken; NULL = not planned */
    struct stat st;   /* of the old file */
    struct file_id was;
    enum book_kind kind;
    struct new_book *book; /* while it is made */
    struct new_book_mark mark;
    /* for the result; declared with the mark, so that a second run gives the same */
    char format[64], unpacked_by[16];
    int64_t entries, pages, skipped;
    bool duplicate;
};

static void convert_clear(struct convert *c)
{
    new_book_free(c->book);
    fd_close(c->fd);
    fd_close(c->dir);
    free(c->to);
    free(c->place);
    free(c->aside);
}
LB_DEFINE_CLEANUP(struct convert, convert_clear)

static bool is_same_name(const struct convert *c)
{
    return strcmp(c->to, c->path) == 0;
}

/* ------------------------------------------------------------------ the declaration */

/* Bytes that need not be UTF-8. */
static json_t *hex_of(const char *s)
{
    struct strbuf b LB_CLEANUP(strbuf_clear) = {0};
    for (; s && *s; s++)
        strbuf_addf(&b, "%02x", (unsigned)(unsigned char)*s);
    return json_string(strbuf_str(&b));
}

static char *bytes_of(const json_t *hex)
{
    const char *p = json_string_value(hex);
    struct strbuf b = {0};
    for (; p && p[0] && p[1]; p += 2)
        strbuf_addc(&b, (char)strtol((char[]){p[0], p[1], '\0'}, NULL, 16));
    if (b.len > 0)
        return strbuf_take(&b);
    strbuf_clear(&b);
    return NULL;
}

static int declare(const struct convert *c, struct err *err)
{
    json_t *j =
        json_pack("{s:s, s:I, s:I, s:o, s:o, s:s, s:I, s:I, s:s, s:I, s:I, s:I}", "op", "convert",
                  "size", (json_int_t)c->was.size, "mtime_ns", (json_int_t)c->was.mtime_ns, "place",
                  hex_of(c->place), "aside", hex_of(c->aside), "unpacked_by", c->unpacked_by,
                  "new_size", (json_int_t)c->mark.size, "new_crc", (json_int_t)c->mark.dir_crc,
                  "format", c->format, "entries", (json_int_t)c->entries, "pages",
                  (json_int_t)c->pages, "skipped", (json_int_t)c->skipped);
    must(j);
    int rc = c->env->declare(c->env->ctx, j, is_same_name(c) || c->aside ? NULL : c->to, NULL, err);
    json_decref(j);
    return rc;
}

static int64_t get(const json_t *intent, const char *key)
{
    return json_integer_value(json_object_get(intent, key));
}

static bool read_intent(struct convert *c, const json_t *intent)
{
    const char *op = json_string_value(json_object_get(intent, "op"));
    const char *format = json_string_value(json_object_get(intent, "format"));
    const char *by = json_string_value(json_object_get(intent, "unpacked_by"));
    if (!op || strcmp(op, "convert") != 0 || !format)
        return false;
    c->place = bytes_of(json_object_get(intent, "place"));
    c->aside = bytes_of(json_object_get(intent, "aside"));
    c->was = (struct file_id){
        .ino = 1, .size = get(intent, "size"), .mtime_ns = get(intent, "mtime_ns")};
    c->mark =
        (struct new_book_mark){(uint64_t)get(intent, "new_size"), (uint32_t)get(intent, "new_crc")};
    (void)snprintf(c->format, sizeof(c->format), "%s", format);
    (void)snprintf(c->unpacked_by, sizeof(c->unpacked_by), "%s", by ? by : "libarchive");
    c->entries = get(intent, "entries");
    c->pages = get(intent, "pages");
    c->skipped = get(intent, "skipped");
    return true;
}

/* ------------------------------------------------------------------ looking */

/* The path with .cbz for its extension, when it has another one. */
static char *cbz_name(const char *path)
{
    if (book_kind_fits(BOOK_ZIP, path))
        return mem_strdup(path);
    struct strbuf b = {0};
    strbuf_add(&b, path, (size_t)(path_extension(path) - path));
    strbuf_adds(&b, ".cbz");
    return strbuf_take(&b);
}

static int open_book(struct convert *c, struct err *err)
{
    struct zip z LB_CLEANUP(zip_clear) = {0};
    struct stat named;
    if (book_kind_open(c->env->library_fd, c->path, &c->fd, &c->st, err) < 0)
        return -1;
    if (fstatat(c->dir, c->base, &named, AT_SYMLINK_NOFOLLOW) < 0)
        return err_sys(err, ERR_IO, "look at the file");
    if (S_ISLNK(named.st_mode))
        return err_set(err, ERR_BOOK, "the file is a symbolic link; convert the file itself");
    c->was = file_id_of(&c->st);
    c->kind = book_kind_of(c->fd, c->path);
    if (c->kind != BOOK_OTHER && c->kind != BOOK_ZIP)
        return 0;
    if (zip_read(c->fd, (uint64_t)c->st.st_size, &z, err) < 0)
        return -1;
    c->kind = BOOK_ZIP;
    return 0;
}

static int check_unchanged(const struct convert *c, struct err *err)
{
    struct stat now;
    if (fstatat(c->dir, c->base, &now, AT_SYMLINK_NOFOLLOW) < 0)
        return err_sys(err, errno == ENOENT ? ERR_NOT_FOUND : ERR_IO, "look at the file again");
    struct file_id is = file_id_of(&now);
    if (now.st_ino != c->st.st_ino || !file_id_unchanged(&c->was, &is))
        return err_set(err, ERR_BUSY, "the file was changed by another program; try again");
    return 0;
}

/* Does another file have the new name? */
static int look_taken(struct convert *c, struct err *err)
{
    struct stat st;
    if (is_same_name(c))
        return 0;
    int taken = op_move_taken(c->dir, c->base, path_base(c->to), &st);
    if (taken < 0)
        return err_sys(err, ERR_IO, "look for %s", QUOTED(c->to));
    c->duplicate = taken > 0;
    return 0;
}

/* ------------------------------------------------------------------ duplicates */

static int declare_aside(void *ctx, struct err *err)
{
    struct convert *c = ctx;
    free(c->place);
    c->place = NULL;
    c->mark = (struct new_book_mark){0};
    if (declare(c, err) < 0)
        return -1;
    fault_hit("convert_aside");
    return 0;
}

/* The name is taken: the file is not converted, and goes to duplicate_dir when there is one. */
static int set_aside(struct convert *c, struct err *err)
{
    struct duplicate d = {c->env, c->path, c->was.dev};
    c->duplicate = true;
    if (!c->env->duplicate_dir)
        return 0;
    if (check_unchanged(c, err) < 0)
        return -1;
    return op_duplicate_move(&d, c->dir, c->base, &c->aside, declare_aside, c, err);
}

/* Was it moved there by a run that died? 1 = yes. */
static int was_set_aside(struct convert *c, struct err *err)
{
    int root LB_CLEANUP(fd_close) = -1;
    struct stat st;
    if (!c->aside || !c->env->duplicate_dir)
        return 0;
    if (fstatat(c->dir, c->base, &st, AT_SYMLINK_NOFOLLOW) == 0)
        return 0;
    if (op_duplicate_open_dir(c->env, &root, err) < 0)
        return -1;
    if (fstatat(root, c->aside, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return 0;
    struct file_id is = file_id_of(&st);
    c->duplicate = file_id_unchanged(&c->was, &is);
    return c->duplicate;
}

/* ------------------------------------------------------------------ doing it */

/* A reader begins: the new book is begun anew. */
static int begin_book(void *ctx, struct entry_sink *ret, struct err *err)
{
    struct convert *c = ctx;
    new_book_free(c->book);
    c->book = NULL;
    if (new_book_open(c->dir, &c->st, &c->book, err) < 0)
        return -1;
    *ret = new_book_sink(c->book);
    ret->cancelled = c->env->cancelled;
    ret->cancel_ctx = c->env->ctx;
    return 0;
}

static int write_book(struct convert *c, struct err *err)
{
    struct unpack_target target = {begin_book, c};
    struct unpack_report report;
    if (unpack_any(c->fd, &UNPACK_LIMITS, &target, &report, err) < 0) {
        unpack_remedy(&report, err);
        return -1;
    }
    (void)snprintf(c->format, sizeof(c->format), "%s", report.format);
    (void)snprintf(c->unpacked_by, sizeof(c->unpacked_by), "%s", report.by);
    c->entries = (int64_t)new_book_entries(c->book);
    c->pages = new_book_pages(c->book);
    c->skipped = report.n_skipped;
    return new_book_finish(c->book, c->fd, c->env->cancelled, c->env->ctx, &c->mark, err);
}

/* trash_keep or trash_move to c->place; another place is declared when that one was taken meanwhile. */
static int to_trash(struct convert *c, bool keep, struct err *err)
{
    for (;;) {
        bool taken;
        int rc = keep ? trash_keep(&c->trash, c->path, c->place, &taken, err)
                      : trash_move(&c->trash, c->path, c->place, &taken, err);
        if (rc < 0 || !taken)
            return rc;
        free(c->place);
        c->place = NULL;
        if (trash_plan(&c->trash, c->path, &c->place, err) < 0 || declare(c, err) < 0)
            return -1;
    }
}

/* The new book is proven and declared: it gets its name, the old one goes. */
static int put_in_place(struct convert *c, struct err *err)
{
    bool taken;
    if (check_unchanged(c, err) < 0 || (is_same_name(c) && to_trash(c, true, err) < 0) ||
        new_book_place(c->book, path_base(c->to), is_same_name(c), &taken, err) < 0)
        return -1;
    if (taken)
        return set_aside(c, err);
    fault_hit("convert_placed");
    return is_same_name(c) ? 0 : to_trash(c, false, err);
}

static int convert(struct convert *c, struct err *err)
{
    c->mark = (struct new_book_mark){0};
    if (!c->place && trash_plan(&c->trash, c->path, &c->place, err) < 0)
        return -1;
    if (declare(c, err) < 0)
        return -1;
    fault_hit("convert_declared");
    if (write_book(c, err) < 0)
        return -1;
    if (c->env->cancelled(c->env->ctx))
        return err_set(err, ERR_CANCELLED, "cancelled");
    if (declare(c, err) < 0)
        return -1;
    fault_hit("convert_proven");
    return put_in_place(c, err);
}

/* A zip archive under another extension: only its name is wrong. */
static int rename_zip(struct convert *c, struct err *err)
{
    enum move_outcome outcome;
    (void)snprintf(c->format, sizeof(c->format), "ZIP");
    if (is_same_name(c))
        return 0;
    free(c->place);
    c->place = NULL;
    c->mark = (struct new_book_mark){0};
    if (declare(c, err) < 0)
        return -1;
    fault_hit("convert_declared");
    if (op_move(c->dir, c->base, c->dir, path_base(c->to), true, &outcome, err) < 0)
        return -1;
    return outcome == MOVE_TAKEN ? set_aside(c, err) : 0;
}

/* Was the work done, but for the result, by a run that died? 1 = yes. */
static int finish_earlier(struct convert *c, const json_t *intent, struct err *err)
{
    struct stat st;
    if (!intent || !read_intent(c, intent))
        return 0;
    if (c->aside)
        return was_set_aside(c, err);
    bool there = fstatat(c->dir, c->base, &st, AT_SYMLINK_NOFOLLOW) == 0;
    struct file_id is = there ? file_id_of(&st) : (struct file_id){0};
    if (!c->place) { /* rename_zip: gone from its old name, and the new one is that file */
        struct stat to;
        if (there || fstatat(c->dir, path_base(c->to), &to, AT_SYMLINK_NOFOLLOW) < 0)
            return 0;
        is = file_id_of(&to);
        return file_id_unchanged(&c->was, &is);
    }
    if (!new_book_is(c->dir, path_base(c->to), &c->mark))
        return 0;
    if (is_same_name(c) || !there)
        return 1;
    if (!file_id_unchanged(&c->was, &is))
        return err_set(err, ERR_BOOK,
                       "%s was converted, but then replaced by another file; that one stays",
                       QUOTED(c->path));
    return to_trash(c, false, err) < 0 ? -1 : 1;
}

/* ------------------------------------------------------------------ the result */

/* The tags of the new book; one whose tags cannot be read has none for the history. */
static void read_tags(const struct convert *c, struct op_result *ret)
{
    struct book *b LB_CLEANUP(book_close) = NULL;
    struct err why = {0};
    if (book_open(c->env->library_fd, c->to, &b, &why) < 0)
        return;
    ret->before = op_tags_of(b);
    ret->after = op_tags_of(b);
}

static void add_preview(const struct convert *c, bool changes, struct op_result *ret)
{
    bool copies = changes && c->kind != BOOK_ZIP;
    if (c->aside)
        op_preview_name(c->path, c->aside, ret);
    else if (changes)
        op_preview_name(c->path, c->to, ret);
    op_preview_pairs(NULL, copies ? BOOK_COPY : BOOK_NONE, 0, ret);
    if (copies) /* how much is not known before it is unpacked */
        (void)json_object_del(json_object_get(ret->details, "preview"), "bytes");
}

/* A duplicate: marked, and perhaps moved away as it is. */
static void fill_duplicate(const struct convert *c, struct op_result *ret)
{
    (void)snprintf(ret->message, sizeof(ret->message),
                   "duplicate: %s %s there already; nothing %s converted", QUOTED(path_base(c->to)),
                   c->env->dry_run ? "would be" : "is", c->env->dry_run ? "would be" : "was");
    ret->mark_duplicate = true;
    (void)json_object_set_new(ret->details, "duplicate", json_true());
    if (!c->aside)
        return;
    ret->changed_file = true;
    op_duplicate_result(c->env, c->aside, ret);
    ret->undo = json_object(); /* no tags; the name, unless it left the library */
    json_t *out = json_object_get(ret->details, "final");
    if (out)
        (void)json_object_set(ret->undo, "moved_to", out);
}

static void fill_converted(const struct convert *c, struct op_result *ret)
{
    ret->changed_file = true;
    ret->final_path = is_same_name(c) ? NULL : mem_strdup(c->to);
    if (c->env->dry_run)
        return;
    read_tags(c, ret);
    (void)json_object_set_new(ret->details, "converted_from", json_string(c->format));
    if (!c->place)
        return;
    char *place LB_CLEANUP(mem_free) = trash_absolute(&c->trash, c->place);
    (void)json_object_set_new(ret->details, "trash", json_text(place));
    (void)json_object_set_new(ret->details, "unpacked_by", json_string(c->unpacked_by));
    (void)json_object_set_new(ret->details, "entries", json_integer((json_int_t)c->entries));
    (void)json_object_set_new(ret->details, "pages", json_integer((json_int_t)c->pages));
    if (c->skipped > 0)
        (void)snprintf(ret->message, sizeof(ret->message), "%lld link%s in it left out",
                       (long long)c->skipped, c->skipped == 1 ? " was" : "s were");
}

static void fill_result(const struct convert *c, struct op_result *ret)
{
    bool right = c->kind == BOOK_ZIP && is_same_name(c);
    ret->details = json_object();
    if (right)
        (void)snprintf(ret->message, sizeof(ret->message), "this is a CBZ already");
    else if (c->duplicate)
        fill_duplicate(c, ret);
    else
        fill_converted(c, ret);
    if (c->env->dry_run)
        add_preview(c, !right && !c->duplicate, ret);
}

/* What would be done; nothing is written, so whether it unpacks is not known. */
static int preview(struct convert *c, struct err *err)
{
    struct duplicate d = {c->env, c->path, c->was.dev};
    bool taken; /* op_duplicate_plan found a free one */
    if (is_same_name(c))
        return 0;
    if (c->env->plan_name(c->env->ctx, c->to, c->duplicate, &c->duplicate, err) < 0)
        return -1;
    if (!c->duplicate || !c->env->duplicate_dir)
        return 0;
    if (op_duplicate_plan(&d, &c->aside, err) < 0)
        return -1;
    return c->env->plan_name(c->env->ctx, NULL, false, &taken, err);
}

/* No run before this one did it. */
static int do_all(struct convert *c, struct err *err)
{
    if (c->env->cancelled(c->env->ctx))
        return err_set(err, ERR_CANCELLED, "cancelled before anything was changed");
    if (open_book(c, err) < 0 || look_taken(c, err) < 0)
        return -1;
    if (c->env->dry_run)
        return preview(c, err);
    if (c->duplicate)
        return set_aside(c, err);
    free(c->aside); /* of a run before this one: the name is free by now */
    c->aside = NULL;
    return c->kind == BOOK_ZIP ? rename_zip(c, err) : convert(c, err);
}

int op_convert_run(const struct op_env *env, const struct op_item *item, struct op_result *ret,
                   struct err *err)
{
    struct convert c LB_CLEANUP(convert_clear) = {
        .env = env,
        .path = item->path,
        .trash = {env->library_fd, env->library_root, env->trash_dir},
        .fd = -1,
        .dir = -1,
        .to = cbz_name(item->path),
    };
    if (strlen(c.to) >= PATH_MAX_BYTES || strlen(path_base(c.to)) > 255)
        return err_set(err, ERR_PATH_INVALID, "the name with .cbz would be too long");
    if (path_open_parent(env->library_fd, item->path, &c.dir, &c.base, err) < 0)
        return -1;
    int rc = env->dry_run ? 0 : finish_earlier(&c, item->intent, err);
    if (rc == 0)
        rc = do_all(&c, err);
    else if (rc > 0)
        c.kind = c.place ? BOOK_OTHER : BOOK_ZIP;
    if (rc < 0)
        return -1;
    fault_hit("convert_done");
    fill_result(&c, ret);
    return 0;
}
