/*
 * edit LIBRARY PATH ELEMENT=VALUE...: one save of a book, as an item of a job makes it. Prints whether it was written.
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "book.h"

#define MAX_CHANGES 16

int main(int argc, char **argv)
{
    struct book_change changes[MAX_CHANGES];
    struct book *b LB_CLEANUP(book_close) = NULL;
    struct err err = {0};
    size_t n = 0;
    bool written;
    if (argc < 4 || argc > 3 + MAX_CHANGES) {
        (void)fprintf(stderr, "usage: edit LIBRARY PATH ELEMENT=VALUE...\n");
        return 2;
    }
    for (char **arg = argv + 3; *arg; arg++) {
        char *value = strchr(*arg, '=');
        if (!value)
            return 2;
        *value++ = '\0';
        changes[n++] = (struct book_change){*arg, value};
    }
    int root LB_CLEANUP(fd_close) = open(argv[1], O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (book_open(root, argv[2], &b, &err) < 0 ||
        book_save(b, changes, n, NULL, NULL, &written, &err) < 0) {
        (void)fprintf(stderr, "%s: %s\n", argv[2], err.msg);
        return 1;
    }
    (void)printf("%s\n", written ? "written" : "none");
    return 0;
}
