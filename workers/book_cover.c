#include "book_cover.h"

#include "book_kind.h"
#include "entry_name.h"
#include "zip.h"

static const struct zip_entry *first_page(const struct zip *z)
{
    const struct zip_entry *first = NULL;
    for (size_t i = 0; i < z->n; i++) {
        const struct zip_entry *e = &z->entries[i];
        if (entry_is_page(zip_name(z, e), e->name_len) &&
            (!first ||
             entry_compare(zip_name(z, e), e->name_len, zip_name(z, first), first->name_len) < 0))
            first = e;
    }
    return first;
}

static int read_archive(int fd, uint64_t file_size, const char *path, struct zip *ret,
                        struct err *err)
{
    if (zip_read(fd, file_size, ret, err) == 0)
        return 0;
    enum book_kind kind = err->code == ERR_BOOK ? book_kind_of(fd, path) : BOOK_OTHER;
    if (kind == BOOK_OTHER || kind == BOOK_ZIP)
        return -1;
    return err_set(err, ERR_BOOK, "this is %s: only a CBZ shows its cover; convert it first",
                   book_kind_name(kind));
}

int book_cover_read(int fd, uint64_t file_size, const char *path, struct strbuf *ret,
                    enum image_kind *ret_kind, struct err *err)
{
    struct zip z LB_CLEANUP(zip_clear) = {0};
    struct image_head head;
    if (read_archive(fd, file_size, path, &z, err) < 0)
        return -1;
    const struct zip_entry *e = first_page(&z);
    if (!e)
        return err_set(err, ERR_NOT_FOUND, "the book has no page");
    if (zip_read_entry(fd, &z, e, "the first page", BOOK_COVER_MAX_BYTES, ret, err) < 0)
        return -1;
    /* What is wrong with the header is verify's business: a browser may still show it. */
    (void)image_head_read((const unsigned char *)ret->data, ret->len, true, &head);
    if (head.kind == IMAGE_NONE || head.kind == IMAGE_OTHER) {
        strbuf_clear(ret);
        return err_set(err, ERR_BOOK,
                       "the first page is not a picture that can be shown: only JPEG, PNG, GIF, "
                       "WebP and AVIF are");
    }
    *ret_kind = head.kind;
    return 0;
}
