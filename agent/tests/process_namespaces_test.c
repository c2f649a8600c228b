/* SPDX-License-Identifier: Apache-2.0 */
/* Process tier: namespaces of containers and their processes, and kernel parameters that belong to them. */
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/tests/support/expect.h"
#include "agent/tests/support/request.h"
#include "base/macros.h"

#define STRING(s) ((char *)(uintptr_t)(s))
#define FIRST_ID 100000
#define IDS 65536

static int give_file(const char *path, const struct stat *st UNUSED, int type UNUSED, struct FTW *ftw UNUSED)
{
    return lchown(path, FIRST_ID, FIRST_ID);
}

/* Ids of the container from 0 on are FIRST_ID and so on outside. */
static void add_user_namespace(struct rig *rig, struct oci_spec *spec)
{
    struct oci_id_mapping *mapping = arena_alloc(rig->arena, sizeof(*mapping));

    *mapping = (struct oci_id_mapping){.container_id = 0, .host_id = FIRST_ID, .size = IDS};
    assert_int_equal(nftw(rig->rootfs, give_file, 8, FTW_PHYS), 0); /* as a snapshotter does */
    rig_add_namespace(rig, spec, OCI_NS_USER, NULL);
    spec->linux_->uid_mappings = spec->linux_->gid_mappings = mapping;
    spec->linux_->n_uid_mappings = spec->linux_->n_gid_mappings = 1;
}

static char *link_of_agent(struct rig *rig, const char *name)
{
    char path[64], *target = arena_alloc(rig->arena, 64);

    snprintf(path, sizeof(path), "/proc/%d/ns/%s", rig->agent_pid, name);
    assert_true(readlink(path, target, 63) > 0);
    return target;
}

/* ---- pid, and all others ---- */

RIG_TEST(init_is_process_1_and_sees_only_its_own)
{
    struct oci_spec *spec = rig_spec(rig, "c1", "echo $$; cd /proc; for p in [0-9]*; do cat $p/comm; done");

    expect_output(rig, "c1", spec, "1\nsh\n");
}

#define SPEAKS "echo ready; sleep 1000; exit"

/* What a process opens to others is settled a moment after its agent learned that it was executed: init speaks first. */
static void expect_speaking(struct rig *rig, const char *id, struct oci_spec *spec)
{
    Grpc__ReadStreamRequest *read = (void *)request_for(rig, "ReadStdout", id, "");

    read->len = 10;
    expect_running(rig, id, spec);
    rig_ok(rig, "ReadStdout", &read->base, NULL);
}

RIG_TEST(namespaces_are_new_and_execed_processes_join_them)
{
    static const char *const names[] = {"cgroup", "ipc", "mnt", "net", "pid", "time", "user", "uts"};
    struct oci_spec *spec = rig_spec(rig, "c1", SPEAKS);
    char *out;

    add_user_namespace(rig, spec);
    rig_add_namespace(rig, spec, OCI_NS_CGROUP, NULL);
    rig_add_namespace(rig, spec, OCI_NS_TIME, NULL);
    expect_speaking(rig, "c1", spec);
    FOR_ROWS (name, names) {
        char *script = arena_printf(rig->arena, "readlink /proc/self/ns/%1$s; readlink /proc/1/ns/%1$s", *name);
        EXPECT_OK(rig_exec(rig, "c1", "e", rig_spec(rig, "c1", script)->process, &err));
        out = rig_read_all(rig, "c1", "e", false);
        assert_int_equal(rig_wait(rig, "c1", "e"), 0);
        char *own = strtok(out, "\n"), *init = strtok(NULL, "\n");
        if (!own || !init || strcmp(own, init) != 0 || strcmp(own, link_of_agent(rig, *name)) == 0)
            fail_msg("%s: exec has %s, init %s, the agent %s", *name, own, init, link_of_agent(rig, *name));
    }
}

RIG_TEST(namespaces_that_are_not_listed_are_those_of_the_guest)
{
    char *out;
    struct oci_spec *spec = rig_spec(rig, "c1", "readlink /proc/self/ns/net; readlink /proc/self/ns/user");

    spec->linux_->n_namespaces--; /* network comes last */
    rig_run_container(rig, "c1", spec, &out, NULL);
    assert_string_equal(out, arena_printf(rig->arena, "%s\n%s\n", link_of_agent(rig, "net"), link_of_agent(rig, "user")));
}

/* Exec works on the namespaces of init even when init is gone: only a pid namespace dies with its first process. */
RIG_TEST(exec_after_the_end_of_init_is_refused)
{
    EXPECT_OK(rig_create(rig, "c1", rig_spec(rig, "c1", "exit 0"), &err));
    EXPECT_OK(rig_start(rig, "c1", &err));
    assert_int_equal(rig_wait(rig, "c1", ""), 0);
    struct traces before = traces_now(rig);
    EXPECT_REFUSED(STATUS_INTERNAL, "ENOMEM", rig_exec(rig, "c1", "e", rig_spec(rig, "c1", "exit 0")->process, &err));
    traces_expect(rig, &before, "exec in a dead container");
    EXPECT_OK(rig_remove(rig, "c1", &err));
}

/* ---- user ---- */

RIG_TEST(root_of_a_user_namespace_is_nobody_outside)
{
    struct stat st;
    struct oci_spec *spec = rig_spec(
        rig, "c1",
        "id -u; cat /proc/self/uid_map /proc/self/gid_map | tr -s ' '; echo x > /tmp/mine; "
        "echo x > /dev/null && echo null; stat -c '%u %a' /tmp/mine /proc/1 /dev/shm; "
        "grep -c . /proc/self/mountinfo > /dev/null && echo mounts; touch /etc/new && echo own; echo again > /dev/stdout");

    add_user_namespace(rig, spec);
    expect_output(rig, "c1", spec, "0\n 0 100000 65536\n 0 100000 65536\nnull\n0 644\n0 555\n0 1777\nmounts\nown\nagain\n");
    assert_int_equal(stat(arena_printf(rig->arena, "%s/tmp/mine", rig->rootfs), &st), 0);
    assert_int_equal(st.st_uid, FIRST_ID);
    assert_int_equal(st.st_gid, FIRST_ID);
}

RIG_TEST(users_of_a_user_namespace_are_mapped)
{
    static uint32_t groups[] = {7};
    struct stat st;
    struct oci_spec *spec =
        rig_spec(rig, "c1", "id -u; id -G; echo x > /tmp/f; echo y > /dev/stdout; stat -L -c '%u %g' /proc/self/fd/0");

    add_user_namespace(rig, spec);
    spec->process->user = (struct oci_user){.uid = 1000, .gid = 1000, .additional_gids = groups, .n_additional_gids = 1};
    expect_output(rig, "c1", spec, "1000\n1000 7\ny\n1000 1000\n");
    assert_int_equal(stat(arena_printf(rig->arena, "%s/tmp/f", rig->rootfs), &st), 0);
    assert_int_equal(st.st_uid, FIRST_ID + 1000);
    spec->process->user.uid = IDS; /* the first one that has no id outside */
    EXPECT_REFUSED(STATUS_INTERNAL, "EINVAL", rig_create(rig, "c1", spec, &err));
}

RIG_TEST(execed_process_is_mapped_too)
{
    struct oci_spec *spec = rig_spec(rig, "c1", SPEAKS);
    struct oci_process *process = rig_spec(rig, "c1", "id -u; tr -s ' ' < /proc/self/uid_map; ls /proc/1/fd")->process;

    add_user_namespace(rig, spec);
    expect_speaking(rig, "c1", spec);
    expect_exec_output(rig, "c1", process, "0\n 0 100000 65536\n0\n1\n2\n");
    process = rig_spec(rig, "c1", "id -u")->process;
    process->user.uid = 1000;
    expect_exec_output(rig, "c1", process, "1000\n");
}

/* The only process of the container, as the agent sees it. */
static int pid_of_init(const struct rig *rig)
{
    char path[64], line[64];
    int pid = 0, outer;

    snprintf(path, sizeof(path), "/proc/%d/task/%d/children", rig->agent_pid, rig->agent_pid);
    FILE *file = fopen(path, "re");
    assert_non_null(file);
    assert_int_equal(fscanf(file, "%d", &outer), 1);
    fclose(file);
    snprintf(path, sizeof(path), "/proc/%d/status", outer);
    file = fopen(path, "re");
    assert_non_null(file);
    while (pid == 0 && fgets(line, sizeof(line), file))
        sscanf(line, "NSpid: %*d %d", &pid);
    fclose(file);
    return pid;
}

/* The new namespaces must belong to the one that is joined, or nothing could be mounted. */
RIG_TEST(message_queues_are_those_of_the_sandbox_also_in_a_user_namespace)
{
    struct oci_spec *spec =
        rig_spec(rig, "c1", "touch /dev/mqueue/made && stat -c %u /dev/mqueue/made; grep -c mqueue.*nosuid /proc/mounts");

    rig_create_sandbox(rig);
    expect_output(rig, "c1", rig_spec(rig, "c1", "touch /dev/mqueue/known"), "");
    add_user_namespace(rig, spec);
    struct traces before = traces_now(rig);
    expect_output(rig, "c1", spec, "0\n1\n");
    traces_expect(rig, &before, "message queues in a user namespace");
    expect_output(rig, "c1", rig_spec(rig, "c1", "ls /dev/mqueue; stat -c %u /dev/mqueue/made"),
                  arena_printf(rig->arena, "known\nmade\n%d\n", FIRST_ID));
}

RIG_TEST(user_namespace_of_another_container_can_be_joined)
{
    struct oci_spec *spec = rig_spec(rig, "c1", NULL), *second;
    const char *const script = "id -u; tr -s ' ' < /proc/self/uid_map; echo $$; echo x > /dev/shm/x && echo writable";

    add_user_namespace(rig, spec);
    EXPECT_OK(rig_create(rig, "c1", spec, &err));
    struct traces before = traces_now(rig);
    second = rig_spec(rig, "c2", script);
    rig_add_namespace(rig, second, OCI_NS_USER, arena_printf(rig->arena, "/proc/%d/ns/user", pid_of_init(rig)));
    expect_output(rig, "c2", second, "0\n 0 100000 65536\n1\nwritable\n");
    second->process->args.items[2] = STRING("sleep 1000");
    expect_running(rig, "c2", second);
    expect_exec_output(rig, "c2", rig_spec(rig, "c2", "id -u; echo x > /dev/shm/x && echo writable")->process, "0\nwritable\n");
    EXPECT_OK(rig_remove(rig, "c2", &err));
    traces_expect(rig, &before, "a container in the other's user namespace");
}

/* ---- cgroup, time ---- */

RIG_TEST(cgroup_namespace_begins_at_the_container)
{
    struct oci_spec *spec = rig_spec(rig, "c1", "cut -d: -f3 /proc/self/cgroup | sort | uniq");

    rig_add_namespace(rig, spec, OCI_NS_CGROUP, NULL);
    expect_output(rig, "c1", spec, "/\n");
    expect_output(rig, "c2", rig_spec(rig, "c2", "cut -d: -f3 /proc/self/cgroup | sort | uniq"),
                  arena_printf(rig->arena, "%s/c2\n", rig->cgroup));
}

/* ---- kernel parameters ---- */

static void set_sysctl(struct rig *rig, struct oci_spec *spec, const char *name, const char *value)
{
    struct oci_pair *pair = arena_alloc(rig->arena, sizeof(*pair));

    *pair = (struct oci_pair){.key = STRING(name), .value = STRING(value)};
    spec->linux_->sysctl = (struct oci_map){.items = pair, .n = 1};
}

RIG_TEST(kernel_parameters_of_shared_namespaces_are_set_for_a_user_namespace)
{
    static const struct {
        const char *name, *value, *script;
    } rows[] = {
        {"kernel.msgmax", "12345", "cat /proc/sys/kernel/msgmax"},
        {"net.ipv4.ip_default_ttl", "77", "cat /proc/sys/net/ipv4/ip_default_ttl"},
        {"kernel.domainname", "example", "cat /proc/sys/kernel/domainname"},
        {"kernel.shmmni", "nonsense", NULL},
    };

    rig_create_sandbox(rig);
    FOR_ROWS (row, rows) {
        struct oci_spec *spec = rig_spec(rig, "c1", row->script);
        spec->linux_->n_namespaces--; /* the network is the guest's */
        add_user_namespace(rig, spec);
        set_sysctl(rig, spec, row->name, row->value);
        if (row->script)
            expect_output(rig, "c1", spec, arena_printf(rig->arena, "%s\n", row->value));
        else
            EXPECT_REFUSED(STATUS_INTERNAL, "set kernel parameter kernel.shmmni", rig_create(rig, "c1", spec, &err));
    }
}

RIG_TEST(kernel_parameters_are_set_in_the_container_only)
{
    static const struct {
        const char *name, *value, *script;
    } rows[] = {
        {"kernel.msgmax", "12345", "cat /proc/sys/kernel/msgmax"},
        {"net.ipv4.ip_default_ttl", "12345", NULL},
        {"net.ipv4.ip_default_ttl", "77", "cat /proc/sys/net/ipv4/ip_default_ttl"},
        {"net/ipv4/conf/lo/forwarding", "1", "cat /proc/sys/net/ipv4/conf/lo/forwarding"},
        {"fs.mqueue.msg_max", "11", "cat /proc/sys/fs/mqueue/msg_max"},
        {"kernel.domainname", "example", "cat /proc/sys/kernel/domainname"},
        {"net.ipv4.no_such_parameter", "1", "echo skipped"},
    };

    FOR_ROWS (row, rows) {
        struct oci_spec *spec = rig_spec(rig, "c1", row->script);
        set_sysctl(rig, spec, row->name, row->value);
        if (row->script)
            expect_output(rig, "c1", spec,
                          arena_printf(rig->arena, "%s\n", strncmp(row->script, "echo", 4) ? row->value : "skipped"));
        else
            EXPECT_REFUSED(STATUS_INTERNAL, row->name, rig_create(rig, "c1", spec, &err));
    }
    expect_output(rig, "c1", rig_spec(rig, "c1", "cat /proc/sys/kernel/domainname"), "(none)\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(init_is_process_1_and_sees_only_its_own),
        cmocka_unit_test(namespaces_are_new_and_execed_processes_join_them),
        cmocka_unit_test(namespaces_that_are_not_listed_are_those_of_the_guest),
        cmocka_unit_test(exec_after_the_end_of_init_is_refused),
        cmocka_unit_test(root_of_a_user_namespace_is_nobody_outside),
        cmocka_unit_test(users_of_a_user_namespace_are_mapped),
        cmocka_unit_test(execed_process_is_mapped_too),
        cmocka_unit_test(message_queues_are_those_of_the_sandbox_also_in_a_user_namespace),
        cmocka_unit_test(user_namespace_of_another_container_can_be_joined),
        cmocka_unit_test(cgroup_namespace_begins_at_the_container),
        cmocka_unit_test(kernel_parameters_of_shared_namespaces_are_set_for_a_user_namespace),
        cmocka_unit_test(kernel_parameters_are_set_in_the_container_only),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
