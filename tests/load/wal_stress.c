/*
 * wal_stress.c - writers, checkpoints and readers of several processes flat out on one jobs.db, through the store.
 *
 *   wal_stress [SECONDS [PROCESSES [THREADS [LIMIT_MS]]]]     (10, 2, 4, 1000)
 *
 * Each process has THREADS writers that commit without a pause, one thread that checkpoints and cuts the log every
 * 5 ms, and two readers. At the end: integrity_check says ok, every acknowledged row is there and no other, no
 * ERR_BUSY and no other error, and no writer waited longer than LIMIT_MS for its turn. Prints TAP and the waits; ends
 * with 0 only when all is so. The folder is made in $TMPDIR and removed.
 *
 * LB_STRESS_GATE=off shows what the gate is for: every turn is given at once, and the checkpoints run free, each on a
 * connection of its own. With SQLite 3.40 the file is corrupt after some seconds and writers starve for seconds. (Linked
 * with --wrap=gate_enter and --wrap=gate_leave.)
 */
#include <errno.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "board.h"
#include "clock.h"
#include "store.h"

#define MAX_THREADS 16
#define BUCKET_US   20
#define BUCKETS     50000 /* one second; longer waits count in the last */

struct shared {
    _Atomic bool stop;
    _Atomic int64_t rows, commits, checkpoints, reads, busy, errors, longest_us;
    _Atomic int64_t waits[BUCKETS];
    char first_error[400];
};

static struct shared *sh;
static struct board *board;
static char dir[96];
static bool gate_off;

/* ---- the gate, which this program may switch off ---- */

void __real_gate_enter(struct gate *g, int seat, int64_t *ret_wait_us);
void __real_gate_leave(struct gate *g, int seat);
void __wrap_gate_enter(struct gate *g, int seat, int64_t *ret_wait_us);
void __wrap_gate_leave(struct gate *g, int seat);

void __wrap_gate_enter(struct gate *g, int seat, int64_t *ret_wait_us)
{
    if (!gate_off)
        __real_gate_enter(g, seat, ret_wait_us);
}

void __wrap_gate_leave(struct gate *g, int seat)
{
    if (!gate_off)
        __real_gate_leave(g, seat);
}

/* ---- the threads ---- */

static void note_error(const char *doing, const struct err *err)
{
    if (err->code == ERR_BUSY)
        sh->busy++;
    else
        sh->errors++;
    if (!sh->first_error[0]) /* two at once: one of them is good enough */
        (void)snprintf(sh->first_error, sizeof(sh->first_error), "%s: %s", doing, err->msg);
}

static void note_wait(int64_t us)
{
    int64_t bucket = us / BUCKET_US;
    sh->waits[bucket < BUCKETS ? bucket : BUCKETS - 1]++;
    int64_t longest = sh->longest_us;
    while (us > longest && !atomic_compare_exchange_weak(&sh->longest_us, &longest, us))
        ;
}

static void pause_ms(int ms)
{
    struct timespec ts = {0, ms * 1000000L};
    (void)nanosleep(&ts, NULL);
}

static struct store *open_store(void)
{
    struct err err = {0};
    struct store *s = NULL;
    if (store_open(dir, board, &s, &err) < 0)
        note_error("open", &err);
    return s;
}

/* One commit of one to four rows. Returns how many it wrote, -1 when it failed. */
static int commit_some(struct store *s, unsigned *seed, const json_t *data, struct err *err)
{
    bool durable = rand_r(seed) % 50 == 0;
    int n = 1 + rand_r(seed) % 4;
    int64_t begun = clock_mono_us();
    if (store_begin(s, GATE_JOBS, durable, err) < 0)
        return -1;
    note_wait(clock_mono_us() - begun);
    for (int i = 0; i < n; i++)
        if (store_event_add(store_db(s, GATE_JOBS), "stress", NULL, data, 1, err) < 0) {
            store_rollback(s, GATE_JOBS);
            return -1;
        }
    return store_commit(s, GATE_JOBS, err) < 0 ? -1 : n;
}

static void *write_rows(void *arg)
{
    unsigned seed = (unsigned)(uintptr_t)arg;
    struct store *s = open_store();
    char text[1500];
    memset(text, 'x', sizeof(text) - 1);
    text[200 + rand_r(&seed) % 1200] = '\0';
    text[sizeof(text) - 1] = '\0';
    json_t *data = json_pack("{s:s}", "text", text);
    while (s && !sh->stop) {
        struct err err = {0};
        int n = commit_some(s, &seed, data, &err);
        if (n < 0) {
            note_error("write", &err);
            continue;
        }
        sh->rows += n;
        sh->commits++;
    }
    json_decref(data);
    store_close(s);
    return NULL;
}

static void checkpoint_freely(void)
{
    char path[128];
    sqlite3 *db;
    (void)snprintf(path, sizeof(path), "%s/jobs.db", dir);
    must(sqlite3_open(path, &db) == SQLITE_OK);
    (void)sqlite3_exec(db, "SELECT count(*) FROM sqlite_schema", NULL, NULL,
                       NULL); /* opens the log */
    while (!sh->stop) {
        (void)sqlite3_wal_checkpoint_v2(db, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
        sh->checkpoints++;
    }
    (void)sqlite3_close(db);
}

static void *checkpoint_often(void *unused)
{
    (void)unused;
    if (gate_off) {
        checkpoint_freely();
        return NULL;
    }
    struct store *s = open_store();
    while (s && !sh->stop) {
        struct err err = {0};
        if (store_checkpoint(s, GATE_JOBS, &err) < 0)
            note_error("checkpoint", &err);
        sh->checkpoints++;
        pause_ms(5);
    }
    store_close(s);
    return NULL;
}

static void count_event(void *ctx, const struct event_row *e)
{
    *(int64_t *)ctx = e->id;
}

/* Reads as a subscriber does. The newest id never goes down, and nothing is missing before it. */
static void *read_rows(void *unused)
{
    (void)unused;
    struct err err = {0};
    struct store_reader *r = NULL;
    if (store_reader_open(dir, &r, &err) < 0) {
        note_error("open a reader", &err);
        return NULL;
    }
    struct db *db = store_reader_db(r, GATE_JOBS);
    int64_t last = 0;
    while (!sh->stop) {
        int64_t from = last;
        int n = store_events(db, last, 500, count_event, &last, &err);
        if (n < 0)
            note_error("read", &err);
        else if (last != from + n)
            note_error("read", &(struct err){.code = ERR_STORE, .msg = "events are missing"});
        sh->reads++;
        err = (struct err){0};
        pause_ms(1);
    }
    store_reader_close(r);
    return NULL;
}

static void run_process(int number, int threads)
{
    pthread_t t[MAX_THREADS + 3];
    int n = 0;
    for (int i = 0; i < threads; i++)
        must(pthread_create(&t[n++], NULL, write_rows, (void *)(uintptr_t)(number * 100 + i + 1)) ==
             0);
    must(pthread_create(&t[n++], NULL, checkpoint_often, NULL) == 0);
    must(pthread_create(&t[n++], NULL, read_rows, NULL) == 0);
    must(pthread_create(&t[n++], NULL, read_rows, NULL) == 0);
    for (int i = 0; i < n; i++)
        must(pthread_join(t[i], NULL) == 0);
}

/* ---- the verdict ---- */

static void ask(sqlite3 *db, const char *sql, char *ret, size_t size)
{
    sqlite3_stmt *st = NULL;
    int rc = sqlite3_prepare_v2(db, sql, -1, &st, NULL);
    if (rc == SQLITE_OK)
        rc = sqlite3_step(st);
    (void)snprintf(ret, size, "%s",
                   rc == SQLITE_ROW ? (const char *)sqlite3_column_text(st, 0)
                                    : sqlite3_errmsg(db));
    (void)sqlite3_finalize(st);
}

static double percentile_ms(double part)
{
    int64_t all = 0, seen = 0;
    for (int i = 0; i < BUCKETS; i++)
        all += sh->waits[i];
    for (int i = 0; i < BUCKETS; i++) {
        seen += sh->waits[i];
        if (seen >= (int64_t)(part * (double)all))
            return (i + 1) * BUCKET_US / 1000.0;
    }
    return 0;
}

static int n_checks;

static bool check(bool ok, const char *what)
{
    (void)printf("%s %d - %s\n", ok ? "ok" : "not ok", ++n_checks, what);
    return ok;
}

static bool verdict(int seconds, int64_t limit_ms)
{
    char path[128], integrity[400], rows[64];
    sqlite3 *db;
    (void)snprintf(path, sizeof(path), "%s/jobs.db", dir);
    must(sqlite3_open(path, &db) == SQLITE_OK);
    ask(db, "PRAGMA integrity_check", integrity, sizeof(integrity));
    ask(db, "SELECT count(*) FROM events", rows, sizeof(rows));
    (void)sqlite3_close(db);
    (void)printf("# %.0f commits/s, %lld rows, %lld checkpoints, %lld reads, SQLite %s, gate %s\n",
                 (double)sh->commits / seconds, (long long)sh->rows, (long long)sh->checkpoints,
                 (long long)sh->reads, sqlite3_libversion(), gate_off ? "off" : "on");
    (void)printf("# wait for the turn: p50 %.2f ms, p99 %.2f ms, longest %.2f ms\n",
                 percentile_ms(0.5), percentile_ms(0.99), (double)sh->longest_us / 1000.0);
    (void)printf("# integrity_check: %s\n", integrity);
    (void)printf("# rows in the file: %s; ERR_BUSY: %lld; other errors: %lld %s\n", rows,
                 (long long)sh->busy, (long long)sh->errors, sh->first_error);
    bool ok = check(strcmp(integrity, "ok") == 0, "integrity_check says ok");
    ok &= check(sh->rows > 0 && strtoll(rows, NULL, 10) == sh->rows,
                "every acknowledged row, and no other");
    ok &= check(sh->busy == 0, "nobody was told that the store is busy");
    ok &= check(sh->errors == 0, "no other error");
    ok &= check(sh->longest_us < limit_ms * 1000, "no wait over the limit");
    (void)printf("1..%d\n", n_checks);
    return ok;
}

static void remove_dir(void)
{
    static const char *const files[] = {"jobs", "preferences", "library"};
    static const char *const ends[] = {"", "-wal", "-shm"};
    for (size_t i = 0; i < 9; i++) {
        char path[160];
        (void)snprintf(path, sizeof(path), "%s/%s.db%s", dir, files[i / 3], ends[i % 3]);
        (void)unlink(path); /* not all of them exist */
    }
    (void)rmdir(dir);
}

static void prepare(void)
{
    struct err err = {0};
    int fd, bells[BOARD_MAX_SLOTS];
    const char *tmp = getenv("TMPDIR"), *gate = getenv("LB_STRESS_GATE");
    gate_off = gate && strcmp(gate, "off") == 0;
    (void)snprintf(dir, sizeof(dir), "%.60s/lb-wal-stress-XXXXXX", tmp ? tmp : "/tmp");
    must(mkdtemp(dir) != NULL);
    sh = mmap(NULL, sizeof(*sh), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    must(sh != MAP_FAILED);
    must(board_create(1, &board, &fd, bells, &err) == 0);
    struct store *s = NULL;
    must(store_open(dir, board, &s, &err) == 0); /* the files, before anybody else comes */
    store_close(s);
}

static int argument(int argc, char **argv, int i, int otherwise, int max)
{
    if (i >= argc)
        return otherwise;
    char *end;
    long v = strtol(argv[i], &end, 10);
    if (*end || v < 1 || v > max) {
        (void)fprintf(stderr, "wal_stress: %s: must be 1 to %d\n", argv[i], max);
        exit(2);
    }
    return (int)v;
}

int main(int argc, char **argv)
{
    int seconds = argument(argc, argv, 1, 10, 86400), processes = argument(argc, argv, 2, 2, 4);
    int threads = argument(argc, argv, 3, 4, 10), limit_ms = argument(argc, argv, 4, 1000, 100000);
    prepare();
    pid_t pids[4];
    for (int i = 0; i < processes; i++) {
        (void)fflush(stdout);
        pids[i] = fork();
        must(pids[i] >= 0);
        if (pids[i] == 0) {
            (void)alarm((unsigned)seconds + 60);
            run_process(i, threads);
            _exit(0);
        }
    }
    (void)sleep((unsigned)seconds);
    sh->stop = true;
    bool ended_well = true;
    for (int i = 0; i < processes; i++) {
        int status;
        while (waitpid(pids[i], &status, 0) < 0 && errno == EINTR)
            ;
        ended_well &= WIFEXITED(status) && WEXITSTATUS(status) == 0;
    }
    bool ok = check(ended_well, "every process ended by itself");
    ok &= verdict(seconds, limit_ms);
    remove_dir();
    return ok ? 0 : 1;
}
