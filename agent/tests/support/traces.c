/* SPDX-License-Identifier: Apache-2.0 */
#include <dirent.h>
#include <glob.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "agent/tests/support/expect.h"

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
