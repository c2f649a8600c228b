/* SPDX-License-Identifier: Apache-2.0 */
/* uid_map, gid_map and setgroups of a user namespace: who may write what, once (user_namespaces(7)). */
#include <sched.h>
#include <sys/prctl.h>

#include "mocks/tests/cgroups.h"

#define KEEP ((uint32_t)-1)

static const char *of(int pid, const char *file)
{
    static _Thread_local char path[64];

    snprintf(path, sizeof(path), "/proc/%d/%s", pid, file);
    return path;
}

static int newborn(void)
{
    struct sys_spawn args = {.flags = CLONE_NEWUSER, .cgroup_fd = -1};
    return sys_spawn(&args, sleep_for_ever, NULL);
}

/* ---- what a privileged parent writes ---- */

CONFORM_CASE(maps_that_are_refused)
{
    static const struct {
        const char *label, *text;
        int result;
    } rows[] = {
        {"whole range", "0 0 4294967295", 0},
        {"one id", "0 1000 1", 0},
        {"with newline", "0 1000 1\n", 0},
        {"tabs", "0\t1000\t1", 0},
        {"two lines", "0 1000 1\n1 2000 5\n", 0},
        {"five lines", "0 0 1\n1 1 1\n2 2 1\n3 3 1\n4 4 1\n", 0},
        {"six lines", "0 0 1\n1 1 1\n2 2 1\n3 3 1\n4 4 1\n5 5 1\n", 0},
        {"nothing", "\n", -EINVAL},
        {"two numbers", "0 1000", -EINVAL},
        {"four numbers", "0 1000 1 2", -EINVAL},
        {"words", "a b c", -EINVAL},
        {"negative", "-1 0 1", -EINVAL},
        {"length 0", "0 1000 0", -EINVAL},
        {"last id inside", "4294967295 0 1", -EINVAL},
        {"last id outside", "0 4294967295 1", -EINVAL},
        {"wraps inside", "4294967290 0 100", -EINVAL},
        {"wraps outside", "0 4294967290 100", -EINVAL},
        {"overlaps inside", "0 1000 10\n5 2000 10\n", -EINVAL},
        {"overlaps outside", "0 1000 10\n20 1005 10\n", -EINVAL},
        {"empty line between", "0 1000 1\n\n1 2000 1\n", -EINVAL},
    };

    FOR_CASES(row, rows)
    {
        int pid = newborn();
        expect(put(AT_FDCWD, of(pid, "uid_map"), row->text), row->result);
        expect(put(AT_FDCWD, of(pid, "gid_map"), row->text), row->result);
        kill_and_collect(pid);
    }
}

CONFORM_CASE(a_map_is_written_once)
{
    int pid = newborn();

    expect_text(text_of(AT_FDCWD, of(pid, "uid_map")), "");
    expect_text(text_of(AT_FDCWD, of(pid, "setgroups")), "allow\n");
    expect(put(AT_FDCWD, of(pid, "uid_map"), "0 1000 5\n10 3000 1"), 0);
    expect_text(text_of(AT_FDCWD, of(pid, "uid_map")), "         0       1000          5\n        10       3000          1\n");
    expect(put(AT_FDCWD, of(pid, "uid_map"), "0 1000 5"), -EPERM);
    expect_text(text_of(AT_FDCWD, of(pid, "gid_map")), "");
    expect(put(AT_FDCWD, of(pid, "gid_map"), "0 1000 5"), 0);
    expect(put(AT_FDCWD, of(pid, "gid_map"), "0 1000 5"), -EPERM);
    expect(put(AT_FDCWD, of(pid, "setgroups"), "deny"), -EPERM); /* too late */
    kill_and_collect(pid);
}

CONFORM_CASE(the_first_namespace_maps_everything)
{
    expect_text(text_of(AT_FDCWD, "/proc/self/uid_map"), "         0          0 4294967295\n");
    expect_text(text_of(AT_FDCWD, "/proc/self/gid_map"), "         0          0 4294967295\n");
    expect_text(text_of(AT_FDCWD, "/proc/self/setgroups"), "allow\n");
    expect(put(AT_FDCWD, "/proc/self/uid_map", "0 0 1"), -EPERM);
}

CONFORM_CASE(setgroups_is_a_word)
{
    static const struct {
        const char *label, *text;
        int result;
        const char *shown;
    } rows[] = {
        {"allow", "allow", 0, "allow\n"},
        {"deny", "deny", 0, "deny\n"},
        {"with newline", "deny\n", 0, "deny\n"},
        {"other word", "never", -EINVAL, "allow\n"},
        {"rest", "deny x", -EINVAL, "allow\n"},
        {"long", "denydenydeny", -EINVAL, "allow\n"},
        {"prefix", "den", -EINVAL, "allow\n"},
        {"allow with newline", "allow\n", 0, "allow\n"},
        {"with blanks", "deny \t", 0, "deny\n"},
        {"blank before", " deny", -EINVAL, "allow\n"},
        {"four letters", "nope", -EINVAL, "allow\n"},
        {"five letters", "never", -EINVAL, "allow\n"},
        {"longer word", "denyx", -EINVAL, "allow\n"},
        {"longer allow", "allowx", -EINVAL, "allow\n"},
        {"capitals", "DENY", -EINVAL, "allow\n"},
    };

    FOR_CASES(row, rows)
    {
        int pid = newborn();
        expect(put(AT_FDCWD, of(pid, "setgroups"), row->text), row->result);
        expect_text(text_of(AT_FDCWD, of(pid, "setgroups")), row->shown);
        kill_and_collect(pid);
    }
    int pid = newborn();
    expect(put(AT_FDCWD, of(pid, "setgroups"), "deny"), 0);
    expect(put(AT_FDCWD, of(pid, "setgroups"), "allow"), -EPERM);
    expect(put(AT_FDCWD, of(pid, "setgroups"), "deny"), 0);
    expect(put(AT_FDCWD, of(pid, "gid_map"), "0 0 1"), 0);
    kill_and_collect(pid);
}

/* ---- who opened and who writes ---- */

struct borrowed {
    const char *label, *file, *text;
    bool user_opens, user_writes;
    int result;
};

static int writes_borrowed(void *arg)
{
    const struct borrowed *row = arg;
    int pid = newborn(), fd = -1;

    if (row->user_opens) {
        sys_setresuid(KEEP, 1000, KEEP);
        fd = sys_openat(AT_FDCWD, of(pid, row->file), O_WRONLY | O_CLOEXEC, 0);
        sys_setresuid(KEEP, 0, KEEP);
    } else {
        fd = sys_openat(AT_FDCWD, of(pid, row->file), O_WRONLY | O_CLOEXEC, 0);
    }
    if (fd < 0)
        return -fd;
    if (row->user_writes)
        sys_setresuid(KEEP, 1000, KEEP);
    ssize_t n = sys_write(fd, row->text, strlen(row->text));
    sys_setresuid(KEEP, 0, KEEP);
    kill_and_collect(pid);
    return n < 0 ? (int)-n : 0;
}

CONFORM_CASE(opener_and_writer_need_the_power)
{
    static const struct borrowed rows[] = {
        {"root for root", "uid_map", "0 5000 10", false, false, 0},
        {"root opens, a user writes", "uid_map", "0 5000 10", false, true, EPERM},
        {"root opens, a user writes groups", "gid_map", "0 5000 10", false, true, EPERM},
        {"a user opens", "uid_map", "0 5000 10", true, false, EACCES},
        {"root opens, a user denies", "setgroups", "deny", false, true, 0},
    };

    FOR_CASES(row, rows)
    expect(in_child(writes_borrowed, (void *)row), row->result);
}

/* ---- depth ---- */

static int nests(void *arg)
{
    int *levels = arg, r;
    while ((r = sys_unshare(CLONE_NEWUSER)) == 0) {
        if (put(AT_FDCWD, "/proc/self/uid_map", "0 0 1") < 0 || put(AT_FDCWD, "/proc/self/setgroups", "deny") < 0 ||
            put(AT_FDCWD, "/proc/self/gid_map", "0 0 1") < 0)
            return 200;
        ++*levels;
    }
    expect(*levels, 33);
    return -r;
}

CONFORM_CASE(user_namespaces_nest_only_so_deep)
{
    int levels = 0;
    expect(in_child(nests, &levels), ENOSPC);
}

CONFORM_CASE(a_write_that_does_not_begin_at_the_beginning)
{
    int pid = newborn();
    int fd = sys_openat(AT_FDCWD, of(pid, "uid_map"), O_RDWR | O_CLOEXEC, 0);

    expect(sys_pwrite(fd, "0 1000 1", 8, 5), -ESPIPE);
    expect(sys_write(fd, "0 1000 1", 8), 8);
    expect(sys_write(fd, "0 1000 1", 8), -EINVAL);
    kill_and_collect(pid);
}

/* ---- what a process without privileges writes for itself ---- */

struct own {
    const char *file, *text;
    bool deny;
    uid_t uid;
};

static int write_own(void *arg)
{
    const struct own *own = arg;

    if (sys_setresgid(own->uid, own->uid, own->uid) < 0 || sys_setresuid(own->uid, own->uid, own->uid) < 0)
        return 200;
    sys_prctl(PR_SET_DUMPABLE, 1, 0, 0, 0); /* or the files would be root's */
    if (sys_unshare(CLONE_NEWUSER) < 0)
        return 201;
    if (own->deny && put(AT_FDCWD, "/proc/self/setgroups", "deny") < 0)
        return 202;
    return -put(AT_FDCWD, own->file, own->text);
}

CONFORM_CASE(users_map_themselves)
{
    static const struct {
        const char *label;
        struct own own;
        int result;
    } rows[] = {
        {"own user", {"/proc/self/uid_map", "0 1000 1", false, 1000}, 0},
        {"own user as another", {"/proc/self/uid_map", "5 1000 1", false, 1000}, 0},
        {"another user", {"/proc/self/uid_map", "0 1001 1", false, 1000}, EPERM},
        {"root", {"/proc/self/uid_map", "0 0 1", false, 1000}, EPERM},
        {"two users", {"/proc/self/uid_map", "0 1000 2", false, 1000}, EPERM},
        {"two lines", {"/proc/self/uid_map", "0 1000 1\n1 1001 1", false, 1000}, EPERM},
        {"group without denying setgroups", {"/proc/self/gid_map", "0 1000 1", false, 1000}, EPERM},
        {"group after denying setgroups", {"/proc/self/gid_map", "0 1000 1", true, 1000}, 0},
        {"another group", {"/proc/self/gid_map", "0 1001 1", true, 1000}, EPERM},
        {"root maps itself", {"/proc/self/uid_map", "0 0 1", false, 0}, 0},
        {"root maps another", {"/proc/self/uid_map", "0 1000 1", false, 0}, EPERM},
    };

    FOR_CASES(row, rows)
    expect(in_child(write_own, (void *)&row->own), row->result);
}

/* ---- effects ---- */

static int look_inside(void *arg)
{
    (void)arg;
    if (sys_geteuid() != 65534)
        return 1;
    if (sys_unshare(CLONE_NEWUSER) < 0)
        return 2;
    return sys_geteuid() == 65534 ? 0 : 3;
}

CONFORM_CASE(without_a_map_everybody_is_nobody)
{
    struct sys_spawn args = {.flags = CLONE_NEWUSER, .cgroup_fd = -1};
    int r = collect(sys_spawn(&args, look_inside, NULL));

    expect_true(r == 0 || r == 2);
}

static int see_ids(void *arg)
{
    const int *pipe = arg;
    char byte;
    struct stat st;

    sys_read(pipe[0], &byte, 1);
    if (sys_geteuid() != 0 || sys_getegid() != 0)
        return 1;
    if (sys_fstatat(AT_FDCWD, "/tmp/of-1000", &st, 0) < 0 || st.st_uid != 1 || st.st_gid != 65534)
        return 2;
    if (strncmp(text_of(AT_FDCWD, "/proc/self/uid_map"), "         0          0          1\n         1       1000          1\n",
                66) != 0)
        return 3;
    if (!strstr(text_of(AT_FDCWD, "/proc/self/status"), "\nUid:\t0\t0\t0\t0\n"))
        return 4;
    return sys_setresuid(5, 5, 5) == -EINVAL ? 0 : 5;
}

CONFORM_CASE(ids_are_shown_as_mapped)
{
    struct sys_spawn args = {.flags = CLONE_NEWUSER, .cgroup_fd = -1};
    int pipe[2];

    sys_pipe2(pipe, O_CLOEXEC);
    sys_close(sys_openat(AT_FDCWD, "/tmp/of-1000", O_CREAT | O_WRONLY | O_CLOEXEC, 0644));
    expect(sys_fchownat(AT_FDCWD, "/tmp/of-1000", 1000, 1000, 0), 0);
    int pid = sys_spawn(&args, see_ids, pipe);
    expect(put(AT_FDCWD, of(pid, "uid_map"), "0 0 1\n1 1000 1"), 0);
    expect(put(AT_FDCWD, of(pid, "gid_map"), "0 0 1"), 0);
    expect(sys_write(pipe[1], "x", 1), 1);
    expect(collect(pid), 0);
}

static int map_child(void *arg)
{
    const int *pipe = arg;
    char byte;

    sys_read(pipe[0], &byte, 1);
    int pid = newborn();
    if (pid < 0)
        return 1;
    int r = put(AT_FDCWD, of(pid, "uid_map"), "0 0 1\n7 1 1");
    int beyond = put(AT_FDCWD, of(pid, "gid_map"), "0 500 1");
    const char *text = text_of(AT_FDCWD, of(pid, "uid_map"));
    bool shown = strcmp(text, "         0          0          1\n         7          1          1\n") == 0;
    sys_kill(pid, SIGKILL);
    collect(pid);
    return r < 0 ? 2 : !shown ? 3 : beyond == -EPERM ? 0 : 4;
}

CONFORM_CASE(maps_of_maps)
{
    struct sys_spawn args = {.flags = CLONE_NEWUSER, .cgroup_fd = -1};
    int pipe[2];

    sys_pipe2(pipe, O_CLOEXEC);
    int pid = sys_spawn(&args, map_child, pipe);
    expect(put(AT_FDCWD, of(pid, "uid_map"), "0 0 1\n1 1000 1"), 0);
    expect(put(AT_FDCWD, of(pid, "gid_map"), "0 0 1"), 0);
    expect(sys_write(pipe[1], "x", 1), 1);
    expect(collect(pid), 0);
}
