#include "book_kind.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "path.h"

static const struct {
    const char *name, *extension;
} kinds[] = {
    [BOOK_OTHER] = {"no archive", ""},      [BOOK_ZIP] = {"a zip archive", ".cbz"},
    [BOOK_RAR] = {"a RAR archive", ".cbr"}, [BOOK_7Z] = {"a 7-Zip archive", ".cb7"},
    [BOOK_TAR] = {"a tar archive", ".cbt"},
};

/* A tar's first record carries a checksum of itself in octal digits: POSIX ustar, 148. */
static bool is_old_tar(const unsigned char *head, size_t len)
{
    unsigned sum = 0, want = 0;
    if (len < 512 || head[0] == 0)
        return false;
    for (size_t i = 0; i < 512; i++)
        sum += i >= 148 && i < 156 ? ' ' : head[i];
    for (size_t i = 148; i < 156; i++)
        if (head[i] >= '0' && head[i] <= '7')
            want = want * 8 + (head[i] - '0');
    return sum == want;
}

enum book_kind book_kind_of(int fd, const char *path)
{
    unsigned char head[512];
    ssize_t n = pread(fd, head, sizeof(head), 0);
    size_t len = n > 0 ? (size_t)n : 0;
    if (len >= 4 && (memcmp(head, "PK\3\4", 4) == 0 || memcmp(head, "PK\5\6", 4) == 0))
        return BOOK_ZIP;
    if (len >= 7 && memcmp(head, "Rar!\x1a\x07", 6) == 0)
        return BOOK_RAR;
    if (len >= 6 && memcmp(head, "7z\xbc\xaf\x27\x1c", 6) == 0)
        return BOOK_7Z;
    if ((len >= 262 && memcmp(head + 257, "ustar", 5) == 0) || is_old_tar(head, len))
        return BOOK_TAR;
    bool packed = len >= 6 && (memcmp(head, "\x1f\x8b", 2) == 0 || memcmp(head, "BZh", 3) == 0 ||
                               memcmp(head,
                                      "\xfd"
                                      "7zXZ",
                                      5) == 0);
    return packed && book_kind_fits(BOOK_TAR, path) ? BOOK_TAR : BOOK_OTHER;
}

const char *book_kind_name(enum book_kind k)
{
    return kinds[k].name;
}

const char *book_kind_extension(enum book_kind k)
{
    return kinds[k].extension;
}

bool book_kind_fits(enum book_kind k, const char *path)
{
    return strcasecmp(path_extension(path), kinds[k].extension) == 0;
}

int book_kind_open(int root_fd, const char *path, int *ret_fd, struct stat *ret_st, struct err *err)
{
    /* O_NONBLOCK: neither a named pipe nor a lease on the file must hold us. */
    if (path_open(root_fd, path, O_RDONLY | O_NONBLOCK | O_NOCTTY, ret_fd, err) < 0) {
        if (err->sys == EWOULDBLOCK)
            return err_set(err, ERR_BUSY, "another one is just changing the file; try again");
        return -1;
    }
    if (fstat(*ret_fd, ret_st) < 0)
        return err_sys(err, ERR_IO, "look at the file");
    if (!S_ISREG(ret_st->st_mode))
        return err_set(err, ERR_BOOK, "this is not a file");
    return 0;
}
