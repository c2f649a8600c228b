/* SPDX-License-Identifier: Apache-2.0 */
/* Coverage of code that never reaches exit(): linked into every program of the coverage flavour, and only there.
 *
 * A container's child ends in another root file system, by exec or by a signal; what gcc's runtime would write there is lost.
 * So the counters live in memory that children share with the program they were forked from (coverage/counters.ld gives them
 * pages of their own), and the program's own exit writes them all. Only a program that replaces itself by exec must write them
 * before. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <fcntl.h>
#include <ftw.h>
#include <poll.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <linux/vm_sockets.h>

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

/* ---- a machine that goes off takes its files with it: coverage/collect comes for them ---- */

#define PORT 1099
#define WAIT_MS 3000

static int collector = -1;

static int send_file(const char *path, const struct stat *st, int type, struct FTW *at)
{
    const char *suffix = strrchr(path, '.');
    char header[4200];

    (void)at;
    if (type != FTW_F || !suffix || strcmp(suffix, ".gcda") != 0)
        return 0;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    int len = snprintf(header, sizeof(header), "%s\n%lld\n", path, (long long)st->st_size);
    if (fd < 0 || write(collector, header, (size_t)len) != len)
        return 1;
    for (off_t left = st->st_size; left > 0;) {
        ssize_t n = sendfile(collector, fd, NULL, (size_t)left);
        if (n <= 0)
            return 1;
        left -= n;
    }
    return close(fd);
}

static int wait_for_collector(void)
{
    const struct sockaddr_vm address = {.svm_family = AF_VSOCK, .svm_cid = VMADDR_CID_ANY, .svm_port = PORT};
    struct pollfd pollfd = {.fd = socket(AF_VSOCK, SOCK_STREAM | SOCK_CLOEXEC, 0), .events = POLLIN};

    if (pollfd.fd < 0 || bind(pollfd.fd, (const struct sockaddr *)&address, sizeof(address)) < 0 || listen(pollfd.fd, 1) < 0)
        return -1;
    return poll(&pollfd, 1, WAIT_MS) == 1 ? accept(pollfd.fd, NULL, NULL) : -1;
}

/* Called by the seam before the machine is switched off. The collector closes when it has everything. */
void coverage_machine_ends(void)
{
    char byte;

    coverage_process_ends();
    collector = wait_for_collector();
    if (collector < 0)
        return;
    (void)nftw("/", send_file, 16, FTW_PHYS | FTW_MOUNT);
    (void)shutdown(collector, SHUT_WR);
    (void)read(collector, &byte, 1);
}
