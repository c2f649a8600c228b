/* SPDX-License-Identifier: Apache-2.0 */
/* Process tier: the sandbox from CreateSandbox to DestroySandbox, and what the agent tells about itself. */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "agent/tests/support/expect.h"
#include "agent/tests/support/raw_call.h"
#include "agent/tests/support/request.h"
#include "base/macros.h"
#include "oci/wire.h"

#define STRING(s) ((char *)(uintptr_t)(s))

static void create_sandbox(struct rig *rig, const char *id, const char *hostname)
{
    Grpc__CreateSandboxRequest request = GRPC__CREATE_SANDBOX_REQUEST__INIT;

    request.sandbox_id = STRING(id);
    request.hostname = STRING(hostname);
    rig_ok(rig, "CreateSandbox", &request.base, NULL);
}

/* ---- shared namespaces ---- */

RIG_TEST(containers_share_host_name_and_ipc_of_the_sandbox)
{
    const char *const script = "hostname; readlink /proc/self/ns/uts /proc/self/ns/ipc";
    char *first, *second;

    create_sandbox(rig, "pod", "pod-host");
    rig_run_container(rig, "c1", rig_spec(rig, "c1", script), &first, NULL);
    rig_run_container(rig, "c2", rig_spec(rig, "c2", script), &second, NULL);
    assert_memory_equal(first, "pod-host\n", 9);
    assert_string_equal(first, second);

    char own[2][64] = {"", ""};
    char path[64];
    snprintf(path, sizeof(path), "/proc/%d/ns/uts", rig->agent_pid);
    assert_true(sys_readlinkat(AT_FDCWD, path, own[0], sizeof(own[0]) - 1) > 0);
    snprintf(path, sizeof(path), "/proc/%d/ns/ipc", rig->agent_pid);
    assert_true(sys_readlinkat(AT_FDCWD, path, own[1], sizeof(own[1]) - 1) > 0);
    assert_null(strstr(first, own[0])); /* they are not the guest's own */
    assert_null(strstr(first, own[1]));
}

RIG_TEST(without_a_sandbox_a_container_has_namespaces_of_its_own)
{
    char *text, path[64], own[64] = "";
    struct oci_spec *spec = rig_spec(rig, "c1", "hostname; readlink /proc/self/ns/uts");

    spec->hostname = STRING("mine");
    rig_run_container(rig, "c1", spec, &text, NULL);
    assert_memory_equal(text, "mine\nuts:", 9);
    snprintf(path, sizeof(path), "/proc/%d/ns/uts", rig->agent_pid);
    assert_true(sys_readlinkat(AT_FDCWD, path, own, sizeof(own) - 1) > 0);
    assert_null(strstr(text, own));
}

/* The host's runtime sends the pod's name in the spec too: the shared namespace has it already. */
RIG_TEST(host_name_of_a_spec_does_not_change_the_sandbox)
{
    char *name;
    struct oci_spec *spec = rig_spec(rig, "c1", "hostname");

    create_sandbox(rig, "pod", "pod-host");
    spec->hostname = STRING("other");
    rig_run_container(rig, "c1", spec, &name, NULL);
    assert_string_equal(name, "pod-host\n");
}

RIG_TEST(second_sandbox_replaces_what_later_containers_share)
{
    char *name, *running;

    create_sandbox(rig, "pod", "one");
    EXPECT_OK(rig_create(rig, "c1", rig_spec(rig, "c1", NULL), &err));
    EXPECT_OK(rig_start(rig, "c1", &err));
    struct traces before = traces_now(rig);
    create_sandbox(rig, "", "two");
    traces_expect(rig, &before, "a second CreateSandbox");
    rig_run_container(rig, "c2", rig_spec(rig, "c2", "hostname"), &name, NULL);
    assert_string_equal(name, "two\n");
    EXPECT_OK(rig_exec(rig, "c1", "e", rig_spec(rig, "c1", "hostname")->process, &err));
    running = rig_read_all(rig, "c1", "e", false);
    assert_string_equal(running, "one\n");
    assert_int_equal(rig_wait(rig, "c1", "e"), 0);
}

/* ---- shared pid namespace ---- */

static enum status_code create_sharing_pids(struct rig *rig, const char *id, const struct oci_spec *spec, struct error *err)
{
    Grpc__CreateContainerRequest request = GRPC__CREATE_CONTAINER_REQUEST__INIT;

    request.container_id = STRING(id);
    request.sandbox_pidns = true;
    assert_int_equal(oci_spec_to_wire(rig->arena, spec, &request.oci, NULL), 0);
    return rig_call(rig, "CreateContainer", &request, NULL, err);
}

RIG_TEST(containers_can_share_the_pid_namespace_of_the_first)
{
    create_sandbox(rig, "pod", "pod-host");
    EXPECT_OK(create_sharing_pids(rig, "pause", rig_spec(rig, "pause", NULL), &err));
    EXPECT_OK(rig_start(rig, "pause", &err));
    EXPECT_OK(
        create_sharing_pids(rig, "c1", rig_spec(rig, "c1", "ps | grep -c '[s]leep 1000'; cat /proc/1/comm; exit $$"), &err));
    EXPECT_OK(rig_start(rig, "c1", &err));
    assert_string_equal(rig_read_all(rig, "c1", "", false), "1\nsleep\n");
    int pid = rig_wait(rig, "c1", "");
    assert_true(pid > 1);
    EXPECT_OK(rig_remove(rig, "c1", &err));
    EXPECT_OK(rig_signal(rig, "pause", "pause", 0, &err)); /* killing by the cgroup touches nothing else in the namespace */

    int own = rig_run_container(rig, "c2", rig_spec(rig, "c2", "exit $$"), NULL, NULL);
    assert_int_equal(own, 1); /* who does not ask has one of its own */
    EXPECT_OK(rig_remove(rig, "pause", &err));
    EXPECT_OK(create_sharing_pids(rig, "c3", rig_spec(rig, "c3", NULL), &err)); /* the first one again */
    EXPECT_OK(rig_remove(rig, "c3", &err));
}

RIG_TEST(sharing_pids_needs_the_container_that_has_them)
{
    EXPECT_OK(rig_create(rig, "c1", rig_spec(rig, "c1", NULL), &err));
    EXPECT_OK(rig_create(rig, "c2", rig_spec(rig, "c2", NULL), &err));
    EXPECT_OK(rig_remove(rig, "c1", &err)); /* its namespace goes with it */
    EXPECT_REFUSED(STATUS_INTERNAL, "Sandbox does not have sandbox_pidns",
                   create_sharing_pids(rig, "c3", rig_spec(rig, "c3", NULL), &err));
    EXPECT_OK(rig_remove(rig, "c2", &err));
}

/* ---- what CreateSandbox refuses, DNS ---- */

RIG_TEST(sandbox_requests_for_what_is_not_built_are_refused)
{
    Grpc__CreateSandboxRequest request = GRPC__CREATE_SANDBOX_REQUEST__INIT;
    Grpc__KernelModule module = GRPC__KERNEL_MODULE__INIT, *modules[] = {&module};
    Grpc__Storage storage = GRPC__STORAGE__INIT, *storages[] = {&storage};
    Grpc__FSGroup group = GRPC__FSGROUP__INIT;
    char long_name[80];

    module.name = STRING("tatami-nosuch");
    request.kernel_modules = modules;
    request.n_kernel_modules = 1;
    rig_refused(rig, "CreateSandbox", &request.base, STATUS_INTERNAL, "kernel module 'tatami-nosuch': ");
    request.n_kernel_modules = 0;
    storage.driver = STRING("tape");
    request.storages = storages;
    request.n_storages = 1;
    rig_refused(rig, "CreateSandbox", &request.base, STATUS_INTERNAL, "Failed to find the storage handler tape");
    storage.driver = STRING("virtio-fs");
    storage.source = storage.fstype = STRING("tmpfs");
    storage.mount_point = rig->dir;
    storage.fs_group = &group;
    rig_refused(rig, "CreateSandbox", &request.base, STATUS_UNIMPLEMENTED, "Storage.fs_group of '");
    request.n_storages = 0;
    memset(long_name, 'n', sizeof(long_name));
    long_name[sizeof(long_name) - 1] = '\0';
    request.hostname = long_name;
    rig_refused(rig, "CreateSandbox", &request.base, STATUS_INTERNAL, "set the host name");
    create_sandbox(rig, "pod", "after");
}

/* ---- storages ---- */

static int mount_tmpfs(const char *path)
{
    return sys_mount("guest", path, "tmpfs", 0, NULL) < 0;
}

static enum status_code ask_for_storage(struct rig *rig, const char *source, const char *type, const char *path,
                                        const char *second)
{
    Grpc__CreateSandboxRequest request = GRPC__CREATE_SANDBOX_REQUEST__INIT;
    Grpc__Storage storage = GRPC__STORAGE__INIT, other = GRPC__STORAGE__INIT, *storages[] = {&storage, &other};

    storage.driver = other.driver = STRING("virtio-fs");
    storage.source = STRING(source);
    storage.fstype = other.fstype = STRING(type);
    storage.mount_point = STRING(path);
    other.source = STRING("other");
    other.mount_point = STRING(second);
    request.storages = storages;
    request.n_storages = second ? 2 : 1;
    return rig_call(rig, "CreateSandbox", &request, NULL, NULL);
}

/* How many mounts the agent sees on the path. */
static int count_mounts(struct rig *rig, const char *path)
{
    _buf_ struct buf text = BUF_INIT(1024 * 1024);
    int n = 0;

    assert_int_equal(file_read_at(AT_FDCWD, arena_printf(rig->arena, "/proc/%d/mounts", rig->agent_pid), &text), 0);
    for (const char *at = text.data; (at = strstr(at, path)); at++)
        n++;
    return n;
}

RIG_TEST(storage_that_the_guest_has_mounted_itself_is_left_as_it_is)
{
    char *path = arena_printf(rig->arena, "%s/there", rig->dir);

    assert_int_equal(sys_mkdirat(AT_FDCWD, path, 0755), 0);
    assert_int_equal(in_mounts_of_agent(rig, mount_tmpfs, path), 0);
    assert_int_equal(ask_for_storage(rig, "any", "tmpfs", path, "/proc/none"), STATUS_INTERNAL);
    assert_int_equal(count_mounts(rig, path), 1); /* not taken back */
    assert_int_equal(ask_for_storage(rig, "any", "tmpfs", path, NULL), STATUS_OK);
    assert_int_equal(ask_for_storage(rig, "kataShared", "mqueue", arena_printf(rig->arena, "%s//", path), NULL), STATUS_OK);
    assert_int_equal(count_mounts(rig, path), 1);
    /* Another type is another mount, on top. */
    assert_int_equal(ask_for_storage(rig, "any", "mqueue", arena_printf(rig->arena, "%s/", path), NULL), STATUS_OK);
    assert_int_equal(count_mounts(rig, path), 2);
}

RIG_TEST(stale_shares_are_removed_where_there_are_none)
{
    Grpc__RemoveStaleVirtiofsShareMountsRequest request = GRPC__REMOVE_STALE_VIRTIOFS_SHARE_MOUNTS_REQUEST__INIT;

    rig_ok(rig, "RemoveStaleVirtiofsShareMounts", &request.base, NULL);
}

static int hide_etc(const char *files)
{
    if (sys_mount("tmpfs", "/etc", "tmpfs", 0, NULL) < 0)
        return 1;
    if (!files)
        return 0;
    int fd = sys_openat(AT_FDCWD, "/etc/resolv.conf", O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
    return fd < 0 || sys_write(fd, files, strlen(files)) < 0;
}

static int hide_etc_with_directory(const char *unused UNUSED)
{
    return hide_etc(NULL) || sys_mkdirat(AT_FDCWD, "/etc/resolv.conf", 0755) < 0;
}

static int resolv_conf_is(const char *text)
{
    char got[256] = "";

    int fd = sys_openat(AT_FDCWD, "/etc/resolv.conf", O_RDONLY | O_CLOEXEC, 0);
    if (fd < 0 || sys_read(fd, got, sizeof(got) - 1) < 0)
        return 1;
    return strcmp(got, text) != 0;
}

RIG_TEST(dns_lines_become_the_guests_resolv_conf)
{
    Grpc__CreateSandboxRequest request = GRPC__CREATE_SANDBOX_REQUEST__INIT;
    char *lines[] = {STRING("  nameserver 10.0.0.1 \n"), STRING("search example.org"), STRING("\toptions ndots:5")};

    request.dns = lines;
    rig_ok(rig, "CreateSandbox", &request.base, NULL);
    request.n_dns = 3;
    assert_int_equal(in_mounts_of_agent(rig, hide_etc, NULL), 0);
    rig_ok(rig, "CreateSandbox", &request.base, NULL); /* without the file there is nothing to do */
    assert_int_equal(in_mounts_of_agent(rig, resolv_conf_is, ""), 1);
    assert_int_equal(in_mounts_of_agent(rig, hide_etc, "nameserver 127.0.0.1\n"), 0);
    rig_ok(rig, "CreateSandbox", &request.base, NULL);
    assert_int_equal(in_mounts_of_agent(rig, resolv_conf_is, "nameserver 10.0.0.1\nsearch example.org\noptions ndots:5"), 0);
    request.n_dns = 1;
    rig_ok(rig, "CreateSandbox", &request.base, NULL);
    assert_int_equal(in_mounts_of_agent(rig, resolv_conf_is, "nameserver 10.0.0.1"), 0);
    assert_int_equal(in_mounts_of_agent(rig, hide_etc_with_directory, NULL), 0);
    rig_refused(rig, "CreateSandbox", &request.base, STATUS_INTERNAL, "/etc/resolv.conf is a directory");
}

/* ---- the end ---- */

RIG_TEST(destroyed_sandbox_ends_containers_waiting_calls_and_the_agent)
{
    char text[ERROR_TEXT_MAX];
    struct raw_call oom = {.method = "GetOOMEvent", .message = request_for(rig, "GetOOMEvent", NULL, NULL)};
    struct raw_call wait = {.method = "WaitProcess", .message = request_for(rig, "WaitProcess", "c1", NULL)};
    struct raw_call destroy = {.method = "DestroySandbox", .message = request_for(rig, "DestroySandbox", NULL, NULL)};

    create_sandbox(rig, "pod", "pod-host");
    EXPECT_OK(rig_create(rig, "c1", rig_spec(rig, "c1", NULL), &err));
    EXPECT_OK(rig_start(rig, "c1", &err));
    EXPECT_OK(rig_create(rig, "c2", rig_spec(rig, "c2", NULL), &err));
    int oom_fd = raw_send(rig, &oom), wait_fd = raw_send(rig, &wait);
    sys_nanosleep(20 * NSEC_PER_MSEC);
    assert_int_equal(raw_call(rig, &destroy, text), STATUS_OK);
    assert_int_equal(raw_finish(rig, &oom, oom_fd, text), STATUS_INTERNAL);
    assert_string_equal(text, "\"\"");
    assert_int_equal(raw_finish(rig, &wait, wait_fd, text), STATUS_INTERNAL);
    assert_string_equal(text, "Invalid container id");
    assert_int_equal(rig_agent_exit_code(rig), 0);
    EXPECT_REFUSED(STATUS_UNAVAILABLE, "closed", rig_signal(rig, "c1", "c1", 0, &err));
}

/* The first caller goes away in the middle, or just after: whatever is left to do, the second one gets it done. */
RIG_TEST(abandoned_end_of_the_sandbox_can_be_repeated)
{
    struct raw_call destroy = {.method = "DestroySandbox", .message = request_for(rig, "DestroySandbox", NULL, NULL)};
    struct error last;

    EXPECT_OK(rig_create(rig, "c1", rig_spec(rig, "c1", NULL), &err));
    raw_abandon(rig, &destroy);
    enum status_code status = rig_call_service(rig, "grpc.AgentService", "DestroySandbox", destroy.message, 0, NULL, &last);
    if (status != STATUS_OK && status != STATUS_UNAVAILABLE)
        fail_msg("%s: %s", status_name(status), last.text);
    assert_int_equal(rig_agent_exit_code(rig), 0);
}

/* ---- about the agent ---- */

RIG_TEST(agent_tells_its_version_and_that_it_serves)
{
    Grpc__CheckRequest check = GRPC__CHECK_REQUEST__INIT;
    Grpc__HealthCheckResponse *health;
    Grpc__VersionCheckResponse *version;

    check.service = STRING("anything");
    EXPECT_OK(rig_call_service(rig, "grpc.Health", "Check", &check.base, 0, (ProtobufCMessage **)(void *)&health, &err));
    assert_int_equal(health->status, GRPC__HEALTH_CHECK_RESPONSE__SERVING_STATUS__SERVING);
    EXPECT_OK(rig_call_service(rig, "grpc.Health", "Version", &check.base, 0, (ProtobufCMessage **)(void *)&version, &err));
    assert_string_equal(version->agent_version, "4.1.0");
    assert_string_equal(version->grpc_version, "0.0.1");
}

static int fake_memory_blocks(const char *text)
{
    (void)sys_mount(NULL, "/sys", NULL, MS_REC | MS_PRIVATE, NULL);
    if (sys_mount("tmpfs", "/sys/devices/system", "tmpfs", 0, NULL) < 0 ||
        sys_mkdirat(AT_FDCWD, "/sys/devices/system/memory", 0755) < 0)
        return 1;
    if (!text)
        return 0;
    int fd = sys_openat(AT_FDCWD, "/sys/devices/system/memory/block_size_bytes", O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
    if (fd < 0 || sys_write(fd, text, strlen(text)) < 0)
        return 1;
    return sys_mknodat(AT_FDCWD, "/sys/devices/system/memory/probe", S_IFREG | 0600, 0) < 0;
}

RIG_TEST(guest_details_are_those_of_the_machine)
{
    Grpc__GuestDetailsRequest request = GRPC__GUEST_DETAILS_REQUEST__INIT;
    ProtobufCMessage *reply;
    Grpc__GuestDetailsResponse *details;

    rig_ok(rig, "GetGuestDetails", &request.base, &reply);
    details = (void *)reply;
    assert_int_equal(details->mem_block_size_bytes, 0); /* nobody asked */
    assert_string_equal(details->agent_details->version, "4.1.0");
    assert_false(details->agent_details->init_daemon);
    assert_true(details->agent_details->supports_seccomp);
    assert_int_equal(details->agent_details->n_device_handlers, 0);
    assert_int_equal(details->agent_details->n_extra_features, 1);
    assert_string_equal(details->agent_details->extra_features[0], "seccomp");

    request.mem_block_size = request.mem_hotplug_probe = true;
    assert_int_equal(in_mounts_of_agent(rig, fake_memory_blocks, NULL), 0);
    rig_ok(rig, "GetGuestDetails", &request.base, &reply);
    details = (void *)reply;
    assert_int_equal(details->mem_block_size_bytes, 0);
    assert_false(details->support_mem_hotplug_probe);
    assert_int_equal(in_mounts_of_agent(rig, fake_memory_blocks, "8000000\n"), 0);
    rig_ok(rig, "GetGuestDetails", &request.base, &reply);
    details = (void *)reply;
    assert_int_equal(details->mem_block_size_bytes, 0x8000000);
    assert_true(details->support_mem_hotplug_probe);

    static const char *const bad[] = {"", "many\n", "80 00\n", "fffffffffffffffff\n"};
    FOR_ROWS (text, bad) {
        assert_int_equal(in_mounts_of_agent(rig, fake_memory_blocks, *text), 0);
        rig_refused(rig, "GetGuestDetails", &request.base, STATUS_INTERNAL, "Invalid block size");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(containers_share_host_name_and_ipc_of_the_sandbox),
        cmocka_unit_test(without_a_sandbox_a_container_has_namespaces_of_its_own),
        cmocka_unit_test(host_name_of_a_spec_does_not_change_the_sandbox),
        cmocka_unit_test(second_sandbox_replaces_what_later_containers_share),
        cmocka_unit_test(containers_can_share_the_pid_namespace_of_the_first),
        cmocka_unit_test(sharing_pids_needs_the_container_that_has_them),
        cmocka_unit_test(sandbox_requests_for_what_is_not_built_are_refused),
        cmocka_unit_test(stale_shares_are_removed_where_there_are_none),
        cmocka_unit_test(storage_that_the_guest_has_mounted_itself_is_left_as_it_is),
        cmocka_unit_test(dns_lines_become_the_guests_resolv_conf),
        cmocka_unit_test(destroyed_sandbox_ends_containers_waiting_calls_and_the_agent),
        cmocka_unit_test(abandoned_end_of_the_sandbox_can_be_repeated),
        cmocka_unit_test(agent_tells_its_version_and_that_it_serves),
        cmocka_unit_test(guest_details_are_those_of_the_machine),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
