/*
 * zip.h - zip archives, read strictly (APPNOTE 6.3): end record, zip64, directory, single members; and the tail of a
 * changed archive.
 *
 * Reading an ordinary book's directory takes one pread of its last 16 KiB. Everything read is bounded before memory is
 * allocated. What is not right is ERR_BOOK with a reason for users; ERR_IO is the disk's fault. Any thread; one
 * `struct zip` belongs to one thread. Names in archives are bytes to compare, never paths to open.
 */
#ifndef LB_ZIP_H
#define LB_ZIP_H

#include <stdbool.h>

#include "base.h"
#include "entry_sink.h"
#include "err.h"
#include "strbuf.h"

#define ZIP_TAIL_BYTES    16384
#define ZIP_MAX_ENTRIES   250000
#define ZIP_MAX_DIR_BYTES (32u << 20)
#define ZIP_MAX_JUNK      65536 /* other data behind the end record that we put up with */

struct zip_entry {
    uint64_t at;     /* of its local header, in the file */
    uint64_t packed; /* bytes of its data in the file */
    uint64_t size;   /* unpacked, as declared: not to be trusted */
    uint32_t crc;
    uint32_t rec_at; /* its record in zip.dir */
    uint32_t rec_len;
    uint16_t name_len;
    uint16_t method;
    uint16_t flags;
};

struct zip {
    uint64_t file_size;
    uint64_t dir_at;    /* where the directory lies in the file */
    unsigned char *dir; /* its records, as they are */
    size_t dir_len;
    struct zip_entry *entries; /* in the order of the directory */
    uint32_t *order;           /* indices of entries in the order of their places in the file */
    size_t n;
    bool zip64; /* it has a zip64 end record */
    uint64_t
        shift; /* offsets in the directory are short by this: something was put before the archive */
    uint64_t junk_before; /* bytes before the first entry (shift included) */
    uint64_t junk_after;  /* bytes behind the end record */
    unsigned char *comment;
    uint16_t comment_len;
    unsigned char *tail; /* the last bytes of the file */
    size_t tail_len;
};

/* Reads the directory of the archive in `fd`. On -1 *ret is empty. */
int zip_read(int fd, uint64_t file_size, struct zip *ret, struct err *err) LB_MUST_CHECK;
void zip_clear(struct zip *z);
LB_DEFINE_CLEANUP(struct zip, zip_clear)

/* The name of an entry: e->name_len bytes, no NUL behind. */
const char *zip_name(const struct zip *z, const struct zip_entry *e);
/* Where the k-th entry in the order of places ends: the start of the next one, or of the directory. */
uint64_t zip_span_end(const struct zip *z, size_t k);

/*
 * Unpacks one entry into *ret (stored, deflated or LZMA; local header, size and checksum checked). More than max_bytes
 * are never unpacked, whatever is declared. `what` names the entry in messages.
 */
int zip_read_entry(int fd, const struct zip *z, const struct zip_entry *e, const char *what,
                   size_t max_bytes, struct strbuf *ret, struct err *err) LB_MUST_CHECK;

/* Reads every local header: is it one, and does its data end before the next entry? Needed before writing. */
int zip_check_places(int fd, const struct zip *z, struct err *err) LB_MUST_CHECK;

/* The same for one entry, by its index. */
int zip_check_place(int fd, const struct zip *z, size_t i, struct err *err) LB_MUST_CHECK;

/*
 * Unpacks every entry and compares size and checksum, in constant memory; for archives that carry junk. `cancelled`
 * (may be NULL) is asked between steps.
 */
int zip_check_data(int fd, const struct zip *z, bool (*cancelled)(void *ctx), void *ctx,
                   struct err *err) LB_MUST_CHECK;

/*
 * Unpacks every entry, in the order of their places, in constant memory, and tells the sink. An entry whose data or
 * checksum is wrong is ended with the reason and the walk goes on; without sink->end the first one ends it. Any of the
 * sink's functions may be NULL. Times are not told.
 */
int zip_walk(int fd, const struct zip *z, const struct entry_sink *sink,
             struct err *err) LB_MUST_CHECK;

/* What the first bytes of a file say it is, with its article ("a RAR archive"), or NULL. */
const char *zip_other_format(const unsigned char *head, size_t len);
/* The same for a file. */
const char *zip_other_format_of(int fd);

/* A member to be put in. Bytes belong to the caller. */
struct zip_member {
    const char *name;
    uint16_t name_len;
    const struct zip_entry
        *old; /* the entry it replaces (attributes and comment are taken over), or NULL */
    const unsigned char *packed; /* deflated */
    uint32_t packed_len;
    uint32_t size;
    uint32_t crc;
    uint32_t dos_time; /* date << 16 | time */
};

/* Where each entry goes when some are dropped and the rest moves together. */
struct zip_plan {
    uint64_t *new_at; /* by index of the entry; ZIP_DROPPED */
    uint64_t at;      /* where the tail goes: behind the last entry that stays */
    size_t n_kept;
    bool in_place; /* no entry that stays moves: those that go are at the end */
};
#define ZIP_DROPPED UINT64_MAX

/* drop[i]: entry i goes. */
void zip_plan_make(const struct zip *z, const bool *drop, struct zip_plan *ret);
void zip_plan_clear(struct zip_plan *p);
LB_DEFINE_CLEANUP(struct zip_plan, zip_plan_clear)

/*
 * Appends to *out what stands at `at` in the new file: the member (NULL: none) with its local header, the directory
 * (records of entries that stay are copied, their offsets adapted), the end records and the comment. `at` is plan->at,
 * or another place where the same tail is to be whole (offsets of the member and the directory follow it).
 */
void zip_tail_build(const struct zip *z, const struct zip_plan *plan, uint64_t at,
                    const struct zip_member *m, struct strbuf *out);
/*
 * Makes of a tail built for one place (`from`) the one for another: offsets of the member and the directory change.
 * False: these bytes are no such tail.
 */
bool zip_tail_move(unsigned char *tail, size_t len, uint64_t from, uint64_t to);

#endif
