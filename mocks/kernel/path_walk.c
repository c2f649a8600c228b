/* SPDX-License-Identifier: Apache-2.0 */
/* The walk along a path: components, "..", links, mounts, and the limits that openat2(2) sets (path_resolution(7)).
 *
 * It goes name by name and stops before the last one, because calls treat that differently: open creates it, unlink removes it,
 * most follow it. Whoever stands on a place sees the top of what is mounted there. */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include <linux/openat2.h>

#include "mocks/kernel/vfs_private.h"

#define LINKS_MAX 40

static void go(struct walk *walk, const struct path *to)
{
    path_ref(to);
    path_unref(&walk->path);
    walk->path = *to;
}

/* "/" at the beginning of a path or of a link. */
static int jump_to_root(struct walk *walk, bool is_start)
{
    if (walk->resolve & RESOLVE_BENEATH)
        return -EXDEV;
    /* Unless something before has asked for the root, the kernel does not know yet that it is on the same mount. */
    if ((walk->resolve & RESOLVE_NO_XDEV) && !is_start && (!walk->root_used || walk->path.mount != walk->root.mount))
        return -EXDEV;
    walk->root_used = true;
    go(walk, &walk->root);
    return 0;
}

static int set_start(struct walk *walk, int dirfd, const char *name)
{
    struct task *task = current();
    const struct path *from = &task->cwd;
    if (dirfd != AT_FDCWD) {
        struct file *file = fd_get(task, dirfd);
        if (!file)
            return -EBADF;
        if (*name && !S_ISDIR(file->inode->mode))
            return -ENOTDIR;
        if (!file->path.dentry)
            unsupported("a path that begins at a pipe, a socket or an event descriptor");
        from = &file->path;
    }
    go(walk, from);
    return 0;
}

static int start(struct walk *walk, int dirfd, const char *name, uint64_t resolve)
{
    walk->resolve = resolve;
    walk->last_type = LAST_ROOT;
    if (strlen(name) >= PATH_MAX)
        return -ENAMETOOLONG;
    bool absolute = *name == '/' && !(resolve & RESOLVE_IN_ROOT);
    int r = absolute ? 0 : set_start(walk, dirfd, name);
    if (r < 0)
        return r;
    walk->root = (resolve & (RESOLVE_BENEATH | RESOLVE_IN_ROOT)) && !absolute ? walk->path : current()->root;
    walk->root_used = resolve & (RESOLVE_BENEATH | RESOLVE_IN_ROOT);
    path_ref(&walk->root);
    return absolute ? jump_to_root(walk, true) : 0;
}

void walk_done(struct walk *walk)
{
    path_unref(&walk->path);
    path_unref(&walk->root);
}

/* Stands on a place, or on what is mounted there. */
static int step(struct walk *walk, const struct path *to)
{
    go(walk, to);
    return path_to_top(&walk->path) && (walk->resolve & RESOLVE_NO_XDEV) ? -EXDEV : 0;
}

/* Where the mount hangs, through mounts that cover each other; false when the root is reached first. */
static bool leave_mount(const struct walk *walk, struct path *place)
{
    while (place->dentry == place->mount->root) {
        if (path_equal(place, &walk->root) || !place->mount->parent)
            return false;
        *place = (struct path){place->mount->parent, place->mount->mountpoint};
        if (path_equal(place, &walk->root))
            return false;
    }
    return true;
}

static int step_up(struct walk *walk)
{
    struct path place = walk->path;
    walk->root_used = true;
    if (path_equal(&place, &walk->root) || !leave_mount(walk, &place)) {
        if (walk->resolve & RESOLVE_BENEATH)
            return -EXDEV;
        place = walk->path;
    } else {
        if (place.mount != walk->path.mount && (walk->resolve & RESOLVE_NO_XDEV))
            return -EXDEV;
        place.dentry = place.dentry->parent;
        /* A directory that was moved out of what its mount shows has no way up. */
        if (!dentry_is_below(place.dentry, place.mount->root))
            return -ENOENT;
    }
    return step(walk, &place);
}

static int jump(struct walk *walk, struct inode *link)
{
    if (walk->resolve & RESOLVE_NO_MAGICLINKS)
        return -ELOOP;
    struct path to;
    int r = link->ops->follow(link, &to);
    if (r < 0)
        return r;
    bool forbidden = (walk->resolve & RESOLVE_NO_XDEV) && to.mount != walk->path.mount;
    if (forbidden || (walk->resolve & (RESOLVE_BENEATH | RESOLVE_IN_ROOT)))
        r = -EXDEV;
    else
        go(walk, &to);
    path_unref(&to);
    return r;
}

/* Text of a link, or NULL after the jump of a magic one. */
static int read_link(struct walk *walk, const struct path *link, char **ret_text)
{
    struct inode *inode = link->dentry->inode;
    *ret_text = NULL;
    if (walk->links++ >= LINKS_MAX)
        return -ELOOP;
    if ((walk->resolve & RESOLVE_NO_SYMLINKS) || (link->mount->flags & MOUNT_ATTR_NOSYMFOLLOW))
        return -ELOOP;
    if (inode->ops->follow)
        return jump(walk, inode);
    if (!inode->ops->readlink) {
        *ret_text = strdup(shown(inode->content.data));
        return 0;
    }
    char *text = malloc(PATH_MAX);
    ssize_t n = inode->ops->readlink(inode, text, PATH_MAX - 1);
    if (n < 0) {
        free(text);
        return (int)n;
    }
    text[n] = '\0';
    *ret_text = text;
    return 0;
}

static int walk_text(struct walk *walk, const char *text);

int walk_link(struct walk *walk, const struct path *link)
{
    char *text;
    int r = read_link(walk, link, &text);
    walk->last_type = LAST_ROOT;
    if (r < 0 || !text)
        return r;
    if (*text == '\0')
        r = -ENOENT;
    else if (*text == '/')
        r = jump_to_root(walk, false);
    if (r == 0)
        r = walk_text(walk, text);
    free(text);
    return r;
}

static int look_up(struct walk *walk, struct path *ret_child)
{
    struct dentry *child = dentry_lookup(walk->path.dentry, walk->last);
    if (!child)
        return -ENOENT;
    *ret_child = (struct path){mount_ref(walk->path.mount), child};
    return path_to_top(ret_child) && (walk->resolve & RESOLVE_NO_XDEV) ? -EXDEV : 0;
}

/* Goes to walk->last. If that is a link to follow, *ret_more: stands before the last component of its text. */
static int walk_component(struct walk *walk, bool follow, bool *ret_more)
{
    *ret_more = false;
    switch (walk->last_type) {
    case LAST_ROOT:
    case LAST_DOT:
        return 0;
    case LAST_DOTDOT:
        return step_up(walk);
    default:
        break;
    }
    _path_ struct path child = {0};
    int r = look_up(walk, &child);
    if (r < 0)
        return r;
    if (follow && S_ISLNK(child.dentry->inode->mode)) {
        r = walk_link(walk, &child);
        *ret_more = r == 0;
        return r;
    }
    go(walk, &child);
    return 0;
}

int walk_last(struct walk *walk, bool follow)
{
    bool more = true;
    while (more) {
        int r = walk_component(walk, follow || walk->slash, &more);
        if (r < 0)
            return r;
    }
    return walk->slash && !S_ISDIR(walk->path.dentry->inode->mode) ? -ENOTDIR : 0;
}

/* Takes the next component off *text. */
static int next_component(struct walk *walk, const char **text)
{
    size_t len = (size_t)(strchrnul(*text, '/') - *text);
    if (len > NAME_MAX)
        return -ENAMETOOLONG;
    memcpy(walk->last, *text, len);
    walk->last[len] = '\0';
    walk->last_type = LAST_NAME;
    if (walk->last[0] == '.' && len <= 2 && (len == 1 || walk->last[1] == '.'))
        walk->last_type = len == 1 ? LAST_DOT : LAST_DOTDOT;
    *text += len;
    return 0;
}

/* The link in the middle of a path, to its end. */
static int walk_through(struct walk *walk)
{
    bool more, slash = walk->slash;
    walk->slash = false;
    int r = walk_component(walk, true, &more);
    if (r == 0 && more)
        r = walk_last(walk, true);
    walk->slash = slash;
    return r;
}

static const char *skip_slashes(const char *text)
{
    while (*text == '/')
        text++;
    return text;
}

static int walk_text(struct walk *walk, const char *text)
{
    text = skip_slashes(text);
    walk->last_type = LAST_ROOT;
    while (*text) {
        if (!S_ISDIR(walk->path.dentry->inode->mode))
            return -ENOTDIR;
        int r = inode_permission(walk->path.dentry->inode, X_OK);
        if (r == 0)
            r = next_component(walk, &text);
        if (r < 0)
            return r;
        const char *end = text;
        text = skip_slashes(text);
        if (*text == '\0') {
            walk->slash |= text > end;
            return 0;
        }
        r = walk_through(walk);
        if (r < 0)
            return r;
    }
    return 0;
}

int walk_parent(struct walk *walk, int dirfd, const char *name, uint64_t resolve)
{
    int r = start(walk, dirfd, name, resolve);
    return r < 0 ? r : walk_text(walk, name);
}

/* "" with WALK_EMPTY: the descriptor itself. */
static int walk_empty(struct walk *walk, int dirfd, unsigned int flags, uint64_t resolve)
{
    if (!(flags & WALK_EMPTY))
        return -ENOENT;
    return start(walk, dirfd, "", resolve);
}

int path_walk(int dirfd, const char *name, unsigned int flags, uint64_t resolve, struct path *ret_path, char *ret_last)
{
    if (!name)
        return -EFAULT;
    _walk_ struct walk walk = {0};
    int r = *name ? walk_parent(&walk, dirfd, name, resolve) : walk_empty(&walk, dirfd, flags, resolve);
    if (r < 0)
        return r;
    if (flags & WALK_PARENT) {
        if (walk.last_type != LAST_NAME)
            return -EEXIST;
        memcpy(ret_last, walk.last, sizeof(walk.last));
    } else {
        r = walk_last(&walk, flags & WALK_FOLLOW);
        if (r == 0 && (flags & WALK_DIRECTORY) && !S_ISDIR(walk.path.dentry->inode->mode))
            r = -ENOTDIR;
        if (r < 0)
            return r;
    }
    *ret_path = walk.path;
    walk.path = (struct path){0};
    return 0;
}
