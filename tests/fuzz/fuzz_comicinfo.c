/*
 * fuzz_comicinfo.c - any bytes as ComicInfo.xml: what is accepted can be changed, and the change
 * reads back; setting the same values again changes nothing.
 */
#include <stdlib.h>
#include <string.h>

#include "comicinfo.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct comicinfo *ci, const struct book_change *changes, size_t n)
{
    struct err err = {0};
    struct comicinfo *changed LB_CLEANUP(comicinfo_free) = NULL;
    struct comicinfo *again LB_CLEANUP(comicinfo_free) = NULL;
    must(comicinfo_apply(ci, changes, n, &changed, &err) == 0);
    const struct comicinfo *now = changed ? changed : ci;
    for (size_t i = 0; i < n; i++) {
        const char *got = comicinfo_get(now, changes[i].element);
        must(strcmp(got ? got : "", changes[i].value) == 0);
    }
    must(comicinfo_apply(now, changes, n, &again, &err) == 0 && again == NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct book_change sets[][4] = {
        {{"Title", "a <b> & \"c\"\r\n\xe2\x82\xac"},
         {"GTIN", "1"},
         {"Series", "S"},
         {"Year", "2001"}},
        {{"Title", ""}, {"Series", ""}, {"Number", ""}, {"Writer", ""}},
        {{"Title", ""}, {"Series", "x"}, {"Number", "]]>"}, {"Volume", "-1"}},
    };
    struct err err = {0};
    struct comicinfo *ci LB_CLEANUP(comicinfo_free) = NULL;
    if (comicinfo_parse((const char *)data, size, &ci, &err) < 0) {
        must(err.code == ERR_BOOK && err.msg[0]);
        return 0;
    }
    for (size_t i = 0; i < ARRAY_LEN(sets); i++)
        check(ci, sets[i], ARRAY_LEN(sets[i]));
    return 0;
}
