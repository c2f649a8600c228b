/* SPDX-License-Identifier: Apache-2.0 */
/* What the processes of a machine inherit, may do and see. */
#include <dirent.h>
#include <sys/resource.h>

#include "runtime-min/tests/jail_user.h"
#include "runtime-min/tests/sandbox_world.h"

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
    assert_int_equal(strtoul(proc_line(world, status.vm_pid, "limits", "Max open files"), NULL, 10), 1024);
}

/* All of them have memory of the guest or bytes of its containers. 1 keeps a handler of cores away, too, 0 does not
 * (fs/coredump.c).
 */
static void nobody_leaves_a_core(void **state)
{
    struct world *world = *state;
    unsigned long soft, hard;
    struct rlimit own;

    need_root();
    assert_int_equal(getrlimit(RLIMIT_CORE, &own), 0);
    if (own.rlim_max == 0) {
        print_message("the limit of cores is 0 here, and may not be raised\n");
        skip();
    }
    start(world);
    struct sandbox_status status = status_of(world);
    const int pids[] = {status.monitor_pid, status.vm_pid, part_of(status.monitor_pid, "virtiofsd"),
                        part_of(status.monitor_pid, "vsock")};
    for (size_t i = 0; i < ARRAY_SIZE(pids); i++) {
        assert_int_equal(sscanf(proc_line(world, pids[i], "limits", "Max core file size"), "%lu %lu", &soft, &hard), 2);
        assert_int_equal(hard, 1);
#ifndef __SANITIZE_ADDRESS__ /* which lowers the limit of its programs */
        assert_int_equal(soft, 1);
#endif
    }
}

static int oom_score_adj(struct world *world, int pid)
{
    return atoi(proc_line(world, pid, "oom_score_adj", ""));
}

static void the_oom_killer_takes_parts_before_services(void **state)
{
    static const struct {
        const char *label;
        int starter, part;
    } rows[] = {{"like a service", 0, 100}, {"offered", 300, 300}};
    struct world *world = *state;

    need_root();
    FOR_ROWS (row, rows) {
        const char *text = arena_printf(world->a, "%d", row->starter);
        assert_int_equal(file_write_at(AT_FDCWD, "/proc/self/oom_score_adj", text, strlen(text)), 0);
        start(world);
        assert_int_equal(file_write_at(AT_FDCWD, "/proc/self/oom_score_adj", "0", 1), 0);
        struct sandbox_status status = status_of(world);
        check_int(row->label, oom_score_adj(world, status.monitor_pid), row->starter);
        check_int(row->label, oom_score_adj(world, status.vm_pid), row->part);
        check_int(row->label, oom_score_adj(world, part_of(status.monitor_pid, "virtiofsd")), row->part);
        fd_close(&world->control);
        assert_int_equal(sandbox_stop(world->root, "s1", &world->err), 0);
    }
}

/* Directories are a way to what is above and below them, and the lock says who is killed in the monitor's place. */
static void check_descriptors(struct world *world, int pid)
{
    DIR *dir = opendir(arena_printf(world->a, "/proc/%d/fd", pid));
    struct dirent *entry;
    struct stat st;

    while ((entry = readdir(dir))) {
        if (*entry->d_name == '.')
            continue;
        assert_int_equal(fstatat(dirfd(dir), entry->d_name, &st, 0), 0);
        check_int(entry->d_name, S_ISDIR(st.st_mode) != 0, 0);
    }
    closedir(dir);
    assert_int_equal(count_open(world, pid, arena_printf(world->a, "%s/.sandboxes/s1/lock", world->root)), 1);
    unsigned long flags = strtoul(proc_line(world, pid, "fdinfo/4", "flags:"), NULL, 8);
    check_int("lock", (int)(flags & O_ACCMODE), O_RDONLY);
}

static void the_monitor_keeps_no_rights_but_to_end_its_parts(void **state)
{
    static const struct {
        const char *name, *value;
    } rows[] = {
        {"CapInh:", "\t0000000000000000\n"},
        {"CapPrm:", "\t0000000000000020\n"},
        {"CapEff:", "\t0000000000000020\n"},
        {"CapBnd:", "\t0000000000000000\n"},
        {"CapAmb:", "\t0000000000000000\n"},
        {"NoNewPrivs:", "\t1\n"},
        {"Seccomp:", "\t2\n"},
    };
    struct world *world = *state;

    need_root();
    start(world);
    int pid = status_of(world).monitor_pid;
    FOR_ROWS (row, rows)
        check_string(row->name, proc_line(world, pid, "status", row->name), row->value);
    check_descriptors(world, pid);
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

int main(int argc, char **argv)
{
    static const struct CMUnitTest tests[] = {
        test(nothing_is_inherited_but_what_is_meant),
        test(qemu_has_no_rights),
        test(qemu_sees_programs_and_libraries_alone),
        test(a_root_without_rights_cannot_talk_to_the_monitor),
        test(nobody_leaves_a_core),
        test(the_oom_killer_takes_parts_before_services),
        test(images_that_only_root_may_read_reach_qemu),
        test(the_monitor_keeps_no_rights_but_to_end_its_parts),
    };

    int r = world_main(argc, argv);
    return r < 0 ? cmocka_run_group_tests(tests, NULL, NULL) : r;
}
