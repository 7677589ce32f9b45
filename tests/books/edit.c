/*
 * edit [--copy|--preview] [--times N] LIBRARY PATH ELEMENT=VALUE...: one save of a book, as an item of a job makes it. Prints the
 * method. --copy: by the full copy, as where nothing is settled. --preview: nothing is done. --times: N saves, one after the other, the second, third
 * and so on with its number behind the first value.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "book.h"

#define MAX_CHANGES 16

enum how { SAVE, COPY, PREVIEW };

/* Who kills this program loses the record; tests that do so have a journal of their own. */
static int begin(void *ctx, const struct tail_write *w, struct err *err)
{
    (void)err;
    *(bool *)ctx = w != NULL;
    return 0;
}

static void end(void *ctx)
{
    (void)ctx;
}

/* Others may open the book at any moment, so what was possible a moment ago need not be now. */
static int edit(int root, const char *path, const struct book_change *changes, size_t n,
                enum how how, struct err *err)
{
    struct book *b LB_CLEANUP(book_close) = NULL;
    enum book_method method = BOOK_COPY;
    bool settles = false;
    bool written = true;
    int64_t bytes;
    struct book_journal journal = {.begin = begin, .end = end, .ctx = &settles};
    if (book_open(root, path, &b, err) < 0 ||
        (how != COPY && book_save_preview(b, changes, n, &method, &bytes, err) < 0))
        return -1;
    if (how == SAVE)
        book_set_journal(b, &journal);
    if (how != PREVIEW && book_save(b, changes, n, NULL, NULL, &written, err) < 0)
        return -1;
    if (how != PREVIEW && method != BOOK_CLONE)
        method = settles ? BOOK_SETTLE : BOOK_COPY;
    (void)printf("%s\n", book_method_name(written ? method : BOOK_NONE));
    return 0;
}

static int edit_often(int root, const char *path, struct book_change *changes, size_t n,
                      enum how how, int times, struct err *err)
{
    const char *first = changes[0].value;
    for (int i = 1; i <= times; i++) {
        char value[256];
        (void)snprintf(value, sizeof(value), "%s %d", first, i);
        if (i == 1)
            (void)snprintf(value, sizeof(value), "%s", first);
        changes[0].value = value;
        if (edit(root, path, changes, n, how, err) < 0)
            return -1;
    }
    return 0;
}

static int usage(void)
{
    (void)fprintf(stderr,
                  "usage: edit [--copy|--preview] [--times N] LIBRARY PATH ELEMENT=VALUE...\n");
    return 2;
}

int main(int argc, char **argv)
{
    struct book_change changes[MAX_CHANGES];
    struct err err = {0};
    size_t n = 0;
    enum how how = SAVE;
    int times = 1;
    for (; argc > 2 && strncmp(argv[1], "--", 2) == 0; argv++, argc--) {
        if (strcmp(argv[1], "--copy") == 0) {
            how = COPY;
        } else if (strcmp(argv[1], "--preview") == 0) {
            how = PREVIEW;
        } else if (strcmp(argv[1], "--times") == 0) {
            times = (int)strtol(argv[2], NULL, 10);
            argv++;
            argc--;
        } else {
            return usage();
        }
    }
    if (argc < 4 || argc > 3 + MAX_CHANGES)
        return usage();
    for (char **arg = argv + 3; *arg; arg++) {
        char *value = strchr(*arg, '=');
        if (!value)
            return usage();
        *value++ = '\0';
        changes[n++] = (struct book_change){*arg, value};
    }
    int root LB_CLEANUP(fd_close) = open(argv[1], O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (edit_often(root, argv[2], changes, n, how, times, &err) == 0)
        return 0;
    (void)fprintf(stderr, "%s: %s\n", argv[2], err.msg);
    return 1;
}
