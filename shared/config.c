#include "config.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "address.h"
#include "log.h"
#include "utf8.h"

extern char **environ;

static const struct config_key keys[] = {
#define CFG_INT(field, key, def, min, max, unit, text)                                             \
    {key, CONFIG_INT, offsetof(struct config, field), def, min, max, NULL, unit, text},
#define CFG_STR(field, key, def, max, text)                                                        \
    {key, CONFIG_STR, offsetof(struct config, field), 0, 0, max, def, NULL, text},
#define CFG_BOOL(field, key, def, text)                                                            \
    {key, CONFIG_BOOL, offsetof(struct config, field), def, 0, 1, NULL, NULL, text},
#include "config.def"
#undef CFG_INT
#undef CFG_STR
#undef CFG_BOOL
};

static void *field_of(struct config *c, const struct config_key *k)
{
    return (char *)c + k->offset;
}

const struct config_key *config_key_at(size_t i)
{
    return i < ARRAY_LEN(keys) ? &keys[i] : NULL;
}

const char *config_key_text(const struct config *c, const struct config_key *k)
{
    must(k->kind == CONFIG_STR);
    return (const char *)c + k->offset;
}

static const struct config_key *find(const char *key)
{
    for (size_t i = 0; i < ARRAY_LEN(keys); i++)
        if (strcmp(keys[i].key, key) == 0)
            return &keys[i];
    return NULL;
}

const struct config_key *config_restart_key_at(size_t i)
{
    static const char *const names[CONFIG_RESTART_KEYS] = {"library", "state_dir", "listen",
                                                           "pid_file", "log_file"};
    return i < CONFIG_RESTART_KEYS ? find(names[i]) : NULL;
}

const char *config_key_range(const struct config_key *k, char *buf, size_t size)
{
    if (k->kind == CONFIG_INT)
        (void)snprintf(buf, size, "a whole number from %" PRId64 " to %" PRId64 " (%s)", k->min,
                       k->max, k->unit);
    else if (k->kind == CONFIG_BOOL)
        (void)snprintf(buf, size, "true or false");
    else
        (void)snprintf(buf, size, "text of at most %" PRId64 " bytes", k->max);
    return buf;
}

void config_defaults(struct config *c)
{
    memset(c, 0, sizeof(*c));
    for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
        void *p = field_of(c, &keys[i]);
        if (keys[i].kind == CONFIG_INT)
            *(int64_t *)p = keys[i].def;
        else if (keys[i].kind == CONFIG_BOOL)
            *(bool *)p = keys[i].def != 0;
        else
            memcpy(p, keys[i].def_text, strlen(keys[i].def_text) + 1);
    }
}

/* Levenshtein's distance, any case; texts beyond 40 bytes count as far. */
static size_t distance(const char *a, const char *b)
{
    enum { MAX = 40 };
    size_t n = strlen(a), m = strlen(b);
    if (n > MAX || m > MAX)
        return MAX;
    size_t row[MAX + 1];
    for (size_t j = 0; j <= m; j++)
        row[j] = j;
    for (size_t i = 1; i <= n; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= m; j++) {
            size_t up = row[j];
            size_t best =
                diagonal + (tolower((unsigned char)a[i - 1]) != tolower((unsigned char)b[j - 1]));
            if (up + 1 < best)
                best = up + 1;
            if (row[j - 1] + 1 < best)
                best = row[j - 1] + 1;
            row[j] = best;
            diagonal = up;
        }
    }
    return row[m];
}

/* The known key that `name` was probably meant to be, or NULL. */
static const struct config_key *nearest(const char *name, size_t max_distance)
{
    const struct config_key *best = NULL;
    for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
        size_t d = distance(name, keys[i].key);
        if (d <= max_distance) {
            max_distance = d - (d > 0);
            best = &keys[i];
        }
    }
    return best;
}

static int wrong_value(const struct config_key *k, const char *value, const char *source,
                       struct err *err)
{
    char range[96];
    char quoted[80];
    return err_set(err, ERR_CONFIG, "%s: key '%s': %s is not %s", source, k->key,
                   log_quote(value, quoted, sizeof(quoted)),
                   config_key_range(k, range, sizeof(range)));
}

static int set_int(struct config *c, const struct config_key *k, const char *value,
                   const char *source, struct err *err)
{
    char *end = NULL;
    errno = 0;
    long long n = strtoll(value, &end, 10);
    bool number = (isdigit((unsigned char)value[0]) || value[0] == '-') && *end == '\0';
    if (!number || errno || n < k->min || n > k->max)
        return wrong_value(k, value, source, err);
    *(int64_t *)field_of(c, k) = n;
    return 0;
}

static int set_bool(struct config *c, const struct config_key *k, const char *value,
                    const char *source, struct err *err)
{
    static const char *const words[] = {"false", "true", "no", "yes", "off", "on"};
    for (size_t i = 0; i < ARRAY_LEN(words); i++)
        if (strcmp(value, words[i]) == 0) {
            *(bool *)field_of(c, k) = i % 2 == 1;
            return 0;
        }
    return wrong_value(k, value, source, err);
}

static int set_str(struct config *c, const struct config_key *k, const char *value,
                   const char *source, struct err *err)
{
    size_t len = strlen(value);
    if (len > (size_t)k->max)
        return err_set(err, ERR_CONFIG,
                       "%s: key '%s': %zu bytes, and at most %" PRId64 " are allowed", source,
                       k->key, len, k->max);
    for (size_t i = 0; i < len; i++)
        if ((unsigned char)value[i] < 0x20 || value[i] == 0x7f)
            return err_set(err, ERR_CONFIG, "%s: key '%s': control character 0x%02x in the value",
                           source, k->key, (unsigned char)value[i]);
    memcpy(field_of(c, k), value, len + 1);
    return 0;
}

int config_set(struct config *c, const char *key, const char *value, const char *source,
               struct err *err)
{
    const struct config_key *k = find(key);
    if (k == NULL) {
        char quoted[64];
        const struct config_key *near = nearest(key, 1 + strlen(key) / 3);
        return err_set(err, ERR_CONFIG, "%s: key %s is not known%s%s%s", source,
                       log_quote(key, quoted, sizeof(quoted)), near ? "; did you mean '" : "",
                       near ? near->key : "", near ? "'?" : "");
    }
    if (k->kind == CONFIG_INT)
        return set_int(c, k, value, source, err);
    if (k->kind == CONFIG_BOOL)
        return set_bool(c, k, value, source, err);
    return set_str(c, k, value, source, err);
}

/* The old container listened on every address; here only the port is taken, and `listen` or `auth`
 * open it up. */
static int set_port(struct config *c, const char *value, struct err *err)
{
    struct address a;
    char text[ADDRESS_SIZE];
    char *end = NULL;
    errno = 0;
    long port = strtol(value, &end, 10);
    if (!isdigit((unsigned char)value[0]) || *end || errno || port > 65535)
        return err_set(err, ERR_CONFIG, "WEB_PORT: %s is not a port from 0 to 65535",
                       LOG_QUOTE(value));
    if (address_parse(c->listen, &a, err) < 0)
        return err_wrap(err, "key 'listen'");
    address_set_port(&a, (uint16_t)port);
    return config_set(c, "listen", address_format(&a, text), "WEB_PORT", err);
}

static int load_old_names(struct config *c, struct err *err)
{
    static const struct {
        const char *name, *key;
    } old[] = {
        {"WATCHED_DIR", "library"},      {"DUPLICATE_DIR", "duplicate_dir"},
        {"CONFIG_DIR", "state_dir"},     {"LOG_MAX_BYTES", "log_max_bytes"},
        {"GUNICORN_WORKERS", "workers"}, {"MAX_WORKERS", "threads"},
        {"BASE_PATH", "base_path"},      {"SSL_CERTFILE", "tls_cert"},
        {"SSL_KEYFILE", "tls_key"},
    };
    for (size_t i = 0; i < ARRAY_LEN(old); i++) {
        const char *value = getenv(old[i].name);
        if (value && *value && config_set(c, old[i].key, value, old[i].name, err) < 0)
            return -1;
    }
    const char *port = getenv("WEB_PORT");
    return port && *port ? set_port(c, port, err) : 0;
}

int config_load_env(struct config *c, struct err *err)
{
    static const char prefix[] = "LONGBOX_";
    if (load_old_names(c, err) < 0)
        return -1;
    for (char **e = environ; *e; e++) {
        const char *equals = strchr(*e, '=');
        if (strncmp(*e, prefix, sizeof(prefix) - 1) != 0 || equals == NULL)
            continue;
        char name[64], key[64];
        size_t len = (size_t)(equals - *e);
        if (len >= sizeof(name) || len == sizeof(prefix) - 1)
            continue;
        memcpy(name, *e, len);
        name[len] = '\0';
        for (size_t i = 0; i <= len - (sizeof(prefix) - 1); i++)
            key[i] = (char)tolower((unsigned char)name[sizeof(prefix) - 1 + i]);
        if (find(key) == NULL && nearest(key, strlen(key) > 4 ? 2 : 1) == NULL)
            continue; /* somebody else's */
        if (config_set(c, key, equals + 1, name, err) < 0)
            return -1;
    }
    return 0;
}

const char *config_default_file(void)
{
    static const char *const places[] = {"longbox.yaml", "/etc/longbox/longbox.yaml"};
    for (size_t i = 0; i < ARRAY_LEN(places); i++)
        if (access(places[i], F_OK) == 0)
            return places[i];
    return NULL;
}

int config_load(struct config *c, const char *file, const char *const *sets, size_t n_sets,
                struct err *err)
{
    config_defaults(c);
    if (file && config_load_file(c, file, err) < 0)
        return -1;
    if (config_load_env(c, err) < 0)
        return -1;
    for (size_t i = 0; i < n_sets; i++) {
        const char *equals = strchr(sets[i], '=');
        if (equals == NULL)
            return err_set(err, ERR_CONFIG, "command line: %s is not key=value",
                           LOG_QUOTE(sets[i]));
        char key[64];
        (void)snprintf(key, sizeof(key), "%.*s", (int)(equals - sets[i]), sets[i]);
        if (config_set(c, key, equals + 1, "command line", err) < 0)
            return -1;
    }
    return 0;
}
