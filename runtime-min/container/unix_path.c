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

int unix_path_send_fd(const char *path, const char *what, int fd, const char *name, struct error *err)
{
    char control[CMSG_SPACE(sizeof(int))] __attribute__((aligned(__alignof__(struct cmsghdr)))) = {0};
    struct iovec iov = {.iov_base = (char *)(uintptr_t)name, .iov_len = strlen(name)};
    struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control)};
    struct cmsghdr *header = CMSG_FIRSTHDR(&msg);

    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof(int));
    memcpy(CMSG_DATA(header), &fd, sizeof(int));
    _close_ int peer = unix_path_connect(path, SOCK_STREAM);
    if (peer < 0)
        return error_set(err, peer, "connect to the %s %s", what, path);
    ssize_t n = sys_sendmsg(peer, &msg, MSG_NOSIGNAL);
    if (n != (ssize_t)iov.iov_len)
        return error_set(err, n < 0 ? (int)n : -EIO, "send a descriptor to the %s %s", what, path);
    return 0;
}
