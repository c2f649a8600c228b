/* SPDX-License-Identifier: Apache-2.0 */
/* Super blocks: instances of file systems, and the list of their types (filesystems(5)). */
#include <stdlib.h>
#include <sys/sysmacros.h>

#include "mocks/kernel/memory.h"
#include "mocks/kernel/vfs_private.h"

const struct filesystem *filesystem_find(const char *name)
{
    static const struct filesystem *const types[] = {
        &tmpfs_filesystem, &ramfs_filesystem,  &rootfs_filesystem, &devtmpfs_filesystem, &mqueue_filesystem,   &proc_filesystem,
        &sysfs_filesystem, &devpts_filesystem, &cgroup_filesystem, &cgroup2_filesystem,  &virtiofs_filesystem,
    };
    FOR_ROWS (type, types)
        if (strcmp((*type)->name, name) == 0)
            return *type;
    return NULL;
}

struct super *super_new(struct world *world, const struct filesystem *type, mode_t root_mode, const struct inode_ops *root_ops)
{
    struct vfs *vfs = world_vfs(world);
    struct super *super = zalloc(sizeof(*super));
    super->world = world;
    super->type = type;
    super->dev = makedev(0, ++vfs->next_dev);
    struct task *task = current();
    super->owner = user_namespace_ref(task ? task->cred.user : vfs->owner);
    super->traits = super->owner == vfs->owner ? 0 : SUPER_NODEV;
    super->refs = 1;
    super->root = dentry_root(inode_new(super, S_IFDIR | (root_mode & 07777), root_ops));
    return super;
}

struct super *super_ref(struct super *super)
{
    super->refs++;
    return super;
}

/* Open inodes outlive the tree, and the super block outlives them. */
static void free_if_unused(struct super *super)
{
    if (super->refs > 0 || super->used_inodes > 0)
        return;
    user_namespace_unref(super->owner);
    free(super->source);
    free(super->options);
    free(super);
}

void super_inode_gone(struct super *super)
{
    super->used_inodes--;
    if (!super->root)
        free_if_unused(super);
}

void super_unref(struct super *super)
{
    if (!super || --super->refs > 0)
        return;
    struct dentry *root = super->root;
    dentry_drop_tree(root);
    if (super->release)
        super->release(super);
    super->root = NULL;
    free_if_unused(super);
}

struct vfs *world_vfs(const struct world *world)
{
    return (struct vfs *)&world->vfs;
}

uint64_t vfs_now(const struct world *world)
{
    return sim_now_ns(world_sim(world));
}

void vfs_init(struct vfs *vfs, struct world *world, struct user_namespace *owner, uint64_t memory_bytes)
{
    static const struct filesystem anon = {.name = "anon_inodefs", .magic = 0x09041934, .nodev_dev = true};

    *vfs = (struct vfs){
        .world = world,
        .owner = user_namespace_ref(owner),
        .memory_bytes = memory_bytes,
    };
    list_init(&vfs->mounts);
    vfs->anon = super_new(world, &anon, 0, NULL);
    world->anonymous = vfs->anon;
    if (devtmpfs_filesystem.mount(world, "devtmpfs", NULL, &vfs->devtmpfs) < 0 || memfd_init(vfs) < 0)
        abort();
}

void vfs_done(struct vfs *vfs)
{
    mount_unref(vfs->memfd);
    super_unref(vfs->devtmpfs);
    super_unref(vfs->share);
    super_unref(vfs->anon);
    user_namespace_unref(vfs->owner);
}
