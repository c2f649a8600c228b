/* SPDX-License-Identifier: Apache-2.0 */
/* Event counters (eventfd(2)): writes add to a number, a read takes it. */
#include "mocks/kernel/memory.h"
#include "mocks/kernel/eventfd.h"

#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>

#include "mocks/kernel/sys_fd.h"
#include "sys/sys.h"

struct counter {
    uint64_t value;
    bool semaphore;
};

static bool is_set(void *arg)
{
    const struct counter *counter = arg;

    return counter->value > 0;
}

static ssize_t counter_read(struct file *file, void *p, size_t len, off_t *pos)
{
    struct counter *counter = file->data;

    (void)pos;
    if (len < sizeof(counter->value))
        return -EINVAL;
    while (!is_set(counter)) {
        if (file->flags & O_NONBLOCK)
            return -EAGAIN;
        task_block(is_set, counter, UINT64_MAX);
    }
    uint64_t value = counter->semaphore ? 1 : counter->value;
    counter->value -= value;
    memcpy(p, &value, sizeof(value));
    return sizeof(value);
}

struct addition {
    const struct counter *counter;
    uint64_t value;
};

static bool has_room(void *arg)
{
    const struct addition *addition = arg;

    return UINT64_MAX - addition->counter->value > addition->value;
}

static ssize_t counter_write(struct file *file, const void *p, size_t len, off_t *pos)
{
    struct counter *counter = file->data;
    struct addition addition = {.counter = counter};

    (void)pos;
    if (len != sizeof(addition.value))
        return -EINVAL;
    memcpy(&addition.value, p, sizeof(addition.value));
    if (addition.value == UINT64_MAX)
        return -EINVAL;
    while (!has_room(&addition)) {
        if (file->flags & O_NONBLOCK)
            return -EAGAIN;
        task_block(has_room, &addition, UINT64_MAX);
    }
    counter->value += addition.value;
    return sizeof(addition.value);
}

static uint32_t eventfd_poll(struct file *file)
{
    const struct counter *counter = file->data;
    uint32_t events = 0;

    if (counter->value > 0)
        events |= EPOLLIN;
    if (counter->value == UINT64_MAX)
        events |= EPOLLERR;
    if (counter->value < UINT64_MAX - 1)
        events |= EPOLLOUT;
    return events;
}

static void eventfd_release(struct file *file)
{
    free(file->data);
}

static const struct file_ops eventfd_ops = {
    .name = "[eventfd]",
    .read = counter_read,
    .write = counter_write,
    .poll = eventfd_poll,
    .release = eventfd_release,
    .stream = true,
};

bool eventfd_is(const struct file *file)
{
    return file->ops == &eventfd_ops;
}

void eventfd_signal(struct file *file)
{
    struct counter *counter = file->data;

    if (counter->value < UINT64_MAX)
        counter->value++;
}

static int make_eventfd(unsigned int value, int flags)
{
    if (flags & ~(EFD_CLOEXEC | EFD_NONBLOCK | EFD_SEMAPHORE))
        return -EINVAL;

    struct counter *counter = zalloc(sizeof(*counter));
    counter->value = value;
    counter->semaphore = flags & EFD_SEMAPHORE;
    return fd_publish(file_new(&eventfd_ops, 0600, O_RDWR | (flags & O_NONBLOCK), counter), flags & O_CLOEXEC);
}

int sys_eventfd(unsigned int value, int flags)
{
    CALL_ENTER(eventfd, "%u, 0x%x", value, (unsigned int)flags);
    return (int)call_leave(make_eventfd(value, flags));
}
