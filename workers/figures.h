/*
 * figures.h - sizes of processes, files and disks, for /metrics and /api/status. What cannot be looked up is 0.
 */
#ifndef LB_FIGURES_H
#define LB_FIGURES_H

#include <stdint.h>
#include <sys/types.h>

struct disk_figures {
    int64_t free_bytes, total_bytes; /* free: for us, without what is reserved for root */
};

int64_t figures_resident_bytes(pid_t pid);
/* Of "<state_dir>/<file><suffix>". */
int64_t figures_file_bytes(const char *state_dir, const char *file, const char *suffix);
struct disk_figures figures_disk(const char *folder);

#endif
