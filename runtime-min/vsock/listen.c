/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime-min/vsock/listen.h"

#include <string.h>
#include <sys/un.h>

#include "sys/fd.h"

#define BACKLOG 128

int listen_unix(const char *path, struct error *err)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};

    if (strlen(path) >= sizeof(address.sun_path))
        return error_text(err, -ENAMETOOLONG, "'%s' is too long for a socket, at most %zu bytes", path,
                          sizeof(address.sun_path) - 1);
    strcpy(address.sun_path, path);
    _close_ int fd = sys_socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return error_set(err, fd, "make a unix socket");
    mode_t mask = sys_umask(0177);
    int r = sys_bind(fd, (const struct sockaddr *)&address, sizeof(address));
    (void)sys_umask(mask);
    if (r == 0)
        r = sys_listen(fd, BACKLOG);
    if (r == -EADDRINUSE)
        return error_text(err, r, "'%s' exists already; remove it if nobody listens there", path);
    return r < 0 ? error_set(err, r, "listen on '%s'", path) : fd_take(&fd);
}
