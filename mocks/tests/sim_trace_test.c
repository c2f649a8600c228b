/* SPDX-License-Identifier: Apache-2.0 */
/* Golden traces: what the main flows ask of the kernel, call by call, in fixtures/traces/. A change of the agent shows there in
 * the review; `make traces` writes them anew. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/tests/support/expect.h"
#include "agent/tests/support/request.h"
#include "mocks/harness/sim_agent.h"

#define TRACE_MAX (16 * 1024 * 1024)
#define DIRECTORY "fixtures/traces"
#define STRING(s) ((char *)(uintptr_t)(s))

/* ---- flows ---- */

static void create(struct rig *rig)
{
    EXPECT_OK(rig_create(rig, "c1", rig_spec(rig, "c1", "cat"), &err));
}

static void start(struct rig *rig)
{
    EXPECT_OK(rig_start(rig, "c1", &err));
}

static void create_and_start(struct rig *rig)
{
    create(rig);
    start(rig);
}

static void execute(struct rig *rig)
{
    EXPECT_OK(rig_exec(rig, "c1", "e1", rig_spec(rig, "c1", "exit 5")->process, &err));
    assert_int_equal(rig_wait(rig, "c1", "e1"), 5);
}

static void remove_it(struct rig *rig)
{
    EXPECT_OK(rig_remove(rig, "c1", &err));
}

static void destroy(struct rig *rig)
{
    Grpc__DestroySandboxRequest request = GRPC__DESTROY_SANDBOX_REQUEST__INIT;

    sim_client_of(rig)->guest->stopped = true;
    rig_ok(rig, "DestroySandbox", &request.base, NULL);
}

static void create_rich(struct rig *rig)
{
    static const struct oci_pair sysctl = {STRING("net.ipv4.ip_forward"), STRING("1")};
    static const struct oci_device device = {.path = STRING("/dev/made/null"), .type = 'c', .major = 1, .minor = 3, .uid = 7};
    struct oci_spec *spec = rig_spec(rig, "c1", NULL);
    struct oci_mount *bind = &spec->mounts[spec->n_mounts++], *copied = &spec->mounts[spec->n_mounts++];

    *bind = (struct oci_mount){.destination = STRING("/data/sub"), .source = STRING("/test"), .type = STRING("bind")};
    strlist_add(rig->arena, &bind->options, "rbind");
    strlist_add(rig->arena, &bind->options, "rro");
    strlist_add(rig->arena, &bind->options, "rshared");
    *copied = (struct oci_mount){.destination = STRING("/etc"), .source = STRING("tmpfs"), .type = STRING("tmpfs")};
    strlist_add(rig->arena, &copied->options, "tmpcopyup");
    spec->linux_->sysctl = (struct oci_map){.n = 1, .items = arena_memdup(rig->arena, &sysctl, sizeof(sysctl))};
    spec->linux_->devices = arena_memdup(rig->arena, &device, sizeof(device));
    spec->linux_->n_devices = 1;
    spec->linux_->rootfs_propagation = STRING("shared");
    spec->hostname = STRING("rich");
    spec->root->readonly = true;
    spec->process->cwd = STRING("/srv/here");
    spec->process->terminal = true;
    spec->process->user = (struct oci_user){.uid = 1000, .gid = 1000};
    EXPECT_OK(rig_create(rig, "c1", spec, &err));
}

static void create_in_user_namespace(struct rig *rig)
{
    static const struct oci_id_mapping mapping = {.container_id = 0, .host_id = 100000, .size = 65536};
    struct oci_spec *spec = rig_spec(rig, "c1", NULL);
    struct oci_linux *linux_ = spec->linux_;

    linux_->namespaces[linux_->n_namespaces - 1].type = OCI_NS_USER; /* instead of a network of its own */
    linux_->uid_mappings = linux_->gid_mappings = arena_memdup(rig->arena, &mapping, sizeof(mapping));
    linux_->n_uid_mappings = linux_->n_gid_mappings = 1;
    EXPECT_OK(rig_create(rig, "c1", spec, &err));
}

/* What is done to a container that runs. */
static void manage(struct rig *rig)
{
    static const char *const before[] = {"PauseContainer", "StatsContainer", "ResumeContainer"};
    Grpc__UpdateContainerRequest *update = (void *)request_for(rig, "UpdateContainer", "c1", NULL);
    Grpc__LinuxResources resources = GRPC__LINUX_RESOURCES__INIT;
    Grpc__LinuxMemory memory = GRPC__LINUX_MEMORY__INIT;
    Grpc__LinuxPids pids = GRPC__LINUX_PIDS__INIT;

    FOR_ROWS (method, before)
        rig_ok(rig, *method, request_for(rig, *method, "c1", NULL), NULL);
    memory.limit = 32 << 20;
    pids.limit = 10;
    resources.memory = &memory;
    resources.pids = &pids;
    update->resources = &resources;
    rig_ok(rig, "UpdateContainer", &update->base, NULL);
    EXPECT_OK(rig_signal(rig, "c1", "c1", SIGTERM, &err));
}

static void nothing(struct rig *rig UNUSED)
{
}

#define V1 .cgroups = WORLD_CGROUP_V1

static const struct flow {
    const char *name;
    struct sim_setup setup;
    void (*before)(struct rig *rig); /* NULL: the trace begins with the boot */
    void (*flow)(struct rig *rig);
} flows[] = {
    {"boot-process", {.seed = 1}, NULL, nothing},
    {"boot-init", {.seed = 1, .as_init = true}, NULL, nothing},
    {"boot-init-v1", {.seed = 1, .as_init = true, V1}, NULL, nothing},
    {"create-v2", {.seed = 1}, rig_create_sandbox, create},
    {"create-v1", {.seed = 1, V1}, rig_create_sandbox, create},
    {"create-initramfs", {.seed = 1, .initramfs = true}, rig_create_sandbox, create},
    {"create-rich", {.seed = 1}, rig_create_sandbox, create_rich},
    {"create-user", {.seed = 1}, rig_create_sandbox, create_in_user_namespace},
    {"start", {.seed = 1}, create, start},
    {"exec", {.seed = 1}, create_and_start, execute},
    {"manage-v2", {.seed = 1}, create_and_start, manage},
    {"manage-v1", {.seed = 1, V1}, create_and_start, manage},
    {"remove-v2", {.seed = 1}, create_and_start, remove_it},
    {"remove-v1", {.seed = 1, V1}, create_and_start, remove_it},
    {"destroy-sandbox", {.seed = 1, .as_init = true}, create_and_start, destroy},
};

/* ---- comparing ---- */

/* What the clock says depends on every call before: one more anywhere would change lines everywhere. */
static struct buf without_times(struct buf *trace)
{
    struct buf text = BUF_INIT(TRACE_MAX);
    char *rest = trace->data;

    for (char *line; (line = strsep(&rest, "\n")) && *line;) {
        char *time = strstr(line, "_ns() = ");
        int len = time ? (int)(time + strlen("_ns() = ") - line) : (int)strlen(line);
        assert_int_equal(buf_printf(&text, "%.*s%s\n", len, line, time ? "..." : ""), 0);
    }
    buf_done(trace);
    return text;
}

static struct buf trace_of(const struct flow *flow)
{
    struct buf trace = BUF_INIT(TRACE_MAX);
    struct sim_setup setup = flow->setup;

    setup.trace = flow->before ? NULL : &trace;
    struct sim_agent *guest = sim_agent_boot(&setup);
    if (flow->before)
        sim_agent_tell(guest, flow->before);
    sim_set_trace(guest->sim, &trace);
    sim_agent_tell(guest, flow->flow);
    sim_set_trace(guest->sim, NULL);
    (void)sim_agent_stop(guest);
    sim_agent_free(guest);
    return without_times(&trace);
}

static void write_trace(const char *path, const struct buf *trace)
{
    FILE *file = fopen(path, "we");

    assert_non_null(file);
    assert_int_equal(fwrite(trace->data, 1, trace->len, file), trace->len);
    fclose(file);
}

static struct buf read_trace(const char *path)
{
    struct buf text = BUF_INIT(TRACE_MAX);
    char chunk[65536];
    FILE *file = fopen(path, "re");

    if (!file)
        fail_msg("%s is missing: make traces", path);
    for (size_t n; (n = fread(chunk, 1, sizeof(chunk), file)) > 0;)
        assert_int_equal(buf_append(&text, chunk, n), 0);
    fclose(file);
    return text;
}

static void trace_is_the_golden_one(void **state)
{
    const struct flow *flow = *state;
    char path[128];

    snprintf(path, sizeof(path), DIRECTORY "/%s.txt", flow->name);
    struct buf now = trace_of(flow);
    assert_true(now.len > 0);
    if (getenv("TATAMI_UPDATE_TRACES")) {
        write_trace(path, &now);
    } else {
        struct buf golden = read_trace(path);
        sim_expect_same(&golden, &now, path);
        buf_done(&golden);
    }
    buf_done(&now);
}

int main(void)
{
    struct CMUnitTest tests[ARRAY_SIZE(flows)];

    for (size_t i = 0; i < ARRAY_SIZE(flows); i++)
        tests[i] = (struct CMUnitTest){
            .name = flows[i].name, .test_func = trace_is_the_golden_one, .initial_state = (void *)(uintptr_t)&flows[i]};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
