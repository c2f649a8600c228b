/* SPDX-License-Identifier: Apache-2.0 */
/* The control group that the runtime makes on a host, with each of its kernel calls failing: what was planned is enough to
 * remove all of it, and nothing that was there before goes. */
#include "loop/loop.h"
#include "mocks/harness/errno_table.h"
#include "mocks/harness/fault_log.h"
#include "mocks/tests/bench.h"
#include "runtime-min/container/hostgroup.h"

#define GROUP "/there/a/b"
#define CALLS_MAX 1000

/* What the programs share with the test. */
static struct {
    struct arena *a;
    struct strlist made;
    struct error err;
    int result;
} story;

/* The host's init: waits for ever, and its children leave nothing behind. */
PROGRAM(init)
{
    int fds[2];
    char byte;

    sys_signal(SIGCHLD, SIG_IGN);
    sys_pipe2(fds, 0);
    sys_read(fds[0], &byte, 1);
    return 0;
}

static int make_group(void)
{
    _hostgroup_ struct hostgroup hostgroup = HOSTGROUP_NONE;
    const struct strlist none = {.n = 0};

    int r = hostgroup_open(&hostgroup, &story.err);
    if (r == 0)
        r = hostgroup_plan(&hostgroup, story.a, GROUP, &none, &story.made, &story.err);
    return r < 0 ? r : hostgroup_make(&hostgroup, GROUP, &story.err);
}

static int find_group(void)
{
    _hostgroup_ struct hostgroup hostgroup = HOSTGROUP_NONE;

    int r = hostgroup_find(&hostgroup, GROUP, &story.err);
    return r < 0 ? r : cgroup_signal(hostgroup.group, 0, &story.err);
}

static int remove_group(void)
{
    return hostgroup_remove(GROUP, &story.made, NSEC_PER_SEC, true, &story.err);
}

PROGRAM(live)
{
    arena_reset(story.a);
    story.made = (struct strlist){.n = 0};
    story.result = make_group();
    if (story.result == 0)
        story.result = find_group();
    if (story.result == 0)
        story.result = remove_group();
    return 0;
}

PROGRAM(clean)
{
    story.result = remove_group();
    return 0;
}

/* ---- the sweep ---- */

static const char *const layouts[] = {
    [WORLD_CGROUP_V2] = "version 2",
    [WORLD_CGROUP_V1] = "version 1",
    [WORLD_CGROUP_HYBRID] = "hybrid",
};

static struct bench host_new(enum world_cgroups cgroups)
{
    struct bench bench = {.sim = sim_new(&(struct sim_options){.seed = 1})};
    static const char *const hierarchies[] = {
        "",        "cpu,cpuacct",      "cpuset",     "blkio",   "memory", "devices",
        "freezer", "net_cls,net_prio", "perf_event", "hugetlb", "pids",   "unified",
    };
    char path[64];

    bench.world = world_new(bench.sim, &(struct world_options){.cgroups = cgroups});
    start(&bench, init);
    assert_false(sim_run(bench.sim));
    FOR_ROWS (name, hierarchies) {
        snprintf(path, sizeof(path), "/sys/fs/cgroup%s%s", **name ? "/" : "", *name);
        if (world_exists(bench.world, path) && (**name != '\0') != (cgroups == WORLD_CGROUP_V2))
            world_mkdir(bench.world, strcat(path, "/there"), 0755);
    }
    return bench;
}

static struct buf snapshot(const struct bench *bench)
{
    struct buf text = BUF_INIT(1 << 20);

    world_snapshot(bench->world, &text);
    return text;
}

/* Runs a program beside init. */
static void play(struct bench *bench, program_fn program)
{
    story.err = (struct error){.errnum = 0};
    sim_observe(start(bench, program));
    assert_false(sim_run(bench->sim));
}

/* Without a fault: the group's two levels were made in every hierarchy, and are gone. */
static void expect_gone(const struct bench *bench)
{
    assert_true(story.made.n > 0 && story.made.n % 2 == 0);
    for (size_t i = 0; i < story.made.n; i += 2) {
        char *there = arena_strdup(story.a, story.made.items[i]);
        assert_false(world_exists(bench->world, there));
        there[strlen(there) - strlen("/a")] = '\0';
        assert_true(world_exists(bench->world, there));
    }
}

/* The calls of a story without faults, from 1. */
static size_t list_calls(struct bench *bench, enum sys_call calls[CALLS_MAX])
{
    uint64_t first = sim_call_count(bench->sim);

    play(bench, live);
    if (story.result < 0)
        fail_msg("without a fault: %s", story.err.text);
    expect_gone(bench);
    size_t n = (size_t)(sim_call_count(bench->sim) - first);
    assert_true(n < CALLS_MAX);
    for (size_t i = 1; i <= n; i++) {
        struct sim_call call;
        assert_true(sim_call_at(bench->sim, first + i, &call));
        calls[i] = call.sure ? CALL_MAX : call.call;
    }
    return n;
}

/* The kernel does not say of what is there that it is not. */
static bool is_possible(enum sys_call call, int errnum)
{
    return call != CALL_faccessat || errnum != ENOENT;
}

static void strike(struct bench *bench, const struct buf *before, struct fault_log *log, const struct sim_fault *fault,
                   const char *label)
{
    uint64_t first = sim_call_count(bench->sim);
    struct sim_fault shifted = *fault;

    shifted.at += first;
    sim_set_fault(bench->sim, &shifted);
    play(bench, live);
    fault_log_add(log, bench->sim, first, story.result < 0 ? FAULT_REFUSED : FAULT_UNAFFECTED);
    if (story.result < 0 && !story.err.text[0])
        fail_msg("%s: %d without a text", label, story.result);
    sim_set_fault(bench->sim, &(struct sim_fault){.at = 0});
    play(bench, clean);
    if (story.result < 0)
        fail_msg("%s: afterwards: %s", label, story.err.text);
    _buf_ struct buf after = snapshot(bench);
    if (after.len != before->len || memcmp(after.data, before->data, after.len) != 0)
        fail_msg("%s: before:\n%s\nafter:\n%s", label, before->data, after.data);
}

static void whatever_fails_the_plan_is_enough_to_remove_all_and_nothing_else(void **state)
{
    static struct errno_table table;
    static enum sys_call calls[CALLS_MAX];
    char label[128];

    (void)state;
    errno_table_load(&table);
    story.a = arena_new(1 << 20);
    for (size_t layout = 0; layout < ARRAY_SIZE(layouts); layout++) {
        struct bench bench = host_new((enum world_cgroups)layout);
        struct fault_log *log = fault_log_new("hostgroup");
        size_t n = list_calls(&bench, calls);
        _buf_ struct buf before = snapshot(&bench);
        for (size_t i = 1; i <= n; i++) {
            for (size_t k = 0; calls[i] < CALL_MAX && k < 2 * table.calls[calls[i]].n; k++) {
                struct sim_fault fault = {i, table.calls[calls[i]].errnums[k / 2], k % 2};
                snprintf(label, sizeof(label), "%s, call %zu, %s: %s%s", layouts[layout], i, sys_call_name(calls[i]),
                         strerrorname_np(fault.errnum), fault.for_ever ? " for ever" : "");
                if (is_possible(calls[i], fault.errnum))
                    strike(&bench, &before, log, &fault, label);
            }
        }
        fault_log_close(log);
        sim_free(bench.sim);
    }
    arena_free(story.a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whatever_fails_the_plan_is_enough_to_remove_all_and_nothing_else),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
