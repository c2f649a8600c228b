/* SPDX-License-Identifier: Apache-2.0 */
/* Pipes and fifos (pipe(7), fifo(7)): a ring of pages between writers and readers.
 *
 * The capacity is counted in pages, not in bytes: the rest of the last page is filled only when all of a write (or its part
 * beyond whole pages) fits there, else a new page begins. That makes writes up to PIPE_BUF, which is one page, atomic; and it
 * lets a pipe of 64 KiB be full with little more than half of that. */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>

#include "mocks/kernel/memory.h"
#include "mocks/kernel/cred.h"
#include "mocks/kernel/sys_fd.h"
#include "sys/sys.h"

#define PAGE 4096u
#define DEFAULT_PAGES 16u
#define NOT_NEW (-1)                /* pos of a reader that has had a writer */
#define UNPRIVILEGED_MAX (1u << 20) /* /proc/sys/fs/pipe-max-size */

struct page {
    char *bytes;
    unsigned int start, len;
};

struct pipe {
    struct page *pages; /* a ring; used of them from first on hold data */
    unsigned int size, first, used;
    unsigned int readers, writers;
    unsigned int readers_ever, writers_ever; /* opens so far: an open waits for the other count to change */
    char *spare;                             /* the page that was emptied last */
    struct inode *inode;                     /* borrowed: it points back */
    unsigned int refs;                       /* open files */
};

static bool can_read(const struct file *file)
{
    return (file->flags & O_ACCMODE) != O_WRONLY;
}

static bool can_write(const struct file *file)
{
    return (file->flags & O_ACCMODE) != O_RDONLY;
}

/* ---- pages ---- */

static struct page *page_at(const struct pipe *pipe, unsigned int n)
{
    return &pipe->pages[(pipe->first + n) % pipe->size];
}

static struct page *page_add(struct pipe *pipe)
{
    struct page *page = page_at(pipe, pipe->used++);

    *page = (struct page){.bytes = pipe->spare ? pipe->spare : malloc(PAGE)};
    pipe->spare = NULL;
    if (!page->bytes)
        abort();
    return page;
}

static void page_drop(struct pipe *pipe)
{
    free(pipe->spare);
    pipe->spare = page_at(pipe, 0)->bytes;
    pipe->first = (pipe->first + 1) % pipe->size;
    pipe->used--;
}

static bool is_full(const struct pipe *pipe)
{
    return pipe->used == pipe->size;
}

/* ---- reading ---- */

static bool readable(void *arg)
{
    const struct pipe *pipe = arg;

    return pipe->used > 0 || pipe->writers == 0;
}

static size_t take(struct pipe *pipe, char *to, size_t len)
{
    size_t done = 0;

    while (done < len && pipe->used > 0) {
        struct page *page = page_at(pipe, 0);
        size_t part = page->len < len - done ? page->len : len - done;
        memcpy(to + done, page->bytes + page->start, part);
        page->start += (unsigned int)part;
        page->len -= (unsigned int)part;
        done += part;
        if (page->len == 0)
            page_drop(pipe);
    }
    return done;
}

static ssize_t pipe_read(struct file *file, void *p, size_t len, off_t *pos)
{
    struct pipe *pipe = file->data;

    (void)pos;
    if (len == 0)
        return 0;
    while (!readable(pipe)) {
        if (file->flags & O_NONBLOCK)
            return -EAGAIN;
        task_block(readable, pipe, UINT64_MAX);
    }
    return (ssize_t)take(pipe, p, len);
}

/* ---- writing ---- */

static bool writable(void *arg)
{
    const struct pipe *pipe = arg;

    return !is_full(pipe) || pipe->readers == 0;
}

/* The part of len that does not fill a page goes behind the last bytes, if it fits there. */
static size_t merge(struct pipe *pipe, const char *from, size_t len)
{
    size_t part = len % PAGE;

    if (part == 0 || pipe->used == 0)
        return 0;
    struct page *last = page_at(pipe, pipe->used - 1);
    if (last->start + last->len + part > PAGE)
        return 0;
    memcpy(last->bytes + last->start + last->len, from, part);
    last->len += (unsigned int)part;
    return part;
}

static size_t fill(struct pipe *pipe, const char *from, size_t len)
{
    size_t done = 0;

    while (done < len && !is_full(pipe)) {
        struct page *page = page_add(pipe);
        page->len = (unsigned int)(len - done < PAGE ? len - done : PAGE);
        memcpy(page->bytes, from + done, page->len);
        done += page->len;
    }
    return done;
}

static ssize_t broken(void)
{
    task_signal(current(), SIGPIPE);
    return -EPIPE;
}

static ssize_t pipe_write(struct file *file, const void *p, size_t len, off_t *pos)
{
    struct pipe *pipe = file->data;
    const char *from = p;

    (void)pos;
    if (len == 0)
        return 0;
    if (pipe->readers == 0)
        return broken();
    size_t done = merge(pipe, from, len);
    for (;;) {
        done += fill(pipe, from + done, len - done);
        if (done == len)
            return (ssize_t)done;
        if (file->flags & O_NONBLOCK)
            return done > 0 ? (ssize_t)done : -EAGAIN;
        int r = task_block(writable, pipe, UINT64_MAX);
        if (r < 0 && done > 0)
            return (ssize_t)done;
        if (pipe->readers == 0) {
            ssize_t error = broken();
            return done > 0 ? (ssize_t)done : error;
        }
    }
}

/* ---- state ---- */

/* A reader of a fifo that nobody has opened for writing since then sees no hang-up yet: pos keeps writers_ever of then. */
static uint32_t pipe_poll(struct file *file)
{
    const struct pipe *pipe = file->data;
    uint32_t events = 0;

    if (can_read(file)) {
        if (pipe->used > 0)
            events |= EPOLLIN | EPOLLRDNORM;
        if (pipe->writers == 0 && file->pos != (off_t)pipe->writers_ever)
            events |= EPOLLHUP;
    }
    if (can_write(file)) {
        if (!is_full(pipe))
            events |= EPOLLOUT | EPOLLWRNORM;
        if (pipe->readers == 0)
            events |= EPOLLERR;
    }
    return events;
}

static int pipe_ioctl(struct file *file, unsigned long request, void *arg)
{
    const struct pipe *pipe = file->data;
    unsigned int bytes = 0;

    if (request != FIONREAD)
        return -ENOTTY;
    for (unsigned int n = 0; n < pipe->used; n++)
        bytes += page_at(pipe, n)->len;
    *(int *)arg = (int)bytes;
    return 0;
}

static struct pipe *pipe_new(struct inode *inode)
{
    struct pipe *pipe = zalloc(sizeof(*pipe));

    pipe->size = DEFAULT_PAGES;
    pipe->pages = calloc(pipe->size, sizeof(*pipe->pages));
    pipe->inode = inode;
    inode->pipe = pipe;
    return pipe;
}

static void pipe_free(struct pipe *pipe)
{
    while (pipe->used > 0)
        page_drop(pipe);
    free(pipe->spare);
    free(pipe->pages);
    pipe->inode->pipe = NULL;
    free(pipe);
}

static void pipe_release(struct file *file)
{
    struct pipe *pipe = file->data;

    pipe->readers -= can_read(file);
    pipe->writers -= can_write(file);
    if (--pipe->refs == 0)
        pipe_free(pipe);
}

static const struct file_ops pipe_ops = {
    .read = pipe_read,
    .write = pipe_write,
    .ioctl = pipe_ioctl,
    .poll = pipe_poll,
    .release = pipe_release,
    .stream = true,
};

static void attach(struct pipe *pipe, struct file *file)
{
    file->ops = &pipe_ops;
    file->data = pipe;
    pipe->refs++;
    pipe->readers += can_read(file);
    pipe->readers_ever += can_read(file);
    pipe->writers += can_write(file);
    pipe->writers_ever += can_write(file);
}

/* ---- size ---- */

static int resize(struct pipe *pipe, unsigned long bytes)
{
    unsigned int size = 1;

    if (bytes > 1ul << 31)
        return -EINVAL;
    while ((unsigned long)size * PAGE < bytes)
        size *= 2;
    if (size > pipe->size && size * PAGE > UNPRIVILEGED_MAX && !capable(CAP_SYS_RESOURCE))
        return -EPERM;
    if (size < pipe->used)
        return -EBUSY;

    struct page *pages = calloc(size, sizeof(*pages));
    for (unsigned int n = 0; n < pipe->used; n++)
        pages[n] = *page_at(pipe, n);
    free(pipe->pages);
    pipe->pages = pages;
    pipe->first = 0;
    pipe->size = size;
    return (int)(size * PAGE);
}

int pipe_fcntl(struct file *file, int cmd, long arg)
{
    if (file->ops != &pipe_ops)
        return -EBADF;
    struct pipe *pipe = file->data;
    return cmd == F_GETPIPE_SZ ? (int)(pipe->size * PAGE) : resize(pipe, (unsigned int)arg);
}

/* ---- fifos ---- */

struct partner {
    const unsigned int *count;
    unsigned int before;
};

static bool has_come(void *arg)
{
    const struct partner *partner = arg;

    return *partner->count != partner->before;
}

int pipe_open_fifo(struct inode *inode, struct file *file)
{
    struct pipe *pipe = inode->pipe ? inode->pipe : pipe_new(inode);
    int access = file->flags & O_ACCMODE;

    if (access == O_WRONLY && (file->flags & O_NONBLOCK) && pipe->readers == 0) {
        if (pipe->refs == 0)
            pipe_free(pipe);
        return -ENXIO;
    }
    attach(pipe, file);
    file->pos = access == O_RDONLY && pipe->writers == 0 ? (off_t)pipe->writers_ever : NOT_NEW;
    return 0;
}

void pipe_await_partner(struct file *file)
{
    const struct pipe *pipe = file->data;
    int access = file->flags & O_ACCMODE;
    bool waits = access == O_RDONLY ? pipe->writers == 0 : access == O_WRONLY && pipe->readers == 0;
    const unsigned int *count = access == O_RDONLY ? &pipe->writers_ever : &pipe->readers_ever;
    struct partner partner = {count, *count};

    if (!waits || (file->flags & O_NONBLOCK))
        return;
    while (!has_come(&partner))
        task_block(has_come, &partner, UINT64_MAX);
    file->pos = NOT_NEW;
}

/* ---- pipe2 ---- */

static int make_pipe(int fds[2], int flags)
{
    if (flags & ~(O_CLOEXEC | O_NONBLOCK | O_DIRECT | O_EXCL))
        return -EINVAL;
    if (flags & (O_DIRECT | O_EXCL))
        unsupported("pipe2: flags 0x%x", (unsigned int)flags);
    if (!fds)
        return -EFAULT;

    struct file *reader = file_new(&pipe_ops, S_IFIFO | 0600, O_RDONLY | (flags & O_NONBLOCK), NULL);
    struct file *writer = file_new(&pipe_ops, S_IFIFO | 0600, O_WRONLY | (flags & O_NONBLOCK), NULL);
    inode_unref(writer->inode);
    writer->inode = inode_ref(reader->inode);
    struct pipe *pipe = pipe_new(reader->inode);
    attach(pipe, reader);
    attach(pipe, writer);

    int first = fd_publish(reader, flags & O_CLOEXEC);
    int second = first < 0 ? first : fd_publish(writer, flags & O_CLOEXEC);
    if (first < 0)
        file_unref(writer);
    if (second < 0) {
        if (first >= 0)
            fd_uninstall(current(), first);
        return second;
    }
    fds[0] = first;
    fds[1] = second;
    return 0;
}

int sys_pipe2(int fds[2], int flags)
{
    CALL_ENTER(pipe2, "%p, 0x%x", (void *)fds, flags);
    return (int)call_leave(make_pipe(fds, flags));
}
