/* SPDX-License-Identifier: Apache-2.0 */
/* Namespaces as files: links in /proc/PID/ns, their descriptors, what ioctl tells, bind mounts, entering by them. */
#include <linux/nsfs.h>
#include <sched.h>

#include "mocks/tests/cgroups.h"

#ifndef CLONE_NEWTIME
#define CLONE_NEWTIME 0x80
#endif

static const struct kind {
    const char *label;
    int type;
} kinds[] = {
    {"uts", CLONE_NEWUTS},   {"ipc", CLONE_NEWIPC}, {"net", CLONE_NEWNET},       {"pid", CLONE_NEWPID},
    {"user", CLONE_NEWUSER}, {"mnt", CLONE_NEWNS},  {"cgroup", CLONE_NEWCGROUP}, {"time", CLONE_NEWTIME},
};

static int ns_open(const char *who, const char *name, int flags)
{
    char path[64];

    snprintf(path, sizeof(path), "/proc/%s/ns/%s", who, name);
    return sys_openat(AT_FDCWD, path, flags | O_CLOEXEC, 0);
}

static ssize_t ns_name(const char *who, const char *name, char text[64])
{
    char path[64];

    snprintf(path, sizeof(path), "/proc/%s/ns/%s", who, name);
    ssize_t n = sys_readlinkat(AT_FDCWD, path, text, 63);
    text[n > 0 ? n : 0] = '\0';
    return n;
}

CONFORM_CASE(a_namespace_is_a_file)
{
    FOR_CASES(kind, kinds)
    {
        struct stat st;
        struct statfs fs;
        char text[64], name[64], path[64];
        int fd = ns_open("self", kind->label, O_RDONLY);
        expect_true(fd >= 0);
        expect(sys_ioctl(fd, NS_GET_NSTYPE, NULL), kind->type);
        expect(sys_fstat(fd, &st), 0);
        expect(st.st_mode, S_IFREG | 0444);
        expect(st.st_size, 0);
        expect(sys_fstatfs(fd, &fs), 0);
        expect(fs.f_type, 0x6e736673);
        expect_true(ns_name("self", kind->label, name) > 0);
        snprintf(text, sizeof(text), "%s:[%lu]", kind->label, (unsigned long)st.st_ino);
        expect_text(name, text);
        snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
        ssize_t n = sys_readlinkat(AT_FDCWD, path, text, sizeof(text) - 1);
        text[n > 0 ? n : 0] = '\0';
        expect_text(text, name);
        expect(sys_read(fd, text, 1), -EINVAL);
        expect(sys_ioctl(fd, 0x12345678, NULL), -ENOTTY);
        expect(sys_openat(AT_FDCWD, path, O_RDONLY | O_DIRECTORY, 0), -ENOTDIR);
        sys_close(fd);
        fd = ns_open("self", kind->label, O_PATH);
        expect(sys_ioctl(fd, NS_GET_NSTYPE, NULL), -EBADF);
        sys_close(fd);
        expect(ns_open("self", kind->label, O_RDONLY | O_NOFOLLOW), -ELOOP);
        expect(ns_open("self", kind->label, O_RDWR), -EPERM);
        expect(ns_open("self", kind->label, O_WRONLY | O_TRUNC), -EPERM);
        snprintf(path, sizeof(path), "/proc/self/ns/%s", kind->label);
        expect(sys_faccessat(AT_FDCWD, path, W_OK, 0), -EPERM);
        expect(sys_faccessat(AT_FDCWD, path, R_OK, 0), 0);
        expect(sys_fchmodat(AT_FDCWD, path, 0600), -EPERM);
        expect(sys_fchownat(AT_FDCWD, path, 1, 1, 0), -EPERM);
    }
}

static int unshare_and_compare(void *arg)
{
    const struct kind *kind = arg;
    bool later = kind->type == CLONE_NEWPID || kind->type == CLONE_NEWTIME; /* only for children */
    char before[64], after[64], children[64];

    if (ns_name("self", kind->label, before) < 0 || sys_unshare(kind->type) < 0 || ns_name("self", kind->label, after) < 0)
        return 1;
    if ((strcmp(before, after) == 0) != later)
        return 2;
    if (!later)
        return 0;
    snprintf(children, sizeof(children), "%s_for_children", kind->label);
    ssize_t n = ns_name("self", children, after);
    if (kind->type == CLONE_NEWPID)
        return n == -ENOENT ? 0 : 3; /* nobody has been born into it */
    return strcmp(before, after) == 0 ? 4 : 0;
}

CONFORM_CASE(unshare_gives_another_file)
{
    FOR_CASES(kind, kinds)
    expect(in_child(unshare_and_compare, (void *)kind), 0);
}

/* ---- relatives ---- */

CONFORM_CASE(the_owner_of_a_namespace)
{
    FOR_CASES(kind, kinds)
    {
        int fd = ns_open("self", kind->label, O_RDONLY);
        int owner = sys_ioctl(fd, NS_GET_USERNS, NULL);
        if (kind->type == CLONE_NEWUSER) {
            expect(owner, -EPERM); /* that of the first is out of sight */
        } else if (expect_true(owner >= 0)) {
            struct stat st;
            char text[64], name[64];
            expect(sys_fcntl(owner, F_GETFD, 0), FD_CLOEXEC);
            expect(sys_ioctl(owner, NS_GET_NSTYPE, NULL), CLONE_NEWUSER);
            sys_fstat(owner, &st);
            ns_name("self", "user", name);
            snprintf(text, sizeof(text), "user:[%lu]", (unsigned long)st.st_ino);
            expect_text(text, name);
            sys_close(owner);
        }
        int parent = sys_ioctl(fd, NS_GET_PARENT, NULL);
        expect(parent < 0 ? parent : 0, kind->type == CLONE_NEWPID || kind->type == CLONE_NEWUSER ? -EPERM : -EINVAL);
        uid_t uid = 77;
        expect(sys_ioctl(fd, NS_GET_OWNER_UID, &uid), kind->type == CLONE_NEWUSER ? 0 : -EINVAL);
        expect(uid, kind->type == CLONE_NEWUSER ? 0 : 77);
        sys_close(fd);
    }
}

static int look_at_parent(void *arg)
{
    (void)arg;
    char mine[64], text[64];
    struct stat st;

    int fd = ns_open("self", "pid", O_RDONLY);
    int parent = sys_ioctl(fd, NS_GET_PARENT, NULL);
    (void)mine;
    (void)text;
    (void)st;
    return parent == -EPERM ? 0 : 1; /* from inside nobody sees out */
}

CONFORM_CASE(the_parent_of_a_pid_namespace)
{
    struct sys_spawn args = {.flags = CLONE_NEWPID, .cgroup_fd = -1};
    char who[16], name[64], text[64];
    struct stat st;

    expect(collect(sys_spawn(&args, look_at_parent, NULL)), 0);
    int pid = sys_spawn(&args, sleep_for_ever, NULL);
    snprintf(who, sizeof(who), "%d", pid);
    int fd = ns_open(who, "pid", O_RDONLY);
    int parent = sys_ioctl(fd, NS_GET_PARENT, NULL);
    expect_true(parent >= 0);
    expect(sys_ioctl(parent, NS_GET_NSTYPE, NULL), CLONE_NEWPID);
    sys_fstat(parent, &st);
    ns_name("self", "pid", name);
    snprintf(text, sizeof(text), "pid:[%lu]", (unsigned long)st.st_ino);
    expect_text(text, name);
    kill_and_collect(pid);
}

/* ---- keeping and entering ---- */

static int set_name(void *arg)
{
    return sys_sethostname(arg, strlen(arg)) < 0 ? 1 : sleep_for_ever(NULL);
}

static int compare_name(void *arg)
{
    const int *fd = arg;

    if (sys_setns(*fd, CLONE_NEWUTS) < 0)
        return 1;
    return strcmp(text_of(AT_FDCWD, "/proc/sys/kernel/hostname"), "kept\n") != 0;
}

CONFORM_CASE(a_descriptor_keeps_a_namespace)
{
    struct sys_spawn args = {.flags = CLONE_NEWUTS, .cgroup_fd = -1};
    char who[16];

    int pid = sys_spawn(&args, set_name, "kept");
    snprintf(who, sizeof(who), "%d", pid);
    int fd = ns_open(who, "uts", O_RDONLY);
    for (int i = 0; i < 100 && in_child(compare_name, &fd) != 0; i++)
        sys_nanosleep(5000000);
    kill_and_collect(pid);
    expect(in_child(compare_name, &fd), 0);
}

CONFORM_CASE(a_bind_mount_keeps_a_namespace)
{
    struct sys_spawn args = {.flags = CLONE_NEWUTS, .cgroup_fd = -1};
    char path[64], line[128], who[16], name[64];

    int pid = sys_spawn(&args, set_name, "kept");
    snprintf(path, sizeof(path), "/proc/%d/ns/uts", pid);
    snprintf(who, sizeof(who), "%d", pid);
    ns_name(who, "uts", name);
    int file = sys_openat(AT_FDCWD, "/tmp/uts", O_CREAT | O_WRONLY | O_CLOEXEC, 0644);
    sys_close(file);
    expect(sys_mount(path, "/tmp/uts", NULL, MS_BIND, NULL), 0);
    snprintf(line, sizeof(line), " %s /tmp/uts ", name);
    expect_true(strstr(text_of(AT_FDCWD, "/proc/self/mountinfo"), line) != NULL);
    expect_true(strstr(text_of(AT_FDCWD, "/proc/self/mountinfo"), " - nsfs nsfs rw\n") != NULL);
    int fd = sys_openat(AT_FDCWD, "/tmp/uts", O_RDONLY | O_CLOEXEC, 0);
    for (int i = 0; i < 100 && in_child(compare_name, &fd) != 0; i++)
        sys_nanosleep(5000000);
    sys_close(fd);
    kill_and_collect(pid);
    fd = sys_openat(AT_FDCWD, "/tmp/uts", O_RDONLY | O_CLOEXEC, 0);
    expect(sys_ioctl(fd, NS_GET_NSTYPE, NULL), CLONE_NEWUTS);
    expect(in_child(compare_name, &fd), 0);
    expect(sys_umount2("/tmp/uts", 0), -EBUSY);
    expect(sys_umount2("/tmp/uts", 2), 0); /* MNT_DETACH */
    expect(in_child(compare_name, &fd), 0);
}

CONFORM_CASE(setns_refuses)
{
    int uts = ns_open("self", "uts", O_RDONLY), path = ns_open("self", "uts", O_PATH);
    int file = sys_openat(AT_FDCWD, "/proc/self/status", O_RDONLY | O_CLOEXEC, 0);
    const struct {
        const char *label;
        int fd, type, result;
    } rows[] = {
        {"other type", uts, CLONE_NEWIPC, -EINVAL},    {"any type", uts, 0, 0},
        {"no namespace", file, CLONE_NEWUTS, -EINVAL}, {"O_PATH", path, CLONE_NEWUTS, -EBADF},
        {"closed", 999, CLONE_NEWUTS, -EBADF},         {"own", uts, CLONE_NEWUTS, 0},
    };

    FOR_CASES(row, rows)
    expect(sys_setns(row->fd, row->type), row->result);
    int user = ns_open("self", "user", O_RDONLY);
    expect(sys_setns(user, CLONE_NEWUSER), -EINVAL); /* where it is already */
}
