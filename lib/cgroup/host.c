/* SPDX-License-Identifier: Apache-2.0 */
/* Which cgroup hierarchies the machine has. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <linux/magic.h>

#include "cgroup/cgroup_internal.h"
#include "sys/mountinfo.h"
#include "sys/fd.h"

#define HOST_MEMORY_MAX (256 * 1024)

/* NULL: that version has no such controller, or it has no name in cgroup.controllers. */
static const struct {
    const char *names[2];
} controllers[CONTROLLER_MAX] = {
    [CONTROLLER_CPUSET] = {{"cpuset", "cpuset"}},
    [CONTROLLER_CPU] = {{"cpu", "cpu"}},
    [CONTROLLER_CPUACCT] = {{"cpuacct", NULL}},
    [CONTROLLER_MEMORY] = {{"memory", "memory"}},
    [CONTROLLER_PIDS] = {{"pids", "pids"}},
    [CONTROLLER_IO] = {{"blkio", "io"}},
    [CONTROLLER_HUGETLB] = {{"hugetlb", "hugetlb"}},
    [CONTROLLER_DEVICES] = {{"devices", NULL}},
    [CONTROLLER_FREEZER] = {{"freezer", NULL}},
    [CONTROLLER_NET_CLS] = {{"net_cls", NULL}},
    [CONTROLLER_NET_PRIO] = {{"net_prio", NULL}},
    [CONTROLLER_PERF_EVENT] = {{"perf_event", NULL}},
    [CONTROLLER_RDMA] = {{"rdma", NULL}},
    [CONTROLLER_SYSTEMD] = {{"name=systemd", NULL}},
};

const char *controller_name(enum controller controller, int version)
{
    return controllers[controller].names[version - 1] ?: controllers[controller].names[0];
}

uint32_t controllers_parse(const char *text, const char *separators, int version)
{
    uint32_t found = 0;

    for (text += strspn(text, separators); *text; text += strspn(text, separators)) {
        size_t len = strcspn(text, separators);
        for (int i = 0; i < CONTROLLER_MAX; i++) {
            const char *name = controllers[i].names[version - 1];
            if (name && strlen(name) == len && memcmp(name, text, len) == 0)
                found |= UINT32_C(1) << i;
        }
        text += len;
    }
    return found;
}

static bool path_is_below(const char *path, const char *root)
{
    size_t len = strlen(root);
    while (len > 0 && root[len - 1] == '/')
        len--;
    return strncmp(path, root, len) == 0 && path[len] == '/' && path[len + 1] != '\0';
}

size_t cgroup_mounts_parse(char *text, const char *root, struct hierarchy_spec specs[HIERARCHIES_MAX])
{
    struct mountinfo mount;
    size_t n = 0;

    while (n < HIERARCHIES_MAX && mountinfo_next(&text, &mount)) {
        bool is_v1 = strcmp(mount.type, "cgroup") == 0;
        if ((is_v1 || strcmp(mount.type, "cgroup2") == 0) && path_is_below(mount.point, root))
            specs[n++] = (struct hierarchy_spec){is_v1 ? 1 : 2, mount.options, mount.point};
    }
    return n;
}

static uint32_t host_controllers(const struct cgroup_host *host)
{
    uint32_t all = 0;

    for (size_t i = 0; i < host->n_hierarchies; i++)
        all |= host->hierarchies[i].controllers;
    return all;
}

static bool host_has_v2(const struct cgroup_host *host)
{
    for (size_t i = 0; i < host->n_hierarchies; i++) {
        if (host->hierarchies[i].version == 2)
            return true;
    }
    return false;
}

static int hierarchy_controllers(const struct hierarchy_spec *spec, int fd, uint32_t *ret_controllers, struct error *err)
{
    if (spec->version == 1) {
        *ret_controllers = controllers_parse(spec->options, ",", 1);
        return 0;
    }

    _buf_ struct buf text = BUF_INIT(CONTROL_FILE_MAX);
    int r = control_read(fd, "cgroup.controllers", &text);
    if (r < 0)
        return error_set(err, r, "read %s/cgroup.controllers", spec->path);
    *ret_controllers = controllers_parse(text.data, " \n", 2);
    return 0;
}

/* A second mount of a hierarchy, and one without a controller that anything here needs, is left out. */
static int host_add(struct cgroup_host *host, const struct hierarchy_spec *spec, struct error *err)
{
    if (host->n_hierarchies == HIERARCHIES_MAX || (spec->version == 2 && host_has_v2(host)))
        return 0;

    _close_ int fd = sys_openat(AT_FDCWD, spec->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
    if (fd < 0)
        return error_set(err, fd, "open cgroup hierarchy '%s'", spec->path);
    uint32_t found = 0;
    int r = hierarchy_controllers(spec, fd, &found, err);
    if (r < 0)
        return r;
    found &= ~host_controllers(host);
    if (spec->version == 1 && found == 0)
        return 0;

    char *path = arena_strdup(host->arena, spec->path);
    if (!path)
        return error_status(err, STATUS_RESOURCE_EXHAUSTED, "too many cgroup hierarchies");
    host->hierarchies[host->n_hierarchies++] = (struct hierarchy){
        .host = host,
        .version = spec->version,
        .controllers = found,
        .fd = fd_take(&fd),
        .path = path,
        .name = strrchr(path, '/') ? strrchr(path, '/') + 1 : path,
    };
    return 0;
}

int cgroup_host_new(struct loop *loop, const struct hierarchy_spec *specs, size_t n, struct cgroup_host **ret_host,
                    struct error *err)
{
    struct arena *arena = arena_new(HOST_MEMORY_MAX);
    struct cgroup_host *host = arena_alloc(arena, sizeof(*host));
    host->arena = arena;
    host->loop = loop;
    list_init(&host->made);

    int r = 0;
    for (size_t i = 0; i < n && r == 0; i++)
        r = host_add(host, &specs[i], err);
    if (r == 0 && host->n_hierarchies == 0)
        r = error_text(err, -ENOENT, "no cgroup hierarchy is mounted");
    if (r < 0) {
        cgroup_host_free(host);
        return r;
    }
    *ret_host = host;
    return 0;
}

/* Version 1 and hybrid: root is a tmpfs with a mount per hierarchy. */
static int host_open_mounts(struct loop *loop, const char *root, struct cgroup_host **ret_host, struct error *err)
{
    _buf_ struct buf text = BUF_INIT(MOUNTINFO_MAX);
    int r = control_read(AT_FDCWD, MOUNTINFO_PATH, &text);
    if (r < 0)
        return error_set(err, r, "read %s", MOUNTINFO_PATH);

    struct hierarchy_spec specs[HIERARCHIES_MAX];
    size_t n = cgroup_mounts_parse(text.data, root, specs);
    r = cgroup_host_new(loop, specs, n, ret_host, err);
    return r < 0 ? error_wrap(err, "cgroup root '%s'", root) : 0;
}

int cgroup_host_open(struct loop *loop, const char *root, struct cgroup_host **ret_host, struct error *err)
{
    _close_ int fd = sys_openat(AT_FDCWD, root, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
    if (fd < 0)
        return error_set(err, fd, "open cgroup root '%s'", root);
    struct statfs fs;
    int r = sys_fstatfs(fd, &fs);
    if (r < 0)
        return error_set(err, r, "statfs cgroup root '%s'", root);

    if (fs.f_type != CGROUP2_SUPER_MAGIC)
        return host_open_mounts(loop, root, ret_host, err);
    const struct hierarchy_spec spec = {.version = 2, .path = root};
    return cgroup_host_new(loop, &spec, 1, ret_host, err);
}

void cgroup_host_free(struct cgroup_host *host)
{
    if (!host)
        return;
    cgroup_host_remove_made(host);
    cgroup_host_forget_made(host);
    for (size_t i = 0; i < host->n_hierarchies; i++)
        fd_close(&host->hierarchies[i].fd);
    arena_free(host->arena);
}

void cgroup_host_set_log(struct cgroup_host *host, const struct logger *log)
{
    host->log = log;
}

enum cgroup_mode cgroup_host_mode(const struct cgroup_host *host)
{
    for (size_t i = 0; i < host->n_hierarchies; i++) {
        if (host->hierarchies[i].version == 1)
            return CGROUP_V1;
    }
    return CGROUP_V2;
}
