#include "old_text.h"

#include <string.h>

#include "utf8.h"

static void add_unit(struct strbuf *out, unsigned unit)
{
    strbuf_addf(out, "\\u%04x", unit);
}

static void add_escaped(struct strbuf *out, unsigned cp)
{
    static const char named[] = "\"\"\\\\\bb\ff\nn\rr\tt";
    for (const char *p = named; *p; p += 2)
        if (cp == (unsigned char)p[0]) {
            strbuf_addc(out, '\\');
            strbuf_addc(out, p[1]);
            return;
        }
    if (cp >= 0x20 && cp <= 0x7e) {
        strbuf_addc(out, (char)cp);
    } else if (cp <= 0xffff) {
        add_unit(out, cp);
    } else {
        add_unit(out, 0xd800 + ((cp - 0x10000) >> 10));
        add_unit(out, 0xdc00 + ((cp - 0x10000) & 0x3ff));
    }
}

void old_text_string(struct strbuf *out, const char *s)
{
    size_t len = strlen(s), n;
    strbuf_addc(out, '"');
    for (size_t i = 0; i < len; i += n)
        add_escaped(out, utf8_decode((const unsigned char *)s + i, len - i, &n));
    strbuf_addc(out, '"');
}

void old_text_item(struct strbuf *out, int64_t current, int64_t total, const char *file,
                   bool success, const char *error)
{
    strbuf_addf(out, "data: {\"current\": %lld, \"total\": %lld, \"file\": ", (long long)current,
                (long long)total);
    old_text_string(out, file);
    strbuf_addf(out, ", \"success\": %s, \"error\": ", success ? "true" : "false");
    if (success)
        strbuf_adds(out, "null");
    else
        old_text_string(out, error ? error : "");
    strbuf_adds(out, "}\n\n");
}

void old_text_result(struct strbuf *out, const char *file, bool success, const char *error)
{
    strbuf_adds(out, "{\"file\": ");
    old_text_string(out, file);
    strbuf_addf(out, ", \"success\": %s", success ? "true" : "false");
    if (!success) {
        strbuf_adds(out, ", \"error\": ");
        old_text_string(out, error ? error : "");
    }
    strbuf_addc(out, '}');
}
