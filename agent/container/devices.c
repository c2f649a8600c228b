/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/container/devices.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/sysmacros.h>

#include "agent/container/inroot.h"
#include "agent/container/mount_fd.h"
#include "sys/fd.h"

#define KEEP_OWNER 0xffffffffU

/* The kernel's dev_t has 12 and 20 bits and would cut larger numbers. */
#define MAJOR_MAX 0xfff
#define MINOR_MAX 0xfffff

/* One node: a default one or the spec's. */
struct node {
    const char *path; /* in the container, and in the guest where it is bound from there */
    mode_t mode;      /* type and permissions */
    dev_t rdev;
    uint32_t uid, gid;
};

/* ---- check ---- */

static bool is_between(int64_t number, int64_t max)
{
    return number >= 0 && number <= max;
}

int devices_check(const struct oci_linux *linux_, struct error *err)
{
    for (size_t i = 0; linux_ && i < linux_->n_devices; i++) {
        const struct oci_device *device = &linux_->devices[i];
        char clean[PATH_MAX];

        if (!inroot_path_is_plain(device->path) || inroot_path_clean(device->path, clean, sizeof(clean)) < 0 ||
            !inroot_path_is_below(clean, "/dev") || clean[4] == '\0')
            return error_text(err, -EINVAL, "%s is not a valid device path", device->path ? device->path : "");
        if (!strchr("cbp", device->type) || device->type == '\0')
            return error_text(err, -EINVAL, "invalid spec: type '%c' of the device %s", device->type ? device->type : ' ',
                              device->path);
        if (device->type != 'p' && (!is_between(device->major, MAJOR_MAX) || !is_between(device->minor, MINOR_MAX)))
            return error_text(err, -EINVAL, "invalid spec: number %lld:%lld of the device %s", (long long)device->major,
                              (long long)device->minor, device->path);
    }
    return 0;
}

/* ---- nodes ---- */

/* The directory in the container that holds path, made if need be, and the last component. */
static int open_parent(const struct rootfs *rootfs, const char *path, char name[NAME_MAX + 1])
{
    char clean[PATH_MAX];

    int r = inroot_path_clean(path, clean, sizeof(clean));
    if (r < 0)
        return r;
    char *slash = strrchr(clean, '/');
    if (strlen(slash + 1) > NAME_MAX)
        return -ENAMETOOLONG;
    memcpy(name, slash + 1, strlen(slash + 1) + 1);
    *slash = '\0';
    return inroot_make_dir(rootfs->root_fd, clean, 0);
}

/* Opens the node that is there and looks whether it is the one that was asked for. */
static int open_equal(int dir_fd, const char *name, const struct node *node, struct error *err)
{
    struct stat st;

    _close_ int fd = sys_openat(dir_fd, name, O_PATH | O_NOFOLLOW | O_CLOEXEC, 0);
    int r = fd < 0 ? fd : sys_fstat(fd, &st);
    if (r < 0)
        return error_set(err, r, "look at %s", node->path);
    if ((st.st_mode & S_IFMT) != (node->mode & S_IFMT) || (!S_ISFIFO(st.st_mode) && st.st_rdev != node->rdev))
        return error_text(err, -EEXIST, "%s exists and is another file", node->path);
    return fd_take(&fd);
}

/* By descriptor: fchmod(2) refuses an O_PATH one, /proc/self/fd does not. */
static int set_mode(const struct rootfs *rootfs, int fd, mode_t mode)
{
    char path[64];

    snprintf(path, sizeof(path), "self/fd/%d", fd);
    return sys_fchmodat(rootfs->proc_fd, path, mode);
}

/* Makes the node. With `adopt`, an existing one gets owner and mode of the spec. */
static int make_node(const struct rootfs *rootfs, int dir_fd, const char *name, const struct node *node, bool adopt,
                     struct error *err)
{
    bool keeps_owner = node->uid == KEEP_OWNER || (node->uid == 0 && node->gid == 0);

    int r = sys_mknodat(dir_fd, name, node->mode, node->rdev);
    if (r < 0 && r != -EEXIST)
        return error_set(err, r, "make %s", node->path);
    bool existed = r == -EEXIST;
    if (!existed && keeps_owner)
        return 0;

    _close_ int fd = open_equal(dir_fd, name, node, err);
    if (fd < 0 || (existed && !adopt))
        return fd < 0 ? fd : 0;
    r = sys_fchownat(fd, "", node->uid, node->gid, AT_EMPTY_PATH);
    if (r >= 0 && existed)
        r = set_mode(rootfs, fd, node->mode & 07777);
    return r < 0 ? error_set(err, r, "set owner and mode of %s", node->path) : 0;
}

/* A clone of the guest's node, verified on the descriptor that is bound. */
static int clone_guest_node(const struct node *node, struct error *err)
{
    struct stat st;
    struct mount_attr attr = {.attr_set = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC};

    _close_ int tree = mount_fd_clone(AT_FDCWD, node->path, false);
    int r = tree < 0 ? tree : sys_fstat(tree, &st);
    if (r < 0)
        return error_set(err, r, "bind the guest's %s", node->path);
    if ((st.st_mode & S_IFMT) != (node->mode & S_IFMT) || st.st_rdev != node->rdev)
        return error_text(err, -ENODEV, "the guest's %s is another file", node->path);
    r = mount_fd_set(tree, false, &attr);
    return r < 0 ? error_set(err, r, "bind the guest's %s", node->path) : fd_take(&tree);
}

static int bind_node(int dir_fd, const char *name, const struct node *node, struct error *err)
{
    struct stat st;

    _close_ int tree = clone_guest_node(node, err);
    if (tree < 0)
        return tree;
    _close_ int target = sys_openat(dir_fd, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
    if (target == -EEXIST)
        target = sys_openat(dir_fd, name, O_PATH | O_NOFOLLOW | O_CLOEXEC, 0);
    int r = target < 0 ? target : sys_fstat(target, &st);
    if (r < 0)
        return error_set(err, r, "make %s", node->path);
    if (S_ISLNK(st.st_mode))
        return error_text(err, -EEXIST, "%s exists and is another file", node->path);
    r = mount_fd_attach(tree, target);
    return r < 0 ? error_set(err, r, "attach to %s", node->path) : 0;
}

static int place_node(const struct rootfs *rootfs, int dir_fd, const char *name, const struct node *node, bool adopt,
                      struct error *err)
{
    if (rootfs->new_user_namespace && !S_ISFIFO(node->mode))
        return bind_node(dir_fd, name, node, err);
    int r = make_node(rootfs, dir_fd, name, node, adopt, err);
    if (r != -EPERM || S_ISFIFO(node->mode))
        return r;
    /* A directory that is shared with the host takes no devices. */
    if (err)
        *err = (struct error){0};
    return bind_node(dir_fd, name, node, err);
}

static int make_default_nodes(const struct rootfs *rootfs, int dev_fd, struct error *err)
{
    static const struct {
        const char *path;
        unsigned int major, minor;
    } rows[] = {
        {"/dev/null", 1, 3}, {"/dev/zero", 1, 5},    {"/dev/full", 1, 7},
        {"/dev/tty", 5, 0},  {"/dev/urandom", 1, 9}, {"/dev/random", 1, 8},
    };

    FOR_ROWS (row, rows) {
        struct node node = {.path = row->path,
                            .mode = S_IFCHR | 0666,
                            .rdev = makedev(row->major, row->minor),
                            .uid = KEEP_OWNER,
                            .gid = KEEP_OWNER};
        int r = place_node(rootfs, dev_fd, row->path + strlen("/dev/"), &node, false, err);
        if (r < 0)
            return r;
    }
    return 0;
}

/* No mode in the spec means that of the guest's node, if there is one. */
static int permissions(const struct oci_device *device)
{
    struct stat st;

    if (device->file_mode.set && (device->file_mode.value & 07777) != 0)
        return device->file_mode.value & 07777;
    int r = sys_fstatat(AT_FDCWD, device->path, &st, AT_SYMLINK_NOFOLLOW);
    if (r < 0)
        return r == -ENOENT || r == -ENOTDIR ? 0 : r;
    return st.st_mode & 07777;
}

static int make_spec_node(const struct rootfs *rootfs, const struct oci_device *device, struct error *err)
{
    mode_t type = device->type == 'c' ? S_IFCHR : device->type == 'b' ? S_IFBLK : S_IFIFO;
    int mode = permissions(device);
    if (mode < 0)
        return error_set(err, mode, "look at the guest's %s", device->path);
    struct node node = {
        .path = device->path,
        .mode = type | (mode_t)mode,
        .rdev = type == S_IFIFO ? 0 : makedev((unsigned int)device->major, (unsigned int)device->minor),
        .uid = device->uid,
        .gid = device->gid,
    };
    char name[NAME_MAX + 1];

    _close_ int dir_fd = open_parent(rootfs, device->path, name);
    if (dir_fd < 0)
        return error_set(err, dir_fd, "open the directory of %s", device->path);
    return place_node(rootfs, dir_fd, name, &node, true, err);
}

/* ---- links ---- */

/* An equal link may be there; `replaces`: anything but a directory may be, and gives way. */
static int make_link(int dev_fd, const char *name, const char *target, bool replaces, struct error *err)
{
    char existing[PATH_MAX];

    int r = sys_symlinkat(target, dev_fd, name);
    if (r != -EEXIST)
        return r < 0 ? error_set(err, r, "link /dev/%s to %s", name, target) : 0;

    ssize_t len = sys_readlinkat(dev_fd, name, existing, sizeof(existing));
    if (len == (ssize_t)strlen(target) && memcmp(existing, target, (size_t)len) == 0)
        return 0;
    if (!replaces)
        return error_text(err, -EEXIST, "/dev/%s exists and is no link to %s", name, target);
    r = sys_unlinkat(dev_fd, name, 0);
    if (r >= 0)
        r = sys_symlinkat(target, dev_fd, name);
    return r < 0 ? error_set(err, r, "replace /dev/%s by a link to %s", name, target) : 0;
}

static int make_links(const struct rootfs *rootfs, int dev_fd, struct error *err)
{
    static const struct {
        const char *name, *target;
        bool replaces;
    } rows[] = {
        {"fd", "/proc/self/fd", false},       {"stdin", "/proc/self/fd/0", false}, {"stdout", "/proc/self/fd/1", false},
        {"stderr", "/proc/self/fd/2", false}, {"ptmx", "pts/ptmx", true},
    };
    struct stat st;

    FOR_ROWS (row, rows) {
        int r = make_link(dev_fd, row->name, row->target, row->replaces, err);
        if (r < 0)
            return r;
    }
    int r = sys_fstatat(rootfs->proc_fd, "kcore", &st, AT_SYMLINK_NOFOLLOW);
    if (r == -ENOENT)
        return 0;
    if (r < 0)
        return error_set(err, r, "look for /proc/kcore");
    return make_link(dev_fd, "kcore", "/proc/kcore", false, err);
}

int devices_make(const struct rootfs *rootfs, struct error *err)
{
    const struct oci_linux *linux_ = rootfs->spec->linux_;

    _close_ int dev_fd = inroot_make_dir(rootfs->root_fd, "/dev", 0);
    if (dev_fd < 0)
        return error_set(err, dev_fd, "open /dev of the container");
    int r = make_default_nodes(rootfs, dev_fd, err);
    for (size_t i = 0; r >= 0 && linux_ && i < linux_->n_devices; i++)
        r = make_spec_node(rootfs, &linux_->devices[i], err);
    return r < 0 ? r : make_links(rootfs, dev_fd, err);
}
