/* SPDX-License-Identifier: Apache-2.0 */
/* Mounts of procfs: their options, what they show and to whom (proc(5)). */
#include "mocks/tests/support/random.h"

#define POINT "/tmp/p"

/* ---- options ---- */

static const struct {
    const char *label, *options;
    int result;
    const char *shown; /* NULL: as those of another mount without options */
} option_rows[] = {
    {"none", NULL, 0, ""},
    {"empty", "", 0, ""},
    {"hidepid 0", "hidepid=0", 0, ""},
    {"hidepid off", "hidepid=off", 0, ""},
    {"hidepid 1", "hidepid=1", 0, ",hidepid=noaccess"},
    {"hidepid noaccess", "hidepid=noaccess", 0, ",hidepid=noaccess"},
    {"hidepid 2", "hidepid=2", 0, ",hidepid=invisible"},
    {"hidepid invisible", "hidepid=invisible", 0, ",hidepid=invisible"},
    {"hidepid 3", "hidepid=3", -EINVAL, NULL},
    {"hidepid 4", "hidepid=4", 0, ",hidepid=ptraceable"},
    {"hidepid ptraceable", "hidepid=ptraceable", 0, ",hidepid=ptraceable"},
    {"hidepid nonsense", "hidepid=x", -EINVAL, NULL},
    {"hidepid empty", "hidepid=", -EINVAL, NULL},
    {"hidepid without value", "hidepid", -EINVAL, NULL},
    {"subset of processes", "subset=pid", 0, ",subset=pid"},
    {"subset twice", "subset=pid+pid", -EINVAL, NULL},
    {"subset with an end", "subset=pid+", -EINVAL, NULL},
    {"subset with a beginning", "subset=+pid", -EINVAL, NULL},
    {"subset of others", "subset=net", -EINVAL, NULL},
    {"subset and others", "subset=pid+net", -EINVAL, NULL},
    {"subset empty", "subset=", -EINVAL, NULL},
    {"subset without value", "subset", -EINVAL, NULL},
    {"group", "gid=5", 0, ",gid=5"},
    {"group octal", "gid=010", 0, ",gid=8"},
    {"group root", "gid=0", 0, ""},
    {"group too big", "gid=4294967296", -EINVAL, NULL},
    {"group negative", "gid=-1", -EINVAL, NULL},
    {"group without number", "gid=x", -EINVAL, NULL},
    {"group empty", "gid=", -EINVAL, NULL},
    {"the last counts", "hidepid=1,hidepid=2", 0, ",hidepid=invisible"},
    {"all", "subset=pid,hidepid=2,gid=7", 0, ",gid=7,hidepid=invisible,subset=pid"},
    {"unknown", "nonsense", -EINVAL, NULL},
    {"size", "size=1", -EINVAL, NULL},
};

/* What mountinfo shows behind "rw" for the last mount of the point. */
static const char *super_options(void)
{
    static char lines[4096];
    const char *found = strstr(mount_lines(POINT, lines, sizeof(lines)), " rw,relatime - proc proc rw");
    for (const char *next = found; next && (next = strstr(next + 1, " - proc proc rw"));)
        found = next;
    if (!found)
        return "no such mount";
    char *text = strstr(found, "proc proc rw") + strlen("proc proc rw");
    text[strcspn(text, "\n")] = '\0';
    return text;
}

CONFORM_CASE(options_of_mounts)
{
    expect(make_dir(POINT), 0);
    FOR_CASES(row, option_rows)
    {
        int r = sys_mount("proc", POINT, "proc", 0, row->options);
        expect(r, row->result);
        if (r == 0) {
            expect_text(super_options(), row->shown);
            expect(unmount(POINT, 0), 0);
        }
    }
}

CONFORM_CASE(options_of_contexts)
{
    static const struct {
        const char *label, *key, *value;
        int result;
    } rows[] = {
        {"hidepid", "hidepid", "invisible", 0},
        {"hidepid nonsense", "hidepid", "seen", -EINVAL},
        {"subset", "subset", "pid", 0},
        {"subset nonsense", "subset", "all", -EINVAL},
        {"group", "gid", "100", 0},
        {"unknown", "uid", "100", -EINVAL},
    };

    FOR_CASES(row, rows)
    {
        int fd = sys_fsopen("proc", 1);
        expect(sys_fsconfig(fd, FSCONFIG_SET_STRING, row->key, row->value, 0), row->result);
        sys_close(fd);
    }
}

CONFORM_CASE(a_remount_keeps_what_it_does_not_name)
{
    expect(make_dir(POINT), 0);
    expect(sys_mount("proc", POINT, "proc", 0, "hidepid=1,gid=3"), 0);
    expect(sys_mount(NULL, POINT, NULL, MS_REMOUNT, "hidepid=2"), 0);
    expect_text(super_options(), ",gid=3,hidepid=invisible");
    expect(sys_mount(NULL, POINT, NULL, MS_REMOUNT, NULL), 0);
    expect_text(super_options(), ",gid=3,hidepid=invisible");
    expect(sys_mount(NULL, POINT, NULL, MS_REMOUNT, "hidepid=3"), -EINVAL);
    expect_text(super_options(), ",gid=3,hidepid=invisible");
    expect(sys_mount(NULL, POINT, NULL, MS_REMOUNT, "hidepid=0,gid=0"), 0);
    expect_text(super_options(), "");
}

/* ---- who sees whom ---- */

struct look {
    const char *label, *options;
    uid_t uid;
    gid_t gid;
    bool own_process;
    int stat, open, status, link; /* of the directory twice, of status in it, of the link self */
    bool listed;
};

static const struct look looks[] = {
    {"a user, all shown", NULL, 1000, 1000, false, 0, 0, 0, 0, true},
    {"a user, noaccess", "hidepid=1", 1000, 1000, false, 0, -EPERM, -EPERM, 0, true},
    {"a user, invisible", "hidepid=2", 1000, 1000, false, -ENOENT, -ENOENT, -ENOENT, 0, false},
    {"a user, ptraceable", "hidepid=4", 1000, 1000, false, -ENOENT, -ENOENT, -ENOENT, 0, false},
    {"a user and itself, noaccess", "hidepid=1", 1000, 1000, true, 0, 0, 0, 0, true},
    {"a user and itself, invisible", "hidepid=2", 1000, 1000, true, 0, 0, 0, 0, true},
    {"a user and itself, ptraceable", "hidepid=4", 1000, 1000, true, 0, 0, 0, 0, true},
    {"root, invisible", "hidepid=2", 0, 0, false, 0, 0, 0, 0, true},
    {"root, ptraceable", "hidepid=4", 0, 0, false, 0, 0, 0, 0, true},
    {"the group, noaccess", "hidepid=1,gid=1000", 1000, 1000, false, 0, 0, 0, 0, true},
    {"the group, invisible", "hidepid=2,gid=1000", 1000, 1000, false, 0, 0, 0, 0, true},
    {"the group, ptraceable", "hidepid=4,gid=1000", 1000, 1000, false, -ENOENT, -ENOENT, -ENOENT, 0, false},
    {"another group, invisible", "hidepid=2,gid=7", 1000, 1000, false, -ENOENT, -ENOENT, -ENOENT, 0, false},
    {"in the group of root, invisible", "hidepid=2", 1000, 0, false, 0, 0, 0, 0, true},
};

static bool is_listed(const char *name)
{
    char names[64][32];
    int fd = sys_openat(AT_FDCWD, POINT, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0), n = list_names(fd, names, false);
    bool found = false;
    for (int i = 0; i < n; i++)
        found |= strcmp(names[i], name) == 0;
    sys_close(fd);
    return found;
}

static int looks_around(void *arg)
{
    const struct look *look = arg;
    char name[16], path[64];
    struct stat st;

    if (sys_setgroups(0, NULL) < 0 || sys_setresgid(look->gid, look->gid, look->gid) < 0 ||
        sys_setresuid(look->uid, look->uid, look->uid) < 0)
        return 99;
    snprintf(name, sizeof(name), "%d", look->own_process ? sys_getpid() : 1);
    snprintf(path, sizeof(path), POINT "/%s", name);
    expect(sys_fstatat(AT_FDCWD, path, &st, 0), look->stat);
    expect(closed(sys_openat(AT_FDCWD, path, O_RDONLY | O_CLOEXEC, 0)), look->open);
    snprintf(path, sizeof(path), POINT "/%s/status", name);
    expect(closed(sys_openat(AT_FDCWD, path, O_RDONLY | O_CLOEXEC, 0)), look->status);
    expect(closed(sys_openat(AT_FDCWD, POINT "/self/status", O_RDONLY | O_CLOEXEC, 0)), look->link);
    expect(is_listed(name), look->listed);
    return 0;
}

CONFORM_CASE(processes_are_hidden)
{
    expect(make_dir(POINT), 0);
    FOR_CASES(row, looks)
    {
        expect(sys_mount("proc", POINT, "proc", 0, row->options), 0);
        expect(in_child(looks_around, (void *)row), 0);
        expect(unmount(POINT, 0), 0);
    }
}

static int stats_held(void *arg)
{
    struct stat st;
    if (sys_setresgid(1000, 1000, 1000) < 0 || sys_setresuid(1000, 1000, 1000) < 0)
        return 99;
    return -sys_fstat(*(const int *)arg, &st);
}

CONFORM_CASE(a_held_directory_is_hidden_too)
{
    expect(make_dir(POINT), 0);
    expect(sys_mount("proc", POINT, "proc", 0, NULL), 0);
    int fd = sys_openat(AT_FDCWD, POINT "/1", O_PATH | O_CLOEXEC, 0);
    expect(in_child(stats_held, &fd), 0);
    expect(sys_mount(NULL, POINT, NULL, MS_REMOUNT, "hidepid=2"), 0);
    expect(in_child(stats_held, &fd), ENOENT);
    expect(sys_mount(NULL, POINT, NULL, MS_REMOUNT, "hidepid=1"), 0);
    expect(in_child(stats_held, &fd), 0);
    sys_close(fd);
}

/* ---- processes alone ---- */

CONFORM_CASE(a_subset_has_only_processes)
{
    static const struct {
        const char *label, *path;
        int result;
    } rows[] = {
        {"a process", POINT "/1/status", 0},
        {"self", POINT "/self/status", 0},
        {"thread-self", POINT "/thread-self/status", 0},
        {"a text", POINT "/cpuinfo", -ENOENT},
        {"mounts", POINT "/mounts", -ENOENT},
        {"net", POINT "/net", -ENOENT},
        {"sys", POINT "/sys", -ENOENT},
        {"a setting", POINT "/sys/kernel/hostname", -ENOENT},
        {"mounts of self", POINT "/self/mounts", 0},
    };

    expect(make_dir(POINT), 0);
    expect(sys_mount("proc", POINT, "proc", 0, "subset=pid"), 0);
    FOR_CASES(row, rows)
    expect(closed(sys_openat(AT_FDCWD, row->path, O_RDONLY | O_CLOEXEC, 0)), row->result);
}

CONFORM_CASE(a_subset_lists_only_processes)
{
    static const struct {
        const char *label, *name;
        bool listed;
    } rows[] = {{"process 1", "1", true},     {"self", "self", true}, {"thread-self", "thread-self", true},
                {"mounts", "mounts", false},  {"net", "net", false},  {"sys", "sys", false},
                {"cpuinfo", "cpuinfo", false}};

    expect(make_dir(POINT), 0);
    expect(sys_mount("proc", POINT, "proc", 0, "subset=pid"), 0);
    FOR_CASES(row, rows)
    expect(is_listed(row->name), row->listed);
}
