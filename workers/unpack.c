#include "unpack.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "unpack_child.h"
#include "unpack_wire.h"
#include "zip_io.h"

struct walk {
    const struct unpack_limits *limits;
    const struct entry_sink *sink;
    struct unpack_report *report;
    struct unpack_child child;
    bool in_entry, done;
    uint32_t n_entries;
    uint64_t entry_bytes, total_bytes;
    unsigned char *frame; /* room for the longest one */
};

static int start(struct walk *w, int fd, struct err *err)
{
    char text[5][24];
    const struct unpack_limits *l = w->limits;
    const uint64_t values[5] = {l->cpu_s, l->memory_mib, l->entries, l->entry_bytes,
                                l->total_bytes};
    char *argv[8] = {NULL};
    char *envp[] = {NULL};
    for (int i = 0; i < 5; i++) {
        (void)snprintf(text[i], sizeof(text[i]), "%llu", (unsigned long long)values[i]);
        argv[i + 1] = text[i];
    }
#ifdef LB_FAULTS
    argv[6] = getenv("LB_UNPACK_TRY"); /* NOLINT(concurrency-mt-unsafe): nobody sets it later */
#endif
    return unpack_child_start(&w->child, fd, argv, envp, l, w->sink, err);
}

static void walk_clear(struct walk *w)
{
    unpack_child_clear(&w->child);
    free(w->frame);
}
LB_DEFINE_CLEANUP(struct walk, walk_clear)

/* ------------------------------------------------------------------ reading frames */

static int nonsense(struct err *err)
{
    return err_set(err, ERR_BOOK,
                   "the program that unpacks it answers nonsense: the archive may "
                   "be made to do harm");
}

static int on_entry(struct walk *w, size_t len, struct err *err)
{
    if (w->in_entry || len <= UNPACK_ENTRY_BYTES || len > UNPACK_ENTRY_BYTES + UNPACK_NAME_BYTES)
        return nonsense(err);
    if (++w->n_entries > w->limits->entries)
        return nonsense(err); /* it should have said so */
    w->in_entry = true;
    w->entry_bytes = 0;
    struct entry_info e = {
        .name = (const char *)w->frame + UNPACK_ENTRY_BYTES,
        .name_len = len - UNPACK_ENTRY_BYTES,
        .index = w->n_entries - 1,
        .mtime = (int64_t)zip_get64(w->frame + 8),
    };
    return w->sink->begin(w->sink->ctx, &e, err);
}

static int on_data(struct walk *w, size_t len, struct err *err)
{
    w->entry_bytes += len;
    w->total_bytes += len;
    if (!w->in_entry || w->entry_bytes > w->limits->entry_bytes ||
        w->total_bytes > w->limits->total_bytes)
        return nonsense(err);
    if (unpack_child_time(&w->child, err) < 0)
        return -1;
    return w->sink->data(w->sink->ctx, w->frame, len, err);
}

/* An entry that was begun is ended with `why` before the walk ends with it. */
static int fail_walk(struct walk *w, const struct err *why, struct err *err)
{
    if (w->in_entry) {
        w->in_entry = false;
        if (w->sink->end(w->sink->ctx, why, err) < 0)
            return -1;
    }
    *err = *why;
    return -1;
}

/* The text, as far as it is one. */
static void clean_text(char *ret, size_t size, const unsigned char *bytes, size_t len)
{
    size_t n = 0;
    for (size_t i = 0; i < len && n + 1 < size; i++)
        ret[n++] = bytes[i] >= 0x20 && bytes[i] < 0x7f ? (char)bytes[i] : ' ';
    ret[n] = '\0';
}

static int on_failed(struct walk *w, size_t len, struct err *err)
{
    char text[UNPACK_TEXT_BYTES + 1];
    struct err why = {0};
    if (len < 1 || len > UNPACK_TEXT_BYTES + 1)
        return nonsense(err);
    clean_text(text, sizeof(text), w->frame + 1, len - 1);
    w->report->unread = w->frame[0] == UNPACK_UNREAD;
    w->report->not_understood = w->report->unread || w->frame[0] == UNPACK_DAMAGED;
    if (w->report->not_understood)
        (void)err_set(&why, ERR_BOOK, "the archive cannot be unpacked: %s", text);
    else
        (void)err_set(&why, ERR_BOOK, "%s", text);
    return fail_walk(w, &why, err);
}

static int on_frame(struct walk *w, unsigned kind, size_t len, struct err *err)
{
    switch (kind) {
    case UNPACK_ENTRY:
        return on_entry(w, len, err);
    case UNPACK_DATA:
        return on_data(w, len, err);
    case UNPACK_END:
        if (!w->in_entry || len != 0)
            return nonsense(err);
        w->in_entry = false;
        return w->sink->end(w->sink->ctx, NULL, err);
    case UNPACK_SKIPPED:
        if (w->in_entry || ++w->report->n_skipped > w->limits->entries)
            return nonsense(err);
        return 0;
    case UNPACK_DONE:
        if (w->in_entry)
            return nonsense(err);
        clean_text(w->report->format, sizeof(w->report->format), w->frame, len);
        w->done = true;
        return 0;
    case UNPACK_FAILED:
        return on_failed(w, len, err);
    default:
        return nonsense(err);
    }
}

/* The pipe ended without a last word: how did the child end? */
static int ended_early(struct walk *w, struct err *err)
{
    struct err why = {0};
    int sig = unpack_child_why(&w->child, unpack_child_end(&w->child), &why);
    w->report->not_understood = sig != 0 && sig != SIGXCPU;
    return fail_walk(w, &why, err);
}

int unpack_walk(int fd, const struct unpack_limits *limits, const struct entry_sink *sink,
                struct unpack_report *ret, struct err *err)
{
    struct walk w LB_CLEANUP(walk_clear) = {
        .limits = limits,
        .sink = sink,
        .report = ret,
        .child = {.pipe_fd = -1},
        .frame = mem_new(UNPACK_DATA_BYTES),
    };
    unsigned char head[UNPACK_HEAD_BYTES];
    *ret = (struct unpack_report){0};
    if (start(&w, fd, err) < 0)
        return -1;
    while (!w.done) {
        size_t n, len = 0;
        if (unpack_child_read(&w.child, head, sizeof(head), &n, err) < 0)
            return -1;
        bool whole = n == sizeof(head);
        if (whole && (len = zip_get32(head + 1)) > UNPACK_DATA_BYTES)
            return nonsense(err);
        if (whole && len > 0) {
            if (unpack_child_read(&w.child, w.frame, len, &n, err) < 0)
                return -1;
            whole = n == len;
        }
        if (!whole)
            return ended_early(&w, err);
        if (on_frame(&w, head[0], len, err) < 0)
            return -1;
    }
    ret->by = "libarchive";
    return 0;
}
