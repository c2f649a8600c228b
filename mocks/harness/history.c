/* SPDX-License-Identifier: Apache-2.0 */
#include "mocks/harness/history.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/tests/support/expect.h"
#include "mocks/harness/errno_table.h"
#include "mocks/harness/model.h"
#include "mocks/harness/rewind.h"
#include "mocks/harness/sim_agent.h"

#define CONTAINERS 3
#define CLIENTS_MAX 3
#define STEPS_MAX 12
#define GIVEN_STEPS_MAX 8 /* of all clients: more histories are better than longer ones */
#define LOG_MAX 65536
#define DEADLINE_MS 60000
#define STRING(s) ((char *)(uintptr_t)(s))

struct history {
    uint64_t random;
    bool is_given;              /* the choices are... */
    const uint8_t *given, *end; /* ...these, and 0 after them */
    unsigned int n_steps;
    struct sim_agent *guest;
    struct errno_table errnos;
    unsigned int one_fault_in; /* calls; 0: none fails */
    size_t n_faults;
    struct model_container containers[CONTAINERS];
    bool used[CONTAINERS];
    struct buf before; /* snapshot */
    struct buf log;    /* what was asked and answered, for the report of a failure */
};

/* splitmix64 */
static uint64_t next_random(struct history *history)
{
    uint64_t z = history->random += 0x9e3779b97f4a7c15ULL;

    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
    return z ^ (z >> 31);
}

static unsigned int chance(struct history *history, unsigned int n)
{
    return (unsigned int)(next_random(history) % n);
}

/* A choice of the clients. */
static unsigned int pick(struct history *history, unsigned int n)
{
    if (!history->is_given)
        return chance(history, n);
    return history->given < history->end ? *history->given++ % n : 0;
}

static struct history *history_of(struct rig *rig)
{
    return sim_client_of(rig)->guest->context;
}

/* ---- operations ---- */

static enum status_code call_on(struct rig *rig, const char *method, const ProtobufCMessage *request, struct error *err)
{
    return rig_call_service(rig, "grpc.AgentService", method, request, DEADLINE_MS, NULL, err);
}

static enum status_code do_create(struct rig *rig, const char *id, struct error *err)
{
    struct history *history = history_of(rig);
    struct oci_spec *spec = rig_spec(rig, id, NULL);
    unsigned int kind = pick(history, 4);

    if (kind == 0)
        spec->process->terminal = true;
    return rig_create(rig, id, spec, err);
}

static enum status_code do_start(struct rig *rig, const char *id, struct error *err)
{
    return rig_start(rig, id, err);
}

static enum status_code do_exec(struct rig *rig, const char *id, struct error *err)
{
    const char *exec_id = arena_printf(rig->arena, "e%llu", (unsigned long long)next_random(history_of(rig)));

    return rig_exec(rig, id, exec_id, rig_spec(rig, id, "echo hello; exit 5")->process, err);
}

static enum status_code do_kill(struct rig *rig, const char *id, struct error *err)
{
    return rig_signal(rig, id, id, SIGKILL, err);
}

static enum status_code do_probe(struct rig *rig, const char *id, struct error *err)
{
    return rig_signal(rig, id, id, 0, err);
}

static enum status_code do_remove(struct rig *rig, const char *id, struct error *err)
{
    return rig_remove(rig, id, err);
}

#define OPERATION(name, method, Type, INIT)                                                                                    \
    static enum status_code name(struct rig *rig, const char *id, struct error *err)                                           \
    {                                                                                                                          \
        Type request = INIT;                                                                                                   \
                                                                                                                               \
        request.container_id = STRING(id);                                                                                     \
        return call_on(rig, method, &request.base, err);                                                                       \
    }

OPERATION(do_wait, "WaitProcess", Grpc__WaitProcessRequest, GRPC__WAIT_PROCESS_REQUEST__INIT)
OPERATION(do_pause, "PauseContainer", Grpc__PauseContainerRequest, GRPC__PAUSE_CONTAINER_REQUEST__INIT)
OPERATION(do_resume, "ResumeContainer", Grpc__ResumeContainerRequest, GRPC__RESUME_CONTAINER_REQUEST__INIT)
OPERATION(do_stats, "StatsContainer", Grpc__StatsContainerRequest, GRPC__STATS_CONTAINER_REQUEST__INIT)

static enum status_code do_update(struct rig *rig, const char *id, struct error *err)
{
    Grpc__UpdateContainerRequest request = GRPC__UPDATE_CONTAINER_REQUEST__INIT;
    Grpc__LinuxResources resources = GRPC__LINUX_RESOURCES__INIT;
    Grpc__LinuxPids pids = GRPC__LINUX_PIDS__INIT;

    pids.limit = 20 + pick(history_of(rig), 20);
    resources.pids = &pids;
    request.container_id = STRING(id);
    request.resources = &resources;
    return call_on(rig, "UpdateContainer", &request.base, err);
}

static enum status_code (*const operations[])(struct rig *rig, const char *id, struct error *err) = {
    [MODEL_CREATE] = do_create, [MODEL_START] = do_start, [MODEL_EXEC] = do_exec,     [MODEL_KILL] = do_kill,
    [MODEL_PROBE] = do_probe,   [MODEL_WAIT] = do_wait,   [MODEL_PAUSE] = do_pause,   [MODEL_RESUME] = do_resume,
    [MODEL_UPDATE] = do_update, [MODEL_STATS] = do_stats, [MODEL_REMOVE] = do_remove,
};

static const char *id_of(struct rig *rig, unsigned int place)
{
    return arena_printf(rig->arena, "c%u", place + 1);
}

static void note(struct rig *rig, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void note(struct rig *rig, const char *fmt, ...)
{
    struct history *history = history_of(rig);
    char line[256];
    va_list args;

    va_start(args, fmt);
    vsnprintf(line, sizeof(line), fmt, args);
    va_end(args);
    (void)buf_printf(&history->log, "  client %d: %s\n", sim_client_of(rig)->number, line);
}

/* The log is too long for a message of the test library. */
static void give_up(const struct history *history, const char *what)
{
    fputs(history->log.data, stderr);
    fail_msg("%s", what);
}

static void operate(struct rig *rig, enum model_operation operation, unsigned int place)
{
    struct history *history = history_of(rig);
    struct model_container *container = &history->containers[place];
    struct error err = {.errnum = 0};
    const char *was = model_state_name(container->state), *id = id_of(rig, place);
    size_t n_faults = history->n_faults;

    history->used[place] = true;
    model_begin(container);
    enum status_code status = operations[operation](rig, id, &err);
    note(rig, "%s %s (%s%s): %s %s", model_operation_name(operation), id, was, container->dead ? ", dead" : "",
         status_name(status), status == STATUS_OK ? "" : err.text);
    bool unsure = history->n_faults > n_faults || status == STATUS_UNAVAILABLE || status == STATUS_DEADLINE_EXCEEDED;
    if (!model_end(container, operation, status, unsure || (history->n_faults > 0 && status != STATUS_OK)))
        give_up(history, "the last answer is wrong");
    if (status == STATUS_UNAVAILABLE)
        sim_reconnect(rig);
}

/* ---- steps ---- */

static void abandoned_start(void *arg)
{
    struct rig *rig = arg;
    struct error err;

    (void)rig_start(rig, "c1", &err);
}

/* Breaks the connection under a call. */
static void disconnect(struct rig *rig)
{
    struct history *history = history_of(rig);

    note(rig, "start c1, and break the connection");
    history->used[0] = true;
    history->containers[0].state = MODEL_UNKNOWN;
    history->containers[0].disturbed = history->containers[0].busy;
    if (fiber_start(rig->loop, "abandoned", abandoned_start, rig, NULL) == 0)
        (void)fiber_yield(rig->loop);
    sim_pause(rig, pick(history, 100) * 1000);
    history->containers[0].state = MODEL_UNKNOWN;
    sim_reconnect(rig);
    sim_pause(rig, NSEC_PER_MSEC);
    history->containers[0].state = MODEL_UNKNOWN;
}

/* Operations that lead somewhere come more often. */
static enum model_operation pick_operation(struct history *history)
{
    static const enum model_operation weighted[] = {
        MODEL_CREATE, MODEL_CREATE, MODEL_CREATE, MODEL_START, MODEL_START,  MODEL_START,  MODEL_EXEC,
        MODEL_EXEC,   MODEL_KILL,   MODEL_PROBE,  MODEL_WAIT,  MODEL_WAIT,   MODEL_PAUSE,  MODEL_PAUSE,
        MODEL_RESUME, MODEL_RESUME, MODEL_UPDATE, MODEL_STATS, MODEL_REMOVE, MODEL_REMOVE,
    };

    return weighted[pick(history, ARRAY_SIZE(weighted))];
}

static void step(struct rig *rig)
{
    struct history *history = history_of(rig);
    enum model_operation operation = pick_operation(history);
    unsigned int place = pick(history, CONTAINERS);

    if (pick(history, 30) == 0)
        disconnect(rig);
    else if (!model_would_wait(&history->containers[place], operation) && history->containers[place].state != MODEL_UNKNOWN)
        operate(rig, operation, place);
    else if (operation != MODEL_WAIT)
        operate(rig, operation, place);
    if (pick(history, 4) == 0)
        sim_pause(rig, pick(history, 1000) * 1000);
}

/* What is given ends with its last byte. */
static bool goes_on(struct history *history)
{
    return !history->is_given || (history->given < history->end && history->n_steps++ < GIVEN_STEPS_MAX);
}

static void client_story(struct rig *rig)
{
    unsigned int n = 3 + pick(history_of(rig), STEPS_MAX);

    for (unsigned int i = 0; i < n && goes_on(history_of(rig)); i++)
        step(rig);
}

/* ---- faults ---- */

static void maybe_fail(void *arg, uint64_t n)
{
    struct history *history = arg;
    struct sim_call call;

    if (history->one_fault_in == 0 || chance(history, history->one_fault_in) != 0)
        return;
    if (!sim_call_at(history->guest->sim, n, &call) || history->errnos.calls[call.call].n == 0)
        return;
    /* A second fault that hits the inverse of what failed before leaves something. The fault sweep looks at those alone. */
    if (call.call == CALL_unlinkat && history->n_faults > 0)
        return;
    int errnum = history->errnos.calls[call.call].errnums[chance(history, (unsigned int)history->errnos.calls[call.call].n)];
    history->n_faults++;
    (void)buf_printf(&history->log, "  fault: call %llu, %s by pid %d: %s\n", (unsigned long long)n, sys_call_name(call.call),
                     call.task_pid, strerrorname_np(errnum));
    sim_set_fault(history->guest->sim, &(struct sim_fault){.at = n, .errnum = errnum});
}

/* ---- the end ---- */

static void remove_all(struct rig *rig)
{
    struct error err;

    sim_reconnect(rig);
    for (unsigned int i = 0; i < CONTAINERS; i++)
        (void)rig_remove(rig, id_of(rig, i), &err);
}

static void use(struct rig *rig, const char *id)
{
    assert_int_equal(rig_run_container(rig, id, rig_spec(rig, id, "exit 0"), NULL, NULL), 0);
}

/* An inverse that failed may have left something: the next container of that name takes it along. */
static void use_again(struct rig *rig)
{
    for (unsigned int i = 0; i < CONTAINERS; i++) {
        if (history_of(rig)->used[i])
            use(rig, id_of(rig, i));
    }
}

static void use_all(struct rig *rig)
{
    for (unsigned int i = 0; i < CONTAINERS; i++)
        use(rig, id_of(rig, i));
}

static void reconnect(struct rig *rig)
{
    sim_reconnect(rig);
}

static void expect_order(struct history *history)
{
    const struct buf *before = &history->before;

    sim_agent_tell(history->guest, remove_all);
    if (history->n_faults > 0)
        sim_agent_tell(history->guest, use_again);
    struct buf after = sim_agent_snapshot(history->guest);
    if (after.len != before->len || memcmp(after.data, before->data, after.len) != 0)
        fputs(history->log.data, stderr);
    sim_expect_same(before, &after, "in the end");
    buf_done(&after);
    if (!history->is_given)
        sim_agent_tell(history->guest, use_all);
}

/* ---- life of the guest ---- */

static void (*const reconnects[CLIENTS_MAX])(struct rig *) = {reconnect, reconnect, reconnect};

static void boot(struct history *history, const struct sim_setup *setup, int n_clients)
{
    errno_table_load(&history->errnos);
    history->guest = sim_agent_boot(setup);
    sim_agent_tell(history->guest, rig_create_sandbox);
    sim_agent_tell_all(history->guest, reconnects, n_clients);
    history->before = sim_agent_snapshot(history->guest);
}

static void end(struct history *history)
{
    int status = sim_agent_stop(history->guest);

    if (status != 0)
        give_up(history, "the agent ended badly");
    sim_agent_free(history->guest);
    buf_done(&history->before);
    buf_done(&history->log);
}

/* A guest for choices that are given has booted with a seed of its own: so it can be one that was put back. */
static void boot_once(struct history *history, const struct sim_setup *setup, bool rewinds)
{
    static struct {
        const struct moment *booted_at;
        struct history history;
    } kinds[2][2]; /* libFuzzer calls without an argument */
    const struct sim_setup first = {.seed = 1, .as_init = setup->as_init, .cgroups = setup->cgroups};
    __typeof__(&kinds[0][0]) kind = &kinds[setup->as_init][setup->cgroups == WORLD_CGROUP_V1];

    if (rewinds)
        rewind_to(kind->booted_at);
    if (!kind->booted_at || !rewinds) {
        boot(&kind->history, &first, CLIENTS_MAX);
        kind->booted_at = rewinds ? rewind_mark() : NULL;
    }
    history->guest = kind->history.guest;
    history->before = kind->history.before;
    history->errnos = kind->history.errnos;
    sim_choose(history->guest->sim, &(struct sim_options){.seed = setup->seed, .preempt = setup->preempt});
}

static void play(struct history *history, uint64_t seed, struct buf *trace)
{
    void (*const stories[CLIENTS_MAX])(struct rig *) = {client_story, client_story, client_story};
    int n_clients = 1 + (int)pick(history, CLIENTS_MAX);
    struct sim_setup setup = {
        .seed = seed,
        .preempt = pick(history, 2),
        .as_init = pick(history, 4) == 0,
        .cgroups = pick(history, 3) == 0 ? WORLD_CGROUP_V1 : WORLD_CGROUP_V2,
        .trace = trace,
    };
    _buf_ struct buf shown = BUF_INIT(256 * 1024 * 1024);
    if (!trace && !history->is_given && getenv("TATAMI_TRACE"))
        setup.trace = &shown; /* when a story does not end */
    unsigned int one_fault_in = pick(history, 2) ? 100 + pick(history, 1000) : 0;
    bool rewinds = history->is_given && rewind_begin();

    if (history->is_given)
        boot_once(history, &setup, rewinds);
    else
        boot(history, &setup, n_clients);
    (void)buf_append_str(&history->log, "\n");
    history->guest->context = history;
    history->guest->notes = &history->log;
    sim_set_hook(history->guest->sim, maybe_fail, history);
    history->one_fault_in = one_fault_in;
    sim_agent_tell_all(history->guest, stories, n_clients);
    history->one_fault_in = 0;
    sim_agent_tell_all(history->guest, reconnects, n_clients);
    expect_order(history);
    if (!rewinds)
        end(history);
    rewind_end();
}

void history_play(uint64_t seed, struct buf *trace)
{
    struct history history = {.random = seed, .log = BUF_INIT(LOG_MAX)};

    play(&history, seed, trace);
}

void history_play_bytes(const uint8_t *bytes, size_t n)
{
    struct history history = {.is_given = true, .given = bytes, .end = bytes + n, .log = BUF_INIT(LOG_MAX)};
    uint64_t seed = pick(&history, 256);

    history.random = seed;
    play(&history, seed, NULL);
}
