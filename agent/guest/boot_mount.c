/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/guest/boot_mount.h"

#include <errno.h>
#include <string.h>

#include "sys/mountinfo.h"
#include "sys/sys.h"

static int mount_directory(const struct boot_mount *mount, struct error *err)
{
    int r = sys_mkdirat(AT_FDCWD, mount->target, 0755);
    if (r < 0 && r != -EEXIST)
        return error_set(err, r, "create '%s'", mount->target);
    r = sys_mount(mount->source, mount->target, mount->fstype, mount->flags, mount->data);
    if (r < 0)
        return error_set(err, r, "mount %s on '%s'", mount->fstype, mount->target);
    return 0;
}

int boot_mount_apply(const struct boot_mount *mount, const struct logger *log, struct error *err)
{
    struct error problem = {0};

    int r = mountinfo_is_mounted(mount->target, mount->fstype);
    if (r > 0)
        return 0;
    r = r < 0 ? error_set(&problem, r, "read '%s'", MOUNTINFO_PATH) : mount_directory(mount, &problem);
    if (r < 0 && mount->tolerated) {
        log_warning(log, "mount", "%s", problem.text);
        return 0;
    }
    if (r < 0 && err)
        *err = problem;
    return r;
}
