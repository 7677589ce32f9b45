/*
 * What a master leaves to the program that takes its place at SIGUSR2 (master_upgrade.c): descriptors and children, as
 * JSON text. Both sides have the same scoreboard layout, and with it the same idea of this text.
 */
#include "master_parts.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "child.h"
#include "exe.h"
#include "log.h"

/* ---- what cannot change under running workers ---- */

struct fixed {
    const char *key;
    const char *value[2]; /* of the two configurations */
};

static void fixed_settings(const struct config *was, const struct config *is,
                           struct fixed ret[CONFIG_RESTART_KEYS])
{
    const struct config_key *k;
    for (size_t i = 0; (k = config_restart_key_at(i)) != NULL; i++)
        ret[i] = (struct fixed){k->key, {config_key_text(was, k), config_key_text(is, k)}};
}

static int refuse_change(const char *key, const char *was, const char *is, struct err *err)
{
    return err_set(err, ERR_CONFIG, "key '%s': %s instead of %s needs a restart", key,
                   LOG_QUOTE(is), LOG_QUOTE(was));
}

int master_check_fixed(const struct config *was, const struct config *is, struct err *err)
{
    struct fixed all[CONFIG_RESTART_KEYS];
    fixed_settings(was, is, all);
    for (size_t i = 0; i < CONFIG_RESTART_KEYS; i++)
        if (strcmp(all[i].value[0], all[i].value[1]) != 0)
            return refuse_change(all[i].key, all[i].value[0], all[i].value[1], err);
    return 0;
}

/* ---- the text ---- */

void master_handover_fds(struct master *m, int *ret[HANDOVER_FDS])
{
    int *const first[] = {
        &m->workers_socket.fd, &m->public_socket.fd,  &m->board_fd,           &m->life_fd,
        &m->life_write_fd,     &m->state.master_lock, &m->state.workers_lock, &m->pidfile.fd,
        &m->frontend.log_fd};
    _Static_assert(ARRAY_LEN(first) + BOARD_MAX_SLOTS == HANDOVER_FDS, "one place for each");
    memcpy(ret, first, sizeof(first));
    for (size_t i = 0; i < BOARD_MAX_SLOTS; i++)
        ret[ARRAY_LEN(first) + i] = &m->bells[i];
}

static json_t *slot_to_json(const struct slot *s)
{
    return json_pack("[I, I, I]", (json_int_t)s->pid, (json_int_t)s->started_ms,
                     (json_int_t)s->ready_ms);
}

int master_handover_write(struct master *m, char **ret, struct err *err)
{
    struct fixed fixed[CONFIG_RESTART_KEYS];
    int *fds[HANDOVER_FDS];
    char layout[24];
    fixed_settings(&m->config, &m->config, fixed);
    master_handover_fds(m, fds);
    (void)snprintf(layout, sizeof(layout), "%016" PRIx64, board_layout());
    json_t *settings = json_object(), *descriptor_list = json_array(), *workers = json_array();
    for (size_t i = 0; i < CONFIG_RESTART_KEYS; i++)
        (void)json_object_set_new(settings, fixed[i].key, json_string(fixed[i].value[0]));
    for (size_t i = 0; i < HANDOVER_FDS; i++)
        (void)json_array_append_new(descriptor_list, json_integer(*fds[i]));
    for (size_t i = 0; i < BOARD_MAX_SLOTS; i++)
        (void)json_array_append_new(workers, slot_to_json(&m->workers[i].now.slot));
    json_t *all =
        json_pack("{s:s, s:o, s:o, s:s, s:o, s:o}", "layout", layout, "settings", settings,
                  "descriptors", descriptor_list, "socket", m->workers_socket.path, "front",
                  slot_to_json(&m->front_slot), "workers", workers);
    *ret = all ? json_dumps(all, JSON_COMPACT) : NULL;
    json_decref(all);
    return *ret ? 0 : err_set(err, ERR_CONFIG, "a path is not UTF-8 text");
}

static json_t *parse(const char *text, struct err *err)
{
    json_error_t why;
    json_t *all = json_loads(text, 0, &why);
    const char *layout = json_string_value(json_object_get(all, "layout"));
    if (!layout || strtoull(layout, NULL, 16) != board_layout()) {
        json_decref(all);
        (void)err_set(err, ERR_CONFIG,
                      "this version shares its scoreboard with no worker of the one that runs; "
                      "stop that one and start this");
        return NULL;
    }
    return all;
}

static bool slot_from_json(const json_t *row, struct slot *s)
{
    json_int_t pid, started_ms, ready_ms;
    if (json_unpack((json_t *)row, "[I, I, I]", &pid, &started_ms, &ready_ms) < 0)
        return false;
    if (pid == 0)
        return true; /* nobody: the slot is filled anew */
    s->pid = (pid_t)pid;
    s->started_ms = started_ms;
    s->ready_ms = ready_ms;
    s->ever_ready = true;
    s->state = SLOT_READY;
    return true;
}

static int bad_text(struct err *err)
{
    return err_set(err, ERR_CONFIG, "LONGBOX_HANDOVER: not what longboxd writes there");
}

int master_handover_check(const char *text, const struct config *c,
                          char ret_socket[HANDOVER_SOCKET_SIZE], struct err *err)
{
    struct fixed fixed[CONFIG_RESTART_KEYS];
    json_t *all = parse(text, err);
    if (!all)
        return -1;
    int rc = 0;
    const char *path = json_string_value(json_object_get(all, "socket"));
    if (!path || strlen(path) >= HANDOVER_SOCKET_SIZE)
        rc = bad_text(err);
    else
        memcpy(ret_socket, path, strlen(path) + 1);
    fixed_settings(c, c, fixed);
    for (size_t i = 0; rc == 0 && i < CONFIG_RESTART_KEYS; i++) {
        const char *was =
            json_string_value(json_object_get(json_object_get(all, "settings"), fixed[i].key));
        if (!was)
            rc = bad_text(err);
        else if (strcmp(was, fixed[i].value[0]) != 0)
            rc = refuse_change(fixed[i].key, was, fixed[i].value[0], err);
    }
    json_decref(all);
    return rc;
}

int master_handover_read(struct master *m, const char *text, struct err *err)
{
    int *fds[HANDOVER_FDS];
    const char *path = NULL;
    json_t *all = parse(text, err), *numbers = NULL, *workers = NULL, *front = NULL;
    if (!all)
        return -1;
    master_handover_fds(m, fds);
    bool good = json_unpack(all, "{s:o, s:s, s:o, s:o}", "descriptors", &numbers, "socket", &path,
                            "front", &front, "workers", &workers) == 0 &&
                json_array_size(numbers) == HANDOVER_FDS &&
                json_array_size(workers) == BOARD_MAX_SLOTS &&
                strlen(path) < sizeof(m->workers_socket.path);
    int rc = good ? 0 : bad_text(err);
    for (size_t i = 0; good && i < HANDOVER_FDS; i++)
        *fds[i] = (int)json_integer_value(json_array_get(numbers, i));
    if (good) {
        memcpy(m->workers_socket.path, path, strlen(path) + 1);
        rc = board_attach(m->board_fd, &m->board, err);
    }
    if (rc == 0) {
        master_workers_init(m);
        slot_init(&m->front_slot, "frontend", NULL);
        good = slot_from_json(front, &m->front_slot);
        for (size_t i = 0; good && i < BOARD_MAX_SLOTS; i++)
            good = slot_from_json(json_array_get(workers, i), &m->workers[i].now.slot);
        rc = good ? 0 : bad_text(err);
    }
    json_decref(all);
    return rc;
}
