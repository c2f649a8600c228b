/* SPDX-License-Identifier: Apache-2.0 */
/* Coverage of code that never reaches exit(): linked into every program of the coverage flavour, and only there.
 *
 * A container's child ends in another root file system, by exec or by a signal; what gcc's runtime would write there is lost.
 * So the counters live in memory that children share with the program they were forked from (coverage/counters.ld gives them
 * pages of their own), and the program's own exit writes them all. Only a program that replaces itself by exec must write them
 * before. */
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

extern char coverage_counters_start[], coverage_counters_end[];
void __gcov_dump(void);
void __gcov_reset(void);

/* On a page that the kernel wipes in every forked child: pids cannot tell, both may be 1 in their namespaces. */
static int *is_program;

__attribute__((constructor)) static void share_counters(void)
{
    size_t size = (size_t)(coverage_counters_end - coverage_counters_start);
    if (size == 0)
        return;
    void *copy = malloc(size);
    long page = sysconf(_SC_PAGESIZE);
    is_program = mmap(NULL, (size_t)page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (!copy || is_program == MAP_FAILED || madvise(is_program, (size_t)page, MADV_WIPEONFORK) < 0)
        abort();
    *is_program = 1;
    memcpy(copy, coverage_counters_start, size);
    if (mmap(coverage_counters_start, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED, -1, 0) ==
        MAP_FAILED)
        abort();
    memcpy(coverage_counters_start, copy, size);
    free(copy);
}

/* Called by the seam before exec and exit_group. */
void coverage_process_ends(void)
{
    if (!is_program || !*is_program)
        return;
    __gcov_dump();
    __gcov_reset();
}
