/* SPDX-License-Identifier: Apache-2.0 */
/* The control groups that a container sees. */
#include <errno.h>
#include <limits.h>
#include <string.h>

#include "agent/container/mount_fd.h"
#include "agent/container/mount_internal.h"
#include "sys/fd.h"

/* "cpu,cpuacct" is also known by each of its names. */
static int make_names(int dir_fd, const char *entry, struct error *err)
{
    if (!strchr(entry, ','))
        return 0;
    for (const char *p = entry; *p;) {
        char name[NAME_MAX + 1];
        size_t len = strcspn(p, ",");
        if (len >= sizeof(name))
            return error_set(err, -ENAMETOOLONG, "link to '%s'", entry);
        memcpy(name, p, len);
        name[len] = '\0';
        int r = sys_symlinkat(entry, dir_fd, name);
        if (r < 0)
            return error_set(err, r, "link '%s' to '%s'", name, entry);
        p += len + (p[len] == ',');
    }
    return 0;
}

static int bind_hierarchy(int dir_fd, const struct cgroup_mount_entry *entry, const struct mount_options *o, struct error *err)
{
    struct mount_attr attr = mount_merged_attributes(o);
    attr.propagation = 0;
    if (entry->is_systemd)
        attr.attr_set &= ~(uint64_t)MOUNT_ATTR_RDONLY;

    _close_ int tree = mount_fd_clone(AT_FDCWD, entry->path, true);
    if (tree < 0)
        return error_set(err, tree, "cgroup '%s'", entry->path);
    int r = mount_set_attributes(tree, true, &attr, err);
    if (r < 0)
        return r;
    r = sys_mkdirat(dir_fd, entry->name, 0755);
    if (r < 0)
        return error_set(err, r, "make '%s'", entry->name);
    _close_ int target = sys_openat(dir_fd, entry->name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC, 0);
    r = target < 0 ? target : mount_fd_attach(tree, target);
    if (r < 0)
        return error_set(err, r, "attach cgroup '%s'", entry->path);
    return make_names(dir_fd, entry->name, err);
}

/* Version 1: the container sees its own group in every hierarchy, and nothing above it. */
static int apply_v1(const struct mount_plan *plan, const struct cgroup_mount_entry *entries, size_t n, int target_fd,
                    struct error *err)
{
    struct mount_attr attr = {.attr_set = mount_merged_attributes(&plan->options).attr_set & MOUNT_ATTR_RDONLY,
                              .propagation = plan->options.propagation};

    _close_ int dir = mount_fs_tmpfs("mode=755", MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC, err);
    if (dir < 0)
        return dir;
    int r = mount_fd_attach(dir, target_fd);
    if (r < 0)
        return error_set(err, r, "attach");
    for (size_t i = 0; i < n; i++) {
        r = bind_hierarchy(dir, &entries[i], &plan->options, err);
        if (r < 0)
            return r;
    }
    return mount_set_attributes(dir, false, &attr, err);
}

int mount_cgroup_apply(struct rootfs *rootfs, const struct mount_plan *plan, struct error *err)
{
    size_t n = 0;
    const struct cgroup_mount_entry *entries = cgroup_mount_entries(rootfs->cgroup, &n);
    _close_ int target = -1;

    int r = mount_open_dir(rootfs, plan, &target, err);
    if (r < 0)
        return r;
    if (n > 0)
        return apply_v1(plan, entries, n, target, err);
    struct mount_fs v2 = {.plan = plan, .type = "cgroup2", .source = "cgroup2", .target_fd = target};
    return mount_fs_apply(rootfs, &v2, err);
}
