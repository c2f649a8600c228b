/* SPDX-License-Identifier: Apache-2.0 */
/* What the simulation costs: a booted world, a container's life in it, a random history. */
#include "agent/tests/support/expect.h"
#include "ci/bench/measure.h"
#include "mocks/harness/history.h"
#include "mocks/harness/sim_agent.h"

#define RUNS 200
#define LIVES_PER_WORLD 50 /* what a client's arena holds without growing old */
#define SEEDS 200

static const struct sim_setup setup = {.test = "bench", .seed = 1};

static void check(struct rig *rig)
{
    Grpc__CheckRequest request = GRPC__CHECK_REQUEST__INIT;

    EXPECT_OK(rig_call_service(rig, "grpc.Health", "Check", &request.base, 0, NULL, &err));
}

static void live(struct rig *rig)
{
    assert_int_equal(rig_run_container(rig, "c1", rig_spec(rig, "c1", "exit 0"), NULL, NULL), 0);
    arena_reset(rig->arena);
}

static void print_row(const char *name, double *took)
{
    qsort(took, RUNS, sizeof(*took), bench_compare);
    printf("sim.%s\t%.1f\tus\nsim.%s.min\t%.1f\tus\n", name, took[RUNS / 2], name, took[0]);
}

static void bench_boot(void)
{
    double boots[RUNS], ends[RUNS];

    for (int i = 0; i < RUNS; i++) {
        double start = bench_now_us();
        struct sim_agent *guest = sim_agent_boot(&setup);
        sim_agent_tell(guest, check);
        double booted = bench_now_us();
        sim_agent_stop(guest);
        sim_agent_free(guest);
        boots[i] = booted - start;
        ends[i] = bench_now_us() - booted;
    }
    print_row("boot", boots);
    print_row("end", ends);
}

static void bench_life(void)
{
    double lives[RUNS], snapshots[RUNS];
    struct sim_agent *guest = NULL;
    uint64_t calls = 0;

    for (int i = 0; i < RUNS; i++) {
        if (i % LIVES_PER_WORLD == 0) {
            guest = sim_agent_boot(&setup);
            sim_agent_tell(guest, rig_create_sandbox);
        }
        uint64_t before = sim_call_count(guest->sim);
        double start = bench_now_us();
        sim_agent_tell(guest, live);
        double lived = bench_now_us();
        calls = sim_call_count(guest->sim) - before;
        struct buf snapshot = sim_agent_snapshot(guest);
        buf_done(&snapshot);
        lives[i] = lived - start;
        snapshots[i] = bench_now_us() - lived;
        if ((i + 1) % LIVES_PER_WORLD == 0) {
            sim_agent_stop(guest);
            sim_agent_free(guest);
        }
    }
    print_row("life", lives);
    printf("sim.calls_per_life\t%d\tcalls\n", (int)calls);
    print_row("snapshot", snapshots);
}

static void bench_seeds(void)
{
    double start = bench_now_us();

    for (uint64_t seed = 1; seed <= SEEDS; seed++)
        history_play(seed, NULL);
    printf("sim.histories\t%.0f\tper s\n", SEEDS * 1e6 / (bench_now_us() - start));
}

int main(void)
{
    bench_boot();
    bench_life();
    fflush(stdout);
    bench_seeds();
    return 0;
}
