/* SPDX-License-Identifier: Apache-2.0 */
/* The life of a machine, seen by its clients. */
#include <sys/file.h>
#include <sys/wait.h>

#include "runtime-min/tests/sandbox_world.h"

/* ---- life ---- */

static void a_machine_starts_answers_and_leaves_nothing(void **state)
{
    struct world *world = *state;

    need_root();
    start(world);
    assert_int_equal(sandbox_commit(&world->control, &world->err), 0);
    struct sandbox_status status = status_of(world);
    assert_true(is_alive(status.vm_pid) && is_alive(status.monitor_pid));
    assert_string_equal(status.accel, "tcg");
    assert_int_equal(sandbox_stop(world->root, "s1", &world->err), 0);
    assert_false(has_directory(world));
    assert_false(is_alive(status.vm_pid));
    assert_int_equal(sandbox_status(world->root, "s1", &status, &world->err), -ENOENT);
    assert_string_equal(world->err.text, "sandbox s1 does not run");
    assert_int_equal(sandbox_stop(world->root, "s1", &world->err), 0);
}

static void a_boot_that_fails_says_why_and_leaves_nothing(void **state)
{
    static const struct {
        const char *label, *kernel, *virtiofsd, *vsock;
        const char *wants[3];
    } rows[] = {
        {"QEMU exits",
         "exits",
         "virtiofsd",
         "vsock",
         {"virtual machine of sandbox s1: a part of it ended",
          "QEMU exited with 1: qemu-system-x86_64: could not open kernel file"}},
        {"QEMU dies of a signal", "aborts", "virtiofsd", "vsock", {"QEMU was killed by signal 6 (ABRT)"}},
        {"QEMU says very much", "floods", "virtiofsd", "vsock", {"QEMU exited with 1: ", "xxxx | the last words"}},
        {"the guest panics",
         "panics",
         "virtiofsd",
         "vsock",
         {"QEMU exited with 0", "end of the guest: guest-reset",
          "guest console: [    0.4] init[1]: segfault at 1 ip 2 | [    0.5] Kernel panic - not syncing: no init | [    0.6] "
          "RIP: 2"}},
        {"virtiofsd fails", "silent", "virtiofsd-fails", "vsock", {"virtiofsd exited with 1: fuse: unknown option(s)"}},
        {"virtiofsd ends as if all were well", "silent", "virtiofsd-leaves", "vsock", {"virtiofsd exited with 0", "QEMU runs"}},
        {"QEMU never greets", "silent", "virtiofsd", "vsock", {"QMP: greeting: no answer in time", "QEMU runs"}},
        {"the agent is not there", "good", "virtiofsd", "vsock-closes", {"the agent did not answer in time", "QEMU runs"}},
        {"the agent refuses", "good", "virtiofsd", "vsock-refuses", {"CreateSandbox: no room in box", "QEMU runs"}},
    };
    struct world *world = *state;

    need_root();
    FOR_ROWS (row, rows) {
        world->runtime.kernel = path_in(world, row->kernel);
        world->runtime.virtiofsd = path_in(world, row->virtiofsd);
        world->runtime.vsock = path_in(world, row->vsock);
        world->runtime.boot_timeout_ms = strcmp(row->kernel, "floods") == 0 ? PATIENCE_MS : 1000;
        int r = sandbox_start(&world->config, &world->control, &world->guest_cid, &world->err);
        check_int(row->label, r < 0, 1);
        for (size_t i = 0; i < ARRAY_SIZE(row->wants) && row->wants[i]; i++)
            check_contains(row->label, world->err.text, row->wants[i]);
        check_int(row->label, has_directory(world), 0);
    }
}

static void a_machine_ends_with_any_of_its_parts(void **state)
{
    static const char *const parts[] = {"qemu", "virtiofsd", "vsock"};
    static const char *const said[] = {"QEMU was killed by signal 9 (KILL)", "virtiofsd was killed by signal 9 (KILL)",
                                       "tatami-vsock was killed by signal 9 (KILL)"};
    struct world *world = *state;

    need_root();
    for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
        int pids[ARRAY_SIZE(parts)];
        start(world);
        assert_int_equal(sandbox_commit(&world->control, &world->err), 0);
        int monitor = status_of(world).monitor_pid;
        for (size_t k = 0; k < ARRAY_SIZE(parts); k++) {
            pids[k] = part_of(monitor, parts[k]);
            assert_true(pids[k] > 0);
        }
        kill(pids[i], SIGKILL);
        eventually(!is_alive(monitor));
        for (size_t k = 0; k < ARRAY_SIZE(parts); k++)
            check_int(parts[i], is_alive(pids[k]), 0);
        assert_int_equal(sandbox_status(world->root, "s1", &(struct sandbox_status){0}, &world->err), -ENOENT);
        check_contains(parts[i], world->err.text, "sandbox s1 does not run any more: a part of the virtual machine ended; ");
        check_contains(parts[i], world->err.text, said[i]);
        assert_int_equal(sandbox_stop(world->root, "s1", &world->err), 0);
        check_int(parts[i], has_directory(world), 0);
    }
}

static int checks_of(struct world *world)
{
    FILE *file = fopen(path_in(world, "checks"), "r");
    int n = 0;

    if (!file)
        return 0;
    if (fscanf(file, "%d", &n) != 1)
        n = 0;
    fclose(file);
    return n;
}

static void a_machine_whose_guest_hangs_is_ended(void **state)
{
    struct world *world = *state;

    need_root();
    world->runtime.vsock = path_in(world, "vsock-hangs");
    world->runtime.health_timeout_ms = 300;
    start(world);
    assert_int_equal(sandbox_commit(&world->control, &world->err), 0);
    int monitor = status_of(world).monitor_pid;
    eventually(!is_alive(monitor));
    assert_int_equal(checks_of(world), 4);
    assert_int_equal(sandbox_status(world->root, "s1", &(struct sandbox_status){0}, &world->err), -ENOENT);
    assert_string_equal(world->err.text,
                        "sandbox s1 does not run any more: the guest has not answered for 300 ms; QEMU runs; guest "
                        "console: console of the guest");
}

static void a_guest_that_answers_now_and_then_is_not_ended(void **state)
{
    struct world *world = *state;

    need_root();
    world->runtime.vsock = path_in(world, "vsock-lags");
    world->runtime.health_timeout_ms = 300;
    start(world);
    eventually(checks_of(world) >= 10);
    assert_true(is_alive(status_of(world).vm_pid));
}

static void parts_die_with_their_monitor_and_stop_cleans_up(void **state)
{
    struct world *world = *state;

    need_root();
    start(world);
    assert_int_equal(sandbox_commit(&world->control, &world->err), 0);
    struct sandbox_status status = status_of(world);
    int helper = part_of(status.monitor_pid, "virtiofsd");
    kill(status.monitor_pid, SIGKILL);
    eventually(!is_alive(status.vm_pid) && !is_alive(helper));
    assert_true(has_directory(world));
    assert_int_equal(sandbox_status(world->root, "s1", &status, &world->err), -ENOENT);
    assert_string_equal(world->err.text, "sandbox s1 does not run any more: its monitor was killed");
    assert_int_equal(sandbox_stop(world->root, "s1", &world->err), 0);
    assert_false(has_directory(world));
}

static void what_a_dead_monitor_left_is_no_obstacle(void **state)
{
    struct world *world = *state;

    need_root();
    start(world);
    assert_int_equal(sandbox_commit(&world->control, &world->err), 0);
    kill(status_of(world).monitor_pid, SIGKILL);
    eventually(sandbox_status(world->root, "s1", &(struct sandbox_status){0}, NULL) < 0);
    start(world);
    assert_true(status_of(world).vm_pid > 0);
}

/* What is left goes with the next command. */
static void check_ended(struct world *world, int vm)
{
    assert_false(vm > 0 && is_alive(vm));
    assert_int_equal(sandbox_status(world->root, "s1", &(struct sandbox_status){0}, &world->err), -ENOENT);
    assert_int_equal(sandbox_stop(world->root, "s1", &world->err), 0);
    assert_false(has_directory(world));
}

/* A monitor holds the lock as long as it lives. */
static bool is_locked(struct world *world)
{
    _close_ int fd = open(arena_printf(world->a, "%s/.sandboxes/s1/lock", world->root), O_RDONLY | O_CLOEXEC);

    return flock(fd, LOCK_EX | LOCK_NB) < 0;
}

static void a_monitor_that_is_asked_to_end_does(void **state)
{
    struct world *world = *state;

    need_root();
    start(world);
    assert_int_equal(sandbox_commit(&world->control, &world->err), 0);
    struct sandbox_status status = status_of(world);
    kill(status.monitor_pid, SIGTERM);
    eventually(!is_alive(status.monitor_pid));
    check_ended(world, status.vm_pid);
}

static void a_monitor_that_is_stuck_is_killed(void **state)
{
    struct world *world = *state;

    need_root();
    start(world);
    struct sandbox_status status = status_of(world);
    kill(status.monitor_pid, SIGSTOP);
    assert_int_equal(sandbox_stop(world->root, "s1", &world->err), 0);
    assert_false(has_directory(world));
    eventually(!is_alive(status.vm_pid) && !is_alive(status.monitor_pid));
}

static void a_machine_can_be_stopped_while_it_boots(void **state)
{
    struct world *world = *state;

    need_root();
    world->runtime.kernel = path_in(world, "silent");
    pid_t starter = fork();
    if (starter == 0)
        _exit(sandbox_start(&world->config, &world->control, &world->guest_cid, NULL) < 0 ? 0 : 1);
    eventually(access(arena_printf(world->a, "%s/.sandboxes/s1/vsock.sock", world->root), F_OK) == 0);
    assert_int_equal(sandbox_stop(world->root, "s1", &world->err), 0);
    int code;
    assert_int_equal(waitpid(starter, &code, 0), starter);
    assert_int_equal(code, 0);
    assert_false(has_directory(world));
}

static void the_log_of_a_machine_that_is_debugged_has_its_console(void **state)
{
    struct world *world = *state;
    const char *log = arena_printf(world->a, "%s/.sandboxes/s1/log", world->root);
    char text[64] = "";

    need_root();
    world->runtime.debug = true;
    start(world);
    FILE *file = fopen(log, "r");
    assert_non_null(file);
    assert_non_null(fgets(text, sizeof(text), file));
    fclose(file);
    assert_string_equal(text, "console of the guest\n");
}

static void a_qemu_that_does_not_quit_is_killed(void **state)
{
    struct world *world = *state;

    need_root();
    world->runtime.kernel = path_in(world, "stays");
    start(world);
    int vm = status_of(world).vm_pid;
    assert_int_equal(sandbox_stop(world->root, "s1", &world->err), 0);
    assert_false(is_alive(vm));
    assert_false(has_directory(world));
}

static void a_machine_that_is_not_committed_ends_with_its_starter(void **state)
{
    struct world *world = *state;

    need_root();
    start(world);
    struct sandbox_status status = status_of(world);
    fd_close(&world->control);
    eventually(!is_alive(status.monitor_pid));
    check_ended(world, status.vm_pid);
}

static void a_boot_ends_when_its_starter_is_killed(void **state)
{
    struct world *world = *state;

    need_root();
    world->runtime.kernel = path_in(world, "silent");
    pid_t starter = fork();
    if (starter == 0) {
        (void)sandbox_start(&world->config, &world->control, &world->guest_cid, NULL);
        _exit(0);
    }
    eventually(access(arena_printf(world->a, "%s/.sandboxes/s1/vsock.sock", world->root), F_OK) == 0);
    kill(starter, SIGKILL);
    assert_int_equal(waitpid(starter, NULL, 0), starter);
    eventually(!is_locked(world));
    check_ended(world, 0);
}

/* As long as the starter waits for it. */
static void a_monitor_that_is_stuck_in_the_boot_is_killed(void **state)
{
    struct world *world = *state;

    need_root();
    world->runtime.kernel = path_in(world, "silent");
    world->runtime.boot_timeout_ms = 1000;
    pid_t stopper = fork();
    if (stopper == 0) {
        char command[64];
        snprintf(command, sizeof(command), "pkill -STOP -x -P %d tatami-monitor", getppid());
        eventually(access(arena_printf(world->a, "%s/.sandboxes/s1/vsock.sock", world->root), F_OK) == 0);
        _exit(system(command));
    }
    assert_true(sandbox_start(&world->config, &world->control, &world->guest_cid, &world->err) < 0);
    assert_string_equal(world->err.text, "the monitor does not answer");
    assert_false(has_directory(world));
    assert_int_equal(waitpid(stopper, NULL, 0), stopper);
}

static void a_monitor_that_dies_in_the_boot_leaves_nothing(void **state)
{
    static const struct {
        const char *signal, *says;
    } rows[] = {
        {"KILL", "the monitor ended without an answer"},
        {"TERM", "virtual machine of sandbox s1: it was told to end while it booted; QEMU runs"},
    };
    struct world *world = *state;

    need_root();
    world->runtime.kernel = path_in(world, "silent");
    FOR_ROWS (row, rows) {
        pid_t killer = fork();
        if (killer == 0) {
            eventually(access(arena_printf(world->a, "%s/.sandboxes/s1/vsock.sock", world->root), F_OK) == 0);
            char command[64];
            snprintf(command, sizeof(command), "pkill -%s -x -P %d tatami-monitor", row->signal, getppid());
            _exit(system(command));
        }
        assert_true(sandbox_start(&world->config, &world->control, &world->guest_cid, &world->err) < 0);
        check_string(row->signal, world->err.text, row->says);
        check_int(row->signal, has_directory(world), 0);
        assert_int_equal(waitpid(killer, NULL, 0), killer);
    }
}

static void a_name_is_taken_while_its_machine_lives(void **state)
{
    struct world *world = *state;
    int control = -1;

    need_root();
    start(world);
    assert_int_equal(sandbox_start(&world->config, &control, &world->guest_cid, &world->err), -EEXIST);
    assert_string_equal(world->err.text, "sandbox s1 runs already");
    assert_true(status_of(world).vm_pid > 0);
}

static void names_that_lead_elsewhere_are_refused(void **state)
{
    static const char *const ids[] = {"", ".", "..", ".x", "a/b", "../s1"};
    struct world *world = *state;

    for (size_t i = 0; i < ARRAY_SIZE(ids); i++) {
        world->config.id = ids[i];
        check_int(ids[i], sandbox_start(&world->config, &world->control, &world->guest_cid, &world->err), -EINVAL);
        check_int(ids[i], sandbox_stop(world->root, ids[i], &world->err), -EINVAL);
    }
}

static void missing_files_are_named(void **state)
{
    struct world *world = *state;

    world->runtime.kernel = "/none/vmlinux";
    assert_int_equal(sandbox_start(&world->config, &world->control, &world->guest_cid, &world->err), -ENOENT);
    assert_string_equal(world->err.text, "no guest kernel at /none/vmlinux (ENOENT): `make guest` builds it, or name it in "
                                         "/etc/tatami/runtime.toml");
    assert_false(has_directory(world));
}

static int set_up_deep(void **state)
{
    return set_up_in(state, "/tmp/a-directory-whose-name-is-so-long-that-no-address-of-a-socket-could-ever-hold-it-with-what-"
                            "comes-behind-XXXXXX");
}

static void paths_longer_than_a_socket_address_work(void **state)
{
    struct world *world = *state;

    need_root();
    start(world);
    assert_true(status_of(world).vm_pid > 0);
}

/* What the test guest said at an earlier start. */
static void keep_verdict(struct world *world, const char *verdict)
{
    char boot_id[64] = "";
    FILE *file = fopen("/proc/sys/kernel/random/boot_id", "r");

    assert_non_null(fgets(boot_id, sizeof(boot_id), file));
    fclose(file);
    (void)mkdir(arena_printf(world->a, "%s/.sandboxes", world->root), 0700);
    file = fopen(arena_printf(world->a, "%s/.sandboxes/.kvm-verdict", world->root), "w");
    fprintf(file, "%s%s", boot_id, verdict);
    fclose(file);
}

static void emulation_takes_the_place_of_kvm_that_fails(void **state)
{
    struct world *world = *state;

    need_root();
    world->runtime.accel = "auto";
    keep_verdict(world, "yes test");
    start(world);
    assert_string_equal(status_of(world).accel, "kvm");
    fd_close(&world->control);
    assert_int_equal(sandbox_stop(world->root, "s1", &world->err), 0);

    world->runtime.kernel = path_in(world, "no-kvm");
    start(world);
    assert_string_equal(status_of(world).accel, "tcg");
    fd_close(&world->control);
    assert_int_equal(sandbox_stop(world->root, "s1", &world->err), 0);

    /* Who asked for KVM is told the truth. */
    world->runtime.accel = "kvm";
    assert_true(sandbox_start(&world->config, &world->control, &world->guest_cid, &world->err) < 0);
    assert_non_null(strstr(world->err.text, "QEMU was killed by signal 6 (ABRT)"));
    assert_false(has_directory(world));
}

int main(int argc, char **argv)
{
    static const struct CMUnitTest tests[] = {
        test(a_machine_starts_answers_and_leaves_nothing),
        test(a_boot_that_fails_says_why_and_leaves_nothing),
        test(a_machine_ends_with_any_of_its_parts),
        test(a_machine_whose_guest_hangs_is_ended),
        test(a_guest_that_answers_now_and_then_is_not_ended),
        test(parts_die_with_their_monitor_and_stop_cleans_up),
        test(what_a_dead_monitor_left_is_no_obstacle),
        test(a_monitor_that_is_asked_to_end_does),
        test(a_monitor_that_is_stuck_is_killed),
        test(a_machine_can_be_stopped_while_it_boots),
        test(the_log_of_a_machine_that_is_debugged_has_its_console),
        test(a_qemu_that_does_not_quit_is_killed),
        test(a_machine_that_is_not_committed_ends_with_its_starter),
        test(a_boot_ends_when_its_starter_is_killed),
        test(a_monitor_that_is_stuck_in_the_boot_is_killed),
        test(a_monitor_that_dies_in_the_boot_leaves_nothing),
        test(a_name_is_taken_while_its_machine_lives),
        test(names_that_lead_elsewhere_are_refused),
        test(missing_files_are_named),
        cmocka_unit_test_setup_teardown(paths_longer_than_a_socket_address_work, set_up_deep, tear_down),
        test(emulation_takes_the_place_of_kvm_that_fails),
    };

    int r = world_main(argc, argv);
    return r < 0 ? cmocka_run_group_tests(tests, NULL, NULL) : r;
}
