/*
 * libzip_tags THREADS LIBRARY < PATHS: reads ComicInfo.xml out of each book with libzip and prints the seconds and the
 * bytes, for comparison with ours.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <zip.h>

#define MAX_BOOKS 200000

static char *paths[MAX_BOOKS];
static size_t n_paths;
static atomic_size_t next_path;
static atomic_size_t bytes;

static void read_tags(const char *path)
{
    char buf[65536];
    zip_int64_t n;
    zip_t *z = zip_open(path, ZIP_RDONLY, NULL);
    zip_int64_t i = z ? zip_name_locate(z, "ComicInfo.xml", ZIP_FL_NOCASE | ZIP_FL_NODIR) : -1;
    zip_file_t *f = i >= 0 ? zip_fopen_index(z, (zip_uint64_t)i, 0) : NULL;
    while (f && (n = zip_fread(f, buf, sizeof(buf))) > 0)
        bytes += (size_t)n;
    if (f)
        (void)zip_fclose(f);
    if (z)
        zip_discard(z);
}

static void *run(void *ctx)
{
    (void)ctx;
    for (size_t i = next_path++; i < n_paths; i = next_path++)
        read_tags(paths[i]);
    return NULL;
}

int main(int argc, char **argv)
{
    pthread_t threads[64];
    struct timespec a, b;
    char line[4096];
    int n = argc == 3 ? (int)strtol(argv[1], NULL, 10) : 0;
    if (n < 1 || n > 64 || chdir(argv[2]) < 0)
        return 2;
    while (n_paths < MAX_BOOKS && fgets(line, sizeof(line), stdin)) {
        line[strcspn(line, "\n")] = '\0';
        paths[n_paths++] = strdup(line);
    }
    (void)clock_gettime(CLOCK_MONOTONIC, &a);
    for (int i = 0; i < n; i++)
        if (pthread_create(&threads[i], NULL, run, NULL) != 0)
            return 1;
    for (int i = 0; i < n; i++)
        (void)pthread_join(threads[i], NULL);
    (void)clock_gettime(CLOCK_MONOTONIC, &b);
    (void)printf("{\"books\": %zu, \"threads\": %d, \"seconds\": %.4f, \"xml_bytes\": %zu}\n",
                 n_paths, n, (double)(b.tv_sec - a.tv_sec) + (double)(b.tv_nsec - a.tv_nsec) / 1e9,
                 bytes);
    return 0;
}
