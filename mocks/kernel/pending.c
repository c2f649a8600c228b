/* SPDX-License-Identifier: Apache-2.0 */
/* Stands in for modules that are not there yet. Every definition is weak, so the real one wins as soon as it exists; this file
 * goes when all do. */
#include "mocks/kernel/world.h"

#define WEAK __attribute__((weak))

static int mount_empty(struct world *world, const char *source, const char *data, struct super **ret_super)
{
    (void)data;
    return tmpfs_filesystem.mount(world, source, NULL, ret_super);
}

static int accept(const char *key, const char *value)
{
    (void)key;
    (void)value;
    return 0;
}

WEAK const struct filesystem devpts_filesystem = {.name = "devpts", .mount = mount_empty, .check = accept};

WEAK int tty_open(struct inode *inode, struct file *file)
{
    (void)inode;
    (void)file;
    unsupported("terminals");
}
