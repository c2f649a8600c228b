/* SPDX-License-Identifier: Apache-2.0 */
/* The state of a world as text: two equal texts, two worlds in which nothing was left behind. */
#include <linux/sched.h>
#include <stdio.h>

#include "mocks/kernel/cgroup.h"
#include "mocks/kernel/mount.h"
#include "mocks/kernel/world_files.h"

static const char *state_name(const struct task *task)
{
    return task->state == TASK_ZOMBIE ? "zombie" : task->state == TASK_STOPPED ? "stopped" : task->frozen ? "frozen" : "alive";
}

static size_t count_descriptors(const struct task *task)
{
    size_t n = 0;

    for (size_t i = 0; i < task->descriptors.n; i++)
        n += task->descriptors.items[i].file != NULL;
    return n;
}

static void show_tasks(const struct world *world, struct buf *out)
{
    for (const struct task *task = task_next(world, NULL); task; task = task_next(world, task))
        buf_printf(out, "task %s parent=%s %s descriptors=%zu\n", task->name, task->parent ? task->parent->name : "none",
                   state_name(task), count_descriptors(task));
}

/* Namespaces have no list: those of the tasks, each once, in the order of the tasks. */
static bool seen_before(const struct world *world, const struct task *task)
{
    if (task->namespaces.mount == world->namespaces.mount)
        return true;
    for (const struct task *at = task_next(world, NULL); at != task; at = task_next(world, at)) {
        if (at->namespaces.mount == task->namespaces.mount)
            return true;
    }
    return false;
}

static void show_mounts(const struct world *world, struct buf *out)
{
    buf_append_str(out, "mounts\n");
    mount_snapshot(world->namespaces.mount, out);
    for (const struct task *task = task_next(world, NULL); task; task = task_next(world, task)) {
        if (!task->namespaces.mount || seen_before(world, task))
            continue;
        buf_printf(out, "mounts of %s\n", task->name);
        mount_snapshot(task->namespaces.mount, out);
    }
}

static const char *const trees[] = {"/", "/run", "/tmp", "/dev"};

void world_snapshot(const struct world *world, struct buf *out)
{
    show_tasks(world, out);
    show_mounts(world, out);
    buf_append_str(out, "cgroups\n");
    cgroups_snapshot(world, out);
    FOR_ROWS (tree, trees) {
        struct path path;
        if (!world_walk((struct world *)world, *tree, &path))
            continue;
        buf_printf(out, "files %s\n", *tree);
        vfs_snapshot(&path, out);
        path_unref(&path);
    }
}
