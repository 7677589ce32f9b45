/* Preloaded into a server under test: no process can be made while the file that LB_FORK_FAILS names is there. */
#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

pid_t fork(void)
{
    const char *flag =
        getenv("LB_FORK_FAILS"); /* NOLINT(concurrency-mt-unsafe): nobody sets it later */
    if (flag && access(flag, F_OK) == 0) {
        errno = EAGAIN;
        return -1;
    }
    pid_t (*real)(void);
    *(void **)&real = dlsym(RTLD_NEXT, "fork");
    return real();
}
