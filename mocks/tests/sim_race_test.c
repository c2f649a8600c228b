/* SPDX-License-Identifier: Apache-2.0 */
/* Attacks on the root file system while a container is being created (see harness/race_sweep.h), and on its bundle while it is
 * removed. */
#include "agent/tests/support/expect.h"
#include "loop/sanitize.h"
#include "mocks/harness/race_sweep.h"

/* Calls between two swaps. Slow builds take larger steps. */
#ifdef SANITIZE_ADDRESS
#define STEP 41
#else
#define STEP 3
#endif

#define STRING(s) ((char *)(uintptr_t)(s))
#define LOOK_AROUND "cat /copied/file /data/sub/file /outside/sub/file; ls /copied; exit 0"

static struct oci_spec *usual_spec(struct rig *rig)
{
    return rig_spec(rig, "c1", LOOK_AROUND);
}

static struct oci_mount *add_mount(struct oci_spec *spec, const char *destination, const char *type, const char *source)
{
    struct oci_mount *mount = &spec->mounts[spec->n_mounts++];

    mount->destination = STRING(destination);
    mount->type = STRING(type);
    mount->source = STRING(source);
    mount->options = (struct strlist){.n = 0};
    return mount;
}

/* Whatever is made inside of the root: mount points, files, a copied directory, device nodes without a file system of their
 * own, the working directory. */
static struct oci_spec *making_spec(struct rig *rig)
{
    struct oci_spec *spec = rig_spec(rig, "c1", LOOK_AROUND);
    static struct oci_device device = {.path = STRING("/dev/made/zero"), .type = 'c', .major = 1, .minor = 5};

    spec->n_mounts = 1; /* proc */
    strlist_add(rig->arena, &add_mount(spec, "/new/point", "bind", "/test")->options, "rbind");
    strlist_add(rig->arena, &add_mount(spec, "/new/file", "bind", "/usr/bin/tatami-agent")->options, "bind");
    strlist_add(rig->arena, &add_mount(spec, "/copied", "tmpfs", "tmpfs")->options, "tmpcopyup");
    spec->linux_->devices = arena_memdup(rig->arena, &device, sizeof(device));
    spec->linux_->n_devices = 1;
    spec->process->cwd = STRING("/srv/here");
    return spec;
}

static const struct race races[] = {
    {"usual spec, cgroup v2", {.seed = 1}, usual_spec},
    {"spec that makes things, cgroup v2", {.seed = 1}, making_spec},
    {"usual spec, cgroup v1", {.seed = 1, .cgroups = WORLD_CGROUP_V1}, usual_spec},
    {"spec that makes things, initramfs", {.seed = 1, .initramfs = true}, making_spec},
};

static void swapped_directory_never_leads_out_of_the_root(void **state UNUSED)
{
    FOR_ROWS (race, races)
        race_sweep(race, race < &races[2] ? STEP : 4 * STEP - 1);
}

/* ---- removal ---- */

#define BUNDLE "/test/run/c1"
#define OUTSIDE "/outside"

struct removal {
    struct sim_agent *guest;
    const char *place;
    uint64_t at;
    size_t n_swaps;
};

static void lead_out(void *arg, uint64_t n)
{
    struct removal *removal = arg;
    struct world *world = removal->guest->world;

    if (n != removal->at || !world_exists(world, removal->place))
        return;
    world_remove(world, removal->place);
    world_symlink(world, OUTSIDE, removal->place);
    removal->n_swaps++;
}

static void create_c1(struct rig *rig)
{
    arena_reset(rig->arena);
    EXPECT_OK(rig_create(rig, "c1", rig_spec(rig, "c1", NULL), &err));
}

/* It may fail, as what it removes is taken away under its hands; then once more, in peace. */
static void remove_c1(struct rig *rig)
{
    if (rig_remove(rig, "c1", NULL) == STATUS_OK)
        return;
    sim_set_hook(sim_client_of(rig)->guest->sim, NULL, NULL);
    EXPECT_OK(rig_remove(rig, "c1", &err));
}

static bool remove_once(struct removal *removal, uint64_t call)
{
    static const char *const kept[] = {OUTSIDE "/file", OUTSIDE "/a/file", OUTSIDE "/a/b/file", OUTSIDE "/config.json"};
    struct sim_agent *guest = removal->guest;

    sim_agent_tell(guest, create_c1);
    world_mkdir(guest->world, BUNDLE "/a", 0755);
    world_mkdir(guest->world, BUNDLE "/a/b", 0755);
    world_write(guest->world, BUNDLE "/a/b/file", "of the bundle");
    removal->at = sim_call_count(guest->sim) + call;
    sim_set_hook(guest->sim, lead_out, removal);
    sim_agent_tell(guest, remove_c1);
    bool reached = sim_call_count(guest->sim) >= removal->at;
    sim_set_hook(guest->sim, NULL, NULL);
    FOR_ROWS (path, kept) {
        if (!world_exists(guest->world, *path))
            fail_msg("%s became a link before call %llu: %s is gone", removal->place, (unsigned long long)call, *path);
    }
    if (world_exists(guest->world, BUNDLE))
        fail_msg("%s became a link before call %llu: the bundle is still there", removal->place, (unsigned long long)call);
    return reached;
}

static void swapped_directory_never_leads_a_removal_out_of_the_bundle(void **state UNUSED)
{
    static const char *const places[] = {BUNDLE, BUNDLE "/a", BUNDLE "/a/b", BUNDLE "/a/b/file", BUNDLE "/config.json"};
    size_t n_swaps = 0;

    FOR_ROWS (place, places) {
        struct removal removal = {.place = *place, .guest = sim_agent_boot(&(struct sim_setup){.seed = 1})};
        struct world *world = removal.guest->world;
        world_mkdir(world, OUTSIDE, 0755);
        world_mkdir(world, OUTSIDE "/a", 0755);
        world_mkdir(world, OUTSIDE "/a/b", 0755);
        world_write(world, OUTSIDE "/file", "kept");
        world_write(world, OUTSIDE "/a/file", "kept");
        world_write(world, OUTSIDE "/a/b/file", "kept");
        world_write(world, OUTSIDE "/config.json", "kept");
        sim_agent_tell(removal.guest, rig_create_sandbox);
        for (uint64_t call = 1; remove_once(&removal, call); call++)
            ;
        n_swaps += removal.n_swaps;
        (void)sim_agent_stop(removal.guest);
        sim_agent_free(removal.guest);
    }
    print_message("    removal: %zu places, %zu swaps\n", ARRAY_SIZE(places), n_swaps);
    assert_true(n_swaps > 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(swapped_directory_never_leads_out_of_the_root),
        cmocka_unit_test(swapped_directory_never_leads_a_removal_out_of_the_bundle),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
