/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/container/namespaces.h"

#include <errno.h>
#include <inttypes.h>
#include <linux/magic.h>
#include <linux/nsfs.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>

#include "agent/container/procfile.h"
#include "sys/fd.h"

static int open_joined(const struct oci_namespace *entry, int *ret_fd, struct error *err)
{
    const char *name = oci_namespace_name(entry->type);
    /* O_NONBLOCK: the path may be a pipe. */
    _close_ int fd = sys_openat(AT_FDCWD, entry->path, O_RDONLY | O_NONBLOCK | O_CLOEXEC, 0);
    if (fd < 0)
        return error_set(err, fd, "open %s namespace '%s'", name, entry->path);

    struct statfs st;
    int r = sys_fstatfs(fd, &st);
    if (r < 0)
        return error_set(err, r, "look at %s namespace '%s'", name, entry->path);
    /* Only nsfs is asked for the type: to another file the request may mean anything. */
    if (st.f_type != NSFS_MAGIC || sys_ioctl(fd, NS_GET_NSTYPE, NULL) != (int)oci_namespace_flag(entry->type))
        return error_status(err, STATUS_INVALID_ARGUMENT, "linux.namespaces: '%s' is not a %s namespace", entry->path, name);
    *ret_fd = fd_take(&fd);
    return 0;
}

static int *own_descriptor(struct namespace_plan *plan, enum oci_namespace_type type)
{
    switch (type) {
    case OCI_NS_TIME:
        return &plan->time_fd;
    case OCI_NS_USER:
        return &plan->user_fd;
    case OCI_NS_MOUNT:
        return &plan->mount_fd;
    default:
        return NULL;
    }
}

static int plan_join(struct namespace_plan *plan, const struct oci_namespace *entry, struct error *err)
{
    int fd;
    int r = open_joined(entry, &fd, err);
    if (r < 0)
        return r;

    int *own = own_descriptor(plan, entry->type);
    if (own)
        fd_replace(own, fd);
    else
        plan->joins[plan->n_joins++] = (struct sys_join){.fd = fd, .type = (int)oci_namespace_flag(entry->type)};
    return 0;
}

static void plan_new(struct namespace_plan *plan, enum oci_namespace_type type)
{
    if (type == OCI_NS_CGROUP) {
        plan->new_cgroup = true;
        return;
    }
    plan->new_flags |= oci_namespace_flag(type);
    plan->new_user |= type == OCI_NS_USER;
}

static void plan_birth(struct namespace_plan *plan)
{
    plan->joins_user = plan->user_fd >= 0;
    if (!plan->joins_user || plan->new_flags == 0)
        return;
    plan->joins[plan->n_joins++] = (struct sys_join){.fd = plan->user_fd, .type = CLONE_NEWUSER};
    plan->user_fd = -1;
}

int namespaces_open(const struct oci_linux *linux_, struct namespace_plan *ret_plan, struct error *err)
{
    struct namespace_plan plan = NAMESPACE_PLAN_INIT;
    unsigned int seen = 0;

    for (size_t i = 0; i < linux_->n_namespaces; i++) {
        const struct oci_namespace *entry = &linux_->namespaces[i];
        int r = 0;
        if (seen >> entry->type & 1)
            r = error_status(err, STATUS_INVALID_ARGUMENT, "linux.namespaces: %s is listed twice",
                             oci_namespace_name(entry->type));
        else if (entry->path && *entry->path)
            r = plan_join(&plan, entry, err);
        else
            plan_new(&plan, entry->type);
        if (r < 0) {
            namespaces_close(&plan);
            return r;
        }
        seen |= 1U << entry->type;
    }
    plan_birth(&plan);
    *ret_plan = plan;
    return 0;
}

void namespaces_close(struct namespace_plan *plan)
{
    for (size_t i = 0; i < plan->n_joins; i++)
        fd_close(&plan->joins[i].fd);
    fd_close(&plan->time_fd);
    fd_close(&plan->user_fd);
    fd_close(&plan->mount_fd);
    *plan = NAMESPACE_PLAN_INIT;
}

/* ---- maps of a new user namespace ---- */

int namespaces_map_id(const struct oci_id_mapping *mappings, size_t n, uint32_t id, uint32_t *ret_id)
{
    for (size_t i = 0; i < n; i++) {
        const struct oci_id_mapping *map = &mappings[i];
        if (id >= map->container_id && id - map->container_id < map->size) {
            *ret_id = map->host_id + (id - map->container_id);
            return 0;
        }
    }
    return -ENOENT;
}

int namespaces_format_map(const struct oci_id_mapping *mappings, size_t n, char ret_text[NAMESPACE_MAP_MAX])
{
    char text[NAMESPACE_MAP_MAX];
    size_t len = 0;

    text[0] = '\0';
    for (size_t i = 0; i < n; i++) {
        const struct oci_id_mapping *map = &mappings[i];
        if (map->size == 0)
            continue;
        len += (size_t)snprintf(text + len, sizeof(text) - len, "%" PRIu32 " %" PRIu32 " %" PRIu32 "\n", map->container_id,
                                map->host_id, map->size);
        if (len >= sizeof(text))
            return -EMSGSIZE;
    }
    memcpy(ret_text, text, len + 1);
    return (int)len;
}

struct map_file {
    const char *name;
    const struct oci_id_mapping *mappings;
    size_t n;
};

static int write_map(int pid, const struct map_file *file, int proc_fd, struct error *err)
{
    char path[32], text[NAMESPACE_MAP_MAX];
    int r = namespaces_format_map(file->mappings, file->n, text);
    if (r < 0)
        return error_set(err, r, "format %s of %zu mappings", file->name, file->n);

    snprintf(path, sizeof(path), "%d/%s", pid, file->name);
    _close_ int fd = procfile_open(proc_fd, path, O_WRONLY);
    r = fd < 0 ? fd : procfile_write(fd, text);
    return r < 0 ? error_set(err, r, "write %s", file->name) : 0;
}

int namespaces_write_maps(int pid, const struct oci_linux *linux_, int proc_fd, struct error *err)
{
    const struct map_file uid_map = {"uid_map", linux_->uid_mappings, linux_->n_uid_mappings};
    const struct map_file gid_map = {"gid_map", linux_->gid_mappings, linux_->n_gid_mappings};

    int r = write_map(pid, &uid_map, proc_fd, err);
    return r < 0 ? r : write_map(pid, &gid_map, proc_fd, err);
}
