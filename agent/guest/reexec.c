/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/guest/reexec.h"

#include <errno.h>
#include <linux/memfd.h>
#include <sys/prctl.h>

#include "sys/fd.h"
#include "sys/sys.h"

#define PROGRAM_NAME "tatami-agent"
#define SELF "/proc/self/exe"
#define COPY_CHUNK (64 * 1024)
#define SEALS (F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)

#ifndef MFD_EXEC
#define MFD_EXEC 0x0010U /* Linux 6.3: without it the file may come out not executable (sysctl vm.memfd_noexec) */
#endif

static int self_open(struct error *err)
{
    int fd = sys_openat(AT_FDCWD, SELF, O_RDONLY | O_CLOEXEC, 0);
    return fd < 0 ? error_set(err, fd, "open '%s'", SELF) : fd;
}

/* Whether fd is a memfd with all seals; other files know no seals. */
static int fd_is_sealed(int fd, struct error *err)
{
    int seals = sys_fcntl(fd, F_GET_SEALS, 0);
    if (seals == -EINVAL)
        return 0;
    if (seals < 0)
        return error_set(err, seals, "get seals of '%s'", SELF);
    return (seals & SEALS) == SEALS;
}

int reexec_is_sealed(struct error *err)
{
    _close_ int self = self_open(err);
    return self < 0 ? self : fd_is_sealed(self, err);
}

static int memory_file_new(struct error *err)
{
    const unsigned int flags = MFD_CLOEXEC | MFD_ALLOW_SEALING;
    int fd = sys_memfd_create(PROGRAM_NAME, flags | MFD_EXEC);

    if (fd == -EINVAL)
        fd = sys_memfd_create(PROGRAM_NAME, flags);
    return fd < 0 ? error_set(err, fd, "create a memory file for the agent") : fd;
}

static int copy(int from, int to, struct error *err)
{
    char chunk[COPY_CHUNK];

    for (;;) {
        ssize_t n = sys_read(from, chunk, sizeof(chunk));
        if (n == 0)
            return 0;
        if (n < 0)
            return error_set(err, (int)n, "read '%s'", SELF);
        int r = fd_write_all(to, chunk, (size_t)n);
        if (r < 0)
            return error_set(err, r, "copy '%s' into memory", SELF);
    }
}

int reexec_sealed(char *const argv[], char *const envp[], struct error *err)
{
    _close_ int self = self_open(err);
    if (self < 0)
        return self;
    int r = fd_is_sealed(self, err);
    if (r < 0)
        return r;
    if (r > 0) {
        /* execveat() names the process after the descriptor. */
        sys_prctl(PR_SET_NAME, (unsigned long)PROGRAM_NAME, 0, 0, 0);
        return 0;
    }
    _close_ int memory = memory_file_new(err);
    if (memory < 0)
        return memory;
    r = copy(self, memory, err);
    if (r < 0)
        return r;
    r = sys_fcntl(memory, F_ADD_SEALS, SEALS);
    if (r < 0)
        return error_set(err, r, "seal the memory file of the agent");
    r = sys_execveat(memory, "", argv, envp, AT_EMPTY_PATH);
    return error_set(err, r, "execute the memory file of the agent");
}
