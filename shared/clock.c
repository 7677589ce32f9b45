#include "clock.h"

#include <stdatomic.h>
#include <time.h>

static _Atomic int64_t wall_shift_ms;
static _Atomic int64_t mono_shift_ms;

static int64_t now_us(clockid_t id)
{
    struct timespec ts;
    (void)clock_gettime(id, &ts); /* cannot fail for these clocks */
    return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

double clock_wall_s(void)
{
    return (double)(now_us(CLOCK_REALTIME) + wall_shift_ms * 1000) / 1e6;
}

int64_t clock_wall_ms(void)
{
    return now_us(CLOCK_REALTIME) / 1000 + wall_shift_ms;
}

int64_t clock_mono_ms(void)
{
    return now_us(CLOCK_MONOTONIC) / 1000 + mono_shift_ms;
}

int64_t clock_mono_us(void)
{
    return now_us(CLOCK_MONOTONIC) + mono_shift_ms * 1000;
}

int64_t clock_boot_ms(void)
{
    return now_us(CLOCK_BOOTTIME) / 1000 + mono_shift_ms;
}

void clock_test_shift(int64_t wall_ms, int64_t mono_ms)
{
    wall_shift_ms = wall_ms;
    mono_shift_ms = mono_ms;
}
