/* SPDX-License-Identifier: Apache-2.0 */
/* unshare(2), setns(2), and the files that stand for namespaces. */
#include <linux/sched.h>

#include "mocks/tests/conform.h"

#define ALL_BUT_USER (CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWCGROUP)

struct flags {
    int flags;
    uid_t user;
};

static int try_unshare(void *arg)
{
    const struct flags *flags = arg;

    sys_setresuid(flags->user, flags->user, flags->user);
    return -sys_unshare(flags->flags);
}

CONFORM_CASE(unshare_answers)
{
    static const struct {
        const char *label;
        struct flags flags;
        int result;
    } rows[] = {
        {"nothing", {0, 0}, 0},
        {"mounts", {CLONE_NEWNS, 0}, 0},
        {"pids", {CLONE_NEWPID, 0}, 0},
        {"net", {CLONE_NEWNET, 0}, 0},
        {"ipc", {CLONE_NEWIPC, 0}, 0},
        {"uts", {CLONE_NEWUTS, 0}, 0},
        {"cgroup", {CLONE_NEWCGROUP, 0}, 0},
        {"time", {CLONE_NEWTIME, 0}, 0},
        {"user", {CLONE_NEWUSER, 0}, 0},
        {"all", {ALL_BUT_USER | CLONE_NEWUSER | CLONE_NEWTIME, 0}, 0},
        {"descriptors", {CLONE_FILES, 0}, 0},
        {"root and working directory", {CLONE_FS, 0}, 0},
        {"semaphores", {CLONE_SYSVSEM, 0}, 0},
        {"semaphores by a user", {CLONE_SYSVSEM, 5}, 0},
        {"unknown flag", {CLONE_PARENT, 0}, EINVAL},
        {"unknown flag by a user", {CLONE_PARENT, 5}, EINVAL},
        {"mounts by a user", {CLONE_NEWNS, 5}, EPERM},
        {"pids by a user", {CLONE_NEWPID, 5}, EPERM},
        {"time by a user", {CLONE_NEWTIME, 5}, EPERM},
        {"user by a user", {CLONE_NEWUSER, 5}, 0},
        {"everything by a user", {ALL_BUT_USER | CLONE_NEWUSER, 5}, 0},
        {"descriptors by a user", {CLONE_FILES, 5}, 0},
    };

    FOR_CASES(row, rows)
    expect(in_child(try_unshare, (void *)&row->flags), row->result);
}

/* ---- identity ---- */

static const char *const names[] = {"mnt",    "pid_for_children",  "net",  "ipc", "uts",
                                    "cgroup", "time_for_children", "user", "pid", "time"};

static void link_of(const char *pid, const char *name, char *p, size_t size)
{
    char path[64];

    snprintf(path, sizeof(path), "/proc/%s/ns/%s", pid, name);
    ssize_t n = sys_readlinkat(AT_FDCWD, path, p, size - 1);
    p[n < 0 ? 0 : n] = '\0';
}

static int same_as_parent(void *arg)
{
    const char *name = arg;
    char own[64], parents[64];

    link_of("self", name, own, sizeof(own));
    link_of("2", name, parents, sizeof(parents));
    return own[0] == '\0' ? 2 : strcmp(own, parents) == 0 ? 0 : 1;
}

CONFORM_CASE(a_child_lives_in_the_namespaces_of_its_parent)
{
    for (size_t i = 0; i < ARRAY_SIZE(names); i++)
        expect(in_child(same_as_parent, (void *)(uintptr_t)names[i]), 0);
}

struct made {
    const char *name;
    int flag;
};

static int differs_after_unshare(void *arg)
{
    const struct made *made = arg;
    char before[64], after[64];

    link_of("self", made->name, before, sizeof(before));
    sys_unshare(made->flag);
    link_of("self", made->name, after, sizeof(after));
    return before[0] == '\0' || after[0] == '\0' ? 2 : strcmp(before, after) != 0;
}

CONFORM_CASE(unshare_changes_one_identity)
{
    static const struct {
        const char *label;
        struct made made;
        int result;
    } rows[] = {
        {"mnt", {"mnt", CLONE_NEWNS}, 1},
        {"net", {"net", CLONE_NEWNET}, 1},
        {"ipc", {"ipc", CLONE_NEWIPC}, 1},
        {"uts", {"uts", CLONE_NEWUTS}, 1},
        {"cgroup", {"cgroup", CLONE_NEWCGROUP}, 1},
        {"user", {"user", CLONE_NEWUSER}, 1},
        {"pid stays", {"pid", CLONE_NEWPID}, 0},
        {"time stays", {"time", CLONE_NEWTIME}, 0},
        {"time for children", {"time_for_children", CLONE_NEWTIME}, 1},
        {"uts and not ipc", {"ipc", CLONE_NEWUTS}, 0},
    };

    FOR_CASES(row, rows)
    expect(in_child(differs_after_unshare, (void *)&row->made), row->result);
}

CONFORM_CASE(the_text_of_a_link_names_type_and_inode)
{
    static const struct {
        const char *label, *name, *type;
    } rows[] = {
        {"mnt", "mnt", "mnt"},
        {"pid", "pid", "pid"},
        {"net", "net", "net"},
        {"ipc", "ipc", "ipc"},
        {"uts", "uts", "uts"},
        {"user", "user", "user"},
        {"cgroup", "cgroup", "cgroup"},
        {"time", "time", "time"},
        {"pid for children", "pid_for_children", "pid"},
        {"time for children", "time_for_children", "time"},
    };
    char text[64], expected[64], path[64];
    struct stat st;

    FOR_CASES(row, rows)
    {
        link_of("self", row->name, text, sizeof(text));
        snprintf(path, sizeof(path), "/proc/self/ns/%s", row->name);
        expect(sys_fstatat(AT_FDCWD, path, &st, 0), 0);
        snprintf(expected, sizeof(expected), "%s:[%lu]", row->type, (unsigned long)st.st_ino);
        expect_text(text, expected);
    }
}

/* ---- setns ---- */

static int open_namespace(const char *name)
{
    char path[64];

    snprintf(path, sizeof(path), "/proc/self/ns/%s", name);
    return sys_openat(AT_FDCWD, path, O_RDONLY | O_CLOEXEC, 0);
}

struct join {
    const char *name;
    int type;
    uid_t user;
};

static int try_setns(void *arg)
{
    const struct join *join = arg;
    int fd = open_namespace(join->name);

    if (fd < 0)
        return 99;
    sys_setresuid(join->user, join->user, join->user);
    return -sys_setns(fd, join->type);
}

CONFORM_CASE(setns_answers)
{
    static const struct {
        const char *label;
        struct join join;
        int result;
    } rows[] = {
        {"net", {"net", CLONE_NEWNET, 0}, 0},
        {"net of any type", {"net", 0, 0}, 0},
        {"net as uts", {"net", CLONE_NEWUTS, 0}, EINVAL},
        {"uts", {"uts", CLONE_NEWUTS, 0}, 0},
        {"ipc", {"ipc", CLONE_NEWIPC, 0}, 0},
        {"cgroup", {"cgroup", CLONE_NEWCGROUP, 0}, 0},
        {"mnt", {"mnt", CLONE_NEWNS, 0}, 0},
        {"pid", {"pid", CLONE_NEWPID, 0}, 0},
        {"the own user namespace", {"user", CLONE_NEWUSER, 0}, EINVAL},
        {"time", {"time", CLONE_NEWTIME, 0}, 0},
        {"net by a user", {"net", CLONE_NEWNET, 5}, EPERM},
        {"mnt by a user", {"mnt", CLONE_NEWNS, 5}, EPERM},
        {"pid by a user", {"pid", CLONE_NEWPID, 5}, EPERM},
        {"the own user namespace by a user", {"user", CLONE_NEWUSER, 5}, EINVAL},
        {"wrong type by a user", {"net", CLONE_NEWUTS, 5}, EINVAL},
    };

    FOR_CASES(row, rows)
    expect(in_child(try_setns, (void *)&row->join), row->result);
}

CONFORM_CASE(setns_refuses_other_descriptors)
{
    int pipe[2];

    sys_pipe2(pipe, O_CLOEXEC);
    expect(sys_setns(-1, 0), -EBADF);
    expect(sys_setns(999, CLONE_NEWNET), -EBADF);
    expect(sys_setns(pipe[0], 0), -EINVAL);
    int file = sys_openat(AT_FDCWD, "/proc/self/status", O_RDONLY | O_CLOEXEC, 0);
    expect(sys_setns(file, 0), -EINVAL);
    int place = sys_openat(AT_FDCWD, "/proc/self/ns/net", O_PATH | O_CLOEXEC, 0);
    expect_true(place >= 0);
    expect(sys_setns(place, 0), -EBADF);
}

static int tell_pid(void *arg)
{
    (void)arg;
    return sys_getpid();
}

static int sleep_long(void *arg)
{
    (void)arg;
    sys_nanosleep(3600 * 1000000000ULL);
    return 0;
}

static int join_pids(void *arg)
{
    int fd = *(int *)arg;
    int self = sys_getpid();

    if (sys_setns(fd, CLONE_NEWPID) != 0)
        return 99;
    if (sys_getpid() != self)
        return 98;
    return in_child(tell_pid, NULL);
}

CONFORM_CASE(a_joined_pid_namespace_is_for_children)
{
    char path[64];
    int init = sys_spawn(&(struct sys_spawn){.flags = CLONE_NEWPID, .cgroup_fd = -1}, sleep_long, NULL);

    snprintf(path, sizeof(path), "/proc/%d/ns/pid", init);
    int fd = sys_openat(AT_FDCWD, path, O_RDONLY | O_CLOEXEC, 0);
    expect(in_child(join_pids, &fd), 2);
    expect(in_child(join_pids, &fd), 3);
    struct sys_join join = {fd, CLONE_NEWPID};
    int pid = sys_spawn(&(struct sys_spawn){.joins = &join, .n_joins = 1, .cgroup_fd = -1}, tell_pid, NULL);
    expect(collect(pid), 4);
    sys_kill(init, SIGKILL);
    expect(collect(init), -SIGKILL);
    expect(sys_spawn(&(struct sys_spawn){.joins = &join, .n_joins = 1, .cgroup_fd = -1}, tell_pid, NULL), -ENOMEM);
}

static int leave_pids(void *arg)
{
    return -sys_setns(*(int *)arg, CLONE_NEWPID);
}

CONFORM_CASE(nobody_leaves_a_pid_namespace)
{
    int fd = open_namespace("pid");
    int pid = sys_spawn(&(struct sys_spawn){.flags = CLONE_NEWPID, .cgroup_fd = -1}, leave_pids, &fd);

    expect(collect(pid), EINVAL);
}

static int in_joined_uts(void *arg)
{
    char own[64];

    link_of("self", "uts", own, sizeof(own));
    return strcmp(own, arg) == 0 ? 0 : 1;
}

CONFORM_CASE(a_child_is_born_in_joined_namespaces)
{
    char theirs[64], path[64], number[16];
    int other = sys_spawn(&(struct sys_spawn){.flags = CLONE_NEWUTS | CLONE_NEWIPC, .cgroup_fd = -1}, sleep_long, NULL);

    snprintf(number, sizeof(number), "%d", other);
    link_of(number, "uts", theirs, sizeof(theirs));
    snprintf(path, sizeof(path), "/proc/%d/ns/uts", other);
    struct sys_join join = {sys_openat(AT_FDCWD, path, O_RDONLY | O_CLOEXEC, 0), CLONE_NEWUTS};
    int pid = sys_spawn(&(struct sys_spawn){.joins = &join, .n_joins = 1, .cgroup_fd = -1}, in_joined_uts, theirs);
    expect(collect(pid), 0);
    expect(in_child(in_joined_uts, theirs), 1);
    sys_kill(other, SIGKILL);
    expect(collect(other), -SIGKILL);
}

CONFORM_CASE(joins_are_refused)
{
    int net = open_namespace("net"), mnt = open_namespace("mnt");
    int pipe[2];

    sys_pipe2(pipe, O_CLOEXEC);
    const struct {
        const char *label;
        struct sys_join join;
        int result;
    } rows[] = {
        {"closed descriptor", {999, CLONE_NEWNET}, -EBADF},
        {"other type", {net, CLONE_NEWUTS}, -EINVAL},
        {"no namespace", {pipe[0], CLONE_NEWUTS}, -EINVAL},
        {"mounts", {mnt, CLONE_NEWNS}, -EINVAL},
    };

    FOR_CASES(row, rows)
    expect(sys_spawn(&(struct sys_spawn){.joins = &row->join, .n_joins = 1, .cgroup_fd = -1}, tell_pid, NULL), row->result);
}

/* ---- host names ---- */

static int rename_machine(void *arg)
{
    (void)arg;
    return -sys_sethostname("other", 5);
}

static void hostname(char *p, size_t size)
{
    int fd = sys_openat(AT_FDCWD, "/proc/sys/kernel/hostname", O_RDONLY | O_CLOEXEC, 0);
    ssize_t n = fd < 0 ? 0 : sys_read(fd, p, size - 1);

    p[n < 0 ? 0 : n] = '\0';
    sys_close(fd);
}

CONFORM_CASE(a_host_name_belongs_to_its_namespace)
{
    char name[128];

    sys_sethostname("mine", 4);
    int pid = sys_spawn(&(struct sys_spawn){.flags = CLONE_NEWUTS, .cgroup_fd = -1}, rename_machine, NULL);
    expect(collect(pid), 0);
    hostname(name, sizeof(name));
    expect_text(name, "mine\n");
    expect(in_child(rename_machine, NULL), 0);
    hostname(name, sizeof(name));
    expect_text(name, "other\n");
}
