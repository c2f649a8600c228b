/* SPDX-License-Identifier: Apache-2.0 */
/* Memory of the agent: what is done over and over again does not make it grow. */
#include "agent/tests/support/expect.h"
#include "agent/tests/support/heap.h"
#include "agent/tests/support/request.h"
#include "mocks/harness/sim_agent.h"

#define STRING(s) ((char *)(uintptr_t)(s))
#define WARM 20
#define TIMES 100

#define CALL_ON_C1(name, method, Type, INIT)                                                                                   \
    static void name(struct rig *rig)                                                                                          \
    {                                                                                                                          \
        Type request = INIT;                                                                                                   \
                                                                                                                               \
        request.container_id = STRING("c1");                                                                                   \
        rig_ok(rig, method, &request.base, NULL);                                                                              \
    }

CALL_ON_C1(pause_c1, "PauseContainer", Grpc__PauseContainerRequest, GRPC__PAUSE_CONTAINER_REQUEST__INIT)
CALL_ON_C1(resume_c1, "ResumeContainer", Grpc__ResumeContainerRequest, GRPC__RESUME_CONTAINER_REQUEST__INIT)
CALL_ON_C1(read_stats, "StatsContainer", Grpc__StatsContainerRequest, GRPC__STATS_CONTAINER_REQUEST__INIT)

static void live(struct rig *rig)
{
    assert_int_equal(rig_run_container(rig, "c2", rig_spec(rig, "c2", "exit 3"), NULL, NULL), 3);
}

static void live_on_a_terminal(struct rig *rig)
{
    struct oci_spec *spec = rig_spec(rig, "c2", "exit 3");

    spec->process->terminal = true;
    assert_int_equal(rig_run_container(rig, "c2", spec, NULL, NULL), 3);
}

static void be_created_and_removed(struct rig *rig)
{
    EXPECT_OK(rig_create(rig, "c2", rig_spec(rig, "c2", NULL), &err));
    EXPECT_OK(rig_remove(rig, "c2", &err));
}

static void fail_to_create(struct rig *rig)
{
    struct oci_spec *spec = rig_spec(rig, "c2", NULL);

    spec->mounts[1].type = STRING("nosuchfs");
    EXPECT_REFUSED(STATUS_INTERNAL, "nosuchfs", rig_create(rig, "c2", spec, &err));
    EXPECT_REFUSED(STATUS_INTERNAL, "exists already", rig_create(rig, "c1", spec, &err));
}

/* More profiles than are remembered. */
static void be_filtered(struct rig *rig)
{
    static const char *const calls[] = {"reboot", "swapon", "swapoff", "acct", "ptrace", "kexec_load"};

    FOR_ROWS (call, calls) {
        struct oci_spec *spec = rig_spec(rig, "c2", NULL);
        struct oci_seccomp *seccomp = spec->linux_->seccomp = arena_alloc(rig->arena, sizeof(*seccomp));
        seccomp->default_action = STRING("SCMP_ACT_ALLOW");
        seccomp->rules = arena_calloc(rig->arena, 1, sizeof(*seccomp->rules));
        seccomp->n_rules = 1;
        seccomp->rules[0].action = STRING("SCMP_ACT_ERRNO");
        assert_int_equal(strlist_add(rig->arena, &seccomp->rules[0].names, *call), 0);
        EXPECT_OK(rig_create(rig, "c2", spec, &err));
        EXPECT_OK(rig_remove(rig, "c2", &err));
    }
}

static void execute(struct rig *rig)
{
    expect_exec_output(rig, "c1", rig_spec(rig, "c1", "echo hello")->process, "hello\n");
}

static void fail_to_execute(struct rig *rig)
{
    struct oci_process *process = rig_spec(rig, "c1", NULL)->process;

    EXPECT_REFUSED(STATUS_INTERNAL, "exists", rig_exec(rig, "c1", "c1", process, &err));
    process->cwd = STRING("/nowhere");
    EXPECT_REFUSED(STATUS_INTERNAL, "/nowhere", rig_exec(rig, "c1", "e1", process, &err));
}

static void pause_and_resume(struct rig *rig)
{
    pause_c1(rig);
    resume_c1(rig);
}

static void update(struct rig *rig)
{
    Grpc__UpdateContainerRequest request = GRPC__UPDATE_CONTAINER_REQUEST__INIT;
    Grpc__LinuxResources resources = GRPC__LINUX_RESOURCES__INIT;
    Grpc__LinuxPids pids = GRPC__LINUX_PIDS__INIT;

    pids.limit = 10;
    resources.pids = &pids;
    request.container_id = STRING("c1");
    request.resources = &resources;
    rig_ok(rig, "UpdateContainer", &request.base, NULL);
}

static void stream(struct rig *rig)
{
    Grpc__WriteStreamRequest *write = (void *)request_for(rig, "WriteStdin", "c1", "e1");

    EXPECT_OK(rig_exec(rig, "c1", "e1", rig_spec(rig, "c1", "cat; cat >&2; exit 4")->process, &err));
    write->data = (ProtobufCBinaryData){.data = (uint8_t *)STRING("hello"), .len = 5};
    rig_ok(rig, "WriteStdin", &write->base, NULL);
    rig_ok(rig, "CloseStdin", request_for(rig, "CloseStdin", "c1", "e1"), NULL);
    assert_string_equal(rig_read_all(rig, "c1", "e1", false), "hello");
    assert_string_equal(rig_read_all(rig, "c1", "e1", true), "");
    (void)rig_signal(rig, "c1", "e1", 15, NULL);
    assert_int_equal(rig_wait(rig, "c1", "e1"), 4);
}

static const struct {
    const char *label;
    void (*story)(struct rig *rig);
    enum world_cgroups cgroups;
} rows[] = {
    {"life of a container", live, WORLD_CGROUP_V2},
    {"life of a container, v1", live, WORLD_CGROUP_V1},
    {"life of a container, hybrid", live, WORLD_CGROUP_HYBRID},
    {"life on a terminal", live_on_a_terminal, WORLD_CGROUP_V2},
    {"creation and removal", be_created_and_removed, WORLD_CGROUP_V2},
    {"filters", be_filtered, WORLD_CGROUP_V2},
    {"failed creation", fail_to_create, WORLD_CGROUP_V2},
    {"failed creation, v1", fail_to_create, WORLD_CGROUP_V1},
    {"exec", execute, WORLD_CGROUP_V2},
    {"failed exec", fail_to_execute, WORLD_CGROUP_V2},
    {"streams of an exec", stream, WORLD_CGROUP_V2},
    {"pause and resume", pause_and_resume, WORLD_CGROUP_V2},
    {"pause and resume, v1", pause_and_resume, WORLD_CGROUP_V1},
    {"statistics", read_stats, WORLD_CGROUP_V2},
    {"statistics, v1", read_stats, WORLD_CGROUP_V1},
    {"update", update, WORLD_CGROUP_V2},
    {"update, v1", update, WORLD_CGROUP_V1},
    {"sandbox", rig_create_sandbox, WORLD_CGROUP_V2},
    {"new connection", sim_reconnect, WORLD_CGROUP_V2},
};

static void run_c1(struct rig *rig)
{
    rig_create_sandbox(rig);
    expect_running(rig, "c1", rig_spec(rig, "c1", NULL));
}

/* Each time in an arena of its own: the client's memory is not the agent's. */
static void repeat(struct sim_agent *guest, void (*story)(struct rig *rig), int times)
{
    for (int i = 0; i < times; i++) {
        sim_agent_tell(guest, story);
        arena_reset(guest->clients[0].rig.arena);
    }
}

static void repetition_does_not_make_the_agent_grow(void **state UNUSED)
{
    FOR_ROWS (row, rows) {
        struct sim_agent *guest = sim_agent_boot(&(struct sim_setup){.seed = 1, .cgroups = row->cgroups});

        guest->agent->observed = false; /* the record of its calls grows */
        sim_agent_tell(guest, run_c1);
        repeat(guest, row->story, WARM);
        size_t before = heap_in_use();
        repeat(guest, row->story, TIMES);
        size_t after = heap_in_use();
        if (after > before + HEAP_NOISE(TIMES))
            fail_msg("%s: %zd bytes more after %d times", row->label, (ssize_t)(after - before), TIMES);
        (void)sim_agent_stop(guest);
        sim_agent_free(guest);
    }
}

static void live_and_end(const struct sim_setup *setup)
{
    struct sim_agent *guest = sim_agent_boot(setup);

    sim_agent_tell(guest, run_c1);
    assert_int_equal(sim_agent_stop(guest), 0);
    sim_agent_free(guest);
}

static void agent_that_ended_has_freed_everything(void **state UNUSED)
{
    static const struct sim_setup setups[] = {{.seed = 1}, {.seed = 1, .as_init = true}};

    FOR_ROWS (setup, setups) {
        for (int i = 0; i < WARM; i++)
            live_and_end(setup);
        size_t before = heap_in_use();
        for (int i = 0; i < WARM; i++)
            live_and_end(setup);
        assert_true(heap_in_use() <= before + HEAP_NOISE(WARM));
    }
}

int main(int argc UNUSED, char **argv)
{
    heap_without_caches(argv);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(repetition_does_not_make_the_agent_grow),
        cmocka_unit_test(agent_that_ended_has_freed_everything),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
