#include "tsv.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

FILE *tsv_open(const char *name)
{
    const char *dir = getenv("LB_TEST_DATA");
    char path[512];
    (void)snprintf(path, sizeof(path), "%s/%s", dir ? dir : "tests/data", name);
    FILE *f = fopen(path, "r");
    if (!f)
        fail_msg("cannot open %s", path);
    return f;
}

/* In place: \\ \t \n as the files write them. */
static void unescape(char *s)
{
    char *out = s;
    for (; *s; s++) {
        if (*s == '\\' && s[1]) {
            s++;
            *out++ = *s == 't' ? '\t' : *s == 'n' ? '\n' : *s;
        } else {
            *out++ = *s;
        }
    }
    *out = '\0';
}

int tsv_row(FILE *f, char *line, int size, char *cells[TSV_CELLS])
{
    static char none[] = "";
    while (fgets(line, size, f)) {
        if (line[0] == '#' || strncmp(line, "id\t", 3) == 0)
            continue;
        line[strcspn(line, "\n")] = '\0';
        int n = 0;
        for (char *p = line; p && n < TSV_CELLS;) {
            cells[n++] = p;
            p = strchr(p, '\t');
            if (p)
                *p++ = '\0';
        }
        for (int i = 0; i < n; i++)
            unescape(cells[i]);
        for (int i = n; i < TSV_CELLS; i++)
            cells[i] = none;
        return n;
    }
    return 0;
}
