/* longbox-worker: one preforked worker process. Started by longboxd; see board.h for the descriptors it inherits. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "board.h"
#include "config.h"
#include "log.h"
#include "log_kept.h"
#include "worker_run.h"

static const char usage[] =
    "longbox-worker is started by longboxd, which hands over its sockets and settings.\n"
    "To start a server, run: longbox serve --help\n";

static int slot_from(const char *text, int *ret, struct err *err)
{
    char *end;
    errno = 0;
    long v = strtol(text, &end, 10);
    if (errno || *end || end == text || v < 0 || v >= BOARD_MAX_SLOTS)
        return err_set(err, ERR_CONFIG, "--slot %s: must be 0 to %d", text, BOARD_MAX_SLOTS - 1);
    *ret = (int)v;
    return 0;
}

static int run(int slot, struct err *err)
{
    static struct config config; /* large, and read by all threads until the end */
    const char *text = getenv("LONGBOX_CONFIG");
    if (!text)
        return err_set(err, ERR_CONFIG, "LONGBOX_CONFIG is not set: %s", usage);
    config_defaults(&config);
    if (config_import(&config, text, err) < 0)
        return -1;
    char who[32];
    (void)snprintf(who, sizeof(who), "worker=%d", slot);
    log_setup(who, (enum log_level)log_level_parse(config.log_level));
    struct board *board;
    if (board_attach(BOARD_FD_BOARD, &board, err) < 0)
        return -1;
    struct err kept = {0};
    if (log_keep(config.state_dir, &board->log_max_bytes, &kept) < 0)
        log_warn("log not kept", "error=%s", LOG_QUOTE(kept.msg));
    /* Children of operations must not inherit what the master handed over. */
    for (int fd = BOARD_FD_LISTEN; fd < BOARD_FD_BELL_0 + BOARD_MAX_SLOTS; fd++)
        (void)fcntl(fd, F_SETFD, FD_CLOEXEC);
    return worker_run(&config, slot, board, err);
}

int main(int argc, char **argv)
{
    if (argc != 3 || strcmp(argv[1], "--slot") != 0) {
        (void)fputs(usage, argc == 2 && strcmp(argv[1], "--help") == 0 ? stdout : stderr);
        return argc == 2 && strcmp(argv[1], "--help") == 0 ? 0 : 2;
    }
    struct err err = {0};
    int slot = 0;
    if (slot_from(argv[2], &slot, &err) < 0 || run(slot, &err) < 0) {
        log_error("worker failed", "slot=%s error=%s", argv[2], LOG_QUOTE(err.msg));
        return 1;
    }
    return 0;
}
