/* SPDX-License-Identifier: Apache-2.0 */
/* mqueue: the directory of POSIX message queues of an ipc namespace (mq_overview(7)). Queues themselves are not modelled. */
#include <errno.h>

#include "mocks/kernel/vfs_private.h"

#define MQUEUE_MAGIC 0x19800202

static int mqueue_create(struct inode *dir, const char *name, struct inode *child)
{
    (void)dir, (void)child;
    unsupported("mqueue: making %s", name);
}

static const struct inode_ops mqueue_ops = {.create = mqueue_create};

static int mqueue_mount(struct world *world, const char *source, const char *data, struct super **ret_super)
{
    (void)source, (void)data;
    const struct task *task = current();
    struct user_namespace *owner = task ? task->namespaces.ipc->owner : world->user;
    if (task && !capable_in(task, owner, CAP_SYS_ADMIN))
        return -EPERM;
    struct super *super = super_new(world, &mqueue_filesystem, 01777, &mqueue_ops);
    user_namespace_ref(owner);
    user_namespace_unref(super->owner);
    super->owner = owner;
    *ret_super = super;
    return 0;
}

static int mqueue_reconfigure(struct super *super, unsigned long flags, const char *data)
{
    (void)super, (void)flags, (void)data;
    return 0;
}

const struct filesystem mqueue_filesystem = {
    .name = "mqueue",
    .magic = MQUEUE_MAGIC,
    .nodev_dev = true,
    .userns_mount = true,
    .mount = mqueue_mount,
    .reconfigure = mqueue_reconfigure,
};
