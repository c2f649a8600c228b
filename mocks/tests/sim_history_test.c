/* SPDX-License-Identifier: Apache-2.0 */
/* Random histories by seed: SEEDS=n plays n of them from SEED on (make sim SEEDS=n); a seed that fails is named and the rest
 * goes on. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "mocks/harness/history.h"

#define DEFAULT_SEEDS 2000
#define FAILURES_MAX 10
#define TRACE_MAX (64 * 1024 * 1024)

static uint64_t number_from(const char *name, uint64_t fallback)
{
    const char *text = getenv(name);

    return text && *text ? strtoull(text, NULL, 0) : fallback;
}

/* In a child: tells each seed before it is played. */
static void play_range(uint64_t first, uint64_t end, int fd)
{
    for (uint64_t seed = first; seed < end; seed++) {
        if (write(fd, &seed, sizeof(seed)) != sizeof(seed))
            _exit(99);
        history_play(seed, NULL);
    }
    exit(0);
}

/* Plays up to end or the first failure; returns the seed after the last one that was played. */
static uint64_t play(uint64_t first, uint64_t end, int *ret_status)
{
    uint64_t seed, last = first;
    int fds[2];

    fflush(NULL);
    if (pipe(fds) < 0)
        abort();
    int pid = fork();
    if (pid == 0) {
        close(fds[0]);
        play_range(first, end, fds[1]);
    }
    close(fds[1]);
    while (read(fds[0], &seed, sizeof(seed)) == (ssize_t)sizeof(seed))
        last = seed;
    close(fds[0]);
    waitpid(pid, ret_status, 0);
    return last + 1;
}

/* The trace of a seed is the same every time. */
static int compare_traces(uint64_t seed)
{
    struct buf first = {.max = TRACE_MAX}, second = {.max = TRACE_MAX};

    history_play(seed, &first);
    history_play(seed, &second);
    int differ = first.len == 0 || first.len != second.len || memcmp(first.data, second.data, first.len) != 0;
    if (differ)
        printf("seed %" PRIu64 ": two runs, two traces of %zu and %zu bytes\n", seed, first.len, second.len);
    buf_done(&first);
    buf_done(&second);
    return differ;
}

int main(int argc, char **argv)
{
    uint64_t first = number_from("SEED", 1), end = first + number_from("SEEDS", DEFAULT_SEEDS);
    int failures = 0;
    (void)argc;

    for (uint64_t seed = first; seed < end && failures < FAILURES_MAX;) {
        int status = 0;
        seed = play(seed, end, &status);
        if (status == 0)
            continue;
        printf("  ^ seed %" PRIu64 " fails (status %#x); repeat: SEED=%" PRIu64 " SEEDS=1 %s\n", seed - 1, (unsigned int)status,
               seed - 1, argv[0]);
        failures++;
    }
    if (failures == 0)
        failures = compare_traces(first) + compare_traces(first + 1);
    printf("%" PRIu64 " seeds, %d failures\n", end - first, failures);
    return failures > 0;
}
