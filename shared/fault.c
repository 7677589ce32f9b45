#include "fault.h"

#ifdef LB_FAULTS

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base.h"

#define FAULT_MAX       16
#define FAULT_EXIT_CODE 70

struct fault {
    char name[48];
    char how[8];
    unsigned long left; /* passages until it fires; 0 = it has fired */
};

/* A leaf lock, held for a few instructions; the points may be passed with any other lock held. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct fault faults[FAULT_MAX];
static size_t n_faults;
static pid_t loaded_by; /* counts belong to one process: a child reads the text again */

/* Reads one "name:n:how" that ends at a comma or at the end of the text. */
static bool parse(const char *text, struct fault *ret)
{
    *ret = (struct fault){0};
    size_t n = strcspn(text, ":,");
    if (n == 0 || n >= sizeof(ret->name) || text[n] != ':')
        return false;
    memcpy(ret->name, text, n);
    char *end;
    ret->left = strtoul(text + n + 1, &end, 10);
    if (ret->left == 0 || *end != ':')
        return false;
    n = strcspn(end + 1, ",");
    if (n == 0 || n >= sizeof(ret->how))
        return false;
    memcpy(ret->how, end + 1, n);
    return true;
}

static void load(void)
{
    n_faults = 0;
    loaded_by = getpid();
    const char *p = getenv("LB_FAULT"); /* NOLINT(concurrency-mt-unsafe): nobody sets it later */
    while (p && *p && n_faults < FAULT_MAX) {
        if (parse(p, &faults[n_faults]))
            n_faults++;
        p = strchr(p, ',');
        if (p)
            p++;
    }
}

static bool may_fire(void)
{
    const char *once = getenv("LB_FAULT_ONCE"); /* NOLINT(concurrency-mt-unsafe) */
    if (!once || !*once)
        return true;
    int fd = open(once, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    fd_close(fd);
    return fd >= 0;
}

static void fire(const char *how)
{
    if (strcmp(how, "kill") == 0)
        (void)kill(getpid(), SIGKILL);
    else if (strcmp(how, "abort") == 0)
        abort();
    else if (strcmp(how, "exit") == 0)
        _exit(FAULT_EXIT_CODE);
}

void fault_hit(const char *name)
{
    char how[8] = "";
    (void)pthread_mutex_lock(&lock);
    if (loaded_by != getpid())
        load();
    for (size_t i = 0; i < n_faults; i++)
        if (faults[i].left > 0 && strcmp(faults[i].name, name) == 0 && --faults[i].left == 0)
            memcpy(how, faults[i].how, sizeof(how));
    (void)pthread_mutex_unlock(&lock);
    if (how[0] && may_fire())
        fire(how);
}

#endif
