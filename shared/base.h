/*
 * base.h - the few macros that every file of Longbox uses.
 *
 * must(cond) states an invariant of our own code: always on, it logs the place and aborts. Input, files, SQLite and
 * the network are not ours; they get a `struct err`.
 */
#ifndef LB_BASE_H
#define LB_BASE_H

#include <stddef.h>
#include <stdint.h>

#define LB_CLEANUP(fn)    __attribute__((cleanup(fn##_cleanup)))
#define LB_MUST_CHECK     __attribute__((warn_unused_result))
#define LB_PRINTF(fmt, a) __attribute__((format(printf, fmt, a)))
#define LB_NORETURN       __attribute__((noreturn))

/*
 * Makes fn##_cleanup for a destructor that takes a `type *`, so that a local can carry LB_CLEANUP(fn).
 * LB_DEFINE_CLEANUP is for structs the caller holds, LB_DEFINE_CLEANUP_PTR for pointers to what a module allocated.
 */
#define LB_DEFINE_CLEANUP(type, fn)                                                                \
    static inline void fn##_cleanup(type *p)                                                       \
    {                                                                                              \
        fn(p);                                                                                     \
    }
#define LB_DEFINE_CLEANUP_PTR(type, fn)                                                            \
    static inline void fn##_cleanup(type **p)                                                      \
    {                                                                                              \
        fn(*p);                                                                                    \
    }

#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))

#define must(cond)                                                                                 \
    do {                                                                                           \
        if (!(cond))                                                                               \
            must_failed(#cond, __FILE__, __LINE__);                                                \
    } while (0)

LB_NORETURN void must_failed(const char *cond, const char *file, int line);

/* Zeroed memory for a small object of fixed size; out of memory ends the process. Free with free(). */
void *mem_new(size_t bytes);
/* A copy of a string or of `len` bytes with a NUL behind; the same rule. */
char *mem_strdup(const char *s);
char *mem_strndup(const char *s, size_t len);

/* LB_CLEANUP(mem_free) for a local `char *` and the like. */
void mem_free(void *p);
static inline void mem_free_cleanup(void *pp)
{
    mem_free(*(void **)pp);
}

/* LB_CLEANUP(fd_close) for a local descriptor; -1 is fine. */
void fd_close(int fd);
static inline void fd_close_cleanup(int *fd)
{
    fd_close(*fd);
}

#endif
