/*
 * Saves of a book, written down call by call and replayed: a death after each call and between any two bytes, 20,000
 * losses of power, and deaths in the recovery itself. What the recovery leaves is the old book or the new one, byte for
 * byte, and never older than what was answered. LB_CRASH=long: all of it; else a part that takes seconds.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../lib/disk_model.h"
#include "../lib/zipmaker.h"
#include "book.h"
#include "book_copy.h"

#define BOOK       "book.cbz"
#define PAGES      5
#define PAGE_BYTES 7001
#define MAX_SAVES  10
#define SEED       815

struct lab {
    struct scratch live;   /* where the saves are made */
    struct scratch replay; /* where their remains are put together again */
};

enum way { SETTLED, COPIED, CLONED };

/* A life of a book: how it begins and the saves that are made. */
struct life {
    const char *name;
    const char *tags; /* NULL: it has none */
    size_t tags_at;   /* before which page; PAGES: last */
    unsigned flags;   /* of all entries, ZM_* */
    const char *comment;
    enum way way;                  /* that saves may go; the full copy always may */
    size_t title_bytes[MAX_SAVES]; /* of the saves; 0: no more */
};

struct versions {
    struct strbuf bytes[MAX_SAVES + 1];
    size_t saved_at[MAX_SAVES + 1]; /* the steps when the save was answered */
    size_t n;
};

static void versions_clear(struct versions *v)
{
    for (size_t i = 0; i < v->n; i++)
        strbuf_clear(&v->bytes[i]);
}
LB_DEFINE_CLEANUP(struct versions, versions_clear)

static bool long_run(void)
{
    const char *how = getenv("LB_CRASH");
    return how && strcmp(how, "long") == 0;
}

static int setup(void **state)
{
    struct lab *lab = mem_new(sizeof(*lab));
    scratch_make(&lab->live);
    scratch_make(&lab->replay);
    *state = lab;
    return 0;
}

static int teardown(void **state)
{
    struct lab *lab = *state;
    scratch_remove(&lab->live);
    scratch_remove(&lab->replay);
    free(lab);
    return 0;
}

static void make_book(const struct lab *lab, const struct life *life)
{
    struct zipmaker m LB_CLEANUP(zipmaker_clear) = {0};
    char page[PAGE_BYTES];
    for (size_t i = 0; i <= PAGES; i++) {
        char name[16];
        if (life->tags && i == life->tags_at)
            zipmaker_adds(&m, "ComicInfo.xml", life->tags, life->flags | ZM_DEFLATE);
        uint64_t random = i;
        for (size_t k = 0; k < sizeof(page); k++)
            page[k] = (char)disk_random(&random);
        (void)snprintf(name, sizeof(name), "%03zu.jpg", i + 1);
        if (i < PAGES)
            zipmaker_add(&m, name, page, sizeof(page), life->flags);
    }
    zipmaker_end(&m, life->comment, life->flags & ZM_WIDE ? ZM_END64 : 0);
    scratch_write(&lab->live, BOOK, m.out.data, m.out.len);
}

/* ------------------------------------------------------------------ saves and recovery */

static int begin(void *ctx, const struct tail_write *w, struct err *err)
{
    (void)ctx;
    (void)err;
    disk_record_row(w, w ? sizeof(*w) : 0);
    return 0;
}

static void end(void *ctx)
{
    (void)ctx;
    disk_record_row(NULL, 0);
}

static int save(const struct scratch *folder, const char *title, bool journaled, struct err *err)
{
    static const struct book_journal journal = {.begin = begin, .end = end};
    struct book *b LB_CLEANUP(book_close) = NULL;
    struct book_change change = {"Title", title};
    bool written;
    if (book_open(folder->fd, BOOK, &b, err) < 0)
        return -1;
    if (journaled)
        book_set_journal(b, &journal);
    return book_save(b, &change, 1, NULL, NULL, &written, err);
}

/* What a start does for the folder: the record's book is made whole, then leftovers go. */
static int recover(const struct scratch *folder, struct disk_image *image, struct err *err)
{
    int dir LB_CLEANUP(fd_close) = openat(folder->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (image->row.len > 0) {
        struct tail_write w;
        struct stat st;
        enum book_recovery how;
        must(image->row.len == sizeof(w));
        memcpy(&w, image->row.data, sizeof(w));
        /* The file that is put together again is another one than the record's. */
        must(fstatat(folder->fd, BOOK, &st, AT_SYMLINK_NOFOLLOW) == 0);
        w.device = (int64_t)st.st_dev;
        w.inode = (int64_t)st.st_ino;
        if (book_recover(folder->fd, BOOK, NULL, true, &w, &how, err) < 0)
            return -1;
        if (how == BOOK_MISSING || how == BOOK_NO_FOLDER)
            return err_set(err, ERR_NOT_FOUND, "the book is not there");
    }
    for (size_t i = 0; i < image->n; i++)
        if (strcmp(image->files[i].name, BOOK) != 0)
            (void)book_copy_remove_leftover(dir, image->files[i].name);
    return 0;
}

/* Lives the life; `v` are the books it had, in order. */
static struct disk_model *record(const struct lab *lab, const struct life *life, struct versions *v)
{
    struct err err = {0};
    make_book(lab, life);
    scratch_read(&lab->live, BOOK, &v->bytes[v->n++]);
    struct disk_model *m = disk_record(&lab->live);
    (void)disk_share_blocks(life->way == CLONED);
    for (size_t i = 0; i < MAX_SAVES && life->title_bytes[i] > 0; i++) {
        struct strbuf title LB_CLEANUP(strbuf_clear) = {0};
        uint64_t random = i;
        for (size_t k = 0; k < life->title_bytes[i]; k++)
            strbuf_addc(&title, (char)('a' + disk_random(&random) % 26));
        if (save(&lab->live, strbuf_str(&title), life->way != COPIED, &err) < 0)
            fail_msg("%s: %s", life->name, err.msg);
        v->saved_at[v->n] = disk_steps(m);
        scratch_read(&lab->live, BOOK, &v->bytes[v->n++]);
    }
    disk_record_end(m);
    size_t clones = disk_share_blocks(false);
    assert_true(life->way == CLONED ? clones >= v->n - 1 : clones == 0);
    return m;
}

/* Is it one of the two books that may be there now? -1, or which. */
static int version_of(const struct strbuf *now, const struct versions *v, size_t steps)
{
    size_t answered = 0;
    while (answered + 1 < v->n && v->saved_at[answered + 1] <= steps)
        answered++;
    for (size_t i = answered; i <= answered + 1 && i < v->n; i++)
        if (now->len == v->bytes[i].len && memcmp(now->data, v->bytes[i].data, now->len) == 0)
            return (int)(i - answered);
    return -1;
}

struct tally {
    size_t states, old, new, lost;
};

/* Puts the image on the disk, recovers and looks; with `deaths`, once for each death in the recovery, too. */
static void judge(const struct lab *lab, const struct versions *v, struct disk_image *image,
                  size_t steps, bool deaths, struct tally *tally)
{
    struct strbuf now LB_CLEANUP(strbuf_clear) = {0};
    size_t calls = 0;
    for (size_t death = 0; death == 0 || (deaths && death <= calls); death++) {
        struct err err = {0};
        disk_image_put(image, &lab->replay);
        if (death > 0) {
            (void)disk_fail_after(death - 1);
            (void)recover(&lab->replay, image, &err); /* dies */
        }
        (void)disk_fail_after(DISK_NEVER);
        int rc = recover(&lab->replay, image, &err);
        calls = death == 0 ? disk_fail_after(DISK_NEVER) : calls;
        scratch_read(&lab->replay, BOOK, &now);
        int which = rc == 0 ? version_of(&now, v, steps) : -1;
        tally->states++;
        tally->old += which == 0;
        tally->new += which == 1;
        tally->lost += which < 0 || scratch_count(&lab->replay, ".longbox-") > 0;
    }
}

static void kill_everywhere(const struct lab *lab, const struct life *life, struct tally *tally)
{
    struct versions v LB_CLEANUP(versions_clear) = {0};
    struct disk_model *m LB_CLEANUP(disk_model_free) = record(lab, life, &v);
    struct disk_image image LB_CLEANUP(disk_image_clear) = {0};
    char text[120];
    for (size_t i = 0; i <= disk_steps(m); i++) {
        size_t bytes = disk_step_bytes(m, i);
        size_t stride = bytes > 4 * PAGE_BYTES ? 512 : long_run() ? 1 : 13;
        for (size_t k = 0; k == 0 || k < bytes; k += stride) {
            size_t lost = tally->lost;
            disk_killed(m, i, k, &image);
            judge(lab, &v, &image, i, k == 0 || k % (stride * 64) == 0, tally);
            if (tally->lost > lost)
                fail_msg("%s: lost after %zu calls and %zu bytes of %s", life->name, i, k,
                         disk_step_text(m, i, text, sizeof(text)));
        }
    }
    /* The record is whole: all of it gives the newest book without any recovery. */
    disk_killed(m, disk_steps(m), 0, &image);
    assert_int_equal(image.n, 1);
    assert_int_equal(image.row.len, 0);
    assert_int_equal(image.files[0].bytes.len, v.bytes[v.n - 1].len);
    assert_memory_equal(image.files[0].bytes.data, v.bytes[v.n - 1].data, v.bytes[v.n - 1].len);
}

static void lose_power(const struct lab *lab, const struct life *life, size_t trials,
                       bool with_syncs, struct tally *tally)
{
    struct versions v LB_CLEANUP(versions_clear) = {0};
    struct disk_model *m LB_CLEANUP(disk_model_free) = record(lab, life, &v);
    struct disk_image image LB_CLEANUP(disk_image_clear) = {0};
    uint64_t random = SEED;
    char text[120];
    for (size_t i = 0; i < trials; i++) {
        uint64_t seed = random;
        size_t steps = (size_t)(disk_random(&random) % (disk_steps(m) + 1));
        size_t bytes = disk_step_bytes(m, steps);
        size_t lost = tally->lost;
        bytes = bytes ? (size_t)(disk_random(&random) % bytes) : 0;
        disk_power_lost(m, steps, bytes, with_syncs, &random, &image);
        judge(lab, &v, &image, steps, i % 16 == 0, tally);
        if (tally->lost > lost && with_syncs)
            fail_msg("%s: lost, random %llx, after %zu calls and %zu bytes of %s", life->name,
                     (unsigned long long)seed, steps, bytes,
                     disk_step_text(m, steps, text, sizeof(text)));
    }
}

/* ------------------------------------------------------------------ the tests */

#define TAGS "<ComicInfo><Title>Old</Title><Series>Kept</Series></ComicInfo>"

static const struct life lives[] = {
    {"tags last, three saves", TAGS, PAGES, 0, "", SETTLED, {20, 400, 3}},
    {"no tags, two saves", NULL, 0, 0, "", SETTLED, {200, 10}},
    {"tags first: a copy, then a settle", TAGS, 0, 0, "", SETTLED, {20, 300}},
    {"tags in the middle, comment", TAGS, 2, 0, "made by hand", SETTLED, {100, 100}},
    {"data descriptors", TAGS, PAGES, ZM_DESCRIPTOR, "", SETTLED, {50, 60}},
    {"zip64", TAGS, PAGES, ZM_WIDE, "a comment", SETTLED, {50, 3000, 5}},
    {"tags grow by 40 KB", TAGS, PAGES, 0, "", SETTLED, {65000, 20}},
    {"three clones", TAGS, PAGES, 0, "", CLONED, {20, 400, 3}},
    {"three copies", TAGS, PAGES, 0, "", COPIED, {20, 400, 3}},
    {"tags first: two copies", TAGS, 0, ZM_DESCRIPTOR, "a comment", COPIED, {20, 400}},
};

static void note(const char *what, const struct tally *t)
{
    print_message("# note: %s: %zu states, %zu old, %zu new, %zu lost\n", what, t->states, t->old,
                  t->new, t->lost);
}

static void death_between_any_two_bytes_leaves_the_old_or_the_new_book(void **state)
{
    struct tally tally = {0};
    for (size_t i = 0; i < ARRAY_LEN(lives); i++)
        kill_everywhere(*state, &lives[i], &tally);
    note("books after a death at each call and byte", &tally);
    assert_int_equal(tally.lost, 0);
    assert_true(tally.old > 10 && tally.new > 10);
}

static void loss_of_power_leaves_the_old_or_the_new_book(void **state)
{
    struct tally tally = {0};
    size_t trials = (long_run() ? 20000 : 2100) / ARRAY_LEN(lives) + 1;
    for (size_t i = 0; i < ARRAY_LEN(lives); i++)
        lose_power(*state, &lives[i], trials, true, &tally);
    note("books after a loss of power", &tally);
    assert_int_equal(tally.lost, 0);
    assert_true(tally.old > 10 && tally.new > 10);
}

/* What the two above are worth: the same code without its syncs does lose books, and it shows. */
static void without_syncs_books_are_lost_and_it_is_seen(void **state)
{
    for (size_t i = 0; i < ARRAY_LEN(lives); i++) {
        struct tally tally = {0};
        lose_power(*state, &lives[i], 300, false, &tally);
        assert_true(tally.lost > 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(death_between_any_two_bytes_leaves_the_old_or_the_new_book),
        cmocka_unit_test(loss_of_power_leaves_the_old_or_the_new_book),
        cmocka_unit_test(without_syncs_books_are_lost_and_it_is_seen),
    };
    return cmocka_run_group_tests_name("book, replay", tests, setup, teardown);
}
