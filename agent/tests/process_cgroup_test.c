/* SPDX-License-Identifier: Apache-2.0 */
/* Process tier: pausing, limits, statistics, OOM events, and the end of containers with many processes. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "agent/tests/support/expect.h"
#include "agent/tests/support/raw_call.h"
#include "agent/tests/support/request.h"
#include "base/macros.h"
#include "oci/wire.h"

/* ---- files of the cgroup ---- */

/* The file of the container's cgroup in whichever hierarchy has it, or false. */
static bool cgroup_file(const struct rig *rig, const char *id, const char *file, char path[256])
{
    static const char *const hierarchies[] = {"", "/memory", "/cpu", "/cpu,cpuacct", "/pids"};

    FOR_ROWS (hierarchy, hierarchies) {
        snprintf(path, 256, "/sys/fs/cgroup%s%s/%s/%s", *hierarchy, rig->cgroup, id, file);
        if (sys_faccessat(AT_FDCWD, path, F_OK, 0) == 0)
            return true;
    }
    return false;
}

static void expect_cgroup(const struct rig *rig, const char *id, const char *file, const char *want)
{
    _buf_ struct buf text = BUF_INIT(4096);
    char path[256];

    if (!cgroup_file(rig, id, file, path))
        fail_msg("no %s of %s", file, id);
    assert_int_equal(file_read_at(AT_FDCWD, path, &text), 0);
    text.data[strcspn(text.data, "\n")] = '\0';
    if (strcmp(text.data, want) != 0)
        fail_msg("%s: want '%s', got '%s'", file, want, text.data);
}

/* ---- pause and resume ---- */

static enum status_code pause_container(struct rig *rig, const char *id, struct error *err)
{
    Grpc__PauseContainerRequest *request = (void *)request_for(rig, "PauseContainer", id, NULL);

    return rig_call(rig, "PauseContainer", request, NULL, err);
}

static enum status_code resume_container(struct rig *rig, const char *id, struct error *err)
{
    Grpc__ResumeContainerRequest *request = (void *)request_for(rig, "ResumeContainer", id, NULL);

    return rig_call(rig, "ResumeContainer", request, NULL, err);
}

static long counter(struct rig *rig)
{
    struct stat st;

    assert_int_equal(sys_fstatat(AT_FDCWD, arena_printf(rig->arena, "%s/tmp/counter", rig->rootfs), &st, 0), 0);
    return st.st_size;
}

static void run_counter(struct rig *rig)
{
    struct oci_spec *spec = rig_spec(rig, "c1", "while :; do echo >> /tmp/counter; sleep 0.001; done");
    char *path = arena_printf(rig->arena, "%s/tmp/counter", rig->rootfs);

    (void)sys_mknodat(AT_FDCWD, path, S_IFREG | 0644, 0); /* once */
    expect_running(rig, "c1", spec);
}

static void expect_counting(struct rig *rig)
{
    long before = counter(rig);

    for (int i = 0; i < 1000 && counter(rig) <= before; i++)
        sys_nanosleep(2 * NSEC_PER_MSEC);
    assert_true(counter(rig) > before);
}

RIG_TEST(paused_container_stands_still_until_it_is_resumed)
{
    run_counter(rig);
    expect_counting(rig);
    EXPECT_OK(pause_container(rig, "c1", &err));
    long stopped = counter(rig);
    sys_nanosleep(50 * NSEC_PER_MSEC);
    assert_int_equal(counter(rig), stopped);
    EXPECT_REFUSED(STATUS_INTERNAL, "failed to pause container: current status is: Paused", pause_container(rig, "c1", &err));
    EXPECT_REFUSED(STATUS_FAILED_PRECONDITION, "current status is: Paused",
                   rig_exec(rig, "c1", "e", rig_spec(rig, "c1", "exit 0")->process, &err));
    EXPECT_OK(resume_container(rig, "c1", &err));
    expect_counting(rig);
    EXPECT_REFUSED(STATUS_INTERNAL, "container status is: Running, not paused", resume_container(rig, "c1", &err));
    EXPECT_OK(rig_exec(rig, "c1", "e", rig_spec(rig, "c1", "exit 0")->process, &err));
    assert_int_equal(rig_wait(rig, "c1", "e"), 0);
}

RIG_TEST(container_can_be_paused_before_its_start)
{
    EXPECT_OK(rig_create(rig, "c1", rig_spec(rig, "c1", "exit 3"), &err));
    EXPECT_REFUSED(STATUS_INTERNAL, "container status is: Created, not paused", resume_container(rig, "c1", &err));
    EXPECT_OK(pause_container(rig, "c1", &err));
    EXPECT_REFUSED(STATUS_FAILED_PRECONDITION, "", rig_start(rig, "c1", &err));
    EXPECT_OK(resume_container(rig, "c1", &err));
    EXPECT_OK(rig_start(rig, "c1", &err));
    assert_int_equal(rig_wait(rig, "c1", ""), 3);
}

RIG_TEST(paused_container_can_be_killed_and_removed)
{
    struct traces before;

    assert_int_equal(rig_run_container(rig, "c1", rig_spec(rig, "c1", "exit 1"), NULL, NULL), 1);
    before = traces_now(rig);
    run_counter(rig);
    EXPECT_OK(pause_container(rig, "c1", &err));
    EXPECT_OK(rig_signal(rig, "c1", "", SIGKILL, &err));
    assert_int_equal(rig_wait(rig, "c1", ""), 137);
    EXPECT_REFUSED(STATUS_INTERNAL, "container status is: Running, not paused", resume_container(rig, "c1", &err));
    EXPECT_OK(rig_remove(rig, "c1", &err));
    traces_expect(rig, &before, "killed while paused");

    run_counter(rig);
    EXPECT_OK(pause_container(rig, "c1", &err));
    EXPECT_OK(rig_signal(rig, "c1", "c1", SIGKILL, &err)); /* a single process: it dies when it may run */
    EXPECT_OK(resume_container(rig, "c1", &err));
    assert_int_equal(rig_wait(rig, "c1", ""), 137);
    EXPECT_OK(rig_remove(rig, "c1", &err));

    run_counter(rig);
    EXPECT_OK(pause_container(rig, "c1", &err));
    EXPECT_OK(rig_remove(rig, "c1", &err));
    traces_expect(rig, &before, "removed while paused");
}

/* ---- limits ---- */

static struct oci_resources *make_resources(struct rig *rig)
{
    struct oci_resources *resources = arena_alloc(rig->arena, sizeof(*resources));

    resources->memory = arena_alloc(rig->arena, sizeof(*resources->memory));
    resources->cpu = arena_alloc(rig->arena, sizeof(*resources->cpu));
    resources->memory->limit = (struct opt_i64){true, 64 * 1024 * 1024};
    resources->cpu->shares = (struct opt_u64){true, 512};
    resources->cpu->quota = (struct opt_i64){true, 50000};
    resources->cpu->period = (struct opt_u64){true, 100000};
    resources->pids_limit = (struct opt_i64){true, 20};
    return resources;
}

static enum status_code update(struct rig *rig, const char *id, const struct oci_resources *resources, struct error *err)
{
    Grpc__UpdateContainerRequest *request = (void *)request_for(rig, "UpdateContainer", id, NULL);

    assert_int_equal(oci_resources_to_wire(rig->arena, resources, &request->resources, NULL), 0);
    return rig_call(rig, "UpdateContainer", request, NULL, err);
}

static void expect_limits(struct rig *rig, const char *memory, const char *shares, const char *quota, const char *pids)
{
    expect_cgroup(rig, "c1", "memory.limit_in_bytes", memory);
    expect_cgroup(rig, "c1", "cpu.shares", shares);
    expect_cgroup(rig, "c1", "cpu.cfs_quota_us", quota);
    expect_cgroup(rig, "c1", "pids.max", pids);
}

static bool is_version_1(void)
{
    if (sys_faccessat(AT_FDCWD, "/sys/fs/cgroup/memory/tasks", F_OK, 0) == 0)
        return true;
    print_message("not asked: needs cgroup version 1\n");
    return false;
}

static bool enforces_device_rules(void)
{
    if (sys_faccessat(AT_FDCWD, "/sys/fs/cgroup/cgroup.controllers", F_OK, 0) == 0 ||
        sys_faccessat(AT_FDCWD, "/sys/fs/cgroup/unified/cgroup.controllers", F_OK, 0) == 0 ||
        sys_faccessat(AT_FDCWD, "/sys/fs/cgroup/devices/devices.list", F_OK, 0) == 0)
        return true;
    print_message("not asked: needs cgroup version 2, or the devices controller\n");
    return false;
}

RIG_TEST(limits_of_the_spec_hold_and_can_be_updated)
{
    struct oci_spec *spec = rig_spec(rig, "c1", NULL);
    struct oci_resources *resources = make_resources(rig);

    if (!is_version_1())
        return;
    spec->linux_->resources = resources;
    expect_running(rig, "c1", spec);
    expect_limits(rig, "67108864", "512", "50000", "20");
    resources->memory->limit.value = 128 * 1024 * 1024;
    resources->cpu->shares.value = 256;
    resources->cpu->quota.value = -1;
    resources->pids_limit.value = 30;
    EXPECT_OK(update(rig, "c1", resources, &err));
    expect_limits(rig, "134217728", "256", "-1", "30");
    struct oci_resources some = {.pids_limit = {true, 40}};
    EXPECT_OK(update(rig, "c1", &some, &err)); /* what is not said stays */
    expect_limits(rig, "134217728", "256", "-1", "40");
}

/* A node that no driver serves: what its open fails with tells whether the rules allow it. */
static void expect_open_of_node(struct rig *rig, const char *exec_id, bool allowed)
{
    EXPECT_OK(rig_exec(rig, "c1", exec_id, rig_spec(rig, "c1", "cat /dev/node")->process, &err));
    const char *text = rig_read_all(rig, "c1", exec_id, true);
    bool refused = strstr(text, "EPERM") || strstr(text, "Operation not permitted");
    if (refused == allowed)
        fail_msg("%s: '%s'", exec_id, text);
    assert_int_not_equal(rig_wait(rig, "c1", exec_id), 0);
}

RIG_TEST(device_rules_hold_and_can_be_updated)
{
    static const struct oci_device node = {
        .path = (char *)"/dev/node", .type = 'c', .major = 1, .minor = 98, .file_mode = {true, 0666}};
    static const struct oci_device_rule none = {false, 'a', {false, 0}, {false, 0}, (char *)"rwm"};
    struct oci_device_rule rules[] = {none, {true, 'c', {true, 1}, {true, 98}, (char *)"rw"}};
    struct oci_spec *spec = rig_spec(rig, "c1", NULL);
    struct oci_resources some = {.devices = rules, .n_devices = 2};

    if (!enforces_device_rules())
        return;
    spec->linux_->devices = arena_memdup(rig->arena, &node, sizeof(node));
    spec->linux_->n_devices = 1;
    spec->linux_->resources->devices = rules;
    spec->linux_->resources->n_devices = 1;
    struct traces before = traces_now(rig);
    expect_running(rig, "c1", spec);
    expect_open_of_node(rig, "denied", false);
    expect_exec_output(rig, "c1", rig_spec(rig, "c1", "cat < /dev/null; echo fine > /dev/null && echo fine")->process,
                       "fine\n");
    EXPECT_OK(update(rig, "c1", &some, &err));
    expect_open_of_node(rig, "allowed", true);
    rules[1].allow = false;
    EXPECT_OK(update(rig, "c1", &some, &err));
    expect_open_of_node(rig, "denied again", false);
    rules[1].access = (char *)"rx";
    EXPECT_REFUSED(STATUS_INVALID_ARGUMENT, "linux.resources.devices[1].access", update(rig, "c1", &some, &err));
    EXPECT_OK(rig_remove(rig, "c1", &err));
    before.descriptors = traces_now(rig).descriptors; /* the first container's: the agent keeps a few */
    traces_expect(rig, &before, "device rules");
}

RIG_TEST(bad_limits_are_refused_by_name)
{
    struct oci_resources *resources = make_resources(rig);

    expect_running(rig, "c1", rig_spec(rig, "c1", NULL));
    resources->memory->swappiness = (struct opt_u64){true, 101};
    EXPECT_REFUSED(STATUS_INTERNAL, "invalid value:101. valid memory swappiness range is 0-100",
                   update(rig, "c1", resources, &err));
    resources->memory->swappiness.set = false;
    resources->cpu->quota.value = 1; /* below a millisecond: the kernel says no */
    EXPECT_REFUSED(STATUS_INTERNAL, "failed to set cpu resources", update(rig, "c1", resources, &err));
    resources->cpu->quota.value = 50000;
    EXPECT_OK(update(rig, "c1", resources, &err));
}

RIG_TEST(number_of_processes_is_limited)
{
    struct oci_spec *spec =
        rig_spec(rig, "c1", "i=0; while [ $i -lt 50 ]; do sleep 1000 & i=$((i+1)); done 2>/dev/null; echo all");
    struct oci_resources limit = {.pids_limit = {true, 10}};
    _buf_ struct buf events = BUF_INIT(4096);
    long refused = 0;
    char path[256];

    spec->linux_->resources = &limit;
    EXPECT_OK(rig_create(rig, "c1", spec, &err));
    EXPECT_OK(rig_start(rig, "c1", &err));
    char *out = rig_read_all(rig, "c1", "", false);
    assert_null(strstr(out, "all")); /* the shell gave up */
    assert_int_not_equal(rig_wait(rig, "c1", ""), 0);
    assert_true(cgroup_file(rig, "c1", "pids.events", path));
    assert_int_equal(file_read_at(AT_FDCWD, path, &events), 0);
    assert_int_equal(sscanf(events.data, "max %ld", &refused), 1);
    assert_true(refused > 0);
}

/* ---- statistics ---- */

RIG_TEST(statistics_are_plausible)
{
    struct oci_spec *spec =
        rig_spec(rig, "c1", "i=0; while [ $i -lt 30000 ]; do i=$((i+1)); done; echo worked; sleep 50 & exec sleep 1000");
    Grpc__StatsContainerResponse *reply;
    Grpc__ReadStreamRequest *read = (void *)request_for(rig, "ReadStdout", "c1", "");

    spec->linux_->resources = make_resources(rig);
    spec->linux_->resources->cpu = NULL;
    expect_running(rig, "c1", spec);
    read->len = 100;
    rig_ok(rig, "ReadStdout", &read->base, NULL);
    for (int i = 0; i < 100; i++) {
        rig_ok(rig, "StatsContainer", request_for(rig, "StatsContainer", "c1", NULL), (ProtobufCMessage **)(void *)&reply);
        if (reply->cgroup_stats->pids_stats->current == 2)
            break;
        sys_nanosleep(5 * NSEC_PER_MSEC);
    }
    assert_int_equal(reply->cgroup_stats->pids_stats->current, 2);
    assert_int_equal(reply->cgroup_stats->pids_stats->limit, 20);
    const Grpc__CpuUsage *cpu = reply->cgroup_stats->cpu_stats->cpu_usage;
    assert_in_range(cpu->total_usage, 1000000, UINT64_C(10000000000)); /* 1 ms to 10 s */
    const Grpc__MemoryData *memory = reply->cgroup_stats->memory_stats->usage;
    assert_in_range(memory->usage, 4096, 64 * 1024 * 1024);
    assert_int_equal(memory->limit, 64 * 1024 * 1024);
    assert_true(reply->cgroup_stats->memory_stats->n_stats > 5);
    assert_int_equal(reply->n_network_stats, 0);
    rig_ok(rig, "StatsContainer", request_for(rig, "StatsContainer", "c1", NULL), (ProtobufCMessage **)(void *)&reply);
    assert_true(reply->cgroup_stats->cpu_stats->cpu_usage->total_usage >= cpu->total_usage);
}

/* ---- out of memory ---- */

static struct oci_spec *hungry_spec(struct rig *rig, const char *id, const char *script)
{
    struct oci_spec *spec = rig_spec(rig, id, script);

    spec->linux_->resources->memory = arena_alloc(rig->arena, sizeof(struct oci_memory));
    spec->linux_->resources->memory->limit = (struct opt_i64){true, 8 * 1024 * 1024};
    return spec;
}

static void expect_oom_event(struct rig *rig, const char *id)
{
    Grpc__GetOOMEventRequest request = GRPC__GET_OOMEVENT_REQUEST__INIT;
    ProtobufCMessage *reply;

    EXPECT_OK(rig_call_service(rig, "grpc.AgentService", "GetOOMEvent", &request.base, 5000, &reply, &err));
    assert_string_equal(((Grpc__OOMEvent *)(void *)reply)->container_id, id);
}

RIG_TEST(oom_kill_is_reported_with_the_containers_id)
{
    Grpc__GetOOMEventRequest request = GRPC__GET_OOMEVENT_REQUEST__INIT;

    expect_running(rig, "c1", rig_spec(rig, "c1", NULL));
    expect_running(rig, "hungry", hungry_spec(rig, "hungry", "exec tail /dev/zero"));
    assert_int_equal(rig_wait(rig, "hungry", ""), 137);
    expect_oom_event(rig, "hungry"); /* it waited for somebody to ask */
    EXPECT_OK(rig_remove(rig, "hungry", &err));
    EXPECT_REFUSED(
        STATUS_DEADLINE_EXCEEDED, "",
        rig_call_service(rig, "grpc.AgentService", "GetOOMEvent", &request.base, 50, NULL, &err)); /* one is enough */
    EXPECT_OK(rig_signal(rig, "c1", "c1", 0, &err));
}

RIG_TEST(oom_kill_of_any_process_is_reported_every_time)
{
    expect_running(rig, "hungry",
                   hungry_spec(rig, "hungry", "tail /dev/zero; echo $?; sleep 0.3; tail /dev/zero; echo $?; sleep 1000"));
    expect_oom_event(rig, "hungry");
    expect_oom_event(rig, "hungry");
    EXPECT_OK(rig_signal(rig, "hungry", "hungry", 0, &err));
    EXPECT_OK(rig_remove(rig, "hungry", &err));
}

/* ---- removal ---- */

RIG_TEST(container_with_many_processes_is_removed_whole)
{
    static const struct {
        const char *script;
        bool has_room; /* for one more process */
    } rows[] = {
        {"i=0; while [ $i -lt 150 ]; do sleep 1000 & i=$((i+1)); done; echo ready; sleep 1000", true},
        /* Grows as fast as it can, in sessions of its own, and ignores what can be ignored. */
        {"trap '' TERM HUP; echo ready; while :; do setsid sleep 1000 & done 2>/dev/null & exec sleep 1000", false},
    };
    Grpc__ReadStreamRequest *read = (void *)request_for(rig, "ReadStdout", "c1", "");
    struct oci_resources limit = {.pids_limit = {true, 200}};

    read->len = 10;
    assert_int_equal(rig_run_container(rig, "c1", rig_spec(rig, "c1", "exit 1"), NULL, NULL), 1);
    struct traces before = traces_now(rig);
    FOR_ROWS (row, rows) {
        struct oci_spec *spec = rig_spec(rig, "c1", row->script);
        spec->linux_->resources = &limit;
        expect_running(rig, "c1", spec);
        rig_ok(rig, "ReadStdout", &read->base, NULL);
        sys_nanosleep(30 * NSEC_PER_MSEC);
        if (row->has_room)
            EXPECT_OK(rig_exec(rig, "c1", "e", rig_spec(rig, "c1", NULL)->process, &err));
        EXPECT_OK(rig_remove(rig, "c1", &err));
        traces_expect(rig, &before, row->script);
    }
}

static int sleep_long(void *unused UNUSED)
{
    sys_nanosleep(1000 * NSEC_PER_SEC);
    return 0;
}

/* A process that is not the container's and cannot be killed with it keeps its cgroup in use. */
RIG_TEST(removal_that_takes_too_long_goes_on_behind)
{
    Grpc__RemoveContainerRequest *request = (void *)request_for(rig, "RemoveContainer", "c1", NULL);
    char path[256];

    if (!is_version_1())
        return;
    assert_int_equal(rig_run_container(rig, "c1", rig_spec(rig, "c1", "exit 1"), NULL, NULL), 1);
    struct traces before = traces_now(rig);
    request->timeout = 5;
    expect_running(rig, "c1", rig_spec(rig, "c1", NULL));
    rig_ok(rig, "RemoveContainer", &request->base, NULL); /* in time */

    expect_running(rig, "c1", rig_spec(rig, "c1", NULL));
    const struct sys_spawn child = {.cgroup_fd = -1};
    int squatter = sys_spawn(&child, sleep_long, NULL);
    assert_true(squatter > 0);
    assert_true(cgroup_file(rig, "c1", "memory.limit_in_bytes", path));
    strcpy(strrchr(path, '/'), "/cgroup.procs");
    const char *number = arena_printf(rig->arena, "%d\n", squatter);
    assert_int_equal(file_write_at(AT_FDCWD, path, number, strlen(number)), 0);
    request->timeout = 1;
    rig_refused(rig, "RemoveContainer", &request->base, STATUS_INTERNAL, "ETIME: Timer expired");
    rig_refused(rig, "RemoveContainer", &request->base, STATUS_INTERNAL, "Invalid container id");
    EXPECT_REFUSED(STATUS_INTERNAL, "exec fifo exists", rig_create(rig, "c1", rig_spec(rig, "c1", NULL), &err));
    siginfo_t ended = {0};
    (void)sys_kill(squatter, SIGKILL);
    (void)sys_waitid(P_PID, squatter, &ended, WEXITED);
    traces_expect(rig, &before, "late removal");
    assert_int_equal(rig_run_container(rig, "c1", rig_spec(rig, "c1", "exit 2"), NULL, NULL), 2);
}

RIG_TEST(two_containers_cannot_have_one_cgroup)
{
    struct oci_spec *spec = rig_spec(rig, "c1", NULL);

    expect_running(rig, "c1", spec);
    EXPECT_REFUSED(STATUS_ALREADY_EXISTS, "already has 1 processes", rig_create(rig, "c2", spec, &err));
    EXPECT_OK(rig_signal(rig, "c1", "c1", 0, &err)); /* the failure killed nobody */
}

/* With version 2 a cgroup namespace hides the name. */
RIG_TEST(cgroup_is_named_after_the_container_by_default)
{
    if (!is_version_1())
        return;
    struct oci_spec *spec = rig_spec(rig, "c1", "grep -c ':/tatami-default$' /proc/self/cgroup > /dev/null && echo named");
    spec->linux_->cgroups_path = NULL;
    expect_output(rig, "tatami-default", spec, "named\n");
    assert_int_equal(sys_faccessat(AT_FDCWD, "/sys/fs/cgroup/pids/tatami-default", F_OK, 0), -ENOENT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(paused_container_stands_still_until_it_is_resumed),
        cmocka_unit_test(container_can_be_paused_before_its_start),
        cmocka_unit_test(paused_container_can_be_killed_and_removed),
        cmocka_unit_test(limits_of_the_spec_hold_and_can_be_updated),
        cmocka_unit_test(device_rules_hold_and_can_be_updated),
        cmocka_unit_test(bad_limits_are_refused_by_name),
        cmocka_unit_test(number_of_processes_is_limited),
        cmocka_unit_test(statistics_are_plausible),
        cmocka_unit_test(oom_kill_is_reported_with_the_containers_id),
        cmocka_unit_test(oom_kill_of_any_process_is_reported_every_time),
        cmocka_unit_test(container_with_many_processes_is_removed_whole),
        cmocka_unit_test(removal_that_takes_too_long_goes_on_behind),
        cmocka_unit_test(two_containers_cannot_have_one_cgroup),
        cmocka_unit_test(cgroup_is_named_after_the_container_by_default),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
