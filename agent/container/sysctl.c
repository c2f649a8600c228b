/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/container/sysctl.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "agent/container/procfile.h"
#include "base/macros.h"
#include "sys/fd.h"

/* Who owns a parameter: a path, or with a '/' at its end everything below it. */
static const struct {
    const char *path;
    enum oci_namespace_type type;
    bool shared; /* allowed without a namespace of its own */
} parameters[] = {
    {"fs/mqueue/", OCI_NS_IPC, false},
    {"kernel/domainname", OCI_NS_UTS, false},
    {"kernel/msgmax", OCI_NS_IPC, false},
    {"kernel/msgmnb", OCI_NS_IPC, false},
    {"kernel/msgmni", OCI_NS_IPC, false},
    {"kernel/sem", OCI_NS_IPC, false},
    {"kernel/shm_rmid_forced", OCI_NS_IPC, false},
    {"kernel/shmall", OCI_NS_IPC, false},
    {"kernel/shmmax", OCI_NS_IPC, false},
    {"kernel/shmmni", OCI_NS_IPC, false},
    {"net/", OCI_NS_NETWORK, true},
};

static bool component_is_plain(const char *start, size_t len)
{
    if (len == 0 || (len == 1 && start[0] == '.') || (len == 2 && memcmp(start, "..", 2) == 0))
        return false;
    for (size_t i = 0; i < len; i++) {
        if ((unsigned char)start[i] < ' ' || start[i] == 0x7f)
            return false;
    }
    return true;
}

static bool path_is_plain(const char *path)
{
    for (const char *start = path;; start++) {
        const char *end = strchrnul(start, '/');
        if (!component_is_plain(start, (size_t)(end - start)))
            return false;
        if (!*end)
            return true;
        start = end;
    }
}

int sysctl_path(const char *name, char ret_path[SYSCTL_PATH_MAX])
{
    char path[SYSCTL_PATH_MAX];
    size_t len = strlen(name);
    if (len >= sizeof(path))
        return -EINVAL;

    memcpy(path, name, len + 1);
    if (name[strcspn(name, "./")] == '.') {
        for (char *p = path; *p; p++)
            *p = *p == '.' ? '/' : *p == '/' ? '.' : *p;
    }
    if (!path_is_plain(path))
        return -EINVAL;
    memcpy(ret_path, path, sizeof(path));
    return 0;
}

static bool parameter_matches(const char *pattern, const char *path)
{
    size_t len = strlen(pattern);
    return pattern[len - 1] == '/' ? strncmp(path, pattern, len) == 0 : strcmp(path, pattern) == 0;
}

static int check_one(const struct oci_linux *linux_, const char *name, struct error *err)
{
    char path[SYSCTL_PATH_MAX];
    if (sysctl_path(name, path) < 0)
        return error_status(err, STATUS_INVALID_ARGUMENT, "'%s' is not the name of a kernel parameter", name);
    if (strcmp(path, "kernel/hostname") == 0)
        return error_text(err, -EINVAL, "Kernel hostname specfied in Spec");

    FOR_ROWS (row, parameters) {
        if (!parameter_matches(row->path, path))
            continue;
        if (row->shared || oci_namespace_find(linux_, row->type))
            return 0;
        return error_text(err, -EINVAL, "%s: Linux namespace does not contain %s", name, oci_namespace_name(row->type));
    }
    return error_text(err, -EINVAL, "%s: Sysctl config contains invalid settings", name);
}

int sysctl_check(const struct oci_linux *linux_, struct error *err)
{
    for (size_t i = 0; i < linux_->sysctl.n; i++) {
        int r = check_one(linux_, linux_->sysctl.items[i].key, err);
        if (r < 0)
            return r;
    }
    return 0;
}

/* Ids in a value of a shared one are those of the guest. */
static enum sysctl_owner owner_of(const struct oci_linux *linux_, const char *name)
{
    char path[SYSCTL_PATH_MAX];

    if (sysctl_path(name, path) < 0)
        return SYSCTL_OF_OWN;
    FOR_ROWS (row, parameters) {
        if (!parameter_matches(row->path, path))
            continue;
        const struct oci_namespace *entry = oci_namespace_find(linux_, row->type);
        return !entry || (entry->path && *entry->path) ? SYSCTL_OF_SHARED : SYSCTL_OF_OWN;
    }
    return SYSCTL_OF_OWN;
}

bool sysctl_has_shared(const struct oci_linux *linux_)
{
    for (size_t i = 0; i < linux_->sysctl.n; i++) {
        if (owner_of(linux_, linux_->sysctl.items[i].key) == SYSCTL_OF_SHARED)
            return true;
    }
    return false;
}

static int apply_one(int sys_fd, const char *name, const char *value, struct error *err)
{
    char path[SYSCTL_PATH_MAX];
    int r = sysctl_path(name, path);
    if (r < 0)
        return error_set(err, r, "kernel parameter '%s'", name);

    _close_ int fd = procfile_open(sys_fd, path, O_WRONLY);
    if (fd == -ENOENT)
        return 0;
    r = fd < 0 ? fd : procfile_write(fd, value);
    return r < 0 ? error_set(err, r, "set kernel parameter %s to '%s'", name, value) : 0;
}

int sysctl_apply(const struct oci_linux *linux_, enum sysctl_owner owner, int proc_fd, struct error *err)
{
    if (linux_->sysctl.n == 0)
        return 0;
    _close_ int sys_fd = procfile_open(proc_fd, "sys", O_PATH | O_DIRECTORY);
    if (sys_fd < 0)
        return error_set(err, sys_fd, "open the directory of kernel parameters");

    for (size_t i = 0; i < linux_->sysctl.n; i++) {
        const struct oci_pair *pair = &linux_->sysctl.items[i];
        int r = owner & owner_of(linux_, pair->key) ? apply_one(sys_fd, pair->key, pair->value ?: "", err) : 0;
        if (r < 0)
            return r;
    }
    return 0;
}
