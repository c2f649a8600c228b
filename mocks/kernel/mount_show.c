/* SPDX-License-Identifier: Apache-2.0 */
/* The texts of /proc/PID/mountinfo, mounts and mountstats (proc(5)): what hangs below the root of the task. */
#include <stdlib.h>
#include <sys/sysmacros.h>

#include "mocks/kernel/mount_private.h"

/* Blanks and backslashes would break the fields, a source with '#' would be a comment. */
static void put_escaped(struct buf *out, const char *text, size_t len, const char *odd)
{
    for (size_t i = 0; i < len; i++) {
        if (strchr(odd, text[i]) && text[i])
            (void)buf_printf(out, "\\%03o", text[i]);
        else
            (void)buf_append(out, &text[i], 1);
    }
}

static void put_path(struct buf *out, const char *text, size_t len)
{
    put_escaped(out, text, len, " \t\n\\");
}

static void put_source(struct buf *out, const char *source)
{
    put_escaped(out, source, strlen(source), " \t\n\\#");
}

static void put_root(struct buf *out, const struct task *task, const struct mount *mount)
{
    struct buf name = BUF_INIT(PATH_MAX * 2);
    if (task && mount->super->type->show_root)
        mount->super->type->show_root(task, mount->root, &name);
    else
        dentry_name(mount->root, mount->super->root, &name);
    put_path(out, name.data, name.len);
    buf_done(&name);
    if (mount->root->unlinked)
        (void)buf_append_str(out, "//deleted");
}

static void put_mountpoint(struct buf *out, const struct task *task, const struct mount *mount)
{
    char name[PATH_MAX];
    struct path place = {(struct mount *)mount, mount->root};
    ssize_t n = path_plain_name(task, &place, name, sizeof(name));
    put_path(out, name, n < 0 ? 0 : (size_t)n);
    if (mount->mountpoint && mount->mountpoint->unlinked)
        (void)buf_append_str(out, "//deleted");
}

static void put_super_flags(struct buf *out, const struct super *super)
{
    static const struct {
        unsigned long flag;
        const char *word;
    } rows[] = {{MS_SYNCHRONOUS, ",sync"}, {MS_DIRSYNC, ",dirsync"}, {MS_MANDLOCK, ",mand"}, {MS_LAZYTIME, ",lazytime"}};
    FOR_ROWS (row, rows)
        if (super->flags & row->flag)
            (void)buf_append_str(out, row->word);
}

static void put_mount_options(struct buf *out, const struct mount *mount, bool with_super)
{
    static const struct {
        unsigned int flag;
        const char *word;
    } rows[] = {
        {MOUNT_ATTR_NOSUID, ",nosuid"},   {MOUNT_ATTR_NODEV, ",nodev"},           {MOUNT_ATTR_NOEXEC, ",noexec"},
        {MOUNT_ATTR_NOATIME, ",noatime"}, {MOUNT_ATTR_NODIRATIME, ",nodiratime"},
    };
    bool readonly = (mount->flags & MOUNT_ATTR_RDONLY) || (with_super && (mount->super->flags & MS_RDONLY));
    (void)buf_append_str(out, readonly ? "ro" : "rw");
    if (with_super)
        put_super_flags(out, mount->super);
    FOR_ROWS (row, rows)
        if (mount->flags & row->flag)
            (void)buf_append_str(out, row->word);
    if ((mount->flags & MOUNT_ATTR__ATIME) == MOUNT_ATTR_RELATIME)
        (void)buf_append_str(out, ",relatime");
    if (mount->flags & MOUNT_ATTR_NOSYMFOLLOW)
        (void)buf_append_str(out, ",nosymfollow");
}

static void put_super_options(struct buf *out, const struct super *super)
{
    (void)buf_append_str(out, super->flags & MS_RDONLY ? "ro" : "rw");
    put_super_flags(out, super);
    if (super->options)
        (void)buf_append_str(out, super->options);
}

static const char *source_of(const struct mount *mount)
{
    return mount->source ? mount->source : "none";
}

/* ---- propagation ---- */

static bool group_is_visible(const struct task *task, unsigned int group)
{
    struct mount *mount;
    LIST_FOREACH (mount, &task->namespaces.mount->mounts, link)
        if (mount->peer_group == group && path_reachable(&(struct path){mount, mount->root}, &task->root))
            return true;
    return false;
}

static unsigned int master_of_group(const struct mount *any, unsigned int group)
{
    struct mount *mount;
    LIST_FOREACH (mount, &world_vfs(any->super->world)->mounts, world_link)
        if (mount->peer_group == group)
            return mount->master;
    return 0;
}

/* The nearest group above that the task can see, when it cannot see the master itself. */
static unsigned int dominating_group(const struct task *task, const struct mount *mount)
{
    for (unsigned int group = mount->master; group; group = master_of_group(mount, group))
        if (group_is_visible(task, group))
            return group;
    return 0;
}

static void put_propagation(struct buf *out, const struct task *task, const struct mount *mount)
{
    if (mount->peer_group)
        (void)buf_printf(out, " shared:%u", mount->peer_group);
    if (mount->master) {
        unsigned int dominating = dominating_group(task, mount);
        (void)buf_printf(out, " master:%u", mount->master);
        if (dominating && dominating != mount->master)
            (void)buf_printf(out, " propagate_from:%u", dominating);
    }
    if (mount->unbindable)
        (void)buf_append_str(out, " unbindable");
}

/* ---- lines ---- */

static void put_mountinfo(struct buf *out, const struct task *task, const struct mount *mount)
{
    (void)buf_printf(out, "%u %u %u:%u ", mount->id, mount->parent ? mount->parent->id : mount->id, major(mount->super->dev),
                     minor(mount->super->dev));
    put_root(out, task, mount);
    (void)buf_append_str(out, " ");
    put_mountpoint(out, task, mount);
    (void)buf_append_str(out, " ");
    put_mount_options(out, mount, false);
    put_propagation(out, task, mount);
    (void)buf_printf(out, " - %s ", mount->super->type->name);
    put_source(out, source_of(mount));
    (void)buf_append_str(out, " ");
    put_super_options(out, mount->super);
    (void)buf_append_str(out, "\n");
}

static void put_mounts(struct buf *out, const struct task *task, const struct mount *mount)
{
    put_source(out, source_of(mount));
    (void)buf_append_str(out, " ");
    put_mountpoint(out, task, mount);
    (void)buf_printf(out, " %s ", mount->super->type->name);
    put_mount_options(out, mount, true);
    (void)buf_printf(out, "%s 0 0\n", shown(mount->super->options));
}

static void put_mountstats(struct buf *out, const struct task *task, const struct mount *mount)
{
    if (mount->source) {
        (void)buf_append_str(out, "device ");
        put_source(out, mount->source);
    } else {
        (void)buf_append_str(out, "no device");
    }
    (void)buf_append_str(out, " mounted on ");
    put_mountpoint(out, task, mount);
    (void)buf_printf(out, " with fstype %s\n", mount->super->type->name);
}

static int by_id(const void *one, const void *other)
{
    const struct mount *a = *(const struct mount *const *)one, *b = *(const struct mount *const *)other;
    return a->id < b->id ? -1 : a->id > b->id;
}

static void each(const struct task *task, struct buf *out, void (*put)(struct buf *, const struct task *, const struct mount *))
{
    struct mount *mount, **sorted = NULL;
    size_t n = 0;
    if (!task->namespaces.mount)
        return;
    LIST_FOREACH (mount, &task->namespaces.mount->mounts, link)
        n++;
    sorted = calloc(n, sizeof(struct mount *));
    n = 0;
    LIST_FOREACH (mount, &task->namespaces.mount->mounts, link)
        sorted[n++] = mount;
    qsort(sorted, n, sizeof(struct mount *), by_id);
    for (size_t i = 0; i < n; i++)
        if (path_reachable(&(struct path){sorted[i], sorted[i]->root}, &task->root))
            put(out, task, sorted[i]);
    free(sorted);
}

void mount_show_mountinfo(const struct task *task, struct buf *out)
{
    each(task, out, put_mountinfo);
}

void mount_show_mounts(const struct task *task, struct buf *out)
{
    each(task, out, put_mounts);
}

void mount_show_mountstats(const struct task *task, struct buf *out)
{
    each(task, out, put_mountstats);
}

/* ---- snapshots ---- */

static void put_names(struct buf *out, const struct mount *mount)
{
    if (mount->parent) {
        put_names(out, mount->parent);
        dentry_name(mount->mountpoint, mount->parent->root, out);
    }
    (void)buf_append_str(out, "|");
}

void mount_snapshot(const struct mount_namespace *namespace, struct buf *out)
{
    struct mount *root = namespace->root;
    for (struct mount *mount = root; mount; mount = mount_next(mount, root)) {
        put_names(out, mount);
        (void)buf_append_str(out, " ");
        put_root(out, NULL, mount);
        (void)buf_append_str(out, " ");
        put_mount_options(out, mount, false);
        (void)buf_printf(out, "%s%s%s%s - %s %s ", mount->peer_group ? " shared" : "", mount->master ? " slave" : "",
                         mount->unbindable ? " unbindable" : "", mount->locked ? " locked" : "", mount->super->type->name,
                         source_of(mount));
        put_super_options(out, mount->super);
        (void)buf_append_str(out, "\n");
    }
}
