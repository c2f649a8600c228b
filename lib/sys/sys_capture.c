/* SPDX-License-Identifier: Apache-2.0 */
/* sys_capture(): shared by all implementations of the seam, because what a library writes to must be a real descriptor. */
#include "sys/sys.h"

#include <sys/mman.h>

#include "sys/raw.h"

static ssize_t capture_read(int fd, char *p, size_t cap)
{
    off_t size = lseek(fd, 0, SEEK_END);
    if (size < 0)
        return -errno;
    if ((size_t)size > cap)
        return -EMSGSIZE;

    size_t len = 0;
    while (len < (size_t)size) {
        long n = RESTART(SYSCALL(SYS_pread64, fd, p + len, (size_t)size - len, (off_t)len));
        if (n <= 0)
            return n < 0 ? n : -EIO;
        len += (size_t)n;
    }
    return (ssize_t)len;
}

ssize_t sys_capture(int (*fill)(int fd, void *arg), void *arg, void *p, size_t cap)
{
    int fd = (int)SYSCALL(SYS_memfd_create, "capture", MFD_CLOEXEC);
    if (fd < 0)
        return fd;

    ssize_t r = fill(fd, arg);
    if (r >= 0)
        r = capture_read(fd, p, cap);
    SYSCALL(SYS_close, fd);
    return r;
}
