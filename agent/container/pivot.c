/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/container/pivot.h"

#include <errno.h>
#include <string.h>

#include "agent/container/inroot.h"
#include "agent/container/mount_fd.h"
#include "sys/mountinfo.h"
#include "base/buf.h"
#include "sys/fd.h"

static const struct mount_attr make_slave = {.propagation = MS_SLAVE};

/* ---- pivot_root ---- */

int pivot_enter(const struct rootfs *rootfs, struct error *err)
{
    _close_ int old = sys_openat(AT_FDCWD, "/", O_PATH | O_DIRECTORY | O_CLOEXEC, 0);
    if (old < 0)
        return error_set(err, old, "open the old root");

    int r = sys_fchdir(rootfs->root_fd);
    if (r < 0)
        return error_set(err, r, "change into the new root");
    r = sys_pivot_root(".", "."); /* the old root now lies on top of the new one */
    if (r < 0)
        return error_set(err, r, "pivot_root");
    r = mount_fd_set(old, true, &make_slave); /* or the unmount would spread to the guest */
    if (r < 0)
        return error_set(err, r, "make the old root a slave");
    r = sys_fchdir(old);
    if (r >= 0)
        r = sys_umount2(".", UMOUNT_DETACH | UMOUNT_NO_LINKS);
    if (r < 0)
        return error_set(err, r, "detach the old root");
    r = sys_chdir("/");
    return r < 0 ? error_set(err, r, "change into the new root") : 0;
}

/* ---- move ---- */

/* Covers a mount that cannot be unmounted. */
static int cover(int fd, struct error *err)
{
    _close_ int empty = mount_fs_tmpfs("mode=755", MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC, err);
    if (empty < 0)
        return empty;
    int r = mount_fd_attach(empty, fd);
    return r < 0 ? error_set(err, r, "attach a tmpfs") : 0;
}

static int remove_mount(const char *point, struct error *err)
{
    _close_ int fd = sys_openat(AT_FDCWD, point, O_PATH | O_NOFOLLOW | O_CLOEXEC, 0);
    if (fd == -ENOENT)
        return 0; /* below a mount that has just gone */
    if (fd < 0)
        return error_set(err, fd, "open '%s'", point);
    int r = mount_fd_set(fd, true, &make_slave);
    if (r < 0 && r != -EINVAL) /* -EINVAL: no mount any more, or one that is hidden by another */
        return error_set(err, r, "make '%s' a slave", point);
    r = sys_umount2(point, UMOUNT_DETACH | UMOUNT_NO_LINKS);
    if (r == -EINVAL || r == -EPERM)
        return cover(fd, err);
    return r < 0 ? error_set(err, r, "unmount '%s'", point) : 0;
}

/* A full procfs or sysfs that stays somewhere in the tree would let a container mount its masked parts again. */
static int remove_pseudo_mounts(char *mountinfo, const char *root, struct error *err)
{
    struct mountinfo mount;

    while (mountinfo_next(&mountinfo, &mount)) {
        bool is_pseudo = strcmp(mount.type, "proc") == 0 || strcmp(mount.type, "sysfs") == 0;
        if (!is_pseudo || inroot_path_is_below(mount.point, root))
            continue;
        int r = remove_mount(mount.point, err);
        if (r < 0)
            return error_wrap(err, "remove the %s on '%s'", mount.type, mount.point);
    }
    return 0;
}

int pivot_move(const struct rootfs *rootfs, struct error *err)
{
    _buf_ struct buf mountinfo = BUF_INIT(MOUNTINFO_MAX);
    char root[PATH_MAX];

    int r = inroot_path_clean(rootfs->spec->root->path, root, sizeof(root));
    if (r >= 0)
        r = file_read_at(rootfs->proc_fd, "self/mountinfo", &mountinfo);
    if (r < 0)
        return error_set(err, r, "read mountinfo");
    r = remove_pseudo_mounts(mountinfo.data, root, err);
    if (r < 0)
        return r;

    r = sys_fchdir(rootfs->root_fd);
    if (r >= 0)
        r = sys_move_mount(rootfs->root_fd, "", AT_FDCWD, "/", MOVE_MOUNT_F_EMPTY_PATH);
    if (r < 0)
        return error_set(err, r, "move the new root to /");
    r = sys_chroot(".");
    if (r >= 0)
        r = sys_chdir("/");
    return r < 0 ? error_set(err, r, "change into the new root") : 0;
}
