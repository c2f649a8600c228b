/* SPDX-License-Identifier: Apache-2.0 */
/* tmpfs(5): files in memory, with a limit on blocks and inodes; and ramfs and rootfs, which have none. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/sysmacros.h>

#include <linux/magic.h>
#include <linux/major.h>
#include <linux/vm_sockets.h>

#include "mocks/kernel/vfs_private.h"
#include "mocks/kernel/world.h"

static int tmpfs_create(struct inode *dir, const char *name, struct inode *child)
{
    (void)dir, (void)name;
    child->ops = &tmpfs_ops;
    return 0;
}

static int tmpfs_remove(struct inode *dir, const char *name, struct inode *child)
{
    (void)dir, (void)name, (void)child;
    return 0;
}

/* Each entry of a directory counts 20 bytes, and so do "." and "..". */
static void tmpfs_stat(struct inode *inode, struct stat *st)
{
    const struct list *entry;
    if (!S_ISDIR(inode->mode) || inode->super->type != &tmpfs_filesystem)
        return;
    st->st_size = 40;
    if (inode->dentry)
        for (entry = inode->dentry->children.next; entry != &inode->dentry->children; entry = entry->next)
            st->st_size += 20;
}

const struct inode_ops tmpfs_ops = {.create = tmpfs_create, .remove = tmpfs_remove, .stat = tmpfs_stat};

/* ---- options ---- */

struct tmpfs_options {
    uint64_t max_blocks, max_inodes, mode, uid, gid;
    bool has_blocks, has_inodes, has_mode, has_uid, has_gid;
};

/* "64k", "50%" of memory. */
static int parse_size(const char *text, uint64_t memory_bytes, uint64_t *ret_bytes)
{
    static const char units[] = "kmgtpe";
    char *end;
    uint64_t bytes = strtoull(text, &end, 0);
    if (end == text)
        return -EINVAL;
    if (*end == '%') {
        bytes = bytes * memory_bytes / 100;
        end++;
    } else if (*end) {
        const char *unit = strchr(units, *end | 0x20);
        if (unit) {
            bytes <<= 10 * (unit - units + 1);
            end++;
        }
    }
    if (*end)
        return -EINVAL;
    *ret_bytes = bytes;
    return 0;
}

static int parse_number(const char *text, int base, uint64_t max, uint64_t *ret_number)
{
    char *end;
    uint64_t number = strtoull(text, &end, base);
    if (end == text || *end || number > max)
        return -EINVAL;
    *ret_number = number;
    return 0;
}

static int parse_id(const char *text, bool group, uint64_t *ret_id)
{
    uint64_t id;
    int r = parse_number(text, 10, UINT32_MAX, &id);
    if (r < 0)
        return r;
    const struct task *task = current();
    if (task) {
        id = id_to_world(task->cred.user, group, (uint32_t)id);
        if (id == UINT32_MAX)
            return -EINVAL;
    }
    *ret_id = id;
    return 0;
}

static int parse_limit(const char *text, uint64_t *ret_n)
{
    return parse_size(text, 0, ret_n);
}

static int parse_option(struct tmpfs_options *o, const char *key, const char *value, uint64_t memory_bytes)
{
    uint64_t bytes;
    int r;
    if (!value)
        return strcmp(key, "inode32") == 0 || strcmp(key, "inode64") == 0 ? 0 : -EINVAL;
    if (strcmp(key, "size") == 0) {
        r = parse_size(value, memory_bytes, &bytes);
        o->has_blocks = true;
        o->max_blocks = r < 0 ? 0 : blocks_of(bytes);
        return r;
    }
    if (strcmp(key, "nr_blocks") == 0)
        return (o->has_blocks = true, parse_limit(value, &o->max_blocks));
    if (strcmp(key, "nr_inodes") == 0)
        return (o->has_inodes = true, parse_limit(value, &o->max_inodes));
    if (strcmp(key, "mode") == 0)
        return (o->has_mode = true, parse_number(value, 8, UINT32_MAX, &o->mode));
    if (strcmp(key, "uid") == 0)
        return (o->has_uid = true, parse_id(value, false, &o->uid));
    if (strcmp(key, "gid") == 0)
        return (o->has_gid = true, parse_id(value, true, &o->gid));
    return strcmp(key, "huge") == 0 || strcmp(key, "mpol") == 0 ? (unsupported("tmpfs: option %s", key), 0) : -EINVAL;
}

static int tmpfs_check(const char *key, const char *value)
{
    struct tmpfs_options options = {0};
    return parse_option(&options, key, value, 1 << 30);
}

static int parse_options(const char *data, uint64_t memory_bytes, struct tmpfs_options *ret_options)
{
    *ret_options = (struct tmpfs_options){0};
    char *copy = strdup(data ? data : ""), *rest = copy;
    int r = 0;
    for (char *option; r == 0 && (option = strsep(&rest, ",")) != NULL;) {
        char *value = option;
        char *key = strsep(&value, "=");
        if (*key)
            r = parse_option(ret_options, key, value, memory_bytes);
    }
    free(copy);
    return r;
}

/* ---- super blocks ---- */

/* What mountinfo shows: only what differs from the defaults. */
static void show_options(struct super *super)
{
    const struct inode *root = super->root->inode;
    struct buf text = BUF_INIT(1024);
    uint64_t half = world_vfs(super->world)->memory_bytes / 2 / BLOCK_BYTES;
    if (super->max_blocks != half)
        (void)buf_printf(&text, ",size=%lluk", (unsigned long long)super->max_blocks * (BLOCK_BYTES / 1024));
    if (super->max_inodes != half)
        (void)buf_printf(&text, ",nr_inodes=%llu", (unsigned long long)super->max_inodes);
    if ((root->mode & 07777) != 01777)
        (void)buf_printf(&text, ",mode=%03o", root->mode & 07777);
    if (root->uid != 0)
        (void)buf_printf(&text, ",uid=%u", root->uid);
    if (root->gid != 0)
        (void)buf_printf(&text, ",gid=%u", root->gid);
    free(super->options);
    super->options = text.data;
}

static int tmpfs_mount(struct world *world, const char *source, const char *data, struct super **ret_super)
{
    (void)source;
    uint64_t memory = world_vfs(world)->memory_bytes;
    struct tmpfs_options options;
    int r = parse_options(data, memory, &options);
    if (r < 0)
        return r;
    struct super *super =
        super_new(world, &tmpfs_filesystem, options.has_mode ? (mode_t)options.mode & 07777 : 01777, &tmpfs_ops);
    const struct task *task = current();
    super->root->inode->uid = options.has_uid ? (uid_t)options.uid : task ? task->cred.fsuid : 0;
    super->root->inode->gid = options.has_gid ? (gid_t)options.gid : task ? task->cred.fsgid : 0;
    super->max_blocks = options.has_blocks ? options.max_blocks : memory / 2 / BLOCK_BYTES;
    super->max_inodes = options.has_inodes ? options.max_inodes : memory / 2 / BLOCK_BYTES;
    show_options(super);
    *ret_super = super;
    return 0;
}

/* Limits may be lowered to what is used, and an unlimited file system stays so. mode, uid and gid are only for the first mount.
 */
static int tmpfs_reconfigure(struct super *super, unsigned long flags, const char *data)
{
    (void)flags;
    struct tmpfs_options options;
    int r = parse_options(data, world_vfs(super->world)->memory_bytes, &options);
    if (r < 0)
        return r;
    if (options.has_blocks && options.max_blocks > 0) {
        if (super->max_blocks == 0 || super->used_blocks > options.max_blocks)
            return -EINVAL;
    }
    if (options.has_inodes && options.max_inodes > 0) {
        if (super->max_inodes == 0 || super->used_inodes > options.max_inodes)
            return -EINVAL;
    }
    if (options.has_blocks)
        super->max_blocks = options.max_blocks;
    if (options.has_inodes)
        super->max_inodes = options.max_inodes;
    show_options(super);
    return 0;
}

const struct filesystem tmpfs_filesystem = {
    .name = "tmpfs",
    .magic = TMPFS_MAGIC,
    .nodev_dev = true,
    .userns_mount = true,
    .mount = tmpfs_mount,
    .reconfigure = tmpfs_reconfigure,
    .check = tmpfs_check,
};

/* ---- relatives ---- */

/* ramfs ignores what it does not know. */
static int ramfs_check(const char *key, const char *value)
{
    uint64_t mode;
    return strcmp(key, "mode") == 0 ? parse_number(value ? value : "", 8, UINT32_MAX, &mode) : 0;
}

static int ramfs_mount(struct world *world, const char *source, const char *data, struct super **ret_super)
{
    (void)source;
    mode_t mode = 0755;
    const char *option = data ? strstr(data, "mode=") : NULL;
    if (option)
        mode = (mode_t)strtoul(option + strlen("mode="), NULL, 8);
    *ret_super = super_new(world, &ramfs_filesystem, mode, &tmpfs_ops);
    return 0;
}

static int ramfs_reconfigure(struct super *super, unsigned long flags, const char *data)
{
    (void)super, (void)flags, (void)data;
    return 0;
}

const struct filesystem ramfs_filesystem = {
    .name = "ramfs",
    .magic = RAMFS_MAGIC,
    .nodev_dev = true,
    .userns_mount = true,
    .mount = ramfs_mount,
    .reconfigure = ramfs_reconfigure,
    .check = ramfs_check,
};

/* Only the kernel mounts it. */
static int rootfs_mount(struct world *world, const char *source, const char *data, struct super **ret_super)
{
    (void)source, (void)data;
    if (current())
        return -ENODEV;
    *ret_super = super_new(world, &rootfs_filesystem, 0755, &tmpfs_ops);
    return 0;
}

const struct filesystem rootfs_filesystem = {
    .name = "rootfs",
    .magic = TMPFS_MAGIC,
    .nodev_dev = true,
    .mount = rootfs_mount,
    .reconfigure = ramfs_reconfigure,
};

/* ---- devtmpfs: one for the world; what user space makes there stays beside the kernel's nodes ---- */

struct node {
    const char *name;
    unsigned int major, minor;
    mode_t mode;
};

static void add_node(struct super *super, const struct node *node)
{
    struct inode *inode = inode_new(super, S_IFCHR | node->mode, &tmpfs_ops);

    inode->rdev = makedev(node->major, node->minor);
    dentry_add(super->root, node->name, inode);
    inode_unref(inode);
}

static void add_nodes(struct world *world, struct super *super)
{
    static const struct node nodes[] = {
        {"null", 1, 3, 0666},    {"zero", 1, 5, 0666}, {"full", 1, 7, 0666},    {"random", 1, 8, 0666},
        {"urandom", 1, 9, 0666}, {"tty", 5, 0, 0666},  {"console", 5, 1, 0600}, {"ptmx", 5, 2, 0666},
    };
    static const struct node vhost_vsock = {"vhost-vsock", MISC_MAJOR, VHOST_VSOCK_MINOR, 0600};

    FOR_ROWS (node, nodes)
        add_node(super, node);
    if (world->options.cid == VMADDR_CID_HOST)
        add_node(super, &vhost_vsock);
}

static int devtmpfs_mount(struct world *world, const char *source, const char *data, struct super **ret_super)
{
    (void)source, (void)data;
    struct vfs *vfs = world_vfs(world);
    if (!vfs->devtmpfs) {
        vfs->devtmpfs = super_new(world, &devtmpfs_filesystem, 0755, &tmpfs_ops);
        add_nodes(world, vfs->devtmpfs);
        vfs->devtmpfs->options = strdup(",mode=755");
        *ret_super = vfs->devtmpfs;
        return 0;
    }
    *ret_super = super_ref(vfs->devtmpfs);
    return 0;
}

const struct filesystem devtmpfs_filesystem = {
    .name = "devtmpfs",
    .magic = TMPFS_MAGIC,
    .nodev_dev = true,
    .mount = devtmpfs_mount,
    .reconfigure = ramfs_reconfigure,
    .check = tmpfs_check,
};
