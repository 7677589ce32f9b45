/*
 * bench save|copy|read THREADS JOURNAL-FILE LIBRARY < PATHS: changes the title of each book (save: as a job does it; copy:
 * by the full copy), or reads its tags, and prints one JSON object: how many, the seconds for all, milliseconds for each
 * (median, 99th percentile, most), the bytes passed to write and those given to the disk, the methods.
 *
 * The record of a settle is written into JOURNAL-FILE and synced before the first byte of the book, for each book: what
 * a commit of its own costs. Jobs share commits.
 */
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "book.h"
#include "strbuf.h"

#define MAX_THREADS 64

enum what { SAVE, COPY, READ };

static enum what what;
static int root;
static int journal_fd;
static char **paths;
static double *ms;
static size_t n_paths;
static atomic_size_t next_path;
static atomic_size_t n_settled;
static atomic_size_t tag_bytes;

static double now_ms(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static int begin(void *ctx, const struct tail_write *w, struct err *err)
{
    off_t at = (off_t)sizeof(*w) * *(int *)ctx;
    if (!w)
        return 0;
    if (pwrite(journal_fd, w, sizeof(*w), at) != sizeof(*w) || fdatasync(journal_fd) < 0)
        return err_sys(err, ERR_IO, "write the journal");
    n_settled++;
    return 0;
}

static void end(void *ctx)
{
    (void)ctx;
}

static int one(const char *path, int thread, struct err *err)
{
    static const char *const elements[] = {"Title", "Series", "Number", "Year"};
    struct book *b LB_CLEANUP(book_close) = NULL;
    struct book_journal journal = {.begin = begin, .end = end, .ctx = &thread};
    char title[64];
    bool written;
    if (book_open(root, path, &b, err) < 0)
        return -1;
    for (size_t i = 0; i < ARRAY_LEN(elements); i++) {
        const char *tag = book_tag(b, elements[i]);
        tag_bytes += tag ? strlen(tag) : 0;
    }
    if (what == READ)
        return 0;
    if (what == SAVE)
        book_set_journal(b, &journal);
    (void)snprintf(title, sizeof(title), "Title %.0f", now_ms() * 1000);
    struct book_change change = {"Title", title};
    return book_save(b, &change, 1, NULL, NULL, &written, err);
}

static void *run(void *ctx)
{
    int thread = *(int *)ctx;
    for (size_t i = next_path++; i < n_paths; i = next_path++) {
        struct err err = {0};
        double from = now_ms();
        if (one(paths[i], thread, &err) < 0) {
            (void)fprintf(stderr, "%s: %s\n", paths[i], err.msg);
            exit(1);
        }
        ms[i] = now_ms() - from;
    }
    return NULL;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a - *(const double *)b;
    return (x > 0) - (x < 0);
}

/* A counter of /proc/self/io. */
static long long io(const char *name)
{
    char line[128];
    long long found = -1;
    FILE *f = fopen("/proc/self/io", "re");
    while (f && fgets(line, sizeof(line), f))
        if (strncmp(line, name, strlen(name)) == 0 && line[strlen(name)] == ':')
            found = strtoll(line + strlen(name) + 1, NULL, 10);
    if (f)
        (void)fclose(f);
    return found;
}

static void read_paths(void)
{
    char *line = NULL;
    size_t size = 0;
    for (ssize_t n = getline(&line, &size, stdin); n > 0; n = getline(&line, &size, stdin)) {
        line[strcspn(line, "\n")] = '\0';
        paths = realloc(paths, (n_paths + 1) * sizeof(*paths));
        must(paths != NULL);
        paths[n_paths++] = mem_strdup(line);
    }
    free(line);
    ms = mem_new((n_paths + 1) * sizeof(*ms));
}

int main(int argc, char **argv)
{
    static const char *const words[] = {"save", "copy", "read"};
    pthread_t threads[MAX_THREADS];
    int numbers[MAX_THREADS];
    int n = argc == 5 ? (int)strtol(argv[2], NULL, 10) : 0;
    for (what = SAVE; what <= READ && argc == 5 && strcmp(argv[1], words[what]) != 0;)
        what++;
    if (n < 1 || n > MAX_THREADS || what > READ) {
        (void)fprintf(stderr, "usage: bench save|copy|read THREADS JOURNAL-FILE LIBRARY < PATHS\n");
        return 2;
    }
    journal_fd = open(argv[3], O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    root = open(argv[4], O_PATH | O_DIRECTORY | O_CLOEXEC);
    read_paths();
    if (journal_fd < 0 || root < 0 || n_paths == 0)
        return 2;
    long long passed = io("wchar");
    long long disk = io("write_bytes");
    double from = now_ms();
    for (int i = 0; i < n; i++) {
        numbers[i] = i;
        must(pthread_create(&threads[i], NULL, run, &numbers[i]) == 0);
    }
    for (int i = 0; i < n; i++)
        must(pthread_join(threads[i], NULL) == 0);
    double all = now_ms() - from;
    passed = io("wchar") - passed;
    disk = io("write_bytes") - disk;
    qsort(ms, n_paths, sizeof(*ms), by_value);
    (void)printf("{\"books\": %zu, \"threads\": %d, \"seconds\": %.4f, \"ms\": {\"median\": %.3f, "
                 "\"p99\": %.3f, \"most\": %.3f}, \"bytes_passed\": %lld, \"bytes_disk\": %lld, "
                 "\"settled\": %zu, \"tag_bytes\": %zu}\n",
                 n_paths, n, all / 1e3, ms[n_paths / 2], ms[n_paths * 99 / 100], ms[n_paths - 1],
                 passed, disk, n_settled, tag_bytes);
    return 0;
}
