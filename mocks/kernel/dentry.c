/* SPDX-License-Identifier: Apache-2.0 */
/* Dentries: names in directories, which make the tree of a super block.
 *
 * A name that was made exists until it is removed: its directory keeps a reference. A computed one (procfs) exists while
 * somebody uses it, so that what is mounted on it stays there. Each dentry keeps its parent. */
#include <stdlib.h>

#include "mocks/kernel/memory.h"
#include "mocks/kernel/vfs_private.h"

/* Lower ones are those of "." and ".." and of what follows them. */
#define FIRST_POSITION 3

static uint32_t hash_name(const char *name)
{
    uint32_t hash = 2166136261u;
    for (; *name; name++)
        hash = (hash ^ (unsigned char)*name) * 16777619u;
    return hash;
}

static uint64_t next_position(const struct dentry *dir)
{
    const struct dentry *newest = CONTAINER_OF(dir->children.prev, struct dentry, link);
    return list_is_empty(&dir->children) ? FIRST_POSITION : newest->position + 1;
}

static struct dentry *dentry_new(struct dentry *parent, const char *name, struct inode *inode)
{
    struct dentry *dentry = zalloc(sizeof(*dentry));
    list_init(&dentry->children);
    list_init(&dentry->link);
    dentry->parent = parent ? dentry_ref(parent) : dentry;
    dentry->inode = inode;
    dentry->name = strdup(name);
    dentry->hash = hash_name(name);
    dentry->refs = 1;
    if (parent) {
        dentry->position = next_position(parent);
        list_append(&parent->children, &dentry->link);
    }
    if (S_ISDIR(inode->mode))
        inode->dentry = dentry;
    return dentry;
}

/* The root of a super block. Takes over the reference of inode. */
struct dentry *dentry_root(struct inode *inode)
{
    return dentry_new(NULL, "/", inode);
}

struct dentry *dentry_ref(struct dentry *dentry)
{
    dentry->refs++;
    return dentry;
}

void dentry_unref(struct dentry *dentry)
{
    while (dentry && --dentry->refs == 0) {
        struct dentry *parent = dentry->parent == dentry ? NULL : dentry->parent;
        list_remove(&dentry->link);
        if (dentry->inode->dentry == dentry)
            dentry->inode->dentry = NULL;
        inode_unref(dentry->inode);
        free(dentry->name);
        free(dentry);
        dentry = parent;
    }
}

/* A computed name that leads elsewhere now: its users keep it, the next lookup makes another. */
static bool is_stale(const struct dentry *dentry)
{
    return dentry->computed && dentry->inode->ops->valid && !dentry->inode->ops->valid(dentry->inode);
}

static struct dentry *find(struct dentry *dir, const char *name)
{
    uint32_t hash = hash_name(name);
    struct dentry *child;
    LIST_FOREACH (child, &dir->children, link)
        if (child->hash == hash && strcmp(child->name, name) == 0)
            return child;
    return NULL;
}

struct dentry *dentry_lookup(struct dentry *dir, const char *name)
{
    struct dentry *child = find(dir, name);
    if (child && !is_stale(child))
        return dentry_ref(child);
    if (child) {
        list_remove(&child->link);
        child->unlinked = true;
    }
    struct inode *inode = dir->inode->ops->lookup ? dir->inode->ops->lookup(dir->inode, name) : NULL;
    if (!inode)
        return NULL;
    child = dentry_new(dir, name, inode);
    child->computed = true;
    return child;
}

struct dentry *dentry_add(struct dentry *dir, const char *name, struct inode *inode)
{
    if (S_ISDIR(inode->mode))
        dir->inode->nlink++;
    return dentry_new(dir, name, inode_ref(inode));
}

void dentry_remove(struct dentry *dentry)
{
    if (dentry->unlinked)
        return;
    dentry->unlinked = true;
    list_remove(&dentry->link);
    if (S_ISDIR(dentry->inode->mode))
        dentry->parent->inode->nlink--;
    dentry->inode->super->removed_inodes += dentry->inode->nlink > 0;
    dentry->inode->nlink = 0;
    if (!dentry->computed)
        dentry_unref(dentry);
}

static void set_name(struct dentry *dentry, const char *name)
{
    char *copy = strdup(name);
    free(dentry->name);
    dentry->name = copy;
    dentry->hash = hash_name(name);
}

void dentry_move(struct dentry *dentry, struct dentry *dir, const char *name)
{
    struct dentry *old = dentry->parent;
    bool is_dir = S_ISDIR(dentry->inode->mode);
    old->inode->nlink -= is_dir;
    dir->inode->nlink += is_dir;

    list_remove(&dentry->link);
    dentry->position = next_position(dir);
    list_append(&dir->children, &dentry->link);
    dentry->parent = dentry_ref(dir);
    set_name(dentry, name);
    dentry_unref(old);
}

void dentry_exchange(struct dentry *one, struct dentry *other)
{
    struct dentry *dir = dentry_ref(other->parent);
    char *name = strdup(other->name);
    dentry_move(other, one->parent, one->name);
    dentry_move(one, dir, name);
    free(name);
    dentry_unref(dir);
}

bool dentry_is_below(const struct dentry *dentry, const struct dentry *ancestor)
{
    while (dentry != ancestor && dentry->parent != dentry)
        dentry = dentry->parent;
    return dentry == ancestor;
}

bool dentry_is_empty(const struct dentry *dir)
{
    return list_is_empty(&dir->children);
}

void dentry_name(const struct dentry *dentry, const struct dentry *root, struct buf *out)
{
    if (dentry == root || dentry->parent == dentry) {
        if (out->len == 0)
            (void)buf_append_str(out, "/");
        return;
    }
    if (dentry->parent != root && dentry->parent->parent != dentry->parent)
        dentry_name(dentry->parent, root, out);
    (void)buf_printf(out, "/%s", dentry->name);
}

/* Drops the names of a whole tree; what is still in use stays behind as unlinked. */
void dentry_drop_tree(struct dentry *dentry)
{
    struct dentry *child;
    LIST_FOREACH (child, &dentry->children, link)
        dentry_drop_tree(child);
    list_remove(&dentry->link);
    if (dentry->computed)
        return;
    dentry->unlinked = true;
    dentry_unref(dentry);
}
