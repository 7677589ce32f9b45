#include "config.h"

#include <inttypes.h>
#include <string.h>

#include "strbuf.h"

static const void *value_of(const struct config *c, const struct config_key *k)
{
    return (const char *)c + k->offset;
}

/* A YAML text in double quotes. Values hold no control characters: config_set refuses them. */
static void add_quoted(struct strbuf *out, const char *text)
{
    strbuf_addc(out, '"');
    for (; *text; text++) {
        if (*text == '"' || *text == '\\')
            strbuf_addc(out, '\\');
        strbuf_addc(out, *text);
    }
    strbuf_addc(out, '"');
}

static void add_value(struct strbuf *out, const struct config *c, const struct config_key *k)
{
    const void *p = value_of(c, k);
    if (k->kind == CONFIG_INT)
        strbuf_addf(out, "%" PRId64, *(const int64_t *)p);
    else if (k->kind == CONFIG_BOOL)
        strbuf_adds(out, *(const bool *)p ? "true" : "false");
    else
        add_quoted(out, p);
}

void config_dump(const struct config *c, struct strbuf *out)
{
    struct config defaults;
    config_defaults(&defaults);
    const struct config_key *k;
    for (size_t i = 0; (k = config_key_at(i)) != NULL; i++) {
        char range[96];
        strbuf_addf(out, "%s# %s\n# %s; default ", i ? "\n" : "", k->text,
                    config_key_range(k, range, sizeof(range)));
        add_value(out, &defaults, k);
        strbuf_addf(out, "\n%s: ", k->key);
        add_value(out, c, k);
        strbuf_addc(out, '\n');
    }
    config_commands_dump(c, out);
}

void config_export(const struct config *c, struct strbuf *out)
{
    const struct config_key *k;
    for (size_t i = 0; (k = config_key_at(i)) != NULL; i++) {
        strbuf_addf(out, "%s=", k->key);
        if (k->kind != CONFIG_STR) {
            add_value(out, c, k);
        } else {
            for (const unsigned char *p = value_of(c, k); *p; p++) {
                if (*p == '%' || *p < 0x20 || *p == 0x7f)
                    strbuf_addf(out, "%%%02x", *p);
                else
                    strbuf_addc(out, (char)*p);
            }
        }
        strbuf_addc(out, '\n');
    }
    config_commands_export(c, out);
}

static int hex(char ch)
{
    if (ch >= '0' && ch <= '9')
        return ch - '0';
    return ch >= 'a' && ch <= 'f' ? ch - 'a' + 10 : -1;
}

/* Undoes the encoding of one line's value in place; false when it is not one of ours. */
static bool decode(char *text)
{
    char *to = text;
    for (const char *from = text; *from; from++) {
        if (*from != '%') {
            *to++ = *from;
            continue;
        }
        int high = hex(from[1]);
        int low = high < 0 ? -1 : hex(from[2]);
        if (low < 0 || (high == 0 && low == 0))
            return false;
        *to++ = (char)(high * 16 + low);
        from += 2;
    }
    *to = '\0';
    return true;
}

int config_import(struct config *c, const char *text, struct err *err)
{
    static const char source[] = "LONGBOX_CONFIG";
    config_defaults(c);
    for (const char *line = text; *line;) {
        const char *end = strchr(line, '\n');
        if (end == NULL)
            return err_set(err, ERR_CONFIG, "%s: the last line is cut", source);
        char *pair LB_CLEANUP(mem_free) = mem_strndup(line, (size_t)(end - line));
        char *equals = strchr(pair, '=');
        if (equals == NULL || !decode(equals + 1))
            return err_set(err, ERR_CONFIG, "%s: '%.60s' is not key=value", source, pair);
        *equals = '\0';
        int rc = strncmp(pair, "commands.", 9) == 0
                     ? config_commands_import(c, pair + 9, equals + 1, source, err)
                     : config_set(c, pair, equals + 1, source, err);
        if (rc < 0)
            return -1;
        line = end + 1;
    }
    return 0;
}
