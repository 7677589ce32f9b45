/* names.c - how many names a second bookname_parse reads, on one thread: the names of tests/data, over and over. */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "bookname_parse.h"

#define NAMES  512
#define ROUNDS 2000

static char names[NAMES][256];

static size_t load(const char *path, size_t n)
{
    FILE *f = fopen(path, "r");
    char line[2048];
    while (f && n < NAMES && fgets(line, sizeof(line), f)) {
        char *name = strchr(line, '\t');
        name = line[0] == '#' || !name ? NULL : strchr(name + 1, '\t');
        if (!name)
            continue;
        name[1 + strcspn(name + 1, "\t\n")] = '\0';
        (void)snprintf(names[n++], sizeof(names[0]), "%s", name + 1);
    }
    if (f)
        (void)fclose(f);
    return n;
}

int main(void)
{
    size_t n = load("tests/data/names.tsv", load("tests/data/filenames.tsv", 0));
    struct timespec from, to;
    struct bookname_parsed p;
    size_t issues = 0;
    if (n == 0)
        return 1;
    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &from);
    for (size_t round = 0; round < ROUNDS; round++)
        for (size_t i = 0; i < n; i++) {
            bookname_parse(names[i], NULL, &p);
            issues += p.issue[0] != '\0';
        }
    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &to);
    double s = (double)(to.tv_sec - from.tv_sec) + (double)(to.tv_nsec - from.tv_nsec) / 1e9;
    (void)printf("{\"names\": %zu, \"with_number\": %zu, \"per_s\": %.0f}\n", n * ROUNDS, issues,
                 (double)(n * ROUNDS) / s);
    return 0;
}
