/* SPDX-License-Identifier: Apache-2.0 */
/* virtiofs: a directory of the host, told apart by its tag. The kernel knows the type once its module is loaded. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "mocks/kernel/vfs_private.h"

#define VIRTIOFS_MAGIC 0x65735546 /* FUSE */

void world_share(struct world *world, const char *tag)
{
    struct vfs *vfs = world_vfs(world);

    if (vfs->share)
        unsupported("world: a second virtio-fs device");
    vfs->share = super_new(world, &virtiofs_filesystem, 0755, &tmpfs_ops);
    vfs->share->source = strdup(tag);
}

static int virtiofs_mount(struct world *world, const char *source, const char *data, struct super **ret_super)
{
    struct super *share = world_vfs(world)->share;

    if (!world_has_module(world, "virtiofs"))
        return -ENODEV;
    if (data && *data)
        return -EINVAL;
    if (!share || !source || strcmp(share->source, source) != 0)
        return -EINVAL;
    *ret_super = super_ref(share);
    return 0;
}

const struct filesystem virtiofs_filesystem = {
    .name = "virtiofs",
    .magic = VIRTIOFS_MAGIC,
    .nodev_dev = true,
    .mount = virtiofs_mount,
};
