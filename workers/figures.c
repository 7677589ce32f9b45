#include "figures.h"

#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

int64_t figures_resident_bytes(pid_t pid)
{
    char path[40];
    long long total, resident = 0;
    (void)snprintf(path, sizeof(path), "/proc/%d/statm", (int)pid);
    FILE *f = pid > 0 ? fopen(path, "re") : NULL;
    if (f && fscanf(f, "%lld %lld", &total, &resident) != 2)
        resident = 0;
    if (f)
        (void)fclose(f);
    return resident * sysconf(_SC_PAGESIZE);
}

int64_t figures_file_bytes(const char *state_dir, const char *file, const char *suffix)
{
    char path[PATH_MAX];
    struct stat st;
    if (snprintf(path, sizeof(path), "%s/%s%s", state_dir, file, suffix) >= (int)sizeof(path) ||
        stat(path, &st) < 0)
        return 0;
    return st.st_size;
}

struct disk_figures figures_disk(const char *folder)
{
    struct statvfs st;
    if (statvfs(folder, &st) < 0)
        return (struct disk_figures){0};
    return (struct disk_figures){(int64_t)(st.f_bavail * st.f_frsize),
                                 (int64_t)(st.f_blocks * st.f_frsize)};
}
