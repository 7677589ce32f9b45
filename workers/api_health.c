#include "api.h"
#include "board.h"
#include "handlers.h"
#include "health.h"
#include "worker.h"

#define RETRY_AFTER_S "5"

/* ---- health ---- */

/* 503 carries Retry-After (docs/API.md). */
static int reply_health(struct api_call *call, bool healthy, json_t *reply)
{
    if (!healthy)
        api_add_header(call, "Retry-After", RETRY_AFTER_S);
    return api_reply(call, healthy ? 200 : 503, reply);
}

int api_health(struct api_call *call, struct err *err)
{
    (void)err; /* what fails is the answer */
    struct health h;
    health_look(call->worker, call->reader, &h);
    return reply_health(call, h.healthy,
                        json_pack("{s:s, s:s, s:{s:s, s:s, s:s, s:s, s:s}, s:I}", "status",
                                  h.healthy ? "healthy" : "unhealthy", "version", LB_VERSION,
                                  "checks", "watched_dir", h.library, "database", h.database,
                                  "watcher", h.watcher, "workers", h.workers, "frontend",
                                  h.frontend, "file_count", (json_int_t)h.files));
}

int api_health_live(struct api_call *call, struct err *err)
{
    (void)err;
    return api_reply(call, 200, json_pack("{s:s}", "status", "alive"));
}

/* May this worker be given new work? */
int api_health_ready(struct api_call *call, struct err *err)
{
    (void)err;
    struct err why = {0};
    int64_t newest;
    const char *reason = NULL;
    if (worker_draining(call->worker))
        reason = "stopping";
    else if (health_check_jobs(call->reader, &newest, &why) < 0)
        reason = "database";
    if (!reason)
        return api_reply(call, 200, json_pack("{s:s}", "status", "ready"));
    return reply_health(call, false,
                        json_pack("{s:s, s:s}", "status", "not ready", "reason", reason));
}

/* ---- events ---- */

int api_events_stats(struct api_call *call, struct err *err)
{
    struct board *board = worker_board(call->worker);
    int64_t newest;
    if (health_check_jobs(call->reader, &newest, err) < 0)
        return -1;
    json_int_t clients = 0, sent = 0, slow = 0, dropped = 0, misses = 0;
    json_t *workers = json_array();
    for (uint32_t i = 0; i < board->n_slots; i++) {
        struct board_slot *s = &board->slots[i];
        json_int_t own = atomic_load(&s->subscribers);
        json_int_t last = atomic_load(&s->last_event_id);
        clients += own;
        sent += (json_int_t)atomic_load(&s->events_sent);
        slow += (json_int_t)atomic_load(&s->slow_clients);
        dropped += (json_int_t)atomic_load(&s->dropped_clients);
        misses += (json_int_t)atomic_load(&s->doorbell_misses);
        json_t *o =
            json_pack("{s:I, s:I, s:I, s:I}", "slot", (json_int_t)i, "clients", own, "last_id",
                      last, "lag", newest > last ? (json_int_t)newest - last : (json_int_t)0);
        must(o && json_array_append_new(workers, o) == 0);
    }
    return api_reply(call, 200,
                     json_pack("{s:I, s:I, s:o, s:I, s:I, s:I}", "active_clients", clients,
                               "total_events_broadcast", sent, "workers", workers, "slow_clients",
                               slow, "dropped_clients", dropped, "doorbell_misses", misses));
}
