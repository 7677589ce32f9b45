#include "config.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "address.h"
#include "log.h"

static int bad(const char *key, struct err *err, const char *why)
{
    return err_set(err, ERR_CONFIG, "key '%s': %s", key, why);
}

/* Puts `text` into a string field of `size` bytes. */
static int put(char *field, size_t size, const char *text, const char *key, struct err *err)
{
    if (strlen(text) >= size)
        return err_set(err, ERR_CONFIG, "key '%s': the whole path is longer than %zu bytes", key,
                       size - 1);
    memcpy(field, text, strlen(text) + 1);
    return 0;
}

/* An existing folder, absolute and without links; access(2) says that `mode` is allowed. */
static int check_folder(char *field, size_t size, const char *key, int mode, struct err *err)
{
    char whole[PATH_MAX];
    struct stat st;
    if (realpath(field, whole) == NULL || stat(whole, &st) < 0)
        return err_sys(err, ERR_CONFIG, "key '%s': %s", key, LOG_QUOTE(field));
    if (!S_ISDIR(st.st_mode))
        return err_set(err, ERR_CONFIG, "key '%s': %s is not a folder", key, LOG_QUOTE(field));
    if (access(whole, mode) < 0)
        return err_sys(err, ERR_CONFIG, "key '%s': %s", key, LOG_QUOTE(field));
    return put(field, size, whole, key, err);
}

/* Files go there by rename, so it has to be where the library is. */
static int check_side_folder(const struct config *c, char *field, size_t size, const char *key,
                             struct err *err)
{
    struct stat here, there;
    if (field[0] == '\0')
        return 0;
    if (check_folder(field, size, key, R_OK | W_OK | X_OK, err) < 0)
        return -1;
    if (stat(c->library, &here) < 0 || stat(field, &there) < 0)
        return err_sys(err, ERR_CONFIG, "key '%s': %s", key, LOG_QUOTE(field));
    if (here.st_dev != there.st_dev)
        return err_set(err, ERR_CONFIG, "key '%s': %s is on another file system than the library",
                       key, LOG_QUOTE(field));
    return 0;
}

static int check_file(char *field, size_t size, const char *key, struct err *err)
{
    char whole[PATH_MAX];
    if (realpath(field, whole) == NULL || access(whole, R_OK) < 0)
        return err_sys(err, ERR_CONFIG, "key '%s': %s", key, LOG_QUOTE(field));
    return put(field, size, whole, key, err);
}

static int check_library(struct config *c, struct err *err)
{
    if (c->library[0] == '\0')
        return bad("library", err,
                   "no folder is set; use --library DIR, WATCHED_DIR or a line in longbox.yaml");
    return check_folder(c->library, sizeof(c->library), "library", R_OK | X_OK, err);
}

/* Absolute, but not resolved: it need not exist. */
static int make_absolute(char *field, size_t size, const char *key, struct err *err)
{
    char cwd[PATH_MAX], whole[PATH_MAX * 2 + 2];
    if (field[0] == '/')
        return 0;
    if (getcwd(cwd, sizeof(cwd)) == NULL)
        return err_sys(err, ERR_CONFIG, "key '%s': current folder", key);
    (void)snprintf(whole, sizeof(whole), "%s/%s", cwd, field);
    return put(field, size, whole, key, err);
}

int config_check_state_dir(struct config *c, struct err *err)
{
    char whole[PATH_MAX * 2 + 2];
    const char *xdg = getenv("XDG_STATE_HOME"), *home = getenv("HOME");
    if (c->state_dir[0]) {
        if (make_absolute(c->state_dir, sizeof(c->state_dir), "state_dir", err) < 0)
            return -1;
        (void)snprintf(whole, sizeof(whole), "%s", c->state_dir);
    } else if (xdg && xdg[0] == '/') {
        (void)snprintf(whole, sizeof(whole), "%s/longbox", xdg);
    } else if (home && home[0] == '/') {
        (void)snprintf(whole, sizeof(whole), "%s/.local/state/longbox", home);
    } else {
        return bad("state_dir", err, "is not set, and there is no HOME to find a default in");
    }
    size_t len = strlen(whole);
    while (len > 1 && whole[len - 1] == '/')
        whole[--len] = '\0';
    return put(c->state_dir, sizeof(c->state_dir), whole, "state_dir", err);
}

static int check_listen(const struct config *c, struct err *err)
{
    struct address a;
    if (address_parse(c->listen, &a, err) < 0)
        return err_wrap(err, "key 'listen'");
    if (c->auth[0] && strcmp(c->auth, "none") != 0)
        return bad("auth", err, "has to be \"none\" or empty");
    if (!address_is_loopback(&a) && c->auth[0] == '\0')
        return err_set(err, ERR_CONFIG,
                       "key 'listen': %s can be reached from other machines, and everybody there "
                       "could change the library; set auth: none if that is meant",
                       c->listen);
    return 0;
}

static int check_base_path(struct config *c, struct err *err)
{
    static const char *const own[] = {"/api",    "/health", "/metrics",
                                      "/static", "/jobs",   "/batch-jobs"};
    char *p = c->base_path;
    size_t len = strlen(p);
    while (len > 0 && p[len - 1] == '/')
        p[--len] = '\0';
    if (len == 0)
        return 0;
    if (p[0] != '/')
        return bad("base_path", err, "has to begin with /");
    for (const char *s = p; *s; s++) {
        if (strchr("/-_~.", *s) == NULL &&
            !((*s >= '0' && *s <= '9') || (*s >= 'A' && *s <= 'Z') || (*s >= 'a' && *s <= 'z')))
            return bad("base_path", err, "may hold letters, digits and / - _ ~ . only");
        if (*s == '/' && (s[1] == '/' || s[1] == '.'))
            return bad("base_path", err, "no part of it may be empty or begin with a dot");
    }
    for (size_t i = 0; i < ARRAY_LEN(own); i++) {
        size_t n = strlen(own[i]);
        if (strncmp(p, own[i], n) == 0 && (p[n] == '\0' || p[n] == '/'))
            return err_set(err, ERR_CONFIG, "key 'base_path': %s is a path of the server itself",
                           own[i]);
    }
    return 0;
}

static int check_tls(struct config *c, struct err *err)
{
    if (!c->tls_cert[0] && !c->tls_key[0])
        return 0;
    if (!c->tls_cert[0])
        return bad("tls_cert", err, "has to be set with tls_key");
    if (!c->tls_key[0])
        return bad("tls_key", err, "has to be set with tls_cert");
    if (check_file(c->tls_cert, sizeof(c->tls_cert), "tls_cert", err) < 0)
        return -1;
    return check_file(c->tls_key, sizeof(c->tls_key), "tls_key", err);
}

int config_check(struct config *c, struct err *err)
{
    if (check_library(c, err) < 0 || config_check_state_dir(c, err) < 0)
        return -1;
    if (check_side_folder(c, c->duplicate_dir, sizeof(c->duplicate_dir), "duplicate_dir", err) < 0)
        return -1;
    if (c->trash_dir[0] &&
        check_folder(c->trash_dir, sizeof(c->trash_dir), "trash_dir", R_OK | W_OK | X_OK, err) < 0)
        return -1; /* on any file system: trash.h copies where it has to */
    if (strcmp(c->trash_dir, c->library) == 0)
        return bad("trash_dir", err, "is the library itself");
    if (c->htdocs[0] && check_folder(c->htdocs, sizeof(c->htdocs), "htdocs", R_OK | X_OK, err) < 0)
        return -1;
    if (c->front_template[0] &&
        check_file(c->front_template, sizeof(c->front_template), "front_template", err) < 0)
        return -1;
    if (c->front_access_log[0] && make_absolute(c->front_access_log, sizeof(c->front_access_log),
                                                "front_access_log", err) < 0)
        return -1;
    if ((c->log_file[0] && make_absolute(c->log_file, sizeof(c->log_file), "log_file", err) < 0) ||
        (c->pid_file[0] && make_absolute(c->pid_file, sizeof(c->pid_file), "pid_file", err) < 0))
        return -1;
    if (c->h2o[0] == '\0')
        return bad("h2o", err, "names no program");
    if (check_listen(c, err) < 0 || check_base_path(c, err) < 0 || check_tls(c, err) < 0)
        return -1;
    if (log_level_parse(c->log_level) < 0)
        return bad("log_level", err, "has to be error, warn, info or debug");
    if (strcmp(c->name_parser, "compatible") != 0 && strcmp(c->name_parser, "better") != 0)
        return bad("name_parser", err, "has to be compatible or better");
    if (strcmp(c->name_policy, "strict") != 0 && strcmp(c->name_policy, "posix") != 0)
        return bad("name_policy", err, "has to be strict or posix");
    if (c->lease_renew_ms * 2 > c->lease_ms)
        return bad("lease_renew_ms", err, "has to be at most half of lease_ms");
    return 0;
}
