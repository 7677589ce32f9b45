/*
 * clock.h - the only place that asks for the time, so that tests can set it.
 *
 * Wall clock: timestamps that people see (Unix seconds as double, or ms). Monotonic: durations inside one process.
 * Boot clock (CLOCK_BOOTTIME): leases; it does not jump, counts suspended time, and is the same for all processes
 * of one boot.
 */
#ifndef LB_CLOCK_H
#define LB_CLOCK_H

#include <stdint.h>

double clock_wall_s(void);
int64_t clock_wall_ms(void);
int64_t clock_mono_ms(void);
int64_t clock_mono_us(void);
int64_t clock_boot_ms(void);

/* Tests: from now on the clocks are shifted by so much. Any thread; takes effect at once. */
void clock_test_shift(int64_t wall_ms, int64_t mono_ms);

#endif
