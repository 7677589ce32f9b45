#include "unar.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <zlib.h>

#include "exe.h"
#include "log.h"
#include "strbuf.h"
#include "unpack_child.h"
#include "unpack_wire.h"

#define LIST_MAX   (24u << 20)
#define LIST_CHUNK (64u << 10)
#define ARCHIVE    "/proc/self/fd/0" /* its name says nothing, so no other volume is looked for */

struct item {
    const char *name; /* in the list */
    json_int_t index; /* as unar counts */
    uint64_t size;
    uint32_t crc;
    int64_t mtime;
};

struct unar {
    json_t *list;
    struct item *items;
    size_t n;
    uint32_t n_skipped;
    char format[64];
};

void unar_free(struct unar *u)
{
    if (!u)
        return;
    json_decref(u->list);
    free(u->items);
    free(u);
}

/* ------------------------------------------------------------------ the programs */

static int find(const char *name, char ret[PATH_MAX], struct err *err)
{
    const char *path = getenv("PATH"); /* NOLINT(concurrency-mt-unsafe): nobody sets it later */
    return exe_in_path(name, path ? path : EXE_DEFAULT_PATH, ret, err);
}

bool unar_is_there(void)
{
    char path[PATH_MAX];
    struct err why = {0};
    return find("lsar", path, &why) == 0 && find("unar", path, &why) == 0;
}

/* args: what comes behind the program, with NULL at the end. */
static int start(struct unpack_child *ch, int fd, const char *name, char *const *args,
                 size_t n_args, const struct unpack_limits *limits, const struct entry_sink *sink,
                 struct err *err)
{
    char *const envp[] = {(char[]){"LANG=C.UTF-8"}, (char[]){"TZ=UTC"}, (char[]){"HOME=/"}, NULL};
    char program[PATH_MAX], cpu[16], memory[16];
    if (find(name, program, err) < 0)
        return -1;
    (void)snprintf(cpu, sizeof(cpu), "%u", limits->cpu_s);
    (void)snprintf(memory, sizeof(memory), "%u", limits->memory_mib);
    char **argv = mem_new((n_args + 6) * sizeof(*argv));
    argv[1] = (char[]){UNPACK_RUN};
    argv[2] = cpu;
    argv[3] = memory;
    argv[4] = program;
    memcpy(argv + 5, args, n_args * sizeof(*args));
    int rc = unpack_child_start(ch, fd, argv, envp, limits, sink, err);
    free(argv);
    return rc;
}

/* How it ended: 0 when it says that all is well. */
static int check_end(struct unpack_child *ch, const char *name, struct err *err)
{
    int status = unpack_child_end(ch);
    struct err why = {0};
    if (status == 0)
        return 0;
    if (unpack_child_why(ch, status, &why) == 0)
        return err_set(err, ERR_BOOK, "%s cannot read it", name);
    *err = why;
    return -1;
}

/* ------------------------------------------------------------------ the list */

static int read_list(int fd, const struct unpack_limits *limits, const struct entry_sink *sink,
                     struct strbuf *ret, struct err *err)
{
    char *const args[] = {(char[]){"-j"}, (char[]){"-nr"}, (char[]){ARCHIVE}, NULL};
    struct unpack_child ch LB_CLEANUP(unpack_child_clear) = {.pipe_fd = -1};
    size_t n;
    if (start(&ch, fd, "lsar", args, ARRAY_LEN(args), limits, sink, err) < 0)
        return -1;
    do {
        char *to = strbuf_reserve(ret, LIST_CHUNK);
        if (unpack_child_time(&ch, err) < 0 || unpack_child_read(&ch, to, LIST_CHUNK, &n, err) < 0)
            return -1;
        ret->len += n;
        if (ret->len > LIST_MAX)
            return err_set(err, ERR_BOOK, "its list is longer than %u MiB", LIST_MAX >> 20);
    } while (n == LIST_CHUNK);
    return check_end(&ch, "lsar", err);
}

/* What a parser of JSON makes of it is many times as large: so not of any text. */
static bool is_bounded(const struct strbuf *text, uint64_t entries)
{
    uint64_t opened = 0, values = 0;
    for (size_t i = 0; i < text->len; i++) {
        opened += text->data[i] == '{' || text->data[i] == '[';
        values += text->data[i] == ',';
    }
    return opened <= 4 * entries + 64 && values <= 32 * entries + 256;
}

static bool is_set(const json_t *e, const char *key)
{
    const json_t *v = json_object_get(e, key);
    return json_is_true(v) || json_integer_value(v) != 0;
}

/* Folders, links, devices and resource forks. *ret_counts: it is worth telling. */
static bool is_no_file(const json_t *e, bool *ret_counts)
{
    static const char *const keys[] = {"XADIsLink", "XADIsHardLink", "XADIsCharacterDevice",
                                       "XADIsBlockDevice", "XADIsFIFO"};
    const char *key = "XADPosixPermissions";
    unsigned type = (unsigned)json_integer_value(json_object_get(e, key)) & S_IFMT;
    bool folder = is_set(e, "XADIsDirectory");
    bool other =
        json_object_get(e, "XADLinkDestination") || json_object_get(e, "RAR5RedirectionType");
    for (size_t i = 0; i < ARRAY_LEN(keys); i++)
        other = other || is_set(e, keys[i]);
    *ret_counts = !folder && (other || (type != 0 && type != S_IFREG));
    return folder || *ret_counts || is_set(e, "XADIsResourceFork");
}

/* "2014-05-13 16:53:20 +0000" */
static int64_t time_of(const json_t *e)
{
    const char *text = json_string_value(json_object_get(e, "XADLastModificationDate"));
    struct tm t = {0};
    if (!text || sscanf(text, "%4d-%2d-%2d %2d:%2d:%2d", &t.tm_year, &t.tm_mon, &t.tm_mday,
                        &t.tm_hour, &t.tm_min, &t.tm_sec) != 6)
        return 0;
    t.tm_year -= 1900;
    t.tm_mon--;
    int64_t at = timegm(&t);
    return at > 0 ? at : 0;
}

static bool crc_of(const json_t *e, uint32_t *ret)
{
    static const char *const keys[] = {"RAR5CRC32", "RARCRC32", "7zCRC32"};
    for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
        const json_t *v = json_object_get(e, keys[i]);
        *ret = (uint32_t)json_integer_value(v);
        if (json_is_integer(v))
            return true;
    }
    return false;
}

static int add_item(struct unar *u, const json_t *e, const struct unpack_limits *limits,
                    uint64_t *total, struct err *err)
{
    const json_t *name = json_object_get(e, "XADFileName"),
                 *size = json_object_get(e, "XADFileSize"), *index = json_object_get(e, "XADIndex");
    struct item *i = &u->items[u->n];
    bool counts;
    if (is_set(e, "XADIsEncrypted"))
        return err_set(err, ERR_BOOK, "the archive is encrypted");
    if (is_no_file(e, &counts)) {
        u->n_skipped += counts;
        return 0;
    }
    i->name = json_string_value(name);
    if (!i->name || !i->name[0] || strlen(i->name) != json_string_length(name) ||
        strlen(i->name) > UNPACK_NAME_BYTES)
        return err_set(err, ERR_BOOK, "an entry has no name that can be read");
    if (!json_is_integer(size) || json_integer_value(size) < 0 || !json_is_integer(index) ||
        json_integer_value(index) < 0 || is_set(e, "XADIsCorrupted"))
        return err_set(err, ERR_BOOK, "%s is damaged", LOG_QUOTE(i->name));
    i->size = (uint64_t)json_integer_value(size);
    i->index = json_integer_value(index);
    i->mtime = time_of(e);
    if (!crc_of(e, &i->crc) && i->size > 0)
        return err_set(err, ERR_BOOK, "there is no checksum of %s", LOG_QUOTE(i->name));
    if (u->n > 0 && i->index <= i[-1].index)
        return err_set(err, ERR_BOOK, "its list is in no order");
    *total += i->size <= limits->entry_bytes ? i->size : 0;
    if (i->size > limits->entry_bytes)
        return err_set(err, ERR_BOOK, "an entry unpacks to more than %llu MiB",
                       (unsigned long long)(limits->entry_bytes >> 20));
    if (*total > limits->total_bytes)
        return err_set(err, ERR_BOOK, "the archive unpacks to more than %llu MiB",
                       (unsigned long long)(limits->total_bytes >> 20));
    u->n++;
    return 0;
}

/* RAR or 7-Zip, as its first bytes said, and nothing that lsar found elsewhere in the file. */
static int read_format(struct unar *u, struct err *err)
{
    static const char *const known[][2] = {{"RAR", "RAR"}, {"RAR 5", "RAR5"}, {"7-Zip", "7-Zip"}};
    const char *name = json_string_value(json_object_get(u->list, "lsarFormatName"));
    for (size_t i = 0; name && i < ARRAY_LEN(known); i++)
        if (strcmp(name, known[i][0]) == 0)
            (void)snprintf(u->format, sizeof(u->format), "%s", known[i][1]);
    return u->format[0] ? 0 : err_set(err, ERR_BOOK, "lsar takes it for something else");
}

static int read_items(struct unar *u, uint64_t file_size, const struct unpack_limits *limits,
                      struct err *err)
{
    const json_t *all = json_object_get(u->list, "lsarContents");
    uint64_t total = 0;
    if (!json_is_array(all) || json_object_get(u->list, "lsarError"))
        return err_set(err, ERR_BOOK, "lsar cannot read it to its end");
    if (read_format(u, err) < 0)
        return -1;
    if (json_array_size(all) > limits->entries)
        return err_set(err, ERR_BOOK, "the archive has more than %u entries", limits->entries);
    u->items = mem_new((json_array_size(all) + 1) * sizeof(*u->items));
    for (size_t i = 0; i < json_array_size(all); i++)
        if (add_item(u, json_array_get(all, i), limits, &total, err) < 0)
            return -1;
    if (total > UNPACK_RATIO_BEGINS && total / UNPACK_RATIO > file_size)
        return err_set(err, ERR_BOOK, "the archive unpacks to more than %d times its size",
                       UNPACK_RATIO);
    return 0;
}

int unar_list(int fd, const struct unpack_limits *limits, const struct entry_sink *sink,
              struct unar **ret, struct err *err)
{
    struct unar *u LB_CLEANUP(unar_free) = mem_new(sizeof(*u));
    struct strbuf text LB_CLEANUP(strbuf_clear) = {0};
    struct stat st;
    if (fstat(fd, &st) < 0)
        return err_sys(err, ERR_IO, "look at the file");
    if (read_list(fd, limits, sink, &text, err) < 0)
        return -1;
    if (!is_bounded(&text, limits->entries))
        return err_set(err, ERR_BOOK, "the archive has more than %u entries", limits->entries);
    u->list = json_loadb(strbuf_str(&text), text.len, JSON_ALLOW_NUL, NULL);
    if (!json_is_object(u->list))
        return err_set(err, ERR_BOOK, "its list cannot be read");
    if (read_items(u, (uint64_t)st.st_size, limits, err) < 0)
        return -1;
    *ret = u;
    u = NULL;
    return 0;
}

/* ------------------------------------------------------------------ the files */

static int start_unar(struct unpack_child *ch, const struct unar *u, int fd,
                      const struct unpack_limits *limits, const struct entry_sink *sink,
                      struct err *err)
{
    char *const options[] = {(char[]){"-q"}, (char[]){"-nr"}, (char[]){"-k"}, (char[]){"skip"},
                             (char[]){"-o"}, (char[]){"-"},   (char[]){"-i"}, (char[]){ARCHIVE}};
    size_t n = ARRAY_LEN(options);
    char **args = mem_new((n + u->n + 1) * sizeof(*args));
    char(*numbers)[24] = mem_new((u->n + 1) * sizeof(*numbers));
    memcpy(args, options, sizeof(options));
    for (size_t i = 0; i < u->n; i++) {
        (void)snprintf(numbers[i], sizeof(numbers[i]), "%lld", (long long)u->items[i].index);
        args[n++] = numbers[i];
    }
    int rc = start(ch, fd, "unar", args, n + 1, limits, sink, err);
    free(numbers);
    free(args);
    return rc;
}

/* Its bytes go to the sink. *why: they are not those of the list. */
static int copy_item(struct unpack_child *ch, const struct item *i, unsigned char *buf,
                     struct err *why, struct err *err)
{
    uLong crc = crc32(0, NULL, 0);
    for (uint64_t left = i->size; left > 0;) {
        size_t want = left < UNPACK_DATA_BYTES ? (size_t)left : UNPACK_DATA_BYTES, n;
        if (unpack_child_time(ch, err) < 0 || unpack_child_read(ch, buf, want, &n, err) < 0)
            return -1;
        crc = crc32(crc, buf, (uInt)n);
        left -= n;
        if (n > 0 && ch->sink->data(ch->sink->ctx, buf, n, err) < 0)
            return -1;
        if (n < want) {
            if (check_end(ch, "unar", why) == 0)
                (void)err_set(why, ERR_BOOK, "%s is shorter than it should be", LOG_QUOTE(i->name));
            return 0;
        }
    }
    if (i->size > 0 && (uint32_t)crc != i->crc)
        (void)err_set(why, ERR_BOOK, "the checksum of %s is wrong", LOG_QUOTE(i->name));
    return 0;
}

int unar_walk(const struct unar *u, int fd, const struct unpack_limits *limits,
              const struct entry_sink *sink, struct unpack_report *ret, struct err *err)
{
    struct unpack_child ch LB_CLEANUP(unpack_child_clear) = {.pipe_fd = -1};
    unsigned char *buf LB_CLEANUP(mem_free) = mem_new(UNPACK_DATA_BYTES);
    size_t more;
    *ret = (struct unpack_report){.n_skipped = u->n_skipped};
    (void)snprintf(ret->format, sizeof(ret->format), "%s", u->format);
    if (u->n > 0 && start_unar(&ch, u, fd, limits, sink, err) < 0)
        return -1;
    for (size_t i = 0; i < u->n; i++) {
        const struct item *it = &u->items[i];
        struct entry_info e = {it->name, strlen(it->name), i, it->mtime};
        struct err why = {0};
        if (sink->begin(sink->ctx, &e, err) < 0 || copy_item(&ch, it, buf, &why, err) < 0 ||
            sink->end(sink->ctx, why.code ? &why : NULL, err) < 0)
            return -1;
        if (why.code) {
            *err = why;
            return -1;
        }
    }
    if (u->n > 0) {
        if (unpack_child_read(&ch, buf, 1, &more, err) < 0)
            return -1;
        if (more > 0)
            return err_set(err, ERR_BOOK, "more comes out of it than its list says");
        if (check_end(&ch, "unar", err) < 0)
            return -1;
    }
    ret->by = "unar";
    return 0;
}
