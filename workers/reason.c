#include "reason.h"

#include <ctype.h>
#include <string.h>

#include "path.h"
#include "strbuf.h"
#include "utf8.h"

#define ELLIPSIS "\xe2\x80\xa6"

/* A short name says nothing: "a" stands in every sentence. */
#define NAME_MIN 4

static bool starts_with(const char *s, const char *name, size_t len)
{
    return len >= NAME_MIN && strncmp(s, name, len) == 0;
}

/* How many bytes at s are the item's path, its file's name, or that without the extension; 0 = none of them. */
static size_t own_name(const char *s, const char *path)
{
    const char *base = path_base(path);
    const char *dot = strrchr(base, '.');
    if (starts_with(s, path, strlen(path)))
        return strlen(path);
    if (starts_with(s, base, strlen(base)))
        return strlen(base);
    return dot && starts_with(s, base, (size_t)(dot - base)) ? (size_t)(dot - base) : 0;
}

/* What stands in double quotes at s, with both; 0 = no quote is closed. */
static size_t quoted(const char *s)
{
    if (*s != '"')
        return 0;
    for (size_t i = 1; s[i]; i++) {
        if (s[i] == '\\' && s[i + 1])
            i++;
        else if (s[i] == '"')
            return i + 1;
    }
    return 0;
}

/* A path that begins at s, which is the beginning of a word: as far as it has no blank. */
static size_t absolute(const char *s)
{
    size_t n = strcspn(s, " \t\r\n\"':;,()");
    return *s == '/' && n > 1 ? n : 0;
}

static bool ends_with(const struct strbuf *b, const char *word)
{
    size_t n = strlen(word);
    return b->len >= n && memcmp(b->data + b->len - n, word, n) == 0;
}

static size_t add_number(struct strbuf *out, const char *s)
{
    size_t n = strspn(s, "0123456789");
    if (ends_with(out, "status "))
        strbuf_add(out, s, n); /* which one it is, is the reason */
    else
        strbuf_addc(out, '#');
    return n;
}

/* What begins at s goes to `out`; returns how much of s that was. */
static size_t step(const char *s, bool at_word, const char *path, struct strbuf *out)
{
    size_t n = quoted(s);
    if (n > 0) {
        strbuf_adds(out, "\"" ELLIPSIS "\"");
        return n;
    }
    if (at_word)
        n = own_name(s, path);
    if (at_word && n == 0)
        n = absolute(s);
    if (n > 0) {
        strbuf_adds(out, ELLIPSIS);
        return n;
    }
    if (isdigit((unsigned char)*s))
        return add_number(out, s);
    strbuf_addc(out, (unsigned char)*s < 0x20 || *s == 0x7f ? ' ' : *s);
    return 1;
}

void reason_of(const char *message, const char *path, char ret[REASON_SIZE])
{
    struct strbuf out LB_CLEANUP(strbuf_clear) = {0}, text LB_CLEANUP(strbuf_clear) = {0};
    for (const char *s = message; *s && out.len < REASON_SIZE;) {
        bool at_word = s == message || strchr(" \t('\":", s[-1]);
        s += step(s, at_word, path, &out);
    }
    utf8_append_lossy(&text, strbuf_str(&out), out.len);
    size_t n = text.len;
    if (n >= REASON_SIZE)
        for (n = REASON_SIZE - 1; n > 0 && ((unsigned char)text.data[n] & 0xc0) == 0x80;)
            n--;
    memcpy(ret, strbuf_str(&text), n);
    ret[n] = '\0';
}
