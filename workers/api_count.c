#include "api_count.h"

#include <stdio.h>
#include <string.h>

#include "api.h"
#include "board.h"

/* Filled once, then only read. */
static struct board_route *places[BOARD_ROUTES];
static struct board_route *none; /* no route of ours: 404, 405, refused */
static const struct api_route *table;

/* Behind the lock. NULL when all places are taken: such a route is not counted. */
static struct board_route *place(struct board *b, const char *name)
{
    for (size_t i = 0; i < BOARD_ROUTES; i++) {
        struct board_route *r = &b->routes[i];
        if (r->name[0] == '\0')
            (void)snprintf(r->name, sizeof(r->name), "%s", name);
        if (strncmp(r->name, name, sizeof(r->name) - 1) == 0)
            return r;
    }
    return NULL;
}

void api_count_init(struct board *b, const struct api_route *routes)
{
    table = routes;
    gate_mutex_take(&b->routes_lock);
    none = place(b, "none");
    for (size_t i = 0; routes[i].method && i < BOARD_ROUTES; i++) {
        char name[sizeof(b->routes[0].name)];
        (void)snprintf(name, sizeof(name), "%s %s", routes[i].method, routes[i].pattern);
        places[i] = place(b, name);
    }
    gate_mutex_drop(&b->routes_lock);
}

void api_count(const struct api_route *route, int status, int64_t micros)
{
    if (!table)
        return;
    struct board_route *r = route ? places[route - table] : none;
    if (!r)
        return;
    int class = status / 100;
    r->count[class >= 1 && class <= 5 ? class - 1 : 4]++;
    r->micros += (uint64_t)micros;
}
