/*
 * disk_model.h - what a folder may hold when a process or the power is gone in the middle of its work.
 *
 * The program is linked with --wrap for the calls of DISK_MODEL_WRAPS (Makefile), so that what the code under test does
 * to the files of one folder can be written down, call by call. From the record, any folder can be made that a death
 * between two bytes, or a loss of power, may leave behind. No call really waits for the disk: nothing here outlives the
 * process. One thread; a folder without folders in it.
 *
 * The model of a power loss: what was synced is there. Of what was written to a file since, each sector of 512 bytes
 * shows the file as it was at some moment of its own since then; the length is that of any such moment, and any in
 * between where a write made the file longer. Names made, removed or renamed since the folder was synced are there up
 * to any one of them, in order, as journals of file systems have it.
 */
#ifndef LB_DISK_MODEL_H
#define LB_DISK_MODEL_H

#include <stdbool.h>

#include "base.h"
#include "scratch.h"
#include "strbuf.h"

#define DISK_NAMES 6

struct disk_model;

/* A folder's content, and the journal row that the job store holds for it ("" is none). */
struct disk_image {
    struct {
        char name[64];
        struct strbuf bytes;
    } files[DISK_NAMES];
    size_t n;
    struct strbuf row;
};
void disk_image_clear(struct disk_image *i);
LB_DEFINE_CLEANUP(struct disk_image, disk_image_clear)

/* Begins a record of the folder, which must not change by other hands until disk_record_end. */
struct disk_model *disk_record(const struct scratch *folder);
void disk_record_end(struct disk_model *m);
void disk_model_free(struct disk_model *m);
LB_DEFINE_CLEANUP_PTR(struct disk_model, disk_model_free)
/* The journal row was committed; len 0: it was dropped, which need not survive a loss of power. */
void disk_record_row(const void *row, size_t len);

/* How many calls the record has; the bytes that the i-th wrote into a file, 0 for the other calls. */
size_t disk_steps(const struct disk_model *m);
size_t disk_step_bytes(const struct disk_model *m, size_t i);
/* "write 811 at 40960", for messages. */
const char *disk_step_text(const struct disk_model *m, size_t i, char *ret, size_t size);

/* As it is after `steps` calls and the first `bytes` of the next one. */
void disk_killed(const struct disk_model *m, size_t steps, size_t bytes, struct disk_image *ret);
/* As it may be when the power goes then. `random` goes on; with_syncs false: as if nobody had ever synced. */
void disk_power_lost(const struct disk_model *m, size_t steps, size_t bytes, bool with_syncs,
                     uint64_t *random, struct disk_image *ret);

/* Lets the folder hold exactly the image; files that are there keep their inodes. */
void disk_image_put(const struct disk_image *i, const struct scratch *folder);

/*
 * From now on `calls` calls that change the folder are done, of the next one (when it is a write) the first half, and
 * all after it fail with EIO: a death for those who only look at the disk. Gives how many were made since the last one.
 */
size_t disk_fail_after(size_t calls);
#define DISK_NEVER SIZE_MAX

/*
 * Whether FICLONE works, whatever the file system can: the bytes are copied. At first it does not. Gives how often it
 * was done since the last call.
 */
size_t disk_share_blocks(bool works);

uint64_t disk_random(uint64_t *random);

#endif
