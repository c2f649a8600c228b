/* SPDX-License-Identifier: Apache-2.0 */
/* The device through which a host gives guests their vsock (drivers/vhost/vsock.c of Linux), as far as it goes before a guest
 * runs: context ids and the owner. Machines with context id 2 have it. */
#include <linux/vhost.h>
#include <linux/virtio_config.h>
#include <stdlib.h>

#include "mocks/kernel/memory.h"
#include "mocks/kernel/vfs_private.h"
#include "mocks/kernel/vsock.h"
#include "mocks/kernel/world.h"

struct vhost {
    struct list link; /* in vsock_machine()->vhosts */
    struct world *world;
    unsigned int cid; /* 0: none yet */
    bool owned;
};

static struct vhost *find(struct world *world, unsigned int cid)
{
    struct vhost *vhost;

    LIST_FOREACH (vhost, &vsock_machine(world)->vhosts, link) {
        if (vhost->cid == cid)
            return vhost;
    }
    return NULL;
}

bool vhost_has_cid(struct world *world, unsigned int cid)
{
    return find(world, cid) != NULL;
}

static int set_cid(struct vhost *vhost, uint64_t cid)
{
    if (cid <= VMADDR_CID_HOST || cid >= VMADDR_CID_ANY)
        return -EINVAL;
    struct vhost *other = find(vhost->world, (unsigned int)cid);
    if (other && other != vhost)
        return -EADDRINUSE;
    vhost->cid = (unsigned int)cid;
    return 0;
}

static int vhost_ioctl(struct file *file, unsigned long request, void *arg)
{
    struct vhost *vhost = file->data;

    if (!arg && request != VHOST_SET_OWNER)
        return -EFAULT;
    switch (request) {
    case VHOST_VSOCK_SET_GUEST_CID:
        return set_cid(vhost, *(const uint64_t *)arg);
    case VHOST_GET_FEATURES:
        *(uint64_t *)arg = UINT64_C(1) << VIRTIO_F_VERSION_1;
        return 0;
    case VHOST_SET_OWNER:
        if (vhost->owned)
            return -EBUSY;
        vhost->owned = true;
        return 0;
    }
    /* Everything else is the owner's, who goes on to run a guest. */
    if (!vhost->owned)
        return -EPERM;
    unsupported("ioctl: request 0x%lx of vhost-vsock", request);
}

static ssize_t vhost_read(struct file *file, void *p, size_t len, off_t *pos)
{
    (void)file, (void)p, (void)len, (void)pos;
    unsupported("read: vhost-vsock");
}

static ssize_t vhost_write(struct file *file, const void *p, size_t len, off_t *pos)
{
    (void)file, (void)p, (void)len, (void)pos;
    unsupported("write: vhost-vsock");
}

static void vhost_release(struct file *file)
{
    struct vhost *vhost = file->data;

    list_remove(&vhost->link);
    free(vhost);
}

static const struct file_ops vhost_ops = {
    .read = vhost_read, .write = vhost_write, .ioctl = vhost_ioctl, .release = vhost_release};

int vhost_vsock_device_open(struct file *file)
{
    struct world *world = current()->world;

    if (world->options.cid != VMADDR_CID_HOST)
        return -ENODEV;
    struct vhost *vhost = zalloc(sizeof(*vhost));
    vhost->world = world;
    list_append(&vsock_machine(world)->vhosts, &vhost->link);
    file->ops = &vhost_ops;
    file->data = vhost;
    return 0;
}
