/*
 * GET /api/file/{path}/cover: the first page. The bytes come from strangers: their type is one of five pictures, the
 * browser must not guess another (nosniff) and may do nothing with them but show them (the policy). A browser keeps a
 * cover and asks each time whether it is still right, because a book may change at any time; that answer takes no look
 * into the archive.
 */
#include <stdio.h>
#include <string.h>

#include "api.h"
#include "api_old.h"
#include "book_cover.h"
#include "book_kind.h"
#include "handlers.h"
#include "path.h"
#include "worker.h"

static const char *const types[] = {
    [IMAGE_JPEG] = "image/jpeg", [IMAGE_PNG] = "image/png",   [IMAGE_GIF] = "image/gif",
    [IMAGE_WEBP] = "image/webp", [IMAGE_AVIF] = "image/avif",
};

static int reply_cover(struct api_call *call, int fd, const struct stat *st, const char *path,
                       struct err *err)
{
    enum image_kind kind;
    char etag[80];
    (void)snprintf(etag, sizeof(etag), "\"%llx-%llx-%llx.%lx\"", (unsigned long long)st->st_ino,
                   (unsigned long long)st->st_size, (unsigned long long)st->st_mtim.tv_sec,
                   (unsigned long)st->st_mtim.tv_nsec);
    const char *known = api_header(call, "If-None-Match");
    if (known && strstr(known, etag)) /* also in a list, or as W/"..." */
        call->status = 304;
    else if (book_cover_read(fd, (uint64_t)st->st_size, path, &call->text, &kind, err) < 0)
        return -1;
    else
        call->content_type = types[kind];
    api_add_header(call, "ETag", etag);
    api_add_header(call, "Cache-Control", "private, no-cache");
    api_add_header(call, "Content-Security-Policy", "default-src 'none'; sandbox");
    return 0;
}

int api_file_cover(struct api_call *call, struct err *err)
{
    char path[PATH_MAX_BYTES];
    int fd LB_CLEANUP(fd_close) = -1;
    struct stat st;
    if (single_path(call, path, err) < 0 ||
        book_kind_open(worker_library_fd(call->worker), path, &fd, &st, err) < 0)
        return -1;
    return reply_cover(call, fd, &st, path, err);
}
