/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime-min/jail/jail.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>

#include "sys/fd.h"

#define CAPABILITIES 64
#define DESCRIPTORS 1024
#define OPEN_TREE_COPY (OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_SYMLINK_NOFOLLOW)

/* Whatever a distribution calls its directories of programs and libraries; each may be a link or missing. */
static const char *const shown[] = {"/usr", "/lib", "/lib64", "/bin", "/etc/ld.so.cache"};

static const char *const devices[] = {"/dev/null", "/dev/urandom"};

/* ---- the root directory, which is the working directory while it is built ---- */

/* What is mounted on "/" is not seen by who has the old root; the descriptor leads to it. */
static int enter_new_root(void)
{
    int r = sys_mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL);
    if (r < 0)
        return r;
    _close_ int fs = sys_fsopen("tmpfs", FSOPEN_CLOEXEC);
    r = fs < 0 ? fs : sys_fsconfig(fs, FSCONFIG_SET_STRING, "mode", "0755", 0);
    if (r == 0)
        r = sys_fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0);
    if (r < 0)
        return r;
    _close_ int root = sys_fsmount(fs, FSMOUNT_CLOEXEC, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC);
    r = root < 0 ? root : sys_move_mount(root, "", AT_FDCWD, "/", MOVE_MOUNT_F_EMPTY_PATH);
    return r < 0 ? r : sys_fchdir(root);
}

static int make_parents(const char *path)
{
    char part[PATH_MAX] = "";
    int r = 0;

    strncat(part, path, sizeof(part) - 1);
    for (char *slash = part; r == 0 && (slash = strchr(slash, '/')); *slash++ = '/') {
        *slash = '\0';
        r = sys_mkdirat(AT_FDCWD, part, 0755);
        r = r == -EEXIST ? 0 : r;
    }
    return r;
}

static int copy_link(const char *path)
{
    char target[PATH_MAX] = "";

    ssize_t n = sys_readlinkat(AT_FDCWD, path, target, sizeof(target) - 1);
    return n < 0 ? (int)n : sys_symlinkat(target, AT_FDCWD, path + 1);
}

static int bind_with(const char *from, const char *to, unsigned int flags, uint64_t attributes)
{
    const struct mount_attr attr = {.attr_set = attributes};

    _close_ int tree = sys_open_tree(AT_FDCWD, from, OPEN_TREE_COPY | flags);
    int r = tree < 0 ? tree : sys_mount_setattr(tree, "", AT_EMPTY_PATH | flags, &attr);
    return r < 0 ? r : sys_move_mount(tree, "", AT_FDCWD, to, MOVE_MOUNT_F_EMPTY_PATH);
}

static int bind_tree(const char *from, const char *to, unsigned int flags)
{
    return bind_with(from, to, flags, MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV);
}

/* The same path as outside, read-only. */
static int show(const char *path)
{
    struct stat st;

    int r = sys_fstatat(AT_FDCWD, path, &st, AT_SYMLINK_NOFOLLOW);
    if (r < 0)
        return r == -ENOENT ? 0 : r;
    r = make_parents(path + 1);
    if (r == 0 && S_ISLNK(st.st_mode))
        r = copy_link(path);
    else if (r == 0)
        r = S_ISDIR(st.st_mode) ? sys_mkdirat(AT_FDCWD, path + 1, 0755) : sys_mknodat(AT_FDCWD, path + 1, S_IFREG | 0444, 0);
    if (r == -EEXIST) /* below something that is shown already */
        return 0;
    return r < 0 || S_ISLNK(st.st_mode) ? r : bind_tree(path, path + 1, AT_RECURSIVE);
}

/* What belongs to a program lies beside it: PREFIX/bin/PROGRAM has the rest in PREFIX. */
static int show_program(const char *program)
{
    char directory[PATH_MAX];

    strcpy(directory, program);
    *strrchr(directory, '/') = '\0';
    char *name = strrchr(directory, '/');
    if (name && name != directory && strcmp(name, "/bin") == 0)
        *name = '\0';
    return show(*directory ? directory : program);
}

/* Of /proc it sees itself alone, which is how descriptors get names. */
static int show_self(void)
{
    int r = make_parents("proc/self/");

    return r < 0 ? r : bind_tree("/proc/self/.", "proc/self", 0);
}

/* Open to its user, whoever may use the host's. In a container that may not make devices it is the host's own, with its mode.
 */
static int make_device(const char *device)
{
    struct stat st;

    int r = sys_fstatat(AT_FDCWD, device, &st, 0);
    if (r == 0)
        r = sys_mknodat(AT_FDCWD, device + 1, S_IFCHR | 0666, st.st_rdev);
    if (r != -EPERM)
        return r;
    r = sys_mknodat(AT_FDCWD, device + 1, S_IFREG | 0444, 0);
    return r < 0 ? r : bind_with(device, device + 1, 0, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC);
}

static int make_devices(const char *device)
{
    int r = sys_mkdirat(AT_FDCWD, "dev", 0755);

    for (size_t i = 0; i < ARRAY_SIZE(devices) && r == 0; i++)
        r = make_device(devices[i]);
    return r == 0 && device ? make_device(device) : r;
}

static int build(const char *program, const char *device)
{
    int r = show_self();

    for (size_t i = 0; i < ARRAY_SIZE(shown) && r == 0; i++)
        r = show(shown[i]);
    if (r == 0)
        r = show_program(program);
    return r < 0 ? r : make_devices(device);
}

/* The old root goes below the new one and away; an initramfs cannot, but without capabilities nobody comes back to it. */
static int leave_old_root(void)
{
    static const struct mount_attr attr = {.attr_set = MOUNT_ATTR_RDONLY};

    int r = sys_pivot_root(".", ".");
    if (r == 0)
        r = sys_umount2(".", MNT_DETACH);
    else if (r == -EINVAL)
        r = sys_chroot(".");
    if (r == 0)
        r = sys_chdir("/");
    return r < 0 ? r : sys_mount_setattr(AT_FDCWD, "/", 0, &attr);
}

/* ---- rights ---- */

static int limit_descriptors(void)
{
    const struct rlimit limit = {DESCRIPTORS, DESCRIPTORS};

    return sys_prlimit(0, RLIMIT_NOFILE, &limit, NULL);
}

static int drop_bounding_set(void)
{
    for (unsigned long capability = 0; capability < CAPABILITIES; capability++) {
        int r = sys_prctl(PR_CAPBSET_DROP, capability, 0, 0, 0);
        if (r < 0 && r != -EINVAL) /* beyond the last one that this kernel knows */
            return r;
    }
    return 0;
}

static int become(uid_t uid)
{
    int r = sys_setresgid(uid, uid, uid);

    return r < 0 ? r : sys_setresuid(uid, uid, uid);
}

/* Capabilities go with user 0. */
static int drop_rights(uid_t uid)
{
    int r = drop_bounding_set();
    if (r == 0)
        r = sys_setgroups(0, NULL);
    if (r == 0)
        r = become(uid);
    if (r == -EINVAL)
        r = become(JAIL_UID_NOBODY);
    return r < 0 ? r : sys_prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
}

/* ---- */

/* Without links: those may lead through directories that the jail does not have. */
static int resolve(const char *program, char *ret_program)
{
    char name[32];

    _close_ int fd = sys_openat(AT_FDCWD, program, O_PATH | O_CLOEXEC, 0);
    if (fd < 0)
        return fd;
    snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);
    ssize_t n = sys_readlinkat(AT_FDCWD, name, ret_program, PATH_MAX - 1);
    if (n < 0)
        return (int)n;
    ret_program[n] = '\0';
    return *ret_program == '/' ? 0 : -ENOENT;
}

int jail_enter(const char *program, const char *device, uid_t uid, char *ret_program, struct error *err)
{
    mode_t mask = sys_umask(0);

    int r = resolve(program, ret_program);
    if (r < 0)
        return error_set(err, r, "run %s", program);
    r = enter_new_root();
    if (r == 0)
        r = build(ret_program, device);
    if (r == 0)
        r = leave_old_root();
    if (r < 0)
        return error_set(err, r, "build a root directory for %s", program);
    (void)sys_umask(mask);
    r = limit_descriptors();
    if (r == 0)
        r = drop_rights(uid);
    return r < 0 ? error_set(err, r, "take the rights from %s", program) : 0;
}
