/* SPDX-License-Identifier: Apache-2.0 */
/* Owned descriptors and the small file services built on the seam. */
#pragma once
#include <stdint.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/macros.h"
#include "sys/sys.h"

/* Closes *fd unless it is negative, and sets it to -1. */
void fd_close(int *fd);
#define _close_ CLEANUP(fd_close)

/* Gives up ownership: returns *fd and sets it to -1. */
static inline int fd_take(int *fd)
{
    int taken = *fd;
    *fd = -1;
    return taken;
}

/* Closes *fd, then makes it own newfd. */
void fd_replace(int *fd, int newfd);

/* Writes all of it to a blocking descriptor. 0, or -errno (-EIO when the kernel takes nothing). */
int fd_write_all(int fd, const void *p, size_t len);
/* Appends everything up to end of file to b. 0, or -errno; -EMSGSIZE when b's cap is reached. */
int fd_read_all(int fd, struct buf *b);

/* Opens, reads or writes one small file below dirfd (AT_FDCWD for an absolute path). Close-on-exec; final symlinks are
 * followed: only for files of the agent's own kernel (proc, sysfs, cgroupfs) and of the guest, never inside a root file system.
 */
int file_read_at(int dirfd, const char *path, struct buf *b);
/* One write(2) of the whole text to an existing file (O_WRONLY, no create). 0 or -errno; a short write is -EIO. */
int file_write_at(int dirfd, const char *path, const char *text, size_t len);
