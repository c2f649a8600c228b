/* SPDX-License-Identifier: Apache-2.0 */
/* Propagation: what is mounted in one mount appears in others (mount_namespaces(7), "Shared subtrees").
 *
 * Mounts with the same peer group see each other's changes; a mount with a master group sees the changes of that group, but not
 * the other way round. Both are only numbers here: the members of a group are whoever carries its number. */
#include <stdlib.h>

#include "mocks/kernel/mount_private.h"

static struct vfs *vfs_of(const struct mount *mount)
{
    return world_vfs(mount->super->world);
}

unsigned int peer_group_new(const struct mount *mount)
{
    return ++vfs_of(mount)->next_peer_group;
}

static bool has_other_peer(const struct mount *mount)
{
    struct mount *other;
    LIST_FOREACH (other, &vfs_of(mount)->mounts, world_link)
        if (other != mount && other->peer_group == mount->peer_group)
            return true;
    return false;
}

/* A peer that leaves becomes a slave of its group. The last one dissolves the group: its slaves follow the group's own master
 * then. */
static void leave_group(struct mount *mount)
{
    struct mount *slave;
    if (mount->peer_group == 0)
        return;
    unsigned int group = mount->peer_group;
    if (has_other_peer(mount)) {
        mount->master = group;
    } else {
        LIST_FOREACH (slave, &vfs_of(mount)->mounts, world_link)
            if (slave->master == group)
                slave->master = mount->master;
    }
    mount->peer_group = 0;
}

void propagation_set(struct mount *mount, unsigned long type)
{
    if (type == MS_SHARED) {
        if (mount->peer_group == 0)
            mount->peer_group = peer_group_new(mount);
        mount->unbindable = false;
        return;
    }
    leave_group(mount);
    if (type != MS_SLAVE) {
        mount->master = 0;
        mount->unbindable = type == MS_UNBINDABLE;
    }
}

/* ---- who receives ---- */

struct visit {
    const struct mount *origin;
    void (*visit)(void *arg, struct mount *receiver);
    void *arg;
};

/* Is it the first one of its group in the list that follows this master? Then the group is gone through on its behalf. */
static bool leads_group(const struct mount *mount)
{
    struct mount *other;
    LIST_FOREACH (other, &vfs_of(mount)->mounts, world_link)
        if (other->peer_group == mount->peer_group)
            return other == mount;
    return false;
}

static void visit_group(const struct visit *visit, unsigned int group)
{
    struct mount *mount;
    struct list *mounts = &vfs_of(visit->origin)->mounts;
    LIST_FOREACH (mount, mounts, world_link)
        if (mount->peer_group == group && mount != visit->origin)
            visit->visit(visit->arg, mount);
    LIST_FOREACH (mount, mounts, world_link) {
        if (mount->master != group)
            continue;
        if (mount->peer_group == 0)
            visit->visit(visit->arg, mount);
        else if (leads_group(mount))
            visit_group(visit, mount->peer_group);
    }
}

void propagation_visit(struct mount *mount, void (*visit)(void *arg, struct mount *receiver), void *arg)
{
    struct visit all = {mount, visit, arg};
    if (mount->peer_group != 0)
        visit_group(&all, mount->peer_group);
}

/* ---- new mounts ---- */

struct mount *mount_topmost(struct mount *mount)
{
    for (struct mount *next; (next = mount_on(&(struct path){mount, mount->root})) != NULL;)
        mount = next;
    return mount;
}

/* Hangs the copy there; what hung there before comes on top of it. */
static void tuck(struct mount *copy, struct mount *parent, struct dentry *mountpoint)
{
    struct mount *above = mount_on(&(struct path){parent, mountpoint});
    mount_hang(copy, parent, mountpoint);
    if (!above)
        return;
    struct mount *top = mount_topmost(copy);
    mount_unhang(above);
    mount_hang(above, top, top->root);
}

struct spread {
    struct mount *tree; /* the original */
    struct mount **copies;
    size_t n;
};

/* The copy follows the groups of the tree it was made from, as their slave; shared: its mounts begin groups of their own. */
static void enslave(struct mount *copy, bool shared)
{
    for (struct mount *mount = copy; mount; mount = mount_next(mount, copy)) {
        mount->master = mount->original->peer_group;
        mount->peer_group = shared ? peer_group_new(mount) : 0;
    }
}

/* A copy of pattern for one receiver, or NULL if the mountpoint is not in it, or nobody could see it: in a detached tree. */
static struct mount *receive(struct spread *spread, struct mount *receiver, struct mount *pattern)
{
    struct mount *copy;
    if (receiver->marked || receiver->namespace->anonymous || !dentry_is_below(spread->tree->mountpoint, receiver->root))
        return NULL;
    if (mount_copy_tree(pattern, pattern->root, 0, &copy) < 0)
        return NULL;
    spread->copies = realloc(spread->copies, (spread->n + 1) * sizeof(*spread->copies));
    spread->copies[spread->n++] = copy;
    /* Hung at the end: until then the mounts of the world stay as they are. */
    copy->original = receiver;
    return copy;
}

static void spread_group(struct spread *spread, unsigned int group, struct mount *pattern);

static struct mount *receive_as_slave(struct spread *spread, struct mount *receiver, struct mount *pattern, bool shared)
{
    struct mount *copy = receive(spread, receiver, pattern);
    if (!copy)
        return NULL;
    copy->original = pattern;
    enslave(copy, shared);
    copy->original = receiver;
    return copy;
}

/* The first member that gets a copy gives the pattern for the others of its group and for those behind it. */
static void spread_slave_group(struct spread *spread, unsigned int group, struct mount *pattern)
{
    struct mount *mount, *first = NULL;
    LIST_FOREACH (mount, &vfs_of(spread->tree)->mounts, world_link) {
        if (mount->peer_group != group)
            continue;
        if (!first)
            first = receive_as_slave(spread, mount, pattern, true);
        else
            receive(spread, mount, first);
    }
    spread_group(spread, group, first ? first : pattern);
}

/* What follows the group as slaves. */
static void spread_group(struct spread *spread, unsigned int group, struct mount *pattern)
{
    struct mount *mount;
    LIST_FOREACH (mount, &vfs_of(spread->tree)->mounts, world_link) {
        if (mount->master != group)
            continue;
        if (mount->peer_group == 0)
            receive_as_slave(spread, mount, pattern, false);
        else if (leads_group(mount))
            spread_slave_group(spread, mount->peer_group, pattern);
    }
}

static void place_copy(const struct spread *spread, struct mount *copy)
{
    struct mount *receiver = copy->original;
    if (receiver->namespace->owner != current()->namespaces.mount->owner)
        mount_tree_lock(copy);
    copy->locked = false;
    mount_tree_join(copy, receiver->namespace);
    tuck(copy, receiver, spread->tree->mountpoint);
}

void propagate_mount(struct mount *tree, bool moves)
{
    struct mount *parent = tree->parent, *mount;
    struct spread spread = {.tree = tree};
    if (parent->peer_group == 0)
        return;
    for (mount = tree; mount; mount = mount_next(mount, tree)) {
        propagation_set(mount, MS_SHARED);
        mount->marked = !moves;
    }
    LIST_FOREACH (mount, &vfs_of(tree)->mounts, world_link)
        if (mount->peer_group == parent->peer_group && mount != parent)
            receive(&spread, mount, tree);
    spread_group(&spread, parent->peer_group, tree);
    for (mount = tree; mount; mount = mount_next(mount, tree))
        mount->marked = false;
    for (size_t i = 0; i < spread.n; i++)
        place_copy(&spread, spread.copies[i]);
    free(spread.copies);
}
