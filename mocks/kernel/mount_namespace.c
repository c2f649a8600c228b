/* SPDX-License-Identifier: Apache-2.0 */
/* Mount namespaces: trees of mounts with an owner (mount_namespaces(7)). */
#include <stdlib.h>

#include "mocks/kernel/memory.h"
#include "mocks/kernel/mount_private.h"

static struct mount_namespace *namespace_new(struct world *world, struct user_namespace *owner)
{
    struct mount_namespace *namespace = zalloc(sizeof(*namespace));
    list_init(&namespace->mounts);
    namespace->world = world;
    namespace->owner = user_namespace_ref(owner);
    namespace->inum = world->next_inum++;
    namespace->refs = 1;
    return namespace;
}

struct mount_namespace *mount_namespace_new(struct super *root, struct user_namespace *owner)
{
    struct mount_namespace *namespace = namespace_new(root->world, owner);
    if (root->type == &rootfs_filesystem) {
        namespace->root = mount_new(root, root->root, 0);
        mount_tree_join(namespace->root, namespace);
        return namespace;
    }
    struct super *hidden = NULL;
    if (rootfs_filesystem.mount(root->world, "rootfs", NULL, &hidden) < 0)
        abort();
    namespace->root = mount_new(hidden, hidden->root, 0);
    super_unref(hidden);
    mount_tree_join(namespace->root, namespace);
    mount_attach(root, &(struct path){namespace->root, namespace->root->root}, 0);
    return namespace;
}

struct mount_namespace *mount_namespace_anonymous(struct mount *tree, const struct mount_namespace *from)
{
    struct task *task = current();
    struct mount_namespace *namespace = namespace_new(task->world, task->namespaces.mount->owner);
    namespace->anonymous = true;
    if (from)
    namespace->origin = from->anonymous ? from->origin : from->inum;
    namespace->root = tree;
    mount_tree_join(tree, namespace);
    return namespace;
}

bool mount_is_detached_here(const struct mount *mount)
{
    const struct mount_namespace *namespace = mount->namespace;
    return namespace && namespace->anonymous &&
           (namespace->origin == 0 || namespace->origin == current()->namespaces.mount->inum);
}

static void move_place(struct path *place, const struct mount *from, struct mount *to)
{
    if (!place || place->mount != from)
        return;
    place->mount = mount_ref(to);
    mount_unref((struct mount *)from);
}

/* In a less privileged namespace nothing gets back to the old one, and what was hidden stays hidden. */
static void restrict_copy(struct mount *tree)
{
    for (struct mount *mount = tree; mount; mount = mount_next(mount, tree)) {
        if (mount->peer_group == 0)
            continue;
        mount->master = mount->peer_group;
        mount->peer_group = 0;
    }
    mount_tree_lock(tree);
}

struct mount_namespace *mount_namespace_copy(const struct mount_namespace *from, struct user_namespace *owner,
                                             struct path *root, struct path *cwd)
{
    struct mount *copy;
    if (mount_copy_tree(from->root, from->root->root, COPY_UNBINDABLE, &copy) < 0)
        abort();
    if (owner != from->owner)
        restrict_copy(copy);
    for (struct mount *mount = copy; mount; mount = mount_next(mount, copy)) {
        move_place(root, mount->original, mount);
        move_place(cwd, mount->original, mount);
    }
    struct mount_namespace *namespace = namespace_new(from->world, owner);
    namespace->root = copy;
    mount_tree_join(copy, namespace);
    return namespace;
}

struct mount_namespace *mount_namespace_ref(struct mount_namespace *namespace)
{
    namespace->refs++;
    return namespace;
}

/* A detached tree stays whole for those who still use it. */
void mount_namespace_unref(struct mount_namespace *namespace)
{
    if (!namespace || --namespace->refs > 0)
        return;
    if (namespace->root)
        umount_tree(namespace->root, false, namespace->anonymous);
    user_namespace_unref(namespace->owner);
    free(namespace);
}

void mount_namespace_root(const struct mount_namespace *namespace, struct path *ret_root)
{
    *ret_root = (struct path){namespace->root, namespace->root->root};
    path_ref(ret_root);
    path_to_top(ret_root);
}
