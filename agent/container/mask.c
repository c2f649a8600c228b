/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/container/mask.h"

#include <errno.h>
#include <sys/sysmacros.h>

#include "agent/container/inroot.h"
#include "agent/container/mount_fd.h"
#include "sys/fd.h"

/* A mount that covers, and whether it hangs in the tree already: the first path gets the mount itself, the others clones. */
struct cover {
    int fd; /* -1 while not made */
    bool is_used;
};

static int check_list(const struct strlist *paths, struct error *err)
{
    for (size_t i = 0; i < paths->n; i++) {
        if (!inroot_path_is_plain(paths->items[i]))
            return error_text(err, -EINVAL, "Cannot mount %s (path does not start with '/' or contains '..').",
                              paths->items[i]);
    }
    return 0;
}

int mask_check(const struct oci_linux *linux_, struct error *err)
{
    if (!linux_)
        return 0;
    int r = check_list(&linux_->masked_paths, err);
    return r < 0 ? r : check_list(&linux_->readonly_paths, err);
}

int mask_prepare(struct rootfs *rootfs, struct error *err)
{
    struct mount_attr attr = {.attr_set = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC};
    struct stat st;

    if (!rootfs->spec->linux_ || rootfs->spec->linux_->masked_paths.n == 0)
        return 0;
    _close_ int fd = mount_fd_clone(AT_FDCWD, "/dev/null", false);
    int r = fd < 0 ? fd : sys_fstat(fd, &st);
    if (r < 0)
        return error_set(err, r, "clone the guest's /dev/null");
    if (!S_ISCHR(st.st_mode) || st.st_rdev != makedev(1, 3))
        return error_text(err, -ENODEV, "the guest's /dev/null is no null device");
    r = mount_fd_set(fd, false, &attr);
    if (r < 0)
        return error_set(err, r, "make the null device read-only");
    fd_replace(&rootfs->null_fd, fd_take(&fd));
    return 0;
}

static int attach_cover(struct cover *cover, int target_fd, const char *path, struct error *err)
{
    _close_ int clone = cover->is_used ? mount_fd_clone(cover->fd, "", false) : -1;
    if (cover->is_used && clone < 0)
        return error_set(err, clone, "mask '%s'", path);
    int r = mount_fd_attach(cover->is_used ? clone : cover->fd, target_fd);
    if (r < 0)
        return error_set(err, r, "mask '%s'", path);
    cover->is_used = true;
    return 0;
}

static int make_empty_dir(struct cover *dir, struct error *err)
{
    if (dir->fd >= 0)
        return 0;
    dir->fd = mount_fs_tmpfs("nr_blocks=1,nr_inodes=1,mode=755,ro",
                             MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC, err);
    return dir->fd < 0 ? dir->fd : 0;
}

/* -ENOTDIR: a component is a file, so what would be masked does not exist either. */
static bool is_missing(int r)
{
    return r == -ENOENT || r == -ENOTDIR;
}

static int mask_path(const struct rootfs *rootfs, const char *path, struct cover *dir, struct cover *null, struct error *err)
{
    struct stat st;

    _close_ int fd = inroot_open(rootfs->root_fd, path, O_PATH, 0);
    if (is_missing(fd))
        return 0;
    int r = fd < 0 ? fd : sys_fstat(fd, &st);
    if (r < 0)
        return error_set(err, r, "mask '%s'", path);
    if (!S_ISDIR(st.st_mode))
        return attach_cover(null, fd, path, err);
    r = make_empty_dir(dir, err);
    return r < 0 ? error_wrap(err, "mask '%s'", path) : attach_cover(dir, fd, path, err);
}

static int make_read_only(const struct rootfs *rootfs, const char *path, struct error *err)
{
    struct mount_attr attr = {.attr_set = MOUNT_ATTR_RDONLY};

    _close_ int fd = inroot_open(rootfs->root_fd, path, O_PATH, 0);
    if (is_missing(fd))
        return 0;
    _close_ int tree = fd < 0 ? fd : mount_fd_clone(fd, "", true);
    int r = tree < 0 ? tree : mount_fd_set(tree, true, &attr);
    if (r >= 0)
        r = mount_fd_attach(tree, fd);
    return r < 0 ? error_set(err, r, "make '%s' read-only", path) : 0;
}

int mask_apply(const struct rootfs *rootfs, struct error *err)
{
    const struct oci_linux *linux_ = rootfs->spec->linux_;
    struct cover null = {.fd = rootfs->null_fd};
    struct cover dir = {.fd = -1};
    int r = 0;

    for (size_t i = 0; r >= 0 && linux_ && i < linux_->masked_paths.n; i++)
        r = mask_path(rootfs, linux_->masked_paths.items[i], &dir, &null, err);
    for (size_t i = 0; r >= 0 && linux_ && i < linux_->readonly_paths.n; i++)
        r = make_read_only(rootfs, linux_->readonly_paths.items[i], err);
    fd_close(&dir.fd);
    return r;
}
