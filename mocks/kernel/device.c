/* SPDX-License-Identifier: Apache-2.0 */
/* Character devices: null(4), zero, full(4), random(4); terminals are pty.c's. */
#include <errno.h>
#include <linux/major.h>
#include <sys/epoll.h>
#include <sys/sysmacros.h>

#include "mocks/kernel/vfs_private.h"

static ssize_t read_nothing(struct file *file, void *p, size_t len, off_t *pos)
{
    (void)file, (void)p, (void)len, (void)pos;
    return 0;
}

static ssize_t read_zeros(struct file *file, void *p, size_t len, off_t *pos)
{
    (void)file, (void)pos;
    memset(p, 0, len);
    return (ssize_t)len;
}

static ssize_t read_random(struct file *file, void *p, size_t len, off_t *pos)
{
    (void)file, (void)pos;
    struct sim *sim = task_sim(current());
    for (size_t i = 0; i < len; i++)
        ((unsigned char *)p)[i] = (unsigned char)sim_random(sim);
    return (ssize_t)len;
}

static ssize_t write_anything(struct file *file, const void *p, size_t len, off_t *pos)
{
    (void)file, (void)p, (void)pos;
    return (ssize_t)len;
}

static ssize_t write_full(struct file *file, const void *p, size_t len, off_t *pos)
{
    (void)file, (void)p, (void)len, (void)pos;
    return -ENOSPC;
}

/* The pool is always filled. */
static uint32_t poll_random(struct file *file)
{
    (void)file;
    return EPOLLIN | EPOLLRDNORM;
}

/* What it knows takes away or adds to the pool: for nobody here. */
static int ioctl_random(struct file *file, unsigned long request, void *arg)
{
    (void)arg;
    if ((request >> 8 & 0xff) == 'R')
        unsupported("ioctl: request 0x%lx of %s", request, file->path.dentry ? file->path.dentry->name : "random");
    return -EINVAL;
}

static const struct file_ops null_ops = {.read = read_nothing, .write = write_anything};
static const struct file_ops zero_ops = {.read = read_zeros, .write = write_anything};
static const struct file_ops full_ops = {.read = read_zeros, .write = write_full};
static const struct file_ops random_ops = {
    .read = read_random, .write = write_anything, .ioctl = ioctl_random, .poll = poll_random};
static const struct file_ops urandom_ops = {.read = read_random, .write = write_anything, .ioctl = ioctl_random};

static const struct {
    unsigned int minor;
    const struct file_ops *ops;
} memory_devices[] = {{3, &null_ops}, {5, &zero_ops}, {7, &full_ops}, {8, &random_ops}, {9, &urandom_ops}};

static int open_memory_device(struct inode *inode, struct file *file)
{
    FOR_ROWS (device, memory_devices)
        if (minor(inode->rdev) == device->minor) {
            file->ops = device->ops;
            return 0;
        }
    return -ENXIO;
}

/* A minor number that no driver has asked for is no device. */
static int open_misc_device(struct inode *inode, struct file *file)
{
    return minor(inode->rdev) == VHOST_VSOCK_MINOR ? vhost_vsock_device_open(file) : -ENODEV;
}

int device_open(struct inode *inode, struct file *file)
{
    unsigned int number = major(inode->rdev);
    if (S_ISBLK(inode->mode))
        return -ENXIO;
    if (number == 1)
        return open_memory_device(inode, file);
    if (number == MISC_MAJOR)
        return open_misc_device(inode, file);
    if (number == 4 || number == 5 || (number >= 136 && number <= 143))
        return tty_open(inode, file);
    return -ENXIO;
}
