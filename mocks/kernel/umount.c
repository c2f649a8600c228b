/* SPDX-License-Identifier: Apache-2.0 */
/* umount(2): taking mounts away, here and wherever that propagates to. */
#include <errno.h>
#include <linux/capability.h>
#include <stdlib.h>

#include "mocks/kernel/mount_private.h"

/* Marked mounts will be unmounted. The first `chosen` were asked for, the others follow by propagation. */
struct umounting {
    struct mount **items;
    size_t n, chosen;
    struct dentry *mountpoint; /* of the one whose receivers are visited */
};

static void add(struct umounting *set, struct mount *mount)
{
    set->items = realloc(set->items, (set->n + 1) * sizeof(*set->items));
    set->items[set->n++] = mount;
    mount->marked = true;
}

static void add_propagated(void *arg, struct mount *receiver)
{
    struct umounting *set = arg;
    struct mount *child = mount_on(&(struct path){receiver, set->mountpoint});
    if (child && !child->marked)
        add(set, child);
}

static void gather_propagated(struct umounting *set)
{
    for (size_t i = 0; i < set->n; i++) {
        if (!set->items[i]->parent)
            continue;
        set->mountpoint = set->items[i]->mountpoint;
        propagation_visit(set->items[i]->parent, add_propagated, set);
    }
}

/* A mount stays when something stays on it that is not just its cover, or when it is locked to a place that stays. */
static bool must_stay(const struct mount *mount)
{
    struct mount *child;
    if (mount->locked && !mount->parent->marked)
        return true;
    LIST_FOREACH (child, &mount->children, child_link)
        if (!child->marked && child->mountpoint != mount->root)
            return true;
    return false;
}

static void spare_what_must_stay(struct umounting *set)
{
    bool again = true;
    while (again) {
        again = false;
        for (size_t i = set->chosen; i < set->n; i++) {
            if (!set->items[i]->marked || !must_stay(set->items[i]))
                continue;
            set->items[i]->marked = false;
            again = true;
        }
    }
    size_t kept = set->chosen;
    for (size_t i = set->chosen; i < set->n; i++)
        if (set->items[i]->marked)
            set->items[kept++] = set->items[i];
    set->n = kept;
}

/* What covers a mount that goes comes down to where that hung. */
static void lower_cover(struct mount *mount)
{
    struct mount *cover = mount_on(&(struct path){mount, mount->root});
    if (!cover || cover->marked)
        return;
    struct path place = {mount->parent, mount->mountpoint};
    while (place.mount->marked)
        place = (struct path){place.mount->parent, place.mount->mountpoint};
    mount_unhang(cover);
    mount_hang(cover, place.mount, place.dentry);
}

/* Who still uses a lazily unmounted mount sees no mounts in it any more, unless they hide something from him. */
static void disconnect(struct mount *mount, bool keep_connected)
{
    if (mount->parent && mount->parent->marked && (keep_connected || mount->locked)) {
        mount->adrift = true;
        mount->parent->refs--;
        return;
    }
    mount_unhang(mount);
}

void umount_tree(struct mount *tree, bool propagate, bool keep_connected)
{
    struct umounting set = {0};
    for (struct mount *mount = tree; mount; mount = mount_next(mount, tree))
        add(&set, mount);
    set.chosen = set.n;
    if (propagate) {
        gather_propagated(&set);
        spare_what_must_stay(&set);
    }
    for (size_t i = 0; i < set.n; i++)
        lower_cover(set.items[i]);
    for (size_t i = 0; i < set.n; i++)
        mount_ref(set.items[i]);
    for (size_t i = 0; i < set.n; i++) {
        struct mount *mount = set.items[i];
        propagation_set(mount, MS_PRIVATE);
        mount->namespace = NULL;
        list_remove(&mount->link);
        list_remove(&mount->world_link);
        disconnect(mount, keep_connected);
    }
    for (size_t i = 0; i < set.n; i++)
        set.items[i]->marked = false;
    for (size_t i = 0; i < set.n; i++)
        if (!set.items[i]->adrift)
            mount_unref(set.items[i]);
    for (size_t i = 0; i < set.n; i++)
        mount_unref(set.items[i]);
    free(set.items);
}

/* ---- the call ---- */

struct busy {
    const struct dentry *mountpoint;
    bool found;
};

/* A copy elsewhere holds the unmount up when it is in use; one with other mounts on it would just stay. */
static void check_receiver(void *arg, struct mount *receiver)
{
    struct busy *busy = arg;
    struct mount *child = mount_on(&(struct path){receiver, (struct dentry *)busy->mountpoint});
    if (!child)
        return;
    unsigned int expected = 1;
    if (!list_is_empty(&child->children)) {
        bool only_cover = child->children.next == child->children.prev && mount_on(&(struct path){child, child->root});
        if (!only_cover)
            return;
        expected++;
    }
    busy->found |= child->refs > expected;
}

static bool is_busy(struct mount *mount)
{
    struct busy busy = {mount->mountpoint, false};
    /* The namespace's reference and that of the path in this call. */
    if (!list_is_empty(&mount->children) || mount->refs > 2)
        return true;
    if (mount->parent)
        propagation_visit(mount->parent, check_receiver, &busy);
    return busy.found;
}

/* The root of the task cannot go; asking for it makes it read-only. */
static int umount_root(struct mount *mount)
{
    if (!capable_in(current(), mount->super->owner, CAP_SYS_ADMIN))
        return -EPERM;
    if (mount->super->flags & MS_RDONLY)
        return 0;
    return super_reconfigure(mount->super, mount->super->flags | MS_RDONLY, NULL);
}

static int umount_place(const struct path *place, int flags)
{
    struct mount *mount = place->mount;
    if (!may_mount())
        return -EPERM;
    if (!path_is_mount_root(place) || !mount_is_mine(mount) || mount->locked)
        return -EINVAL;
    if ((flags & UMOUNT_FORCE) && !capable_in(current(), mount->super->owner, CAP_SYS_ADMIN))
        return -EPERM;
    if (flags & UMOUNT_EXPIRE)
        unsupported("umount2: MNT_EXPIRE");
    if (mount == current()->root.mount && !(flags & UMOUNT_DETACH))
        return umount_root(mount);
    if (!mount->parent)
        return -EINVAL;
    if (!(flags & UMOUNT_DETACH) && is_busy(mount))
        return -EBUSY;
    umount_tree(mount, true, false);
    return 0;
}

int sys_umount2(const char *target, int flags)
{
    CALL_ENTER(umount2, "\"%s\", 0x%x", shown(target), (unsigned int)flags);
    if (flags & ~(UMOUNT_FORCE | UMOUNT_DETACH | UMOUNT_EXPIRE | UMOUNT_NO_LINKS))
        return (int)call_leave(-EINVAL);
    struct path place = {0};
    int r = path_walk(AT_FDCWD, target, flags & UMOUNT_NO_LINKS ? 0 : WALK_FOLLOW, 0, &place, NULL);
    if (r < 0)
        return (int)call_leave(r);
    /* Also "." and "/" mean what lies on top. */
    path_to_top(&place);
    r = umount_place(&place, flags);
    path_unref(&place);
    return (int)call_leave(r);
}
