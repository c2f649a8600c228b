/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime-min/container/pidfile.h"

#include <stdio.h>
#include <string.h>

#include "sys/fd.h"

#define PATH_MAX_BYTES 4096

int pidfile_write(const char *path, int pid, struct error *err)
{
    char temporary[PATH_MAX_BYTES], digits[16];
    const char *slash = strrchr(path, '/');
    int directory_len = slash ? (int)(slash - path) + 1 : 0;

    int len = snprintf(digits, sizeof(digits), "%d", pid);
    int n = snprintf(temporary, sizeof(temporary), "%.*s.%s.%d", directory_len, path, slash ? slash + 1 : path, sys_getpid());
    if (n < 0 || (size_t)n >= sizeof(temporary))
        return error_set(err, -ENAMETOOLONG, "write the pid file %s", path);
    _close_ int fd = sys_openat(AT_FDCWD, temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
    int r = fd < 0 ? fd : fd_write_all(fd, digits, (size_t)len);
    if (r == 0)
        r = sys_renameat2(AT_FDCWD, temporary, AT_FDCWD, path, 0);
    if (r < 0 && fd >= 0)
        (void)sys_unlinkat(AT_FDCWD, temporary, 0);
    return r < 0 ? error_set(err, r, "write the pid file %s", path) : 0;
}
