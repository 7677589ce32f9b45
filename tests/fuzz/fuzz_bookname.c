/*
 * fuzz_bookname.c - whatever the texts are, a name that bookname_format gives can stand in a
 * folder.
 *
 *   clang -fsanitize=fuzzer,address,undefined ... fuzz_bookname.c bookname.c ... && ./fuzz_bookname
 * -max_total_time=60
 *
 * The input is cut at line feeds: template, extension, series, title, volume, year, publisher,
 * issue. The first byte is the padding, its lowest bit the policy.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "bookname.h"
#include "utf8.h"

#define TEXTS 8

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_name(const char *name, enum bookname_policy policy)
{
    size_t len = strlen(name);
    must(len > 0 && len <= BOOKNAME_MAX);
    must(name[0] != '.' && name[0] != ' ');
    must(strpbrk(name, policy == BOOKNAME_STRICT ? "/\\:*?\"<>|" : "/") == NULL);
    must(utf8_valid(name, len)); /* bad bytes become U+FFFD */
    for (size_t i = 0; i < len; i++)
        must((unsigned char)name[i] >= 0x20 && name[i] != 0x7f);
}

/* Every element has the title's text. */
static const char *element_of(void *ctx, const char *name)
{
    must(name[0] != '\0');
    return ctx;
}

static void check_number(const char *text)
{
    char number[300] = "";
    if (bookname_number(text, number, sizeof(number)))
        must(number[0] != '\0' && strstr(text, number) != NULL);
    else
        must(number[0] == '\0');
    char series[40];
    bookname_series_from_folder(text, series, sizeof(series));
    must(strchr(series, '_') == NULL && strlen(series) < sizeof(series));
    if (utf8_valid(text, strlen(text)))
        must(utf8_valid(series, strlen(series)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1)
        return 0;
    char *all = mem_strndup((const char *)data + 1, size - 1);
    const char *texts[TEXTS];
    char *rest = all;
    for (size_t i = 0; i < TEXTS; i++) {
        const char *text = strsep(&rest, "\n");
        texts[i] = text ? text : "";
        check_number(texts[i]);
    }
    enum bookname_policy policy = data[0] & 1 ? BOOKNAME_POSIX : BOOKNAME_STRICT;
    struct bookname_tags tags = {texts[2], texts[3], texts[4],   texts[5],
                                 texts[6], texts[7], element_of, (void *)(uintptr_t)texts[3]};
    char name[BOOKNAME_MAX + 1];
    struct err err = {0};
    if (bookname_format(texts[0], (int8_t)data[0], policy, texts[1], &tags, name, &err) == 0)
        check_name(name, policy);
    else
        must(err.code == ERR_RANGE && err.msg[0] != '\0');
    (void)bookname_check_template(texts[0], &err);
    char unknown[BOOKNAME_PLACEHOLDER];
    if (bookname_unknown_placeholder(texts[0], unknown))
        must(unknown[0] == '{' && strlen(unknown) < sizeof(unknown));
    free(all);
    return 0;
}
