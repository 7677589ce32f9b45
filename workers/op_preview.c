#include "op_preview.h"

#include <string.h>

#include "job.h"
#include "path.h"

/* Of a value so much is shown: results are kept with the job, and lists of them are read by browsers. */
#define SHOWN_MAX_BYTES 1024

static json_t *shown(const char *text)
{
    size_t len = text ? strlen(text) : 0;
    if (len == 0)
        return json_null();
    if (len > SHOWN_MAX_BYTES)
        for (len = SHOWN_MAX_BYTES; len > 0 && ((unsigned char)text[len] & 0xc0) == 0x80;)
            len--;
    return json_text_n(text, len);
}

/* The member `key` of an object, made when it is not there. Borrowed. */
static json_t *object_in(json_t *o, const char *key)
{
    json_t *found = json_object_get(o, key);
    if (!found) {
        found = json_object();
        must(json_object_set_new(o, key, found) == 0);
    }
    return found;
}

static json_t *preview_of(struct op_result *ret)
{
    if (!ret->details)
        ret->details = json_object();
    json_t *p = object_in(ret->details, "preview");
    (void)object_in(p, "before");
    (void)object_in(p, "after");
    return p;
}

int op_preview_tags(struct book *b, const struct book_change *changes, size_t n,
                    struct op_result *ret, struct err *err)
{
    enum book_method method = BOOK_NONE;
    int64_t bytes = 0;
    if (n > 0 && book_save_preview(b, changes, n, &method, &bytes, err) < 0)
        return -1;
    json_t *tags = json_object();
    for (size_t i = 0; method != BOOK_NONE && i < n; i++) {
        const char *is = book_tag(b, changes[i].element);
        const char *will = changes[i].value;
        if (strcmp(is ? is : "", will ? will : "") == 0)
            continue;
        json_put(tags, changes[i].element, json_pack("[o, o]", shown(is), shown(will)));
    }
    op_preview_pairs(tags, method, bytes, ret);
    json_decref(tags);
    return 0;
}

void op_preview_pairs(const json_t *tags, enum book_method method, int64_t bytes,
                      struct op_result *ret)
{
    json_t *p = preview_of(ret), *pair;
    const char *element;
    json_object_foreach((json_t *)(uintptr_t)tags, element, pair)
    {
        json_put(object_in(object_in(p, "before"), "tags"), element,
                 json_incref(json_array_get(pair, 0)));
        json_put(object_in(object_in(p, "after"), "tags"), element,
                 json_incref(json_array_get(pair, 1)));
    }
    json_put(p, "method", json_string(book_method_name(method)));
    json_put(p, "bytes", json_integer((json_int_t)bytes));
}

void op_preview_name(const char *from, const char *to, struct op_result *ret)
{
    json_t *p = preview_of(ret);
    json_put(object_in(p, "before"), "name", json_text(path_base(from)));
    json_put(object_in(p, "after"), "name", json_text(path_base(to)));
}
