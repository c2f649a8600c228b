/* SPDX-License-Identifier: Apache-2.0 */
/* Many files watched by one descriptor (epoll(7)). Level-triggered: every wait asks each watched file how it is. A watch
 * belongs to the open file and the number it was added by; it ends with the last reference of the file, not with the close of
 * that number. */
#include "mocks/kernel/memory.h"
#include "mocks/kernel/epoll.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/epoll.h>

#include "mocks/kernel/sys_fd.h"
#include "sys/sys.h"

#define NESTS_MAX 4
#define ALWAYS (EPOLLERR | EPOLLHUP)
#define UNMODELLED (EPOLLET | EPOLLEXCLUSIVE)

struct epoll_item {
    struct list link;        /* in epoll->items */
    struct epoll_item *next; /* in file->watchers */
    struct epoll *epoll;
    struct file *file; /* borrowed: the item goes before the file does */
    int fd;
    struct epoll_event event;
    bool disarmed; /* EPOLLONESHOT has fired */
};

struct epoll {
    struct list items; /* those that were reported last come last */
    struct file *file; /* its own, borrowed */
};

/* ---- items ---- */

static uint32_t item_events(const struct epoll_item *item)
{
    if (item->disarmed)
        return 0;
    return item->file->ops->poll(item->file) & (item->event.events | ALWAYS);
}

static void item_remove(struct epoll_item *item)
{
    struct epoll_item **at = &item->file->watchers;

    while (*at != item)
        at = &(*at)->next;
    *at = item->next;
    list_remove(&item->link);
    free(item);
}

void epoll_forget(struct file *file)
{
    while (file->watchers)
        item_remove(file->watchers);
}

static struct epoll_item *item_find(const struct epoll *epoll, const struct file *file, int fd)
{
    for (struct epoll_item *item = file->watchers; item; item = item->next) {
        if (item->epoll == epoll && item->fd == fd)
            return item;
    }
    return NULL;
}

/* ---- the descriptor as a file: readable while something watched is ready ---- */

static bool any_ready(const struct epoll *epoll)
{
    struct epoll_item *item;

    LIST_FOREACH (item, &epoll->items, link) {
        if (item_events(item))
            return true;
    }
    return false;
}

static uint32_t epoll_poll(struct file *file)
{
    return any_ready(file->data) ? EPOLLIN | EPOLLRDNORM : 0;
}

uint64_t file_due(struct file *file)
{
    return file->ops->due ? file->ops->due(file) : UINT64_MAX;
}

static uint64_t epoll_due(struct file *file)
{
    const struct epoll *epoll = file->data;
    uint64_t first = UINT64_MAX;
    struct epoll_item *item;

    LIST_FOREACH (item, &epoll->items, link) {
        uint64_t due = file_due(item->file);
        first = due < first ? due : first;
    }
    return first;
}

static void epoll_release(struct file *file)
{
    struct epoll *epoll = file->data;
    struct epoll_item *item;

    LIST_FOREACH (item, &epoll->items, link)
        item_remove(item);
    free(epoll);
}

static const struct file_ops epoll_ops = {
    .name = "[eventpoll]", .poll = epoll_poll, .due = epoll_due, .release = epoll_release, .stream = true};

static int make_epoll(int flags)
{
    if (flags & ~EPOLL_CLOEXEC)
        return -EINVAL;
    struct epoll *epoll = zalloc(sizeof(*epoll));
    list_init(&epoll->items);
    epoll->file = file_new(&epoll_ops, 0600, O_RDWR, epoll);
    return fd_publish(epoll->file, flags & EPOLL_CLOEXEC);
}

int sys_epoll_create1(int flags)
{
    CALL_ENTER(epoll_create1, "0x%x", (unsigned int)flags);
    return (int)call_leave(make_epoll(flags));
}

/* ---- epoll descriptors that watch epoll descriptors ---- */

static int depth_below(const struct epoll *epoll, const struct epoll *forbidden)
{
    struct epoll_item *item;
    int depth = 0;

    if (epoll == forbidden)
        return NESTS_MAX + 1;
    LIST_FOREACH (item, &epoll->items, link) {
        if (item->file->ops != &epoll_ops)
            continue;
        int below = 1 + depth_below(item->file->data, forbidden);
        depth = below > depth ? below : depth;
    }
    return depth;
}

static int depth_above(const struct epoll *epoll)
{
    int depth = 0;

    for (struct epoll_item *item = epoll->file->watchers; item; item = item->next) {
        int above = 1 + depth_above(item->epoll);
        depth = above > depth ? above : depth;
    }
    return depth;
}

/* No circles, and no long chains. */
static int check_nesting(const struct epoll *epoll, const struct file *target)
{
    if (target->ops != &epoll_ops)
        return 0;
    int below = depth_below(target->data, epoll);
    return below + 1 + depth_above(epoll) > NESTS_MAX ? -ELOOP : 0;
}

/* ---- epoll_ctl ---- */

static int item_add(struct epoll *epoll, struct file *file, int fd, const struct epoll_event *event)
{
    struct epoll_item *item = zalloc(sizeof(*item));

    *item = (struct epoll_item){.epoll = epoll, .file = file, .fd = fd, .event = *event, .next = file->watchers};
    file->watchers = item;
    list_append(&epoll->items, &item->link);
    return 0;
}

static int item_modify(struct epoll_item *item, const struct epoll_event *event)
{
    item->event = *event;
    item->disarmed = false;
    return 0;
}

static int control(int epfd, int op, int fd, const struct epoll_event *event)
{
    if (op != EPOLL_CTL_DEL && !event)
        return -EFAULT;
    struct file *file = fd_usable(epfd);
    struct file *target = fd_usable(fd);
    if (!file || !target)
        return -EBADF;
    if (!target->ops->poll)
        return -EPERM;
    if (file == target || file->ops != &epoll_ops)
        return -EINVAL;
    if (op != EPOLL_CTL_DEL && (event->events & UNMODELLED))
        unsupported("epoll_ctl: events 0x%x", event->events);

    struct epoll *epoll = file->data;
    int r = op == EPOLL_CTL_ADD ? check_nesting(epoll, target) : 0;
    if (r < 0)
        return r;
    struct epoll_item *item = item_find(epoll, target, fd);
    switch (op) {
    case EPOLL_CTL_ADD:
        return item ? -EEXIST : item_add(epoll, target, fd, event);
    case EPOLL_CTL_MOD:
        return item ? item_modify(item, event) : -ENOENT;
    case EPOLL_CTL_DEL:
        if (item)
            item_remove(item);
        return item ? 0 : -ENOENT;
    }
    return -EINVAL;
}

int sys_epoll_ctl(int epfd, int op, int fd, struct epoll_event *event)
{
    call_cannot_fail(op == EPOLL_CTL_DEL);
    CALL_ENTER(epoll_ctl, "%d, %d, %d, %p", epfd, op, fd, (void *)event);
    return (int)call_leave(control(epfd, op, fd, event));
}

/* ---- epoll_wait ---- */

static int collect(struct epoll *epoll, struct epoll_event *events, int max)
{
    struct list reported;
    struct list *node;
    struct epoll_item *item;
    int n = 0;

    list_init(&reported);
    LIST_FOREACH (item, &epoll->items, link) {
        uint32_t now = n < max ? item_events(item) : 0;
        if (!now)
            continue;
        events[n++] = (struct epoll_event){.events = now, .data = item->event.data};
        item->disarmed = item->event.events & EPOLLONESHOT;
        list_remove(&item->link);
        list_append(&reported, &item->link);
    }
    while ((node = list_pop(&reported)))
        list_append(&epoll->items, node);
    return n;
}

struct sleep {
    struct file *file;
    uint64_t until;
};

/* Also true when the next change by itself comes earlier than the sleep ends. */
static bool wakes(void *arg)
{
    const struct sleep *sleep = arg;

    return any_ready(sleep->file->data) || epoll_due(sleep->file) < sleep->until;
}

static int wait_events(int epfd, struct epoll_event *events, int max, int64_t timeout_ns)
{
    struct file *file = fd_usable(epfd);
    struct sim *sim = task_sim(current());
    uint64_t deadline = timeout_ns < 0 ? UINT64_MAX : sim_now_ns(sim) + (uint64_t)timeout_ns;

    if (!file)
        return -EBADF;
    if (max <= 0 || max > INT_MAX / (int)sizeof(*events))
        return -EINVAL;
    if (!events)
        return -EFAULT;
    if (file->ops != &epoll_ops)
        return -EINVAL;
    for (;;) {
        int n = collect(file->data, events, max);
        if (n > 0 || sim_now_ns(sim) >= deadline)
            return n;
        uint64_t due = epoll_due(file);
        struct sleep sleep = {file, due < deadline ? due : deadline};
        if (task_block(wakes, &sleep, sleep.until) == -EINTR)
            return 0;
    }
}

int sys_epoll_wait(int epfd, struct epoll_event *events, int max, int64_t timeout_ns)
{
    CALL_ENTER(epoll_wait, "%d, %p, %d, %lld", epfd, (void *)events, max, (long long)timeout_ns);
    return (int)call_leave(wait_events(epfd, events, max, timeout_ns));
}
