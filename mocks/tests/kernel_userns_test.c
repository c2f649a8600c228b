/* SPDX-License-Identifier: Apache-2.0 */
/* User namespaces: maps, who may write them, and what root inside may do. */
#include <linux/sched.h>
#include <sys/prctl.h>

#include "mocks/tests/capabilities.h"

#define BIT(capability) (1ULL << (capability))

static long write_text(const char *path, const char *text)
{
    int fd = sys_openat(AT_FDCWD, path, O_WRONLY | O_CLOEXEC, 0);
    if (fd < 0)
        return fd;
    long n = sys_write(fd, text, strlen(text));
    sys_close(fd);
    return n < 0 ? n : n == (long)strlen(text) ? 0 : -EIO;
}

static long write_of(int pid, const char *file, const char *text)
{
    char path[64];

    snprintf(path, sizeof(path), "/proc/%d/%s", pid, file);
    return write_text(path, text);
}

static void read_of(const char *file, char *p, size_t size)
{
    char path[64];

    snprintf(path, sizeof(path), "/proc/self/%s", file);
    int fd = sys_openat(AT_FDCWD, path, O_RDONLY | O_CLOEXEC, 0);
    ssize_t n = fd < 0 ? 0 : sys_read(fd, p, size - 1);
    p[n < 0 ? 0 : n] = '\0';
    sys_close(fd);
}

/* A child in a user namespace of its own that runs fn once the parent has prepared the maps. */
struct inside {
    const char *uids, *gids; /* what the parent writes; NULL: nothing */
    uint64_t flags;          /* of clone, besides CLONE_NEWUSER */
    int (*fn)(void *arg);
    void *arg;
    int go[2];
};

static int inside_main(void *arg)
{
    struct inside *inside = arg;
    char byte;

    if (sys_read(inside->go[0], &byte, 1) != 1)
        return 101;
    if (inside->uids && sys_setresuid(0, 0, 0) != 0)
        return 102;
    if (inside->gids && sys_setresgid(0, 0, 0) != 0)
        return 103;
    sys_prctl(PR_SET_DUMPABLE, 1, 0, 0, 0); /* its files in /proc stay its own */
    return inside->fn(inside->arg);
}

static int run_inside(struct inside *inside)
{
    sys_pipe2(inside->go, O_CLOEXEC);
    int pid = sys_spawn(&(struct sys_spawn){.flags = CLONE_NEWUSER | inside->flags, .cgroup_fd = -1}, inside_main, inside);
    if (pid < 0)
        return pid;
    if (inside->uids)
        expect(write_of(pid, "uid_map", inside->uids), 0);
    if (inside->gids)
        expect(write_of(pid, "gid_map", inside->gids), 0);
    sys_write(inside->go[1], "x", 1);
    int status = collect(pid);
    sys_close(inside->go[0]);
    sys_close(inside->go[1]);
    return status;
}

static int run_root(uint64_t flags, int (*fn)(void *arg), void *arg)
{
    struct inside inside = {"0 100000 1000\n", "0 100000 1000\n", flags, fn, arg, {0}};

    return run_inside(&inside);
}

/* ---- without maps ---- */

static int nobody(void *arg)
{
    (void)arg;
    if (sys_geteuid() != 65534 || sys_getegid() != 65534)
        return 1;
    if (caps_of(0).effective != BIT(CAP_LAST_CAP + 1) - 1)
        return 2;
    if (sys_setresuid(0, 0, 0) != -EINVAL || sys_setresgid(0, 0, 0) != -EINVAL)
        return 3;
    if (sys_setgroups(0, NULL) != -EPERM)
        return 4;
    return 0;
}

CONFORM_CASE(without_a_map_nobody_has_all_capabilities)
{
    struct inside inside = {.fn = nobody};

    expect(run_inside(&inside), 0);
}

/* ---- writing maps ---- */

CONFORM_CASE(a_map_is_accepted_or_not)
{
    static const struct {
        const char *label, *text;
        int result;
    } rows[] = {
        {"one id", "0 1000 1", 0},
        {"one range", "0 100000 65536\n", 0},
        {"two ranges", "0 1000 1\n1 100000 10\n", 0},
        {"five ranges", "0 1 1\n1 3 1\n2 5 1\n3 7 1\n4 9 1\n", 0},
        {"six ranges", "0 1 1\n1 3 1\n2 5 1\n3 7 1\n4 9 1\n5 11 1\n", 0},
        {"everything", "0 0 4294967295\n", 0},
        {"tabs and blanks", "  0\t1000   1  \n", 0},
        {"empty", "", -EINVAL},
        {"line end only", "\n", -EINVAL},
        {"two numbers", "0 1000\n", -EINVAL},
        {"four numbers", "0 1000 1 1\n", -EINVAL},
        {"letters", "a b c\n", -EINVAL},
        {"letters behind a number", "0x 1000 1\n", -EINVAL},
        {"negative", "-1 1000 1\n", -EINVAL},
        {"count 0", "0 1000 0\n", -EINVAL},
        {"overlapping inside", "0 1000 10\n5 2000 10\n", -EINVAL},
        {"overlapping outside", "0 1000 10\n10 1005 10\n", -EINVAL},
        {"overlap of the last", "0 1000 10\n9 2000 1\n", -EINVAL},
        {"side by side", "0 1000 10\n10 2000 1\n", 0},
        {"beyond 32 bits inside", "4294967295 0 1\n", -EINVAL},
        {"beyond 32 bits outside", "0 4294967295 1\n", -EINVAL},
        {"running beyond 32 bits", "0 4294967290 10\n", -EINVAL},
        {"up to the last", "0 4294967290 5\n", 0},
        {"empty line between", "0 1000 1\n\n1 1001 1\n", -EINVAL},
        {"empty line at the end", "0 1000 1\n\n", -EINVAL},
    };

    FOR_CASES(row, rows)
    {
        struct inside inside = {.fn = NULL};
        sys_pipe2(inside.go, O_CLOEXEC);
        int pid = sys_spawn(&(struct sys_spawn){.flags = CLONE_NEWUSER, .cgroup_fd = -1}, inside_main, &inside);
        expect(write_of(pid, "uid_map", row->text), row->result);
        sys_kill(pid, SIGKILL);
        collect(pid);
    }
}

static int map_twice(void *arg)
{
    (void)arg;
    return 0;
}

CONFORM_CASE(a_map_is_written_once)
{
    struct inside inside = {.fn = map_twice};

    sys_pipe2(inside.go, O_CLOEXEC);
    int pid = sys_spawn(&(struct sys_spawn){.flags = CLONE_NEWUSER, .cgroup_fd = -1}, inside_main, &inside);
    expect(write_of(pid, "uid_map", "0 0 1\n"), 0);
    expect(write_of(pid, "uid_map", "0 0 1\n"), -EPERM);
    expect(write_of(pid, "uid_map", "x\n"), -EPERM);
    expect(write_of(pid, "gid_map", "0 0 1\n"), 0);
    expect(write_of(pid, "setgroups", "deny"), -EPERM);
    expect(write_of(pid, "setgroups", "allow"), 0);
    sys_write(inside.go[1], "x", 1);
    expect(collect(pid), 0);
}

CONFORM_CASE(the_first_namespace_has_a_map_that_nobody_changes)
{
    expect(write_text("/proc/self/uid_map", "0 0 1\n"), -EPERM);
    expect(write_text("/proc/1/gid_map", "0 0 1\n"), -EPERM);
}

struct own {
    const char *file, *text;
    const char *setgroups; /* written before; NULL: nothing */
    uid_t user;            /* before the namespace is made */
};

static int map_own(void *arg)
{
    const struct own *own = arg;
    char path[64];

    sys_setresgid(own->user, own->user, own->user);
    sys_setresuid(own->user, own->user, own->user);
    sys_prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
    if (sys_unshare(CLONE_NEWUSER) != 0)
        return 99;
    sys_prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
    if (own->setgroups && write_text("/proc/self/setgroups", own->setgroups) != 0)
        return 98;
    snprintf(path, sizeof(path), "/proc/self/%s", own->file);
    return (int)-write_text(path, own->text);
}

CONFORM_CASE(a_process_maps_itself)
{
    static const struct {
        const char *label;
        struct own own;
        int result;
    } rows[] = {
        {"own user", {"uid_map", "0 5 1\n", NULL, 5}, 0},
        {"own user as another one", {"uid_map", "77 5 1\n", NULL, 5}, 0},
        {"other user", {"uid_map", "0 6 1\n", NULL, 5}, EPERM},
        {"root", {"uid_map", "0 0 1\n", NULL, 5}, EPERM},
        {"two users", {"uid_map", "0 5 2\n", NULL, 5}, EPERM},
        {"own group", {"gid_map", "0 5 1\n", NULL, 5}, EPERM},
        {"own group without setgroups", {"gid_map", "0 5 1\n", "deny", 5}, 0},
        {"own group, setgroups allowed", {"gid_map", "0 5 1\n", "allow", 5}, EPERM},
        {"other group without setgroups", {"gid_map", "0 6 1\n", "deny", 5}, EPERM},
        {"wrong text", {"uid_map", "x\n", NULL, 5}, EINVAL},
        {"root maps itself", {"uid_map", "0 0 1\n", NULL, 0}, 0},
        {"root maps many: no power over the parent any more", {"uid_map", "0 0 10\n", NULL, 0}, EPERM},
    };

    FOR_CASES(row, rows)
    expect(in_child(map_own, (void *)&row->own), row->result);
}

CONFORM_CASE(setgroups_is_allowed_or_denied)
{
    static const struct {
        const char *label, *text;
        int result;
    } rows[] = {
        {"deny", "deny", 0},
        {"deny with a line end", "deny\n", 0},
        {"allow", "allow", 0},
        {"blanks", "deny  ", 0},
        {"other word", "never", -EINVAL},
        {"more", "denyx", -EINVAL},
        {"8 bytes", "deny    ", -EINVAL},
        {"7 bytes", "deny   ", 0},
    };

    FOR_CASES(row, rows)
    {
        struct inside inside = {.fn = map_twice};
        sys_pipe2(inside.go, O_CLOEXEC);
        int pid = sys_spawn(&(struct sys_spawn){.flags = CLONE_NEWUSER, .cgroup_fd = -1}, inside_main, &inside);
        expect(write_of(pid, "setgroups", row->text), row->result);
        sys_kill(pid, SIGKILL);
        collect(pid);
    }
}

static int denied_inside(void *arg)
{
    (void)arg;
    if (write_text("/proc/self/setgroups", "deny") != 0 || write_text("/proc/self/setgroups", "allow") != -EPERM)
        return 1;
    return 0;
}

CONFORM_CASE(a_denial_is_final)
{
    struct inside inside = {.fn = denied_inside};

    expect(run_inside(&inside), 0);
}

/* ---- reading maps ---- */

static int shows_maps(void *arg)
{
    char text[256];

    (void)arg;
    read_of("uid_map", text, sizeof(text));
    if (strcmp(text, "         0     100000       1000\n") != 0)
        return 1;
    read_of("setgroups", text, sizeof(text));
    return strcmp(text, "allow\n") == 0 ? 0 : 2;
}

CONFORM_CASE(a_map_shows_the_ids_of_the_parent)
{
    char text[256];

    expect(run_root(0, shows_maps, NULL), 0);
    read_of("uid_map", text, sizeof(text));
    expect_text(text, "         0          0 4294967295\n");
}

/* ---- root inside ---- */

static int root_inside(void *arg)
{
    (void)arg;
    if (sys_geteuid() != 0 || sys_getegid() != 0)
        return 1;
    if (sys_setresuid(5, 5, 5) != 0 || sys_geteuid() != 5)
        return 2;
    return 0;
}

static int ids_inside(void *arg)
{
    gid_t groups[] = {1, 999, 1000};

    (void)arg;
    if (sys_setresuid(1000, 1000, 1000) != -EINVAL)
        return 1;
    if (sys_setresuid(999, 999, 0) != 0)
        return 2;
    if (sys_setresuid(0, 0, 0) != 0)
        return 3;
    if (sys_setgroups(3, groups) != -EINVAL)
        return 4;
    return sys_setgroups(2, groups) == 0 ? 0 : 5;
}

CONFORM_CASE(root_inside_uses_mapped_ids_only)
{
    expect(run_root(0, root_inside, NULL), 0);
    expect(run_root(0, ids_inside, NULL), 0);
}

static int powers_outside(void *arg)
{
    (void)arg;
    if (sys_sethostname("x", 1) != -EPERM)
        return 1;
    if (sys_kill(1, 0) != -EPERM)
        return 2;
    if (sys_prlimit(0, RLIMIT_NOFILE, &(struct rlimit){100, 999999}, NULL) != -EPERM)
        return 3;
    if (sys_reboot(0) != -EPERM)
        return 4;
    if (sys_mount("x", "/tmp", "tmpfs", 0, NULL) != -EPERM)
        return 5;
    return 0;
}

CONFORM_CASE(root_inside_has_no_power_outside)
{
    sys_prlimit(0, RLIMIT_NOFILE, &(struct rlimit){100, 200}, NULL);
    expect(run_root(0, powers_outside, NULL), 0);
}

static int powers_inside(void *arg)
{
    (void)arg;
    if (sys_sethostname("x", 1) != 0)
        return 1;
    if (sys_mount("x", "/tmp", "tmpfs", 0, NULL) != 0)
        return 2;
    if (sys_unshare(CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWNET | CLONE_NEWPID | CLONE_NEWCGROUP) != 0)
        return 3;
    return 0;
}

CONFORM_CASE(root_inside_rules_the_namespaces_that_were_made_with_its_own)
{
    expect(run_root(CLONE_NEWUTS | CLONE_NEWNS, powers_inside, NULL), 0);
}

static int drop_and_exec(void *arg)
{
    (void)arg;
    sys_setresuid(5, 5, 5);
    if (caps_of(0).effective != 0)
        return 1;
    return sys_sethostname("x", 1) == -EPERM ? 0 : 2;
}

CONFORM_CASE(a_user_inside_has_no_powers)
{
    expect(run_root(CLONE_NEWUTS, drop_and_exec, NULL), 0);
}

/* ---- nesting ---- */

static int nest(void *arg)
{
    int *levels = arg;

    if (--*levels == 0)
        return 0;
    if (sys_unshare(CLONE_NEWUSER) != 0)
        return 10;
    sys_prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
    if (write_text("/proc/self/uid_map", "0 0 1\n") != 0)
        return 11;
    if (write_text("/proc/self/setgroups", "deny") != 0 || write_text("/proc/self/gid_map", "0 0 1\n") != 0)
        return 12;
    return nest(arg);
}

CONFORM_CASE(namespaces_nest)
{
    int levels = 4;

    expect(run_root(0, nest, &levels), 0);
}

static int map_beyond_parent(void *arg)
{
    struct inside inside = {.fn = map_twice};

    (void)arg;
    sys_pipe2(inside.go, O_CLOEXEC);
    int pid = sys_spawn(&(struct sys_spawn){.flags = CLONE_NEWUSER, .cgroup_fd = -1}, inside_main, &inside);
    int r = (int)-write_of(pid, "uid_map", "0 500 501\n");
    int ok = (int)write_of(pid, "uid_map", "0 500 500\n");
    sys_kill(pid, SIGKILL);
    collect(pid);
    return ok == 0 ? r : 99;
}

CONFORM_CASE(a_nested_map_stays_within_that_of_its_parent)
{
    expect(run_root(0, map_beyond_parent, NULL), EPERM);
}

static int unmapped_cannot_nest(void *arg)
{
    (void)arg;
    return -sys_unshare(CLONE_NEWUSER);
}

CONFORM_CASE(who_has_no_id_cannot_make_a_user_namespace)
{
    struct inside inside = {.fn = unmapped_cannot_nest};

    expect(run_inside(&inside), EPERM);
}

static int chrooted(void *arg)
{
    (void)arg;
    sys_mkdirat(AT_FDCWD, "/tmp/root", 0755);
    sys_chroot("/tmp/root");
    return -sys_unshare(CLONE_NEWUSER);
}

CONFORM_CASE(who_lives_in_a_chroot_cannot_make_a_user_namespace)
{
    expect(in_child(chrooted, NULL), EPERM);
}

static int unshared_user(void *arg)
{
    (void)arg;
    sys_setresgid(5, 5, 5);
    sys_setresuid(5, 5, 5);
    if (sys_unshare(CLONE_NEWNS) != -EPERM)
        return 1;
    return sys_unshare(CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWUTS) == 0 && sys_sethostname("x", 1) == 0 ? 0 : 2;
}

CONFORM_CASE(a_user_makes_namespaces_together_with_a_user_namespace)
{
    expect(in_child(unshared_user, NULL), 0);
}

/* ---- signals and inspection across ---- */

static int sleep_long(void *arg)
{
    (void)arg;
    sys_nanosleep(3600 * 1000000000ULL);
    return 0;
}

static int kill_mate(void *arg)
{
    (void)arg;
    int mate = spawn(sleep_long, NULL);
    sys_setresuid(5, 5, 5);
    if (sys_kill(mate, 0) != -EPERM)
        return 1;
    return 0;
}

CONFORM_CASE(users_inside_are_different_users)
{
    expect(run_root(CLONE_NEWPID, kill_mate, NULL), 0);
}

static int keeps_capabilities_after_exec(void *arg)
{
    (void)arg;
    sys_execveat(AT_FDCWD, CONFORM_BIN "powers", (char *[]){"powers", NULL}, NULL, 0);
    return 99;
}

CONFORM_PROGRAM(powers)
{
    return caps_of(0).effective == BIT(CAP_LAST_CAP + 1) - 1 ? 7 : caps_of(0).effective == 0 ? 8 : 9;
}

static int loses_capabilities_after_exec(void *arg)
{
    sys_setresuid(5, 5, 5);
    return keeps_capabilities_after_exec(arg);
}

CONFORM_CASE(root_inside_keeps_its_capabilities_over_execve)
{
    struct inside unmapped = {.fn = keeps_capabilities_after_exec};

    expect(run_root(0, keeps_capabilities_after_exec, NULL), 7);
    expect(run_root(0, loses_capabilities_after_exec, NULL), 8);
    expect(run_inside(&unmapped), 8);
}

/* ---- joining ---- */

static int wait_in_namespace(void *arg)
{
    sys_write(*(int *)arg, "x", 1);
    return sleep_long(NULL);
}

struct foreign {
    uid_t owner, joiner;
    int type;  /* of setns */
    int named; /* host name afterwards: 0 or an error */
    int fd;
};

/* A process in a user namespace of user owner. */
static int make_foreign(const struct foreign *foreign, int *ready)
{
    (void)foreign;
    return sys_spawn(&(struct sys_spawn){.flags = CLONE_NEWUSER | CLONE_NEWUTS, .cgroup_fd = -1}, wait_in_namespace, ready);
}

static int own_then_make(void *arg)
{
    void **both = arg;
    const struct foreign *foreign = both[0];
    int *ready = both[1];

    sys_setresgid(foreign->owner, foreign->owner, foreign->owner);
    sys_setresuid(foreign->owner, foreign->owner, foreign->owner);
    int pid = make_foreign(foreign, ready);
    return pid > 0 ? collect(pid) & 0xff : 99;
}

static int join_as(void *arg)
{
    const struct foreign *foreign = arg;

    sys_setresuid(foreign->joiner, foreign->joiner, foreign->joiner);
    int r = sys_setns(foreign->fd, CLONE_NEWUSER);
    if (r < 0)
        return -r;
    if (caps_of(0).effective != BIT(CAP_LAST_CAP + 1) - 1 || sys_geteuid() != 65534)
        return 98;
    return sys_setns(foreign->fd, CLONE_NEWUSER) == -EINVAL ? 0 : 97;
}

CONFORM_CASE(who_may_join_a_user_namespace)
{
    static const struct {
        const char *label;
        struct foreign foreign;
        int result;
    } rows[] = {
        {"root joins that of a user", {5, 0, 0, 0, 0}, 0},       {"the owner joins", {5, 5, 0, 0, 0}, 0},
        {"another user does not", {5, 6, 0, 0, 0}, EPERM},       {"root joins its own", {0, 0, 0, 0, 0}, 0},
        {"a user does not join root's", {0, 6, 0, 0, 0}, EPERM},
    };
    int ready[2];
    char path[64], byte;

    FOR_CASES(row, rows)
    {
        struct foreign foreign = row->foreign;
        sys_pipe2(ready, O_CLOEXEC);
        int maker = spawn(own_then_make, (void *[]){&foreign, &ready[1]});
        sys_read(ready[0], &byte, 1);
        snprintf(path, sizeof(path), "/proc/%d/ns/user", maker + 1);
        foreign.fd = sys_openat(AT_FDCWD, path, O_RDONLY | O_CLOEXEC, 0);
        expect_true(foreign.fd >= 0);
        expect(in_child(join_as, &foreign), row->result);
        sys_kill(maker + 1, SIGKILL);
        expect(collect(maker), 256 - SIGKILL);
        sys_close(foreign.fd);
        sys_close(ready[0]);
        sys_close(ready[1]);
    }
}

static int born_inside(void *arg)
{
    (void)arg;
    if (caps_of(0).effective != BIT(CAP_LAST_CAP + 1) - 1 || sys_geteuid() != 65534)
        return 1;
    return sys_sethostname("born", 4) == 0 ? 0 : 2;
}

CONFORM_CASE(a_child_is_born_in_a_joined_user_namespace)
{
    int ready[2];
    char path[64], byte;

    sys_pipe2(ready, O_CLOEXEC);
    int other = make_foreign(NULL, &ready[1]);
    sys_read(ready[0], &byte, 1);
    snprintf(path, sizeof(path), "/proc/%d/ns/user", other);
    struct sys_join join = {sys_openat(AT_FDCWD, path, O_RDONLY | O_CLOEXEC, 0), CLONE_NEWUSER};
    struct sys_spawn args = {.flags = CLONE_NEWUTS, .joins = &join, .n_joins = 1, .cgroup_fd = -1};
    expect(collect(sys_spawn(&args, born_inside, NULL)), 0);
    args.flags = 0;
    expect(collect(sys_spawn(&args, born_inside, NULL)), 2);
    sys_kill(other, SIGKILL);
    expect(collect(other), -SIGKILL);
}
