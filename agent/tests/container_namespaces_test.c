/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/container/namespaces.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/tests/support/forked.h"
#include "tests/check.h"

static const char *const own[OCI_NS_MAX] = {
    [OCI_NS_PID] = "/proc/self/ns/pid",       [OCI_NS_NETWORK] = "/proc/self/ns/net", [OCI_NS_MOUNT] = "/proc/self/ns/mnt",
    [OCI_NS_IPC] = "/proc/self/ns/ipc",       [OCI_NS_UTS] = "/proc/self/ns/uts",     [OCI_NS_USER] = "/proc/self/ns/user",
    [OCI_NS_CGROUP] = "/proc/self/ns/cgroup", [OCI_NS_TIME] = "/proc/self/ns/time",
};

static int count_descriptors(void)
{
    int n = 0;
    for (int fd = 0; fd < 256; fd++)
        n += fcntl(fd, F_GETFD) >= 0;
    return n;
}

/* ---- plan ---- */

static int open_types(const enum oci_namespace_type *types, size_t n, bool joined, struct namespace_plan *plan)
{
    struct oci_namespace namespaces[OCI_NS_MAX];
    struct oci_linux linux_ = {.namespaces = namespaces, .n_namespaces = n};
    struct error err;

    for (size_t i = 0; i < n; i++)
        namespaces[i] = (struct oci_namespace){.type = types[i], .path = joined ? (char *)own[types[i]] : NULL};
    int r = namespaces_open(&linux_, plan, &err);
    if (r < 0)
        fail_msg("%s", err.text);
    return r;
}

static void new_namespaces_become_flags(void **state)
{
    (void)state;
    static const struct {
        enum oci_namespace_type type;
        uint64_t flag;
    } rows[] = {
        {OCI_NS_PID, CLONE_NEWPID}, {OCI_NS_NETWORK, CLONE_NEWNET}, {OCI_NS_MOUNT, CLONE_NEWNS}, {OCI_NS_IPC, CLONE_NEWIPC},
        {OCI_NS_UTS, CLONE_NEWUTS}, {OCI_NS_USER, CLONE_NEWUSER},   {OCI_NS_CGROUP, 0},          {OCI_NS_TIME, 0x80},
    };
    uint64_t all = 0;
    enum oci_namespace_type types[OCI_NS_MAX];

    FOR_ROWS (row, rows) {
        const char *label = oci_namespace_name(row->type);
        struct namespace_plan plan;
        open_types(&row->type, 1, false, &plan);
        check_int(label, plan.new_flags, row->flag);
        check_int(label, plan.joins_user, 0);
        check_int(label, plan.new_user, row->type == OCI_NS_USER);
        check_int(label, plan.new_cgroup, row->type == OCI_NS_CGROUP);
        check_int(label, plan.n_joins, 0);
        check_int(label, plan.user_fd, -1);
        check_int(label, plan.mount_fd, -1);
        check_int(label, plan.time_fd, -1);
        all |= row->flag;
        types[row - rows] = row->type;
    }
    struct namespace_plan plan;
    open_types(types, OCI_NS_MAX, false, &plan);
    check_int("all", plan.new_flags, all);
    assert_true(plan.new_user && plan.new_cgroup);
}

static void joined_namespaces_are_opened_close_on_exec(void **state)
{
    (void)state;
    static const enum oci_namespace_type types[] = {OCI_NS_MOUNT, OCI_NS_USER, OCI_NS_PID,    OCI_NS_TIME,
                                                    OCI_NS_IPC,   OCI_NS_UTS,  OCI_NS_CGROUP, OCI_NS_NETWORK};
    static const int joins[] = {CLONE_NEWPID, CLONE_NEWIPC, CLONE_NEWUTS, CLONE_NEWCGROUP, CLONE_NEWNET};
    int before = count_descriptors();
    struct namespace_plan plan;

    open_types(types, ARRAY_SIZE(types), true, &plan);
    check_int("new", plan.new_flags, 0);
    assert_false(plan.new_user || plan.new_cgroup);
    assert_true(plan.joins_user);
    check_int("joins", plan.n_joins, ARRAY_SIZE(joins));
    FOR_ROWS (type, joins) {
        check_int("type", plan.joins[type - joins].type, *type);
        check_int("close-on-exec", fcntl(plan.joins[type - joins].fd, F_GETFD), FD_CLOEXEC);
    }
    check_int("user", fcntl(plan.user_fd, F_GETFD), FD_CLOEXEC);
    check_int("mount", fcntl(plan.mount_fd, F_GETFD), FD_CLOEXEC);
    check_int("time", fcntl(plan.time_fd, F_GETFD), FD_CLOEXEC);
    check_int("descriptors", count_descriptors(), before + 8);

    namespaces_close(&plan);
    check_int("descriptors", count_descriptors(), before);
    check_int("emptied", plan.n_joins, 0);
    assert_true(plan.user_fd == -1 && plan.mount_fd == -1 && plan.time_fd == -1);
    namespaces_close(&plan);
}

/* Otherwise the new namespaces would belong to the agent's user namespace, where the container has no say. */
static void new_namespaces_are_born_in_the_user_namespace_that_is_joined(void **state)
{
    (void)state;
    struct oci_namespace namespaces[] = {{.type = OCI_NS_PID},
                                         {.type = OCI_NS_MOUNT},
                                         {.type = OCI_NS_USER, .path = (char *)own[OCI_NS_USER]},
                                         {.type = OCI_NS_UTS, .path = ""},
                                         {.type = OCI_NS_CGROUP}};
    struct oci_linux linux_ = {.namespaces = namespaces, .n_namespaces = ARRAY_SIZE(namespaces)};
    struct namespace_plan plan;
    struct error err;

    assert_int_equal(namespaces_open(&linux_, &plan, &err), 0);
    check_int("new", plan.new_flags, CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWUTS);
    check_int("joins", plan.n_joins, 1);
    check_int("type", plan.joins[0].type, CLONE_NEWUSER);
    check_int("close-on-exec", fcntl(plan.joins[0].fd, F_GETFD), FD_CLOEXEC);
    check_int("left to the child", plan.user_fd, -1);
    assert_true(plan.joins_user && !plan.new_user);
    assert_true(plan.new_cgroup);
    namespaces_close(&plan);
}

static void ids_are_mapped(void **state)
{
    (void)state;
    static const struct oci_id_mapping mappings[] = {{0, 100000, 10}, {20, 5, 0}, {30, 7, 2}, {UINT32_MAX - 1, 9, 2}};
    static const struct {
        uint32_t id;
        int64_t want; /* -1: not mapped */
    } rows[] = {{0, 100000}, {9, 100009}, {10, -1}, {20, -1}, {29, -1}, {30, 7}, {31, 8}, {32, -1}, {UINT32_MAX, 10}};

    FOR_ROWS (row, rows) {
        uint32_t id = 4;
        check_int("found", namespaces_map_id(mappings, ARRAY_SIZE(mappings), row->id, &id), row->want < 0 ? -ENOENT : 0);
        check_int("id", id, row->want < 0 ? 4 : row->want);
    }
}

static void paths_that_are_no_such_namespace_are_refused(void **state)
{
    (void)state;
    static const struct {
        enum oci_namespace_type type;
        const char *path;
        int want;
        enum status_code status;
        const char *text;
    } rows[] = {
        {OCI_NS_UTS, "/proc/self/ns/ipc", -EINVAL, STATUS_INVALID_ARGUMENT,
         "linux.namespaces: '/proc/self/ns/ipc' is not a uts namespace"},
        {OCI_NS_NETWORK, "/dev/null", -EINVAL, STATUS_INVALID_ARGUMENT,
         "linux.namespaces: '/dev/null' is not a network namespace"},
        {OCI_NS_IPC, "/proc/self", -EINVAL, STATUS_INVALID_ARGUMENT, "linux.namespaces: '/proc/self' is not a ipc namespace"},
        {OCI_NS_USER, "/proc/self/ns/mnt", -EINVAL, STATUS_INVALID_ARGUMENT,
         "linux.namespaces: '/proc/self/ns/mnt' is not a user namespace"},
        {OCI_NS_MOUNT, "/nonexistent", -ENOENT, STATUS_INTERNAL,
         "open mount namespace '/nonexistent': ENOENT: No such file or directory"},
    };
    int before = count_descriptors();

    FOR_ROWS (row, rows) {
        /* The ones before must be closed again. */
        struct oci_namespace namespaces[] = {{.type = OCI_NS_PID, .path = (char *)own[OCI_NS_PID]},
                                             {.type = OCI_NS_TIME, .path = (char *)own[OCI_NS_TIME]},
                                             {.type = row->type, .path = (char *)row->path}};
        struct oci_linux linux_ = {.namespaces = namespaces, .n_namespaces = 3};
        struct namespace_plan plan = {.n_joins = 77};
        struct error err;
        check_int(row->text, namespaces_open(&linux_, &plan, &err), row->want);
        check_string(row->text, err.text, row->text);
        check_int(row->text, err.status, row->status);
        check_int(row->text, plan.n_joins, 77);
        check_int(row->text, count_descriptors(), before);
    }
}

static void a_type_may_be_listed_once(void **state)
{
    (void)state;
    struct oci_namespace namespaces[] = {
        {.type = OCI_NS_PID}, {.type = OCI_NS_NETWORK}, {.type = OCI_NS_NETWORK, .path = "/x"}};
    struct oci_linux linux_ = {.namespaces = namespaces, .n_namespaces = 3};
    struct namespace_plan plan;
    struct error err;

    assert_int_equal(namespaces_open(&linux_, &plan, &err), -EINVAL);
    check_string("text", err.text, "linux.namespaces: network is listed twice");
    linux_.n_namespaces = 2;
    assert_int_equal(namespaces_open(&linux_, &plan, &err), 0);
}

static int open_pipe(void *arg, FILE *out)
{
    struct oci_namespace entry = {.type = OCI_NS_UTS, .path = arg};
    struct oci_linux linux_ = {.namespaces = &entry, .n_namespaces = 1};
    struct namespace_plan plan;
    struct error err;

    alarm(10);
    int r = namespaces_open(&linux_, &plan, &err);
    fputs(err.text, out);
    return -r;
}

static int open_blind(void *arg, FILE *out)
{
    forked_break(SYS_fstatfs, EIO);
    return open_pipe(arg, out);
}

static void looking_never_blocks_and_may_fail(void **state)
{
    (void)state;
    char dir[] = "/tmp/tatami-XXXXXX";
    char fifo[64];

    assert_non_null(mkdtemp(dir));
    snprintf(fifo, sizeof(fifo), "%s/fifo", dir);
    assert_int_equal(mkfifo(fifo, 0600), 0);
    check_int("pipe", forked_run(open_pipe, fifo).status, EINVAL);
    unlink(fifo);
    rmdir(dir);
    check_string("blind", forked_run(open_blind, (char *)own[OCI_NS_UTS]).text,
                 "look at uts namespace '/proc/self/ns/uts': EIO: Input/output error");
}

/* ---- maps ---- */

static void maps_are_one_line_each(void **state)
{
    (void)state;
    static const struct {
        const char *label;
        struct oci_id_mapping mappings[3];
        size_t n;
        const char *want;
    } rows[] = {
        {"none", {{0}}, 0, ""},
        {"one", {{0, 100000, 65536}}, 1, "0 100000 65536\n"},
        {"empty ones are left out", {{1, 2, 0}, {4294967290, 4294967295, 4}, {5, 6, 0}}, 3, "4294967290 4294967295 4\n"},
        {"order is kept", {{5, 6, 7}, {0, 1, 2}, {9, 8, 7}}, 3, "5 6 7\n0 1 2\n9 8 7\n"},
    };
    FOR_ROWS (row, rows) {
        char text[NAMESPACE_MAP_MAX];
        check_int(row->label, namespaces_format_map(row->mappings, row->n, text), strlen(row->want));
        check_string(row->label, text, row->want);
    }
}

static void maps_are_shorter_than_a_page(void **state)
{
    (void)state;
    static struct oci_id_mapping mappings[500];
    char text[NAMESPACE_MAP_MAX] = "unchanged";

    for (size_t i = 0; i < ARRAY_SIZE(mappings); i++)
        mappings[i] = (struct oci_id_mapping){10, 10, 10}; /* 9 bytes: 455 are 4095 */
    assert_int_equal(namespaces_format_map(mappings, 455, text), 4095);
    strcpy(text, "unchanged");
    mappings[0].size = 100;
    assert_int_equal(namespaces_format_map(mappings, 455, text), -EMSGSIZE);
    assert_int_equal(namespaces_format_map(mappings, 500, text), -EMSGSIZE);
    check_string("output", text, "unchanged");
}

static void skip_without_root(void)
{
    if (geteuid() != 0) {
        print_message("needs root\n");
        skip();
    }
}

static struct oci_id_mapping users[] = {{0, 1000, 10}, {77, 77, 0}, {100, 5000, 1}};
static struct oci_id_mapping groups[] = {{0, 2000, 20}};

static void show(int pid, const char *name, FILE *out)
{
    unsigned int inside, outside, size;
    char path[64];

    snprintf(path, sizeof(path), "/proc/%d/%s", pid, name);
    FILE *file = fopen(path, "re");
    while (file && fscanf(file, "%u %u %u", &inside, &outside, &size) == 3)
        fprintf(out, "%u %u %u|", inside, outside, size);
    if (file)
        fclose(file);
}

/* A process that waits in a new user namespace. */
static pid_t start_unmapped(void)
{
    int fds[2];
    char c;

    if (pipe(fds) < 0)
        abort();
    pid_t pid = fork();
    if (pid == 0) {
        if (unshare(CLONE_NEWUSER) < 0 || write(fds[1], "x", 1) != 1)
            _exit(1);
        for (;;)
            pause();
    }
    if (pid < 0 || read(fds[0], &c, 1) != 1)
        abort();
    return pid;
}

static int write_maps_of_child(void *arg, FILE *out)
{
    struct oci_linux linux_ = {.uid_mappings = users, .n_uid_mappings = 3, .gid_mappings = groups, .n_gid_mappings = 1};
    struct error err = {.text = ""};
    pid_t pid = start_unmapped();
    char path[64];

    int proc_fd = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (arg) {
        snprintf(path, sizeof(path), "/proc/%d/%s", pid, (char *)arg);
        if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_PRIVATE | MS_REC, NULL) < 0 ||
            mount("/proc/self/comm", path, NULL, MS_BIND, NULL) < 0)
            return 9;
        close(proc_fd);
        proc_fd = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
    }
    int r = namespaces_write_maps(pid, &linux_, proc_fd, &err);
    if (!arg) {
        show(pid, "uid_map", out);
        show(pid, "gid_map", out);
        /* The kernel takes a map once. */
        r = namespaces_write_maps(pid, &linux_, proc_fd, &err);
    }
    fputs(err.text, out);
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    return -r;
}

static void maps_of_a_child_are_written_once(void **state)
{
    (void)state;
    skip_without_root();
    struct forked got = forked_run(write_maps_of_child, NULL);
    check_string("maps", got.text, "0 1000 10|100 5000 1|0 2000 20|write uid_map: EPERM: Operation not permitted");
    got = forked_run(write_maps_of_child, "uid_map");
    check_string("mounted over", got.text, "write uid_map: EXDEV: Invalid cross-device link");
    got = forked_run(write_maps_of_child, "gid_map");
    check_string("mounted over", got.text, "write gid_map: EXDEV: Invalid cross-device link");
}

static void maps_that_cannot_be_written_are_reported(void **state)
{
    (void)state;
    struct oci_id_mapping many[500];
    struct oci_linux linux_ = {.uid_mappings = many, .n_uid_mappings = ARRAY_SIZE(many)};
    int proc_fd = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
    struct error err;

    FOR_ROWS (map, many)
        *map = (struct oci_id_mapping){1000, 1000, 1000};
    assert_int_equal(namespaces_write_maps(getpid(), &linux_, proc_fd, &err), -EMSGSIZE);
    check_string("text", err.text, "format uid_map of 500 mappings: EMSGSIZE: Message too long");
    linux_.n_uid_mappings = 1;
    assert_int_equal(namespaces_write_maps(0x7ffffff0, &linux_, proc_fd, &err), -ENOENT);
    check_string("no process", err.text, "write uid_map: ENOENT: No such file or directory");
    close(proc_fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(new_namespaces_become_flags),
        cmocka_unit_test(joined_namespaces_are_opened_close_on_exec),
        cmocka_unit_test(ids_are_mapped),
        cmocka_unit_test(new_namespaces_are_born_in_the_user_namespace_that_is_joined),
        cmocka_unit_test(paths_that_are_no_such_namespace_are_refused),
        cmocka_unit_test(a_type_may_be_listed_once),
        cmocka_unit_test(looking_never_blocks_and_may_fail),
        cmocka_unit_test(maps_are_one_line_each),
        cmocka_unit_test(maps_are_shorter_than_a_page),
        cmocka_unit_test(maps_of_a_child_are_written_once),
        cmocka_unit_test(maps_that_cannot_be_written_are_reported),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
