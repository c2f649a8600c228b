/* SPDX-License-Identifier: Apache-2.0 */
/* Places in the tree of mounts, and what a task calls them (path_resolution(7), proc(5): "(deleted)"). */
#include <errno.h>

#include "mocks/kernel/vfs_private.h"

void path_ref(const struct path *path)
{
    if (path->mount)
        mount_ref(path->mount);
    if (path->dentry)
        dentry_ref(path->dentry);
}

/* The mount last: with it the super block may go. */
void path_unref(struct path *path)
{
    dentry_unref(path->dentry);
    mount_unref(path->mount);
    *path = (struct path){0};
}

bool path_to_top(struct path *path)
{
    bool moved = false;
    for (struct mount *mount; (mount = mount_on(path)) != NULL; moved = true) {
        struct path top = {mount, mount->root};
        path_ref(&top);
        path_unref(path);
        *path = top;
    }
    return moved;
}

bool path_reachable(const struct path *path, const struct path *root)
{
    struct path place = *path;
    while (place.mount != root->mount && place.mount->parent)
        place = (struct path){place.mount->parent, place.mount->mountpoint};
    return place.mount == root->mount && dentry_is_below(place.dentry, root->dentry);
}

/* Names are collected from the end. */
struct name_end {
    char *p;
    size_t room;
};

static bool put(struct name_end *end, const char *text, size_t len)
{
    if (len > end->room)
        return false;
    end->room -= len;
    memcpy(end->p + end->room, text, len);
    return true;
}

static bool put_names(struct name_end *end, struct path place, const struct path *root)
{
    while (!path_equal(&place, root)) {
        if (place.dentry == place.mount->root) {
            if (!place.mount->parent)
                break;
            place = (struct path){place.mount->parent, place.mount->mountpoint};
            continue;
        }
        if (place.dentry->parent == place.dentry)
            break;
        if (!put(end, place.dentry->name, strlen(place.dentry->name)) || !put(end, "/", 1))
            return false;
        place.dentry = place.dentry->parent;
    }
    return true;
}

static ssize_t put_name(const struct task *task, const struct path *path, const char *mark, char *p, size_t len)
{
    struct name_end end = {p, len};
    if (!put(&end, mark, strlen(mark)))
        return -ERANGE;
    size_t before = end.room;
    if (!put_names(&end, *path, &task->root))
        return -ERANGE;
    if (end.room == before && !put(&end, "/", 1))
        return -ERANGE;
    memmove(p, p + end.room, len - end.room);
    return (ssize_t)(len - end.room);
}

ssize_t path_name(const struct task *task, const struct path *path, char *p, size_t len)
{
    return put_name(task, path, path->dentry->unlinked ? " (deleted)" : "", p, len);
}

ssize_t path_plain_name(const struct task *task, const struct path *path, char *p, size_t len)
{
    return put_name(task, path, "", p, len);
}
