#include "op_noop.h"

#include <string.h>
#include <time.h>

#include "clock.h"
#include "log.h"

#define STEP_MS 10 /* between two looks at the cancel flag */

int op_noop_check_options(const json_t *options, struct err *err)
{
    if (!json_is_object(options))
        return err_field(err, ERR_BAD_FIELD, "options", "options is not an object");
    const char *key;
    json_t *v;
    json_object_foreach((json_t *)(uintptr_t)options, key, v)
    {
        bool is_ms = strcmp(key, "ms") == 0;
        if (!is_ms && strcmp(key, "fail_every") != 0)
            return err_field(err, ERR_BAD_FIELD, "options", "noop has no option %s",
                             LOG_QUOTE(key));
        if (!json_is_integer(v))
            return err_field(err, ERR_BAD_FIELD, "options", "option %s is not a whole number", key);
        json_int_t n = json_integer_value(v);
        if (is_ms && (n < 0 || n > OP_NOOP_MS_MAX))
            return err_field(err, ERR_RANGE, "options", "option ms is not in 0..%d",
                             OP_NOOP_MS_MAX);
        if (!is_ms && n < 1)
            return err_field(err, ERR_RANGE, "options", "option fail_every is less than 1");
    }
    return 0;
}

int op_noop_run(const struct op_env *env, const struct op_item *item, struct op_result *ret,
                struct err *err)
{
    (void)ret; /* nothing to say beyond "done" */
    int64_t ends = clock_mono_ms() + json_integer_value(json_object_get(item->options, "ms"));
    for (;;) {
        if (env->cancelled(env->ctx))
            return err_set(err, ERR_CANCELLED, "cancelled");
        int64_t left = ends - clock_mono_ms();
        if (left <= 0)
            break;
        struct timespec nap = {.tv_nsec = (left < STEP_MS ? left : STEP_MS) * 1000000};
        (void)nanosleep(&nap, NULL); /* woken early: it looks at the clock again */
    }
    json_int_t every = json_integer_value(json_object_get(item->options, "fail_every"));
    if (every > 0 && item->seq % every == 0)
        return err_set(err, ERR_BAD_REQUEST, "item failed as asked");
    return 0;
}
