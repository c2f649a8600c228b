/* SPDX-License-Identifier: Apache-2.0 */
/* What /proc shows of mounts, descriptors, maps and settings, and how its files are read in parts and written. */
#include <sched.h>

#include "mocks/tests/cgroups.h"
#include "mocks/tests/support/random.h"

static const char *of(int pid, const char *file)
{
    static _Thread_local char path[64];

    snprintf(path, sizeof(path), "/proc/%d/%s", pid, file);
    return path;
}

/* The line of a text that has the word; "" when there is none. */
static const char *line_with(const char *path, const char *word)
{
    static _Thread_local char line[512];
    const char *text = text_of(AT_FDCWD, path), *found = strstr(text, word), *begin = found;

    line[0] = '\0';
    if (!found)
        return line;
    while (begin > text && begin[-1] != '\n')
        begin--;
    snprintf(line, sizeof(line), "%.*s", (int)strcspn(begin, "\n"), begin);
    char *wide = strstr(line, ",inode64"); /* a kernel may be built to say so of each tmpfs */
    if (wide)
        memmove(wide, wide + 8, strlen(wide + 8) + 1);
    return line;
}

/* ---- mounts ---- */

CONFORM_CASE(lines_of_mounts)
{
    static const struct {
        const char *label, *source, *options;
        unsigned long flags;
        const char *line;
    } rows[] = {
        {"plain", "tmpfs", NULL, 0, "tmpfs /tmp/m tmpfs rw,relatime 0 0"},
        {"flags", "tmpfs", NULL, MS_NOSUID | MS_NODEV | MS_NOEXEC, "tmpfs /tmp/m tmpfs rw,nosuid,nodev,noexec,relatime 0 0"},
        {"for reading", "tmpfs", NULL, MS_RDONLY, "tmpfs /tmp/m tmpfs ro,relatime 0 0"},
        {"times", "tmpfs", NULL, MS_NOATIME | MS_NODIRATIME, "tmpfs /tmp/m tmpfs rw,noatime,nodiratime 0 0"},
        {"all times", "tmpfs", NULL, MS_STRICTATIME, "tmpfs /tmp/m tmpfs rw 0 0"},
        {"no links", "tmpfs", NULL, MS_NOSYMFOLLOW, "tmpfs /tmp/m tmpfs rw,relatime,nosymfollow 0 0"},
        {"options", "tmpfs", "size=64k,mode=700", 0, "tmpfs /tmp/m tmpfs rw,relatime,size=64k,mode=700 0 0"},
        {"another name", "some name", NULL, 0, "some\\040name /tmp/m tmpfs rw,relatime 0 0"},
        {"odd name", "a\tb\\c#d", NULL, 0, "a\\011b\\134c\\043d /tmp/m tmpfs rw,relatime 0 0"},
        {"empty name", "", NULL, 0, " /tmp/m tmpfs rw,relatime 0 0"},
        {"synchronous", "tmpfs", NULL, MS_SYNCHRONOUS, "tmpfs /tmp/m tmpfs rw,sync,relatime 0 0"},
        {"synchronous directories", "tmpfs", NULL, MS_DIRSYNC, "tmpfs /tmp/m tmpfs rw,dirsync,relatime 0 0"},
    };

    expect(make_dir("/tmp/m"), 0);
    FOR_CASES(row, rows)
    {
        expect(sys_mount(row->source, "/tmp/m", "tmpfs", row->flags, row->options), 0);
        expect_text(line_with("/proc/self/mounts", " /tmp/m "), row->line);
        expect(unmount("/tmp/m", 0), 0);
    }
}

CONFORM_CASE(three_views_of_the_same_mounts)
{
    static const char *const files[] = {"mounts", "mountinfo", "mountstats"};
    int n[3];

    expect(make_mount("/tmp/m"), 0);
    expect(make_mount("/tmp/m/n"), 0);
    for (int i = 0; i < 3; i++) {
        n[i] = 0;
        for (const char *at = text_of(AT_FDCWD, of(sys_getpid(), files[i])); (at = strchr(at, '\n')); at++)
            n[i]++;
    }
    expect(n[0], n[1]);
    expect(n[2], n[1]);
    expect_text(line_with("/proc/self/mountstats", " /tmp/m "), "device tmpfs mounted on /tmp/m with fstype tmpfs");
}

static int has_own_mount(void *arg)
{
    const int *pipe = arg;
    expect(set_propagation("/", MS_PRIVATE | MS_REC), 0);
    expect(make_mount("/tmp/own"), 0);
    sys_write(pipe[1], "x", 1);
    return sleep_for_ever(NULL);
}

CONFORM_CASE(mounts_of_another_process)
{
    int ready[2];
    char byte;

    expect(make_mount("/tmp/mine"), 0);
    expect(sys_pipe2(ready, O_CLOEXEC), 0);
    int pid = sys_spawn(&(struct sys_spawn){.flags = CLONE_NEWNS, .cgroup_fd = -1}, has_own_mount, ready);
    expect(sys_read(ready[0], &byte, 1), 1);
    expect_true(*line_with(of(pid, "mounts"), " /tmp/own ") != '\0');
    expect_true(*line_with(of(pid, "mountinfo"), " /tmp/own ") != '\0');
    expect_true(*line_with(of(pid, "mounts"), " /tmp/mine ") != '\0');
    expect_true(*line_with("/proc/self/mounts", " /tmp/own ") == '\0');
    expect(unmount("/tmp/mine", 0), 0);
    expect_true(*line_with(of(pid, "mounts"), " /tmp/mine ") != '\0');
    kill_and_collect(pid);
    expect_text(text_of(AT_FDCWD, of(pid, "mounts")), "-ENOENT");
}

static int looks_from_chroot(void *arg)
{
    (void)arg;
    int proc = sys_openat(AT_FDCWD, "/proc/self", O_PATH | O_DIRECTORY | O_CLOEXEC, 0);
    expect(sys_chroot("/tmp/m"), 0);
    expect_true(strstr(text_of(proc, "mounts"), "tmpfs / tmpfs ") != NULL);
    expect_true(strstr(text_of(proc, "mounts"), "tmpfs /n tmpfs ") != NULL);
    expect_true(strstr(text_of(proc, "mounts"), "/tmp/other") == NULL);
    expect_true(strstr(text_of(proc, "mounts"), "/proc") == NULL);
    return 0;
}

CONFORM_CASE(mounts_are_those_below_the_root)
{
    expect(make_mount("/tmp/m"), 0);
    expect(make_mount("/tmp/m/n"), 0);
    expect(make_mount("/tmp/other"), 0);
    expect(in_child(looks_from_chroot, NULL), 0);
}

/* ---- descriptors ---- */

static bool lists_name(const char *dir, const char *name)
{
    char names[64][32];
    int fd = sys_openat(AT_FDCWD, dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0), n = list_names(fd, names, false);
    bool found = false;

    for (int i = 0; i < n; i++)
        found |= strcmp(names[i], name) == 0;
    sys_close(fd);
    return found;
}

CONFORM_CASE(descriptors_are_listed)
{
    static const struct {
        const char *label, *dir;
    } rows[] = {{"fd", "/proc/self/fd"}, {"fdinfo", "/proc/self/fdinfo"}};

    FOR_CASES(row, rows)
    {
        int file = sys_openat(AT_FDCWD, "/tmp", O_RDONLY | O_CLOEXEC, 0);
        expect(sys_dup3(file, 40, 0), 40);
        expect(lists_name(row->dir, "40"), true);
        expect(lists_name(row->dir, "41"), false);
        expect(sys_close(40), 0);
        expect(lists_name(row->dir, "40"), false);
        sys_close(file);
    }
}

CONFORM_CASE(numbers_that_name_no_descriptor)
{
    static const struct {
        const char *label, *path;
        int result;
    } rows[] = {
        {"open", "/proc/self/fd/40", 0},
        {"open, info", "/proc/self/fdinfo/40", 0},
        {"closed", "/proc/self/fd/41", -ENOENT},
        {"closed, info", "/proc/self/fdinfo/41", -ENOENT},
        {"leading zero", "/proc/self/fd/040", -ENOENT},
        {"large", "/proc/self/fd/123456789", -ENOENT},
        {"larger", "/proc/self/fd/1234567890", -ENOENT},
        {"beyond", "/proc/self/fd/99999999999", -ENOENT},
        {"negative", "/proc/self/fd/-1", -ENOENT},
        {"letters", "/proc/self/fd/4x", -ENOENT},
        {"own thread", "/proc/thread-self/fd/40", 0},
        {"of process 1", "/proc/1/fd/40", -ENOENT},
    };
    int file = sys_openat(AT_FDCWD, "/tmp", O_RDONLY | O_CLOEXEC, 0);

    expect(sys_dup3(file, 40, 0), 40);
    FOR_CASES(row, rows)
    expect(closed(sys_openat(AT_FDCWD, row->path, O_RDONLY | O_CLOEXEC, 0)), row->result);
}

CONFORM_CASE(threads_are_listed)
{
    char name[16], path[64];

    snprintf(name, sizeof(name), "%d", sys_getpid());
    expect(lists_name("/proc/self/task", name), true);
    expect(lists_name("/proc/self/task", "1"), false);
    snprintf(path, sizeof(path), "/proc/1/task/%s", name);
    expect(closed(sys_openat(AT_FDCWD, path, O_PATH | O_CLOEXEC, 0)), -ENOENT);
    expect(closed(sys_openat(AT_FDCWD, "/proc/1/task/1/status", O_RDONLY | O_CLOEXEC, 0)), 0);
    expect(closed(sys_openat(AT_FDCWD, "/proc/1/task/1/task", O_RDONLY | O_CLOEXEC, 0)), -ENOENT);
}

CONFORM_CASE(namespaces_are_listed)
{
    static const struct {
        const char *label;
        bool there;
    } rows[] = {{"mnt", true},    {"pid", true},  {"pid_for_children", true}, {"net", true},  {"uts", true},
                {"user", true},   {"ipc", true},  {"cgroup", true},           {"time", true}, {"time_for_children", true},
                {"mount", false}, {"proc", false}};

    FOR_CASES(row, rows)
    expect(lists_name("/proc/self/ns", row->label), row->there);
}

/* ---- reading in parts and writing ---- */

CONFORM_CASE(files_are_read_in_parts)
{
    static const struct {
        const char *label, *path;
    } rows[] = {
        {"a map", "/proc/self/uid_map"},   {"status", "/proc/self/status"},          {"mounts", "/proc/self/mounts"},
        {"limits", "/proc/self/limits"},   {"a setting", "/proc/sys/kernel/ostype"}, {"setgroups", "/proc/self/setgroups"},
        {"cmdline", "/proc/self/cmdline"}, {"cgroup", "/proc/self/cgroup"},
    };

    FOR_CASES(row, rows)
    {
        static char whole[TEXT_MAX], parts[TEXT_MAX];
        size_t len = 0;
        ssize_t n;
        int fd = sys_openat(AT_FDCWD, row->path, O_RDONLY | O_CLOEXEC, 0);
        ssize_t all = sys_read(fd, whole, sizeof(whole));
        expect_true(all > 0);
        expect(sys_read(fd, parts, sizeof(parts)), 0);
        expect(sys_pread(fd, parts, 3, 1), 3);
        expect(memcmp(parts, whole + 1, 3), 0);
        sys_close(fd);
        fd = sys_openat(AT_FDCWD, row->path, O_RDONLY | O_CLOEXEC, 0);
        while (len + 5 < sizeof(parts) && (n = sys_read(fd, parts + len, 5)) > 0)
            len += (size_t)n;
        /* Counters in it may have moved. */
        expect(len, all);
        expect(memcmp(parts, whole, 5), 0);
        sys_close(fd);
    }
}
