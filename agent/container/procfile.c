/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/container/procfile.h"

#include <errno.h>
#include <linux/magic.h>
#include <string.h>

#include "sys/fd.h"

int procfile_root(int *ret_proc_fd, struct error *err)
{
    _close_ int fd = sys_openat(AT_FDCWD, "/proc", O_PATH | O_DIRECTORY | O_CLOEXEC, 0);
    if (fd < 0)
        return error_set(err, fd, "open /proc");

    struct statfs st;
    int r = sys_fstatfs(fd, &st);
    if (r < 0)
        return error_set(err, r, "look at /proc");
    if (st.f_type != PROC_SUPER_MAGIC)
        return error_text(err, -EINVAL, "/proc is not a procfs");
    *ret_proc_fd = fd_take(&fd);
    return 0;
}

int procfile_open(int proc_fd, const char *path, int flags)
{
    const struct open_how how = {
        .flags = (uint64_t)(flags | O_CLOEXEC),
        .resolve = RESOLVE_BENEATH | RESOLVE_NO_XDEV | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS,
    };
    return sys_openat2(proc_fd, path, &how);
}

int procfile_write(int fd, const char *text)
{
    size_t len = strlen(text);
    ssize_t n = sys_write(fd, text, len);
    if (n < 0)
        return (int)n;
    return (size_t)n == len ? 0 : -EIO;
}
