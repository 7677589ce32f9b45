/*
 * confine.h - takes away from this process what parsing does not need.
 */
#ifndef LB_CONFINE_H
#define LB_CONFINE_H

/* Ends with the parent; closes every descriptor but 0, 1 and 2. */
void confine_start(void);
/* Limits of CPU time, memory, descriptors, written files (none), core (none). 0, or -1 with errno. */
int confine_limits(unsigned cpu_s, unsigned memory_mib, unsigned descriptors);
/*
 * From here on: read and write what is open, get memory, end. Looking for files answers EACCES, everything else kills
 * the process (SIGSYS). 0, or -1 with errno.
 */
int confine_calls(void);
/*
 * For a program that is not ours and is about to be started: it can read files, write what is open, and get memory.
 * Everything else answers EPERM: to change or make a file, another process or thread, the network, signals, limits.
 */
int confine_program(void);

#endif
