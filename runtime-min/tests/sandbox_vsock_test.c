/* SPDX-License-Identifier: Apache-2.0 */
/* Which vsock device a machine has, on a host where the kernel's is absent or of no use. Where it is there:
 * ci/guest/run-nested. */
#include "runtime-min/tests/sandbox_world.h"

#define KERNELS_VSOCK "/dev/vhost-vsock"

static int set_up_without(void **state)
{
    if (geteuid() == 0 && access(KERNELS_VSOCK, F_OK) == 0 && mount("/dev/null", KERNELS_VSOCK, NULL, MS_BIND, NULL) < 0)
        return -1;
    return set_up(state);
}

static int tear_down_without(void **state)
{
    (void)umount(KERNELS_VSOCK);
    return tear_down(state);
}

static void without_the_kernels_vsock_device_the_own_one_serves(void **state)
{
    struct world *world = *state;
    char text[64] = "";

    need_root();
    world->runtime.vsock_device = "auto";
    world->runtime.debug = true;
    start(world);
    assert_int_equal(world->guest_cid, 0);
    assert_int_equal(status_of(world).guest_cid, 0);
    FILE *log = fopen(arena_printf(world->a, "%s/.sandboxes/s1/log", world->root), "r");
    assert_non_null(log);
    assert_non_null(fgets(text, sizeof(text), log));
    fclose(log);
    assert_memory_equal(text, "vsock: own device, since " KERNELS_VSOCK, 41);
}

static void a_kernels_vsock_device_that_is_asked_for_must_be_there(void **state)
{
    struct world *world = *state;

    need_root();
    world->runtime.vsock_device = "vhost";
    world->runtime.vsock = "/none/tatami-vsock"; /* nobody needs it */
    assert_true(sandbox_start(&world->config, &world->control, &world->guest_cid, &world->err) < 0);
    if (!strstr(world->err.text, "the kernel's vsock device: " KERNELS_VSOCK))
        fail_msg("%s", world->err.text);
    assert_false(has_directory(world));
}

#undef test
#define test(name) cmocka_unit_test_setup_teardown(name, set_up_without, tear_down_without)

int main(int argc, char **argv)
{
    static const struct CMUnitTest tests[] = {
        test(without_the_kernels_vsock_device_the_own_one_serves),
        test(a_kernels_vsock_device_that_is_asked_for_must_be_there),
    };

    int r = world_main(argc, argv);
    return r < 0 ? cmocka_run_group_tests(tests, NULL, NULL) : r;
}
