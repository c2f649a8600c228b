/* SPDX-License-Identifier: Apache-2.0 */
/* Cgroup mounts of PID 1. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "agent/guest/boot_mount.h"
#include "sys/fd.h"
#include "sys/sys.h"

#define CGROUP_DIR "/sys/fs/cgroup"
#define PROC_CGROUPS "/proc/cgroups"
#define PROC_CGROUPS_MAX (64 * 1024)
#define NO_PROGRAMS (MS_NOSUID | MS_NODEV | MS_NOEXEC)

const char *const boot_v1_controllers[BOOT_V1_CONTROLLERS] = {
    "cpu",     "cpuacct",    "blkio",    "cpuset",  "memory", "devices", "freezer",
    "net_cls", "perf_event", "net_prio", "hugetlb", "pids",   "rdma",
};

static const struct boot_mount unified_mount = {
    .fstype = "cgroup2",
    .source = "cgroup2",
    .target = CGROUP_DIR,
    .flags = NO_PROGRAMS | MS_RELATIME,
    .data = "nsdelegate",
};

static const struct boot_mount v1_root = {
    .fstype = "tmpfs", .source = "tmpfs", .target = CGROUP_DIR, .flags = NO_PROGRAMS, .data = "mode=755"};

/* One line of /proc/cgroups: "name<TAB>hierarchy<TAB>groups<TAB>enabled". */
static bool line_enables(const char *line, size_t len, const char *controller)
{
    size_t name = strlen(controller);
    const char *p = line + name;

    if (len <= name || strncmp(line, controller, name) != 0)
        return false;
    for (int field = 0; field < 2; field++) {
        if (*p++ != '\t')
            return false;
        p += strspn(p, "0123456789");
    }
    return p + 2 == line + len && p[0] == '\t' && p[1] == '1';
}

unsigned int boot_v1_controllers_enabled(const char *proc_cgroups)
{
    unsigned int enabled = 0;
    bool devices = false;

    for (const char *line = proc_cgroups; *line;) {
        size_t len = strcspn(line, "\n");
        for (unsigned int i = 0; i < BOOT_V1_CONTROLLERS; i++) {
            if (line_enables(line, len, boot_v1_controllers[i]))
                enabled |= 1u << i;
        }
        devices |= line_enables(line, len, "devices");
        line += len + (line[len] == '\n');
    }
    return devices ? enabled : 0;
}

static int mount_v1_controller(const char *name, const struct logger *log, struct error *err)
{
    char target[64];
    struct boot_mount mount = {
        .fstype = "cgroup", .source = "cgroup", .target = target, .flags = NO_PROGRAMS | MS_RELATIME, .data = name};

    snprintf(target, sizeof(target), "%s/%s", CGROUP_DIR, name);
    return boot_mount_apply(&mount, log, err);
}

/* Kernels that know nothing else than hierarchical accounting may have dropped the switch. */
static int use_memory_hierarchy(struct error *err)
{
    static const char path[] = CGROUP_DIR "/memory/memory.use_hierarchy";
    int r = file_write_at(AT_FDCWD, path, "1", 1);
    return r < 0 && r != -ENOENT ? error_set(err, r, "write '%s'", path) : 0;
}

static int mount_v1(unsigned int enabled, const struct logger *log, struct error *err)
{
    int r = boot_mount_apply(&v1_root, log, err);
    if (r < 0)
        return r;
    for (unsigned int i = 0; i < BOOT_V1_CONTROLLERS; i++) {
        if (!(enabled & 1u << i))
            continue;
        r = mount_v1_controller(boot_v1_controllers[i], log, err);
        if (r < 0)
            return r;
    }
    r = sys_mount("tmpfs", CGROUP_DIR, "tmpfs", NO_PROGRAMS | MS_REMOUNT | MS_RDONLY, "mode=755");
    if (r < 0)
        return error_set(err, r, "make '%s' read-only", CGROUP_DIR);
    return use_memory_hierarchy(err);
}

int boot_mount_cgroups(bool unified, const struct logger *log, struct error *err)
{
    _buf_ struct buf text = BUF_INIT(PROC_CGROUPS_MAX);

    if (unified)
        return boot_mount_apply(&unified_mount, log, err);
    int r = file_read_at(AT_FDCWD, PROC_CGROUPS, &text);
    if (r < 0)
        return error_set(err, r, "read '%s'", PROC_CGROUPS);
    unsigned int enabled = boot_v1_controllers_enabled(text.data ? text.data : "");
    if (!enabled) {
        log_warning(log, "mount", "no devices controller in %s: no cgroups are mounted", PROC_CGROUPS);
        return 0;
    }
    return mount_v1(enabled, log, err);
}
