/* SPDX-License-Identifier: Apache-2.0 */
/* What the parts of the mount module share; nothing outside agent/container/mount*.c includes this. */
#pragma once
#include "agent/container/mount.h"

static inline const char *mount_text(const char *s)
{
    return s ? s : "";
}

/* True for the few files of procfs that a spec may cover: those that say how large the machine is. */
bool mount_is_proc_file(const char *destination);

/* Opens the directory or the file to be covered, and makes it when it is missing. A target inside a procfs is refused. */
int mount_open_dir(const struct rootfs *rootfs, const struct mount_plan *plan, int *ret_fd, struct error *err);
int mount_open_file(const struct rootfs *rootfs, const struct mount_plan *plan, int *ret_fd, struct error *err);

/* What the recursive and the plain part of the options come to for a single mount. */
struct mount_attr mount_merged_attributes(const struct mount_options *o);
/* No call at all when attr changes nothing. */
int mount_set_attributes(int fd, bool recursive, const struct mount_attr *attr, struct error *err);
/* All attributes and the propagation of o; is_tree: mounts hang below fd. */
int mount_set_tree_attributes(int fd, const struct mount_options *o, bool is_tree, struct error *err);

/* A new file system for plan->destination; type and source may differ from the plan's. */
struct mount_fs {
    const struct mount_plan *plan;
    const char *type;
    const char *source;
    int target_fd;
};
int mount_fs_apply(struct rootfs *rootfs, const struct mount_fs *fs, struct error *err);
int mount_fs_remount(struct rootfs *rootfs, const struct mount_plan *plan, struct error *err);

/* Takes "ro" and "rro" out of the options; true if one was there. */
bool mount_take_read_only(struct mount_options *o);
/* The same for a mount on /dev only: mount points, nodes and links are still made in it, and it becomes read-only at the very
 * end, through rootfs->dev_fd. */
bool mount_hold_back_read_only(const struct mount_plan *plan, struct mount_options *o);

int mount_cgroup_apply(struct rootfs *rootfs, const struct mount_plan *plan, struct error *err);
