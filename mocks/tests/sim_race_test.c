/* SPDX-License-Identifier: Apache-2.0 */
/* Attacks on the root file system while a container is being created: see harness/race_sweep.h. */
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

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(swapped_directory_never_leads_out_of_the_root)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
