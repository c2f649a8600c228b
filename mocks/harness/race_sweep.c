/* SPDX-License-Identifier: Apache-2.0 */
#include "mocks/harness/race_sweep.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mocks/kernel/mount.h"

#define PLACES_MAX 128
#define OUTSIDE "/outside"
#define ROOTFS "/test/rootfs"
#define SECRET "secret of the outside"

static const char *const targets[] = {OUTSIDE, "../../../../../../../.." OUTSIDE, "/proc/1/root" OUTSIDE};

struct race_run {
    const struct race *race;
    struct sim_agent *guest;
    const char *places[PLACES_MAX];
    size_t n_places;
    struct buf before;
    char label[256];

    const char *place; /* of this run */
    const char *target;
    uint64_t at;
    enum status_code status;
    struct error err;
    size_t n_swaps, n_created;
};

static struct race_run *run_of(struct rig *rig)
{
    return sim_client_of(rig)->guest->context;
}

/* ---- places ---- */

static void add_place(struct race_run *run, char *place)
{
    for (size_t i = 0; i < run->n_places; i++) {
        if (strcmp(run->places[i], place) == 0) {
            free(place);
            return;
        }
    }
    assert_true(run->n_places < PLACES_MAX);
    run->places[run->n_places++] = place;
}

static void add_prefixes(struct race_run *run, const char *path)
{
    for (const char *end = path + 1; *path && path[1]; end++) {
        end = strchrnul(end, '/');
        add_place(run, strndup(path, (size_t)(end - path)));
        if (!*end)
            return;
    }
}

static void find_places(struct rig *rig)
{
    struct race_run *run = run_of(rig);
    const struct oci_spec *spec = run->race->spec(rig);
    const struct oci_linux *linux_ = spec->linux_;

    for (size_t i = 0; i < spec->n_mounts; i++)
        add_prefixes(run, spec->mounts[i].destination);
    for (size_t i = 0; i < linux_->n_devices; i++)
        add_prefixes(run, linux_->devices[i].path);
    for (size_t i = 0; i < linux_->masked_paths.n; i++)
        add_prefixes(run, linux_->masked_paths.items[i]);
    for (size_t i = 0; i < linux_->readonly_paths.n; i++)
        add_prefixes(run, linux_->readonly_paths.items[i]);
    add_prefixes(run, spec->process->cwd);
    add_prefixes(run, "/etc/passwd");
    add_prefixes(run, spec->process->args.items[0]);
}

/* ---- one run ---- */

static bool is_below(const struct dentry *dentry, const char *name)
{
    for (; dentry != dentry->parent; dentry = dentry->parent) {
        if (strcmp(dentry->name, name) == 0 && dentry->parent == dentry->parent->parent)
            return true;
    }
    return false;
}

/* Is it the mount of the container's root, or does it hang below it? */
static bool is_inside(const struct mount *mount)
{
    for (; mount; mount = mount->parent) {
        const struct dentry *root = mount->root;
        if (strcmp(root->name, "rootfs") == 0 && is_below(root, "test"))
            return true;
    }
    return false;
}

static size_t count_outside(const struct mount_namespace *namespace)
{
    const struct mount *mount;
    size_t n = 0;

    LIST_FOREACH (mount, &namespace->mounts, link)
        n += !is_inside(mount);
    return n;
}

/* The container shows nothing of the outside, and mounts nothing on it: all that hangs outside of its root is what the guest
 * has too. */
static void check_mounts(const struct race_run *run)
{
    const struct world *world = run->guest->world;
    size_t n_guest = count_outside(world->namespaces.mount);

    for (const struct task *task = task_next(world, NULL); task; task = task_next(world, task)) {
        const struct mount_namespace *namespace = task->namespaces.mount;
        const struct mount *mount;
        if (!namespace || namespace == world->namespaces.mount)
            continue;
        LIST_FOREACH (mount, &namespace->mounts, link) {
            if (is_below(mount->root, &OUTSIDE[1]) || (mount->mountpoint && is_below(mount->mountpoint, &OUTSIDE[1])))
                fail_msg("%s: the container has a mount of the outside", run->label);
        }
        if (count_outside(namespace) > n_guest)
            fail_msg("%s: the container mounts on the outside", run->label);
    }
}

static void swap(void *arg, uint64_t n)
{
    struct race_run *run = arg;
    char path[512], parent[512];

    if (n > run->at)
        check_mounts(run);
    if (n != run->at)
        return;
    snprintf(path, sizeof(path), ROOTFS "%s", run->place);
    snprintf(parent, sizeof(parent), "%.*s", (int)(strrchr(path, '/') - path), path);
    if (!world_exists(run->guest->world, parent))
        return;
    if (world_exists(run->guest->world, path))
        world_remove(run->guest->world, path);
    world_symlink(run->guest->world, run->target, path);
    run->n_swaps++;
}

static void create(struct rig *rig)
{
    struct race_run *run = run_of(rig);

    arena_reset(rig->arena);
    run->err = (struct error){.errnum = 0};
    run->status = rig_create(rig, "c1", run->race->spec(rig), &run->err);
}

/* What the container shows of the places, it says itself. */
static void end(struct rig *rig)
{
    struct race_run *run = run_of(rig);
    struct error err;

    if (run->status == STATUS_OK && rig_start(rig, "c1", &err) == STATUS_OK) {
        const char *text = rig_read_all(rig, "c1", "", false);
        if (strstr(text, SECRET))
            fail_msg("%s: the container reads a file of the outside", run->label);
    }
    (void)rig_remove(rig, "c1", &err);
}

static void make_outside(struct world *world)
{
    static const char *const dirs[] = {OUTSIDE, OUTSIDE "/pts", OUTSIDE "/sub", OUTSIDE "/sys", OUTSIDE "/shm"};
    static const char *const files[] = {OUTSIDE "/null", OUTSIDE "/passwd", OUTSIDE "/kcore", OUTSIDE "/sub/file"};

    FOR_ROWS (dir, dirs)
        world_mkdir(world, *dir, 0755);
    FOR_ROWS (file, files)
        world_write(world, *file, SECRET);
}

static void renew_rootfs(struct race_run *run)
{
    world_remove(run->guest->world, ROOTFS);
    sim_make_rootfs(run->guest->world, ROOTFS);
}

/* Returns false when create makes no call of that number. */
static bool race_once(struct race_run *run, uint64_t call)
{
    struct sim *sim = run->guest->sim;
    uint64_t first = sim_call_count(sim);

    snprintf(run->label, sizeof(run->label), "%s: %s becomes a link to %s before call %llu", run->race->name, run->place,
             run->target, (unsigned long long)call);
    run->at = first + call;
    sim_set_hook(sim, swap, run);
    sim_agent_tell(run->guest, create);
    bool reached = sim_call_count(sim) >= run->at;
    sim_set_hook(sim, NULL, NULL);
    check_mounts(run);
    run->n_created += run->status == STATUS_OK;
    sim_agent_tell(run->guest, end);
    renew_rootfs(run);
    struct buf after = sim_agent_snapshot(run->guest);
    sim_expect_same(&run->before, &after, run->label);
    buf_done(&after);
    return reached;
}

static void run_place(struct race_run *run, unsigned int step)
{
    run->guest = sim_agent_boot(&run->race->setup);
    run->guest->context = run;
    make_outside(run->guest->world);
    renew_rootfs(run);
    sim_agent_tell(run->guest, rig_create_sandbox);
    run->before = sim_agent_snapshot(run->guest);
    for (uint64_t call = 1; race_once(run, call); call += step)
        ;
    (void)sim_agent_stop(run->guest);
    sim_agent_free(run->guest);
    buf_done(&run->before);
}

void race_sweep(const struct race *race, unsigned int step)
{
    struct race_run run = {.race = race};

    run.guest = sim_agent_boot(&race->setup);
    run.guest->context = &run;
    sim_agent_tell(run.guest, find_places);
    sim_agent_tell(run.guest, rig_create_sandbox);
    sim_agent_tell(run.guest, create);
    if (run.status != STATUS_OK)
        fail_msg("%s: without a swap: %s", race->name, run.err.text);
    (void)sim_agent_stop(run.guest);
    sim_agent_free(run.guest);
    for (size_t i = 0; i < run.n_places; i++) {
        run.place = run.places[i];
        run.target = targets[i % ARRAY_SIZE(targets)];
        run_place(&run, step);
    }
    print_message("    %s: %zu places, %zu swaps, %zu of them ended in a container\n", race->name, run.n_places, run.n_swaps,
                  run.n_created);
    for (size_t i = 0; i < run.n_places; i++)
        free((char *)(uintptr_t)run.places[i]);
}
