/*
 * api_count.h - how often each route was answered, on the scoreboard, for /metrics of any worker.
 */
#ifndef LB_API_COUNT_H
#define LB_API_COUNT_H

#include "base.h"

struct api_route;
struct board;

/* Finds or makes the places of the routes. Before the first thread. */
void api_count_init(struct board *b, const struct api_route *routes);
/* One answer. `route` is NULL when none was found. Any thread. */
void api_count(const struct api_route *route, int status, int64_t micros);

#endif
