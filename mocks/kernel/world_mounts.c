/* SPDX-License-Identifier: Apache-2.0 */
/* The file systems of a machine that has booted: which ones, where, with which flags. */
#include <linux/mount.h>
#include <stdio.h>
#include <string.h>

#include "mocks/kernel/mount.h"
#include "mocks/kernel/world_files.h"

#define SAFE (MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC)

struct row {
    const char *type, *source, *path, *options;
    unsigned int flags;
};

static const struct row by_kernel = {"devtmpfs", "devtmpfs", "/dev", NULL, 0};

static const struct row common[] = {
    {"proc", "proc", "/proc", NULL, SAFE},
    {"sysfs", "sysfs", "/sys", NULL, SAFE},
    {"devtmpfs", "dev", "/dev", NULL, MOUNT_ATTR_NOSUID},
    {"devpts", "devpts", "/dev/pts", "gid=5,mode=620", MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC},
    {"tmpfs", "tmpfs", "/run", "mode=755", MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV},
    {"tmpfs", "tmpfs", "/tmp", "mode=1777", MOUNT_ATTR_NODEV},
};

static const struct row version2[] = {
    {"cgroup2", "cgroup2", "/sys/fs/cgroup", NULL, SAFE},
};

static const char *const controllers[] = {
    "cpu,cpuacct", "cpuset", "blkio", "memory", "devices", "freezer", "net_cls,net_prio", "perf_event", "hugetlb", "pids",
};

/* Not a name of devtmpfs, but of who sets it up. */
static const struct {
    const char *target, *path;
} links[] = {
    {"/proc/self/fd", "/dev/fd"},
    {"/proc/self/fd/0", "/dev/stdin"},
    {"/proc/self/fd/1", "/dev/stdout"},
    {"/proc/self/fd/2", "/dev/stderr"},
};

static struct super *make_super(struct world *world, const struct row *row)
{
    const struct filesystem *type = filesystem_find(row->type);
    struct super *super;

    if (!type || type->mount(world, row->source, row->options, &super) < 0)
        unsupported("world: no file system %s with '%s'", row->type, row->options ? row->options : "");
    return super;
}

static void mount_row(struct world *world, const struct row *row)
{
    struct path at;

    if (!world_exists(world, row->path))
        world_mkdir(world, row->path, 0755);
    if (!world_walk(world, row->path, &at))
        unsupported("world: nothing to mount on at %s", row->path);
    struct super *super = make_super(world, row);
    mount_attach(super, &at, row->flags);
    super_unref(super);
    path_unref(&at);
}

static void mount_version1(struct world *world)
{
    mount_row(world, &(struct row){"tmpfs", "tmpfs", "/sys/fs/cgroup", "mode=755", SAFE});
    FOR_ROWS (controller, controllers) {
        char path[64];
        snprintf(path, sizeof(path), "/sys/fs/cgroup/%s", *controller);
        mount_row(world, &(struct row){"cgroup", "cgroup", path, *controller, SAFE});
    }
}

static void mount_root(struct world *world)
{
    bool initramfs = world->options.initramfs_root;
    struct super *root =
        make_super(world, &(struct row){initramfs ? "rootfs" : "tmpfs", initramfs ? "rootfs" : "root", "/", NULL, 0});

    world->namespaces.mount = mount_namespace_new(root, world->user);
    super_unref(root);
    mount_namespace_root(world->namespaces.mount, &world->root);
}

void world_mount_all(struct world *world)
{
    static const char *const dirs[] = {"/proc", "/sys", "/dev", "/run", "/tmp", "/etc", "/bin", "/root", "/var"};

    mount_root(world);
    FOR_ROWS (dir, dirs)
        world_mkdir(world, *dir, 0755);
    if (world->options.unbooted) {
        mount_row(world, &by_kernel);
        return;
    }
    FOR_ROWS (row, common)
        mount_row(world, row);
    FOR_ROWS (link, links)
        world_symlink(world, link->target, link->path);
    if (world->options.cgroups == WORLD_CGROUP_V2)
        mount_row(world, version2);
    else
        mount_version1(world);
    if (world->options.cgroups == WORLD_CGROUP_HYBRID)
        mount_row(world, &(struct row){"cgroup2", "cgroup2", "/sys/fs/cgroup/unified", NULL, SAFE});
}
