/* SPDX-License-Identifier: Apache-2.0 */
/* Cases on the mock kernel: a new world for each. CONFORM_SEED=n: another schedule, with preemption. */
#include <linux/vm_sockets.h>

#include "mocks/kernel/cgroup.h"
#include "mocks/kernel/programs.h"
#include "mocks/kernel/world.h"
#include "mocks/tests/conform.h"

struct outcome {
    const struct conform_case *test;
    int status;
};

void conform_use_memory(size_t bytes)
{
    for (size_t done = 0; done < bytes; done += 1 << 20)
        task_charge(1 << 20);
}

const char *conform_difference(const char *test UNUSED, const char *label UNUSED)
{
    return NULL;
}

bool conform_owns_machine(void)
{
    return true;
}

bool conform_is_mock(void)
{
    return true;
}

/* argv carries the case: programs have no other argument. */
static int first_program(int argc, char **argv, char **envp)
{
    (void)envp;
    if (argc != 1)
        return 1;
    for (const struct conform_case *test = __start_conform_cases; test < __stop_conform_cases; test++) {
        if (strcmp(test->name, argv[0]) == 0)
            return conform_init(test) & 0xff;
    }
    return 1;
}

static void install_programs(struct world *world)
{
    char path[256];

    programs_install(world, "/bin");
    world_mkdir(world, "/tmp/bin", 0755);
    for (const struct conform_program *program = __start_conform_programs; program < __stop_conform_programs; program++) {
        snprintf(path, sizeof(path), CONFORM_BIN "%s", program->name);
        world_program(world, path, program->run);
    }
}

/* What cases load. */
static void install_modules(struct world *world)
{
    world_mkdir(world, CONFORM_MODULES "6.18.44/kernel/fs/fat", 0755);
    world_mkdir(world, CONFORM_MODULES "6.18.44/kernel/drivers/net", 0755);
    world_module(world, CONFORM_MODULES "6.18.44/kernel/fs/fat/fat.ko", "fat", "", "");
    world_module(world, CONFORM_MODULES "6.18.44/kernel/fs/fat/vfat.ko", "vfat", "fat", "");
    world_module(world, CONFORM_MODULES "6.18.44/kernel/drivers/net/dummy.ko", "dummy", "", "numdummies");
}

static struct sim_options options(void)
{
    const char *seed = getenv("CONFORM_SEED");

    return (struct sim_options){.seed = seed ? strtoull(seed, NULL, 10) : 1, .preempt = seed != NULL};
}

bool conform_run(const struct conform_case *test)
{
    struct sim_options sim_options = options();
    struct sim *sim = sim_new(&sim_options);
    struct world *world = world_new(sim, &(struct world_options){.cgroups = WORLD_CGROUP_V2, .cid = VMADDR_CID_HOST});
    _buf_ struct buf blocked = BUF_INIT(65536);

    install_programs(world);
    install_modules(world);
    struct task *init = task_ref(world_start(world, "init", first_program, (const char *[]){test->name, NULL}));
    bool ended = sim_run(sim);
    if (!ended)
        sim_blocked(sim, &blocked);
    if (!ended)
        printf("  %s: waits for ever:\n%s", test->name, blocked.data);
    else if (init->exit_code != 0)
        printf("  %s: ended with wait status 0x%x\n", test->name, (unsigned int)init->exit_code);
    ended = ended && init->exit_code == 0;
    sim_free(sim);
    task_unref(init);
    return ended;
}
