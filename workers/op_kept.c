#include "op_kept.h"

#include <string.h>
#include <zlib.h>

#include "comicinfo.h"
#include "job.h"
#include "strbuf.h"

#define SHOWN_MAX_BYTES 256

static const char base64[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/* RFC 4648, section 4. */
static void to_base64(const unsigned char *p, size_t len, struct strbuf *out)
{
    for (size_t i = 0; i < len; i += 3) {
        size_t left = len - i;
        unsigned three = (unsigned)p[i] << 16 | (left > 1 ? (unsigned)p[i + 1] << 8 : 0) |
                         (left > 2 ? p[i + 2] : 0);
        strbuf_addc(out, base64[three >> 18]);
        strbuf_addc(out, base64[three >> 12 & 63]);
        strbuf_addc(out, left > 1 ? base64[three >> 6 & 63] : '=');
        strbuf_addc(out, left > 2 ? base64[three & 63] : '=');
    }
}

static bool from_base64(const char *s, struct strbuf *out)
{
    unsigned bits = 0;
    int n = 0;
    for (; *s && *s != '='; s++) {
        const char *at = strchr(base64, *s);
        if (!at)
            return false;
        bits = bits << 6 | (unsigned)(at - base64);
        n += 6;
        if (n >= 8) {
            n -= 8;
            strbuf_addc(out, (char)(bits >> n & 0xff));
        }
    }
    return true;
}

static json_t *shown(const char *text)
{
    size_t len = text ? strlen(text) : 0;
    if (len > SHOWN_MAX_BYTES)
        for (len = SHOWN_MAX_BYTES; len > 0 && ((unsigned char)text[len] & 0xc0) == 0x80;)
            len--;
    return len ? json_text_n(text, len) : json_null();
}

json_t *op_kept_pack(const char *bytes, size_t len)
{
    json_t *member = json_pack("{s:b}", "had", bytes != NULL);
    if (!bytes)
        return member;
    struct strbuf packed LB_CLEANUP(strbuf_clear) = {0};
    struct strbuf text LB_CLEANUP(strbuf_clear) = {0};
    uLongf n = compressBound(len); /* len <= COMICINFO_MAX_BYTES */
    char *to = strbuf_reserve(&packed, n);
    must(compress((Bytef *)to, &n, (const Bytef *)bytes, len) == Z_OK);
    if (n > OP_KEPT_MAX_BYTES)
        return member;
    to_base64((const unsigned char *)to, n, &text);
    json_put(member, "size", json_integer((json_int_t)len));
    json_put(member, "packed", json_string(strbuf_str(&text)));
    return member;
}

json_t *op_kept_whole(const struct book *b, const json_t *tags)
{
    json_t *kept = json_object();
    size_t len;
    const char *bytes = book_member(b, &len);
    json_put(kept, "member", op_kept_pack(bytes, len));
    if (tags)
        json_put(kept, "tags", json_deep_copy(tags));
    return kept;
}

json_t *op_kept_make(const struct book *b, const struct book_change *changes, size_t n)
{
    if (n == 0)
        return json_object();
    json_t *tags = json_object();
    for (size_t i = 0; i < n; i++) {
        const char *is = book_tag(b, changes[i].element);
        const char *will = changes[i].value;
        if (strcmp(is ? is : "", will ? will : "") != 0)
            json_put(tags, changes[i].element, json_pack("[o, o]", shown(is), shown(will)));
    }
    json_t *kept = op_kept_whole(b, tags);
    json_decref(tags);
    return kept;
}

static json_t *sum_of(const struct book *b)
{
    size_t len;
    const char *bytes = book_member(b, &len);
    if (!bytes)
        return json_null();
    return json_pack("{s:I, s:I}", "size", (json_int_t)len, "crc",
                     (json_int_t)crc32(0, (const Bytef *)bytes, (uInt)len));
}

void op_kept_after(json_t *kept, const struct book *b)
{
    if (op_kept_has_tags(kept))
        json_put(kept, "now", sum_of(b));
}

bool op_kept_has_tags(const json_t *kept)
{
    return json_object_get(kept, "member") != NULL;
}

bool op_kept_is_now(const json_t *kept, const struct book *b)
{
    json_t *is = sum_of(b);
    bool same = json_equal(is, json_object_get(kept, "now"));
    json_decref(is);
    return same;
}

int op_kept_member(const json_t *kept, char **ret, size_t *ret_len, struct err *err)
{
    return op_kept_unpack(json_object_get(kept, "member"), ret, ret_len, err);
}

int op_kept_unpack(const json_t *member, char **ret, size_t *ret_len, struct err *err)
{
    const char *packed = json_string_value(json_object_get(member, "packed"));
    json_int_t size = json_integer_value(json_object_get(member, "size"));
    *ret = NULL;
    *ret_len = 0;
    if (!json_is_true(json_object_get(member, "had")))
        return 0;
    if (!packed)
        return err_set(err, ERR_CANNOT_UNDO, "its old ComicInfo.xml was too large to be kept");
    struct strbuf bytes LB_CLEANUP(strbuf_clear) = {0};
    char *text LB_CLEANUP(mem_free) = NULL;
    uLongf n = (uLongf)size;
    if (size < 0 || size > COMICINFO_MAX_BYTES || !from_base64(packed, &bytes))
        return err_set(err, ERR_STORE, "the history of this change is damaged");
    text = mem_new((size_t)size + 1);
    if (uncompress((Bytef *)text, &n, (const Bytef *)bytes.data, bytes.len) != Z_OK ||
        n != (uLongf)size)
        return err_set(err, ERR_STORE, "the history of this change is damaged");
    *ret_len = n;
    *ret = text;
    text = NULL;
    return 0;
}

json_t *op_kept_back(const json_t *kept)
{
    json_t *tags = json_object_get(kept, "tags");
    if (!tags)
        return NULL;
    json_t *back = json_object();
    const char *element;
    json_t *pair;
    json_object_foreach(tags, element, pair)
    {
        json_put(back, element,
                 json_pack("[O, O]", json_array_get(pair, 1), json_array_get(pair, 0)));
    }
    return back;
}
