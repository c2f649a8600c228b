/* SPDX-License-Identifier: Apache-2.0 */
/* nsfs (namespaces(7), ioctl_nsfs(2)). */
#include "mocks/kernel/nsfs.h"

#include <errno.h>
#include <linux/magic.h>
#include <linux/nsfs.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

#include "mocks/kernel/sys_fd.h"
#include "mocks/kernel/vfs_private.h"

#ifndef CLONE_NEWTIME
#define CLONE_NEWTIME 0x80
#endif

/* ---- kinds ---- */

static const struct {
    int type;
    const char *name;
} types[] = {
    {CLONE_NEWNS, "mnt"},    {CLONE_NEWCGROUP, "cgroup"}, {CLONE_NEWUTS, "uts"}, {CLONE_NEWIPC, "ipc"},
    {CLONE_NEWUSER, "user"}, {CLONE_NEWPID, "pid"},       {CLONE_NEWNET, "net"}, {CLONE_NEWTIME, "time"},
};

const char *namespace_type_name(int type)
{
    FOR_ROWS (row, types) {
        if (row->type == type)
            return row->name;
    }
    return NULL;
}

struct user_namespace *namespace_owner(struct namespace_id id)
{
    switch (id.type) {
    case CLONE_NEWNS:
        return ((struct mount_namespace *)id.object)->owner;
    case CLONE_NEWPID:
        return ((struct pid_namespace *)id.object)->owner;
    case CLONE_NEWUSER:
        return ((struct user_namespace *)id.object)->parent;
    default:
        return ((struct simple_namespace *)id.object)->owner;
    }
}

uint64_t namespace_inum(struct namespace_id id)
{
    switch (id.type) {
    case CLONE_NEWNS:
        return ((struct mount_namespace *)id.object)->inum;
    case CLONE_NEWPID:
        return ((struct pid_namespace *)id.object)->inum;
    case CLONE_NEWUSER:
        return ((struct user_namespace *)id.object)->inum;
    default:
        return ((struct simple_namespace *)id.object)->inum;
    }
}

static void *namespace_ref(struct namespace_id id)
{
    switch (id.type) {
    case CLONE_NEWNS:
        return mount_namespace_ref(id.object);
    case CLONE_NEWPID:
        return pid_namespace_ref(id.object);
    case CLONE_NEWUSER:
        return user_namespace_ref(id.object);
    default:
        return simple_namespace_ref(id.object);
    }
}

static void namespace_unref(struct namespace_id id)
{
    switch (id.type) {
    case CLONE_NEWNS:
        mount_namespace_unref(id.object);
        break;
    case CLONE_NEWPID:
        pid_namespace_unref(id.object);
        break;
    case CLONE_NEWUSER:
        user_namespace_unref(id.object);
        break;
    default:
        simple_namespace_unref(id.object);
    }
}

/* ---- files ---- */

static const struct inode_ops namespace_ops;

static const struct namespace_id *inode_namespace(const struct inode *inode)
{
    return inode->ops == &namespace_ops ? inode->data : NULL;
}

bool nsfs_of_file(const struct file *file, struct namespace_id *ret_id)
{
    const struct namespace_id *id = inode_namespace(file->inode);

    if (!id || (file->flags & O_PATH))
        return false;
    *ret_id = *id;
    return true;
}

static int publish(struct namespace_id id)
{
    struct path path;
    struct file *file;

    nsfs_path(current()->world, id, &path);
    int r = file_open(&path, O_RDONLY, &file);
    path_unref(&path);
    return r < 0 ? r : fd_publish(file, true);
}

/* A namespace is shown to those whose own user namespace is above or the same; the first has no owner to show. */
static int publish_owner(struct namespace_id id)
{
    struct user_namespace *owner = namespace_owner(id), *at = owner;

    while (at && at != current()->cred.user)
        at = at->parent;
    return at ? publish((struct namespace_id){CLONE_NEWUSER, owner}) : -EPERM;
}

static int publish_parent(struct namespace_id id)
{
    if (id.type == CLONE_NEWUSER)
        return publish_owner(id);
    if (id.type != CLONE_NEWPID)
        return -EINVAL;
    struct pid_namespace *parent = ((struct pid_namespace *)id.object)->parent, *at = parent;
    while (at && at != current()->pid_namespace)
        at = at->parent;
    return at ? publish((struct namespace_id){CLONE_NEWPID, parent}) : -EPERM;
}

static int show_owner_uid(struct namespace_id id, uid_t *ret_uid)
{
    if (id.type != CLONE_NEWUSER)
        return -EINVAL;
    *ret_uid = id_shown(current()->cred.user, false, ((struct user_namespace *)id.object)->owner);
    return 0;
}

static int namespace_ioctl(struct file *file, unsigned long request, void *arg)
{
    const struct namespace_id *id = inode_namespace(file->inode);

    switch (request) {
    case NS_GET_NSTYPE:
        return id->type;
    case NS_GET_USERNS:
        return publish_owner(*id);
    case NS_GET_PARENT:
        return publish_parent(*id);
    case NS_GET_OWNER_UID:
        return show_owner_uid(*id, arg);
    default:
        return -ENOTTY;
    }
}

static ssize_t refuse_read(struct file *file, void *p, size_t len, off_t *pos)
{
    (void)file, (void)p, (void)len, (void)pos;
    return -EINVAL;
}

static const struct file_ops namespace_file_ops = {.read = refuse_read, .ioctl = namespace_ioctl};

static int namespace_open(struct inode *inode, struct file *file)
{
    (void)inode;
    file->ops = &namespace_file_ops;
    return 0;
}

static void namespace_release(struct inode *inode)
{
    struct namespace_id *id = inode->data;

    namespace_unref(*id);
    free(id);
}

static const struct inode_ops namespace_ops = {.open = namespace_open, .release = namespace_release};

void nsfs_path(struct world *world, struct namespace_id id, struct path *ret_path)
{
    struct inode *inode = inode_new(world->nsfs, S_IFREG | 0444, &namespace_ops);
    struct namespace_id *copy = malloc(sizeof(*copy));

    *copy = (struct namespace_id){id.type, namespace_ref(id)};
    inode->data = copy;
    inode->ino = namespace_inum(id);
    inode->mtime_ns = inode->ctime_ns = 0;
    *ret_path = (struct path){mount_ref(world->nsfs_mount), dentry_root(inode)};
}

/* ---- the file system ---- */

static void show_root(const struct task *viewer, const struct dentry *root, struct buf *out)
{
    const struct namespace_id *id = inode_namespace(root->inode);
    (void)viewer;

    if (id)
        buf_printf(out, "%s:[%llu]", namespace_type_name(id->type), (unsigned long long)root->inode->ino);
}

static const struct filesystem nsfs_filesystem = {
    .name = "nsfs",
    .magic = NSFS_MAGIC,
    .nodev_dev = true,
    .show_root = show_root,
};

void nsfs_new(struct world *world)
{
    world->nsfs = super_new(world, &nsfs_filesystem, 0500, NULL);
    world->nsfs->traits = SUPER_IMMUTABLE;
    world->nsfs_mount = mount_internal(world->nsfs);
    world->nsfs_mount->source = strdup("nsfs");
}

void nsfs_free(struct world *world)
{
    mount_unref(world->nsfs_mount);
    super_unref(world->nsfs);
}
