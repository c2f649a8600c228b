/* SPDX-License-Identifier: Apache-2.0 */
/* Attacks on the root file system while a container is being created: see harness/race_sweep.h. */
#include "mocks/harness/race_sweep.h"

static struct oci_spec *usual_spec(struct rig *rig)
{
    return rig_spec(rig, "c1", NULL);
}

static const struct race races[] = {
    {"usual spec, cgroup v2", {.seed = 1}, usual_spec},
    {"usual spec, cgroup v1", {.seed = 1, .cgroups = WORLD_CGROUP_V1}, usual_spec},
    {"usual spec, initramfs", {.seed = 1, .initramfs = true}, usual_spec},
};

static void swapped_directory_never_leads_out_of_the_root(void **state UNUSED)
{
    FOR_ROWS (race, races)
        race_sweep(race, race == races ? 1 : 7);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(swapped_directory_never_leads_out_of_the_root)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
