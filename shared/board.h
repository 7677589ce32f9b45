/*
 * board.h - the scoreboard: one memfd that the master makes and every worker maps, with the doorbells beside it.
 *
 * It holds what must be seen at once and without a database: which worker lives in which slot, that its loop beats,
 * who died, and the gates (gate.h) of the three database files. Everything in it survives the death of any process
 * that writes it: plain atomics, or robust locks.
 *
 * A doorbell is an eventfd for each slot. Ringing means "look at the stores"; it carries nothing else.
 */
#ifndef LB_BOARD_H
#define LB_BOARD_H

#include <stdatomic.h>
#include <sys/types.h>

#include "base.h"
#include "err.h"
#include "gate.h"

#define BOARD_MAX_SLOTS  32
#define BOARD_OWNER_SIZE 96 /* "<boot id>:<pid>:<start time>:<random>" and the NUL */
#define BOARD_MAX_DEATHS 64 /* the newest deaths that are remembered */

/* Descriptors that the master hands over at exec; the worker finds them at these numbers. */
enum board_fd {
    BOARD_FD_LISTEN = 3, /* the workers' Unix socket, listening */
    BOARD_FD_READY =
        4, /* write one byte when ready; at EOF on the read end's side the master is gone */
    BOARD_FD_BOARD = 5, /* the memfd */
    BOARD_FD_MASTER =
        6, /* read end of a pipe whose write end only the master holds: EOF = the master died */
    BOARD_FD_LOCK = 7,   /* the lock on the state folder; just keep it open: see server/state.h */
    BOARD_FD_BELL_0 = 8, /* the doorbell of slot 0, then one for each, BOARD_MAX_SLOTS in all */
};

enum slot_state {
    SLOT_EMPTY,
    SLOT_STARTING,
    SLOT_READY,
    SLOT_DRAINING,
    SLOT_BACKING_OFF,
};

struct board_slot {
    _Atomic int32_t state;        /* enum slot_state; written by the master */
    _Atomic int32_t pid;          /* 0 = nobody; written by the master. While one worker takes over from another, only
                                     the one named here writes its beat and requests. */
    _Atomic int64_t beat_boot_ms; /* the worker's loop passed here */
    _Atomic uint32_t starts;      /* how often the master filled this slot */
    _Atomic uint32_t crashes;     /* how often its worker ended without being told to */
    _Atomic uint64_t requests;    /* taken by the process in it; written by its loop */
    /* Written by the worker's loop, for /api/events/stats and /metrics of any worker. */
    _Atomic int64_t last_event_id;
    _Atomic uint32_t subscribers;
    _Atomic uint64_t events_sent;
    _Atomic uint64_t slow_clients;
    _Atomic uint64_t dropped_clients;
    _Atomic uint64_t doorbell_misses;
    _Atomic uint64_t items_done, items_failed;
    _Atomic uint64_t commits, commit_us; /* to jobs.db; commit_us with the wait at the gate */
    _Atomic uint64_t busy_retries;
    /* enum board_held; written by the worker's writer and pool. */
    _Atomic int32_t held_database; /* results cannot be committed */
    _Atomic int32_t held_library;  /* operations cannot write */
};

/* Why a worker cannot go on with jobs for now; the names are held_name's. */
enum board_held { HELD_NOT, HELD_FULL, HELD_READ_ONLY, HELD_IO, HELD_LOCKED, HELD__COUNT };

/* How the worker that watches the library learns of changes. */
enum board_watch { WATCH_BY_SCANS, WATCH_BY_EVENTS };

/*
 * How old things are, by the boot clock and the ids of events: the wall clock may jump (store_sweep.c). Guarded by its
 * lock.
 */
#define BOARD_AGE_MARKS 20
struct board_age {
    struct gate_mutex lock;
    int64_t start_boot_ms; /* the first look after the master's start; 0 = none yet */
    int64_t start_id;      /* the newest event then */
    double start_at;       /* and its time; 0 = there was none */
    int n_marks;           /* from the oldest to the newest */
    struct {
        int64_t boot_ms, event_id;
    } marks[BOARD_AGE_MARKS];
};

/* How often a route was answered, and in what time, by all workers. */
#define BOARD_ROUTES 160
struct board_route {
    char name[72];             /* "GET /api/jobs/{id}"; "" = free */
    _Atomic uint64_t count[5]; /* by class of status, 1xx to 5xx */
    _Atomic uint64_t micros;
};

struct board_death {
    _Atomic int32_t pid;
    _Atomic int32_t signal; /* 0 = it exited */
    _Atomic int32_t exit_code;
};

struct board {
    uint64_t layout; /* board_layout() of the program that made it */
    _Atomic uint32_t n_slots; /* workers that are wanted; slots and doorbells exist up to the limit */
    char boot_id[40];
    _Atomic uint64_t n_deaths; /* deaths[n % BOARD_MAX_DEATHS] is written before n_deaths grows */
    struct board_death deaths[BOARD_MAX_DEATHS];
    _Atomic int32_t frontend_pid; /* h2o */
    _Atomic uint32_t frontend_crashes;
    struct board_slot slots[BOARD_MAX_SLOTS];
    struct gate gates[GATE_COUNT];
    _Atomic uint32_t file_checked[GATE_COUNT]; /* behind its gate: 1 = it was looked at (store.h) */
    _Atomic uint32_t file_damaged[GATE_COUNT]; /* 1 = a worker found it damaged while it was open */
    _Atomic uint32_t stop_asked;               /* 1 = a worker asked the master to stop */
    _Atomic int64_t log_max_bytes; /* log_kept.h */
    struct board_age age;
    struct gate_mutex routes_lock; /* guards the names; counts need none */
    struct board_route routes[BOARD_ROUTES];
    struct gate_mutex scan;        /* held by the one worker that scans the library */
    _Atomic int64_t scan_boot_ms;  /* when the last complete scan began; 0 = none yet */
    _Atomic int64_t scan_failed;   /* 1 = the last scan could not read the library */
    _Atomic int64_t library_files; /* files that it found */
    struct gate_mutex watch;       /* held by the one worker that watches the library */
    _Atomic int32_t watch_pid;     /* the worker that does; 0 = nobody yet. It may be dead. */
    _Atomic int32_t watch_by;      /* enum board_watch */
    _Atomic uint32_t watch_folders; /* watched by events */
    _Atomic int32_t watch_told;    /* what pages were told of it: 0 = nothing, 1 = runs, 2 = does not */
    _Atomic uint32_t watch_on;     /* the setting watcher_enabled */
};

/*
 * Makes the memfd and all doorbells (close-on-exec; the master dups them for each worker), so that a worker that runs
 * already can ring one in a slot that is filled later. *ret_fd and ret_bells belong to the caller; the mapping lives
 * until the process ends.
 */
int board_create(uint32_t n_slots, struct board **ret, int *ret_fd, int ret_bells[BOARD_MAX_SLOTS],
                 struct err *err) LB_MUST_CHECK;
/*
 * What this build takes a board to be: a checksum of the sources that know it, given by the Makefile. Programs with
 * another one cannot work beside ours.
 */
uint64_t board_layout(void);
/* Maps an inherited board. ERR_INTERNAL when another build made it. */
int board_attach(int fd, struct board **ret, struct err *err) LB_MUST_CHECK;

/* Rings one bell. Never blocks; a bell that is already rung stays so. */
void board_ring(int bell_fd);
/* The master: puts a death on the board; before it waits for the process (who finds none finds this), and rings. */
void board_note_death(struct board *b, pid_t pid, int signal, int exit_code);
/*
 * The signal that ended `pid`, 0 when it exited, -1 when that death is not remembered. A process that nobody has waited
 * for yet tells by itself.
 */
int board_death_signal(const struct board *b, pid_t pid);

/* "<boot id>:<pid>:<start time in ticks>:<16 hex digits>": the name of this process in leases. */
void board_owner_new(const struct board *b, char ret[BOARD_OWNER_SIZE]);
/*
 * Is the process that `owner` names alive? False when it is of another boot, when no such process exists, or when the
 * pid was reused (start time differs). Reads /proc/<pid>/stat.
 */
bool board_owner_alive(const struct board *b, const char *owner);
/* The pid inside an owner's name, or 0. */
pid_t board_owner_pid(const char *owner);
/* Since when a process runs, by the boot clock; -1 when there is none or it cannot be looked up. Reads /proc. */
int64_t board_process_boot_ms(pid_t pid);

#endif
