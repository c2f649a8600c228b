/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/guest/root.h"

#include <string.h>

#include "sys/mountinfo.h"
#include "sys/fd.h"

int root_is_bare(struct error *err)
{
    _buf_ struct buf text = BUF_INIT(MOUNTINFO_MAX);
    struct mountinfo mount;
    bool bare = false;

    int r = file_read_at(AT_FDCWD, MOUNTINFO_PATH, &text);
    if (r < 0)
        return error_set(err, r, "read %s", MOUNTINFO_PATH);
    for (char *cursor = text.data; mountinfo_next(&cursor, &mount);) {
        if (strcmp(mount.point, "/") == 0)
            bare = mount.id == mount.parent; /* the last one is the topmost */
    }
    return bare;
}

int root_lift(struct error *err)
{
    int r = root_is_bare(err);
    if (r <= 0)
        return r;
    _close_ int proc = sys_open_tree(AT_FDCWD, "/proc", OPEN_TREE_CLOEXEC);
    if (proc < 0)
        return error_set(err, proc, "open /proc");
    _close_ int view = sys_open_tree(AT_FDCWD, "/", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
    if (view < 0)
        return error_set(err, view, "clone the initramfs");
    r = sys_move_mount(view, "", AT_FDCWD, "/", MOVE_MOUNT_F_EMPTY_PATH);
    if (r < 0)
        return error_set(err, r, "mount the initramfs on itself");
    r = sys_fchdir(view);
    if (r >= 0)
        r = sys_chroot(".");
    if (r < 0)
        return error_set(err, r, "change into the mounted initramfs");
    r = sys_move_mount(proc, "", AT_FDCWD, "/proc", MOVE_MOUNT_F_EMPTY_PATH); /* below, no one could unmount it */
    return r < 0 ? error_set(err, r, "move /proc into the mounted initramfs") : 0;
}
