#include "fault.h"

#ifdef LB_FAULTS

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base.h"

#define FAULT_MAX       16
#define FAULT_EXIT_CODE 70

struct fault {
    char name[48];
    char how[8];
    unsigned long nth;
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
    ret->nth = ret->left = strtoul(text + n + 1, &end, 10);
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

/* With LB_FAULT_ONCE only the first to make the file may. */
static bool may_fire(const struct fault *f)
{
    const char *once = getenv("LB_FAULT_ONCE"); /* NOLINT(concurrency-mt-unsafe) */
    if (!once || !*once)
        return true;
    char in_folder[4096 + 128];
    int n = snprintf(in_folder, sizeof(in_folder), "%s/%s:%lu", once, f->name, f->nth);
    must(n > 0 && (size_t)n < sizeof(in_folder));
    struct stat st;
    bool folder = stat(once, &st) == 0 && S_ISDIR(st.st_mode);
    int fd = open(folder ? in_folder : once, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    fd_close(fd);
    return fd >= 0;
}

static void fire(const char *how)
{
    if (strcmp(how, "kill") == 0)
        (void)kill(getpid(), SIGKILL);
    else if (strcmp(how, "abort") == 0)
        abort();
    else if (strcmp(how, "segv") == 0)
        (void)raise(SIGSEGV);
    else if (strcmp(how, "exit") == 0)
        _exit(FAULT_EXIT_CODE);
}

void fault_hit(const char *name)
{
    struct fault due = {0};
    (void)pthread_mutex_lock(&lock);
    if (loaded_by != getpid())
        load();
    for (size_t i = 0; i < n_faults; i++)
        if (faults[i].left > 0 && strcmp(faults[i].name, name) == 0 && --faults[i].left == 0)
            due = faults[i];
    (void)pthread_mutex_unlock(&lock);
    if (due.nth > 0 && may_fire(&due))
        fire(due.how);
}

#endif
