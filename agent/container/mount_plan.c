/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/container/mount.h"

#include <errno.h>
#include <string.h>

#include "agent/container/inroot.h"
#include "agent/container/mount_internal.h"

/* What may be covered below /proc: files that say how large the machine is. */
static const char *const proc_files[] = {
    "/proc/cpuinfo", "/proc/diskstats", "/proc/meminfo", "/proc/stat",
    "/proc/swaps",   "/proc/uptime",    "/proc/loadavg", "/proc/net/dev",
};

bool mount_is_proc_file(const char *destination)
{
    FOR_ROWS (file, proc_files) {
        if (strcmp(destination, *file) == 0)
            return true;
    }
    return false;
}

static int check_bind(const struct mount_plan *plan, struct error *err)
{
    const struct oci_mount *m = plan->mount;
    const char *destination = plan->destination;

    if (mount_text(m->source)[0] != '/')
        return error_text(err, -EINVAL, "the source '%s' of the bind mount %s is not an absolute path", mount_text(m->source),
                          destination);
    for (size_t i = 0; i < m->options.n; i++) {
        if (mount_option_is_data(m->options.items[i]))
            return error_text(err, -EINVAL, "unknown option '%s' of the bind mount %s", m->options.items[i], destination);
    }
    if (inroot_path_is_below(destination, "/proc") && strcmp(destination, "/proc") != 0 && !mount_is_proc_file(destination))
        return error_text(err, -EINVAL, "%s cannot be mounted because it is inside /proc", destination);
    return 0;
}

static int find_kind(struct mount_plan *plan, struct error *err)
{
    const char *type = mount_text(plan->mount->type);

    if (plan->options.remount)
        plan->kind = MOUNT_KIND_REMOUNT;
    else if (plan->options.bind || strcmp(type, "bind") == 0)
        plan->kind = MOUNT_KIND_BIND;
    else if (type[0] == '\0' || strcmp(type, "none") == 0)
        return error_text(err, -EINVAL, "the mount %s has neither a type nor the option bind", plan->destination);
    else if (strcmp(type, "cgroup") == 0)
        plan->kind = MOUNT_KIND_CGROUP;
    else
        plan->kind = MOUNT_KIND_FILE_SYSTEM;

    bool is_tmpfs = plan->kind == MOUNT_KIND_FILE_SYSTEM && strcmp(type, "tmpfs") == 0;
    if (plan->options.copy_up && !is_tmpfs)
        return error_text(err, -EINVAL, "the option tmpcopyup of the mount %s needs the type tmpfs", plan->destination);
    return 0;
}

int mount_plan_make(const struct oci_mount *mount, struct mount_plan *ret, struct error *err)
{
    ret->mount = mount;
    if (!inroot_path_is_plain(mount->destination) ||
        inroot_path_clean(mount->destination, ret->destination, sizeof(ret->destination)) < 0 || ret->destination[1] == '\0')
        return error_text(err, -EINVAL, "the mount destination %s is invalid", mount_text(mount->destination));

    int r = mount_options_parse(&mount->options, &ret->options, err);
    if (r < 0)
        return error_wrap(err, "mount %s", ret->destination);
    r = find_kind(ret, err);
    if (r < 0)
        return r;
    return ret->kind == MOUNT_KIND_BIND ? check_bind(ret, err) : 0;
}
