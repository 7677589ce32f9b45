/*
 * fault.h - places where a test makes this process die.
 *
 * LB_FAULT="name:n:how[,name:n:how...]": the n-th passage (from 1) of the point `name` in this process ends it. `how`
 * is kill (SIGKILL), abort (SIGABRT), segv (SIGSEGV) or exit (at once, status 70). A text of another form is ignored.
 * LB_FAULT_ONCE=FILE: a fault fires only when FILE can be created, so that what is started again lives. When FILE is a
 * folder, each fault fires once: it leaves a file "name:n" there.
 *
 * Only builds with -DLB_FAULTS have it; elsewhere a point is nothing. Any thread. A forked child counts from zero.
 */
#ifndef LB_FAULT_H
#define LB_FAULT_H

#ifdef LB_FAULTS
void fault_hit(const char *name);
#else
#define fault_hit(name) ((void)0)
#endif

#endif
