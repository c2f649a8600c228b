/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime-min/container/guest_dial.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/time.h>

#include <linux/vm_sockets.h>

#include "runtime-min/container/unix_path.h"
#include "sys/fd.h"

#define ANSWER_MAX 64
#define WAIT_MAX_NS (INT32_MAX * NSEC_PER_MSEC)

/* Until the descriptor has one of the events, which are the same numbers for poll(2) and epoll(7). */
static int wait_for(int fd, short events, struct loop *loop, uint64_t deadline)
{
    struct pollfd poll = {.fd = fd, .events = events};

    if (loop)
        return fiber_wait_fd(loop, fd, (uint32_t)events, deadline);
    for (;;) {
        uint64_t now = sys_monotonic_ns();
        if (now >= deadline)
            return -ETIMEDOUT;
        uint64_t left = deadline - now < WAIT_MAX_NS ? deadline - now : WAIT_MAX_NS;
        int r = sys_poll(&poll, 1, (int)((left + NSEC_PER_MSEC - 1) / NSEC_PER_MSEC));
        if (r != 0)
            return r;
    }
}

/* ---- the runtime's own device ---- */

/* "OK 1073741824\n", byte by byte: what follows belongs to the connection. */
static int read_answer(int fd, struct loop *loop, uint64_t deadline)
{
    char answer[ANSWER_MAX];
    size_t len = 0;

    while (len < sizeof(answer)) {
        ssize_t n = sys_read(fd, answer + len, 1);
        if (n == -EAGAIN) {
            int r = wait_for(fd, POLLIN, loop, deadline);
            if (r < 0)
                return r;
            continue;
        }
        if (n <= 0)
            return n < 0 ? (int)n : -ECONNRESET;
        if (answer[len++] == '\n')
            return len > 3 && memcmp(answer, "OK ", 3) == 0 ? 0 : -ECONNREFUSED;
    }
    return -ECONNREFUSED;
}

static int dial_hybrid(const char *path, unsigned int port, struct loop *loop, uint64_t deadline)
{
    char line[32];

    _close_ int fd = unix_path_connect(path, SOCK_STREAM);
    if (fd < 0)
        return fd;
    int len = snprintf(line, sizeof(line), "CONNECT %u\n", port);
    int r = fd_write_all(fd, line, (size_t)len);
    if (r == 0)
        r = read_answer(fd, loop, deadline);
    return r < 0 ? r : fd_take(&fd);
}

/* ---- the kernel's device ---- */

/* The kernel gives a connection up after two seconds, which a guest that is emulated on a busy host may need. */
static int set_patience(int fd, uint64_t deadline)
{
    uint64_t now = sys_monotonic_ns();
    uint64_t left = now < deadline ? deadline - now : 0;
    const struct timeval limit = {.tv_sec = (time_t)(left / NSEC_PER_SEC) + 1};

    return sys_setsockopt(fd, AF_VSOCK, SO_VM_SOCKETS_CONNECT_TIMEOUT, &limit, sizeof(limit));
}

static int dial_kernel(unsigned int cid, unsigned int port, struct loop *loop, uint64_t deadline)
{
    const struct sockaddr_vm vm = {.svm_family = AF_VSOCK, .svm_cid = cid, .svm_port = port};
    int failure = 0;
    socklen_t len = sizeof(failure);

    _close_ int fd = sys_socket(AF_VSOCK, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return fd;
    int r = set_patience(fd, deadline);
    if (r == 0)
        r = sys_connect(fd, (const struct sockaddr *)&vm, sizeof(vm));
    if (r == -EINPROGRESS) {
        r = wait_for(fd, POLLOUT, loop, deadline);
        if (r >= 0)
            r = sys_getsockopt(fd, SOL_SOCKET, SO_ERROR, &failure, &len);
    }
    if (r < 0 || failure)
        return r < 0 ? r : -failure;
    return fd_take(&fd);
}

int guest_dial(const struct guest_address *guest, unsigned int port, struct loop *loop, uint64_t deadline, struct error *err)
{
    int fd = guest->cid ? dial_kernel(guest->cid, port, loop, deadline) : dial_hybrid(guest->socket_path, port, loop, deadline);

    if (fd < 0 && guest->cid)
        return error_set(err, fd, "connect to the virtual machine at vsock://%u:%u", guest->cid, port);
    return fd < 0 ? error_set(err, fd, "connect to port %u of the virtual machine at %s", port, guest->socket_path) : fd;
}
