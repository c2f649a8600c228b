/* SPDX-License-Identifier: Apache-2.0 */
/* sysfs: the part that guests and containers look at. */
#include "mocks/tests/cgroups.h"

static const char *const mount_point = "/tmp/sys";

static int sysfs(void)
{
    if (sys_mkdirat(AT_FDCWD, mount_point, 0755) == 0)
        expect(sys_mount("sysfs", mount_point, "sysfs", 0, NULL), 0);
    return open_dir(AT_FDCWD, mount_point);
}

CONFORM_CASE(types_and_modes)
{
    static const struct {
        const char *label;
        unsigned int mode;
    } rows[] = {
        {".", S_IFDIR | 0555},
        {"block", S_IFDIR | 0755},
        {"class", S_IFDIR | 0755},
        {"class/net", S_IFDIR | 0755},
        {"devices", S_IFDIR | 0755},
        {"devices/system/cpu", S_IFDIR | 0755},
        {"devices/system/cpu/online", S_IFREG | 0444},
        {"devices/system/cpu/present", S_IFREG | 0444},
        {"devices/system/cpu/cpu1/online", S_IFREG | 0644},
        {"devices/system/memory/block_size_bytes", S_IFREG | 0444},
        {"devices/system/memory/memory0/state", S_IFREG | 0644},
        {"firmware", S_IFDIR | 0755},
        {"fs", S_IFDIR | 0755},
        {"fs/cgroup", S_IFDIR | 0555},
        {"kernel", S_IFDIR | 0755},
        {"kernel/cgroup/delegate", S_IFREG | 0444},
        {"kernel/cgroup/features", S_IFREG | 0444},
        {"module", S_IFDIR | 0755},
        {"power", S_IFDIR | 0755},
    };
    int root = sysfs();
    struct stat st;

    FOR_CASES(row, rows)
    {
        if (expect(sys_fstatat(root, row->label, &st, 0), 0))
            expect(st.st_mode, row->mode);
    }
    struct statfs fs;
    expect(sys_fstatfs(root, &fs), 0);
    expect(fs.f_type, 0x62656572);
}

CONFORM_CASE(texts)
{
    static const struct {
        const char *label, *begin;
    } rows[] = {
        {"devices/system/cpu/online", "0-1\n"},
        {"devices/system/cpu/present", "0-1\n"},
        {"devices/system/cpu/cpu1/online", "1\n"},
        {"devices/system/memory/block_size_bytes", "8000000\n"},
        {"devices/system/node/online", "0\n"},
        {"devices/system/memory/memory0/state", "online\n"},
        {"class/net/lo/mtu", "65536\n"},
        {"class/net/lo/ifindex", "1\n"},
        {"class/net/lo/address", "00:00:00:00:00:00\n"},
        {"kernel/cgroup/delegate", "cgroup.procs\ncgroup.threads\ncgroup.subtree_control\n"},
        {"kernel/cgroup/features", "nsdelegate\nfavordynmods\n"},
    };
    int root = sysfs();

    FOR_CASES(row, rows)
    expect_true(strncmp(text_of(root, row->label), row->begin, strlen(row->begin)) == 0);
}

CONFORM_CASE(nothing_can_be_made)
{
    int root = sysfs();

    expect(sys_mkdirat(root, "new", 0755), -EPERM);
    expect(sys_mkdirat(root, "fs", 0755), -EEXIST);
    expect(sys_openat(root, "new", O_CREAT | O_WRONLY, 0644), -EACCES);
    expect(sys_unlinkat(root, "kernel/cgroup/delegate", 0), -EPERM);
    expect(sys_unlinkat(root, "fs/cgroup", AT_REMOVEDIR), -EPERM);
    expect(sys_symlinkat("x", root, "link"), -EPERM);
    expect(sys_openat(root, "nonsense", O_RDONLY, 0), -ENOENT);
    expect(sys_openat(root, "fs/nonsense", O_RDONLY, 0), -ENOENT);
    expect(put(root, "devices/system/cpu/online", "0"), -EACCES);
}

CONFORM_CASE(a_mount_point_stays)
{
    int root = sysfs();
    struct stat before, after;

    expect(sys_fstatat(root, "fs/cgroup", &before, 0), 0);
    expect(sys_mount("tmpfs", "/tmp/sys/fs/cgroup", "tmpfs", 0, NULL), 0);
    expect(sys_mkdirat(root, "fs/cgroup/made", 0755), 0);
    expect(sys_fstatat(root, "fs/cgroup", &after, 0), 0);
    expect_true(before.st_dev != after.st_dev);
    expect(sys_umount2("/tmp/sys/fs/cgroup", 0), 0);
    expect(sys_fstatat(root, "fs/cgroup", &after, 0), 0);
    expect(before.st_ino, after.st_ino);
}
