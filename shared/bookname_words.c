/* Words in names: folding, and the marks, months and technical words of many languages. */
#include <string.h>

#include "bookname_parse.h"
#include "bookname_scan.h"
#include "bookname_text.h"
#include "utf8.h"

/* ------------------------------------------------------------------ folding */

/* Base letters of U+00C0 to U+017F and of U+1E00 to U+1EFF (from Unicode's decompositions). */
static const char latin[] = "aaaaaaaceeeeiiiidnooooo.ouuuuytsaaaaaaaceeeeiiiidnooooo.ouuuuyty"
                            "aaaaaaccccccccddddeeeeeeeeeegggggggghhhhiiiiiiiiiiiijjkkklllllll"
                            "lllnnnnnnnnnoooooooorrrrrrssssssssttttttuuuuuuuuuuuuwwyyyzzzzzzs";
static const char latin_more[] = "aabbbbbbccddddddddddeeeeeeeeeeffgghhhhhhhhhhiiiikkkkkkllllllllmm"
                                 "mmmmnnnnnnnnoooooooopppprrrrrrrrssssssssssttttttttuuuuuuuuuuvvvv"
                                 "wwwwwwwwwwxxxxyyzzzzzzhtwy......aaaaaaaaaaaaaaaaaaaaaaaaeeeeeeee"
                                 "eeeeeeeeiiiioooooooooooooooooooooooouuuuuuuuuuuuuuyyyyyyyy......";

static unsigned fold_greek(unsigned cp)
{
    static const unsigned short accents[][2] = {
        {0x386, 0x3b1}, {0x388, 0x3b5}, {0x389, 0x3b7}, {0x38a, 0x3b9}, {0x38c, 0x3bf},
        {0x38e, 0x3c5}, {0x38f, 0x3c9}, {0x3ac, 0x3b1}, {0x3ad, 0x3b5}, {0x3ae, 0x3b7},
        {0x3af, 0x3b9}, {0x3cc, 0x3bf}, {0x3cd, 0x3c5}, {0x3ce, 0x3c9}, {0x3c2, 0x3c3},
    };
    for (size_t i = 0; i < ARRAY_LEN(accents); i++)
        if (accents[i][0] == cp)
            return accents[i][1];
    return cp >= 0x391 && cp <= 0x3a9 ? cp + 0x20 : cp;
}

unsigned char_fold(unsigned cp)
{
    if (cp < 0xc0)
        return cp >= 'A' && cp <= 'Z' ? cp + 0x20 : cp;
    if (cp < 0x180)
        return cp == 0xd7 || cp == 0xf7 ? cp : (unsigned char)latin[cp - 0xc0];
    if (cp >= 0x300 && cp < 0x370)
        return 0; /* combining marks */
    if (cp < 0x400)
        return fold_greek(cp);
    if (cp < 0x460) {
        cp = cp < 0x410 ? cp + 0x50 : cp < 0x430 ? cp + 0x20 : cp;
        return cp == 0x451 ? 0x435 : cp;
    }
    return cp >= 0x1e00 && cp < 0x1f00 ? (unsigned char)latin_more[cp - 0x1e00] : cp;
}

static size_t put(unsigned cp, char *at)
{
    if (cp < 0x80) {
        at[0] = (char)cp;
        return 1;
    }
    if (cp < 0x800) {
        at[0] = (char)(0xc0 | cp >> 6);
        at[1] = (char)(0x80 | (cp & 0x3f));
        return 2;
    }
    at[0] = (char)(cp < 0x10000 ? 0xe0 | cp >> 12 : 0xf0 | cp >> 18);
    size_t n = 1;
    if (cp >= 0x10000)
        at[n++] = (char)(0x80 | (cp >> 12 & 0x3f));
    at[n++] = (char)(0x80 | (cp >> 6 & 0x3f));
    at[n++] = (char)(0x80 | (cp & 0x3f));
    return n;
}

size_t word_fold(const char *p, size_t len, char ret[FOLD_MAX])
{
    size_t n = 0;
    for (const char *end = p + len; p < end;) {
        size_t step = 1;
        unsigned cp = (unsigned char)*p;
        if (cp >= 0x80)
            cp = bookname_decode(p, end, &step);
        cp = char_fold(cp);
        p += step;
        if (n + 5 > FOLD_MAX)
            return 0;
        if (cp)
            n += put(cp, ret + n);
    }
    ret[n] = '\0';
    return n;
}

/* ------------------------------------------------------------------ marks */

/* Folded. WEAK: also a common word or a name. LONE: counts only with a dot or a number attached. */
enum { WEAK = 1, LONE = 2 };

static const struct mark {
    const char *word;
    enum num_kind kind;
    int how;
} marks[] = {
    {"c", NUM_CHAPTER, LONE},     {"ch", NUM_CHAPTER, 0},        {"chp", NUM_CHAPTER, 0},
    {"chap", NUM_CHAPTER, 0},     {"chapter", NUM_CHAPTER, 0},   {"chapters", NUM_CHAPTER, 0},
    {"chapitre", NUM_CHAPTER, 0}, {"chuong", NUM_CHAPTER, 0},    {"cap", NUM_CHAPTER, WEAK},
    {"capitulo", NUM_CHAPTER, 0}, {"capitolo", NUM_CHAPTER, 0},  {"capitol", NUM_CHAPTER, 0},
    {"ep", NUM_CHAPTER, 0},       {"eps", NUM_CHAPTER, 0},       {"episode", NUM_CHAPTER, 0},
    {"episodes", NUM_CHAPTER, 0}, {"episodio", NUM_CHAPTER, 0},  {"kap", NUM_CHAPTER, 0},
    {"kapitel", NUM_CHAPTER, 0},  {"kapitola", NUM_CHAPTER, 0},  {"hoofdstuk", NUM_CHAPTER, 0},
    {"rozdzial", NUM_CHAPTER, 0}, {"poglavlje", NUM_CHAPTER, 0}, {"bolum", NUM_CHAPTER, 0},
    {"bab", NUM_CHAPTER, WEAK},   {"глава", NUM_CHAPTER, 0},     {"главы", NUM_CHAPTER, 0},
    {"гл", NUM_CHAPTER, 0},       {"розділ", NUM_CHAPTER, 0},    {"κεφαλαιο", NUM_CHAPTER, 0},
    {"الفصل", NUM_CHAPTER, 0},    {"فصل", NUM_CHAPTER, 0},       {"قسمت", NUM_CHAPTER, 0},
    {"פרק", NUM_CHAPTER, 0},      {"अध्याय", NUM_CHAPTER, 0},     {"ตอนที่", NUM_CHAPTER, 0},
    {"ตอน", NUM_CHAPTER, 0},      {"issue", NUM_ISSUE, 0},       {"issues", NUM_ISSUE, 0},
    {"iss", NUM_ISSUE, 0},        {"no", NUM_ISSUE, WEAK},       {"nr", NUM_ISSUE, 0},
    {"n", NUM_ISSUE, LONE},       {"n°", NUM_ISSUE, 0},          {"nº", NUM_ISSUE, 0},
    {"№", NUM_ISSUE, 0},          {"num", NUM_ISSUE, 0},         {"number", NUM_ISSUE, WEAK},
    {"numero", NUM_ISSUE, 0},     {"numer", NUM_ISSUE, 0},       {"heft", NUM_ISSUE, 0},
    {"ausgabe", NUM_ISSUE, 0},    {"zeszyt", NUM_ISSUE, 0},      {"edicao", NUM_ISSUE, 0},
    {"sayi", NUM_ISSUE, 0},       {"cislo", NUM_ISSUE, 0},       {"выпуск", NUM_ISSUE, 0},
    {"вып", NUM_ISSUE, 0},        {"випуск", NUM_ISSUE, 0},      {"τευχοσ", NUM_ISSUE, 0},
    {"العدد", NUM_ISSUE, 0},      {"شماره", NUM_ISSUE, 0},       {"גיליון", NUM_ISSUE, 0},
    {"v", NUM_VOLUME, 0},         {"vol", NUM_VOLUME, 0},        {"vols", NUM_VOLUME, 0},
    {"volume", NUM_VOLUME, 0},    {"volumes", NUM_VOLUME, 0},    {"volumen", NUM_VOLUME, 0},
    {"volum", NUM_VOLUME, 0},     {"t", NUM_VOLUME, LONE},       {"tome", NUM_VOLUME, 0},
    {"tomo", NUM_VOLUME, 0},      {"tom", NUM_VOLUME, WEAK},     {"tap", NUM_VOLUME, WEAK},
    {"band", NUM_VOLUME, WEAK},   {"bd", NUM_VOLUME, 0},         {"buch", NUM_VOLUME, 0},
    {"deel", NUM_VOLUME, 0},      {"boek", NUM_VOLUME, 0},       {"book", NUM_VOLUME, WEAK},
    {"bk", NUM_VOLUME, 0},        {"livre", NUM_VOLUME, WEAK},   {"livro", NUM_VOLUME, WEAK},
    {"libro", NUM_VOLUME, WEAK},  {"cilt", NUM_VOLUME, 0},       {"svazek", NUM_VOLUME, 0},
    {"dil", NUM_VOLUME, WEAK},    {"том", NUM_VOLUME, 0},        {"тома", NUM_VOLUME, 0},
    {"т", NUM_VOLUME, LONE},      {"книга", NUM_VOLUME, WEAK},   {"τομοσ", NUM_VOLUME, 0},
    {"المجلد", NUM_VOLUME, 0},    {"مجلد", NUM_VOLUME, 0},       {"جلد", NUM_VOLUME, 0},
    {"כרך", NUM_VOLUME, 0},       {"เล่ม", NUM_VOLUME, 0},        {"เล่มที่", NUM_VOLUME, 0},
    {"s", NUM_SEASON, LONE},      {"season", NUM_SEASON, 0},     {"saison", NUM_SEASON, 0},
    {"staffel", NUM_SEASON, 0},   {"temporada", NUM_SEASON, 0},  {"stagione", NUM_SEASON, 0},
    {"sezon", NUM_SEASON, 0},     {"сезон", NUM_SEASON, 0},      {"part", NUM_PART, WEAK},
    {"pt", NUM_PART, 0},          {"partie", NUM_PART, 0},       {"parte", NUM_PART, 0},
    {"teil", NUM_PART, 0},        {"часть", NUM_PART, 0},        {"czesc", NUM_PART, 0},
};

/* A single letter with a number attached: is there enough of a number for it? */
static bool single_fits(char letter, const char *number, const char *end)
{
    size_t digits = 0;
    while (number + digits < end && number[digits] >= '0' && number[digits] <= '9')
        digits++;
    switch (letter) {
    case 'v':
    case 'V':
    case 'T':
        return digits > 0;
    case 's':
    case 'S':
        return digits == 1 || digits == 2;
    case 'C':
        return digits >= 3;
    case 'N':
        return false;
    default:
        return digits >= 2;
    }
}

bool word_mark(const char *p, const char *end, bool attached, enum num_kind *ret, bool *ret_weak)
{
    char word[FOLD_MAX];
    const char *stop = p;
    while (stop < end && *stop != '.' && !scan_is_digit(stop, end) && *stop != '#' &&
           *stop != '-' && *stop != ':' && !scan_is_fraction(stop, end))
        stop++;
    size_t len = word_fold(p, (size_t)(stop - p), word);
    if (len == 0)
        return false;
    for (size_t i = 0; i < ARRAY_LEN(marks); i++) {
        const struct mark *m = &marks[i];
        if (m->word[0] != word[0] || strcmp(m->word, word) != 0)
            continue;
        const char *number = stop + (stop < end && *stop == '.');
        if (len == 1 && attached && !single_fits(*p, number, end) && number == stop)
            return false;
        if (len == 1 && attached && number < end && !scan_is_digit(number, end))
            return false; /* "T-1000" */
        if ((m->how & LONE) && !attached && number == stop)
            return false;
        *ret = m->kind;
        *ret_weak = (m->how & WEAK) != 0;
        return true;
    }
    return false;
}

/* ------------------------------------------------------------------ other words */

static const struct {
    const char *word;
    unsigned uses;
} words[] = {
    {"of", WORD_PHRASE},       {"the", WORD_PHRASE},      {"and", WORD_PHRASE},
    {"to", WORD_PHRASE},       {"in", WORD_PHRASE},       {"for", WORD_PHRASE},
    {"with", WORD_PHRASE},     {"from", WORD_PHRASE},     {"at", WORD_PHRASE},
    {"by", WORD_PHRASE},       {"than", WORD_PHRASE},     {"a", WORD_PHRASE},
    {"an", WORD_PHRASE},       {"last", WORD_PHRASE},     {"first", WORD_PHRASE},
    {"our", WORD_PHRASE},      {"my", WORD_PHRASE},       {"les", WORD_PHRASE},
    {"des", WORD_PHRASE},      {"de", WORD_PHRASE},       {"du", WORD_PHRASE},
    {"le", WORD_PHRASE},       {"la", WORD_PHRASE},       {"los", WORD_PHRASE},
    {"las", WORD_PHRASE},      {"el", WORD_PHRASE},       {"i", WORD_PHRASE},
    {"der", WORD_PHRASE},      {"die", WORD_PHRASE},      {"das", WORD_PHRASE},
    {"van", WORD_PHRASE},      {"het", WORD_PHRASE},      {"een", WORD_PHRASE},
    {"und", WORD_PHRASE},      {"et", WORD_PHRASE},       {"annual", WORD_EVENT},
    {"annuals", WORD_EVENT},   {"special", WORD_EVENT},   {"day", WORD_EVENT},
    {"fcbd", WORD_EVENT},      {"yearbook", WORD_EVENT},  {"holiday", WORD_EVENT},
    {"christmas", WORD_EVENT}, {"halloween", WORD_EVENT}, {"almanac", WORD_EVENT},
    {"c2c", WORD_TECH},        {"digital", WORD_TECH},    {"webrip", WORD_TECH},
    {"web", WORD_SOFT},        {"retail", WORD_TECH},     {"repaired", WORD_TECH},
    {"fixed", WORD_TECH},      {"noads", WORD_TECH},      {"scan", WORD_TECH},
    {"scans", WORD_TECH},      {"scanlation", WORD_TECH}, {"hd", WORD_TECH},
    {"uhd", WORD_TECH},        {"hdr", WORD_TECH},        {"4k", WORD_TECH},
    {"8k", WORD_TECH},         {"hq", WORD_TECH},         {"lq", WORD_TECH},
    {"raw", WORD_SOFT},        {"raws", WORD_TECH},       {"ebook", WORD_TECH},
    {"copy", WORD_SOFT},       {"final", WORD_SOFT},      {"comic", WORD_SOFT},
    {"rip", WORD_SOFT},        {"complete", WORD_SOFT},   {"completed", WORD_SOFT},
    {"oneshot", WORD_SOFT},    {"one-shot", WORD_SOFT},   {"deluxe", WORD_SOFT},
    {"edition", WORD_SOFT},    {"omnibus", WORD_SOFT},    {"tpb", WORD_SOFT},
    {"hc", WORD_SOFT},         {"gn", WORD_SOFT},         {"annual", WORD_SOFT},
    {"eng", WORD_SOFT},        {"english", WORD_SOFT},    {"jan", WORD_MONTH},
    {"january", WORD_MONTH},   {"feb", WORD_MONTH},       {"february", WORD_MONTH},
    {"mar", WORD_MONTH},       {"march", WORD_MONTH},     {"apr", WORD_MONTH},
    {"april", WORD_MONTH},     {"may", WORD_MONTH},       {"jun", WORD_MONTH},
    {"june", WORD_MONTH},      {"jul", WORD_MONTH},       {"july", WORD_MONTH},
    {"aug", WORD_MONTH},       {"august", WORD_MONTH},    {"sep", WORD_MONTH},
    {"sept", WORD_MONTH},      {"september", WORD_MONTH}, {"oct", WORD_MONTH},
    {"october", WORD_MONTH},   {"nov", WORD_MONTH},       {"november", WORD_MONTH},
    {"dec", WORD_MONTH},       {"december", WORD_MONTH},
};

/* "2048px", "1080p", "300dpi", and "p012", a page. */
static bool is_measure(const char *word, size_t len)
{
    size_t digits = strspn(word, "0123456789");
    if (digits >= 3 && digits < len)
        return strcmp(word + digits, "p") == 0 || strcmp(word + digits, "px") == 0 ||
               strcmp(word + digits, "dpi") == 0;
    return word[0] == 'p' && len == 4 && strspn(word + 1, "0123456789") == 3;
}

unsigned word_uses(const char *p, const char *end)
{
    char word[FOLD_MAX];
    size_t len = word_fold(p, (size_t)(end - p), word);
    unsigned uses = 0;
    if (len == 0)
        return 0;
    if (is_measure(word, len))
        return WORD_TECH;
    for (size_t i = 0; i < ARRAY_LEN(words); i++)
        if (words[i].word[0] == word[0] && strcmp(words[i].word, word) == 0)
            uses |= words[i].uses;
    return uses;
}
