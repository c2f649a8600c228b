/* SPDX-License-Identifier: Apache-2.0 */
/* Directories that are made from a table of paths (/proc, /proc/sys, /sys): "kernel/hostname" is a file in a directory
 * "kernel", and a path that ends in '/' an empty directory. */
#pragma once
#include "mocks/kernel/vfs.h"

struct pseudo_tree {
    const void *entries; /* sorted so that what is in one directory is side by side; each begins with
                            const char *path; mode_t mode; the mode of an empty directory may be 0: dir_mode */
    size_t n, entry_size;
    uint64_t ino; /* inode numbers are counted from here: the same at every look-up */
    mode_t dir_mode;
    /* The file of an entry; its number and permissions are set by the caller. NULL: it is not there now. */
    struct inode *(*file)(struct super *super, const void *entry);
};

/* Inode of the tree's root. */
struct inode *pseudo_tree_root(struct super *super, const struct pseudo_tree *tree);
/* The same for a super block's own root, whose inode exists already: for its ops' lookup and list. */
struct inode *pseudo_tree_lookup(struct super *super, const struct pseudo_tree *tree, const char *name);
void pseudo_tree_list(struct super *super, const struct pseudo_tree *tree,
                      void (*add)(void *arg, const char *name, struct inode *inode), void *arg);
