/*
 * master_parts.h - what the files of the master share (master*.c). Nobody else includes it.
 *
 * master.c          the loop, setting up and tearing down
 * master_workers.c  the workers: start, death, beats, how many, and one taking over from another
 * master_front.c    the front end: start, death, and one taking over from another
 * master_signals.c  what a signal means; reading the settings again
 * master_stop.c     the ladder down
 * master_upgrade.c  SIGUSR2: another program takes our place
 * master_handover.c what it is given
 */
#ifndef LB_MASTER_PARTS_H
#define LB_MASTER_PARTS_H

#include <signal.h>

#include "board.h"
#include "config.h"
#include "frontend.h"
#include "listener.h"
#include "master.h"
#include "notify.h"
#include "pidfile.h"
#include "slot.h"
#include "state.h"

/* One process of a slot. */
struct member {
    struct slot slot;
    int ready_fd;        /* read end; -1 when it has said so or is gone */
    uint32_t generation; /* of the settings it was started with */
    int64_t end_ms;      /* it was told to end: when it is killed; 0 = it was not */
};

/*
 * A slot of the board. `now` is the one that the board shows. To replace it, `next` is started beside it; when that is
 * ready it becomes `now`, and the one before is `old` and drains. So a slot is never without a worker that is ready.
 */
struct worker {
    struct member now, next, old;
    bool recycle;          /* it has served its requests */
    uint64_t max_requests; /* of `now`; 0 = no limit */
};

struct master {
    const struct master_source *source;
    struct config config;
    struct state state;
    struct pidfile pidfile;
    struct notify notify;
    struct listener workers_socket, public_socket;
    struct board *board;
    int board_fd;
    int bells[BOARD_MAX_SLOTS];
    int life_fd, life_write_fd; /* the pipe whose write end only we hold */
    int signal_fd;
    char worker_program[PATH_MAX];
    struct strbuf worker_config;
    struct worker workers[BOARD_MAX_SLOTS];
    size_t n_wanted;     /* workers */
    bool paused;         /* SIGWINCH: none is wanted now */
    uint32_t generation; /* grows with each change of the settings */
    bool reloading;      /* not all workers have them yet */
    int64_t reopened_ms; /* the last SIGUSR1 */

    struct frontend frontend;
    struct slot front_slot;
    struct frontend wanted_front; /* prepared, to take over; only when front_wanted */
    bool front_wanted;
    struct frontend next_front, old_front;
    pid_t next_front_pid, old_front_pid; /* 0: nobody */
    int64_t next_front_end_ms, old_front_end_ms;

    enum { UPGRADE_NONE, UPGRADE_WANTED, UPGRADE_CHECKING, UPGRADE_CHECKED } upgrade;
    pid_t upgrade_pid;      /* of the check; 0: nobody */
    int64_t upgrade_end_ms; /* when it is killed */

    bool announced;
    bool stopping, quick;
    int exit_code;
    int64_t drain_end_ms; /* stopping: when workers are killed */
    int64_t front_end_ms; /* stopping: when the front end is killed; 0 while workers live */
    int64_t ticked_ms;    /* the last look at the beats */
    int64_t awake_ms;     /* beats before this do not count */
    int64_t watchdog_ms;  /* the last beat to the service manager */
    char last_death[128]; /* for the reason of exit 3 */
};

/* A child is gone: the log and its slot. `what` is the event of a death that nobody asked for. */
void master_ended(struct master *m, struct slot *s, pid_t pid, int status, const char *what);
/* Sends a signal to the process in the slot, if there is one. */
void master_signal(const struct slot *s, int sig);
/* The earlier of two times of which b may be 0, for never. */
int64_t master_earlier(int64_t a, int64_t b);

/* ---- master_workers.c ---- */

void master_workers_init(struct master *m);
/* Starts what is wanted and is not there; starts the next replacement, one at a time. */
void master_workers_fill(struct master *m, int64_t now_ms);
/* Puts the end of one of ours on the board; before it is waited for. */
void master_workers_note(struct master *m, const siginfo_t *end);
/* Is it one of ours? Then its death is told to the others, and its slot moves on. */
bool master_workers_reap(struct master *m, pid_t pid, int status);
void master_workers_read_ready(struct master *m);
/* Every TICK_MS: workers that stand still, whose time to drain is over, that have served their requests. */
void master_workers_tick(struct master *m, int64_t now_ms);
/* So many from now on; those above drain. */
void master_workers_set_count(struct master *m, size_t n);
/* true: all drain, and none is started until false. */
void master_workers_pause(struct master *m, bool paused);
void master_workers_signal(struct master *m, int sig);
/* Every worker that is wanted is ready and has the settings of now. */
bool master_workers_settled(const struct master *m);
bool master_workers_gone(const struct master *m);
/* Has any worker's loop passed since then? */
bool master_workers_beat_since(const struct master *m, int64_t since_ms);
int64_t master_workers_next_ms(const struct master *m, int64_t at_ms);

/* ---- master_front.c ---- */

/* frontend_prepare with what the master has. *ret is cleared after an error. */
int master_front_prepare(struct master *m, const struct config *c, struct frontend *ret,
                         struct err *err) LB_MUST_CHECK;
/* Starts it when it is not there; lets a wanted one take over. */
void master_front_fill(struct master *m, int64_t now_ms);
bool master_front_reap(struct master *m, pid_t pid, int status);
/* Takes a prepared front end (`f` is {0} afterwards); it takes over as soon as that is possible. */
void master_front_swap(struct master *m, struct frontend *f);
void master_front_read(struct master *m);
void master_front_signal(struct master *m, int sig);
bool master_front_gone(const struct master *m);

/* ---- master_signals.c ---- */

void master_signals_read(struct master *m);
/* Tells the service manager when a reload is over. */
void master_reload_step(struct master *m);

/* ---- master_upgrade.c ---- */

void master_upgrade_begin(struct master *m);
/* Goes on with what was begun: checks the other program, and becomes it. */
void master_upgrade_step(struct master *m, int64_t now_ms);
bool master_upgrade_reap(struct master *m, pid_t pid, int status);
/* In the other program: takes over from what source->handover tells of, and begins to replace all children. */
int master_adopt(struct master *m, struct err *err) LB_MUST_CHECK;

/* ---- master_handover.c ---- */

#define HANDOVER_CHECK_FD    3 /* the public socket, for --check */
#define HANDOVER_FDS         (9 + BOARD_MAX_SLOTS)
#define HANDOVER_SOCKET_SIZE sizeof(((struct listener *)0)->path)

/* Library, state folder, sockets and files of a running master cannot change. ERR_CONFIG names the key. */
int master_check_fixed(const struct config *was, const struct config *is,
                       struct err *err) LB_MUST_CHECK;
/* What is handed over; -1 in one of them: there is none. */
void master_handover_fds(struct master *m, int *ret[HANDOVER_FDS]);
/* All children are ready or gone. *ret is malloc'd. ERR_CONFIG: a path is not UTF-8. */
int master_handover_write(struct master *m, char **ret, struct err *err) LB_MUST_CHECK;
/* Could a master with this configuration go on from there? *ret_socket: the workers' socket. ERR_CONFIG. */
int master_handover_check(const char *text, const struct config *c,
                          char ret_socket[HANDOVER_SOCKET_SIZE], struct err *err) LB_MUST_CHECK;
/* Fills in the descriptors, the board and the children. ERR_CONFIG, ERR_INTERNAL. */
int master_handover_read(struct master *m, const char *text, struct err *err) LB_MUST_CHECK;

/* ---- master_stop.c ---- */

/*
 * The ladder. begin: the workers finish what runs, for graceful_timeout_s, or (quick) give it back at once. step, once
 * in each turn of the loop: SIGKILL to workers whose time is up, and to h2o a little after the last of them. kill:
 * SIGKILL to all.
 */
void master_stop_begin(struct master *m, int exit_code, bool quick);
void master_stop_kill(struct master *m);
void master_stop_step(struct master *m, int64_t now_ms);

#endif
