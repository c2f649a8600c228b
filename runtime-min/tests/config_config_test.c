/* SPDX-License-Identifier: Apache-2.0 */
/* The runtime's configuration: what a file may say, and what is found without one. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/tests/check.h"
#include "runtime-min/config/config.h"

struct world {
    char dir[32];
    char path[64];
    struct arena *a;
    struct runtime_config config;
    struct error err;
};

static int set_up(void **state)
{
    struct world *world = calloc(1, sizeof(*world));

    strcpy(world->dir, "/tmp/tatami-XXXXXX");
    if (!mkdtemp(world->dir))
        return -1;
    snprintf(world->path, sizeof(world->path), "%s/runtime.toml", world->dir);
    world->a = arena_new(1 << 20);
    *state = world;
    return 0;
}

static int tear_down(void **state)
{
    struct world *world = *state;

    unlink(world->path);
    int r = rmdir(world->dir);
    arena_free(world->a);
    free(world);
    return r;
}

static int load(struct world *world, const char *text)
{
    FILE *file = fopen(world->path, "w");

    fputs(text, file);
    fclose(file);
    return runtime_config_load(world->a, world->path, &world->config, &world->err);
}

static void every_key_has_its_place(void **state)
{
    struct world *world = *state;

    assert_int_equal(load(world, "kernel = '/k'\ninitramfs = '/i'\nqemu = '/q'\nvirtiofsd = '/f'\nvsock = '/v'\n"
                                 "machine = 'microvm'\naccel = 'tcg'\nkernel_params = 'debug'\nvsock_device = "
                                 "'vhost'\nmemory_mib = 128\nvcpus = 64\n"
                                 "boot_timeout_ms = 1000\nhealth_timeout_ms = 0\ndebug = true\n"),
                     0);
    const struct runtime_config *config = &world->config;
    const struct {
        const char *label, *got, *want;
    } rows[] = {
        {"kernel", config->kernel, "/k"},
        {"initramfs", config->initramfs, "/i"},
        {"qemu", config->qemu, "/q"},
        {"virtiofsd", config->virtiofsd, "/f"},
        {"vsock", config->vsock, "/v"},
        {"machine", config->machine, "microvm"},
        {"vsock_device", config->vsock_device, "vhost"},
        {"accel", config->accel, "tcg"},
        {"kernel_params", config->kernel_params, "debug"},
    };
    FOR_ROWS (row, rows)
        check_string(row->label, row->got, row->want);
    assert_int_equal(config->memory_mib, 128);
    assert_int_equal(config->vcpus, 64);
    assert_int_equal(config->boot_timeout_ms, 1000);
    assert_int_equal(config->health_timeout_ms, 0);
    assert_true(config->debug);
}

static void what_is_not_said_has_a_default(void **state)
{
    struct world *world = *state;
    char self[256] = "";

    assert_true(readlink("/proc/self/exe", self, sizeof(self) - 1) > 0);
    *strrchr(self, '/') = '\0';
    assert_int_equal(load(world, "# nothing\n"), 0);
    assert_string_equal(world->config.machine, "q35");
    assert_string_equal(world->config.accel, "auto");
    assert_string_equal(world->config.vsock_device, "auto");
    assert_string_equal(world->config.qemu, "/usr/bin/qemu-system-x86_64");
    assert_string_equal(world->config.kernel_params, "");
    assert_int_equal(world->config.memory_mib, 512);
    assert_int_equal(world->config.vcpus, 1);
    assert_int_equal(world->config.boot_timeout_ms, 60000);
    assert_int_equal(world->config.health_timeout_ms, 30000);
    assert_false(world->config.debug);
}

static void mistakes_are_named(void **state)
{
    static const struct {
        const char *text, *want;
    } rows[] = {
        {"kernel = 'k'", "kernel: 'k' is no absolute path"},
        {"kernel = 1", "kernel (line 1): expected a string, found an integer"},
        {"machine = 'pc'", "machine: 'pc' is none of q35, microvm"},
        {"accel = 'hvf'", "accel: 'hvf' is none of auto, kvm, tcg"},
        {"vsock_device = 'vsock'", "vsock_device: 'vsock' is none of auto, vhost, vhost-user"},
        {"memory_mib = 127", "memory_mib: 127 is not within 128 and 1048576"},
        {"memory_mib = -1", "memory_mib: -1 is not within 128 and 1048576"},
        {"vcpus = 0", "vcpus: 0 is not within 1 and 64"},
        {"vcpus = 65", "vcpus: 65 is not within 1 and 64"},
        {"vcpus = '2'", "vcpus (line 1): expected an integer, found a string"},
        {"boot_timeout_ms = 999", "boot_timeout_ms: 999 is not within 1000 and 3600000"},
        {"health_timeout_ms = -1", "health_timeout_ms: -1 is not within 0 and 3600000"},
        {"debug = 1", "debug (line 1): expected a boolean, found an integer"},
        {"\nkernal = '/k'", "line 2: unknown key 'kernal'"},
        {"kernel = ", "line 1, column 10: "},
    };
    struct world *world = *state;
    char prefix[128];

    snprintf(prefix, sizeof(prefix), "configuration %s: ", world->path);
    FOR_ROWS (row, rows) {
        check_int(row->text, load(world, row->text), -EINVAL);
        if (strncmp(world->err.text, prefix, strlen(prefix)) != 0 ||
            strncmp(world->err.text + strlen(prefix), row->want, strlen(row->want)) != 0)
            fail_msg("%s: '%s'", row->text, world->err.text);
    }
}

static void a_file_that_was_asked_for_must_exist(void **state)
{
    struct world *world = *state;

    assert_int_equal(runtime_config_load(world->a, "/none.toml", &world->config, &world->err), -ENOENT);
    assert_string_equal(world->err.text, "read the configuration /none.toml: ENOENT: No such file or directory");
    assert_int_equal(load(world, ""), 0);
}

static void the_first_missing_file_is_named_with_its_remedy(void **state)
{
    static const struct {
        const char *missing, *want;
    } rows[] = {
        {"kernel", "no guest kernel at /none (ENOENT): `make guest` builds it, or name it in /etc/tatami/runtime.toml"},
        {"initramfs", "no guest initramfs at /none (ENOENT): `make guest` builds it, or name it in /etc/tatami/runtime.toml"},
        {"qemu",
         "no QEMU at /none (ENOENT): install qemu-system-x86 and qemu-system-common, or name it in /etc/tatami/runtime.toml"},
        {"virtiofsd", "no virtiofsd at /none (ENOENT): install qemu-system-x86 and qemu-system-common, or name it in "
                      "/etc/tatami/runtime.toml"},
        {"vsock", "no vsock device at /none (ENOENT): `make` builds it, or name it in /etc/tatami/runtime.toml"},
    };
    struct world *world = *state;

    FOR_ROWS (row, rows) {
        char text[256] = "";
        static const char *const keys[] = {"kernel", "initramfs", "qemu", "virtiofsd", "vsock"};
        for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
            snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s = '%s'\n", keys[i],
                     strcmp(keys[i], row->missing) == 0 ? "/none" : "/bin/sh");
        check_int(row->missing, load(world, text), 0);
        check_int(row->missing, runtime_config_check(&world->config, &world->err), -ENOENT);
        check_string(row->missing, world->err.text, row->want);
    }
    assert_int_equal(
        load(world, "kernel='/bin/sh'\ninitramfs='/bin/sh'\nqemu='/bin/sh'\nvirtiofsd='/bin/sh'\nvsock='/bin/sh'\n"), 0);
    assert_int_equal(runtime_config_check(&world->config, &world->err), 0);
}

#define test(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        test(every_key_has_its_place),
        test(what_is_not_said_has_a_default),
        test(mistakes_are_named),
        test(a_file_that_was_asked_for_must_exist),
        test(the_first_missing_file_is_named_with_its_remedy),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
