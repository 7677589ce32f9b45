#include "arrivals.h"

#include <stdlib.h>
#include <string.h>

void arrivals_clear(struct arrivals *a)
{
    for (size_t i = 0; i < a->n; i++)
        free(a->list[i].path);
    free(a->list);
    *a = (struct arrivals){0};
}

void arrivals_set(struct arrivals *a, const char *const *paths, size_t n, int64_t now_ms)
{
    struct arrivals next = {.list = mem_new((n + 1) * sizeof(*next.list)), .n = n};
    size_t k = 0;
    for (size_t i = 0; i < n; i++) {
        while (k < a->n && strcmp(a->list[k].path, paths[i]) < 0)
            k++;
        if (k < a->n && strcmp(a->list[k].path, paths[i]) == 0) {
            next.list[i] = a->list[k];
            a->list[k++].path = NULL; /* moved */
        } else {
            next.list[i] = (struct arrival){.path = mem_strdup(paths[i]), .quiet_ms = now_ms};
        }
    }
    arrivals_clear(a);
    *a = next;
}

struct arrival *arrivals_find(struct arrivals *a, const char *path)
{
    size_t low = 0;
    size_t high = a->n;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        int order = strcmp(path, a->list[mid].path);
        if (order == 0)
            return &a->list[mid];
        if (order < 0)
            high = mid;
        else
            low = mid + 1;
    }
    return NULL;
}

void arrivals_note_write(struct arrivals *a, const char *path, bool going_on, int64_t now_ms)
{
    struct arrival *it = arrivals_find(a, path);
    if (!it)
        return;
    it->written_ms = going_on ? now_ms : 0;
    it->quiet_ms = now_ms;
    it->whole_ms = 0;
}

/* When it will be whole if nothing happens to it any more. */
static int64_t whole_at(const struct arrival *it, int64_t settle_ms)
{
    int64_t wait_ms = it->written || it->written_ms ? ARRIVALS_WRITER_MS : settle_ms;
    return it->quiet_ms + (wait_ms > settle_ms ? wait_ms : settle_ms);
}

void arrivals_note_stat(struct arrival *it, const struct library_stat *stat, bool written,
                        int64_t settle_ms, int64_t now_ms)
{
    if (!it->seen || !library_stat_same(&it->stat, stat)) {
        it->stat = *stat;
        it->seen = true;
        it->quiet_ms = now_ms;
    }
    it->written = written;
    bool whole = it->stat.size > 0 && now_ms >= whole_at(it, settle_ms);
    if (!whole)
        it->whole_ms = 0;
    else if (!it->whole_ms)
        it->whole_ms = now_ms;
}

bool arrivals_are_due(const struct arrivals *a, int64_t settle_ms, int64_t now_ms,
                      int64_t *ret_wait_ms)
{
    int64_t oldest = 0; /* since when the first of them has been whole */
    int64_t next = 0;   /* when the next one may be */
    for (size_t i = 0; i < a->n; i++) {
        const struct arrival *it = &a->list[i];
        if (it->whole_ms) {
            if (!oldest || it->whole_ms < oldest)
                oldest = it->whole_ms;
        } else if (it->seen && it->stat.size > 0) {
            int64_t at = whole_at(it, settle_ms);
            if (!next || at < next)
                next = at;
        }
    }
    if (oldest && (!next || now_ms - oldest >= ARRIVALS_GATHER_MS))
        return true;
    if (oldest && oldest + ARRIVALS_GATHER_MS < next)
        next = oldest + ARRIVALS_GATHER_MS;
    *ret_wait_ms = !next ? -1 : next > now_ms ? next - now_ms : 0;
    return false;
}
