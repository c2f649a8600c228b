/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/guest/root.h"

#include <stdlib.h>
#include <string.h>

#include "sys/fd.h"

#define MOUNTINFO "/proc/self/mountinfo"
#define MOUNTINFO_MAX (1024 * 1024)

/* A line begins "ID PARENT-ID MAJOR:MINOR ROOT MOUNT-POINT "; a mount that hangs nowhere is its own parent. The last line about
 * "/" is the topmost. */
static bool last_root_is_bare(const char *text)
{
    bool bare = false;

    for (const char *line = text; *line; line += strcspn(line, "\n"), line += *line == '\n') {
        char *end;
        unsigned long id = strtoul(line, &end, 10);
        unsigned long parent = strtoul(end, &end, 10);
        const char *point = end + strspn(end, " ");
        for (int field = 0; field < 2; field++)
            point += strcspn(point, " \n") + (point[strcspn(point, " \n")] == ' ');
        if (strncmp(point, "/ ", 2) == 0)
            bare = id == parent;
    }
    return bare;
}

int root_is_bare(struct error *err)
{
    _buf_ struct buf text = BUF_INIT(MOUNTINFO_MAX);

    int r = file_read_at(AT_FDCWD, MOUNTINFO, &text);
    if (r < 0)
        return error_set(err, r, "read %s", MOUNTINFO);
    return text.data && last_root_is_bare(text.data);
}

int root_lift(struct error *err)
{
    int r = root_is_bare(err);
    if (r <= 0)
        return r;
    r = sys_umount2("/proc", 0); /* it would stay below, where no one can unmount it */
    if (r < 0)
        return error_set(err, r, "unmount /proc");
    _close_ int view = sys_open_tree(AT_FDCWD, "/", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
    if (view < 0)
        return error_set(err, view, "clone the initramfs");
    r = sys_move_mount(view, "", AT_FDCWD, "/", MOVE_MOUNT_F_EMPTY_PATH);
    if (r < 0)
        return error_set(err, r, "mount the initramfs on itself");
    r = sys_fchdir(view);
    if (r >= 0)
        r = sys_chroot(".");
    return r < 0 ? error_set(err, r, "change into the mounted initramfs") : 0;
}
