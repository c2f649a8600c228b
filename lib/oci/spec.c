/* SPDX-License-Identifier: Apache-2.0 */
#include "oci/spec.h"

#include <errno.h>
#include <linux/sched.h>
#include <string.h>

#include "base/macros.h"

static const struct {
    const char *name;
    const char *proc_name;
    uint64_t flag;
} namespaces[OCI_NS_MAX] = {
    [OCI_NS_PID] = {"pid", "pid", CLONE_NEWPID},
    [OCI_NS_NETWORK] = {"network", "net", CLONE_NEWNET},
    [OCI_NS_MOUNT] = {"mount", "mnt", CLONE_NEWNS},
    [OCI_NS_IPC] = {"ipc", "ipc", CLONE_NEWIPC},
    [OCI_NS_UTS] = {"uts", "uts", CLONE_NEWUTS},
    [OCI_NS_USER] = {"user", "user", CLONE_NEWUSER},
    [OCI_NS_CGROUP] = {"cgroup", "cgroup", CLONE_NEWCGROUP},
    [OCI_NS_TIME] = {"time", "time", CLONE_NEWTIME},
};

int oci_namespace_parse(const char *name)
{
    for (int type = 0; type < OCI_NS_MAX; type++) {
        if (strcmp(name, namespaces[type].name) == 0 || strcmp(name, namespaces[type].proc_name) == 0)
            return type;
    }
    return -EINVAL;
}

const char *oci_namespace_name(enum oci_namespace_type type)
{
    return namespaces[type].name;
}

const char *oci_namespace_proc_name(enum oci_namespace_type type)
{
    return namespaces[type].proc_name;
}

uint64_t oci_namespace_flag(enum oci_namespace_type type)
{
    return namespaces[type].flag;
}

const struct oci_namespace *oci_namespace_find(const struct oci_linux *linux_, enum oci_namespace_type type)
{
    for (size_t i = 0; i < linux_->n_namespaces; i++) {
        if (linux_->namespaces[i].type == type)
            return &linux_->namespaces[i];
    }
    return NULL;
}

const char *oci_annotation(const struct oci_spec *spec, const char *key)
{
    for (size_t i = 0; i < spec->annotations.n; i++) {
        if (strcmp(spec->annotations.items[i].key, key) == 0)
            return spec->annotations.items[i].value;
    }
    return NULL;
}

bool oci_mount_is_bind(const struct oci_mount *mount)
{
    return strlist_contains(&mount->options, "bind") || strlist_contains(&mount->options, "rbind") ||
           (mount->type && strcmp(mount->type, "bind") == 0);
}
