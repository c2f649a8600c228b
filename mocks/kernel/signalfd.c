/* SPDX-License-Identifier: Apache-2.0 */
/* Signals as data (signalfd(2)): a read takes pending signals of whoever reads, not of whoever made the descriptor. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>

#include "mocks/kernel/sys_fd.h"
#include "sys/sys.h"

struct signals {
    uint64_t mask;
};

static bool is_pending(void *arg)
{
    const struct signals *signals = arg;

    return current()->signals_pending & signals->mask;
}

static struct signalfd_siginfo convert(const siginfo_t *info)
{
    struct signalfd_siginfo out = {
        .ssi_signo = (uint32_t)info->si_signo,
        .ssi_errno = info->si_errno,
        .ssi_code = info->si_code,
        .ssi_pid = (uint32_t)info->si_pid,
        .ssi_uid = info->si_uid,
    };

    if (info->si_signo == SIGCHLD && info->si_code > 0)
        out.ssi_status = info->si_status;
    return out;
}

static ssize_t signalfd_read(struct file *file, void *p, size_t len, off_t *pos)
{
    struct signals *signals = file->data;
    struct signalfd_siginfo out;
    siginfo_t info;
    size_t done = 0;

    (void)pos;
    if (len < sizeof(out))
        return -EINVAL;
    while (!is_pending(signals)) {
        if (file->flags & O_NONBLOCK)
            return -EAGAIN;
        task_block(is_pending, signals, UINT64_MAX);
    }
    while (len - done >= sizeof(out) && task_signal_take(current(), signals->mask, &info)) {
        out = convert(&info);
        memcpy((char *)p + done, &out, sizeof(out));
        done += sizeof(out);
    }
    return (ssize_t)done;
}

static uint32_t signalfd_poll(struct file *file)
{
    return is_pending(file->data) ? EPOLLIN : 0;
}

static void signalfd_release(struct file *file)
{
    free(file->data);
}

static const struct file_ops signalfd_ops = {
    .name = "[signalfd]", .read = signalfd_read, .poll = signalfd_poll, .release = signalfd_release, .stream = true};

static int make_signalfd(int fd, const sigset_t *set, int flags)
{
    struct signals signals;

    if (flags & ~(SFD_CLOEXEC | SFD_NONBLOCK))
        return -EINVAL;
    memcpy(&signals.mask, set, sizeof(signals.mask));
    signals.mask &= ~(SIGNAL_BIT(SIGKILL) | SIGNAL_BIT(SIGSTOP));
    if (fd == -1) {
        struct signals *copy = malloc(sizeof(*copy));
        *copy = signals;
        return fd_publish(file_new(&signalfd_ops, 0600, O_RDWR | (flags & O_NONBLOCK), copy), flags & O_CLOEXEC);
    }
    struct file *file = fd_usable(fd);
    if (!file)
        return -EBADF;
    if (file->ops != &signalfd_ops)
        return -EINVAL;
    *(struct signals *)file->data = signals;
    return fd;
}

int sys_signalfd(int fd, const sigset_t *mask, int flags)
{
    CALL_ENTER(signalfd, "%d, %p, , 0x%x", fd, (const void *)mask, (unsigned int)flags);
    return (int)call_leave(make_signalfd(fd, mask, flags));
}
