/* SPDX-License-Identifier: Apache-2.0 */
/* Process tier: hooks that the agent runs in the guest, beside the container. */
#include <stdio.h>
#include <string.h>

#include "agent/tests/support/expect.h"
#include "base/macros.h"
#include "oci/wire.h"

static char *in_rootfs(struct rig *rig, const char *format)
{
    return arena_printf(rig->arena, format, rig->rootfs);
}

/* What hooks have left in a file of the image. */
static char *left_in(struct rig *rig, const char *path)
{
    char *text;

    rig_run_container(rig, "reader", rig_spec(rig, "reader", arena_printf(rig->arena, "cat %s", path)), &text, NULL);
    return text;
}

static void expect_words(const char *text, const char *const *words, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (!strstr(text, words[i]))
            fail_msg("'%s' is not in '%s'", words[i], text);
    }
}

static int pid_in(const char *state)
{
    const char *pid = strstr(state, "\"pid\":");
    int value = -1;

    assert_non_null(pid);
    assert_int_equal(sscanf(pid, "\"pid\":%d", &value), 1);
    return value;
}

RIG_TEST(guest_hooks_run_in_order_around_the_life_of_the_container)
{
    struct oci_spec *spec = rig_spec(rig, "c1", NULL);

    rig_add_hook(rig, spec, "createContainer", in_rootfs(rig, "echo inside >> %s/etc/order"));
    rig_add_hook(rig, spec, "prestart", in_rootfs(rig, "echo one > %s/etc/order"));
    rig_add_hook(rig, spec, "prestart", in_rootfs(rig, "echo two >> %s/etc/order"));
    rig_add_hook(rig, spec, "startContainer", "echo start >> /etc/order");
    rig_add_hook(rig, spec, "poststart", in_rootfs(rig, "echo poststart >> %s/etc/order"));
    rig_add_hook(rig, spec, "poststop", in_rootfs(rig, "echo poststop >> %s/etc/order"));
    rig_run_container(rig, "c0", rig_spec(rig, "c0", "true"), NULL, NULL);
    struct traces before = traces_now(rig);
    EXPECT_OK(rig_create(rig, "c1", spec, &err));
    assert_string_equal(left_in(rig, "/etc/order"), "one\ntwo\ninside\n");
    EXPECT_OK(rig_start(rig, "c1", &err));
    assert_string_equal(left_in(rig, "/etc/order"), "one\ntwo\ninside\nstart\npoststart\n");
    EXPECT_OK(rig_remove(rig, "c1", &err));
    traces_expect(rig, &before, "guest hooks");
    assert_string_equal(left_in(rig, "/etc/order"), "one\ntwo\ninside\nstart\npoststart\npoststop\n");
}

RIG_TEST(guest_hooks_get_the_state_of_their_moment)
{
    static const char *const common[] = {"\"id\":\"c1\"", "\"ociVersion\":\"1.1.0\"", "/c1\"", "\"annotations\":{\"a\":\"b\"}"};
    static const struct oci_pair pair = {(char *)"a", (char *)"b"};
    struct oci_spec *spec = rig_spec(rig, "c1", NULL);

    spec->annotations = (struct oci_map){.n = 1, .items = arena_memdup(rig->arena, &pair, sizeof(pair))};
    rig_add_hook(rig, spec, "prestart", in_rootfs(rig, "cat > %s/etc/prestart"));
    rig_add_hook(rig, spec, "poststart", in_rootfs(rig, "cat > %s/etc/poststart"));
    rig_add_hook(rig, spec, "poststop", in_rootfs(rig, "cat > %s/etc/poststop"));
    expect_running(rig, "c1", spec);
    EXPECT_OK(rig_remove(rig, "c1", &err));

    const char *prestart = left_in(rig, "/etc/prestart"), *poststart = left_in(rig, "/etc/poststart");
    const char *poststop = left_in(rig, "/etc/poststop");
    expect_words(prestart, common, ARRAY_SIZE(common));
    expect_words(poststart, common, ARRAY_SIZE(common));
    expect_words(poststop, common, ARRAY_SIZE(common));
    assert_non_null(strstr(prestart, "\"status\":\"created\""));
    assert_non_null(strstr(poststart, "\"status\":\"running\""));
    assert_non_null(strstr(poststop, "\"status\":\"stopped\""));
    assert_true(pid_in(prestart) > 1); /* as the guest sees it */
    assert_int_equal(pid_in(poststart), pid_in(prestart));
    assert_int_equal(pid_in(poststop), 0);
}

RIG_TEST(guest_hooks_run_in_the_namespaces_of_the_guest_and_the_directory_of_the_container)
{
    struct oci_spec *spec = rig_spec(rig, "c1", NULL);
    char path[64], own[64] = "";

    rig_add_hook(rig, spec, "prestart", in_rootfs(rig, "readlink /proc/self/ns/mnt > %s/etc/seen"));
    rig_add_hook(rig, spec, "prestart", in_rootfs(rig, "pwd >> %1$s/etc/seen; echo $HOOK$HOME >> %1$s/etc/seen"));
    expect_running(rig, "c1", spec);
    char *seen = left_in(rig, "/etc/seen");
    snprintf(path, sizeof(path), "/proc/%d/ns/mnt", rig->agent_pid);
    assert_true(sys_readlinkat(AT_FDCWD, path, own, sizeof(own) - 1) > 0);
    assert_memory_equal(seen, own, strlen(own));
    assert_non_null(strstr(seen, "/run/c1\n1\n"));
}

RIG_TEST(prestart_hook_that_fails_undoes_the_creation)
{
    static const struct {
        const char *script, *words;
        int timeout_s;
    } rows[] = {
        {"echo why; exit 3", "/bin/sh: exit status 3: why", 0},
        {"kill -9 $$", "/bin/sh was killed by signal 9", 0},
        {"sleep 1000", "/bin/sh did not finish within 1 s", 1},
    };

    rig_run_container(rig, "c0", rig_spec(rig, "c0", "true"), NULL, NULL);
    struct traces before = traces_now(rig);
    FOR_ROWS (row, rows) {
        struct oci_spec *spec = rig_spec(rig, "c1", NULL);
        struct oci_hook *hook = rig_add_hook(rig, spec, "prestart", row->script);
        if (row->timeout_s)
            hook->timeout_s = (struct opt_i64){true, row->timeout_s};
        rig_add_hook(rig, spec, "prestart", in_rootfs(rig, "echo > %s/etc/unreached"));
        rig_add_hook(rig, spec, "createContainer", in_rootfs(rig, "echo > %s/etc/unreached"));
        rig_add_hook(rig, spec, "poststop", in_rootfs(rig, "echo stopped > %s/etc/undone"));
        EXPECT_REFUSED(STATUS_INTERNAL, row->words, rig_create(rig, "c1", spec, &err));
        traces_expect(rig, &before, row->words);
    }
    struct oci_spec *spec = rig_spec(rig, "c1", "test -e /etc/unreached || cat /etc/undone");
    expect_output(rig, "c1", spec, "stopped\n");
}

RIG_TEST(poststart_hook_that_fails_ends_the_container)
{
    struct oci_spec *spec = rig_spec(rig, "c1", NULL);

    rig_add_hook(rig, spec, "poststart", "echo why; exit 4");
    EXPECT_OK(rig_create(rig, "c1", spec, &err));
    EXPECT_REFUSED(STATUS_INTERNAL, "hook poststart: ", rig_start(rig, "c1", &err));
    assert_int_equal(rig_wait(rig, "c1", ""), 128 + 9);
    EXPECT_REFUSED(STATUS_FAILED_PRECONDITION, "was started before", rig_start(rig, "c1", &err));
    EXPECT_OK(rig_remove(rig, "c1", &err));
}

RIG_TEST(poststop_hooks_that_fail_do_not_keep_the_container)
{
    struct oci_spec *spec = rig_spec(rig, "c1", "true");

    rig_add_hook(rig, spec, "poststop", "exit 1");
    rig_add_hook(rig, spec, "poststop", in_rootfs(rig, "echo yes > %s/etc/second"));
    rig_run_container(rig, "c0", rig_spec(rig, "c0", "true"), NULL, NULL);
    struct traces before = traces_now(rig);
    assert_int_equal(rig_run_container(rig, "c1", spec, NULL, NULL), 0);
    traces_expect(rig, &before, "a poststop hook that fails");
    assert_string_equal(left_in(rig, "/etc/second"), "yes\n");
}

/* Whoever creates the container again finds nothing of the first attempt. */
RIG_TEST(caller_that_gives_up_during_a_prestart_hook_leaves_nothing)
{
    struct oci_spec *spec = rig_spec(rig, "c1", NULL);
    Grpc__CreateContainerRequest request = GRPC__CREATE_CONTAINER_REQUEST__INIT;

    rig_run_container(rig, "c0", rig_spec(rig, "c0", "true"), NULL, NULL);
    struct traces before = traces_now(rig);
    rig_add_hook(rig, spec, "prestart", in_rootfs(rig, "sleep 1; echo > %s/etc/late"));
    request.container_id = (char *)"c1";
    assert_int_equal(oci_spec_to_wire(rig->arena, spec, &request.oci, NULL), 0);
    enum status_code status = rig_call_service(rig, "grpc.AgentService", "CreateContainer", &request.base, 100, NULL, NULL);
    assert_int_equal(status, STATUS_DEADLINE_EXCEEDED);
    traces_expect(rig, &before, "a creation that was given up");
    assert_int_equal(fiber_sleep_until(rig->loop, loop_deadline(rig->loop, 2 * NSEC_PER_SEC)), 0);
    expect_output(rig, "c1", rig_spec(rig, "c1", "test -e /etc/late || echo no"), "no\n");
}

/* They are the runtime's, as in Kata: it has run them on the host. */
RIG_TEST(create_runtime_hooks_are_left_to_the_host)
{
    struct oci_spec *spec = rig_spec(rig, "c1", "test -e /etc/runtime || echo no");

    rig_add_hook(rig, spec, "createRuntime", in_rootfs(rig, "echo > %s/etc/runtime"));
    expect_output(rig, "c1", spec, "no\n");
}

/* ---- hooks of the image ---- */

/* A hook below PATH whose program shows its own file, then the one named by its second argument. */
static void install_hook(struct rig *rig, const char *kind, const char *name)
{
    char *folder = arena_printf(rig->arena, "%s/hooks/%s", rig->dir, kind);
    char *text = in_rootfs(rig, "#!%s/bin/cat\n");

    (void)sys_mkdirat(AT_FDCWD, arena_printf(rig->arena, "%s/hooks", rig->dir), 0755);
    assert_int_equal(sys_mkdirat(AT_FDCWD, folder, 0755), 0);
    _close_ int fd =
        sys_openat(AT_FDCWD, arena_printf(rig->arena, "%s/%s", folder, name), O_WRONLY | O_CREAT | O_CLOEXEC, 0755);
    assert_int_equal(sys_write(fd, text, strlen(text)), strlen(text));
}

static void create_sandbox_with_hooks(struct rig *rig, const char *path)
{
    Grpc__CreateSandboxRequest request = GRPC__CREATE_SANDBOX_REQUEST__INIT;

    request.sandbox_id = (char *)"pod";
    request.guest_hook_path = (char *)(uintptr_t)path;
    rig_ok(rig, "CreateSandbox", &request.base, NULL);
}

RIG_TEST(hooks_of_the_image_run_for_each_container_after_those_of_its_spec)
{
    struct oci_spec *spec = rig_spec(rig, "c1", NULL);

    install_hook(rig, "prestart", "show");
    install_hook(rig, "poststart", "show");
    create_sandbox_with_hooks(rig, arena_printf(rig->arena, "%s/hooks", rig->dir));
    EXPECT_REFUSED(STATUS_INTERNAL, "/hooks/prestart/show: exit status 1: ", rig_create(rig, "c1", spec, &err));
    rig_add_hook(rig, spec, "prestart", "echo > prestart");
    EXPECT_OK(rig_create(rig, "c1", spec, &err));
    EXPECT_REFUSED(STATUS_INTERNAL, "/hooks/poststart/show: exit status 1: ", rig_start(rig, "c1", &err));
    EXPECT_OK(rig_remove(rig, "c1", &err));
    rig_add_hook(rig, spec, "poststart", "echo > poststart");
    expect_running(rig, "c1", spec);
    EXPECT_OK(rig_remove(rig, "c1", &err));
}

RIG_TEST(sandbox_whose_image_has_no_hooks_is_as_any)
{
    create_sandbox_with_hooks(rig, arena_printf(rig->arena, "%s/nowhere", rig->dir));
    create_sandbox_with_hooks(rig, "relative");
    create_sandbox_with_hooks(rig, rig->dir);
    expect_output(rig, "c1", rig_spec(rig, "c1", "echo yes"), "yes\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(guest_hooks_run_in_order_around_the_life_of_the_container),
        cmocka_unit_test(guest_hooks_get_the_state_of_their_moment),
        cmocka_unit_test(guest_hooks_run_in_the_namespaces_of_the_guest_and_the_directory_of_the_container),
        cmocka_unit_test(prestart_hook_that_fails_undoes_the_creation),
        cmocka_unit_test(poststart_hook_that_fails_ends_the_container),
        cmocka_unit_test(poststop_hooks_that_fail_do_not_keep_the_container),
        cmocka_unit_test(caller_that_gives_up_during_a_prestart_hook_leaves_nothing),
        cmocka_unit_test(create_runtime_hooks_are_left_to_the_host),
        cmocka_unit_test(hooks_of_the_image_run_for_each_container_after_those_of_its_spec),
        cmocka_unit_test(sandbox_whose_image_has_no_hooks_is_as_any),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
