/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/container/rootfs.h"

#include <errno.h>
#include <string.h>

#include "agent/container/devices.h"
#include "agent/container/inroot.h"
#include "agent/container/mask.h"
#include "agent/container/mount.h"
#include "agent/container/mount_fd.h"
#include "agent/container/pivot.h"
#include "sys/fd.h"

#define OUTSIDE_TEXT "current working directory is outside the container mount namespace root"

/* MS_SLAVE when the spec does not say. */
static uint64_t propagation(const struct oci_spec *spec)
{
    const char *word = spec->linux_ && spec->linux_->rootfs_propagation ? spec->linux_->rootfs_propagation : "";

    return mount_propagation_parse(word) ?: MS_SLAVE;
}

static int open_proc(struct rootfs *rootfs, struct error *err)
{
    struct statfs st;

    _close_ int fd = sys_openat(AT_FDCWD, "/proc", O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC, 0);
    int r = fd < 0 ? fd : sys_fstatfs(fd, &st);
    if (r < 0)
        return error_set(err, r, "open the guest's /proc");
    if (st.f_type != PROCFS_MAGIC)
        return error_text(err, -ENODEV, "the guest's /proc is no procfs");
    fd_replace(&rootfs->proc_fd, fd_take(&fd));
    return 0;
}

/* The parent mount of the new root must not be shared, or attaching would spread to the guest and pivot_root(2) would refuse.
 * Its propagation can only be set at its root, which is found upwards: below a mount's root the kernel answers -EINVAL. */
static int make_parent_private(int fd)
{
    static const struct mount_attr private = {.propagation = MS_PRIVATE};
    _close_ int dir = sys_openat(fd, ".", O_PATH | O_DIRECTORY | O_CLOEXEC, 0);

    for (int depth = 0; dir >= 0 && depth < PATH_MAX / 2; depth++) {
        int r = sys_mount_setattr(dir, "", AT_EMPTY_PATH, &private);
        if (r != -EINVAL)
            return r;
        fd_replace(&dir, sys_openat(dir, "..", O_PATH | O_DIRECTORY | O_CLOEXEC, 0));
    }
    return dir < 0 ? dir : -EINVAL;
}

/* With "shared" the guest's mounts keep their peers, so that volumes can spread; the root itself never does. In all other cases
 * the whole tree is cut off first and the rest inherits that. */
static int isolate(uint64_t type, int path_fd, int tree, struct error *err)
{
    static const struct mount_attr slave = {.propagation = MS_SLAVE};

    if (type != MS_SHARED)
        return 0;
    int r = make_parent_private(path_fd);
    if (r >= 0)
        r = sys_mount_setattr(tree, "", AT_EMPTY_PATH | AT_RECURSIVE, &slave);
    return r < 0 ? error_set(err, r, "make the root private") : 0;
}

/* Puts a copy of the root on top of itself: it must be a mount of its own to be pivoted into. */
static int attach_root(struct rootfs *rootfs, uint64_t type, struct error *err)
{
    const char *path = rootfs->spec->root->path;
    struct open_how how = {.flags = O_PATH | O_DIRECTORY | O_CLOEXEC, .resolve = RESOLVE_NO_SYMLINKS};

    _close_ int path_fd = sys_openat2(AT_FDCWD, path, &how);
    if (path_fd < 0)
        return error_set(err, path_fd, "rootfs '%s'", path);
    _close_ int tree = mount_fd_clone(path_fd, "", true);
    if (tree < 0)
        return error_set(err, tree, "rootfs '%s': clone", path);
    int r = isolate(type, path_fd, tree, err);
    if (r < 0)
        return error_wrap(err, "rootfs '%s'", path);
    r = mount_fd_attach(tree, path_fd);
    if (r < 0)
        return error_set(err, r, "rootfs '%s': attach", path);
    fd_replace(&rootfs->root_fd, fd_take(&tree));
    return 0;
}

/* An unbindable root could not be copied: that comes at the end. */
static int set_guest_propagation(uint64_t type, struct error *err)
{
    struct mount_attr attr = {.propagation = type == MS_UNBINDABLE ? MS_PRIVATE : type};

    int r = sys_mount_setattr(AT_FDCWD, "/", AT_RECURSIVE, &attr);
    return r < 0 ? error_set(err, r, "set the propagation of /") : 0;
}

int rootfs_build(struct rootfs *rootfs, struct error *err)
{
    const struct oci_spec *spec = rootfs->spec;
    uint64_t type = propagation(spec);

    sys_umask(0);
    int r = open_proc(rootfs, err);
    if (r >= 0)
        r = set_guest_propagation(type, err);
    if (r >= 0)
        r = attach_root(rootfs, type, err);
    for (size_t i = 0; r >= 0 && i < spec->n_mounts; i++) {
        struct mount_plan plan;
        r = mount_plan_make(&spec->mounts[i], &plan, err);
        if (r >= 0)
            r = mount_plan_apply(rootfs, &plan, err);
    }
    if (r >= 0 && !rootfs->dev_is_bind)
        r = devices_make(rootfs, err);
    return r < 0 ? r : mask_prepare(rootfs, err);
}

int rootfs_enter(struct rootfs *rootfs, struct error *err)
{
    return rootfs->no_pivot ? pivot_move(rootfs, err) : pivot_enter(rootfs, err);
}

/* What was asked for the root, without what is mounted below it: those have options of their own. */
static int set_root_attributes(const struct rootfs *rootfs, struct error *err)
{
    struct mount_attr attr = {
        .attr_set = rootfs->spec->root->readonly ? MOUNT_ATTR_RDONLY : 0,
        .propagation = propagation(rootfs->spec),
    };

    int r = mount_fd_set(rootfs->root_fd, false, &attr);
    return r < 0 ? error_set(err, r, "set the attributes of the new root") : 0;
}

static int set_dev_read_only(const struct rootfs *rootfs, struct error *err)
{
    static const struct mount_attr attr = {.attr_set = MOUNT_ATTR_RDONLY};

    if (rootfs->dev_fd < 0)
        return 0;
    int r = mount_fd_set(rootfs->dev_fd, false, &attr);
    return r < 0 ? error_set(err, r, "make /dev read-only") : 0;
}

static int make_cwd(const struct rootfs *rootfs, const char *cwd, struct error *err)
{
    if (cwd[0] != '/')
        return error_text(err, -EINVAL, "the working directory '%s' is not absolute", cwd);
    _close_ int fd = inroot_make_dir(rootfs->root_fd, cwd, 0);
    return fd < 0 ? error_set(err, fd, "make the working directory '%s'", cwd) : 0;
}

int rootfs_finish(struct rootfs *rootfs, const char *cwd, struct error *err)
{
    int r = make_cwd(rootfs, cwd, err);
    if (r >= 0)
        r = mask_apply(rootfs, err);
    if (r >= 0)
        r = set_dev_read_only(rootfs, err);
    if (r >= 0)
        r = set_root_attributes(rootfs, err);
    if (r < 0)
        return r;
    fd_close(&rootfs->root_fd);
    fd_close(&rootfs->dev_fd);
    fd_close(&rootfs->null_fd);
    sys_umask(022);
    return rootfs_chdir(cwd, err); /* only now: a mask may lie on it */
}

void rootfs_done(struct rootfs *rootfs)
{
    fd_close(&rootfs->root_fd);
    fd_close(&rootfs->proc_fd);
    fd_close(&rootfs->dev_fd);
    fd_close(&rootfs->mqueue_fd);
    fd_close(&rootfs->null_fd);
}

int rootfs_chdir(const char *cwd, struct error *err)
{
    struct open_how how = {.flags = O_PATH | O_DIRECTORY | O_CLOEXEC, .resolve = RESOLVE_NO_MAGICLINKS};
    char path[PATH_MAX];

    if (cwd[0] != '/')
        return error_text(err, -EINVAL, "the working directory '%s' is not absolute", cwd);
    _close_ int fd = sys_openat2(AT_FDCWD, cwd, &how);
    int r = fd < 0 ? fd : sys_fchdir(fd);
    if (r < 0)
        return error_set(err, r, "change into the working directory '%s'", cwd);
    ssize_t len = sys_getcwd(path, sizeof(path)); /* outside the root the kernel answers "(unreachable)/..." */
    if (len == -ENOENT || (len > 0 && path[0] != '/'))
        return error_text(err, -EPERM, "'%s': " OUTSIDE_TEXT, cwd);
    return len < 0 ? error_set(err, (int)len, "the working directory '%s'", cwd) : 0;
}
