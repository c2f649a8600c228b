/* SPDX-License-Identifier: Apache-2.0 */
/* Descriptors of processes (pidfd_open(2)): readable once the process has ended. */
#include <errno.h>
#include <sys/epoll.h>
#include <sys/pidfd.h>

#include "mocks/kernel/process.h"
#include "mocks/kernel/world.h"
#include "sys/sys.h"

static uint32_t pidfd_poll(struct file *file)
{
    const struct task *task = file->data;

    if (task->state < TASK_ZOMBIE)
        return 0;
    return EPOLLIN | EPOLLRDNORM | (task->state == TASK_DEAD ? EPOLLHUP : 0);
}

static void pidfd_release(struct file *file)
{
    task_unref(file->data);
}

static const struct file_ops pidfd_ops = {.name = "[pidfd]", .poll = pidfd_poll, .release = pidfd_release};

struct task *pidfd_task(int fd, int *ret_flags)
{
    struct file *file = fd_get(current(), fd);

    if (!file || file->ops != &pidfd_ops)
        return NULL;
    if (ret_flags)
        *ret_flags = file->flags;
    return file->data;
}

int pidfd_install(struct task *task, int flags)
{
    struct file *file = file_new(&pidfd_ops, S_IFREG | 0600, O_RDWR | flags, task_ref(task));

    int fd = fd_install(current(), file, 0, true);
    if (fd < 0)
        file_unref(file);
    return fd;
}

static int open_pid(int pid, unsigned int flags)
{
    if (flags & ~(unsigned int)(PIDFD_NONBLOCK))
        return -EINVAL;
    if (pid <= 0)
        return -EINVAL;
    struct task *task = task_find(pid);
    return task ? pidfd_install(task, (int)flags) : -ESRCH;
}

int sys_pidfd_open(int pid, unsigned int flags)
{
    CALL_ENTER(pidfd_open, "%d, 0x%x", pid, flags);
    return (int)call_leave(open_pid(pid, flags));
}
