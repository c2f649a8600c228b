/* SPDX-License-Identifier: Apache-2.0 */
/* Waiting for some of a few descriptors (poll(2)). */
#include <errno.h>
#include <poll.h>
#include <sys/epoll.h>

#include "mocks/kernel/epoll.h"
#include "mocks/kernel/sys_fd.h"
#include "sys/sys.h"

/* Regular files and directories never block. */
#define WITHOUT_POLL (EPOLLIN | EPOLLOUT | EPOLLRDNORM | EPOLLWRNORM)

struct request {
    struct pollfd *fds;
    unsigned int n;
    uint64_t until;
};

static short events_of(const struct pollfd *pollfd)
{
    struct file *file = fd_usable(pollfd->fd);

    if (!file)
        return POLLNVAL;
    uint32_t events = file->ops->poll ? file->ops->poll(file) : WITHOUT_POLL;
    return (short)(events & ((unsigned int)pollfd->events | POLLERR | POLLHUP));
}

static int check(const struct request *request)
{
    int n = 0;

    for (unsigned int i = 0; i < request->n; i++) {
        struct pollfd *pollfd = &request->fds[i];
        pollfd->revents = pollfd->fd < 0 ? 0 : events_of(pollfd);
        n += pollfd->revents != 0;
    }
    return n;
}

static uint64_t first_due(const struct request *request)
{
    uint64_t first = UINT64_MAX;

    for (unsigned int i = 0; i < request->n; i++) {
        struct file *file = fd_usable(request->fds[i].fd);
        uint64_t due = file ? file_due(file) : UINT64_MAX;
        first = due < first ? due : first;
    }
    return first;
}

static bool wakes(void *arg)
{
    const struct request *request = arg;

    return check(request) > 0 || first_due(request) < request->until;
}

static int poll_all(struct request *request, int timeout_ms)
{
    struct sim *sim = task_sim(current());
    uint64_t deadline = timeout_ms < 0 ? UINT64_MAX : sim_now_ns(sim) + (uint64_t)timeout_ms * 1000000;

    if (request->n > current()->rlimits[RLIMIT_NOFILE].rlim_cur)
        return -EINVAL;
    for (;;) {
        int n = check(request);
        if (n > 0 || sim_now_ns(sim) >= deadline)
            return n;
        uint64_t due = first_due(request);
        request->until = due < deadline ? due : deadline;
        task_block(wakes, request, request->until);
    }
}

int sys_poll(struct pollfd *fds, unsigned int n, int timeout_ms)
{
    struct request request = {.fds = fds, .n = n};

    CALL_ENTER(poll, "%p, %u, %d", (void *)fds, n, timeout_ms);
    return (int)call_leave(poll_all(&request, timeout_ms));
}
