/* SPDX-License-Identifier: Apache-2.0 */
/* Capabilities over files, and what is left of them in user namespaces. */
#include "mocks/tests/capabilities.h"
#include "mocks/tests/files.h"

#define USER 1000
#define OTHER 2000

/* ---- capabilities ---- */

struct cap_row {
    const char *label;
    uint64_t caps;
    int (*call)(void);
    int result;
};

static int cap_read(void)
{
    return closed(sys_openat(AT_FDCWD, "f", O_RDONLY, 0));
}
static int cap_write(void)
{
    return closed(sys_openat(AT_FDCWD, "f", O_WRONLY, 0));
}
static int cap_exec(void)
{
    return sys_faccessat(AT_FDCWD, "f", X_OK, AT_EACCESS);
}
static int cap_search(void)
{
    return closed(sys_openat(AT_FDCWD, "d/f", O_PATH, 0));
}
static int cap_list(void)
{
    return closed(sys_openat(AT_FDCWD, "d", O_RDONLY, 0));
}
static int cap_create(void)
{
    return closed(sys_openat(AT_FDCWD, "d/new", O_CREAT | O_WRONLY, 0600));
}
static int cap_chmod(void)
{
    return sys_fchmodat(AT_FDCWD, "f", 0);
}
static int cap_chown(void)
{
    return sys_fchownat(AT_FDCWD, "f", OTHER, OTHER, 0);
}
static int cap_node(void)
{
    return sys_mknodat(AT_FDCWD, "null", S_IFCHR | 0600, makedev(1, 3));
}
static int cap_whiteout(void)
{
    return sys_mknodat(AT_FDCWD, "white", S_IFCHR | 0600, 0);
}
static int cap_fifo(void)
{
    return sys_mknodat(AT_FDCWD, "fifo", S_IFIFO | 0600, 0);
}
static int cap_chroot(void)
{
    return sys_chroot(".");
}
static int cap_mount(void)
{
    return sys_mount("x", ".", "tmpfs", 0, NULL);
}
static int cap_sticky(void)
{
    return sys_unlinkat(AT_FDCWD, "sticky/f", 0);
}

static const struct cap_row cap_rows[] = {
    {"none: read", 0, cap_read, -EACCES},
    {"DAC_OVERRIDE: read", CAP(DAC_OVERRIDE), cap_read, 0},
    {"DAC_READ_SEARCH: read", CAP(DAC_READ_SEARCH), cap_read, 0},
    {"DAC_OVERRIDE: write", CAP(DAC_OVERRIDE), cap_write, 0},
    {"DAC_READ_SEARCH: write", CAP(DAC_READ_SEARCH), cap_write, -EACCES},
    {"DAC_OVERRIDE: execute without x", CAP(DAC_OVERRIDE), cap_exec, -EACCES},
    {"none: search", 0, cap_search, -EACCES},
    {"DAC_OVERRIDE: search", CAP(DAC_OVERRIDE), cap_search, 0},
    {"DAC_READ_SEARCH: search", CAP(DAC_READ_SEARCH), cap_search, 0},
    {"DAC_READ_SEARCH: list", CAP(DAC_READ_SEARCH), cap_list, 0},
    {"DAC_READ_SEARCH: create", CAP(DAC_READ_SEARCH), cap_create, -EACCES},
    {"DAC_OVERRIDE: create", CAP(DAC_OVERRIDE), cap_create, 0},
    {"none: chmod", 0, cap_chmod, -EPERM},
    {"FOWNER: chmod", CAP(FOWNER), cap_chmod, 0},
    {"CHOWN: chmod", CAP(CHOWN), cap_chmod, -EPERM},
    {"FOWNER: chown", CAP(FOWNER), cap_chown, -EPERM},
    {"CHOWN: chown", CAP(CHOWN), cap_chown, 0},
    {"none: device", 0, cap_node, -EPERM},
    {"MKNOD: device", CAP(MKNOD), cap_node, 0},
    {"none: whiteout", 0, cap_whiteout, 0},
    {"none: fifo", 0, cap_fifo, 0},
    {"none: chroot", 0, cap_chroot, -EPERM},
    {"SYS_CHROOT: chroot", CAP(SYS_CHROOT), cap_chroot, 0},
    {"none: mount", 0, cap_mount, -EPERM},
    {"SYS_ADMIN: mount", CAP(SYS_ADMIN), cap_mount, 0},
    {"DAC_OVERRIDE: sticky", CAP(DAC_OVERRIDE), cap_sticky, -EPERM},
    {"FOWNER: sticky", CAP(FOWNER), cap_sticky, 0},
};

static int call_with_caps(void *arg)
{
    const struct cap_row *row = arg;
    if (sys_unshare(CLONE_NEWNS) < 0 || caps_drop_to(row->caps) < 0)
        return 99;
    return -row->call();
}

CONFORM_CASE(capabilities_set_modes_aside)
{
    make_open_tree();
    FOR_CASES(row, cap_rows)
    {
        make_owned("f", 0, USER, USER);
        make_owned_dir("d", 0, USER, USER);
        make_owned("d/f", 0644, USER, USER);
        make_owned_dir("sticky", 01777, USER, USER);
        make_owned("sticky/f", 0, USER, USER);
        expect(run_row(call_with_caps, row), -row->result);
        static const char *const names[] = {"f", "d/f", "d/new", "sticky/f", "null", "white", "fifo"};
        FOR_ROWS (name, names)
            sys_unlinkat(AT_FDCWD, *name, 0);
        sys_unlinkat(AT_FDCWD, "d", AT_REMOVEDIR);
        sys_unlinkat(AT_FDCWD, "sticky", AT_REMOVEDIR);
    }
}

/* ---- user namespaces ---- */

static int in_user_namespace(void *arg)
{
    const struct cap_row *row = arg;
    if (sys_unshare(CLONE_NEWUSER | CLONE_NEWNS) < 0)
        return 99;
    return -row->call();
}

static int user_own_mount(void)
{
    return sys_mount("x", "own", "tmpfs", 0, NULL);
}
static int user_own_node(void)
{
    int r = user_own_mount();
    return r < 0 ? r : sys_mknodat(AT_FDCWD, "own/null", S_IFCHR | 0600, makedev(1, 3));
}
static int user_own_whiteout(void)
{
    int r = user_own_mount();
    return r < 0 ? r : sys_mknodat(AT_FDCWD, "own/w", S_IFCHR | 0600, 0);
}
static int user_read(void)
{
    return closed(sys_openat(AT_FDCWD, "f", O_RDONLY, 0));
}
static int user_owner(void)
{
    struct stat st;
    int r = sys_fstatat(AT_FDCWD, "f", &st, 0);
    return r < 0 ? r : st.st_uid == 65534 ? 0 : -EDOM;
}
static int user_chown(void)
{
    return sys_fchownat(AT_FDCWD, "f", 0, 0, 0);
}
static int user_root_fs(void)
{
    return sys_mount("x", "own", "ramfs", 0, NULL);
}
static int user_devtmpfs(void)
{
    return sys_mount("x", "own", "devtmpfs", 0, NULL);
}
static int user_create(void)
{
    return closed(sys_openat(AT_FDCWD, "own/new", O_CREAT | O_WRONLY, 0600));
}

/* Nobody is mapped: the task is 65534 to itself, with all capabilities in its namespace. */
static const struct cap_row user_rows[] = {
    {"mount tmpfs", 0, user_own_mount, 0},
    {"mount ramfs", 0, user_root_fs, 0},
    {"mount devtmpfs", 0, user_devtmpfs, -EPERM},
    {"a device", 0, cap_node, -EPERM},
    {"a device on one's own tmpfs", 0, user_own_node, -EOVERFLOW},
    {"a whiteout on one's own tmpfs", 0, user_own_whiteout, -EOVERFLOW},
    {"a secret of another", 0, user_read, -EACCES},
    {"owners are nobody", 0, user_owner, 0},
    {"chown to unmapped", 0, user_chown, -EINVAL},
    {"create where one may", 0, user_create, 0},
};

CONFORM_CASE(user_namespaces_have_no_power_over_others)
{
    make_open_tree();
    FOR_CASES(row, user_rows)
    {
        make_owned("f", 0, USER, USER);
        sys_mkdirat(AT_FDCWD, "own", 0777);
        expect(run_row(in_user_namespace, row), -row->result);
        sys_unlinkat(AT_FDCWD, "f", 0);
        sys_unlinkat(AT_FDCWD, "own/new", 0);
        sys_unlinkat(AT_FDCWD, "own", AT_REMOVEDIR);
    }
}

/* ---- user namespaces with root in them ---- */

static int write_text(const char *path, const char *text)
{
    int fd = sys_openat(AT_FDCWD, path, O_WRONLY, 0);
    ssize_t n = fd < 0 ? fd : sys_write(fd, text, strlen(text));
    sys_close(fd);
    return n < 0 ? (int)n : 0;
}

static int as_mapped_root(void *arg)
{
    if (sys_unshare(CLONE_NEWUSER | CLONE_NEWNS) < 0 || write_text("/proc/self/setgroups", "deny") < 0 ||
        write_text("/proc/self/uid_map", "0 0 1") < 0 || write_text("/proc/self/gid_map", "0 0 1") < 0)
        return 200;
    if (mount_tmpfs("own") < 0 || sys_chdir("own") < 0)
        return 201;
    return -((const struct cap_row *)arg)->call();
}

static int mapped_type(const char *type)
{
    return sys_mount("x", ".", type, 0, NULL);
}
static int mapped_proc(void)
{
    return mapped_type("proc");
}
static int mapped_sysfs(void)
{
    return mapped_type("sysfs");
}
static int mapped_mqueue(void)
{
    return mapped_type("mqueue");
}
static int mapped_cgroup2(void)
{
    return mapped_type("cgroup2");
}
static int mapped_devpts(void)
{
    return mapped_type("devpts");
}
static int mapped_own_mqueue(void)
{
    int r = sys_unshare(CLONE_NEWIPC);
    return r < 0 ? r : mapped_type("mqueue");
}
static int mapped_uid_option(void)
{
    return sys_mount("x", ".", "tmpfs", 0, "uid=5");
}
static int mapped_chown(void)
{
    int r = make_file("f", "");
    return r < 0 ? r : sys_fchownat(AT_FDCWD, "f", 0, 0, 0);
}
static int mapped_chown_away(void)
{
    int r = make_file("f", "");
    return r < 0 ? r : sys_fchownat(AT_FDCWD, "f", 1, 1, 0);
}
static int mapped_set_id(void)
{
    int r = make_file("f", "");
    if (r == 0)
        r = sys_fchmodat(AT_FDCWD, "f", 06755);
    return r < 0 ? r : mode_of("f") == 06755 ? 0 : -EDOM;
}
static int mapped_bound_device(void)
{
    int r = make_file("f", "");
    if (r == 0)
        r = bind_dir("/dev/null", "f");
    return r < 0 ? r : closed(sys_openat(AT_FDCWD, "f", O_RDWR, 0));
}
static int mapped_remount(void)
{
    return sys_mount(NULL, "/tmp/t/own", NULL, MS_REMOUNT | MS_RDONLY, NULL);
}
static int mapped_create_devtmpfs(void)
{
    int fd = sys_fsopen("devtmpfs", 0);
    return fd < 0 ? fd : sys_fsconfig(fd, FSCONFIG_CMD_CREATE, NULL, NULL, 0);
}
static int mapped_reconfigure(void)
{
    int fd = sys_fspick(AT_FDCWD, "/tmp", 0);
    return fd < 0 ? fd : sys_fsconfig(fd, FSCONFIG_CMD_RECONFIGURE, NULL, NULL, 0);
}

static const struct cap_row mapped_rows[] = {
    {"mapped: a device", 0, cap_node, -EPERM},
    {"mapped: a whiteout", 0, cap_whiteout, 0},
    {"mapped: a fifo", 0, cap_fifo, 0},
    {"mapped: chown to oneself", 0, mapped_chown, 0},
    {"mapped: chown to the unmapped", 0, mapped_chown_away, -EINVAL},
    {"mapped: set-id bits", 0, mapped_set_id, 0},
    {"mapped: a device of the machine", 0, mapped_bound_device, 0},
    {"mapped: an unmapped owner of a tmpfs", 0, mapped_uid_option, -EINVAL},
    {"mapped: proc of another pid namespace", 0, mapped_proc, -EPERM},
    {"mapped: sysfs of another net namespace", 0, mapped_sysfs, -EPERM},
    {"mapped: queues of another ipc namespace", 0, mapped_mqueue, -EPERM},
    {"mapped: queues of one's own", 0, mapped_own_mqueue, 0},
    {"mapped: cgroups of another namespace", 0, mapped_cgroup2, -EPERM},
    {"mapped: terminals", 0, mapped_devpts, 0},
    {"mapped: remount one's own", 0, mapped_remount, 0},
    {"mapped: a context of devices", 0, mapped_create_devtmpfs, -EPERM},
    {"mapped: reconfigure another's", 0, mapped_reconfigure, -EPERM},
};

CONFORM_CASE(mapped_root_rules_its_own)
{
    make_open_tree();
    FOR_CASES(row, mapped_rows)
    {
        sys_mkdirat(AT_FDCWD, "own", 0777);
        expect(run_row(as_mapped_root, row), -row->result);
    }
}
