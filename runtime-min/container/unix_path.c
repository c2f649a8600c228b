/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime-min/container/unix_path.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/un.h>

#include "sys/fd.h"

#define DIRECTORY_MAX 4096
#define RETRIES 1000
#define RETRY_NS 10000000

/* *ret_dir is what the address refers to and stays open until it was used; -1 for a short path. */
static int make_address(const char *path, struct sockaddr_un *sa, int *ret_dir)
{
    char directory[DIRECTORY_MAX];
    const char *name = strrchr(path, '/');

    sa->sun_family = AF_UNIX;
    *ret_dir = -1;
    if (strlen(path) < sizeof(sa->sun_path)) {
        strcpy(sa->sun_path, path);
        return 0;
    }
    if (!name || (size_t)(name - path) >= sizeof(directory))
        return -ENAMETOOLONG;
    snprintf(directory, sizeof(directory), "%.*s", (int)(name - path), path);
    int fd = sys_openat(AT_FDCWD, *directory ? directory : "/", O_PATH | O_DIRECTORY | O_CLOEXEC, 0);
    if (fd < 0)
        return fd;
    *ret_dir = fd;
    size_t len = (size_t)snprintf(sa->sun_path, sizeof(sa->sun_path), "/proc/self/fd/%d%s", fd, name);
    return len < sizeof(sa->sun_path) ? 0 : -ENAMETOOLONG;
}

int unix_path_connect(const char *path, int type)
{
    struct sockaddr_un sa;
    _close_ int dir = -1;

    int r = make_address(path, &sa, &dir);
    if (r < 0)
        return r;
    _close_ int fd = sys_socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return fd;
    /* A listener that does not accept yet has a full queue. */
    for (int i = 0; i < RETRIES; i++) {
        r = sys_connect(fd, (const struct sockaddr *)&sa, sizeof(sa));
        if (r != -EAGAIN)
            break;
        sys_nanosleep(RETRY_NS);
    }
    return r < 0 ? r : fd_take(&fd);
}
