/* SPDX-License-Identifier: Apache-2.0 */
/* The heap as a witness: what is repeated must not make it grow. Under AddressSanitizer it says nothing, and need not. */
#pragma once
#include <malloc.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A chunk may be larger than what was asked for; the smallest that can leak has 32 bytes. */
#define HEAP_NOISE(times) ((size_t)(times)*8)

static inline size_t heap_in_use(void)
{
    struct mallinfo2 info = mallinfo2();

    return info.uordblks + info.hblkhd;
}

/* First thing in main(): freed pieces that the allocator keeps at hand count as used, so it is told to keep none. It listens
 * only at its start. */
static inline void heap_without_caches(char **argv)
{
    const char *preloaded = getenv("LD_PRELOAD");

    if (getenv("GLIBC_TUNABLES") || (preloaded && strstr(preloaded, "valgrind"))) /* which has an allocator of its own */
        return;
    setenv("GLIBC_TUNABLES", "glibc.malloc.tcache_count=0:glibc.malloc.mxfast=0", 1);
    execv("/proc/self/exe", argv);
    abort();
}
