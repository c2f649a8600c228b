/* SPDX-License-Identifier: Apache-2.0 */
/* Watching files (inotify(7)): events of watched inodes queue up until they are read. A watch keeps its inode; it ends when
 * nobody else does: no name and no open file. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>

#include "mocks/kernel/memory.h"
#include "mocks/kernel/sys_fd.h"
#include "sys/sys.h"

#define QUEUE_MAX 16384 /* /proc/sys/fs/inotify/max_queued_events */
#define FILE_EVENTS (IN_MODIFY | IN_ATTRIB | IN_DELETE_SELF | IN_MOVE_SELF)
#define DIRECTORY_EVENTS (IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_DELETE_SELF | IN_MOVE_SELF)
#define HOW (IN_ONLYDIR | IN_DONT_FOLLOW | IN_MASK_ADD | IN_MASK_CREATE | IN_ONESHOT)
#define ALL_BITS (IN_ALL_EVENTS | IN_UNMOUNT | IN_Q_OVERFLOW | IN_IGNORED | IN_EXCL_UNLINK | IN_ISDIR | HOW)

struct inotify;

struct inotify_watch {
    struct inotify_watch *next; /* of the inode */
    struct list link;           /* in inotify->watches */
    struct inotify *inotify;
    struct inode *inode; /* counted */
    int wd;
    uint32_t mask;
    bool deleted; /* the last name went */
};

/* As struct inotify_event begins. */
struct event_head {
    int wd;
    uint32_t mask, cookie, len;
};

struct queued_event {
    struct list link;
    struct event_head event;
    char name[256]; /* of event.len bytes */
};

struct inotify {
    struct list watches;
    struct list events;
    size_t n_events;
    int last_wd;
};

/* ---- events ---- */

static void queue(struct inotify *inotify, int wd, uint32_t mask, const char *name)
{
    size_t len = name ? strlen(name) + 1 : 0;

    if (inotify->n_events > QUEUE_MAX)
        return;
    if (inotify->n_events == QUEUE_MAX) {
        wd = -1;
        mask = IN_Q_OVERFLOW;
        len = 0;
    }
    struct queued_event *queued = zalloc(sizeof(*queued));
    len = (len + sizeof(queued->event) - 1) / sizeof(queued->event) * sizeof(queued->event);
    queued->event = (struct event_head){.wd = wd, .mask = mask, .len = (uint32_t)len};
    if (len > 0)
        memcpy(queued->name, name, strlen(name));

    /* The same event twice in a row is one. */
    const struct queued_event *last = CONTAINER_OF(inotify->events.prev, struct queued_event, link);
    if (!list_is_empty(&inotify->events) && memcmp(&last->event, &queued->event, sizeof(last->event)) == 0 &&
        strcmp(last->name, queued->name) == 0) {
        free(queued);
        return;
    }
    list_append(&inotify->events, &queued->link);
    inotify->n_events++;
}

static void watch_free(struct inotify_watch *watch)
{
    struct inotify_watch **at = &watch->inode->watches;

    while (*at != watch)
        at = &(*at)->next;
    *at = watch->next;
    list_remove(&watch->link);
    inode_unref(watch->inode);
    free(watch);
}

void inotify_event(struct inode *inode, uint32_t mask, const char *name)
{
    struct inotify_watch *watch, *next;

    for (watch = inode->watches; watch; watch = next) {
        next = watch->next;
        if (mask & IN_DELETE_SELF) {
            watch->deleted = inode->nlink == 0 || S_ISDIR(inode->mode);
            if (watch->mask & IN_ATTRIB)
                queue(watch->inotify, watch->wd, IN_ATTRIB, NULL);
            continue;
        }
        if (!(watch->mask & mask & IN_ALL_EVENTS))
            continue;
        queue(watch->inotify, watch->wd, mask, name);
        if (watch->mask & IN_ONESHOT) {
            queue(watch->inotify, watch->wd, IN_IGNORED, NULL);
            watch_free(watch);
        }
    }
}

/* Is there nobody else who keeps the inode? */
static bool is_gone(const struct inotify_watch *watch)
{
    unsigned int n = 0;

    for (const struct inotify_watch *other = watch->inode->watches; other; other = other->next)
        n++;
    return watch->deleted && watch->inode->refs == n;
}

/* Ends the watches whose inode was deleted; done before anybody looks at the queue. */
static void settle(struct inotify *inotify)
{
    struct inotify_watch *watch;

    LIST_FOREACH (watch, &inotify->watches, link) {
        if (!watch->deleted || !is_gone(watch))
            continue;
        if (watch->mask & IN_DELETE_SELF)
            queue(inotify, watch->wd, IN_DELETE_SELF, NULL);
        queue(inotify, watch->wd, IN_IGNORED, NULL);
        watch_free(watch);
    }
}

/* ---- the descriptor ---- */

static bool has_events(void *arg)
{
    struct inotify *inotify = arg;

    settle(inotify);
    return !list_is_empty(&inotify->events);
}

static ssize_t inotify_read(struct file *file, void *p, size_t len, off_t *pos)
{
    struct inotify *inotify = file->data;
    size_t done = 0;

    (void)pos;
    while (!has_events(inotify)) {
        if (file->flags & O_NONBLOCK)
            return -EAGAIN;
        task_block(has_events, inotify, UINT64_MAX);
    }
    while (!list_is_empty(&inotify->events)) {
        struct queued_event *queued = CONTAINER_OF(inotify->events.next, struct queued_event, link);
        size_t size = sizeof(queued->event) + queued->event.len;
        if (len - done < size)
            return done > 0 ? (ssize_t)done : -EINVAL;
        memcpy((char *)p + done, &queued->event, sizeof(queued->event));
        memcpy((char *)p + done + sizeof(queued->event), queued->name, queued->event.len);
        done += size;
        list_remove(&queued->link);
        free(queued);
        inotify->n_events--;
    }
    return (ssize_t)done;
}

static int inotify_ioctl(struct file *file, unsigned long request, void *arg)
{
    struct inotify *inotify = file->data;
    struct queued_event *queued;
    size_t size = 0;

    if (request != FIONREAD)
        return -ENOTTY;
    settle(inotify);
    LIST_FOREACH (queued, &inotify->events, link)
        size += sizeof(queued->event) + queued->event.len;
    *(int *)arg = (int)size;
    return 0;
}

static uint32_t inotify_poll(struct file *file)
{
    return has_events(file->data) ? EPOLLIN | EPOLLRDNORM : 0;
}

static void inotify_release(struct file *file)
{
    struct inotify *inotify = file->data;
    struct inotify_watch *watch;
    struct queued_event *queued;

    LIST_FOREACH (watch, &inotify->watches, link)
        watch_free(watch);
    LIST_FOREACH (queued, &inotify->events, link) {
        list_remove(&queued->link);
        free(queued);
    }
    free(inotify);
}

static const struct file_ops inotify_ops = {
    .name = "inotify",
    .read = inotify_read,
    .ioctl = inotify_ioctl,
    .poll = inotify_poll,
    .release = inotify_release,
    .stream = true,
};

static int make_inotify(int flags)
{
    if (flags & ~(IN_CLOEXEC | IN_NONBLOCK))
        return -EINVAL;
    struct inotify *inotify = zalloc(sizeof(*inotify));
    list_init(&inotify->watches);
    list_init(&inotify->events);
    return fd_publish(file_new(&inotify_ops, 0600, O_RDONLY | (flags & O_NONBLOCK), inotify), flags & O_CLOEXEC);
}

int sys_inotify_init1(int flags)
{
    CALL_ENTER(inotify_init1, "0x%x", (unsigned int)flags);
    return (int)call_leave(make_inotify(flags));
}

/* ---- watches ---- */

static struct inotify_watch *watch_find(const struct inotify *inotify, const struct inode *inode)
{
    struct inotify_watch *watch = inode->watches;

    while (watch && watch->inotify != inotify)
        watch = watch->next;
    return watch;
}

static int watch_inode(struct inotify *inotify, struct inode *inode, uint32_t mask)
{
    struct inotify_watch *watch = watch_find(inotify, inode);
    uint32_t events = mask & (IN_ALL_EVENTS | IN_ONESHOT);

    if (events & IN_ALL_EVENTS & ~(uint32_t)(S_ISDIR(inode->mode) ? DIRECTORY_EVENTS : FILE_EVENTS))
        unsupported("inotify_add_watch: mask 0x%x", mask);
    if (watch && (mask & IN_MASK_CREATE))
        return -EEXIST;
    if (watch) {
        watch->mask = mask & IN_MASK_ADD ? watch->mask | events : events;
        return watch->wd;
    }
    watch = zalloc(sizeof(*watch));
    *watch = (struct inotify_watch){
        .next = inode->watches, .inotify = inotify, .inode = inode_ref(inode), .wd = ++inotify->last_wd, .mask = events};
    inode->watches = watch;
    list_append(&inotify->watches, &watch->link);
    return watch->wd;
}

static int watch_path(int fd, const char *name, uint32_t mask)
{
    struct path path;

    if (!(mask & ALL_BITS))
        return -EINVAL;
    struct file *file = fd_usable(fd);
    if (!file)
        return -EBADF;
    if (file->ops != &inotify_ops || (mask & (IN_MASK_ADD | IN_MASK_CREATE)) == (IN_MASK_ADD | IN_MASK_CREATE))
        return -EINVAL;
    unsigned int how = (mask & IN_DONT_FOLLOW ? 0 : WALK_FOLLOW) | (mask & IN_ONLYDIR ? WALK_DIRECTORY : 0);
    int r = path_walk(AT_FDCWD, name, how, 0, &path, NULL);
    if (r < 0)
        return r;
    r = inode_permission(path.dentry->inode, R_OK);
    if (r == 0)
        r = watch_inode(file->data, path.dentry->inode, mask);
    path_unref(&path);
    return r;
}

int sys_inotify_add_watch(int fd, const char *path, uint32_t mask)
{
    CALL_ENTER(inotify_add_watch, "%d, \"%s\", 0x%x", fd, path, mask);
    return (int)call_leave(watch_path(fd, path, mask));
}
