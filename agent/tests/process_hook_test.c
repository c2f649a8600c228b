/* SPDX-License-Identifier: Apache-2.0 */
/* Process tier: hooks that run in the container. */
#include <stdio.h>
#include <string.h>

#include "agent/tests/support/expect.h"
#include "agent/tests/support/request.h"
#include "base/macros.h"

static char *in_rootfs(struct rig *rig, const char *format)
{
    return arena_printf(rig->arena, format, rig->rootfs);
}

static void expect_words(const char *text, const char *const *words, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (!strstr(text, words[i]))
            fail_msg("'%s' is not in '%s'", words[i], text);
    }
}

RIG_TEST(hooks_get_the_state_and_run_in_order_before_the_program)
{
    static const char *const words[] = {
        "\"id\":\"c1\"", "\"status\":\"created\"",        "\"pid\":1,",     "\"ociVersion\":\"1.1.0\"",
        "/c1\"",         "\"annotations\":{\"a\":\"b\"}", "first\nsecond\n"};
    struct oci_spec *spec = rig_spec(rig, "c1", "cat /etc/created; echo; cat /tmp/started; echo; cat /etc/order");
    static const struct oci_pair pair = {(char *)"a", (char *)"b"};
    char *out;

    spec->annotations = (struct oci_map){.n = 1, .items = arena_memdup(rig->arena, &pair, sizeof(pair))};
    rig_add_hook(rig, spec, "createContainer", in_rootfs(rig, "cat > %s/etc/created"));
    rig_add_hook(rig, spec, "createContainer", in_rootfs(rig, "echo first > %s/etc/order"));
    rig_add_hook(rig, spec, "startContainer", "cat > /tmp/started");
    rig_add_hook(rig, spec, "startContainer", "echo second >> /etc/order");
    rig_run_container(rig, "c0", rig_spec(rig, "c0", "true"), NULL, NULL);
    struct traces before = traces_now(rig);
    assert_int_equal(rig_run_container(rig, "c1", spec, &out, NULL), 0);
    expect_words(out, words, ARRAY_SIZE(words));
    char *second = strchr(out, '\n') + 1; /* both got the same */
    assert_memory_equal(out, second, (size_t)(second - out));
    traces_expect(rig, &before, "hooks");
}

RIG_TEST(hooks_have_their_own_environment_directory_and_umask)
{
    struct oci_spec *spec = rig_spec(rig, "c1", "cat /etc/seen; stat -c %a /etc/seen /tmp/seen; cat /tmp/seen");

    spec->process->cwd = (char *)"/tmp";
    rig_add_hook(rig, spec, "createContainer", in_rootfs(rig, "echo $HOOK $HOME > %1$s/etc/seen; pwd >> %1$s/etc/seen"));
    rig_add_hook(rig, spec, "startContainer", "env > seen; pwd >> seen");
    char *out;
    assert_int_equal(rig_run_container(rig, "c1", spec, &out, NULL), 0);
    static const char *const words[] = {"1\n", "/c1\n", "644\n644\n", "HOOK=1\n", "/tmp\n"};
    expect_words(out, words, ARRAY_SIZE(words));
    assert_null(strstr(out, "HOME"));
}

RIG_TEST(start_hooks_are_the_user_of_the_program)
{
    struct oci_spec *spec = rig_spec(rig, "c1", "stat -c %u /dev/shm/who");

    spec->process->user.uid = 1000;
    spec->process->user.gid = 1000;
    rig_add_hook(rig, spec, "startContainer", "echo > /dev/shm/who");
    expect_output(rig, "c1", spec, "1000\n");
}

/* The names fail with the errno, all others are allowed. */
static void set_filter(struct rig *rig, struct oci_spec *spec, const char *const *names, size_t n, uint64_t errnum)
{
    struct oci_seccomp *seccomp = arena_alloc(rig->arena, sizeof(*seccomp));
    struct oci_seccomp_rule *rule = arena_alloc(rig->arena, sizeof(*rule));

    *rule = (struct oci_seccomp_rule){.action = (char *)"SCMP_ACT_ERRNO", .errno_ret = {true, errnum}};
    for (size_t i = 0; i < n; i++)
        assert_int_equal(strlist_add(rig->arena, &rule->names, names[i]), 0);
    *seccomp = (struct oci_seccomp){.default_action = (char *)"SCMP_ACT_ALLOW", .rules = rule, .n_rules = 1};
    spec->linux_->seccomp = seccomp;
}

/* As engines do: their filters cannot look into what clone3(2) is given. */
RIG_TEST(start_hooks_run_under_a_filter_without_clone3)
{
    static const char *const names[] = {"clone3"};
    struct oci_spec *spec = rig_spec(rig, "c1", "cat /dev/shm/ran");

    set_filter(rig, spec, names, ARRAY_SIZE(names), 38);
    spec->process->no_new_privileges = false;
    rig_add_hook(rig, spec, "startContainer", "echo yes > /dev/shm/ran");
    expect_output(rig, "c1", spec, "yes\n");
}

/* Their program is one of the image, like the container's. */
RIG_TEST(start_hooks_run_under_the_filter_of_the_program)
{
    static const char *const names[] = {"mkdir", "mkdirat"};

    for (int privileges = 0; privileges <= 1; privileges++) {
        struct oci_spec *spec = rig_spec(rig, "c1", "test -e /dev/shm/made || cat /dev/shm/ran");
        set_filter(rig, spec, names, ARRAY_SIZE(names), 1);
        spec->process->no_new_privileges = !privileges;
        rig_add_hook(rig, spec, "startContainer", "echo yes > /dev/shm/ran; mkdir /dev/shm/made; true");
        expect_output(rig, "c1", spec, "yes\n");
    }
}

RIG_TEST(start_hook_whose_filter_forbids_too_much_fails_the_start)
{
    static const char *const names[] = {"pipe2"};
    struct oci_spec *spec = rig_spec(rig, "c1", "true");

    set_filter(rig, spec, names, ARRAY_SIZE(names), 1);
    rig_add_hook(rig, spec, "startContainer", "true");
    EXPECT_OK(rig_create(rig, "c1", spec, &err));
    EXPECT_REFUSED(STATUS_INTERNAL, "create a pipe for the hook /bin/sh: EPERM", rig_start(rig, "c1", &err));
    EXPECT_OK(rig_remove(rig, "c1", &err));
}

RIG_TEST(create_hook_that_fails_undoes_the_creation)
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
        struct oci_hook *hook = rig_add_hook(rig, spec, "createContainer", row->script);
        if (row->timeout_s)
            hook->timeout_s = (struct opt_i64){true, row->timeout_s};
        rig_add_hook(rig, spec, "createContainer", in_rootfs(rig, "echo > %s/etc/unreached"));
        EXPECT_REFUSED(STATUS_INTERNAL, row->words, rig_create(rig, "c1", spec, &err));
        traces_expect(rig, &before, row->words);
    }
    struct oci_spec *spec = rig_spec(rig, "c1", "test -e /etc/unreached || echo no");
    expect_output(rig, "c1", spec, "no\n");
    rig_add_hook(rig, spec, "createContainer", "true")->path = (char *)"/nowhere/hook";
    EXPECT_REFUSED(STATUS_INTERNAL, "hook createContainer: /nowhere/hook: exit status 127: No such file or directory",
                   rig_create(rig, "c1", spec, &err));
}

RIG_TEST(start_hook_that_fails_fails_the_start_and_the_program_never_runs)
{
    struct oci_spec *spec = rig_spec(rig, "c1", "echo ran");

    rig_add_hook(rig, spec, "startContainer", "echo why; exit 4");
    EXPECT_OK(rig_create(rig, "c1", spec, &err));
    EXPECT_REFUSED(STATUS_INTERNAL, "hook startContainer: /bin/sh: exit status 4: why", rig_start(rig, "c1", &err));
    assert_int_not_equal(rig_wait(rig, "c1", ""), 0);
    EXPECT_REFUSED(STATUS_FAILED_PRECONDITION, "was started before", rig_start(rig, "c1", &err));
    EXPECT_OK(rig_remove(rig, "c1", &err));
}

static void let_run(struct rig *rig)
{
    assert_int_equal(fiber_sleep_until(rig->loop, loop_deadline(rig->loop, NSEC_PER_MSEC)), 0);
}

struct starter {
    struct rig *rig;
    enum status_code status;
    struct error err;
    bool done;
};

static void start_c1(void *arg)
{
    struct starter *starter = arg;

    starter->status = rig_start(starter->rig, "c1", &starter->err);
    starter->done = true;
}

/* A container whose start hook does not come to its end. */
static struct starter *start_for_ever(struct rig *rig)
{
    struct starter *starter = arena_alloc(rig->arena, sizeof(*starter));
    struct oci_spec *spec = rig_spec(rig, "c1", "echo ran");

    starter->rig = rig;
    rig_add_hook(rig, spec, "startContainer", "sleep 1000");
    EXPECT_OK(rig_create(rig, "c1", spec, &err));
    assert_int_equal(fiber_start(rig->loop, "start", start_c1, starter, NULL), 0);
    let_run(rig); /* its request goes out first, and is taken first */
    EXPECT_REFUSED(STATUS_FAILED_PRECONDITION, "was started before", rig_start(rig, "c1", &err));
    return starter;
}

static void expect_end(struct starter *starter, enum status_code status, const char *words)
{
    while (!starter->done)
        let_run(starter->rig);
    assert_int_equal(starter->status, status);
    assert_non_null(strstr(starter->err.text, words));
}

RIG_TEST(container_whose_hooks_run_is_not_paused_and_can_be_killed)
{
    struct starter *starter = start_for_ever(rig);

    rig_refused(rig, "PauseContainer", request_for(rig, "PauseContainer", "c1", NULL), STATUS_INTERNAL, "its hooks run");
    EXPECT_OK(rig_signal(rig, "c1", "", 9, &err));
    expect_end(starter, STATUS_INTERNAL, "init of container c1 died before its program ran");
    assert_int_equal(rig_wait(rig, "c1", ""), 128 + 9);
    EXPECT_OK(rig_remove(rig, "c1", &err));
}

RIG_TEST(container_whose_hooks_run_can_be_removed)
{
    rig_run_container(rig, "c0", rig_spec(rig, "c0", "true"), NULL, NULL);
    struct traces before = traces_now(rig);
    struct starter *starter = start_for_ever(rig);

    EXPECT_OK(rig_remove(rig, "c1", &err));
    expect_end(starter, STATUS_INTERNAL, "");
    traces_expect(rig, &before, "a removal during hooks");
}

RIG_TEST(start_that_is_given_up_during_hooks_runs_no_program)
{
    struct oci_spec *spec = rig_spec(rig, "c1", "echo ran");
    Grpc__StartContainerRequest request = GRPC__START_CONTAINER_REQUEST__INIT;

    request.container_id = (char *)"c1";
    rig_add_hook(rig, spec, "startContainer", "sleep 1000");
    EXPECT_OK(rig_create(rig, "c1", spec, &err));
    enum status_code status = rig_call_service(rig, "grpc.AgentService", "StartContainer", &request.base, 100, NULL, NULL);
    assert_int_equal(status, STATUS_DEADLINE_EXCEEDED);
    assert_string_equal(rig_read_all(rig, "c1", "", false), "");
    assert_int_equal(rig_wait(rig, "c1", ""), 128 + 9);
    EXPECT_OK(rig_remove(rig, "c1", &err));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hooks_get_the_state_and_run_in_order_before_the_program),
        cmocka_unit_test(hooks_have_their_own_environment_directory_and_umask),
        cmocka_unit_test(start_hooks_are_the_user_of_the_program),
        cmocka_unit_test(start_hooks_run_under_a_filter_without_clone3),
        cmocka_unit_test(start_hooks_run_under_the_filter_of_the_program),
        cmocka_unit_test(start_hook_whose_filter_forbids_too_much_fails_the_start),
        cmocka_unit_test(create_hook_that_fails_undoes_the_creation),
        cmocka_unit_test(start_hook_that_fails_fails_the_start_and_the_program_never_runs),
        cmocka_unit_test(container_whose_hooks_run_is_not_paused_and_can_be_killed),
        cmocka_unit_test(container_whose_hooks_run_can_be_removed),
        cmocka_unit_test(start_that_is_given_up_during_hooks_runs_no_program),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
