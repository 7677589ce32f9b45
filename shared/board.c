#include "board.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

static int read_small_file(const char *path, char *buf, size_t size, struct err *err)
{
    int fd LB_CLEANUP(fd_close) = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return err_sys(err, ERR_IO, "open %s", path);
    ssize_t n = read(fd, buf, size - 1);
    if (n < 0)
        return err_sys(err, ERR_IO, "read %s", path);
    buf[n] = '\0';
    return 0;
}

static int map(int fd, struct board **ret, struct err *err)
{
    void *p = mmap(NULL, sizeof(struct board), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (p == MAP_FAILED)
        return err_sys(err, ERR_IO, "map the scoreboard");
    *ret = p;
    return 0;
}

static int fill(struct board *b, uint32_t n_slots, struct err *err)
{
    if (read_small_file("/proc/sys/kernel/random/boot_id", b->boot_id, sizeof(b->boot_id), err) < 0)
        return -1;
    b->boot_id[strcspn(b->boot_id, "\n")] = '\0';
    b->n_slots = n_slots;
    for (int i = 0; i < GATE_COUNT; i++)
        gate_init(&b->gates[i]);
    gate_mutex_init(&b->scan);
    gate_mutex_init(&b->watch);
    gate_mutex_init(&b->age.lock);
    gate_mutex_init(&b->routes_lock);
    b->layout = LB_BOARD_LAYOUT;
    return 0;
}

int board_create(uint32_t n_slots, struct board **ret, int *ret_fd, int ret_bells[BOARD_MAX_SLOTS],
                 struct err *err)
{
    must(n_slots >= 1 && n_slots <= BOARD_MAX_SLOTS);
    int fd LB_CLEANUP(fd_close) = memfd_create("longbox-board", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (fd < 0)
        return err_sys(err, ERR_IO, "make the scoreboard");
    if (ftruncate(fd, sizeof(struct board)) < 0)
        return err_sys(err, ERR_IO, "size the scoreboard");
    /* A size that cannot change is a mapping that cannot fault. */
    if (fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) < 0)
        return err_sys(err, ERR_IO, "seal the scoreboard");
    struct board *b = NULL;
    if (map(fd, &b, err) < 0)
        return -1;
    if (fill(b, n_slots, err) < 0)
        goto fail;
    int bells[BOARD_MAX_SLOTS];
    uint32_t n = 0;
    for (; n < BOARD_MAX_SLOTS; n++) {
        bells[n] = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
        if (bells[n] < 0) {
            (void)err_sys(err, ERR_IO, "make the doorbell of slot %u", n);
            while (n > 0)
                fd_close(bells[--n]);
            goto fail;
        }
    }
    memcpy(ret_bells, bells, sizeof(bells));
    *ret = b;
    *ret_fd = fd;
    fd = -1;
    return 0;
fail:
    (void)munmap(b, sizeof(*b));
    return -1;
}

int board_attach(int fd, struct board **ret, struct err *err)
{
    struct stat st;
    if (fstat(fd, &st) < 0)
        return err_sys(err, ERR_IO, "scoreboard on descriptor %d", fd);
    if (st.st_size != (off_t)sizeof(struct board))
        return err_set(err, ERR_INTERNAL,
                       "descriptor %d is not this build's scoreboard: %lld bytes", fd,
                       (long long)st.st_size);
    struct board *b = NULL;
    if (map(fd, &b, err) < 0)
        return -1;
    if (b->layout != LB_BOARD_LAYOUT || b->n_slots < 1 || b->n_slots > BOARD_MAX_SLOTS) {
        (void)munmap(b, sizeof(*b));
        return err_set(err, ERR_INTERNAL,
                       "descriptor %d is not this build's scoreboard: another layout", fd);
    }
    *ret = b;
    return 0;
}

uint64_t board_layout(void)
{
    return LB_BOARD_LAYOUT;
}

void board_ring(int bell_fd)
{
    uint64_t one = 1;
    ssize_t n = write(bell_fd, &one, sizeof(one));
    (void)n; /* EAGAIN: it rings already */
}

void board_note_death(struct board *b, pid_t pid, int signal, int exit_code)
{
    uint64_t n = b->n_deaths;
    struct board_death *d = &b->deaths[n % BOARD_MAX_DEATHS];
    d->pid = 0; /* a reader of the old entry sees that it goes */
    d->signal = signal;
    d->exit_code = exit_code;
    d->pid = pid;
    b->n_deaths = n + 1;
}

#define UNKNOWN_TICKS (-2)

/*
 * /proc/<pid>/stat from its third field, the state, on (proc_pid_stat(5)). "" when there is no such process, NULL when
 * that cannot be found out. `text` is what it is read into.
 */
static const char *stat_fields(pid_t pid, char text[1024])
{
    char path[64];
    struct err why = {0};
    (void)snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
    if (read_small_file(path, text, 1024, &why) < 0)
        return why.sys == ENOENT || why.sys == ESRCH ? "" : NULL;
    /* "pid (name) state ppid ...": the name may hold anything, so begin behind its last bracket. */
    const char *p = strrchr(text, ')');
    return p && p[1] == ' ' ? p + 2 : "";
}

/* Field `n` of them as a number, -1 when they are fewer. */
static int64_t stat_number(const char *fields, int n)
{
    for (int i = 3; i < n && fields; i++) {
        fields = strchr(fields, ' ');
        fields = fields ? fields + 1 : NULL;
    }
    return fields ? strtoll(fields, NULL, 10) : -1;
}

static bool has_ended(const char *fields)
{
    return fields[0] == '\0' || fields[0] == 'Z' || fields[0] == 'X';
}

/*
 * Start time in ticks since boot of a process that exists and is no zombie; -1 when there is none, UNKNOWN_TICKS when
 * it could not be looked up (no free descriptor, say).
 */
static int64_t start_ticks(pid_t pid)
{
    char text[1024];
    const char *fields = stat_fields(pid, text);
    if (fields == NULL)
        return UNKNOWN_TICKS;
    return has_ended(fields) ? -1 : stat_number(fields, 22);
}

/* How a process ended that its parent has not waited for: a signal, 0 for an exit; -1 when `pid` is none. */
static int zombie_signal(pid_t pid)
{
    char text[1024];
    const char *fields = stat_fields(pid, text);
    int64_t status = fields && fields[0] == 'Z' ? stat_number(fields, 52) : -1;
    return status <= 0 ? -1 : (int)(status & 0x7f); /* 0 is also what those see who may not know */
}

int board_death_signal(const struct board *b, pid_t pid)
{
    int sig = zombie_signal(pid);
    if (sig >= 0)
        return sig;
    uint64_t n = b->n_deaths;
    uint64_t oldest = n > BOARD_MAX_DEATHS ? n - BOARD_MAX_DEATHS : 0;
    for (uint64_t i = n; i-- > oldest;) { /* the newest first: pids come again */
        const struct board_death *d = &b->deaths[i % BOARD_MAX_DEATHS];
        if (d->pid != pid)
            continue;
        sig = d->signal;
        if (d->pid == pid)
            return sig;
    }
    return -1;
}

void board_owner_new(const struct board *b, char ret[BOARD_OWNER_SIZE])
{
    uint64_t random;
    must(getrandom(&random, sizeof(random), 0) == sizeof(random));
    int64_t ticks = start_ticks(getpid());
    must(ticks >= 0); /* /proc is mounted: the boot id came from there */
    (void)snprintf(ret, BOARD_OWNER_SIZE, "%s:%d:%" PRId64 ":%016" PRIx64, b->boot_id,
                   (int)getpid(), ticks, random);
}

/* Takes "<boot id>:<pid>:<ticks>:..." apart; false when it is not one. */
static bool parse_owner(const char *owner, size_t *ret_boot_len, pid_t *ret_pid, int64_t *ret_ticks)
{
    const char *p = strchr(owner, ':');
    if (p == NULL || p[1] < '1' || p[1] > '9')
        return false;
    char *end = NULL;
    errno = 0;
    long pid = strtol(p + 1, &end, 10);
    if (errno || *end != ':' || pid > INT32_MAX || end[1] < '0' || end[1] > '9')
        return false;
    long long ticks = strtoll(end + 1, &end, 10);
    if (errno || *end != ':')
        return false;
    *ret_boot_len = (size_t)(p - owner);
    *ret_pid = (pid_t)pid;
    *ret_ticks = ticks;
    return true;
}

bool board_owner_alive(const struct board *b, const char *owner)
{
    size_t boot_len;
    pid_t pid;
    int64_t ticks;
    if (!parse_owner(owner, &boot_len, &pid, &ticks))
        return false;
    if (strlen(b->boot_id) != boot_len || memcmp(owner, b->boot_id, boot_len) != 0)
        return false;
    int64_t found = start_ticks(pid);
    return found == ticks ||
           found == UNKNOWN_TICKS; /* who cannot look must not call anybody dead */
}

pid_t board_owner_pid(const char *owner)
{
    size_t boot_len;
    pid_t pid;
    int64_t ticks;
    return parse_owner(owner, &boot_len, &pid, &ticks) ? pid : 0;
}

int64_t board_process_boot_ms(pid_t pid)
{
    int64_t ticks = pid > 0 ? start_ticks(pid) : -1;
    return ticks < 0 ? -1 : ticks * 1000 / sysconf(_SC_CLK_TCK);
}
