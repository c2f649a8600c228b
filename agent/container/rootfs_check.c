/* SPDX-License-Identifier: Apache-2.0 */
/* The part of the root file system that needs no kernel: what a spec may ask for. */
#include <errno.h>

#include "agent/container/devices.h"
#include "agent/container/inroot.h"
#include "agent/container/mask.h"
#include "agent/container/mount.h"
#include "agent/container/rootfs.h"

static int check_root(const struct oci_root *root, struct error *err)
{
    char clean[PATH_MAX];

    if (!root || !root->path)
        return error_text(err, -EINVAL, "rootfs: the spec has no root path");
    if (!inroot_path_is_plain(root->path) || inroot_path_clean(root->path, clean, sizeof(clean)) < 0)
        return error_text(err, -EINVAL, "rootfs: the root path '%s' is not absolute or contains '..'", root->path);
    if (clean[1] == '\0')
        return error_text(err, -EINVAL, "rootfs: the root path '%s' is the guest's own root", root->path);
    return 0;
}

int rootfs_check(const struct oci_spec *spec, struct error *err)
{
    const struct oci_linux *linux_ = spec->linux_;

    int r = check_root(spec->root, err);
    for (size_t i = 0; r >= 0 && i < spec->n_mounts; i++) {
        struct mount_plan plan;
        r = mount_plan_make(&spec->mounts[i], &plan, err);
    }
    if (r >= 0)
        r = devices_check(linux_, err);
    if (r >= 0)
        r = mask_check(linux_, err);
    if (r >= 0 && linux_ && linux_->rootfs_propagation && linux_->rootfs_propagation[0] &&
        !mount_propagation_parse(linux_->rootfs_propagation))
        return error_text(err, -EINVAL, "unknown rootfsPropagation '%s'", linux_->rootfs_propagation);
    return r < 0 ? r : 0;
}
