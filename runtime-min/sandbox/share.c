/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime-min/sandbox/share.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>

#include "runtime-min/sandbox/rundir.h"
#include "sys/fd.h"

#define MOUNTS "share/mounts"
#define SHARES_MAX 1024 /* of one container */
#define OPEN_TREE_COPY (OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC)

/* What one container shares. */
struct sharer {
    struct list node;
    uint64_t number; /* of its directory */
    int n;           /* shares, which are numbered in order and taken back together */
    char container[];
};

/* ---- the tree ---- */

/* A file system for the directories and files that things are mounted on; nobody writes data to it. */
static int mount_base(void)
{
    _close_ int fs = sys_fsopen("tmpfs", FSOPEN_CLOEXEC);
    if (fs < 0)
        return fs;
    int r = sys_fsconfig(fs, FSCONFIG_SET_STRING, "mode", "0755", 0);
    if (r == 0)
        r = sys_fsconfig(fs, FSCONFIG_SET_STRING, "size", "4m", 0);
    if (r == 0)
        r = sys_fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0);
    if (r < 0)
        return r;
    _close_ int mount = sys_fsmount(fs, FSMOUNT_CLOEXEC, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV);
    return mount < 0 ? mount : sys_move_mount(mount, "", AT_FDCWD, RUNDIR_SHARE, MOVE_MOUNT_F_EMPTY_PATH);
}

static int bind_tree(const char *from, const char *to, const struct mount_attr *attr)
{
    _close_ int tree = sys_open_tree(AT_FDCWD, from, OPEN_TREE_COPY);
    if (tree < 0)
        return tree;
    int r = sys_move_mount(tree, "", AT_FDCWD, to, MOVE_MOUNT_F_EMPTY_PATH);
    return r < 0 ? r : sys_mount_setattr(AT_FDCWD, to, 0, attr);
}

/* The root of a container's user namespace passes through, whatever the monitor's umask is. */
static int make_passage(const char *path)
{
    int r = sys_mkdirat(AT_FDCWD, path, 0711);

    return r < 0 ? r : sys_fchmodat(AT_FDCWD, path, 0711);
}

static int build(void)
{
    static const struct mount_attr source = {.propagation = MS_SHARED};
    static const struct mount_attr target = {.propagation = MS_SLAVE, .attr_set = MOUNT_ATTR_RDONLY};

    int r = sys_mkdirat(AT_FDCWD, RUNDIR_SHARE, 0700);
    if (r == 0)
        r = mount_base();
    if (r == 0)
        r = make_passage(MOUNTS);
    if (r == 0)
        r = make_passage(SHARE_EXPORT);
    if (r == 0)
        r = bind_tree(MOUNTS, MOUNTS, &source);
    if (r == 0)
        r = bind_tree(MOUNTS, SHARE_EXPORT, &target);
    return r;
}

int share_open(struct error *err)
{
    int r = sys_unshare(CLONE_NEWNS);
    if (r < 0)
        return error_set(err, r, "make a mount namespace (the runtime needs root)");
    r = sys_mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL);
    if (r == 0)
        r = build();
    return r < 0 ? error_set(err, r, "build the shared directory") : 0;
}

void share_close(struct shares *shares)
{
    struct list *node;

    while ((node = list_pop(&shares->sharers)))
        free(CONTAINER_OF(node, struct sharer, node));
    (void)sys_umount2(RUNDIR_SHARE, MNT_DETACH | UMOUNT_NOFOLLOW);
}

/* ---- containers ---- */

/* A mount needs a target of its own kind. */
static int make_target(const char *path, const char *tree)
{
    struct stat st;

    int r = sys_fstatat(AT_FDCWD, tree, &st, 0);
    if (r < 0)
        return r;
    if (S_ISDIR(st.st_mode))
        return sys_mkdirat(AT_FDCWD, path, 0700);
    int fd = sys_openat(AT_FDCWD, path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    return fd < 0 ? fd : sys_close(fd);
}

static void remove_target(const char *path)
{
    if (sys_unlinkat(AT_FDCWD, path, 0) < 0)
        (void)sys_unlinkat(AT_FDCWD, path, AT_REMOVEDIR);
}

static struct sharer *sharer_find(struct shares *shares, const char *container)
{
    struct sharer *sharer;

    LIST_FOREACH (sharer, &shares->sharers, node) {
        if (strcmp(sharer->container, container) == 0)
            return sharer;
    }
    return NULL;
}

static int sharer_add(struct shares *shares, const char *container, struct sharer **ret_sharer)
{
    char path[PATH_MAX];

    snprintf(path, sizeof(path), MOUNTS "/%" PRIu64, shares->next);
    int r = make_passage(path);
    if (r < 0)
        return r;
    struct sharer *sharer = calloc(1, sizeof(*sharer) + strlen(container) + 1);
    if (!sharer)
        abort();
    strcpy(sharer->container, container);
    sharer->number = shares->next++;
    list_append(&shares->sharers, &sharer->node);
    *ret_sharer = sharer;
    return 0;
}

int share_add(struct shares *shares, const char *container, const char *tree, char *ret_name, size_t cap, struct error *err)
{
    struct sharer *sharer = sharer_find(shares, container);
    char path[PATH_MAX];

    int r = sharer ? 0 : sharer_add(shares, container, &sharer);
    if (r < 0)
        return error_set(err, r, "make a directory to share for container %s", container);
    if (sharer->n == SHARES_MAX)
        return error_status(err, STATUS_RESOURCE_EXHAUSTED, "container %s has %d shared directories already", container,
                            SHARES_MAX);
    snprintf(ret_name, cap, "%" PRIu64 "/%d", sharer->number, sharer->n);
    snprintf(path, sizeof(path), MOUNTS "/%s", ret_name);
    r = make_target(path, tree);
    if (r == 0)
        r = sys_move_mount(AT_FDCWD, tree, AT_FDCWD, path, MOVE_MOUNT_F_SYMLINKS);
    if (r < 0) {
        remove_target(path);
        if (sharer->n == 0)
            (void)share_remove(shares, container, NULL);
        return error_set(err, r, "share a directory with container %s", container);
    }
    sharer->n++;
    return 0;
}

int share_remove(struct shares *shares, const char *container, struct error *err)
{
    struct sharer *sharer = sharer_find(shares, container);
    char path[PATH_MAX];

    if (!sharer)
        return 0;
    for (; sharer->n > 0; sharer->n--) {
        snprintf(path, sizeof(path), MOUNTS "/%" PRIu64 "/%d", sharer->number, sharer->n - 1);
        int r = sys_umount2(path, MNT_DETACH | UMOUNT_NOFOLLOW);
        if (r < 0 && r != -EINVAL)
            return error_set(err, r, "unmount what container %s shared", container);
        remove_target(path);
    }
    snprintf(path, sizeof(path), MOUNTS "/%" PRIu64, sharer->number);
    int r = sys_unlinkat(AT_FDCWD, path, AT_REMOVEDIR);
    list_remove(&sharer->node);
    free(sharer);
    return r < 0 ? error_set(err, r, "remove the shared directory of %s", container) : 0;
}
