/* SPDX-License-Identifier: Apache-2.0 */
/* A tree of files as text, sorted by name: equal texts, equal trees. */
#include <stdlib.h>
#include <sys/sysmacros.h>

#include "mocks/kernel/vfs_private.h"

static int by_name(const void *one, const void *other)
{
    return strcmp((*(struct dentry *const *)one)->name, (*(struct dentry *const *)other)->name);
}

static char type_letter(mode_t mode)
{
    static const char letters[] = "?pc?d?b?-?l?s???";
    return letters[(mode & S_IFMT) >> 12];
}

static void put_file(const struct dentry *dentry, const struct buf *name, struct buf *out)
{
    const struct inode *inode = dentry->inode;
    (void)buf_append(out, name->data, name->len);
    (void)buf_printf(out, " %c%04o %u:%u", type_letter(inode->mode), inode->mode & 07777, inode->uid, inode->gid);
    if (S_ISCHR(inode->mode) || S_ISBLK(inode->mode))
        (void)buf_printf(out, " %u,%u", major(inode->rdev), minor(inode->rdev));
    else if (S_ISLNK(inode->mode))
        (void)buf_printf(out, " -> %s", shown(inode->content.data));
    else if (S_ISREG(inode->mode))
        (void)buf_printf(out, " %llu", (unsigned long long)inode_size(inode));
    (void)buf_append(out, "\n", 1);
}

static void put_tree(const struct dentry *dir, struct buf *name, struct buf *out);

static void put_child(const struct dentry *child, struct buf *name, struct buf *out)
{
    size_t len = name->len;
    if (len > 1)
        (void)buf_append(name, "/", 1);
    (void)buf_append_str(name, child->name);
    put_tree(child, name, out);
    name->len = len;
}

static void put_tree(const struct dentry *dir, struct buf *name, struct buf *out)
{
    struct dentry *child, **sorted;
    size_t n = 0;
    put_file(dir, name, out);
    LIST_FOREACH (child, &dir->children, link)
        n += !child->computed;
    if (n == 0)
        return;
    sorted = calloc(n, sizeof(struct dentry *));
    n = 0;
    LIST_FOREACH (child, &dir->children, link)
        if (!child->computed)
            sorted[n++] = child;
    qsort(sorted, n, sizeof(struct dentry *), by_name);
    for (size_t i = 0; i < n; i++)
        put_child(sorted[i], name, out);
    free(sorted);
}

void vfs_snapshot(const struct path *path, struct buf *out)
{
    struct buf name = BUF_INIT(PATH_MAX * 2);
    (void)buf_append(&name, "/", 1);
    put_tree(path->dentry, &name, out);
    buf_done(&name);
}
