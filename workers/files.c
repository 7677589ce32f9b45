#include "files.h"

#include <stdio.h>
#include <string.h>

#include "store.h"
#include "store_library.h"
#include "strbuf.h"
#include "worker.h"

#define ID_DIGITS_MAX 18 /* fits an int64_t */

/* "id:<n>". No book has such a name: it would have an extension. */
static bool parse_id(const char *text, size_t len, int64_t *ret)
{
    if (len < 4 || len > 3 + ID_DIGITS_MAX || memcmp(text, "id:", 3) != 0)
        return false;
    int64_t n = 0;
    for (size_t i = 3; i < len; i++) {
        if (text[i] < '0' || text[i] > '9')
            return false;
        n = n * 10 + (text[i] - '0');
    }
    *ret = n;
    return true;
}

int files_resolve(struct worker *w, struct store_reader *reader, const char *text, size_t len,
                  char ret[PATH_MAX_BYTES], struct err *err)
{
    int64_t id;
    if (!parse_id(text, len, &id))
        return path_from_client(worker_library_root(w), text, len, ret, err);
    char *path LB_CLEANUP(mem_free) = NULL;
    int rc = store_library_path_of(store_reader_db(reader, GATE_LIBRARY), id, &path, err);
    if (rc == 0)
        return err_set(err, ERR_NOT_FOUND, "File not found: no file has the id %lld",
                       (long long)id);
    if (rc < 0)
        return -1;
    if (strlen(path) >= PATH_MAX_BYTES)
        return err_set(err, ERR_PATH_INVALID, "the path of file %lld is too long", (long long)id);
    (void)snprintf(ret, PATH_MAX_BYTES, "%s", path);
    return 0;
}

char *files_absolute(struct worker *w, const char *path)
{
    struct strbuf b LB_CLEANUP(strbuf_clear) = {0};
    strbuf_adds(&b, worker_library_root(w));
    strbuf_addc(&b, '/');
    strbuf_adds(&b, path);
    return strbuf_take(&b);
}
