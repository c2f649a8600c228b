/* SPDX-License-Identifier: Apache-2.0 */
/* What a test does to the files of a world, as if the disk had been prepared or somebody else had been at work: no permissions,
 * no calls. */
#include "mocks/kernel/world_files.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mocks/kernel/mount.h"
#include "mocks/kernel/run.h"

/* ---- the walk ---- */

static void climb_mounts(struct path *path)
{
    for (struct mount *above; (above = mount_on(path)) != NULL;) {
        struct path up = {.mount = above, .dentry = above->root};
        path_ref(&up);
        path_unref(path);
        *path = up;
    }
}

/* One component down; path moves. */
static bool step(struct path *path, const char *name)
{
    if (!S_ISDIR(path->dentry->inode->mode))
        return false;
    struct dentry *child = dentry_lookup(path->dentry, name);
    if (!child)
        return false;
    struct path down = {.mount = path->mount, .dentry = child};
    path_ref(&down);
    dentry_unref(child);
    path_unref(path);
    *path = down;
    climb_mounts(path);
    return true;
}

/* Computed directories ask who looks: init, if nobody runs. */
static struct task *look_as_init(struct world *world)
{
    struct task *before = current();

    if (!before)
        set_current(world->init);
    return before;
}

bool world_walk(struct world *world, const char *name, struct path *ret_path)
{
    struct path path = world->root;
    char copy[PATH_MAX], *rest = copy, *component;
    bool ok = true;

    snprintf(copy, sizeof(copy), "%s", name);
    struct task *before = look_as_init(world);
    path_ref(&path);
    while (ok && (component = strsep(&rest, "/")) != NULL) {
        if (*component)
            ok = step(&path, component);
    }
    set_current(before);
    if (ok)
        *ret_path = path;
    else
        path_unref(&path);
    return ok;
}

/* The directory a name is to be in, which must exist; *ret_last is within name. */
static struct path parent_of(struct world *world, const char *name, const char **ret_last)
{
    const char *slash = strrchr(name, '/');
    char dir[PATH_MAX];
    struct path path;

    snprintf(dir, sizeof(dir), "%.*s", (int)(slash ? slash - name : 0), name);
    if (!slash || !world_walk(world, dir, &path))
        unsupported("world: no directory for '%s'", name);
    *ret_last = slash + 1;
    return path;
}

/* ---- changes ---- */

/* A new file at a name, or the one that is there. Referenced. */
static struct inode *make(struct world *world, const char *name, mode_t mode)
{
    const char *last;
    struct path dir = parent_of(world, name, &last);
    struct dentry *old = dentry_lookup(dir.dentry, last);
    struct inode *inode;

    if (old) {
        inode = inode_ref(old->inode);
        dentry_unref(old);
    } else {
        inode = inode_new(dir.mount->super, mode, dir.dentry->inode->ops);
        if (dir.dentry->inode->ops->create && dir.dentry->inode->ops->create(dir.dentry->inode, last, inode) < 0)
            unsupported("world: '%s' cannot be made", name);
        dentry_add(dir.dentry, last, inode);
    }
    path_unref(&dir);
    return inode;
}

static void set_content(struct inode *inode, const char *text)
{
    inode->content.len = 0;
    if (buf_append_str(&inode->content, text) < 0)
        unsupported("world: a file of %zu bytes", strlen(text));
    inode->size = inode->content.len;
}

/* With the directories on the way. */
void world_mkdir(struct world *world, const char *path, mode_t mode)
{
    const char *slash = strrchr(path, '/');
    char dir[PATH_MAX];

    snprintf(dir, sizeof(dir), "%.*s", (int)(slash ? slash - path : 0), path);
    if (dir[0] && !world_exists(world, dir))
        world_mkdir(world, dir, 0755);
    inode_unref(make(world, path, S_IFDIR | (mode & 07777)));
}

void world_write(struct world *world, const char *path, const char *text)
{
    struct inode *inode = make(world, path, S_IFREG | 0644);

    if (inode->ops && inode->ops->store)
        inode->ops->store(inode, text, strlen(text));
    else
        set_content(inode, text);
    inode_unref(inode);
}

static size_t program_number(struct world *world, program_fn fn)
{
    for (size_t i = 0; i < world->n_programs; i++) {
        if (world->programs[i] == fn)
            return i;
    }
    world->programs = realloc(world->programs, (world->n_programs + 1) * sizeof(*world->programs));
    if (!world->programs)
        abort();
    world->programs[world->n_programs] = fn;
    return world->n_programs++;
}

void world_program(struct world *world, const char *path, program_fn fn)
{
    char text[64];
    struct inode *inode = make(world, path, S_IFREG | 0755);

    inode->mode |= 0111;
    inode->program = fn;
    snprintf(text, sizeof(text), PROGRAM_TEXT, program_number(world, fn));
    set_content(inode, text);
    inode_unref(inode);
}

void world_symlink(struct world *world, const char *target, const char *path)
{
    struct inode *inode = make(world, path, S_IFLNK | 0777);

    set_content(inode, target);
    inode_unref(inode);
}

static void remove_tree(struct dentry *dentry)
{
    while (!list_is_empty(&dentry->children))
        remove_tree(CONTAINER_OF(dentry->children.next, struct dentry, link));
    dentry_remove(dentry);
}

void world_remove(struct world *world, const char *path)
{
    struct path at;

    if (!world_walk(world, path, &at))
        return;
    remove_tree(at.dentry);
    path_unref(&at);
}

/* ---- looking ---- */

static bool read_inode(struct inode *inode, struct buf *out)
{
    if (inode->ops && inode->ops->show)
        return inode->ops->show(inode, out) >= 0;
    if (!S_ISREG(inode->mode))
        return false;
    return inode->content.len == 0 || buf_append(out, inode->content.data, inode->content.len) == 0;
}

bool world_read(struct world *world, const char *path, struct buf *out)
{
    struct path at;

    if (!world_walk(world, path, &at))
        return false;
    struct task *before = look_as_init(world);
    bool ok = read_inode(at.dentry->inode, out);
    set_current(before);
    path_unref(&at);
    return ok;
}

bool world_exists(struct world *world, const char *path)
{
    struct path at;

    if (!world_walk(world, path, &at))
        return false;
    path_unref(&at);
    return true;
}
