/* SPDX-License-Identifier: Apache-2.0 */
/* Kernel modules: those of the image at boot, those that CreateSandbox asks for. The image is sim_agent.c's. */
#include "mocks/harness/sim_agent.h"

#include <string.h>

#include "agent/tests/support/expect.h"

#define IMAGE "/lib/modules/6.18.44"

static const struct sim_setup as_init = {.test = "modules", .seed = 1, .as_init = true};

struct module_row {
    const char *label;
    const char *name;
    const char *params[3]; /* NULL-terminated */
    const char *error;     /* NULL: it is loaded */
    const char *loaded;    /* must be there afterwards; NULL: nothing more than before */
};

static const struct module_row rows[] = {
    {"by its name", "dummy", {NULL}, NULL, "dummy"},
    {"there already", "virtiofs", {NULL}, NULL, "virtiofs"},
    {"with the other dash", "vsock-transport", {NULL}, NULL, "vsock_transport"},
    {"built in", "ext4", {NULL}, NULL, NULL},
    {"with parameters", "dummy", {"count=3", "speed=1", NULL}, NULL, "dummy"},
    {"a parameter's value is wrong",
     "dummy",
     {"speed=1", "count=many", NULL},
     "kernel module 'dummy': load 'kernel/dummy.ko': EINVAL: Invalid argument",
     NULL},
    {"no name", "", {NULL}, "Kernel module name is empty", NULL},
    {"no such module", "nosuch", {NULL}, "kernel module 'nosuch': the guest's kernel 6.18.44 has no such module", NULL},
    {"the beginning of a name", "dum", {NULL}, "kernel module 'dum': the guest's kernel 6.18.44 has no such module", NULL},
    {"a path", "kernel/dummy", {NULL}, "kernel module 'kernel/dummy': the guest's kernel 6.18.44 has no such module", NULL},
};

static void ask(struct rig *rig)
{
    const struct module_row *row = sim_client_of(rig)->guest->context;
    Grpc__KernelModule module = GRPC__KERNEL_MODULE__INIT;
    Grpc__KernelModule *modules[] = {&module};
    Grpc__CreateSandboxRequest request = GRPC__CREATE_SANDBOX_REQUEST__INIT;

    module.name = (char *)row->name;
    module.parameters = (char **)row->params;
    while (row->params[module.n_parameters])
        module.n_parameters++;
    request.hostname = "guest";
    request.sandbox_id = "s1";
    request.kernel_modules = modules;
    request.n_kernel_modules = 1;
    if (row->error)
        rig_refused(rig, "CreateSandbox", &request.base, STATUS_INTERNAL, row->error);
    else
        rig_ok(rig, "CreateSandbox", &request.base, NULL);
}

static void sandbox_modules_are_loaded_or_refused_by_name(void **state UNUSED)
{
    FOR_ROWS (row, rows) {
        struct sim_agent *guest = sim_agent_boot(&as_init);
        guest->context = (void *)row;
        sim_agent_tell(guest, ask);
        if (row->loaded && !world_has_module(guest->world, row->loaded))
            fail_msg("%s: module '%s' is not there", row->label, row->loaded);
        if (!row->loaded && world_has_module(guest->world, "dummy"))
            fail_msg("%s: module 'dummy' is there", row->label);
        assert_int_equal(sim_agent_stop(guest), 0);
        sim_agent_free(guest);
    }
}

/* Until those that nobody waits for are there, too. */
static void wait_a_while(struct rig *rig UNUSED)
{
    sys_nanosleep(2000000000);
}

/* What the guest's modules are after the boot of an image that change() has changed. */
static void boot_changed(void (*change)(struct world *world), const char *const *there, const char *const *missing)
{
    struct sim_agent *guest = sim_agent_boot(&as_init);

    change(guest->world);
    sim_agent_tell(guest, wait_a_while);
    for (; *there; there++) {
        if (!world_has_module(guest->world, *there))
            fail_msg("module '%s' is not there", *there);
    }
    for (; *missing; missing++) {
        if (world_has_module(guest->world, *missing))
            fail_msg("module '%s' is there", *missing);
    }
    assert_int_equal(sim_agent_stop(guest), 0);
    sim_agent_free(guest);
}

#define NAMES(...) ((const char *const[]){__VA_ARGS__ NULL})

static void no_change(struct world *world UNUSED)
{
}

static void no_lists(struct world *world)
{
    world_remove(world, "/etc/modules");
    world_remove(world, "/etc/modules.later");
}

static void no_index(struct world *world)
{
    world_remove(world, IMAGE "/modules.dep");
}

static void one_file_is_bad(struct world *world)
{
    world_write(world, "/etc/modules", "nosuch\n\n   \t\n  vsock-transport\tcount=2  # of the host\nfuse#\n");
    world_write(world, IMAGE "/kernel/fuse.ko", "not a module\n");
    world_write(world, "/etc/modules.later", "virtiofs\ndummy");
}

static void boot_loads_the_lists_of_the_image_with_what_they_need(void **state UNUSED)
{
    boot_changed(no_change, NAMES("vsock", "vsock_transport", "fuse", "virtiofs", ), NAMES("dummy", ));
}

static void image_without_modules_boots(void **state UNUSED)
{
    boot_changed(no_lists, NAMES(), NAMES("vsock", "virtiofs", ));
    boot_changed(no_index, NAMES(), NAMES("vsock", "virtiofs", ));
}

static void module_that_cannot_be_loaded_does_not_stop_the_others(void **state UNUSED)
{
    boot_changed(one_file_is_bad, NAMES("vsock", "vsock_transport", "dummy", ), NAMES("fuse", "virtiofs", ));
}

static size_t count(const struct buf *text, const char *word)
{
    size_t n = 0;

    for (const char *at = text->data; at && (at = strstr(at, word)); at++)
        n++;
    return n;
}

/* The kernel reads a whole file before it says that the module is there. */
static void module_that_several_need_is_loaded_once(void **state UNUSED)
{
    struct sim_agent *guest = sim_agent_boot(&(struct sim_setup){.seed = 1, .as_init = true, .unbooted = true});
    _buf_ struct buf calls = BUF_INIT(1024 * 1024);

    world_write(guest->world, "/etc/modules", "vsock_transport count=2\nvsock\nfuse\nvirtiofs\nvsock-transport\n");
    sim_set_trace(guest->sim, &calls);
    sim_agent_tell(guest, wait_a_while);
    sim_set_trace(guest->sim, NULL);
    assert_int_equal(count(&calls, "finit_module("), 4 + 2); /* and two of the later list, in a process of its own */
    assert_int_equal(sim_agent_stop(guest), 0);
    sim_agent_free(guest);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sandbox_modules_are_loaded_or_refused_by_name),
        cmocka_unit_test(boot_loads_the_lists_of_the_image_with_what_they_need),
        cmocka_unit_test(image_without_modules_boots),
        cmocka_unit_test(module_that_cannot_be_loaded_does_not_stop_the_others),
        cmocka_unit_test(module_that_several_need_is_loaded_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
