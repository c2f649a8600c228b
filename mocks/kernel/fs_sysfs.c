/* SPDX-License-Identifier: Apache-2.0 */
/* sysfs (sysfs(5)): the part of it that guests and containers look at: CPUs, memory blocks, mount points. */
#include <errno.h>
#include <linux/capability.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mocks/kernel/pseudo.h"
#include "mocks/kernel/task.h"
#include "mocks/kernel/vfs_private.h"

struct sys_file {
    const char *path;
    mode_t mode;
    const char *text; /* constant; without a newline */
    int (*show)(const struct world *world, struct buf *out);
};

static int show_cpus(const struct world *world, struct buf *out)
{
    unsigned int n = world->options.cpus;
    return n > 1 ? buf_printf(out, "0-%u\n", n - 1) : buf_append_str(out, "0\n");
}

static const struct sys_file files[] = {
    {"block/", 0, NULL, NULL},
    {"bus/pci/rescan", 0200, "", NULL},
    {"class/block/", 0, NULL, NULL},
    {"class/net/lo/address", 0444, "00:00:00:00:00:00", NULL},
    {"class/net/lo/ifindex", 0444, "1", NULL},
    {"class/net/lo/mtu", 0644, "65536", NULL},
    {"dev/block/", 0, NULL, NULL},
    {"dev/char/", 0, NULL, NULL},
    {"devices/system/cpu/cpu0/topology/core_id", 0444, "0", NULL},
    {"devices/system/cpu/cpu1/online", 0644, "1", NULL},
    {"devices/system/cpu/offline", 0444, "", NULL},
    {"devices/system/cpu/online", 0444, NULL, show_cpus},
    {"devices/system/cpu/possible", 0444, NULL, show_cpus},
    {"devices/system/cpu/present", 0444, NULL, show_cpus},
    {"devices/system/memory/block_size_bytes", 0444, "8000000", NULL},
    {"devices/system/memory/memory0/online", 0644, "1", NULL},
    {"devices/system/memory/memory0/state", 0644, "online", NULL},
    {"devices/system/node/online", 0444, "0", NULL},
    {"devices/virtual/powercap/", 0, NULL, NULL},
    {"firmware/", 0, NULL, NULL},
    {"fs/bpf/", 0555, NULL, NULL},
    {"fs/cgroup/", 0555, NULL, NULL},
    {"hypervisor/", 0, NULL, NULL},
    {"kernel/cgroup/delegate", 0444, "cgroup.procs\ncgroup.threads\ncgroup.subtree_control\nmemory.oom.group\nmemory.reclaim",
     NULL},
    {"kernel/cgroup/features", 0444,
     "nsdelegate\nfavordynmods\nmemory_localevents\nmemory_recursiveprot\nmemory_hugetlb_accounting\npids_localevents", NULL},
    {"kernel/debug/", 0555, NULL, NULL},
    {"kernel/mm/hugepages/hugepages-1048576kB/nr_hugepages", 0644, "0", NULL},
    {"kernel/mm/hugepages/hugepages-2048kB/nr_hugepages", 0644, "0", NULL},
    {"kernel/mm/transparent_hugepage/enabled", 0644, "always [madvise] never", NULL},
    {"kernel/security/", 0555, NULL, NULL},
    {"kernel/uevent_helper", 0644, "", NULL},
    {"module/", 0, NULL, NULL},
    {"power/", 0, NULL, NULL},
};

static int file_show(struct inode *inode, struct buf *out)
{
    const struct sys_file *file = inode->data;
    return file->show ? file->show(inode->super->world, out) : buf_printf(out, "%s\n", file->text);
}

static int file_store(struct inode *inode, const char *text, size_t len)
{
    const struct sys_file *file = inode->data;
    unsupported("write '%.*s' to /sys/%s", (int)len, text, file->path);
}

static const struct file_ops open_file_ops = {.read = file_read_computed, .write = file_write_computed};

/* Even root opens only what the mode bits of somebody allow. */
static int file_open_checked(struct inode *inode, struct file *file)
{
    int access = file->flags & O_ACCMODE;

    if ((access != O_RDONLY && !(inode->mode & 0222)) || (access != O_WRONLY && !(inode->mode & 0444)))
        return -EACCES;
    file->ops = &open_file_ops;
    return 0;
}

static const struct inode_ops file_ops = {.open = file_open_checked, .show = file_show, .store = file_store};

static struct inode *make_file(struct super *super, const void *entry)
{
    const struct sys_file *file = entry;
    struct inode *inode = inode_new(super, S_IFREG | file->mode, &file_ops);

    inode->data = (void *)file;
    return inode;
}

static const struct pseudo_tree tree = {files, ARRAY_SIZE(files), sizeof(files[0]), 100, 0755, make_file};

static struct inode *root_lookup(struct inode *dir, const char *name)
{
    return pseudo_tree_lookup(dir->super, &tree, name);
}

static void root_list(struct inode *dir, void (*add)(void *arg, const char *name, struct inode *inode), void *arg)
{
    pseudo_tree_list(dir->super, &tree, add, arg);
}

static const struct inode_ops root_ops = {.lookup = root_lookup, .list = root_list};

/* It shows devices of a network namespace: that is what the mounter must have power over. */
static int sysfs_mount(struct world *world, const char *source, const char *data, struct super **ret_super)
{
    const struct task *task = current();

    if (task && !capable_in(task, task->namespaces.net->owner, CAP_SYS_ADMIN))
        return -EPERM;
    if (data && *data)
        return -EINVAL;
    struct super *super = super_new(world, &sysfs_filesystem, 0555, &root_ops);
    super->traits = SUPER_NODEV | SUPER_NOEXEC | SUPER_VISIBLE;
    super->source = source ? strdup(source) : NULL;
    super->root->inode->ino = 1;
    *ret_super = super;
    return 0;
}

const struct filesystem sysfs_filesystem = {
    .name = "sysfs",
    .magic = SYSFS_MAGIC,
    .nodev_dev = true,
    .userns_mount = true,
    .mount = sysfs_mount,
};
