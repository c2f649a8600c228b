/* SPDX-License-Identifier: Apache-2.0 */
/* A machine: made, started, thrown away. What it is made of comes from the modules; the order is here. */
#include "mocks/kernel/memory.h"
#include "mocks/kernel/world.h"

#include <fcntl.h>
#include <linux/sched.h>
#include <stdlib.h>
#include <string.h>

#include "mocks/kernel/capability.h"
#include "mocks/kernel/cgroup.h"
#include "mocks/kernel/mount.h"
#include "mocks/kernel/nsfs.h"
#include "mocks/kernel/process.h"
#include "mocks/kernel/world_files.h"

#define FIRST_INUM 4026531840ULL /* of namespaces, in the range where the kernel has them */
#define DEFAULT_MEMORY (1ULL << 30)
#define DEFAULT_CPUS 2
#define SYSCTLS_MAX 65536
#define MODULES_MAX 65536

struct sim *world_sim(const struct world *world)
{
    return world->sim;
}

/* ---- making ---- */

static struct simple_namespace *first_namespace(struct world *world, int type)
{
    return simple_namespace_new(world, type, world->user);
}

static void make_namespaces(struct world *world)
{
    struct namespaces *first = &world->namespaces;

    world->pid = pid_namespace_new(world, NULL, world->user);
    first->pid_for_children = pid_namespace_ref(world->pid);
    first->net = first_namespace(world, CLONE_NEWNET);
    first->ipc = first_namespace(world, CLONE_NEWIPC);
    first->uts = first_namespace(world, CLONE_NEWUTS);
    first->cgroup = first_namespace(world, CLONE_NEWCGROUP);
    first->time = first_namespace(world, CLONE_NEWTIME);
    first->time_for_children = simple_namespace_ref(first->time);
    strcpy(first->uts->hostname, "localhost");
    strcpy(first->uts->domainname, "(none)");
}

struct world *world_new(struct sim *sim, const struct world_options *options)
{
    struct world *world = zalloc(sizeof(*world));

    world->sim = sim;
    world->options = *options;
    if (world->options.memory_bytes == 0)
        world->options.memory_bytes = DEFAULT_MEMORY;
    if (world->options.cpus == 0)
        world->options.cpus = DEFAULT_CPUS;
    world->next_inum = FIRST_INUM;
    world->sysctls = BUF_INIT(SYSCTLS_MAX);
    world->modules = BUF_INIT(MODULES_MAX);
    world->ctrl_alt_del = true;
    list_init(&world->tasks);
    list_append(&sim->worlds, &world->link);

    world->user = user_namespace_new(world, NULL, NULL);
    vfs_init(&world->vfs, world, world->user, world->options.memory_bytes);
    cgroups_new(world);
    make_namespaces(world);
    nsfs_new(world);
    world_mount_all(world);
    return world;
}

/* ---- starting ---- */

static const struct {
    int resource;
    rlim_t soft, hard;
} limits[] = {
    {RLIMIT_CPU, RLIM_INFINITY, RLIM_INFINITY},
    {RLIMIT_FSIZE, RLIM_INFINITY, RLIM_INFINITY},
    {RLIMIT_DATA, RLIM_INFINITY, RLIM_INFINITY},
    {RLIMIT_STACK, 8388608, RLIM_INFINITY},
    {RLIMIT_CORE, 0, RLIM_INFINITY},
    {RLIMIT_RSS, RLIM_INFINITY, RLIM_INFINITY},
    {RLIMIT_NPROC, 4096, 4096},
    {RLIMIT_NOFILE, 1024, 4096},
    {RLIMIT_MEMLOCK, 8388608, 8388608},
    {RLIMIT_AS, RLIM_INFINITY, RLIM_INFINITY},
    {RLIMIT_LOCKS, RLIM_INFINITY, RLIM_INFINITY},
    {RLIMIT_SIGPENDING, 4096, 4096},
    {RLIMIT_MSGQUEUE, 819200, 819200},
    {RLIMIT_NICE, 0, 0},
    {RLIMIT_RTPRIO, 0, 0},
    {RLIMIT_RTTIME, RLIM_INFINITY, RLIM_INFINITY},
};

static void make_root_user(struct task *task)
{
    struct world *world = task->world;

    task->cred = (struct cred){
        .caps_effective = CAPS_ALL,
        .caps_permitted = CAPS_ALL,
        .caps_bounding = CAPS_ALL,
        .user = user_namespace_ref(world->user),
    };
    task->memory_user = user_namespace_ref(world->user);
    task->dumpable = true;
    task->executed = true;
    task->umask = 022;
    FOR_ROWS (limit, limits)
        task->rlimits[limit->resource] = (struct rlimit){limit->soft, limit->hard};
}

/* Descriptors 0 to 2. */
static void open_null(struct task *task)
{
    struct path path;

    if (!world_walk(task->world, "/dev/null", &path))
        return;
    struct task *before = set_current(task);
    for (int fd = 0; fd < 3; fd++) {
        struct file *file;
        if (file_open(&path, O_RDWR, &file) == 0)
            fd_install(task, file, fd, false);
    }
    set_current(before);
    path_unref(&path);
}

struct task *world_start(struct world *world, const char *name, program_fn fn, const char *const *argv)
{
    struct task *task = task_new(world, world->init);

    task_set_name(task, name);
    make_root_user(task);
    namespaces_copy(&task->namespaces, &world->namespaces);
    task->root = task->cwd = world->root;
    path_ref(&task->root);
    path_ref(&task->cwd);
    task->argv = strings_copy((char *const *)argv);
    task->envp = strings_copy(NULL);
    if (pid_allocate(task, world->pid) < 0)
        unsupported("world_start: '%s' after the end of init", name);
    task->pgid = task->sid = world->init ? world->init->sid : 0;
    if (!world->init)
        world->init = task;
    if (cgroup_task_fork(task, world->init == task ? NULL : world->init, -1, NULL) < 0)
        unsupported("world_start: '%s' does not fit into its cgroup", name);
    run_new(task, &(struct entry){.program = fn});
    open_null(task);
    return task;
}

/* ---- the end ---- */

static void end_tasks(struct world *world)
{
    struct task *task;

    LIST_FOREACH (task, &world->tasks, link) {
        if (task->run)
            task_abandon(task);
    }
    while (!list_is_empty(&world->tasks)) /* children before their parents */
        task_collect(CONTAINER_OF(world->tasks.prev, struct task, link));
}

void world_free(struct world *world)
{
    end_tasks(world);
    list_remove(&world->link);
    path_unref(&world->root);
    namespaces_done(&world->namespaces);
    nsfs_free(world);
    cgroups_free(world);
    vfs_done(&world->vfs);
    pid_namespace_unref(world->pid);
    user_namespace_unref(world->user);
    buf_done(&world->sysctls);
    buf_done(&world->modules);
    free(world->programs);
    vsock_machine_free(world);
    free(world);
}
