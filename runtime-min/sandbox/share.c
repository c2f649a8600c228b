/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime-min/sandbox/share.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>

#include "runtime-min/sandbox/rundir.h"
#include "sys/fd.h"

#define MOUNTS "share/mounts"
#define NAMES "share/names"
#define SHARES_MAX 1024 /* of one container */
#define OPEN_TREE_COPY (OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC)
#define NUMBER_BYTES 17
#define PATH_CAP (sizeof(NAMES) + NAME_MAX + 1)

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
        r = sys_mkdirat(AT_FDCWD, NAMES, 0700);
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

/* ---- containers ---- */

/* A mount needs a target of its own kind. */
static int make_target(const char *path, bool is_directory)
{
    if (is_directory)
        return sys_mkdirat(AT_FDCWD, path, 0700);
    int fd = sys_openat(AT_FDCWD, path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    return fd < 0 ? fd : sys_close(fd);
}

static int remove_target(const char *path)
{
    int r = sys_unlinkat(AT_FDCWD, path, 0);

    return r == -EISDIR ? sys_unlinkat(AT_FDCWD, path, AT_REMOVEDIR) : r;
}

static int name_path(const char *container, char path[static PATH_CAP], struct error *err)
{
    int r = rundir_check_id(container, err);

    if (r == 0)
        snprintf(path, PATH_CAP, NAMES "/%s", container);
    return r;
}

/* Who is killed between the two leaves an empty directory. */
static int give_number(const char *name, char number[static NUMBER_BYTES])
{
    char path[PATH_CAP];
    uint64_t random;

    ssize_t n = sys_getrandom(&random, sizeof(random), 0);
    if (n != sizeof(random))
        return n < 0 ? (int)n : -EIO;
    snprintf(number, NUMBER_BYTES, "%016" PRIx64, random);
    snprintf(path, sizeof(path), MOUNTS "/%s", number);
    int r = make_passage(path);
    return r < 0 ? r : sys_symlinkat(number, AT_FDCWD, name);
}

/* -ENOENT: it has none. */
static int find_number(const char *name, char number[static NUMBER_BYTES])
{
    ssize_t n = sys_readlinkat(AT_FDCWD, name, number, NUMBER_BYTES - 1);

    number[n < 0 ? 0 : n] = '\0';
    return n < 0 ? (int)n : 0;
}

/* The first place that is free. */
static int take_place(const char *number, bool is_directory, char ret_name[static SHARE_NAME_BYTES], char path[static PATH_CAP])
{
    int r = -EEXIST;

    for (int n = 0; n < SHARES_MAX && r == -EEXIST; n++) {
        snprintf(ret_name, SHARE_NAME_BYTES, "%s/%d", number, n);
        snprintf(path, PATH_CAP, MOUNTS "/%s", ret_name);
        r = make_target(path, is_directory);
    }
    return r;
}

int share_add(int tree, const char *container, char ret_name[static SHARE_NAME_BYTES], struct error *err)
{
    char name[PATH_CAP], path[PATH_CAP], number[NUMBER_BYTES];
    struct stat st;

    int r = name_path(container, name, err);
    if (r < 0)
        return r;
    r = find_number(name, number);
    if (r == -ENOENT)
        r = give_number(name, number);
    if (r == 0)
        r = sys_fstat(tree, &st);
    if (r == 0)
        r = take_place(number, S_ISDIR(st.st_mode), ret_name, path);
    if (r == -EEXIST)
        return error_status(err, STATUS_RESOURCE_EXHAUSTED, "container %s has %d shared directories already", container,
                            SHARES_MAX);
    if (r == 0) {
        r = sys_move_mount(tree, "", AT_FDCWD, path, MOVE_MOUNT_F_EMPTY_PATH);
        if (r < 0)
            (void)remove_target(path);
    }
    return r < 0 ? error_set(err, r, "share a directory with container %s", container) : 0;
}

static int remove_places(const char *number)
{
    char path[PATH_CAP];
    int r = 0;

    for (int n = 0; n < SHARES_MAX && r == 0; n++) {
        snprintf(path, sizeof(path), MOUNTS "/%s/%d", number, n);
        r = sys_umount2(path, MNT_DETACH | UMOUNT_NOFOLLOW);
        if (r == 0 || r == -EINVAL) /* not mounted any more, or not yet */
            r = remove_target(path);
    }
    if (r < 0 && r != -ENOENT)
        return r;
    snprintf(path, sizeof(path), MOUNTS "/%s", number);
    r = sys_unlinkat(AT_FDCWD, path, AT_REMOVEDIR);
    return r == -ENOENT ? 0 : r;
}

int share_remove(const char *container, struct error *err)
{
    char name[PATH_CAP], number[NUMBER_BYTES];

    int r = name_path(container, name, err);
    if (r < 0)
        return r;
    r = find_number(name, number);
    if (r == -ENOENT)
        return 0;
    if (r == 0)
        r = remove_places(number);
    if (r == 0)
        r = sys_unlinkat(AT_FDCWD, name, 0);
    return r < 0 ? error_set(err, r, "take back what container %s shared", container) : 0;
}
