/* SPDX-License-Identifier: Apache-2.0 */
/* The life of a machine, seen by its clients. */
#include <dirent.h>
#include <sys/statvfs.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>

#include "runtime-min/tests/jail_user.h"
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
          "guest console: Kernel panic - not syncing: no init | [    0.5]  a line"}},
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
        assert_int_equal(access(arena_printf(world->a, "%s/.sandboxes/s1/vsock.sock", world->root), F_OK), -1);
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

static void a_monitor_that_is_asked_to_end_does(void **state)
{
    struct world *world = *state;

    need_root();
    start(world);
    assert_int_equal(sandbox_commit(&world->control, &world->err), 0);
    kill(status_of(world).monitor_pid, SIGTERM);
    eventually(!has_directory(world));
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
    int monitor = status_of(world).monitor_pid;
    fd_close(&world->control);
    eventually(!has_directory(world) && !is_alive(monitor));
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
    eventually(!has_directory(world));
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

/* ---- names and descriptors ---- */

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

/* Number of descriptors of a process that lead to path. */
static int count_open(struct world *world, int pid, const char *path)
{
    DIR *dir = opendir(arena_printf(world->a, "/proc/%d/fd", pid));
    struct dirent *entry;
    int n = 0;

    while ((entry = readdir(dir))) {
        char target[256] = "";
        (void)!readlinkat(dirfd(dir), entry->d_name, target, sizeof(target) - 1);
        n += strcmp(target, path) == 0;
    }
    closedir(dir);
    return n;
}

static void nothing_is_inherited_but_what_is_meant(void **state)
{
    struct world *world = *state;
    const char *secret = path_in(world, "secret");
    int stray = open(secret, O_RDWR | O_CREAT, 0600);

    need_root();
    start(world);
    struct sandbox_status status = status_of(world);
    assert_int_equal(count_open(world, getpid(), secret), 1);
    assert_int_equal(count_open(world, status.monitor_pid, secret), 0);
    assert_int_equal(count_open(world, status.vm_pid, secret), 0);
    assert_int_equal(count_open(world, status.vm_pid, arena_printf(world->a, "%s/.sandboxes/s1/lock", world->root)), 0);
    close(stray);
}

/* A line of a file in /proc/PID, without its name. */
static const char *proc_line(struct world *world, int pid, const char *of, const char *name)
{
    char line[128];
    size_t len = strlen(name);
    const char *found = NULL;

    FILE *file = fopen(arena_printf(world->a, "/proc/%d/%s", pid, of), "r");
    while (!found && fgets(line, sizeof(line), file))
        found = strncmp(line, name, len) == 0 ? arena_strdup(world->a, line + len) : NULL;
    fclose(file);
    return found;
}

static void qemu_has_no_rights(void **state)
{
    static const char *const none[] = {"CapInh:", "CapPrm:", "CapEff:", "CapBnd:", "CapAmb:"};
    struct world *world = *state;

    need_root();
    start(world);
    struct sandbox_status status = status_of(world);
    for (size_t i = 0; i < ARRAY_SIZE(none); i++)
        check_string(none[i], proc_line(world, status.vm_pid, "status", none[i]), "\t0000000000000000\n");
    unsigned int own = jail_user(status.monitor_pid);
    const char *ids = arena_printf(world->a, "\t%u\t%u\t%u\t%u\n", own, own, own, own);
    check_string("user", proc_line(world, status.vm_pid, "status", "Uid:"), ids);
    check_string("group", proc_line(world, status.vm_pid, "status", "Gid:"), ids);
    assert_int_equal(strspn(proc_line(world, status.vm_pid, "status", "Groups:"), "\t \n"),
                     strlen(proc_line(world, status.vm_pid, "status", "Groups:")));
    check_string("no_new_privs", proc_line(world, status.vm_pid, "status", "NoNewPrivs:"), "\t1\n");
    const char *core = proc_line(world, status.vm_pid, "limits", "Max core file size");
    assert_int_equal(strtoul(core, NULL, 10), 0);
}

static int try_write(const char *path)
{
    int fd = open(path, O_WRONLY | O_CREAT, 0600);

    if (fd < 0)
        return -errno;
    close(fd);
    return 0;
}

/* Namespaces are the same when their names are. */
static bool shares(struct world *world, int a, int b, const char *namespace)
{
    char names[2][64] = {"", ""};

    assert_true(readlink(arena_printf(world->a, "/proc/%d/ns/%s", a, namespace), names[0], 63) > 0);
    assert_true(readlink(arena_printf(world->a, "/proc/%d/ns/%s", b, namespace), names[1], 63) > 0);
    return strcmp(names[0], names[1]) == 0;
}

static void qemu_sees_programs_and_libraries_alone(void **state)
{
    static const struct {
        const char *path;
        int errnum;
    } rows[] = {
        {"usr/bin", 0},  {"proc/self", 0},   {"dev/urandom", 0},  {"etc/passwd", ENOENT}, {"run", ENOENT},
        {"sys", ENOENT}, {"proc/1", ENOENT}, {"dev/kvm", ENOENT}, {"dev/shm", ENOENT},
    };
    static const char *const places[] = {"new", "usr/new", "dev/new", "proc/new"};
    struct world *world = *state;

    need_root();
    start(world);
    int pid = status_of(world).vm_pid;
    FOR_ROWS (row, rows)
        check_int(row->path, access(arena_printf(world->a, "/proc/%d/root/%s", pid, row->path), F_OK) == 0 ? 0 : errno,
                  row->errnum);
    for (size_t i = 0; i < ARRAY_SIZE(places); i++) /* not even root */
        assert_true(try_write(arena_printf(world->a, "/proc/%d/root/%s", pid, places[i])) < 0);
    assert_false(shares(world, pid, getpid(), "net"));
    assert_false(shares(world, pid, getpid(), "ipc"));
}

/* The vsock device is root in this very directory, without a right. */
static void a_root_without_rights_cannot_talk_to_the_monitor(void **state)
{
    struct world *world = *state;
    struct stat st;

    need_root();
    start(world);
    assert_int_equal(stat(arena_printf(world->a, "%s/.sandboxes/s1/monitor.sock", world->root), &st), 0);
    assert_int_equal(st.st_mode & 0777, 0);
}

static void images_that_only_root_may_read_reach_qemu(void **state)
{
    struct world *world = *state;

    need_root();
    assert_int_equal(chmod(world->runtime.kernel, 0600), 0);
    start(world);
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

/* ---- holders ---- */

static const char *signals_of(struct world *world)
{
    char *text = arena_alloc(world->a, 4096);
    FILE *file = fopen(path_in(world, "signals"), "r");

    if (file) {
        text[fread(text, 1, 4095, file)] = '\0';
        fclose(file);
    }
    return text;
}

static void a_process_is_killed_when_its_holder_goes(void **state)
{
    struct world *world = *state;

    need_root();
    start(world);
    int first = sandbox_hold(world->root, "s1", "c1", "", &world->err);
    int second = sandbox_hold(world->root, "s1", "c1", "e1", &world->err);
    assert_true(first >= 0 && second >= 0);
    close(second);
    eventually(strcmp(signals_of(world), "c1/e1/9\n") == 0);
    close(first);
    eventually(strcmp(signals_of(world), "c1/e1/9\nc1//9\n") == 0);
}

static void a_container_that_is_gone_is_not_killed(void **state)
{
    struct world *world = *state;

    need_root();
    start(world);
    int gone = sandbox_hold(world->root, "s1", "c1", "", &world->err);
    int other = sandbox_hold(world->root, "s1", "c2", "", &world->err);
    assert_int_equal(sandbox_unshare(world->root, "s1", "c1", &world->err), 0);
    close(gone);
    close(other);
    eventually(strcmp(signals_of(world), "c2//9\n") == 0);
}

/* ---- OOM events ---- */

struct listening {
    struct world *world;
    struct loop *loop;
    int holds[3];
    int monitor;
};

/* The stand-in of the agent tells of a kill for each process that is signalled. */
static void listen_fiber(void *arg)
{
    static const struct {
        const char *label, *container;
        int kills;
    } rows[] = {{"one listener", "c1", 2}, {"another one", "c1", 2}, {"of another container", "c2", 1}};
    struct listening *listening = arg;
    struct world *world = listening->world;
    struct sandbox_oom *ooms[ARRAY_SIZE(rows)];

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
        check_int(rows[i].label, sandbox_oom_open(listening->loop, world->root, "s1", rows[i].container, &ooms[i], &world->err),
                  0);
    for (size_t i = 0; i < ARRAY_SIZE(listening->holds); i++)
        close(listening->holds[i]);
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
        for (int n = 0; n < rows[i].kills; n++)
            check_int(rows[i].label, sandbox_oom_next(ooms[i], &world->err), 0);
    kill(listening->monitor, SIGTERM);
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        check_int(rows[i].label, sandbox_oom_next(ooms[i], &world->err) < 0, 1);
        sandbox_oom_close(ooms[i]);
    }
    loop_stop(listening->loop);
}

static void every_listener_is_told_of_each_oom_kill_in_its_container(void **state)
{
    struct world *world = *state;

    need_root();
    start(world);
    struct listening listening = {
        .world = world,
        .holds = {sandbox_hold(world->root, "s1", "c1", "", &world->err),
                  sandbox_hold(world->root, "s1", "c1", "e", &world->err),
                  sandbox_hold(world->root, "s1", "c2", "", &world->err)},
        .monitor = status_of(world).monitor_pid,
    };
    assert_int_equal(loop_new(&listening.loop, &world->err), 0);
    assert_int_equal(fiber_start(listening.loop, "listen", listen_fiber, &listening, NULL), 0);
    assert_int_equal(loop_run(listening.loop, &world->err), 0);
    loop_free(listening.loop);
}

/* It has every right to say so: but not that the host works for it without a pause. */
static void an_agent_that_invents_oom_kills_does_not_keep_the_monitor_busy(void **state)
{
    struct world *world = *state;
    uint64_t began = sys_monotonic_ns();

    need_root();
    world->runtime.vsock = path_in(world, "vsock-invents");
    start(world);
    eventually(strlen(signals_of(world)) > 2);
    size_t asked = strlen(signals_of(world));
    assert_true(asked <= (sys_monotonic_ns() - began) / (10 * NSEC_PER_MSEC) + 1);
}

/* ---- shares ---- */

/* A path as the guest's file server sees it. */
static const char *exported(struct world *world, const char *name)
{
    return arena_printf(world->a, "/proc/%d/root%s/.sandboxes/s1/share/export/%s", status_of(world).monitor_pid, world->root,
                        name);
}

static void shares_are_seen_by_the_guest_alone(void **state)
{
    struct world *world = *state;
    const char *guest = NULL, *source = path_in(world, "source");

    need_root();
    assert_int_equal(mkdir(source, 0755), 0);
    assert_int_equal(try_write(path_in(world, "source/file")), 0);
    start(world);
    assert_int_equal(sandbox_share(world->a, world->root, "s1", "c1", source, false, &guest, &world->err), 0);
    assert_string_equal(guest, "/run/kata-containers/shared/containers/0/0");
    assert_int_equal(sandbox_share(world->a, world->root, "s1", "c1", source, true, &guest, &world->err), 0);
    assert_string_equal(guest, "/run/kata-containers/shared/containers/0/1");
    assert_int_equal(sandbox_share(world->a, world->root, "s1", "c2", path_in(world, "source/file"), true, &guest, &world->err),
                     0);

    assert_int_equal(try_write(exported(world, "0/0/new")), 0);
    assert_int_equal(access(path_in(world, "source/new"), F_OK), 0);
    assert_int_equal(try_write(exported(world, "0/1/new")), -EROFS);
    assert_int_equal(try_write(exported(world, "1/0")), -EROFS);
    assert_int_equal(mkdir(exported(world, "planted"), 0700), -1);
    assert_int_equal(errno, EROFS);
    assert_int_equal(access(arena_printf(world->a, "%s/.sandboxes/s1/share/export", world->root), F_OK), -1);

    assert_int_equal(sandbox_unshare(world->root, "s1", "c1", &world->err), 0);
    assert_int_equal(access(exported(world, "0"), F_OK), -1);
    assert_int_equal(access(exported(world, "1/0"), F_OK), 0);
    assert_int_equal(access(path_in(world, "source/file"), F_OK), 0);
    assert_int_equal(sandbox_unshare(world->root, "s1", "c1", &world->err), 0);

    /* The guest may still remember where a name led to. */
    assert_int_equal(sandbox_share(world->a, world->root, "s1", "c1", source, false, &guest, &world->err), 0);
    assert_string_equal(guest, "/run/kata-containers/shared/containers/2/0");
}

/* An image may bring a name for the host's disk along. */
static void devices_and_rights_of_files_are_not_shared(void **state)
{
    struct world *world = *state;
    const char *guest = NULL, *source = path_in(world, "source");
    struct statvfs st;

    need_root();
    assert_int_equal(mkdir(source, 0755), 0);
    if (mknod(path_in(world, "source/device"), S_IFCHR | 0666, makedev(1, 3)) < 0) {
        print_message("no devices can be made here\n");
        skip();
    }
    start(world);
    assert_int_equal(sandbox_share(world->a, world->root, "s1", "c1", source, false, &guest, &world->err), 0);
    assert_int_equal(open(path_in(world, "source/device"), O_RDONLY | O_CLOEXEC) < 0, 0);
    assert_int_equal(open(exported(world, "0/0/device"), O_RDONLY | O_CLOEXEC), -1);
    assert_int_equal(errno, EACCES);
    assert_int_equal(statvfs(exported(world, "0/0"), &st), 0);
    assert_true(st.f_flag & ST_NOSUID);
}

static void shares_that_cannot_be_made_are_refused(void **state)
{
    struct world *world = *state;
    const char *guest = NULL;

    need_root();
    start(world);
    assert_int_equal(sandbox_share(world->a, world->root, "s1", "c1", "/none", false, &guest, &world->err), -ENOENT);
    assert_non_null(strstr(world->err.text, "share /none with the virtual machine: ENOENT"));
    assert_int_equal(sandbox_share(world->a, world->root, "s1", "../x", path_in(world, "root"), false, &guest, &world->err), 0);
    assert_string_equal(guest, "/run/kata-containers/shared/containers/0/0"); /* whatever the container is called */
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
        test(nothing_is_inherited_but_what_is_meant),
        test(qemu_has_no_rights),
        test(qemu_sees_programs_and_libraries_alone),
        test(a_root_without_rights_cannot_talk_to_the_monitor),
        test(images_that_only_root_may_read_reach_qemu),
        test(emulation_takes_the_place_of_kvm_that_fails),
        test(a_process_is_killed_when_its_holder_goes),
        test(a_container_that_is_gone_is_not_killed),
        test(every_listener_is_told_of_each_oom_kill_in_its_container),
        test(an_agent_that_invents_oom_kills_does_not_keep_the_monitor_busy),
        test(shares_are_seen_by_the_guest_alone),
        test(devices_and_rights_of_files_are_not_shared),
        test(shares_that_cannot_be_made_are_refused),
    };

    int r = world_main(argc, argv);
    return r < 0 ? cmocka_run_group_tests(tests, NULL, NULL) : r;
}
