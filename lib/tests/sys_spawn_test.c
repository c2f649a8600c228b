/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <linux/nsfs.h>
#include <sys/ioctl.h>
#include <sys/mount.h>

#include "sys_fixture.h"

#include "sys/fd.h"

#define UNIFIED "/sys/fs/cgroup/unified"

static const struct sys_spawn plain = {.cgroup_fd = -1};

/* Waits for the child and returns its exit status, or 128 + signal. */
static int collect(int pid)
{
    siginfo_t info;

    assert_true(pid > 0);
    assert_int_equal(sys_waitid(P_PID, pid, &info, WEXITED), 0);
    assert_int_equal(info.si_pid, pid);
    return info.si_code == CLD_EXITED ? info.si_status : 128 + info.si_status;
}

/* Identity of a namespace: the inode of its file. */
static ino_t namespace_of(const char *name)
{
    char path[64];
    struct stat st;

    snprintf(path, sizeof(path), "/proc/self/ns/%s", name);
    return stat(path, &st) == 0 ? st.st_ino : 0;
}

static const char *const joinable[] = {"net", "ipc", "uts", "cgroup", "pid_for_children"};
static const int joinable_types[] = {CLONE_NEWNET, CLONE_NEWIPC, CLONE_NEWUTS, CLONE_NEWCGROUP, CLONE_NEWPID};

static int exit_with(void *arg)
{
    return *(int *)arg;
}

static void the_result_of_the_function_is_the_exit_status(void **state)
{
    static const int values[] = {0, 1, 77, 255};

    (void)state;
    FOR_ROWS (value, values)
        assert_int_equal(collect(sys_spawn(&plain, exit_with, (void *)value)), *value);
}

static int change_memory(void *arg)
{
    *(int *)arg = 9;
    return *(int *)arg;
}

static void the_child_works_on_a_copy_of_the_memory(void **state)
{
    int value = 1;

    (void)state;
    assert_int_equal(collect(sys_spawn(&plain, change_memory, &value)), 9);
    assert_int_equal(value, 1);
}

static int sleep_long(void *arg)
{
    (void)arg;
    sleep(1000);
    return 0;
}

static void the_pidfd_belongs_to_the_child(void **state)
{
    int pidfd = -1;
    struct sys_spawn args = {.cgroup_fd = -1, .ret_pidfd = &pidfd};

    (void)state;
    int pid = sys_spawn(&args, sleep_long, NULL);
    assert_true(pidfd >= 0);
    assert_int_equal(fcntl(pidfd, F_GETFD), FD_CLOEXEC);
    assert_int_equal(sys_pidfd_send_signal(pidfd, SIGTERM), 0);
    assert_int_equal(collect(pid), 128 + SIGTERM);
    assert_int_equal(sys_pidfd_send_signal(pidfd, SIGTERM), -ESRCH);
    close(pidfd);
}

/* ---- namespaces ---- */

static bool need_root(void)
{
    if (geteuid() == 0)
        return true;
    print_message("needs root\n");
    skip();
    return false;
}

static int compare_namespace(void *arg)
{
    const ino_t *before = arg;

    for (size_t i = 0; i < ARRAY_SIZE(joinable) - 1; i++) {
        if (namespace_of(joinable[i]) == before[i])
            return (int)i + 1;
    }
    return getpid() == 1 ? 0 : 100;
}

static void flags_create_namespaces(void **state)
{
    struct sys_spawn args = {.cgroup_fd = -1};
    ino_t before[ARRAY_SIZE(joinable)];

    (void)state;
    need_root();
    FOR_ROWS (type, joinable_types)
        args.flags |= (uint64_t)*type;
    for (size_t i = 0; i < ARRAY_SIZE(joinable); i++)
        before[i] = namespace_of(joinable[i]);
    assert_int_equal(collect(sys_spawn(&args, compare_namespace, before)), 0);
    for (size_t i = 0; i < ARRAY_SIZE(joinable); i++)
        assert_int_equal(namespace_of(joinable[i]), before[i]);
}

/* A process in namespaces of its own, to be joined. It ends when its pipe does. */
struct host {
    int pid;
    int pipe[2];
    struct sys_join joins[ARRAY_SIZE(joinable)];
    ino_t namespaces[ARRAY_SIZE(joinable)];
};

static int host_main(void *arg)
{
    struct host *host = arg;
    char c;

    close(host->pipe[1]);
    return (int)read(host->pipe[0], &c, 1);
}

static void host_start(struct host *host)
{
    struct sys_spawn args = {.cgroup_fd = -1};

    FOR_ROWS (type, joinable_types)
        args.flags |= (uint64_t)*type;
    assert_int_equal(pipe2(host->pipe, O_CLOEXEC), 0);
    host->pid = sys_spawn(&args, host_main, host);
    assert_true(host->pid > 0);
    for (size_t i = 0; i < ARRAY_SIZE(joinable); i++) {
        char path[64];
        struct stat st;
        snprintf(path, sizeof(path), "/proc/%d/ns/%s", host->pid, i == 4 ? "pid" : joinable[i]);
        host->joins[i] = (struct sys_join){open(path, O_RDONLY | O_CLOEXEC), joinable_types[i]};
        assert_int_equal(fstat(host->joins[i].fd, &st), 0);
        host->namespaces[i] = st.st_ino;
    }
}

static void host_stop(struct host *host)
{
    FOR_ROWS (join, host->joins)
        close(join->fd);
    close(host->pipe[0]);
    close(host->pipe[1]);
    assert_int_equal(collect(host->pid), 0);
}

static int count_fds(void)
{
    int n = 0;

    for (int fd = 0; fd < 256; fd++)
        n += fcntl(fd, F_GETFD) >= 0;
    return n;
}

static int check_joined(void *arg)
{
    const struct host *host = arg;

    for (size_t i = 0; i < ARRAY_SIZE(joinable); i++) {
        if (namespace_of(joinable[i]) != host->namespaces[i])
            return (int)i + 1;
    }
    /* The files of the caller's own namespaces were closed again: what is left is what the caller had. */
    return getpid() > 1 ? count_fds() : 200;
}

static void joins_are_for_the_child_alone(void **state)
{
    struct host host;
    struct sys_spawn args = {.cgroup_fd = -1, .joins = host.joins, .n_joins = ARRAY_SIZE(host.joins)};
    ino_t before[ARRAY_SIZE(joinable)];

    (void)state;
    need_root();
    host_start(&host);
    for (size_t i = 0; i < ARRAY_SIZE(joinable); i++)
        before[i] = namespace_of(joinable[i]);
    int fds = count_fds();
    assert_int_equal(collect(sys_spawn(&args, check_joined, &host)), fds);
    assert_int_equal(count_fds(), fds);
    for (size_t i = 0; i < ARRAY_SIZE(joinable); i++)
        assert_int_equal(namespace_of(joinable[i]), before[i]);
    host_stop(&host);
}

static void a_join_that_fails_leaves_the_caller_at_home(void **state)
{
    static const struct {
        const char *label;
        struct sys_join last;
        int want;
    } rows[] = {
        {"no descriptor", {-1, CLONE_NEWNET}, -EBADF},
        {"user namespace", {0, CLONE_NEWUSER}, -EINVAL},
        {"mount namespace", {0, CLONE_NEWNS}, -EINVAL},
        {"no namespace", {0, CLONE_NEWNET}, -EINVAL},
    };
    struct host host;
    ino_t before[ARRAY_SIZE(joinable)];

    (void)state;
    need_root();
    host_start(&host);
    for (size_t i = 0; i < ARRAY_SIZE(joinable); i++)
        before[i] = namespace_of(joinable[i]);
    int fds = count_fds();
    FOR_ROWS (row, rows) {
        struct sys_join joins[ARRAY_SIZE(joinable) + 1];
        struct sys_spawn args = {.cgroup_fd = -1, .joins = joins, .n_joins = ARRAY_SIZE(joins)};
        memcpy(joins, host.joins, sizeof(host.joins));
        joins[ARRAY_SIZE(joinable)] = row->last;
        check_int(row->label, sys_spawn(&args, check_joined, &host), row->want);
        check_int(row->label, count_fds(), fds);
        for (size_t i = 0; i < ARRAY_SIZE(joinable); i++)
            check_int(row->label, namespace_of(joinable[i]), before[i]);
    }
    host_stop(&host);
}

static void too_many_joins_are_refused(void **state)
{
    struct sys_join joins[9] = {{0}};
    struct sys_spawn args = {.cgroup_fd = -1, .joins = joins, .n_joins = ARRAY_SIZE(joins)};

    (void)state;
    assert_int_equal(sys_spawn(&args, exit_with, NULL), -E2BIG);
}

static void a_refused_clone_leaves_the_caller_at_home(void **state)
{
    int pidfd = -7;
    struct host host;
    struct sys_spawn args = {.cgroup_fd = -1, .joins = host.joins, .n_joins = 3, .ret_pidfd = &pidfd};

    (void)state;
    need_root();
    host_start(&host);
    ino_t net = namespace_of("net");
    int fds = count_fds();
    args.flags = CLONE_NEWNS | CLONE_FS; /* the kernel refuses the two together */
    assert_int_equal(sys_spawn(&args, exit_with, NULL), -EINVAL);
    assert_int_equal(pidfd, -7);
    assert_int_equal(namespace_of("net"), net);
    assert_int_equal(count_fds(), fds);
    host_stop(&host);
}

/* 0 if the child is in the joined user namespace, and its new namespaces belong to that. */
static int check_born_in_user(void *arg)
{
    const ino_t *user = arg;
    struct stat st;

    int uts = open("/proc/self/ns/uts", O_RDONLY | O_CLOEXEC);
    int owner = ioctl(uts, NS_GET_USERNS);
    if (namespace_of("user") != *user)
        return 1;
    if (owner < 0 || fstat(owner, &st) < 0 || st.st_ino != *user)
        return 2;
    if (getpid() != 1 || sethostname("x", 1) < 0)
        return 3;
    close(owner);
    close(uts);
    return count_fds();
}

static void a_child_can_be_born_in_a_user_namespace(void **state)
{
    struct host host = {.pipe = {-1, -1}};
    struct sys_spawn args = {.flags = CLONE_NEWUSER, .cgroup_fd = -1};
    struct stat st;
    char path[64];
    int pidfd = -7;
    siginfo_t info;

    (void)state;
    need_root();
    assert_int_equal(pipe2(host.pipe, O_CLOEXEC), 0);
    host.pid = sys_spawn(&args, host_main, &host);
    assert_true(host.pid > 0);
    snprintf(path, sizeof(path), "/proc/%d/ns/user", host.pid);
    struct sys_join join = {open(path, O_RDONLY | O_CLOEXEC), CLONE_NEWUSER};
    assert_int_equal(fstat(join.fd, &st), 0);
    ino_t before = namespace_of("user");
    int fds = count_fds();

    args = (struct sys_spawn){
        .flags = CLONE_NEWPID | CLONE_NEWUTS, .joins = &join, .n_joins = 1, .cgroup_fd = -1, .ret_pidfd = &pidfd};
    int pid = sys_spawn(&args, check_born_in_user, &st.st_ino);
    assert_true(pid > 0);
    assert_int_equal(sys_waitid(P_PIDFD, pidfd, &info, WEXITED | WNOWAIT), 0);
    assert_int_equal(info.si_pid, pid);
    assert_int_equal(fcntl(pidfd, F_GETFD), FD_CLOEXEC);
    close(pidfd);
    assert_int_equal(collect(pid), fds);
    assert_int_equal(count_fds(), fds);
    assert_int_equal(namespace_of("user"), before);

    args.flags = CLONE_NEWNS | CLONE_FS;
    assert_int_equal(sys_spawn(&args, exit_with, NULL), -EINVAL);
    assert_int_equal(count_fds(), fds);
    close(host.pipe[1]);
    close(host.pipe[0]);
    assert_int_equal(collect(host.pid), 0);
    assert_int_equal(sys_waitid(P_ALL, 0, &info, WEXITED | WNOHANG), -ECHILD); /* the middle processes are gone */
    close(join.fd);
}

/* In a user namespace of its own, the process may join a network that belongs to it, but its way back to the old network, which
 * belongs to the outer one, is closed. */
static void lose_the_way_home(void)
{
    int ready[2], stay[2];
    char path[64], c;

    must(setrlimit(RLIMIT_CORE, &(struct rlimit){0}) == 0);
    signal(SIGABRT, SIG_DFL);
    must(pipe(ready) == 0 && pipe(stay) == 0);
    must(unshare(CLONE_NEWUSER) == 0);
    pid_t pid = fork();
    if (pid == 0) {
        close(stay[1]);
        must(unshare(CLONE_NEWNET) == 0);
        must(write(ready[1], "x", 1) == 1);
        must(read(stay[0], &c, 1) == 0);
        sys_exit(0);
    }
    must(read(ready[0], &c, 1) == 1);
    snprintf(path, sizeof(path), "/proc/%d/ns/net", pid);
    struct sys_join join = {open(path, O_RDONLY), CLONE_NEWNET};
    struct sys_spawn args = {.cgroup_fd = -1, .joins = &join, .n_joins = 1};
    must(join.fd >= 0);
    sys_spawn(&args, exit_with, &(int){0});
}

static void who_cannot_get_back_home_aborts(void **state)
{
    (void)state;
    need_root();
    int status = status_in_child(0, lose_the_way_home);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGABRT);
}

/* ---- cgroups ---- */

static int print_cgroup(void *arg)
{
    const char *want = arg;
    char line[256];
    FILE *file = fopen("/proc/self/cgroup", "re");

    while (fgets(line, sizeof(line), file)) {
        if (strncmp(line, "0::", 3) == 0) {
            size_t len = strcspn(line, "\n") - 3;
            return len >= strlen(want) && strncmp(line + 3 + len - strlen(want), want, strlen(want)) == 0 ? 0 : 1;
        }
    }
    return 2;
}

static void a_child_is_born_in_its_cgroup(void **state)
{
    char path[64];

    (void)state;
    snprintf(path, sizeof(path), UNIFIED "/tatami-test-%d", getpid());
    if (geteuid() != 0 || mkdir(path, 0755) < 0) {
        print_message("needs root and a cgroup v2 hierarchy at " UNIFIED "\n");
        skip();
    }
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    struct sys_spawn args = {.cgroup_fd = fd};
    int status = collect(sys_spawn(&args, print_cgroup, strrchr(path, '/')));
    close(fd);
    int r = -1;
    for (int i = 0; i < 100 && r < 0; i++) { /* the kernel lets a collected process go a moment later */
        r = rmdir(path);
        usleep(1000);
    }
    assert_int_equal(status, 0);
    assert_int_equal(r, 0);

    args.cgroup_fd = open("/proc/self", O_RDONLY | O_DIRECTORY);
    assert_int_equal(sys_spawn(&args, exit_with, NULL), -EBADF);
    close(args.cgroup_fd);
}

/* ---- exec and exit ---- */

static int run_true(void *arg)
{
    char *const argv[] = {"sh", "-c", "exit $CODE", NULL};
    char *const envp[] = {"CODE=42", NULL};

    sys_execveat(AT_FDCWD, arg, argv, envp, 0);
    return 99;
}

static int run_descriptor(void *arg)
{
    char *const argv[] = {"sh", "-c", "exit $CODE", NULL};
    char *const envp[] = {"CODE=43", NULL};
    int fd = open(arg, O_PATH | O_CLOEXEC);

    sys_execveat(fd, "", argv, envp, AT_EMPTY_PATH);
    return 99;
}

static void execveat_runs_a_program_or_says_why_not(void **state)
{
    char *const none[] = {NULL};

    (void)state;
    assert_int_equal(collect(sys_spawn(&plain, run_true, "/bin/sh")), 42);
    assert_int_equal(collect(sys_spawn(&plain, run_descriptor, "/bin/sh")), 43);
    assert_int_equal(sys_execveat(AT_FDCWD, "/missing", none, none, 0), -ENOENT);
    assert_int_equal(sys_execveat(AT_FDCWD, "/proc/self/stat", none, none, 0), -EACCES);
}

static void never_runs(void)
{
    _exit(1);
}

static int exit_early(void *arg)
{
    (void)arg;
    atexit(never_runs);
    sys_exit(12);
}

static void exit_runs_no_handlers(void **state)
{
    (void)state;
    assert_int_equal(collect(sys_spawn(&plain, exit_early, NULL)), 12);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_result_of_the_function_is_the_exit_status),
        cmocka_unit_test(the_child_works_on_a_copy_of_the_memory),
        cmocka_unit_test(the_pidfd_belongs_to_the_child),
        cmocka_unit_test(flags_create_namespaces),
        cmocka_unit_test(joins_are_for_the_child_alone),
        cmocka_unit_test(a_join_that_fails_leaves_the_caller_at_home),
        cmocka_unit_test(too_many_joins_are_refused),
        cmocka_unit_test(a_refused_clone_leaves_the_caller_at_home),
        cmocka_unit_test(a_child_can_be_born_in_a_user_namespace),
        cmocka_unit_test(who_cannot_get_back_home_aborts),
        cmocka_unit_test(a_child_is_born_in_its_cgroup),
        cmocka_unit_test(execveat_runs_a_program_or_says_why_not),
        cmocka_unit_test(exit_runs_no_handlers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
