/* test_trash.c - books that go into the trash: names, folders, another file system, crashes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "scratch.h"
#include "trash.h"

static struct scratch library, near_by, far;
static char far_dir[64];

static int setup(void **state)
{
    (void)state;
    scratch_make(&library);
    scratch_make(&near_by);
    (void)snprintf(far_dir, sizeof(far_dir), "/dev/shm/longbox-trash-XXXXXX");
    if (!mkdtemp(far_dir))
        return -1;
    (void)snprintf(far.dir, sizeof(far.dir), "%s", far_dir);
    far.fd = open(far_dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (mkdirat(library.fd, "Batman", 0755) < 0)
        return -1;
    scratch_write(&library, "Batman/one.cbr", "first", 5);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    scratch_remove(&library);
    scratch_remove(&near_by);
    scratch_remove(&far);
    return 0;
}

static struct trash trash_in(const char *dir)
{
    return (struct trash){library.fd, library.dir, dir};
}

static bool is_there(const struct scratch *s, const char *name)
{
    struct stat st;
    return fstatat(s->fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

static void assert_bytes(const struct scratch *s, const char *name, const char *text)
{
    struct strbuf b LB_CLEANUP(strbuf_clear) = {0};
    scratch_read(s, name, &b);
    assert_string_equal(strbuf_str(&b), text);
}

static char *put(const struct trash *t, const char *path)
{
    struct err err = {0};
    char *place = NULL;
    if (trash_put(t, path, &place, &err) < 0)
        fail_msg("%s", err.msg);
    return place;
}

static void keeps_folders_and_never_overwrites(void **state)
{
    (void)state;
    const char *dirs[] = {NULL, near_by.dir, far_dir};
    for (size_t i = 0; i < ARRAY_LEN(dirs); i++) {
        struct trash t = trash_in(dirs[i]);
        struct strbuf want LB_CLEANUP(strbuf_clear) = {0};
        scratch_write(&library, "Batman/one.cbr", "first", 5);
        char *a LB_CLEANUP(mem_free) = put(&t, "Batman/one.cbr");
        scratch_write(&library, "Batman/one.cbr", "second", 6);
        char *b LB_CLEANUP(mem_free) = put(&t, "Batman/one.cbr");
        if (dirs[i])
            strbuf_addf(&want, "%s/Batman/one", dirs[i]);
        else
            strbuf_addf(&want, "%s/" TRASH_FOLDER "/Batman/one", library.dir);
        size_t len = want.len;
        strbuf_adds(&want, ".cbr");
        assert_string_equal(a, strbuf_str(&want));
        want.len = len;
        strbuf_adds(&want, " (2).cbr");
        assert_string_equal(b, strbuf_str(&want));
        assert_false(is_there(&library, "Batman/one.cbr"));
        struct scratch root = {.fd = AT_FDCWD};
        assert_bytes(&root, a, "first");
        assert_bytes(&root, b, "second");
    }
}

static void another_file_system_keeps_time_and_mode(void **state)
{
    (void)state;
    struct trash t = trash_in(far_dir);
    struct timespec times[2] = {{1000000, 5000}, {1234567, 89000}};
    struct stat st;
    assert_int_equal(utimensat(library.fd, "Batman/one.cbr", times, 0), 0);
    assert_int_equal(fchmodat(library.fd, "Batman/one.cbr", 0640, 0), 0);
    char *place LB_CLEANUP(mem_free) = put(&t, "Batman/one.cbr");
    assert_int_equal(stat(place, &st), 0);
    assert_int_equal(st.st_mtim.tv_sec, 1234567);
    assert_int_equal(st.st_mtim.tv_nsec, 89000);
    assert_int_equal(st.st_mode & 07777, 0640);
    struct scratch folder;
    (void)snprintf(folder.dir, sizeof(folder.dir), "%.40s/Batman", far_dir);
    assert_int_equal(scratch_count(&folder, ".longbox"), 0);
}

static void what_is_no_file_stays(void **state)
{
    (void)state;
    struct trash t = trash_in(NULL);
    struct err err = {0};
    char *place = NULL;
    assert_int_equal(trash_put(&t, "Batman/two.cbr", &place, &err), -1);
    assert_int_equal(err.code, ERR_NOT_FOUND);
    assert_int_equal(trash_put(&t, "Batman", &place, &err), -1);
    assert_int_equal(err.code, ERR_BOOK);
    assert_null(place);
    assert_int_equal(symlinkat("/etc", library.fd, "out"), 0);
    assert_int_equal(trash_put(&t, "out/passwd", &place, &err), -1);
    assert_null(place);
}

/* A folder of the trash that is a link would lead out of it. */
static void links_in_the_trash_are_not_followed(void **state)
{
    (void)state;
    struct trash t = trash_in(far_dir);
    struct err err = {0};
    char *place = NULL;
    assert_int_equal(symlinkat(near_by.dir, far.fd, "Batman"), 0);
    assert_int_equal(trash_put(&t, "Batman/one.cbr", &place, &err), -1);
    assert_bytes(&library, "Batman/one.cbr", "first");
    assert_int_equal(scratch_count(&near_by, "one"), 0);
}

static void long_names_stay_within_255_bytes(void **state)
{
    (void)state;
    struct trash t = trash_in(near_by.dir);
    char name[256];
    memset(name, 'x', 251);
    memcpy(name + 251, ".cbr", 5);
    for (int i = 0; i < 2; i++) {
        scratch_write(&library, name, "page", 4);
        char *place LB_CLEANUP(mem_free) = put(&t, name);
        assert_int_equal(strlen(strrchr(place, '/') + 1), 255);
        assert_int_equal(strstr(place, " (2).cbr") != NULL, i == 1);
    }
}

struct fate {
    const char *fault, *dir;
};

static int move_one(void *ctx)
{
    const struct fate *f = ctx;
    struct trash t = trash_in(f->dir);
    struct err err = {0};
    bool taken;
    (void)setenv("LB_FAULT", f->fault, 1);
    return trash_move(&t, "Batman/one.cbr", "Batman/one.cbr", &taken, &err) == 0 && !taken ? 0 : 1;
}

/* Whenever it dies: the book is in one of the two places, whole, and a second move ends with it in the trash. */
static void a_death_loses_nothing_and_can_be_repeated(void **state)
{
    (void)state;
    static const char *const points[] = {"trash_copied:1:kill", "move_renamed:1:kill",
                                         "trash_copy_named:1:kill", "trash_moved:1:kill"};
    for (size_t i = 0; i < ARRAY_LEN(points); i++) {
        for (int k = 0; k < 2; k++) {
            struct fate f = {points[i], k ? far_dir : NULL};
            struct fate again = {"", f.dir};
            char place[128];
            struct scratch root = {.fd = AT_FDCWD};
            scratch_write(&library, "Batman/one.cbr", "first", 5);
            int status = scratch_child(move_one, &f);
            if (k == 1 || i == 1 || i == 3)
                assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
            assert_int_equal(scratch_child(move_one, &again), 0);
            assert_false(is_there(&library, "Batman/one.cbr"));
            (void)snprintf(place, sizeof(place), "%s/Batman/one.cbr", k ? far_dir : TRASH_FOLDER);
            assert_bytes(k ? &root : &library, place, "first");
            assert_int_equal(unlinkat(k ? AT_FDCWD : library.fd, place, 0), 0);
        }
    }
}

static void a_taken_place_is_told_and_nothing_moves(void **state)
{
    (void)state;
    const char *dirs[] = {NULL, far_dir};
    for (size_t i = 0; i < ARRAY_LEN(dirs); i++) {
        struct trash t = trash_in(dirs[i]);
        struct err err = {0};
        bool taken = false;
        scratch_write(&library, "Batman/one.cbr", "other", 5);
        free(put(&t, "Batman/one.cbr"));
        scratch_write(&library, "Batman/one.cbr", "first", 5);
        assert_int_equal(trash_move(&t, "Batman/one.cbr", "Batman/one.cbr", &taken, &err), 0);
        assert_true(taken);
        assert_bytes(&library, "Batman/one.cbr", "first");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(keeps_folders_and_never_overwrites, setup, teardown),
        cmocka_unit_test_setup_teardown(another_file_system_keeps_time_and_mode, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_no_file_stays, setup, teardown),
        cmocka_unit_test_setup_teardown(links_in_the_trash_are_not_followed, setup, teardown),
        cmocka_unit_test_setup_teardown(long_names_stay_within_255_bytes, setup, teardown),
        cmocka_unit_test_setup_teardown(a_death_loses_nothing_and_can_be_repeated, setup, teardown),
        cmocka_unit_test_setup_teardown(a_taken_place_is_told_and_nothing_moves, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
