/* SPDX-License-Identifier: Apache-2.0 */
/* What the benchmark programs share: an action is repeated at two pacings and its median and minimum printed as TSV rows.
 *
 * Pacing decides the number: a kernel that was idle for 100 ms makes a cgroup join wait for a grace period that a busy one
 * skips. */
#pragma once
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define BENCH_WARMUP 3
#define BENCH_RUNS 200
#define BENCH_PACED_RUNS 30
#define BENCH_PAUSE_MS 100

static inline double bench_now_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

static inline int bench_compare(const void *a, const void *b)
{
    const double *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

/* Repeats once(arg), which returns 0 or ends the program by itself, and prints NAME.PACING and NAME.PACING.min in microseconds.
 */
static inline void bench_series(const char *name, const char *pacing, int runs, int pause_ms, int (*once)(void *), void *arg)
{
    double took[BENCH_RUNS];
    for (int i = -BENCH_WARMUP; i < runs; i++) {
        nanosleep(&(struct timespec){.tv_nsec = pause_ms * 1000000L}, NULL);
        double start = bench_now_us();
        if (once(arg) != 0) {
            fprintf(stderr, "%s: failed\n", name);
            exit(1);
        }
        if (i >= 0)
            took[i] = bench_now_us() - start;
    }
    qsort(took, (size_t)runs, sizeof(took[0]), bench_compare);
    printf("%s.%s\t%.1f\tus\n%s.%s.min\t%.1f\tus\n", name, pacing, took[runs / 2], name, pacing, took[0]);
    fflush(stdout);
}

static inline void bench_both_pacings(const char *name, int (*once)(void *), void *arg)
{
    bench_series(name, "back-to-back", BENCH_RUNS, 0, once, arg);
    bench_series(name, "paused", BENCH_PACED_RUNS, BENCH_PAUSE_MS, once, arg);
}
