/* SPDX-License-Identifier: Apache-2.0 */
/* Targets and attributes of mounts. */
#include <errno.h>
#include <string.h>

#include "agent/container/inroot.h"
#include "agent/container/mount_fd.h"
#include "agent/container/mount_internal.h"
#include "sys/fd.h"

/* ---- targets ---- */

/* A link in the image must not decide what is covered: nothing but the few files above may hide a part of procfs, and
 * labels, sysctls and masks rely on it. */
static int check_target(const struct mount_plan *plan, int target_fd, struct error *err)
{
    struct statfs st;

    if (inroot_path_is_below(plan->destination, "/proc") &&
        (mount_is_proc_file(plan->destination) || plan->destination[5] == '\0'))
        return 0;
    int r = sys_fstatfs(target_fd, &st);
    if (r < 0)
        return error_set(err, r, "statfs of the mount point");
    if (st.f_type == PROCFS_MAGIC)
        return error_text(err, -EINVAL, "%s cannot be mounted because it is inside /proc", plan->destination);
    return 0;
}

/* procfs and sysfs only go where their destination says, and so does everything that takes the place of /proc. */
static bool needs_real_directory(const struct mount_plan *plan)
{
    const char *type = plan->kind == MOUNT_KIND_FILE_SYSTEM ? plan->mount->type : "";

    return strcmp(type, "proc") == 0 || strcmp(type, "sysfs") == 0 || strcmp(plan->destination, "/proc") == 0;
}

/* Opens or makes the directory to be covered. */
int mount_open_dir(const struct rootfs *rootfs, const struct mount_plan *plan, int *ret_fd, struct error *err)
{
    bool is_real = needs_real_directory(plan);

    _close_ int fd = inroot_make_dir(rootfs->root_fd, plan->destination, is_real ? INROOT_NO_SYMLINKS : 0);
    if (is_real && (fd == -ELOOP || fd == -ENOTDIR))
        return error_text(err, fd, "%s must be mounted on ordinary directory", plan->destination);
    if (fd < 0)
        return error_set(err, fd, "make the mount point");
    int r = check_target(plan, fd, err);
    if (r < 0)
        return r;
    *ret_fd = fd_take(&fd);
    return 0;
}

int mount_open_file(const struct rootfs *rootfs, const struct mount_plan *plan, int *ret_fd, struct error *err)
{
    _close_ int fd = inroot_make_file(rootfs->root_fd, plan->destination);
    if (fd < 0)
        return error_set(err, fd, "make the mount point");
    int r = check_target(plan, fd, err);
    if (r < 0)
        return r;
    *ret_fd = fd_take(&fd);
    return 0;
}

/* ---- attributes ---- */

int mount_set_attributes(int fd, bool recursive, const struct mount_attr *attr, struct error *err)
{
    if (!attr->attr_set && !attr->attr_clr && !attr->propagation)
        return 0;
    int r = mount_fd_set(fd, recursive, attr);
    return r < 0 ? error_set(err, r, "set mount attributes") : 0;
}

/* What both parts of the options come to for a single mount. */
struct mount_attr mount_merged_attributes(const struct mount_options *o)
{
    return (struct mount_attr){
        .attr_set = (o->rec_set & ~o->clr) | o->set,
        .attr_clr = o->rec_clr | o->clr,
        .propagation = o->propagation,
    };
}

int mount_set_tree_attributes(int fd, const struct mount_options *o, bool is_tree, struct error *err)
{
    if (!is_tree) {
        struct mount_attr attr = mount_merged_attributes(o);
        return mount_set_attributes(fd, false, &attr, err);
    }
    struct mount_attr below = {
        .attr_set = o->rec_set, .attr_clr = o->rec_clr, .propagation = o->propagation_rec ? o->propagation : 0};
    struct mount_attr top = {.attr_set = o->set, .attr_clr = o->clr, .propagation = o->propagation_rec ? 0 : o->propagation};

    int r = mount_set_attributes(fd, true, &below, err);
    return r < 0 ? r : mount_set_attributes(fd, false, &top, err);
}

bool mount_take_read_only(struct mount_options *o)
{
    bool was_set = (o->set | o->rec_set) & MOUNT_ATTR_RDONLY;

    o->set &= ~(uint64_t)MOUNT_ATTR_RDONLY;
    o->rec_set &= ~(uint64_t)MOUNT_ATTR_RDONLY;
    o->super_set &= ~(uint64_t)MS_RDONLY;
    return was_set;
}

bool mount_hold_back_read_only(const struct mount_plan *plan, struct mount_options *o)
{
    return strcmp(plan->destination, "/dev") == 0 && mount_take_read_only(o);
}
