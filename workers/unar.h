/*
 * unar.h - RAR and 7-Zip archives through the programs lsar and unar, when they are installed (Debian package unar).
 *
 * Both run confined by longbox-unpack (UNPACK_RUN): they read files and write to a pipe, nothing else. lsar lists, unar
 * writes all files one behind the other; sizes and checksums of the list say where each one ends and that it is whole.
 * So an archive whose list has no checksum for a file is refused.
 */
#ifndef LB_UNAR_H
#define LB_UNAR_H

#include "entry_sink.h"
#include "unpack.h"

struct unar;

/* Are both programs in PATH? */
bool unar_is_there(void);
/*
 * Lists the archive in `fd`. The limits hold for what the list announces, too. Of `sink` only the cancel flag is used.
 * ERR_BOOK: it cannot be read, is encrypted or split, has too much in it; ERR_CANCELLED; ERR_IO.
 */
int unar_list(int fd, const struct unpack_limits *limits, const struct entry_sink *sink,
              struct unar **ret, struct err *err) LB_MUST_CHECK;
/* Walks what was listed; as unpack_walk. */
int unar_walk(const struct unar *u, int fd, const struct unpack_limits *limits,
              const struct entry_sink *sink, struct unpack_report *ret,
              struct err *err) LB_MUST_CHECK;
/* NULL is fine. */
void unar_free(struct unar *u);
LB_DEFINE_CLEANUP_PTR(struct unar, unar_free)

#endif
