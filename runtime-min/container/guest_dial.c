/* SPDX-License-Identifier: Apache-2.0 */
/* Ways to the agent. */
#include <stdio.h>
#include <string.h>
#include <sys/un.h>

#include "runtime-min/container/guest.h"
#include "runtime-min/container/unix_path.h"
#include "sys/fd.h"

#define ANSWER_MAX 64
#define ANSWER_NS (10 * NSEC_PER_SEC) /* an emulated guest on a busy host is slow */

/* The answer's line, byte by byte: what follows belongs to the connection. */
static int read_answer(int fd, char answer[ANSWER_MAX])
{
    uint64_t deadline = sys_monotonic_ns() + ANSWER_NS;
    size_t len = 0;

    while (len + 1 < ANSWER_MAX) {
        struct pollfd poll = {.fd = fd, .events = POLLIN};
        uint64_t now = sys_monotonic_ns();
        int r = now < deadline ? sys_poll(&poll, 1, (int)((deadline - now) / NSEC_PER_MSEC) + 1) : 0;
        ssize_t n = r <= 0 ? r : sys_read(fd, answer + len, 1);
        if (n == -EAGAIN || (r == 0 && now < deadline))
            continue;
        if (r == 0)
            return -ETIMEDOUT;
        if (n <= 0)
            return n < 0 ? (int)n : -ECONNRESET;
        if (answer[len] == '\n')
            break;
        len++;
    }
    answer[len] = '\0';
    return strncmp(answer, "OK ", 3) == 0 ? 0 : -ECONNREFUSED;
}

int guest_dial(const char *socket_path, unsigned int port, struct error *err)
{
    char line[32], answer[ANSWER_MAX];

    _close_ int fd = unix_path_connect(socket_path, SOCK_STREAM);
    if (fd < 0)
        return error_set(err, fd, "connect to the virtual machine at %s", socket_path);
    int len = snprintf(line, sizeof(line), "CONNECT %u\n", port);
    int r = fd_write_all(fd, line, (size_t)len);
    if (r == 0)
        r = read_answer(fd, answer);
    if (r < 0)
        return error_set(err, r, "connect to port %u of the virtual machine at %s", port, socket_path);
    return fd_take(&fd);
}

/* ---- one piece of work with the agent ---- */

struct work {
    struct guest guest;
    int (*fn)(struct guest *guest, void *arg, struct error *err);
    void *arg;
    int result;
    struct error *err;
};

static void work_fiber(void *arg)
{
    struct work *work = arg;

    work->result = work->fn(&work->guest, work->arg, work->err);
    loop_stop(work->guest.loop);
}

int guest_run(const char *socket_path, int (*fn)(struct guest *guest, void *arg, struct error *err), void *arg,
              struct error *err)
{
    struct work work = {.fn = fn, .arg = arg, .err = err};

    int fd = guest_dial(socket_path, GUEST_RPC_PORT, err);
    if (fd < 0)
        return fd;
    int r = loop_new(&work.guest.loop, err);
    if (r < 0) {
        sys_close(fd);
        return r;
    }
    r = ttrpc_client_new(work.guest.loop, fd, &work.guest.client, err);
    if (r == 0)
        r = fiber_start(work.guest.loop, "work", work_fiber, &work, NULL);
    if (r == 0)
        r = loop_run(work.guest.loop, err);
    ttrpc_client_free(work.guest.client);
    loop_free(work.guest.loop);
    return r < 0 ? r : work.result;
}
