#include "entry_name.h"

#include <string.h>
#include <strings.h>

#include "image_head.h"

const char *entry_base(const char *name, size_t len, size_t *ret_len)
{
    const char *slash = len ? memrchr(name, '/', len) : NULL;
    const char *base = slash ? slash + 1 : name;
    *ret_len = len - (size_t)(base - name);
    return base;
}

static bool is_text(const char *a, size_t len, const char *text)
{
    return strlen(text) == len && strncasecmp(a, text, len) == 0;
}

static bool has_extension(const char *base, size_t len, const char *const *list, size_t n)
{
    const char *dot = len ? memrchr(base, '.', len) : NULL;
    for (size_t i = 0; dot && i < n; i++)
        if (is_text(dot, len - (size_t)(dot - base), list[i]))
            return true;
    return false;
}

static bool is_mac_folder(const char *name, size_t len)
{
    static const char folder[] = "__MACOSX/";
    return memmem(name, len, folder, sizeof(folder) - 1) != NULL;
}

bool entry_is_page(const char *name, size_t len)
{
    const char *base = entry_base(name, len, &len);
    return len > 0 && base[0] != '.' && base[0] != '\0' &&
           !is_mac_folder(name, (size_t)(base - name)) &&
           image_kind_of_name(base, len) != IMAGE_NONE;
}

bool entry_is_junk(const char *name, size_t len)
{
    static const char *const names[] = {"Thumbs.db",   ".DS_Store",  "desktop.ini",
                                        "ehthumbs.db", ".directory", "@eaDir"};
    static const char *const extensions[] = {".nfo",  ".sfv", ".md5", ".url",  ".diz",
                                             ".lnk",  ".exe", ".bat", ".com",  ".scr",
                                             ".part", ".tmp", ".htm", ".html", ".torrent"};
    size_t n;
    const char *base = entry_base(name, len, &n);
    if (is_mac_folder(name, len) || memmem(name, len, "@eaDir/", 7) ||
        (n > 2 && base[0] == '.' && base[1] == '_'))
        return true;
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        if (is_text(base, n, names[i]))
            return true;
    return has_extension(base, n, extensions, ARRAY_LEN(extensions));
}

bool entry_is_archive(const char *name, size_t len)
{
    static const char *const extensions[] = {".zip", ".rar", ".7z",  ".tar", ".cbz",
                                             ".cbr", ".cb7", ".cbt", ".gz",  ".xz"};
    const char *base = entry_base(name, len, &len);
    return has_extension(base, len, extensions, ARRAY_LEN(extensions));
}

bool entry_is_comicinfo(const char *name, size_t len)
{
    const char *base = entry_base(name, len, &len);
    return is_text(base, len, "ComicInfo.xml");
}

bool entry_is_unsafe(const char *name, size_t len)
{
    if (len == 0 || name[0] == '/' || name[0] == '\\' || (len > 1 && name[1] == ':'))
        return true;
    for (size_t i = 0; i < len; i++)
        if ((unsigned char)name[i] < 0x20 || name[i] == 0x7f)
            return true;
    for (size_t i = 0; i + 1 < len; i++) {
        bool begins = i == 0 || name[i - 1] == '/' || name[i - 1] == '\\';
        bool ends = i + 2 == len || name[i + 2] == '/' || name[i + 2] == '\\';
        if (begins && ends && name[i] == '.' && name[i + 1] == '.')
            return true;
    }
    return false;
}

/* ------------------------------------------------------------------ order */

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* A slash comes before everything, so that a folder's pages stand together. */
static int rank(char c)
{
    if (c == '/' || c == '\\')
        return 0;
    if (c >= 'A' && c <= 'Z')
        c = (char)(c - 'A' + 'a');
    return 1 + (unsigned char)c;
}

static int compare_lengths(size_t a, size_t b)
{
    return a < b ? -1 : a > b;
}

static size_t digits(const char *p, size_t len)
{
    size_t n = 0;
    while (n < len && is_digit(p[n]))
        n++;
    return n;
}

/* By value: without leading zeros the longer one is larger. */
static int compare_numbers(const char *a, size_t n, const char *b, size_t m)
{
    while (n > 0 && *a == '0')
        a++, n--;
    while (m > 0 && *b == '0')
        b++, m--;
    return n != m ? compare_lengths(n, m) : memcmp(a, b, n);
}

static int compare_bytes(const char *a, size_t a_len, const char *b, size_t b_len)
{
    int order = memcmp(a, b, a_len < b_len ? a_len : b_len);
    return order ? order : compare_lengths(a_len, b_len);
}

static int compare_names(const char *a, size_t a_len, const char *b, size_t b_len, bool by_value)
{
    size_t i = 0, j = 0;
    while (i < a_len && j < b_len) {
        if (by_value && is_digit(a[i]) && is_digit(b[j])) {
            size_t n = digits(a + i, a_len - i), m = digits(b + j, b_len - j);
            int order = compare_numbers(a + i, n, b + j, m);
            if (order)
                return order;
            i += n;
            j += m;
            continue;
        }
        if (rank(a[i]) != rank(b[j]))
            return rank(a[i]) < rank(b[j]) ? -1 : 1;
        i++;
        j++;
    }
    if (i < a_len || j < b_len)
        return i < a_len ? 1 : -1;
    return compare_bytes(a, a_len, b, b_len); /* "01" and "1": equal in value, but two names */
}

int entry_compare(const char *a, size_t a_len, const char *b, size_t b_len)
{
    return compare_names(a, a_len, b, b_len, true);
}

int entry_compare_plain(const char *a, size_t a_len, const char *b, size_t b_len)
{
    return compare_names(a, a_len, b, b_len, false);
}
