/* SPDX-License-Identifier: Apache-2.0 */
/* Every operation of the agent, with every kernel call failing in every way: see harness/fault_sweep.h. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>

#include "agent/tests/support/expect.h"
#include "mocks/harness/fault_sweep.h"

#define STRING(s) ((char *)(uintptr_t)(s))

/* ---- common pieces ---- */

static void create_c1(struct rig *rig)
{
    EXPECT_OK(rig_create(rig, "c1", rig_spec(rig, "c1", NULL), &err));
}

static void start_c1(struct rig *rig)
{
    create_c1(rig);
    EXPECT_OK(rig_start(rig, "c1", &err));
}

static void remove_c1(struct rig *rig)
{
    EXPECT_OK(rig_remove(rig, "c1", &err));
}

static void c1_is_unknown(struct rig *rig)
{
    EXPECT_REFUSED(STATUS_INTERNAL, "Invalid container id", rig_remove(rig, "c1", &err));
}

static void c1_runs(struct rig *rig)
{
    if (sweep_errnum(rig, CALL_execveat)) /* then its exit code tells */
        assert_int_equal(rig_wait(rig, "c1", ""), sweep_errnum(rig, CALL_execveat));
    else
        EXPECT_OK(rig_signal(rig, "c1", "c1", 0, &err));
    EXPECT_REFUSED(STATUS_FAILED_PRECONDITION, "started before", rig_start(rig, "c1", &err));
}

/* ---- start, exec, signals, wait ---- */

static enum status_code start(struct rig *rig, struct error *err)
{
    return rig_start(rig, "c1", err);
}

static void create_with_hooks(struct rig *rig)
{
    struct oci_spec *spec = rig_spec(rig, "c1", NULL);

    rig_add_hook(rig, spec, "startContainer", "cat > /dev/null");
    rig_add_hook(rig, spec, "poststart", "cat > /dev/null");
    rig_add_hook(rig, spec, "poststop", "cat > /dev/null");
    EXPECT_OK(rig_create(rig, "c1", spec, &err));
}

static enum status_code execute(struct rig *rig, struct error *err)
{
    return rig_exec(rig, "c1", "e1", rig_spec(rig, "c1", "exit 5")->process, err);
}

static enum status_code execute_in_terminal(struct rig *rig, struct error *err)
{
    struct oci_process *process = rig_spec(rig, "c1", "exit 5")->process;

    process->terminal = true;
    return rig_exec(rig, "c1", "e1", process, err);
}

static void e1_exits(struct rig *rig)
{
    int errnum = sweep_errnum(rig, CALL_execveat), want = errnum ?: 5; /* an exec that fails is told by the exit code */

    int code = rig_wait(rig, "c1", "e1");
    if (code != want)
        fail_msg("e1 exited with %d instead of %d", code, want);
}

static void e1_is_unknown(struct rig *rig)
{
    EXPECT_REFUSED(STATUS_NOT_FOUND, "", rig_signal(rig, "c1", "e1", 0, &err));
}

static enum status_code kill_c1(struct rig *rig, struct error *err)
{
    return rig_signal(rig, "c1", "c1", SIGTERM, err);
}

static void c1_died(struct rig *rig)
{
    /* An init that cannot be looked at is taken for one that handles the signal: it got TERM, which the kernel drops. */
    if (sweep_errnum(rig, CALL_openat) || sweep_errnum(rig, CALL_read)) {
        c1_runs(rig);
        return;
    }
    assert_int_equal(rig_wait(rig, "c1", ""), 137);
}

static enum status_code wait_for_exit(struct rig *rig, struct error *err)
{
    Grpc__WaitProcessRequest request = GRPC__WAIT_PROCESS_REQUEST__INIT;
    Grpc__WaitProcessResponse *reply = NULL;

    request.container_id = STRING("c1");
    enum status_code status = rig_call(rig, "WaitProcess", &request, &reply, err);
    if (status == STATUS_OK)
        assert_int_equal(reply->status, 9);
    return status;
}

static void start_short(struct rig *rig)
{
    EXPECT_OK(rig_create(rig, "c1", rig_spec(rig, "c1", "sleep 0.005; exit 9"), &err));
    EXPECT_OK(rig_start(rig, "c1", &err));
}

/* ---- pause, resume, update, stats ---- */

#define CALL_ON_C1(name, method, Type, INIT)                                                                                   \
    static enum status_code name(struct rig *rig, struct error *err)                                                           \
    {                                                                                                                          \
        Type request = INIT;                                                                                                   \
                                                                                                                               \
        request.container_id = STRING("c1");                                                                                   \
        return rig_call(rig, method, &request, NULL, err);                                                                     \
    }

CALL_ON_C1(pause_c1, "PauseContainer", Grpc__PauseContainerRequest, GRPC__PAUSE_CONTAINER_REQUEST__INIT)
CALL_ON_C1(resume_c1, "ResumeContainer", Grpc__ResumeContainerRequest, GRPC__RESUME_CONTAINER_REQUEST__INIT)

/* The last answer of StatsContainer. */
static struct {
    uint8_t bytes[65536];
    size_t len;
} stats;

static enum status_code read_stats(struct rig *rig, struct error *err)
{
    Grpc__StatsContainerRequest request = GRPC__STATS_CONTAINER_REQUEST__INIT;
    Grpc__StatsContainerResponse *reply = NULL;

    request.container_id = STRING("c1");
    enum status_code status = rig_call(rig, "StatsContainer", &request, &reply, err);
    stats.len = 0;
    if (status == STATUS_OK) {
        assert_true(protobuf_c_message_get_packed_size(&reply->base) <= sizeof(stats.bytes));
        stats.len = protobuf_c_message_pack(&reply->base, stats.bytes);
    }
    return status;
}

/* Time stands still for the numbers: each answer is the same, but for a file that is not there. */
static void stats_are_complete(struct rig *rig)
{
    if (sweep_errnum(rig, CALL_openat) == ENODEV)
        return;
    const uint8_t *seen = arena_memdup(rig->arena, stats.bytes, stats.len);
    size_t len = stats.len;
    EXPECT_OK(read_stats(rig, &err));
    assert_int_equal(len, stats.len);
    assert_memory_equal(seen, stats.bytes, len);
}

static void stats_are_refused(struct rig *rig)
{
    const struct error *err = sweep_error(rig);

    if (sweep_errnum(rig, CALL_openat) || sweep_errnum(rig, CALL_read) || sweep_errnum(rig, CALL_getdents64))
        assert_non_null(strstr(err->text, "/sys/fs/cgroup/"));
}

static void resume(struct rig *rig)
{
    EXPECT_OK(resume_c1(rig, &err));
    c1_runs(rig);
}

static void pause_again(struct rig *rig)
{
    EXPECT_OK(pause_c1(rig, &err));
    resume(rig);
}

static void start_and_pause(struct rig *rig)
{
    start_c1(rig);
    EXPECT_OK(pause_c1(rig, &err));
}

static enum status_code update(struct rig *rig, struct error *err)
{
    Grpc__UpdateContainerRequest request = GRPC__UPDATE_CONTAINER_REQUEST__INIT;
    Grpc__LinuxResources resources = GRPC__LINUX_RESOURCES__INIT;
    Grpc__LinuxMemory memory = GRPC__LINUX_MEMORY__INIT;
    Grpc__LinuxPids pids = GRPC__LINUX_PIDS__INIT;

    memory.limit = 32 << 20;
    pids.limit = 10;
    resources.memory = &memory;
    resources.pids = &pids;
    request.container_id = STRING("c1");
    request.resources = &resources;
    return rig_call(rig, "UpdateContainer", &request, NULL, err);
}

static void update_again(struct rig *rig)
{
    EXPECT_OK(update(rig, &err));
}

/* ---- streams ---- */

static void start_cat(struct rig *rig)
{
    EXPECT_OK(rig_create(rig, "c1", rig_spec(rig, "c1", "cat"), &err));
    EXPECT_OK(rig_start(rig, "c1", &err));
}

static enum status_code write_and_read(struct rig *rig, struct error *err)
{
    Grpc__WriteStreamRequest write = GRPC__WRITE_STREAM_REQUEST__INIT;
    Grpc__ReadStreamRequest read = GRPC__READ_STREAM_REQUEST__INIT;
    Grpc__ReadStreamResponse *reply = NULL;

    write.container_id = read.container_id = STRING("c1");
    write.data.data = (uint8_t *)STRING("hello\n");
    write.data.len = 6;
    read.len = 100;
    enum status_code status = rig_call(rig, "WriteStdin", &write, NULL, err);
    if (status == STATUS_OK)
        status = rig_call(rig, "ReadStdout", &read, &reply, err);
    if (status == STATUS_OK && reply->data.len != 0)
        assert_memory_equal(reply->data.data, "hello\n", 6);
    return status;
}

static void start_terminal(struct rig *rig)
{
    struct oci_spec *spec = rig_spec(rig, "c1", NULL);

    spec->process->terminal = true;
    EXPECT_OK(rig_create(rig, "c1", spec, &err));
    EXPECT_OK(rig_start(rig, "c1", &err));
}

static enum status_code resize(struct rig *rig, struct error *err)
{
    Grpc__TtyWinResizeRequest request = GRPC__TTY_WIN_RESIZE_REQUEST__INIT;

    request.container_id = STRING("c1");
    request.row = 50;
    request.column = 100;
    return rig_call(rig, "TtyWinResize", &request, NULL, err);
}

static enum status_code close_input(struct rig *rig, struct error *err)
{
    Grpc__CloseStdinRequest request = GRPC__CLOSE_STDIN_REQUEST__INIT;

    request.container_id = STRING("c1");
    return rig_call(rig, "CloseStdin", &request, NULL, err);
}

static void c1_ends(struct rig *rig)
{
    assert_int_equal(rig_wait(rig, "c1", ""), 0);
}

/* ---- removal, sandbox, all of it ---- */

static enum status_code remove_it(struct rig *rig, struct error *err)
{
    return rig_remove(rig, "c1", err);
}

static enum status_code create_sandbox(struct rig *rig, struct error *err)
{
    Grpc__CreateSandboxRequest request = GRPC__CREATE_SANDBOX_REQUEST__INIT;

    request.sandbox_id = STRING("sandbox");
    request.hostname = STRING("other");
    return rig_call(rig, "CreateSandbox", &request, NULL, err);
}

/* A container that made groups in its own. */
static void start_and_make_groups(struct rig *rig)
{
    char path[128];

    start_c1(rig);
    snprintf(path, sizeof(path), "/sys/fs/cgroup%s/c1/sub", rig->cgroup);
    assert_int_equal(sys_mkdirat(AT_FDCWD, path, 0755), 0);
    strcat(path, "/deep");
    assert_int_equal(sys_mkdirat(AT_FDCWD, path, 0755), 0);
}

/* ---- the guest's resolv.conf ---- */

#define RESOLV_CONF "/etc/resolv.conf"

static void make_resolv_conf(struct rig *rig UNUSED)
{
    int fd = sys_openat(AT_FDCWD, RESOLV_CONF, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);

    assert_true(fd >= 0);
    sys_close(fd);
}

/* No call takes these back: the machine ends with the sandbox. */
static void remove_resolv_conf(struct rig *rig UNUSED)
{
    while (sys_umount2(RESOLV_CONF, MNT_DETACH) == 0)
        ;
    assert_int_equal(sys_unlinkat(AT_FDCWD, RESOLV_CONF, 0), 0);
    (void)sys_unlinkat(AT_FDCWD, "/test/run/sandbox/resolv.conf", 0);
    (void)sys_unlinkat(AT_FDCWD, "/test/run/sandbox", AT_REMOVEDIR);
}

static enum status_code create_sandbox_with_dns(struct rig *rig, struct error *err)
{
    Grpc__CreateSandboxRequest request = GRPC__CREATE_SANDBOX_REQUEST__INIT;
    char *lines[] = {STRING("nameserver 192.0.2.1"), STRING("search example.org")};

    request.sandbox_id = STRING("sandbox");
    request.dns = lines;
    request.n_dns = ARRAY_SIZE(lines);
    return rig_call(rig, "CreateSandbox", &request, NULL, err);
}

static void resolv_conf_is_there(struct rig *rig)
{
    char text[64] = "";

    if (sweep_errnum(rig, CALL_fstatat) == ENOENT) /* a guest without one has no use for it */
        return;
    int fd = sys_openat(AT_FDCWD, RESOLV_CONF, O_RDONLY | O_CLOEXEC, 0);

    assert_true(fd >= 0);
    assert_true(sys_read(fd, text, sizeof(text) - 1) > 0);
    sys_close(fd);
    assert_string_equal(text, "nameserver 192.0.2.1\nsearch example.org");
}

static const char *const hook_folders[] = {"/hooks", "/hooks/prestart", "/hooks/poststop"};
static const char *const hook_files[] = {"/hooks/prestart/b", "/hooks/prestart/a", "/hooks/poststop/c"};

static void make_hooks(struct rig *rig UNUSED)
{
    FOR_ROWS (folder, hook_folders)
        assert_int_equal(sys_mkdirat(AT_FDCWD, *folder, 0755), 0);
    FOR_ROWS (file, hook_files)
        assert_int_equal(sys_mknodat(AT_FDCWD, *file, S_IFREG | 0755, 0), 0);
}

static void remove_hooks(struct rig *rig UNUSED)
{
    FOR_ROWS (file, hook_files)
        assert_int_equal(sys_unlinkat(AT_FDCWD, *file, 0), 0);
    for (size_t i = ARRAY_SIZE(hook_folders); i > 0; i--)
        assert_int_equal(sys_unlinkat(AT_FDCWD, hook_folders[i - 1], AT_REMOVEDIR), 0);
}

static enum status_code create_sandbox_with_hooks(struct rig *rig, struct error *err)
{
    Grpc__CreateSandboxRequest request = GRPC__CREATE_SANDBOX_REQUEST__INIT;

    request.sandbox_id = STRING("sandbox");
    request.guest_hook_path = STRING("/hooks");
    return rig_call(rig, "CreateSandbox", &request, NULL, err);
}

static enum status_code remove_stale_shares(struct rig *rig, struct error *err)
{
    Grpc__RemoveStaleVirtiofsShareMountsRequest request = GRPC__REMOVE_STALE_VIRTIOFS_SHARE_MOUNTS_REQUEST__INIT;

    return rig_call(rig, "RemoveStaleVirtiofsShareMounts", &request, NULL, err);
}

/* ---- the guest, out of memory ---- */

static enum status_code ask_details(struct rig *rig, struct error *err)
{
    Grpc__GuestDetailsRequest request = GRPC__GUEST_DETAILS_REQUEST__INIT;

    request.mem_block_size = true;
    request.mem_hotplug_probe = true;
    return rig_call(rig, "GetGuestDetails", &request, NULL, err);
}

static void create_greedy(struct rig *rig)
{
    struct oci_spec *spec = rig_spec(rig, "c1", "eat 67108864");

    spec->linux_->resources->memory = arena_alloc(rig->arena, sizeof(*spec->linux_->resources->memory));
    spec->linux_->resources->memory->limit = (struct opt_i64){true, 32 << 20};
    EXPECT_OK(rig_create(rig, "c1", spec, &err));
}

/* An event that gets lost is no answer. */
static enum status_code start_and_run_out(struct rig *rig, struct error *err)
{
    Grpc__GetOOMEventRequest request = GRPC__GET_OOMEVENT_REQUEST__INIT;
    ProtobufCMessage *reply = NULL;

    enum status_code status = rig_start(rig, "c1", err);
    if (status == STATUS_OK)
        status = rig_call_service(rig, "grpc.AgentService", "GetOOMEvent", &request.base, 1000, &reply, err);
    if (status == STATUS_OK)
        assert_string_equal(((Grpc__OOMEvent *)(void *)reply)->container_id, "c1");
    return status;
}

static enum status_code live(struct rig *rig, struct error *err)
{
    enum status_code status = rig_create(rig, "c1", rig_spec(rig, "c1", "echo hello; exit 4"), err);

    if (status == STATUS_OK)
        status = rig_start(rig, "c1", err);
    if (status == STATUS_OK) {
        Grpc__WaitProcessRequest request = GRPC__WAIT_PROCESS_REQUEST__INIT;
        Grpc__WaitProcessResponse *reply = NULL;
        request.container_id = STRING("c1");
        status = rig_call(rig, "WaitProcess", &request, &reply, err);
        if (status == STATUS_OK)
            assert_int_equal(reply->status, sweep_errnum(rig, CALL_execveat) ?: 4);
    }
    if (status == STATUS_OK)
        status = rig_remove(rig, "c1", err);
    return status;
}

#define V1                                                                                                                     \
    {                                                                                                                          \
        .seed = 1, .cgroups = WORLD_CGROUP_V1                                                                                  \
    }
#define V2                                                                                                                     \
    {                                                                                                                          \
        .seed = 1                                                                                                              \
    }

static const struct sweep sweeps[] = {
    {"start", V2, create_c1, start, .done = c1_runs, .clean = remove_c1},
    {"start-v1", V1, create_c1, start, .done = c1_runs, .clean = remove_c1},
    {"start-hook", V2, create_with_hooks, start, .done = c1_runs, .clean = remove_c1},
    {"oom", V2, create_greedy, start_and_run_out, .clean = remove_c1},
    {"oom-v1", V1, create_greedy, start_and_run_out, .clean = remove_c1},
    {"exec", V2, start_c1, execute, .done = e1_exits, .undone = e1_is_unknown, .clean = remove_c1},
    {"exec-v1", V1, start_c1, execute, .done = e1_exits, .undone = e1_is_unknown, .clean = remove_c1},
    {"exec-terminal", V2, start_c1, execute_in_terminal, .done = e1_exits, .undone = e1_is_unknown, .clean = remove_c1},
    {"signal", V2, start_c1, kill_c1, .done = c1_died, .undone = c1_runs, .clean = remove_c1},
    {"wait", V2, start_short, wait_for_exit, .clean = remove_c1},
    {"pause", V2, start_c1, pause_c1, .done = resume, .undone = pause_again, .clean = remove_c1},
    {"pause-v1", V1, start_c1, pause_c1, .done = resume, .undone = pause_again, .clean = remove_c1},
    {"resume", V2, start_and_pause, resume_c1, .done = c1_runs, .undone = resume, .clean = remove_c1},
    {"update", V2, start_c1, update, .done = update_again, .undone = update_again, .clean = remove_c1},
    {"update-v1", V1, start_c1, update, .done = update_again, .undone = update_again, .clean = remove_c1},
    {"stats", V2, start_c1, read_stats, .done = stats_are_complete, .undone = stats_are_refused, .clean = remove_c1},
    {"stats-v1", V1, start_c1, read_stats, .done = stats_are_complete, .undone = stats_are_refused, .clean = remove_c1},
    {"streams", V2, start_cat, write_and_read, .done = c1_runs, .undone = c1_runs, .clean = remove_c1},
    {"close-input", V2, start_cat, close_input, .done = c1_ends, .clean = remove_c1},
    {"resize", V2, start_terminal, resize, .done = c1_runs, .undone = c1_runs, .clean = remove_c1},
    {"remove", V2, start_c1, remove_it, .done = c1_is_unknown, .undone = remove_c1, .lost = sweep_remove_c1,
     .retry = sweep_live},
    {"remove-v1", V1, start_c1, remove_it, .done = c1_is_unknown, .undone = remove_c1, .lost = sweep_remove_c1,
     .retry = sweep_live},
    {"remove-hook", V2, create_with_hooks, remove_it, .done = c1_is_unknown, .undone = remove_c1, .lost = sweep_remove_c1,
     .retry = sweep_live},
    {"remove-groups", V2, start_and_make_groups, remove_it, .done = c1_is_unknown, .undone = remove_c1, .lost = sweep_remove_c1,
     .retry = sweep_live},
    {"stale-shares", V2, .act = remove_stale_shares},
    {"details", V2, .act = ask_details},
    {"sandbox-dns", V2, make_resolv_conf, create_sandbox_with_dns, .done = resolv_conf_is_there, .clean = remove_resolv_conf},
    {"sandbox-hooks", V2, make_hooks, create_sandbox_with_hooks, .clean = remove_hooks},
    {"sandbox", V2, .act = create_sandbox},
    {"life", V2, .act = live, .done = c1_is_unknown, .undone = sweep_remove_c1, .lost = sweep_remove_c1, .retry = sweep_live},
};

int main(int argc, char **argv)
{
    return fault_sweep_main(sweeps, ARRAY_SIZE(sweeps), argc, argv);
}
