/* SPDX-License-Identifier: Apache-2.0 */
/* A container's root file system, built inside its new mount namespace and then entered.
 *
 * Runs in the container's child process, in this order: rootfs_build(), rootfs_enter(), rootfs_finish(). Everything below the
 * root is reached through descriptors (openat2 RESOLVE_IN_ROOT, open_tree, move_mount); no path inside it is ever joined to a
 * string. What can be checked without the kernel is checked before, in the parent, by rootfs_check(). */
#pragma once
#include <stdbool.h>

#include "cgroup/cgroup.h"
#include "base/error.h"
#include "oci/spec.h"

struct rootfs {
    const struct oci_spec *spec;
    const struct cgroup *cgroup; /* for mounts of type cgroup */
    bool new_user_namespace;     /* device nodes are bound from the guest, not made */
    bool no_pivot;               /* the guest's root is a bare one: MS_MOVE and chroot instead of pivot_root */
    /* owned by this module from rootfs_build() on */
    int root_fd;      /* O_PATH, the container's root */
    int proc_fd;      /* the guest's /proc, verified procfs */
    int dev_fd;       /* the mount on /dev while its "ro" is held back, or -1 */
    int mqueue_fd;    /* a mount of the message queues for the first one of the spec that needs it, or -1 */
    int null_fd;      /* a mount of the guest's null device for masked files, or -1 */
    bool dev_is_bind; /* /dev comes from the guest as it is: nothing is made in it */
};

#define ROOTFS_INIT(spec_, cgroup_)                                                                                            \
    ((struct rootfs){                                                                                                          \
        .spec = (spec_), .cgroup = (cgroup_), .root_fd = -1, .proc_fd = -1, .dev_fd = -1, .mqueue_fd = -1, .null_fd = -1})

/* Pure checks of root, mounts, devices, masked and read-only paths, propagation. INVALID_ARGUMENT-like texts of the sheet with
 * field and value; status INTERNAL where the sheet says 13. */
int rootfs_check(const struct oci_spec *spec, struct error *err);

/* Propagation of "/", root bound on itself, mounts in order, devices, links, ptmx. spec->root->path is the guest's path. */
int rootfs_build(struct rootfs *rootfs, struct error *err);
/* pivot_root (or MS_MOVE + chroot): afterwards "/" and the working directory are the container's root and nothing of the
 * guest's tree is reachable. */
int rootfs_enter(struct rootfs *rootfs, struct error *err);
/* Masked and read-only paths, delayed read-only remounts, read-only root, requested propagation on the new root; creates the
 * process's cwd when missing and changes into it, refusing one outside. Closes root_fd; proc_fd stays for sysctls and is closed
 * by rootfs_done(). */
int rootfs_finish(struct rootfs *rootfs, const char *cwd, struct error *err);
/* Closes what is open; for the child it does not matter, tests need it. */
void rootfs_done(struct rootfs *rootfs);

/* chdir(cwd) in an entered container (also for exec), refused when it leads outside the mount namespace's root. */
int rootfs_chdir(const char *cwd, struct error *err);
