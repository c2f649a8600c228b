/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/tests/support/expect.h"

#include <dirent.h>
#include <fcntl.h>
#include <glob.h>
#include <sched.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#define TRIES 200
#define PAUSE_US 5000

static long count_dir(const char *path)
{
    long n = 0;

    DIR *dir = opendir(path);
    if (!dir)
        return -1;
    while (readdir(dir))
        n++;
    closedir(dir);
    return n - 2;
}

/* How often a character stands in a file of /proc. */
static long count_in_file(const char *path, char wanted)
{
    long n = 0;

    FILE *file = fopen(path, "re");
    if (!file)
        return -1;
    for (int c; (c = getc(file)) != EOF;)
        n += c == wanted;
    fclose(file);
    return n;
}

static long count_paths(const char *pattern)
{
    glob_t found;

    if (glob(pattern, GLOB_ONLYDIR, NULL, &found) != 0)
        return 0;
    long n = (long)found.gl_pathc;
    globfree(&found);
    return n;
}

struct traces traces_now(const struct rig *rig)
{
    struct traces traces;
    char path[192];

    snprintf(path, sizeof(path), "/sys/fs/cgroup/*%s/*/", rig->cgroup);
    traces.cgroups = count_paths(path);
    snprintf(path, sizeof(path), "/sys/fs/cgroup%s/*/", rig->cgroup);
    traces.cgroups += count_paths(path);
    snprintf(path, sizeof(path), "%s/run", rig->dir);
    traces.bundles = count_dir(path);
    snprintf(path, sizeof(path), "/proc/%d/mountinfo", rig->agent_pid);
    traces.mounts = count_in_file(path, '\n');
    snprintf(path, sizeof(path), "/proc/%d/task/%d/children", rig->agent_pid, rig->agent_pid);
    traces.children = count_in_file(path, ' ');
    snprintf(path, sizeof(path), "/proc/%d/fd", rig->agent_pid);
    traces.descriptors = count_dir(path);
    return traces;
}

void traces_expect(const struct rig *rig, const struct traces *before, const char *label)
{
    struct traces now = traces_now(rig);

    for (int i = 0; i < TRIES && memcmp(&now, before, sizeof(now)) != 0; i++) {
        usleep(PAUSE_US);
        now = traces_now(rig);
    }
    if (memcmp(&now, before, sizeof(now)) != 0)
        fail_msg("%s left behind: cgroups %+ld, bundles %+ld, mounts %+ld, children %+ld, descriptors %+ld", label,
                 now.cgroups - before->cgroups, now.bundles - before->bundles, now.mounts - before->mounts,
                 now.children - before->children, now.descriptors - before->descriptors);
}

/* ---- containers ---- */

static void expect_text(const char *what, int code, const char *out, const char *errors, const char *want)
{
    if (code != 0 || strcmp(out, want) != 0)
        fail_msg("%s: exit code %d, stdout:\n%s\nwanted:\n%s\nstderr:\n%s", what, code, out, want, errors);
}

void expect_output(struct rig *rig, const char *id, const struct oci_spec *spec, const char *want)
{
    char *out, *errors;

    int code = rig_run_container(rig, id, spec, &out, &errors);
    expect_text(id, code, out, errors, want);
}

void expect_exec_output(struct rig *rig, const char *id, const struct oci_process *process, const char *want)
{
    EXPECT_OK(rig_exec(rig, id, "expected", process, &err));
    char *out = rig_read_all(rig, id, "expected", false);
    char *errors = rig_read_all(rig, id, "expected", true);
    expect_text("exec", rig_wait(rig, id, "expected"), out, errors, want);
}

void expect_running(struct rig *rig, const char *id, const struct oci_spec *spec)
{
    EXPECT_OK(rig_create(rig, id, spec, &err));
    EXPECT_OK(rig_start(rig, id, &err));
}

int in_mounts_of_agent(const struct rig *rig, int (*fn)(const char *arg), const char *arg)
{
    char path[64];
    int status;

    snprintf(path, sizeof(path), "/proc/%d/ns/mnt", rig->agent_pid);
    int pid = fork();
    if (pid == 0) {
        int fd = open(path, O_RDONLY | O_CLOEXEC);
        _exit(fd < 0 || setns(fd, CLONE_NEWNS) < 0 ? 98 : fn(arg));
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 97;
}
