/* SPDX-License-Identifier: Apache-2.0 */
/* Option words of an OCI mount, as numbers for the kernel.
 *
 * Words are applied in order, a later one takes back what an earlier one said. A word that is not in the table belongs to the
 * file system ("size=64m") and is not stored: who mounts asks mount_option_is_data() again. Words: mount(8), runtime-spec
 * "Linux mount options". */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/strlist.h"

struct mount_options {
    bool bind;
    bool rbind; /* bind with everything mounted below */
    bool remount;
    bool copy_up; /* tmpcopyup: a new tmpfs begins with the content of the directory that it covers */
    /* MS_* bits of the superblock that were set or cleared by name */
    uint64_t super_set;
    uint64_t super_clr;
    /* MOUNT_ATTR_* of the mount itself; a change of the atime mode has all of MOUNT_ATTR__ATIME in clr */
    uint64_t set;
    uint64_t clr;
    /* the same for the mount and all below it, to be applied before set and clr */
    uint64_t rec_set;
    uint64_t rec_clr;
    uint64_t propagation; /* MS_SHARED, MS_SLAVE, MS_PRIVATE, MS_UNBINDABLE, or 0 */
    bool propagation_rec;
};

/* -EINVAL for a word that is known but not supported ("idmap"), which err names. */
int mount_options_parse(const struct strlist *words, struct mount_options *ret, struct error *err);
bool mount_option_is_data(const char *word);

/* MS_SHARED, MS_SLAVE, MS_PRIVATE or MS_UNBINDABLE for a propagation word with or without its leading 'r', else 0. */
uint64_t mount_propagation_parse(const char *word);
