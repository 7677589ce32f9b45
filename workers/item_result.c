#include "item_result.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "path.h"
#include "worker.h"

char *item_details(struct worker *w, const struct item *it, const struct op *op,
                   const struct op_result *result)
{
    json_t *o = json_object();
    if (op->accepts == ACCEPTS_BOOKS) {
        char path[2 * PATH_MAX_BYTES];
        const char *root = worker_library_root(w);
        (void)snprintf(path, sizeof(path), "%s/%s", root, it->path);
        (void)json_object_set_new(o, "original", json_text(path));
        (void)snprintf(path, sizeof(path), "%s/%s", root,
                       result->final_path ? result->final_path : it->path);
        (void)json_object_set_new(o, "final", json_text(path));
    }
    if (result->message[0])
        (void)json_object_set_new(o, "message", json_text(result->message));
    if (result->details)
        (void)json_object_update(o, result->details);
    char *text = json_dumps(o, JSON_COMPACT);
    json_decref(o);
    return text;
}

void item_stat_after(struct worker *w, struct item_done *done)
{
    const char *path = done->result.final_path ? done->result.final_path : done->item.path;
    int fd LB_CLEANUP(fd_close) = -1;
    struct stat st;
    struct err why = {0};
    if (path_open(worker_library_fd(w), path, O_PATH | O_NOFOLLOW, &fd, &why) < 0 ||
        fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
        return; /* moved out of the library, or gone: the next scan will see */
    done->has_stat = true;
    done->stat = library_stat_from(&st);
}
