/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/container/mount.h"

#include <errno.h>
#include <string.h>

#include "agent/container/mount_fd.h"
#include "agent/container/mount_internal.h"
#include "sys/fd.h"

static int check_proc_source(const struct mount_plan *plan, int source_fd, const struct stat *st, struct error *err)
{
    struct statfs fs;

    if (strcmp(plan->destination, "/proc") != 0)
        return 0;
    int r = sys_fstatfs(source_fd, &fs);
    if (r < 0)
        return error_set(err, r, "statfs '%s'", plan->mount->source);
    if (fs.f_type != PROCFS_MAGIC || st->st_ino != PROCFS_ROOT_INO)
        return error_text(err, -EINVAL, "%s cannot be mounted to %s because it is not of type proc", plan->mount->source,
                          plan->destination);
    return 0;
}

/* The clone is both what is looked at and what is attached, so that nobody can swap the source in between. */
static int apply_bind(struct rootfs *rootfs, const struct mount_plan *plan, struct error *err)
{
    struct mount_options options = plan->options;
    struct stat st;

    _close_ int tree = mount_fd_clone(AT_FDCWD, plan->mount->source, options.rbind);
    if (tree < 0)
        return error_set(err, tree, "bind source '%s'", plan->mount->source);
    int r = sys_fstat(tree, &st);
    if (r < 0)
        return error_set(err, r, "stat '%s'", plan->mount->source);
    r = check_proc_source(plan, tree, &st, err);
    if (r < 0)
        return r;

    _close_ int target = -1;
    r = S_ISDIR(st.st_mode) ? mount_open_dir(rootfs, plan, &target, err) : mount_open_file(rootfs, plan, &target, err);
    if (r < 0)
        return r;
    bool is_held_back = mount_hold_back_read_only(plan, &options);
    r = mount_set_tree_attributes(tree, &options, options.rbind, err);
    if (r < 0)
        return r;
    if (strcmp(plan->destination, "/dev") == 0)
        rootfs->dev_is_bind = true;
    r = mount_fd_attach(tree, target);
    if (r < 0)
        return error_set(err, r, "attach");
    if (is_held_back)
        fd_replace(&rootfs->dev_fd, fd_take(&tree));
    return 0;
}

static int apply_fs(struct rootfs *rootfs, const struct mount_plan *plan, struct error *err)
{
    struct mount_fs fs = {.plan = plan, .type = plan->mount->type, .source = mount_text(plan->mount->source)};
    _close_ int target = -1;

    int r = mount_open_dir(rootfs, plan, &target, err);
    if (r < 0)
        return r;
    fs.target_fd = target;
    return mount_fs_apply(rootfs, &fs, err);
}

int mount_plan_apply(struct rootfs *rootfs, const struct mount_plan *plan, struct error *err)
{
    static int (*const apply[])(struct rootfs *, const struct mount_plan *, struct error *) = {
        [MOUNT_KIND_BIND] = apply_bind,
        [MOUNT_KIND_CGROUP] = mount_cgroup_apply,
        [MOUNT_KIND_FILE_SYSTEM] = apply_fs,
        [MOUNT_KIND_REMOUNT] = mount_fs_remount,
    };

    int r = apply[plan->kind](rootfs, plan, err);
    if (r < 0)
        return error_wrap(err, "failed to mount %s to %s, type '%s'", mount_text(plan->mount->source), plan->destination,
                          mount_text(plan->mount->type));
    return 0;
}
