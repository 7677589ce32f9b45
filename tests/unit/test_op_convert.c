/*
 * test_op_convert.c - books that become CBZ: what comes out, what is refused, and what a second run makes of the work of
 * a killed one.
 */
#include "op_lab.h"

#include "scratch.h"
#include "zipmaker.h"

/* A tar (or what argv[2] says) with a folder, two pages, tags and, on demand, more. */
static const char maker[] =
    "import sys, tarfile, io, os\n"
    "os.makedirs(os.path.dirname(sys.argv[1]), exist_ok=True)\n"
    "t = tarfile.open(sys.argv[1], 'w')\n"
    "def add(name, data=b'', kind=None):\n"
    "    i = tarfile.TarInfo(name); i.size = len(data); i.mtime = 1400000000\n"
    "    if kind: i.type = kind; i.linkname = '/etc/passwd'\n"
    "    t.addfile(i, io.BytesIO(data))\n"
    "add('sub', kind=tarfile.DIRTYPE)\n"
    "add('sub/1.gif', b'GIF89a first page' * 50)\n"
    "add('sub/\\u00e9.gif', b'GIF89a second page' * 60)\n"
    "add('ComicInfo.xml', b'<ComicInfo><Title>T</Title><Writer>W</Writer></ComicInfo>')\n"
    "exec(sys.argv[2])\n"
    "t.close()\n"
    "os.utime(sys.argv[1], (1300000000, 1300000000.25)); os.chmod(sys.argv[1], 0o640)\n";

static void make_tar(const struct lab *l, const char *path, const char *more)
{
    struct scratch s = {0};
    struct strbuf out LB_CLEANUP(strbuf_clear) = {0};
    (void)snprintf(s.dir, sizeof(s.dir), "%.60s", l->dir);
    scratch_python(&s, maker, path, more, &out);
}

static void make_zip(const struct lab *l, const char *path)
{
    struct zipmaker m LB_CLEANUP(zipmaker_clear) = {0};
    zipmaker_adds(&m, "1.gif", "GIF89a page", 0);
    zipmaker_end(&m, "", 0);
    write_file(l, path, m.out.data, m.out.len);
}

static int far_remove(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
    (void)st, (void)flag, (void)ftw;
    return remove(path);
}

/* Every file beneath a folder: name, mode, size and checksum. */
static struct strbuf *lines;
static size_t cut;

static int list_file(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
    (void)ftw;
    if (flag != FTW_F)
        return 0;
    unsigned char *bytes = malloc((size_t)st->st_size + 1);
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    assert_int_equal(fread(bytes, 1, (size_t)st->st_size, f), st->st_size);
    (void)fclose(f);
    strbuf_addf(lines, "%s %o %u links %lld bytes %08lx at %lld\n", path + cut,
                (unsigned)st->st_mode & 07777, (unsigned)st->st_nlink, (long long)st->st_size,
                crc32(0, bytes, (unsigned)st->st_size), (long long)st->st_mtime);
    free(bytes);
    return 0;
}

static char *list_folder(const char *dir)
{
    struct strbuf b LB_CLEANUP(strbuf_clear) = {0}, sorted = {0};
    lines = &b;
    cut = strlen(dir);
    assert_int_equal(nftw(dir, list_file, 16, FTW_PHYS), 0);
    char *all[64], *rest = b.data;
    size_t n = 0;
    for (char *line; rest && (line = strsep(&rest, "\n")) != NULL && n < 64;)
        if (line[0])
            all[n++] = line;
    qsort(all, n, sizeof(all[0]), compare_lines);
    for (size_t i = 0; i < n; i++)
        strbuf_addf(&sorted, "%s\n", all[i]);
    return strbuf_take(&sorted);
}

static const char *full_path(const struct lab *l, const char *path)
{
    static char full[256];
    (void)snprintf(full, sizeof(full), "%s/%s", l->dir, path);
    return full;
}

static void entries_of(const struct lab *l, const char *path, const char *want)
{
    struct scratch s = {0};
    struct strbuf out LB_CLEANUP(strbuf_clear) = {0};
    (void)snprintf(s.dir, sizeof(s.dir), "%.60s", l->dir);
    assert_true(scratch_zip_ok(&s, path));
    scratch_python(&s,
                   "import sys, zipfile\n"
                   "for i in zipfile.ZipFile(sys.argv[1]).infolist():\n"
                   "    print(ascii(i.filename), i.file_size, i.compress_type, i.date_time[0])",
                   path, "", &out);
    assert_string_equal(strbuf_str(&out), want);
}

#define ENTRIES "'sub/1.gif' 850 0 2014\n'sub/\\xe9.gif' 1080 0 2014\n'ComicInfo.xml' 57 0 2014\n"

static void assert_detail(const struct op_result *r, const char *key, const char *value)
{
    const char *is = json_string_value(json_object_get(r->details, key));
    assert_non_null(is);
    assert_string_equal(is, value);
}

static void a_tar_becomes_a_cbz_and_goes_to_the_trash(void **state)
{
    (void)state;
    struct lab l LB_CLEANUP(lab_close);
    struct op_result r LB_CLEANUP(op_result_clear) = {0};
    struct stat st;
    char full[256];
    lab_open(&l);
    make_tar(&l, "library/S/a.cbt", "add('link', kind=tarfile.SYMTYPE)");
    run_ok(&l, "convert", "S/a.cbt", &r);
    entries_of(&l, "library/S/a.cbz", ENTRIES);
    assert_false(exists(&l, "library/S/a.cbt"));
    assert_true(exists(&l, "library/.longbox-trash/S/a.cbt"));
    (void)snprintf(full, sizeof(full), "%s/S/a.cbz", l.library);
    assert_int_equal(stat(full, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0640);
    assert_int_equal(st.st_mtim.tv_sec, 1300000000);
    assert_int_equal(st.st_mtim.tv_nsec, 250000000);
    assert_string_equal(r.final_path, "S/a.cbz");
    assert_true(r.changed_file && !r.mark_processed && !r.mark_duplicate);
    assert_string_equal(r.message, "1 link was in it left out");
    (void)snprintf(full, sizeof(full), "%s/.longbox-trash/S/a.cbt", l.library);
    assert_detail(&r, "trash", full);
    assert_detail(&r, "unpacked_by", "libarchive");
    assert_int_equal(json_integer_value(json_object_get(r.details, "entries")), 3);
    assert_int_equal(json_integer_value(json_object_get(r.details, "pages")), 2);
    assert_string_equal(r.after.title, "T");
    assert_string_equal(tag(&l, "library/S/a.cbz", "Writer"), "W");
}

static void another_trash_folder(void **state)
{
    (void)state;
    struct lab l LB_CLEANUP(lab_close);
    struct op_result r LB_CLEANUP(op_result_clear) = {0}, s LB_CLEANUP(op_result_clear) = {0};
    char trash[160];
    lab_open(&l);
    (void)snprintf(trash, sizeof(trash), "%s/trash", l.dir);
    assert_int_equal(mkdir(trash, 0755), 0);
    l.env.trash_dir = trash;
    make_tar(&l, "library/S/a.cbt", "");
    run_ok(&l, "convert", "S/a.cbt", &r);
    assert_true(exists(&l, "trash/S/a.cbt") && !exists(&l, "library/.longbox-trash"));
    assert_int_equal(remove(full_path(&l, "library/S/a.cbz")), 0);
    make_tar(&l, "library/S/a.cbt", "");
    run_ok(&l, "convert", "S/a.cbt", &s);
    assert_true(exists(&l, "trash/S/a (2).cbt"));
}

static void what_is_no_zip_but_called_cbz_keeps_its_name(void **state)
{
    (void)state;
    struct lab l LB_CLEANUP(lab_close);
    struct op_result r LB_CLEANUP(op_result_clear) = {0}, again LB_CLEANUP(op_result_clear) = {0};
    lab_open(&l);
    make_tar(&l, "library/a.CBZ", "");
    run_ok(&l, "convert", "a.CBZ", &r);
    entries_of(&l, "library/a.CBZ", ENTRIES);
    assert_true(exists(&l, "library/.longbox-trash/a.CBZ"));
    assert_null(r.final_path);
    assert_true(r.changed_file);
    run_ok(&l, "convert", "a.CBZ", &again);
    assert_string_equal(again.message, "this is a CBZ already");
    assert_false(again.changed_file);
}

static void a_zip_under_another_extension_is_renamed(void **state)
{
    (void)state;
    struct lab l LB_CLEANUP(lab_close);
    struct op_result r LB_CLEANUP(op_result_clear) = {0};
    lab_open(&l);
    make_zip(&l, "library/a.cbr");
    ino_t was = inode(&l, "library/a.cbr");
    run_ok(&l, "convert", "a.cbr", &r);
    assert_int_equal(inode(&l, "library/a.cbz"), was);
    assert_false(exists(&l, "library/a.cbr") || exists(&l, "library/.longbox-trash"));
    assert_string_equal(r.final_path, "a.cbz");
    assert_detail(&r, "converted_from", "ZIP");
}

static void a_taken_name_changes_nothing(void **state)
{
    (void)state;
    struct lab l LB_CLEANUP(lab_close);
    struct op_result r LB_CLEANUP(op_result_clear) = {0};
    lab_open(&l);
    make_tar(&l, "library/a.cbt", "");
    make_zip(&l, "library/a.cbz");
    char *before LB_CLEANUP(mem_free) = list_folder(l.library);
    run_ok(&l, "convert", "a.cbt", &r);
    char *after LB_CLEANUP(mem_free) = list_folder(l.library);
    assert_string_equal(after, before);
    assert_true(r.mark_duplicate && !r.changed_file && !r.final_path);
    assert_true(json_is_true(json_object_get(r.details, "duplicate")));
}

static void assert_refused(struct lab *l, const char *path, enum err_code code, const char *part)
{
    struct op_result r LB_CLEANUP(op_result_clear) = {0};
    struct err err = {0};
    char *before LB_CLEANUP(mem_free) = list_folder(l->library);
    assert_int_equal(run(l, "convert", path, NULL, &r, &err), -1);
    char *after LB_CLEANUP(mem_free) = list_folder(l->library);
    assert_string_equal(after, before);
    assert_int_equal(err.code, code);
    if (!strstr(err.msg, part))
        fail_msg("\"%s\" does not say \"%s\"", err.msg, part);
}

/* Not converted, but moved as it is; twice, so that the second one's name is taken there. */
static void a_duplicate_moves_to_its_folder(void **state)
{
    (void)state;
    struct lab l LB_CLEANUP(lab_close);
    struct op_result r LB_CLEANUP(op_result_clear) = {0}, s LB_CLEANUP(op_result_clear) = {0};
    char want[256];
    lab_open(&l);
    l.env.duplicate_dir = l.duplicates;
    make_tar(&l, "library/A/S/a.cbt", "");
    make_zip(&l, "library/A/S/a.cbz");
    make_zip(&l, "duplicates/S/a.cbt");
    ino_t was = inode(&l, "library/A/S/a.cbt"), there = inode(&l, "library/A/S/a.cbz");
    run_ok(&l, "convert", "A/S/a.cbt", &r);
    assert_int_equal(inode(&l, "duplicates/S/a (2).cbt"), was);
    assert_int_equal(inode(&l, "library/A/S/a.cbz"), there);
    assert_false(exists(&l, "library/A/S/a.cbt") || exists(&l, "library/.longbox-trash"));
    assert_true(r.mark_duplicate && r.changed_file && !r.final_path && !r.mark_processed);
    (void)snprintf(want, sizeof(want), "%s/S/a (2).cbt", l.duplicates);
    assert_detail(&r, "final", want);
    assert_string_equal(json_string_value(json_object_get(r.undo, "moved_to")), want);
    assert_string_equal(r.message, "duplicate: \"a.cbz\" is there already; nothing was converted");

    (void)snprintf(l.duplicates, sizeof(l.duplicates), "%s/again", l.library);
    assert_int_equal(mkdir(l.duplicates, 0755), 0);
    make_zip(&l, "library/A/S/a.cbr"); /* only its name is wrong */
    run_ok(&l, "convert", "A/S/a.cbr", &s);
    assert_string_equal(s.final_path, "again/S/a.cbr");
    assert_true(exists(&l, "library/again/S/a.cbr") && !exists(&l, "library/A/S/a.cbr"));
    assert_true(s.undo && !json_object_get(s.undo, "moved_to"));
}

static void a_preview_of_a_duplicate_tells_its_place(void **state)
{
    (void)state;
    struct lab l LB_CLEANUP(lab_close);
    struct op_result r LB_CLEANUP(op_result_clear) = {0};
    lab_open(&l);
    l.env.dry_run = true;
    l.env.duplicate_dir = l.duplicates;
    make_tar(&l, "library/S/a.cbt", "");
    make_zip(&l, "library/S/a.cbz");
    make_zip(&l, "duplicates/S/a.cbt");
    char *before LB_CLEANUP(mem_free) = list_folder(l.dir);
    run_ok(&l, "convert", "S/a.cbt", &r);
    char *after LB_CLEANUP(mem_free) = list_folder(l.dir);
    assert_string_equal(after, before);
    assert_int_equal(l.declared, 0);
    json_t *preview = json_object_get(r.details, "preview");
    assert_string_equal(
        json_string_value(json_object_get(json_object_get(preview, "after"), "name")), "a (2).cbt");
    assert_string_equal(json_string_value(json_object_get(preview, "method")), "none");
    assert_true(r.mark_duplicate);
    assert_non_null(strstr(r.message, "nothing would be converted"));
}

static void a_duplicate_that_cannot_move_stays(void **state)
{
    (void)state;
    struct lab l LB_CLEANUP(lab_close);
    lab_open(&l);
    make_tar(&l, "library/a.cbt", "");
    make_zip(&l, "library/a.cbz");
    l.env.duplicate_dir = "/nowhere/at/all";
    assert_refused(&l, "a.cbt", ERR_IO, "/nowhere/at/all");
    l.env.duplicate_dir = l.duplicates;
    l.refuse = ERR_CONFLICT;
    assert_refused(&l, "a.cbt", ERR_CONFLICT, "");
}

static void what_cannot_be_converted_stays(void **state)
{
    (void)state;
    struct lab l LB_CLEANUP(lab_close);
    lab_open(&l);
    make_tar(&l, "library/unsafe.cbt", "add('../../out.gif', b'x')");
    assert_refused(&l, "unsafe.cbt", ERR_BOOK, "unsafe name");
    write_file(&l, "library/bad.cbr", "Rar!\x1a\x07\x01\x00 and then nothing of use", 32);
    assert_refused(&l, "bad.cbr", ERR_BOOK, "cannot be unpacked");
    assert_refused(&l, "bad.cbr", ERR_BOOK, "unpack it with unar");
    write_file(&l, "library/pdf.cbr", "%PDF-1.4 and so on", 18);
    assert_refused(&l, "pdf.cbr", ERR_BOOK, "PDF");
    write_file(&l, "library/empty.cbr", "", 0);
    assert_refused(&l, "empty.cbr", ERR_BOOK, "empty");
    assert_refused(&l, "none.cbr", ERR_NOT_FOUND, "");
    l.cancel = true;
    make_tar(&l, "library/a.cbt", "");
    assert_refused(&l, "a.cbt", ERR_CANCELLED, "cancelled");
    l.cancel = false;
    l.refuse = ERR_CONFLICT;
    assert_refused(&l, "a.cbt", ERR_CONFLICT, "");
}

/* Cut anywhere it is refused, or all of it came: never a book with pages missing. */
static void a_cut_archive_never_becomes_a_shorter_book(void **state)
{
    (void)state;
    struct lab l LB_CLEANUP(lab_close);
    char full[256];
    lab_open(&l);
    for (int size = 10240; size >= 512; size -= 512) {
        struct op_result r LB_CLEANUP(op_result_clear) = {0};
        struct err err = {0};
        make_tar(&l, "library/a.cbt", "");
        (void)snprintf(full, sizeof(full), "%s/a.cbt", l.library);
        assert_int_equal(truncate(full, size), 0);
        if (run(&l, "convert", "a.cbt", NULL, &r, &err) < 0) {
            assert_int_equal(err.code, ERR_BOOK);
            assert_true(exists(&l, "library/a.cbt"));
            continue;
        }
        entries_of(&l, "library/a.cbz", ENTRIES);
        assert_int_equal(remove(full_path(&l, "library/a.cbz")), 0);
    }
}

static int plan_free(void *ctx, const char *to, bool on_disk, bool *ret_taken, struct err *err)
{
    (void)ctx, (void)err;
    assert_string_equal(to, "a.cbz");
    *ret_taken = on_disk;
    return 0;
}

static void a_preview_changes_nothing(void **state)
{
    (void)state;
    struct lab l LB_CLEANUP(lab_close);
    struct op_result r LB_CLEANUP(op_result_clear) = {0};
    lab_open(&l);
    l.env.dry_run = true;
    l.env.plan_name = plan_free;
    make_tar(&l, "library/a.cbt", "");
    char *before LB_CLEANUP(mem_free) = list_folder(l.library);
    run_ok(&l, "convert", "a.cbt", &r);
    char *after LB_CLEANUP(mem_free) = list_folder(l.library);
    assert_string_equal(after, before);
    assert_int_equal(l.declared, 0);
    assert_string_equal(r.final_path, "a.cbz");
    json_t *preview = json_object_get(r.details, "preview");
    assert_string_equal(
        json_string_value(json_object_get(json_object_get(preview, "after"), "name")), "a.cbz");
}

#ifdef LB_FAULTS

/* ------------------------------------------------------------------ crashes */

enum where { TRASH_IN, TRASH_FAR, TAKEN };

static char far_dir[64];

struct scene {
    const char *name, *book;
    enum where where;
    bool zip;
};
static const struct scene scenes[] = {
    {"tar", "S/a.cbt", TRASH_IN, false},
    {"tar, far", "S/a.cbt", TRASH_FAR, false},
    {"misnamed", "S/a.cbz", TRASH_IN, false},
    {"misnamed, far", "S/a.cbz", TRASH_FAR, false},
    {"bytes", "S\xff/a\xfe.cbt", TRASH_IN, false},
    {"zip", "S/a.cbr", TRASH_IN, true},
    {"taken", "S/a.cbt", TAKEN, false},
    {"zip, taken", "S/a.cbr", TAKEN, true},
};

/* Made once: Python takes its time. */
static void copy_tar(const struct lab *l, const char *path)
{
    static struct strbuf tar;
    struct timespec times[2] = {{1300000000, 0}, {1300000000, 250000000}};
    if (tar.len == 0) {
        struct scratch s = {0};
        (void)snprintf(s.dir, sizeof(s.dir), "%.60s", l->dir);
        make_tar(l, path, "add('pipe', kind=tarfile.FIFOTYPE)");
        s.fd = open(l->dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
        scratch_read(&s, path, &tar);
        (void)close(s.fd);
        return;
    }
    write_file(l, path, tar.data, tar.len);
    assert_int_equal(chmod(full_path(l, path), 0640), 0);
    assert_int_equal(utimensat(AT_FDCWD, full_path(l, path), times, 0), 0);
}

static void set_scene(struct lab *l, const char *dir, const struct scene *s)
{
    char path[160];
    if (mkdir(dir, 0700) < 0)
        assert_int_equal(errno, EEXIST);
    (void)nftw(far_dir, far_remove, 16, FTW_DEPTH | FTW_PHYS);
    assert_int_equal(mkdir(far_dir, 0700), 0);
    lab_open_at(l, dir);
    l->env.trash_dir = s->where == TRASH_FAR ? far_dir : NULL;
    if (s->where == TAKEN) {
        l->env.duplicate_dir = l->duplicates;
        make_zip(l, "library/S/a.cbz");
        assert_int_equal(utimensat(AT_FDCWD, full_path(l, "library/S/a.cbz"),
                                   (struct timespec[2]){{1, 0}, {1, 0}}, 0),
                         0);
    }
    (void)snprintf(path, sizeof(path), "library/S/source");
    if (s->zip) {
        make_zip(l, path);
        assert_int_equal(
            utimensat(AT_FDCWD, full_path(l, path), (struct timespec[2]){{2, 0}, {2, 0}}, 0), 0);
    } else {
        copy_tar(l, path);
    }
    (void)mkdirat(l->env.library_fd, "S\xff", 0755);
    assert_int_equal(renameat(l->env.library_fd, "S/source", l->env.library_fd, s->book), 0);
}

static char *list_all(const struct lab *l)
{
    char *a LB_CLEANUP(mem_free) = list_folder(l->library),
            *b LB_CLEANUP(mem_free) = list_folder(far_dir);
    char *c LB_CLEANUP(mem_free) = list_folder(l->duplicates);
    struct strbuf both = {0};
    strbuf_addf(&both, "%s--\n%s--\n%s", a, b, c);
    return strbuf_take(&both);
}

/* "<size> bytes <checksum>" of a listed file, from its line on. */
static void sum_of(const char *list, const char *name, char ret[64])
{
    const char *line = strstr(list, name);
    assert_non_null(line);
    const char *from = strstr(line, " links ");
    assert_non_null(from);
    (void)snprintf(ret, 64, "%.*s", (int)(strstr(from, " at ") - from - 7), from + 7);
}

/* At the moment of death the old bytes are under some name. */
static void assert_old_is_there(const struct lab *l, const char *old)
{
    char *now LB_CLEANUP(mem_free) = list_all(l);
    if (!strstr(now, old))
        fail_msg("%s is in none of:\n%s", old, now);
}

static int crash_and_compare(const char *dir, const struct scene *s, const char *point, int n)
{
    struct lab l LB_CLEANUP(lab_close) = {0};
    struct op_result want LB_CLEANUP(op_result_clear) = {0}, got LB_CLEANUP(op_result_clear) = {0};
    struct err err = {0};
    set_scene(&l, dir, s);
    run_ok(&l, "convert", s->book, &want);
    char *want_world LB_CLEANUP(mem_free) = list_all(&l);
    lab_close(&l);

    set_scene(&l, dir, s);
    char old[64], *before LB_CLEANUP(mem_free) = list_all(&l);
    sum_of(before, s->book, old);
    if (!killed_at(&l, "convert", s->book, "{}", point, n))
        return 0;
    assert_old_is_there(&l, old);
    char path[128];
    (void)snprintf(path, sizeof(path), "%s/intent", l.dir);
    json_t *intent = json_load_file(path, 0, NULL);
    assert_non_null(intent);
    if (run(&l, "convert", s->book, intent, &got, &err) < 0)
        fail_msg("%s at %s: %s", s->name, point, err.msg);
    json_decref(intent);
    char *got_world LB_CLEANUP(mem_free) = list_all(&l);
    assert_string_equal(got_world, want_world);
    char *a LB_CLEANUP(mem_free) = result_text(&want), *b LB_CLEANUP(mem_free) = result_text(&got);
    assert_string_equal(b, a);
    return 1;
}

static void a_killed_run_is_finished_with_the_same_result(void **state)
{
    (void)state;
    static const char *const points[] = {
        "convert_declared", "new_book_made",  "new_book_written", "convert_proven",
        "trash_kept",       "trash_copied",   "trash_copy_named", "new_book_before_name",
        "move_renamed",     "new_book_named", "convert_placed",   "trash_moved",
        "convert_aside",    "convert_done"};
    char dir[] = "/tmp/longbox-convert-XXXXXX";
    assert_non_null(mkdtemp(dir));
    (void)snprintf(far_dir, sizeof(far_dir), "/dev/shm/longbox-convert-%d", (int)getpid());
    for (size_t p = 0; p < ARRAY_LEN(points); p++) {
        int killed = 0;
        for (size_t s = 0; s < ARRAY_LEN(scenes); s++)
            for (int n = 1; n <= (strcmp(points[p], "move_renamed") == 0 ? 2 : 1); n++)
                killed += crash_and_compare(dir, &scenes[s], points[p], n);
        if (killed == 0)
            fail_msg("nothing passes %s", points[p]);
    }
    (void)nftw(far_dir, far_remove, 16, FTW_DEPTH | FTW_PHYS);
    (void)rmdir(dir);
}
#endif

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_tar_becomes_a_cbz_and_goes_to_the_trash),
        cmocka_unit_test(another_trash_folder),
        cmocka_unit_test(what_is_no_zip_but_called_cbz_keeps_its_name),
        cmocka_unit_test(a_zip_under_another_extension_is_renamed),
        cmocka_unit_test(a_taken_name_changes_nothing),
        cmocka_unit_test(a_duplicate_moves_to_its_folder),
        cmocka_unit_test(a_preview_of_a_duplicate_tells_its_place),
        cmocka_unit_test(a_duplicate_that_cannot_move_stays),
        cmocka_unit_test(what_cannot_be_converted_stays),
        cmocka_unit_test(a_cut_archive_never_becomes_a_shorter_book),
        cmocka_unit_test(a_preview_changes_nothing),
#ifdef LB_FAULTS
        cmocka_unit_test(a_killed_run_is_finished_with_the_same_result),
#endif
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
