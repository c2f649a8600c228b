/* SPDX-License-Identifier: Apache-2.0 */
/* New file systems and remounts. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "agent/container/copy_up.h"
#include "agent/container/inroot.h"
#include "agent/container/mount_fd.h"
#include "agent/container/mount_internal.h"
#include "sys/fd.h"

/* What mount(2) takes as data. */
#define DATA_MAX 4096

/* Superblock flags that only mount(2) can set: fsconfig(2) has no words for them. */
#define SUPER_OLD_ONLY (MS_POSIXACL | MS_I_VERSION | MS_SILENT)

/* One superblock of these serves many mounts: read-only is only for ours. */
static const char *const shared_types[] = {"proc", "sysfs", "cgroup", "cgroup2", "mqueue"};

static bool is_shared_type(const char *type)
{
    FOR_ROWS (shared, shared_types) {
        if (strcmp(type, *shared) == 0)
            return true;
    }
    return false;
}

static int set_super_flags(int fs_fd, const struct mount_options *o, struct error *err)
{
    static const struct {
        uint64_t flag;
        const char *set, *clear;
    } rows[] = {
        {MS_RDONLY, "ro", "rw"},         {MS_SYNCHRONOUS, "sync", "async"},       {MS_DIRSYNC, "dirsync", NULL},
        {MS_MANDLOCK, "mand", "nomand"}, {MS_LAZYTIME, "lazytime", "nolazytime"},
    };

    FOR_ROWS (row, rows) {
        const char *word = o->super_set & row->flag ? row->set : o->super_clr & row->flag ? row->clear : NULL;
        int r = word ? mount_fs_option(fs_fd, word, err) : 0;
        if (r < 0)
            return r;
    }
    return 0;
}

static int set_data(int fs_fd, const struct strlist *words, struct error *err)
{
    for (size_t i = 0; i < words->n; i++) {
        int r = mount_option_is_data(words->items[i]) ? mount_fs_option(fs_fd, words->items[i], err) : 0;
        if (r < 0)
            return r;
    }
    return 0;
}

/* A detached mount of a new file system. */
static int make_new(const struct mount_fs *fs, const struct mount_options *o, struct error *err)
{
    _close_ int fs_fd = mount_fs_open(fs->type, err);
    if (fs_fd < 0)
        return fs_fd;
    int r = fs->source[0] ? mount_fs_string(fs_fd, "source", fs->source, err) : 0;
    if (r >= 0)
        r = set_super_flags(fs_fd, o, err);
    if (r >= 0)
        r = set_data(fs_fd, &fs->plan->mount->options, err);
    if (r < 0)
        return r;
    return mount_fs_create(fs_fd, mount_merged_attributes(o).attr_set, err);
}

/* In a user namespace the kernel refuses file systems of namespaces that it does not own: the guest's own mount of sysfs serves
 * instead, and one of the message queues that the agent has made. r for other types. */
static int take_guest_mount(struct rootfs *rootfs, const char *type, int r, struct error *err)
{
    int fd = -1;

    if (strcmp(type, "mqueue") == 0)
        fd = rootfs->mqueue_fd >= 0 ? fd_take(&rootfs->mqueue_fd) : r;
    else if (strcmp(type, "sysfs") == 0)
        fd = mount_fd_clone(AT_FDCWD, "/sys", true);
    else
        return r;
    if (fd < 0)
        return fd == r ? r : error_set(err, fd, "bind '/sys' in its place");
    if (err)
        *err = (struct error){0};
    return fd;
}

/* True if a word is too long for fsconfig(2), or a flag is unknown to it. */
static bool needs_old_mount(const struct mount_fs *fs, const struct mount_options *o)
{
    const struct strlist *words = &fs->plan->mount->options;

    for (size_t i = 0; i < words->n; i++) {
        if (mount_option_is_data(words->items[i]) && strlen(words->items[i]) >= FSCONFIG_WORD_MAX)
            return true;
    }
    return strlen(fs->source) >= FSCONFIG_WORD_MAX || (o->super_set & SUPER_OLD_ONLY);
}

static int join_data(const struct strlist *words, char data[DATA_MAX], struct error *err)
{
    size_t used = 0;

    data[0] = '\0';
    for (size_t i = 0; i < words->n; i++) {
        if (!mount_option_is_data(words->items[i]))
            continue;
        int n = snprintf(data + used, DATA_MAX - used, "%s%s", used ? "," : "", words->items[i]);
        if ((size_t)n >= DATA_MAX - used)
            return error_text(err, -E2BIG, "options are longer than %d bytes", DATA_MAX - 1);
        used += (size_t)n;
    }
    return 0;
}

/* The same through mount(2), which attaches at once: its target is named by descriptor, and the new mount is found by looking
 * again. */
static int make_old(const struct rootfs *rootfs, const struct mount_fs *fs, const struct mount_options *o, struct error *err)
{
    char target[64];
    char data[DATA_MAX];

    int r = join_data(&fs->plan->mount->options, data, err);
    if (r < 0)
        return r;
    snprintf(target, sizeof(target), "/proc/self/fd/%d", fs->target_fd);
    r = sys_mount(fs->source, target, fs->type, o->super_set, data);
    if (r < 0)
        return error_set(err, r, "mount");
    int fd = inroot_open(rootfs->root_fd, fs->plan->destination, O_PATH, 0);
    return fd < 0 ? error_set(err, fd, "look at the new mount") : fd;
}

static bool has_mode(const struct strlist *words)
{
    for (size_t i = 0; i < words->n; i++) {
        if (strncmp(words->items[i], "mode=", 5) == 0)
            return true;
    }
    return false;
}

/* Read-only waits for the copy. */
static int fill(const struct mount_fs *fs, int mount_fd, bool read_only, struct error *err)
{
    struct mount_attr attr = {.attr_set = read_only ? MOUNT_ATTR_RDONLY : 0};

    int r = copy_up(fs->target_fd, mount_fd, !has_mode(&fs->plan->mount->options), err);
    return r < 0 ? r : mount_set_attributes(mount_fd, false, &attr, err);
}

/* A mount for fs with all its attributes. *ret_attached: it already is in its place. */
static int make(struct rootfs *rootfs, const struct mount_fs *fs, const struct mount_options *o, bool *ret_attached,
                struct error *err)
{
    struct mount_attr attr = mount_merged_attributes(o);
    bool is_tree = false;
    _close_ int fd = -1;

    *ret_attached = needs_old_mount(fs, o);
    if (*ret_attached) {
        fd = make_old(rootfs, fs, o, err);
    } else {
        fd = make_new(fs, o, err);
        is_tree = fd == -EPERM && rootfs->new_user_namespace;
        if (is_tree)
            fd = take_guest_mount(rootfs, fs->type, fd, err);
        else
            attr = (struct mount_attr){.propagation = attr.propagation};
    }
    if (fd < 0)
        return fd;
    int r = mount_set_attributes(fd, is_tree, &attr, err);
    return r < 0 ? r : fd_take(&fd);
}

int mount_fs_apply(struct rootfs *rootfs, const struct mount_fs *fs, struct error *err)
{
    struct mount_options options = fs->plan->options;
    bool is_held_back = mount_hold_back_read_only(fs->plan, &options);
    bool read_only_later = options.copy_up && mount_take_read_only(&options);
    bool is_attached;

    if (is_shared_type(fs->type))
        options.super_set &= ~(uint64_t)MS_RDONLY;
    _close_ int mount_fd = make(rootfs, fs, &options, &is_attached, err);
    if (mount_fd < 0)
        return mount_fd;
    int r = options.copy_up ? fill(fs, mount_fd, read_only_later, err) : 0;
    if (r < 0)
        return r;
    r = is_attached ? 0 : mount_fd_attach(mount_fd, fs->target_fd);
    if (r < 0)
        return error_set(err, r, "attach");
    if (is_held_back)
        fd_replace(&rootfs->dev_fd, fd_take(&mount_fd));
    return 0;
}

static bool has_data(const struct strlist *words)
{
    for (size_t i = 0; i < words->n; i++) {
        if (mount_option_is_data(words->items[i]))
            return true;
    }
    return false;
}

static int reconfigure(int fd, const struct mount_options *o, const struct strlist *words, struct error *err)
{
    _close_ int fs_fd = sys_fspick(fd, "", FSPICK_EMPTY_PATH | FSPICK_CLOEXEC);
    if (fs_fd < 0)
        return error_set(err, fs_fd, "look at the file system");
    int r = set_super_flags(fs_fd, o, err);
    if (r >= 0)
        r = set_data(fs_fd, words, err);
    return r < 0 ? r : mount_fs_reconfigure(fs_fd, err);
}

int mount_fs_remount(struct rootfs *rootfs, const struct mount_plan *plan, struct error *err)
{
    const struct strlist *words = &plan->mount->options;
    struct mount_options options = plan->options;
    bool is_held_back = mount_hold_back_read_only(plan, &options);

    _close_ int fd = inroot_open(rootfs->root_fd, plan->destination, O_PATH, 0);
    if (fd < 0)
        return error_set(err, fd, "look at the mount");
    int r = 0;
    if (!options.bind && (options.super_set || options.super_clr || has_data(words)))
        r = reconfigure(fd, &options, words, err);
    if (r >= 0)
        r = mount_set_tree_attributes(fd, &options, true, err);
    if (r >= 0 && is_held_back)
        fd_replace(&rootfs->dev_fd, fd_take(&fd));
    return r;
}
