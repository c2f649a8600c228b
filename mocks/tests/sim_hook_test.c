/* SPDX-License-Identifier: Apache-2.0 */
/* What the agent's log tells about hooks. */
#include <string.h>

#include "agent/tests/support/expect.h"
#include "mocks/harness/sim_agent.h"

static void install_hooks_of_the_image(struct rig *rig)
{
    static const char *const kinds[] = {"prestart", "poststart", "poststop"};
    static const char text[] = "#!/test/rootfs/bin/echo\n";

    assert_int_equal(sys_mkdirat(AT_FDCWD, "/hooks", 0755), 0);
    FOR_ROWS (kind, kinds) {
        assert_int_equal(sys_mkdirat(AT_FDCWD, arena_printf(rig->arena, "/hooks/%s", *kind), 0755), 0);
        const char *path = arena_printf(rig->arena, "/hooks/%s/say", *kind);
        _close_ int fd = sys_openat(AT_FDCWD, path, O_WRONLY | O_CREAT | O_CLOEXEC, 0755);
        assert_int_equal(sys_write(fd, text, strlen(text)), strlen(text));
    }
}

static void run_talkative_hooks(struct rig *rig)
{
    struct oci_spec *spec = rig_spec(rig, "c1", "true");
    Grpc__CreateSandboxRequest request = GRPC__CREATE_SANDBOX_REQUEST__INIT;

    install_hooks_of_the_image(rig);
    request.guest_hook_path = (char *)"/hooks";
    rig_ok(rig, "CreateSandbox", &request.base, NULL);
    rig_add_hook(rig, spec, "prestart", "echo from prestart");
    rig_add_hook(rig, spec, "prestart", "echo and again");
    rig_add_hook(rig, spec, "createRuntime", "true");
    rig_add_hook(rig, spec, "createContainer", "echo from create");
    rig_add_hook(rig, spec, "startContainer", "echo from start");
    rig_add_hook(rig, spec, "poststart", "echo from poststart");
    rig_add_hook(rig, spec, "poststop", "echo from poststop");
    rig_add_hook(rig, spec, "poststop", "echo why; exit 7");
    rig_run_container(rig, "c1", spec, NULL, NULL);
}

static void output_of_hooks_and_what_is_not_fatal_is_logged(void **state)
{
    static const char *const lines[] = {
        "hook prestart: /test/rootfs/bin/sh: from prestart\"",
        "hook prestart: /test/rootfs/bin/sh: and again\"",
        "container c1: hooks.createRuntime are left to the host\"",
        "hook createContainer: /test/rootfs/bin/sh: from create\"",
        "hook startContainer: /bin/sh: from start\"",
        "hook poststart: /test/rootfs/bin/sh: from poststart\"",
        "hook poststop: /test/rootfs/bin/sh: from poststop\"",
        "container c1: hook poststop: /test/rootfs/bin/sh: exit status 7: why\",\"level\":\"WARN\"",
        "hook prestart: /hooks/prestart/say: /hooks/prestart/say prestart\"",
        "hook poststart: /hooks/poststart/say: /hooks/poststart/say poststart\"",
        "hook poststop: /hooks/poststop/say: /hooks/poststop/say poststop\"",
    };
    const struct sim_setup setup = {.seed = 1, .logged = true};
    (void)state;

    struct sim_agent *guest = sim_agent_boot(&setup);
    sim_agent_tell(guest, run_talkative_hooks);
    _buf_ struct buf said = sim_agent_said(guest);
    FOR_ROWS (line, lines) {
        if (!strstr((const char *)said.data, *line))
            fail_msg("'%s' is not in:\n%s", *line, said.data);
    }
    assert_int_equal(sim_agent_stop(guest), 0);
    sim_agent_free(guest);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(output_of_hooks_and_what_is_not_fatal_is_logged),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
