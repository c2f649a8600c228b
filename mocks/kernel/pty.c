/* SPDX-License-Identifier: Apache-2.0 */
/* Pseudo terminals as files (pty(7), tty_ioctl(2), ptmx(4)): a master that a program holds, and the slave that others take for
 * a terminal.
 *
 * When the last slave closes, the master reads EIO once everything is read; when the master closes, slaves are hung up: reads
 * end, the rest is EIO. */
#include <asm/ioctls.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/sysmacros.h>

#include "mocks/kernel/memory.h"
#include "mocks/kernel/cred.h"
#include "mocks/kernel/sys_fd.h"
#include "mocks/kernel/tty.h"
#include "mocks/kernel/vfs_private.h"

#define WAKEUP_BYTES 256 /* a terminal with more than that on its way is not worth waiting for */

/* One open file. */
struct end {
    struct tty *tty;
    unsigned int hangups; /* slave: those of the terminal when it was opened */
};

static const struct file_ops master_ops, slave_ops;

struct tty *tty_ref(struct tty *tty)
{
    tty->refs++;
    return tty;
}

void tty_unref(struct tty *tty)
{
    if (--tty->refs > 0)
        return;
    list_remove(&tty->link);
    devpts_remove(tty);
    super_unref(tty->super);
    buf_done(&tty->output);
    buf_done(&tty->echo);
    free(tty->input);
    free(tty);
}

static struct tty *tty_of(const struct file *file)
{
    return ((struct end *)file->data)->tty;
}

static bool master_is_open(const struct tty *tty)
{
    return tty->name != NULL;
}

static bool is_hung_up(const struct file *file)
{
    const struct end *end = file->data;

    return file->ops == &slave_ops && end->hangups != end->tty->hangups;
}

static void attach(struct file *file, struct tty *tty, const struct file_ops *ops)
{
    struct end *end = zalloc(sizeof(*end));

    *end = (struct end){.tty = tty_ref(tty), .hangups = tty->hangups};
    file->ops = ops;
    file->data = end;
}

/* ---- the master ---- */

/* No slave, though there was one. */
static bool is_deserted(const struct tty *tty)
{
    return tty->slave_seen && tty->slaves == 0;
}

static bool master_has_news(void *arg)
{
    const struct tty *tty = arg;

    return tty->output.len > 0 || is_deserted(tty);
}

static ssize_t master_read(struct file *file, void *p, size_t len, off_t *pos)
{
    struct tty *tty = tty_of(file);

    (void)pos;
    if (len == 0)
        return 0;
    while (tty->output.len == 0) {
        if (is_deserted(tty))
            return -EIO;
        if (file->flags & O_NONBLOCK)
            return -EAGAIN;
        task_block(master_has_news, tty, UINT64_MAX);
    }
    size_t n = tty->output.len < len ? tty->output.len : len;
    memcpy(p, tty->output.data, n);
    buf_consume(&tty->output, n);
    return (ssize_t)n;
}

static bool master_has_room(void *arg)
{
    const struct tty *tty = arg;

    return tty->n_input < TTY_QUEUE_MAX;
}

static ssize_t master_write(struct file *file, const void *p, size_t len, off_t *pos)
{
    struct tty *tty = tty_of(file);
    size_t done = 0;

    (void)pos;
    for (;;) {
        done += line_receive(tty, (const char *)p + done, len - done);
        if (done == len)
            return (ssize_t)done;
        if (file->flags & O_NONBLOCK)
            return done > 0 ? (ssize_t)done : -EAGAIN;
        if (task_block(master_has_room, tty, UINT64_MAX) == -EINTR && done > 0)
            return (ssize_t)done;
    }
}

static uint32_t master_poll(struct file *file)
{
    struct tty *tty = tty_of(file);
    uint32_t events = 0;

    if (tty->output.len > 0)
        events |= EPOLLIN | EPOLLRDNORM;
    if (is_deserted(tty))
        events |= EPOLLHUP;
    if (tty->n_input < TTY_QUEUE_MAX)
        events |= EPOLLOUT | EPOLLWRNORM;
    return events;
}

static void master_release(struct file *file)
{
    struct tty *tty = tty_of(file);

    devpts_remove(tty);
    tty_hang_up(tty);
    tty_unref(tty);
    free(file->data);
}

static int open_master(struct file *file)
{
    struct path root;

    int r = devpts_of(file, &root);
    if (r < 0)
        return r;
    struct tty *tty = zalloc(sizeof(*tty));
    tty->world = current()->world;
    tty->locked = true;
    tty->refs = 1;
    list_init(&tty->link);
    line_init(tty);
    r = devpts_add(tty, root.mount->super);
    if (r == 0)
        attach(file, tty, &master_ops);
    path_unref(&root);
    tty_unref(tty);
    return r;
}

/* ---- the slave ---- */

struct slave_wait {
    struct file *file;
    bool writing;
};

static bool slave_has_news(void *arg)
{
    const struct slave_wait *wait = arg;
    const struct tty *tty = tty_of(wait->file);

    return is_hung_up(wait->file) || (wait->writing ? line_writable(tty) : line_readable(tty));
}

static bool never_waits(const struct tty *tty)
{
    return !(tty->termios.c_lflag & ICANON) && tty->termios.c_cc[VMIN] == 0;
}

static ssize_t slave_read(struct file *file, void *p, size_t len, off_t *pos)
{
    struct tty *tty = tty_of(file);
    struct slave_wait wait = {file, false};

    (void)pos;
    int r = is_hung_up(file) ? 0 : tty_may_read(tty);
    if (r < 0)
        return r;
    while (!is_hung_up(file) && !line_readable(tty)) {
        if (never_waits(tty))
            return 0;
        if (file->flags & O_NONBLOCK)
            return -EAGAIN;
        task_block(slave_has_news, &wait, UINT64_MAX);
        if (is_hung_up(file)) /* who waits meanwhile learns it in this way, once */
            return -EIO;
    }
    return is_hung_up(file) ? 0 : (ssize_t)line_take(tty, p, len);
}

static ssize_t slave_write(struct file *file, const void *p, size_t len, off_t *pos)
{
    struct tty *tty = tty_of(file);
    struct slave_wait wait = {file, true};
    size_t done = 0;

    (void)pos;
    for (;;) {
        if (is_hung_up(file))
            return done > 0 ? (ssize_t)done : -EIO;
        done += line_output(tty, (const char *)p + done, len - done);
        if (done == len)
            return (ssize_t)done;
        if (file->flags & O_NONBLOCK)
            return done > 0 ? (ssize_t)done : -EAGAIN;
        if (task_block(slave_has_news, &wait, UINT64_MAX) == -EINTR && done > 0)
            return (ssize_t)done;
    }
}

static uint32_t slave_poll(struct file *file)
{
    struct tty *tty = tty_of(file);
    uint32_t events = 0;

    if (is_hung_up(file))
        return EPOLLIN | EPOLLOUT | EPOLLERR | EPOLLHUP | EPOLLRDNORM | EPOLLWRNORM;
    if (line_readable(tty))
        events |= EPOLLIN | EPOLLRDNORM;
    if (line_writable(tty))
        events |= EPOLLOUT | EPOLLWRNORM;
    return events;
}

static void slave_release(struct file *file)
{
    struct tty *tty = tty_of(file);

    if (!is_hung_up(file))
        tty->slaves--;
    tty_unref(tty);
    free(file->data);
}

static int open_slave(struct tty *tty, struct file *file)
{
    if (!tty || !master_is_open(tty) || tty->locked)
        return -EIO;
    attach(file, tty, &slave_ops);
    tty->slaves++;
    tty->slave_seen = true;
    if (!(file->flags & O_NOCTTY) && (file->flags & O_ACCMODE) != O_WRONLY)
        tty_adopt(tty);
    return 0;
}

/* TIOCGPTPEER: the slave, also where its name cannot be reached or leads elsewhere. */
static int open_peer(struct file *master, int flags)
{
    struct tty *tty = tty_of(master);
    struct path root;

    if (flags & ~(O_ACCMODE | O_NOCTTY | O_CLOEXEC | O_NONBLOCK))
        unsupported("TIOCGPTPEER: flags 0x%x", (unsigned int)flags);
    int r = devpts_of(master, &root);
    if (r < 0)
        return r;
    struct path place = {root.mount, tty->name};
    struct file *file = file_alloc(&place, tty->name->inode, flags & ~(O_CLOEXEC | O_NOCTTY));
    path_unref(&root);
    file->flags |= flags & O_NOCTTY;
    r = open_slave(tty, file);
    file->flags &= ~O_NOCTTY;
    if (r < 0) {
        file->ops = NULL;
        file_unref(file);
        return r;
    }
    return fd_publish(file, flags & O_CLOEXEC);
}

/* ---- ioctl ---- */

static int set_size(struct tty *tty, const struct tty_size *size)
{
    if (memcmp(&tty->size, size, sizeof(*size)) == 0)
        return 0;
    tty->size = *size;
    tty_signal_group(tty, SIGWINCH);
    return 0;
}

static int store(void *arg, int value)
{
    if (value < 0)
        return value;
    *(int *)arg = value;
    return 0;
}

/* What master and slave have in common. */
static int tty_ioctl(struct tty *tty, unsigned long request, void *arg, bool by_slave)
{
    switch (request) {
    case TCGETS:
        *(struct termios *)arg = tty->termios;
        return 0;
    case TCSETS:
    case TCSETSW:
    case TCSETSF:
        line_configure(tty, arg, request == TCSETSF);
        return 0;
    case TIOCGWINSZ:
        *(struct tty_size *)arg = tty->size;
        return 0;
    case TIOCSWINSZ:
        return set_size(tty, arg);
    case TIOCSCTTY:
        return tty_set_controlling(tty, (int)(intptr_t)arg);
    case TIOCNOTTY:
        return tty_give_up(tty);
    case TIOCGPGRP:
        return store(arg, tty_get_group(tty, by_slave));
    case TIOCSPGRP:
        return tty_set_group(tty, *(const int *)arg);
    case TIOCGSID:
        return store(arg, tty_get_session(tty, by_slave));
    }
    unsupported("ioctl: request 0x%lx of a terminal", request);
}

static int master_ioctl(struct file *file, unsigned long request, void *arg)
{
    struct tty *tty = tty_of(file);

    switch (request) {
    case TIOCSPTLCK:
        tty->locked = *(const int *)arg != 0;
        return 0;
    case TIOCGPTLCK:
        return store(arg, tty->locked);
    case TIOCGPTN:
        return store(arg, (int)tty->number);
    case TIOCGPTPEER:
        return open_peer(file, (int)(intptr_t)arg);
    case FIONREAD:
        return store(arg, (int)tty->output.len);
    }
    return tty_ioctl(tty, request, arg, false);
}

static int slave_ioctl(struct file *file, unsigned long request, void *arg)
{
    struct tty *tty = tty_of(file);

    if (is_hung_up(file))
        return request == TIOCSPGRP ? -ENOTTY : -EIO;
    switch (request) {
    case TIOCSPTLCK:
    case TIOCGPTLCK:
    case TIOCGPTN:
    case TIOCGPTPEER:
        return -ENOTTY;
    case FIONREAD:
        return store(arg, (int)line_available(tty));
    }
    return tty_ioctl(tty, request, arg, true);
}

static const struct file_ops master_ops = {
    .read = master_read,
    .write = master_write,
    .ioctl = master_ioctl,
    .poll = master_poll,
    .release = master_release,
    .stream = true,
};

static const struct file_ops slave_ops = {
    .read = slave_read,
    .write = slave_write,
    .ioctl = slave_ioctl,
    .poll = slave_poll,
    .release = slave_release,
    .stream = true,
};

/* ---- devices ---- */

int tty_open(struct inode *inode, struct file *file)
{
    unsigned int number = major(inode->rdev);

    if (number >= 136 && number <= 143)
        return open_slave(devpts_find(inode), file);
    if (number == 5 && minor(inode->rdev) == 2)
        return open_master(file);
    if (number == 5 && minor(inode->rdev) == 0)
        return tty_current() ? open_slave(tty_current(), file) : -ENXIO;
    return number == 5 && minor(inode->rdev) == 1 ? -ENODEV : -ENXIO;
}
