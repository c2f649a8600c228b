/* SPDX-License-Identifier: Apache-2.0 */
/* Mounts as descriptors: made or cloned detached, changed while nobody sees them, then attached to a descriptor.
 *
 * A descriptor of a mount stays good when the mount is attached: it then is the root of that mount in the tree. Calls:
 * open_tree(2), move_mount(2), mount_setattr(2), fsopen(2), fsconfig(2), fsmount(2). */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "sys/sys.h"

/* From sys/mount.h, which cannot be included beside linux/mount.h. */
#define UMOUNT_DETACH 2   /* MNT_DETACH */
#define UMOUNT_NO_LINKS 8 /* UMOUNT_NOFOLLOW */

/* f_type of procfs and st_ino of its root. */
#define PROCFS_MAGIC 0x9fa0
#define PROCFS_ROOT_INO 1

/* Longest key or value, with its NUL, that fsconfig(2) takes. */
#define FSCONFIG_WORD_MAX 256

/* Detached copy of the mount at path (all mounts below it too, when recursive); an empty path means dirfd itself. Links in path
 * are followed. Descriptor or -errno. */
int mount_fd_clone(int dirfd, const char *path, bool recursive);
/* 0 or -errno; -EINVAL for a directory on a file or the reverse. */
int mount_fd_attach(int mount_fd, int target_fd);
/* Changes attributes and propagation. In a user namespace some flags of a copied mount are locked: clearing those is -EPERM for
 * the kernel; here they simply stay. 0 or -errno. */
int mount_fd_set(int mount_fd, bool recursive, const struct mount_attr *attr);

/* A new file system that is being configured. Errors carry what the file system itself says about them. */
int mount_fs_open(const char *type, struct error *err);
/* One option item: "key=value" or "key", or several with commas between them ("\," belongs to a value). */
int mount_fs_option(int fs_fd, const char *item, struct error *err);
/* The key as it is, with any value shorter than FSCONFIG_WORD_MAX. */
int mount_fs_string(int fs_fd, const char *key, const char *value, struct error *err);
/* Makes the superblock and a detached mount of it with MOUNT_ATTR_* attr. Descriptor or -errno. */
int mount_fs_create(int fs_fd, uint64_t attr, struct error *err);
/* Applies the options set so far to the existing superblock of a context made by sys_fspick(). */
int mount_fs_reconfigure(int fs_fd, struct error *err);
/* Detached tmpfs with the given option item. */
int mount_fs_tmpfs(const char *item, uint64_t attr, struct error *err);
