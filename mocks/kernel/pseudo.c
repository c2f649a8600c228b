/* SPDX-License-Identifier: Apache-2.0 */
#include "mocks/kernel/pseudo.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A directory is a beginning of the paths of some entries. */
struct place {
    const struct pseudo_tree *tree;
    const char *path;
    size_t len; /* 0: the root */
};

/* How every entry begins. */
struct beginning {
    const char *path;
    mode_t mode;
};

static const void *entry_at(const struct pseudo_tree *tree, size_t i)
{
    return (const char *)tree->entries + i * tree->entry_size;
}

static const char *entry_path(const struct pseudo_tree *tree, size_t i)
{
    return ((const struct beginning *)entry_at(tree, i))->path;
}

/* What follows the place in a path: "hostname" of "kernel/hostname"; NULL: it lies elsewhere. */
static const char *rest_of(const struct place *place, const char *path)
{
    if (place->len == 0)
        return path;
    if (strncmp(path, place->path, place->len) != 0 || path[place->len] != '/')
        return NULL;
    return path + place->len + 1;
}

static const struct inode_ops directory_ops;

static struct inode *make_directory(struct super *super, const struct place *place, uint64_t ino)
{
    struct inode *inode = inode_new(super, S_IFDIR | place->tree->dir_mode, &directory_ops);
    struct place *copy = malloc(sizeof(*copy));

    *copy = *place;
    inode->data = copy;
    inode->ino = ino;
    return inode;
}

/* Entry number i, seen from the place: a file, or the directory that its path goes through. */
static struct inode *make(struct super *super, const struct place *place, size_t i)
{
    const struct pseudo_tree *tree = place->tree;
    const char *path = entry_path(tree, i), *rest = rest_of(place, path);
    const char *slash = strchr(rest, '/');
    size_t len = (size_t)((slash ? slash : rest) - path);

    if (slash) {
        struct inode *dir = make_directory(super, &(struct place){tree, path, len}, tree->ino + i + 1000 * (len + 1));
        mode_t mode = ((const struct beginning *)entry_at(tree, i))->mode;
        if (slash[1] == '\0' && mode)
            dir->mode = S_IFDIR | mode;
        return dir;
    }
    struct inode *inode = tree->file(super, entry_at(tree, i));
    if (inode)
        inode->ino = tree->ino + i;
    return inode;
}

static struct inode *look_up(struct super *super, const struct place *place, const char *name)
{
    size_t len = strlen(name);

    for (size_t i = 0; i < place->tree->n; i++) {
        const char *rest = rest_of(place, entry_path(place->tree, i));
        if (rest && rest[0] == name[0] && strncmp(rest, name, len) == 0 && (rest[len] == '/' || rest[len] == '\0'))
            return make(super, place, i);
    }
    return NULL;
}

static void list(struct super *super, const struct place *place, void (*add)(void *arg, const char *name, struct inode *inode),
                 void *arg)
{
    const char *before = "";
    size_t before_len = 0;

    for (size_t i = 0; i < place->tree->n; i++) {
        const char *rest = rest_of(place, entry_path(place->tree, i));
        size_t len = rest ? strcspn(rest, "/") : 0;
        if (len == 0 || (len == before_len && strncmp(rest, before, len) == 0))
            continue;
        before = rest;
        before_len = len;
        struct inode *inode = make(super, place, i);
        char name[256];
        snprintf(name, sizeof(name), "%.*s", (int)len, rest);
        if (inode)
            add(arg, name, inode);
        inode_unref(inode);
    }
}

static struct inode *directory_lookup(struct inode *dir, const char *name)
{
    return look_up(dir->super, dir->data, name);
}

static void directory_list(struct inode *dir, void (*add)(void *arg, const char *name, struct inode *inode), void *arg)
{
    list(dir->super, dir->data, add, arg);
}

static void directory_release(struct inode *inode)
{
    free(inode->data);
}

static const struct inode_ops directory_ops = {
    .lookup = directory_lookup,
    .list = directory_list,
    .release = directory_release,
};

struct inode *pseudo_tree_root(struct super *super, const struct pseudo_tree *tree)
{
    return make_directory(super, &(struct place){tree, "", 0}, tree->ino - 1);
}

struct inode *pseudo_tree_lookup(struct super *super, const struct pseudo_tree *tree, const char *name)
{
    return look_up(super, &(struct place){tree, "", 0}, name);
}

void pseudo_tree_list(struct super *super, const struct pseudo_tree *tree,
                      void (*add)(void *arg, const char *name, struct inode *inode), void *arg)
{
    list(super, &(struct place){tree, "", 0}, add, arg);
}
