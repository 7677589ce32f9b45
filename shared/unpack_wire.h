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

enum unpack_kind {
    UNPACK_ENTRY = 'E',   /* a file begins */
    UNPACK_DATA = 'D',    /* its bytes */
    UNPACK_END = 'C',     /* it is whole, by the archive's own checksum */
    UNPACK_SKIPPED = 'S', /* a link or a device: its name */
    UNPACK_DONE = 'Z',    /* the archive is read to its end: the name of its format */
    UNPACK_FAILED = 'X',  /* an enum unpack_fault and a text; the last frame */
};

enum unpack_fault {
    UNPACK_DAMAGED = 'd', /* or packed in a way that the library cannot read */
    UNPACK_ENCRYPTED = 'e',
    UNPACK_TOO_MUCH = 'l',  /* a limit */
    UNPACK_NO_MEMORY = 'm', /* the memory limit, or the machine's */
};

#endif
