/* SPDX-License-Identifier: Apache-2.0 */
/* The file systems "cgroup" and "cgroup2": mounting, and directories as groups (cgroups(7)).
 *
 * A hierarchy has one super block however often it is mounted. A mount shows the part below the root of the mounter's cgroup
 * namespace. */
#include <errno.h>
#include <linux/magic.h>
#include <sched.h>
#include <stdlib.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "mocks/kernel/memory.h"
#include "mocks/kernel/cgroup_internal.h"
#include "mocks/kernel/vfs_private.h"

/* ---- directories ---- */

static const struct inode_ops group_ops;

struct group *inode_group(const struct inode *inode)
{
    return inode->ops == &group_ops ? inode->data : NULL;
}

static struct inode *group_lookup(struct inode *dir, const char *name)
{
    return control_lookup(dir->data, name);
}

static void group_list(struct inode *dir, void (*add)(void *arg, const char *name, struct inode *inode), void *arg)
{
    control_list(dir->data, add, arg);
}

/* Groups keep a version 1 hierarchy in being when it is not mounted any more. */
static void hierarchy_hold(struct hierarchy *hierarchy)
{
    if (hierarchy->version == 2 || hierarchy->super_held)
        return;
    super_ref(hierarchy->super);
    hierarchy->super_held = true;
}

static void hierarchy_let_go(struct hierarchy *hierarchy)
{
    if (hierarchy->n_groups > 0 || !hierarchy->super_held)
        return;
    hierarchy->super_held = false;
    super_unref(hierarchy->super);
}

/* Called before the name is there. */
static int group_make(struct inode *dir, const char *name, struct inode *child)
{
    struct group *parent = dir->data;

    if (!S_ISDIR(child->mode))
        return S_ISREG(child->mode) ? -EACCES : -EPERM;
    if (strchr(name, '\n'))
        return -EINVAL;
    if (parent->dead)
        return -ENODEV;
    int r = group_may_have_child(parent);
    if (r < 0)
        return r;
    struct group *group = group_new(parent->hierarchy, parent, name);
    group->uid = child->uid;
    group->gid = child->gid;
    group->inode = child;
    child->ops = &group_ops;
    child->data = group_ref(group);
    hierarchy_hold(parent->hierarchy);
    return 0;
}

static int group_unmake(struct inode *dir, const char *name, struct inode *child)
{
    struct group *group = inode_group(child);
    (void)name;

    if (!group)
        return -EPERM;
    int r = group_may_remove(group);
    if (r < 0)
        return r;
    group_remove(group);
    hierarchy_let_go(inode_group(dir)->hierarchy);
    return 0;
}

/* Only within a directory, and only in version 1. */
static int group_rename(struct inode *child, const struct inode *dir, const struct inode *new_dir, const char *name,
                        bool replaces)
{
    struct group *group = inode_group(child);

    if (inode_group(dir)->hierarchy->version == 2)
        return -EPERM;
    if (!group)
        return -ENOTDIR;
    if (dir != new_dir)
        return -EIO;
    if (strchr(name, '\n'))
        return -EINVAL;
    if (replaces)
        return -EEXIST;
    free(group->name);
    group->name = strdup(name);
    return 0;
}

static void group_stat(struct inode *inode, struct stat *st)
{
    (void)inode;
    st->st_size = 0;
}

static void group_release(struct inode *inode)
{
    struct group *group = inode->data;

    if (group && group->inode == inode)
        group->inode = NULL;
    group_unref(group);
}

static const struct inode_ops group_ops = {
    .lookup = group_lookup,
    .list = group_list,
    .create = group_make,
    .remove = group_unmake,
    .rename = group_rename,
    .stat = group_stat,
    .release = group_release,
};

/* ---- super blocks ---- */

static void hierarchy_free(struct hierarchy *hierarchy)
{
    struct cgroups *cgroups = world_cgroups(hierarchy->world);
    struct hierarchy *unified = cgroups->hierarchies[0];
    struct task *task = NULL;

    while ((task = task_next(hierarchy->world, task))) {
        if (task->cgroups)
            group_unref(task->cgroups->groups[hierarchy->slot]);
        if (task->cgroups)
            task->cgroups->groups[hierarchy->slot] = NULL;
    }
    unified->controllers |= hierarchy->controllers;
    cgroups->hierarchies[hierarchy->slot] = NULL;
    controls_drop(hierarchy->root);
    group_unref(hierarchy->root);
    free(hierarchy);
}

/* The last mount of a version 1 hierarchy without groups is gone: its controllers are free again. */
static void hierarchy_released(struct super *super)
{
    hierarchy_free(super->data);
}

static void make_super(struct hierarchy *hierarchy, const struct filesystem *type)
{
    struct super *super = super_new(hierarchy->world, type, 0555, &group_ops);

    super->data = hierarchy;
    super->traits = SUPER_NODEV | SUPER_NOEXEC;
    super->root->inode->data = group_ref(hierarchy->root);
    hierarchy->root->inode = super->root->inode;
    if (hierarchy->version == 1)
        super->release = hierarchy_released;
    user_namespace_unref(super->owner);
    super->owner = user_namespace_ref(hierarchy->world->user);
    hierarchy->super = super;
}

static struct simple_namespace *viewer_namespace(const struct world *world)
{
    return current() ? current()->namespaces.cgroup : world->namespaces.cgroup;
}

static bool in_first_namespace(const struct world *world)
{
    return viewer_namespace(world) == world->namespaces.cgroup;
}

/* A mount needs power over the cgroup namespace whose groups it shows. */
static int may_mount(const struct world *world)
{
    const struct task *task = current();
    return !task || capable_in(task, viewer_namespace(world)->owner, CAP_SYS_ADMIN) ? 0 : -EPERM;
}

static struct dentry *mount_root(struct super *super)
{
    const struct world *world = super->world;
    struct group *group = namespace_group(viewer_namespace(world), super->data);

    return dentry_ref(group->inode && group->inode->dentry ? group->inode->dentry : super->root);
}

static void show_root(const struct task *viewer, const struct dentry *root, struct buf *out)
{
    struct group *group = inode_group(root->inode);
    group_path(group, namespace_group(viewer->namespaces.cgroup, group->hierarchy), out);
}

static void set_text(char **text, const char *value)
{
    free(*text);
    *text = value && *value ? strdup(value) : NULL;
}

/* ---- version 2 ---- */

struct v2_options {
    bool nsdelegate;
    char shown[256];
};

static int v2_check(const char *key, const char *value)
{
    static const char *const known[] = {
        "nsdelegate",      "favordynmods", "memory_localevents", "memory_recursiveprot", "memory_hugetlb_accounting",
        "pids_localevents"};

    FOR_ROWS (name, known) {
        if (strcmp(key, *name) == 0)
            return value ? -EINVAL : 0;
    }
    return -EINVAL;
}

static int v2_options_parse(const char *data, struct v2_options *options)
{
    char *copy = strdup(data ? data : ""), *cursor = copy, *word;
    int r = 0;

    *options = (struct v2_options){0};
    while (r == 0 && (word = strsep(&cursor, ","))) {
        if (!*word)
            continue;
        r = v2_check(word, NULL);
        if (r < 0)
            break;
        if (strcmp(word, "nsdelegate") == 0)
            options->nsdelegate = true;
        else
            unsupported("cgroup2 mount option %s", word);
        snprintf(options->shown + strlen(options->shown), sizeof(options->shown) - strlen(options->shown), ",%s", word);
    }
    free(copy);
    return r;
}

/* Options count only from the first cgroup namespace; elsewhere they are checked and ignored. */
static void v2_apply(struct super *super, const struct v2_options *options)
{
    struct hierarchy *hierarchy = super->data;

    if (!in_first_namespace(super->world))
        return;
    hierarchy->nsdelegate = options->nsdelegate;
    set_text(&super->options, options->shown);
}

static int v2_mount(struct world *world, const char *source, const char *data, struct super **ret_super)
{
    struct hierarchy *hierarchy = world_cgroups(world)->hierarchies[0];
    struct v2_options options;

    int r = v2_options_parse(data, &options);
    if (r == 0)
        r = may_mount(world);
    if (r < 0)
        return r;
    if (!hierarchy->super)
        make_super(hierarchy, &cgroup2_filesystem);
    set_text(&hierarchy->super->source, source);
    hierarchy->visible = true;
    v2_apply(hierarchy->super, &options);
    *ret_super = super_ref(hierarchy->super);
    return 0;
}

static int v2_reconfigure(struct super *super, unsigned long flags, const char *data)
{
    struct v2_options options;
    (void)flags;

    int r = v2_options_parse(data, &options);
    if (r == 0)
        v2_apply(super, &options);
    return r;
}

const struct filesystem cgroup2_filesystem = {
    .name = "cgroup2",
    .magic = CGROUP2_SUPER_MAGIC,
    .nodev_dev = true,
    .userns_mount = true,
    .mount = v2_mount,
    .reconfigure = v2_reconfigure,
    .check = v2_check,
    .mount_root = mount_root,
    .show_root = show_root,
};

/* ---- version 1 ---- */

struct v1_options {
    uint32_t controllers;
    bool none, all;
    char name[64];
    char shown[256]; /* what mountinfo shows behind "rw" */
};

static int v1_word(const char *word, struct v1_options *options)
{
    if (strncmp(word, "name=", strlen("name=")) == 0) {
        const char *name = word + strlen("name=");
        if (!*name || strlen(name) >= sizeof(options->name) || options->name[0])
            return -EINVAL;
        if (strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_") < strlen(name))
            return -EINVAL;
        strcpy(options->name, name);
        return 0;
    }
    if (strcmp(word, "none") == 0)
        options->none = true;
    else if (strcmp(word, "all") == 0)
        options->all = true;
    else if (strcmp(word, "xattr") == 0)
        return 0;
    else if (strcmp(word, "noprefix") == 0 || strcmp(word, "clone_children") == 0 || strncmp(word, "release_agent=", 14) == 0)
        unsupported("cgroup mount option %s", word);
    else {
        for (size_t i = 0; i < CG_CONTROLLERS; i++) {
            if (strcmp(word, cgroup_controller_info[i].v1) == 0) {
                options->controllers |= CG_BIT(i);
                return 0;
            }
        }
        return -EINVAL;
    }
    return 0;
}

static int v1_check(const char *key, const char *value)
{
    struct v1_options options = {0};
    char word[128];

    snprintf(word, sizeof(word), value ? "%s=%s" : "%s", key, value);
    return v1_word(word, &options);
}

static void v1_describe(struct v1_options *options)
{
    char *p = options->shown;

    for (size_t i = 0; i < CG_CONTROLLERS; i++) {
        if (options->controllers & CG_BIT(i))
            p += sprintf(p, ",%s", cgroup_controller_info[i].v1);
    }
    if (options->name[0])
        sprintf(p, ",name=%s", options->name);
}

static int v1_options_parse(const char *data, struct v1_options *options)
{
    char *copy = strdup(data ? data : ""), *cursor = copy, *word;
    int r = 0;

    *options = (struct v1_options){0};
    while (r == 0 && (word = strsep(&cursor, ","))) {
        if (*word)
            r = v1_word(word, options);
    }
    free(copy);
    if (r < 0)
        return r;
    if (options->all && options->controllers)
        return -EINVAL;
    if (options->all || (!options->controllers && !options->none && !options->name[0]))
        options->controllers = CG_ALL;
    if (options->none && options->controllers)
        return -EINVAL;
    if (!options->controllers && !options->name[0])
        return -EINVAL;
    v1_describe(options);
    return 0;
}

/* An existing hierarchy that is meant: 1, or 0 if there is none, -EBUSY if only the name or only the controllers fit. */
static int v1_find(struct cgroups *cgroups, const struct v1_options *options, struct hierarchy **ret_hierarchy)
{
    for (size_t i = 1; i < CGROUP_HIERARCHIES; i++) {
        struct hierarchy *hierarchy = cgroups->hierarchies[i];
        bool name_fits = false;
        if (!hierarchy)
            continue;
        if (options->name[0]) {
            if (strcmp(hierarchy->name, options->name) != 0)
                continue;
            name_fits = true;
        }
        if ((options->controllers || options->none) && options->controllers != hierarchy->controllers) {
            if (!name_fits)
                continue;
            return -EBUSY;
        }
        *ret_hierarchy = hierarchy;
        return 1;
    }
    return 0;
}

/* Takes the controllers from version 2, unless groups there or another hierarchy use them. */
static int v1_take_controllers(struct cgroups *cgroups, uint32_t controllers)
{
    struct hierarchy *unified = cgroups->hierarchies[0];

    if ((unified->controllers & controllers) != controllers || (unified->root->subtree_control & controllers))
        return -EBUSY;
    unified->controllers &= ~controllers;
    return 0;
}

static int v1_make(struct cgroups *cgroups, const struct v1_options *options, struct hierarchy **ret_hierarchy)
{
    unsigned int slot = 1;

    if (!options->controllers && !options->none)
        return -EINVAL;
    if (!in_first_namespace(cgroups->world))
        return -EPERM;
    while (slot < CGROUP_HIERARCHIES && cgroups->hierarchies[slot])
        slot++;
    if (slot == CGROUP_HIERARCHIES)
        unsupported("more than %d cgroup hierarchies", CGROUP_HIERARCHIES);
    int r = v1_take_controllers(cgroups, options->controllers);
    if (r < 0)
        return r;

    struct hierarchy *hierarchy = zalloc(sizeof(*hierarchy));
    *hierarchy = (struct hierarchy){
        .world = cgroups->world,
        .version = 1,
        .id = cgroups->next_id++,
        .slot = slot,
        .controllers = options->controllers,
        .made = ++cgroups->made,
        .visible = true,
    };
    strcpy(hierarchy->name, options->name);
    cgroups->hierarchies[slot] = hierarchy;
    hierarchy->root = group_new(hierarchy, NULL, "");
    group_count_tasks(hierarchy->root);
    make_super(hierarchy, &cgroup_filesystem);
    set_text(&hierarchy->super->options, options->shown);
    *ret_hierarchy = hierarchy;
    return 0;
}

static int v1_mount(struct world *world, const char *source, const char *data, struct super **ret_super)
{
    struct hierarchy *hierarchy = NULL;
    struct v1_options options;

    int r = may_mount(world);
    if (r == 0)
        r = v1_options_parse(data, &options);
    if (r == 0)
        r = v1_find(world_cgroups(world), &options, &hierarchy);
    if (r < 0)
        return r;
    if (r == 1) {
        *ret_super = super_ref(hierarchy->super);
        return 0;
    }
    r = v1_make(world_cgroups(world), &options, &hierarchy);
    if (r < 0)
        return r;
    set_text(&hierarchy->super->source, source);
    *ret_super = hierarchy->super;
    return 0;
}

/* Only what does not change anything: the rest is deprecated. */
static int v1_reconfigure(struct super *super, unsigned long flags, const char *data)
{
    const struct hierarchy *hierarchy = super->data;
    struct v1_options options;
    (void)flags;

    if (!data || !*data)
        return 0;
    int r = v1_options_parse(data, &options);
    if (r < 0)
        return r;
    if (options.controllers != hierarchy->controllers || (options.name[0] && strcmp(options.name, hierarchy->name) != 0))
        return -EINVAL;
    return 0;
}

const struct filesystem cgroup_filesystem = {
    .name = "cgroup",
    .magic = CGROUP_SUPER_MAGIC,
    .nodev_dev = true,
    .userns_mount = true,
    .mount = v1_mount,
    .reconfigure = v1_reconfigure,
    .check = v1_check,
    .mount_root = mount_root,
    .show_root = show_root,
};
