/*
 * fuzz_bookname_parse.c - whatever a file is called, bookname_parse ends, and gives clean UTF-8 and numbers that look
 * like numbers. The input is the name; what is behind its first line feed is the folder.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "bookname_parse.h"
#include "utf8.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_text(const char *text)
{
    size_t len = strlen(text);
    must(len < PARSED_TEXT && utf8_valid(text, len));
    for (size_t i = 0; i < len; i++)
        must((unsigned char)text[i] >= 0x20 && text[i] != 0x7f);
    must(len == 0 || (text[0] != ' ' && text[len - 1] != ' '));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *name = mem_strndup((const char *)data, size);
    char *folder = strchr(name, '\n');
    if (folder)
        *folder++ = '\0';
    struct bookname_parsed p;
    memset(&p, 0x5a, sizeof(p));
    bookname_parse(name, folder, &p);
    check_text(p.series);
    check_text(p.title);
    check_text(p.issue);
    must(strspn(p.issue_count, "0123456789") == strlen(p.issue_count));
    must(p.year[0] == '\0' || (strlen(p.year) == 4 && strspn(p.year, "0123456789") == 4));
    check_text(p.volume);
    must(p.confidence >= 0 && p.confidence <= 1);
    free(name);
    return 0;
}
