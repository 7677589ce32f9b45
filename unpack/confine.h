/*
 * confine.h - takes away from this process what parsing does not need.
 */
#ifndef LB_CONFINE_H
#define LB_CONFINE_H

/* Ends with the parent; closes every descriptor but 0, 1 and 2. */
void confine_start(void);
/* Limits of CPU time, memory, files, core. 0, or -1 with errno. */
int confine_limits(unsigned cpu_s, unsigned memory_mib);
/*
 * From here on: read and write what is open, get memory, end. Looking for files answers EACCES, everything else kills
 * the process (SIGSYS). 0, or -1 with errno.
 */
int confine_calls(void);

#endif
