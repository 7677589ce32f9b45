/*
 * unpack_wire.h - what longbox-unpack writes on its standard output: frames of a kind, a length and that many bytes.
 *
 * All numbers are little-endian. The reader trusts nothing: the program parses hostile archives and may have been taken
 * over by one.
 */
#ifndef LB_UNPACK_WIRE_H
#define LB_UNPACK_WIRE_H

#define UNPACK_HEAD_BYTES 5 /* kind, 32-bit length */
#define UNPACK_DATA_BYTES (256u << 10)
#define UNPACK_NAME_BYTES 4096
#define UNPACK_TEXT_BYTES 240
#define UNPACK_ENTRY_BYTES                                                                         \
    16 /* before the name: 64-bit size (all ones = not known), 64-bit time in Unix seconds */
#define UNPACK_RATIO        200         /* unpacked to packed; pictures are packed already */
#define UNPACK_RATIO_BEGINS (64u << 20) /* below this much nobody asks */
/*
 * `longbox-unpack run CPU_S MEMORY_MIB PROGRAM ARGUMENT...` starts another program, confined. It may hold more
 * descriptors than the library that needs none: the dynamic loader opens files.
 */
#define UNPACK_RUN "run"

enum unpack_kind {
    UNPACK_ENTRY = 'E',   /* a file begins */
    UNPACK_DATA = 'D',    /* its bytes */
    UNPACK_END = 'C',     /* it is whole, by the archive's own checksum */
    UNPACK_SKIPPED = 'S', /* a link or a device: its name */
    UNPACK_DONE = 'Z',    /* the archive is read to its end: the name of its format */
    UNPACK_FAILED = 'X',  /* an enum unpack_fault and a text; the last frame */
};

enum unpack_fault {
    UNPACK_DAMAGED = 'd', /* or cut off */
    UNPACK_UNREAD = 'u',  /* a single RAR or 7-Zip archive that is not cut off: perhaps another reader can */
    UNPACK_ENCRYPTED = 'e',
    UNPACK_TOO_MUCH = 'l',  /* a limit */
    UNPACK_NO_MEMORY = 'm', /* the memory limit, or the machine's */
};

#endif
