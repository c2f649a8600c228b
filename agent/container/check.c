/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/container/check.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "agent/container/namespaces.h"
#include "agent/container/sysctl.h"
#include "base/macros.h"
#include "hooks/hooks.h"

#define ID_MIN 2
#define ID_MAX 255

/* ---- container id: it becomes the name of directories ---- */

static bool is_ascii_alnum(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

int check_container_id(const char *id, struct error *err)
{
    size_t len = strlen(id);
    bool good = len >= ID_MIN && len <= ID_MAX && is_ascii_alnum(id[0]);

    for (size_t i = 1; i < len && good; i++)
        good = is_ascii_alnum(id[i]) || strchr("_.-", id[i]);
    return good ? 0 : error_text(err, -EINVAL, "invalid container ID %s", id);
}

/* ---- what a spec must have ---- */

static int check_presence(const struct oci_spec *spec, struct error *err)
{
    if (!spec->linux_)
        return error_text(err, -EINVAL, "Spec didn't contain linux field");
    if (!spec->root || !spec->root->path || !*spec->root->path)
        return error_set(err, -EINVAL, "root.path is missing");
    if (!spec->process)
        return error_set(err, -EINVAL, "process is missing");
    if (spec->linux_->n_namespaces == 0)
        return error_text(err, -EINVAL, "cannot find the pid ns");
    return 0;
}

static bool is_text(const char *s)
{
    return s && *s;
}

int check_process(const struct oci_process *process, struct error *err)
{
    if (process->args.n == 0)
        return error_status(err, STATUS_INVALID_ARGUMENT, "process.args is empty");
    const char *cwd = process->cwd ?: "";
    if (cwd[0] != '/')
        return error_status(err, STATUS_INVALID_ARGUMENT, "process.cwd: '%s' is not an absolute path", cwd);
    if (is_text(process->selinux_label))
        return error_status(err, STATUS_INVALID_ARGUMENT, "process.selinuxLabel is not supported yet");
    /* "unconfined" asks for what happens without a profile. */
    if (is_text(process->apparmor_profile) && strcmp(process->apparmor_profile, "unconfined") != 0)
        return error_status(err, STATUS_INVALID_ARGUMENT, "process.apparmorProfile is not supported yet");
    return 0;
}

/* ---- what is not applied yet ---- */

static int check_unsupported(const struct oci_spec *spec, struct error *err)
{
    const struct {
        const char *field;
        bool used;
    } fields[] = {
        {"linux.mountLabel", is_text(spec->linux_->mount_label)},
        {"linux.intelRdt", is_text(spec->linux_->intel_rdt_l3_schema)},
    };

    FOR_ROWS (row, fields) {
        if (row->used)
            return error_status(err, STATUS_INVALID_ARGUMENT, "%s is not supported yet", row->field);
    }
    return 0;
}

/* ---- namespaces and what needs one ---- */

static int check_duplicates(const struct oci_linux *linux_, struct error *err)
{
    unsigned int seen = 0;

    for (size_t i = 0; i < linux_->n_namespaces; i++) {
        enum oci_namespace_type type = linux_->namespaces[i].type;
        if (seen >> type & 1)
            return error_status(err, STATUS_INVALID_ARGUMENT, "linux.namespaces: %s is listed twice", oci_namespace_name(type));
        seen |= 1U << type;
    }
    return 0;
}

static int require(const char *group, bool needed, const struct oci_linux *linux_, enum oci_namespace_type type,
                   struct error *err)
{
    if (!needed || oci_namespace_find(linux_, type))
        return 0;
    return error_text(err, -EINVAL, "%s: Linux namespace does not contain %s", group, oci_namespace_name(type));
}

static int check_mappings(const char *field, const struct oci_id_mapping *mappings, size_t n, struct error *err)
{
    char text[NAMESPACE_MAP_MAX];
    int len = namespaces_format_map(mappings, n, text);

    if (len < 0)
        return error_status(err, STATUS_INVALID_ARGUMENT, "linux.%s: %zu mappings are more than the kernel takes", field, n);
    if (len == 0)
        return error_text(err, -EINVAL, "usernamespace: No idmap has size > 0");
    for (size_t i = 0; i < n; i++) {
        const struct oci_id_mapping *map = &mappings[i];
        uint32_t last_start = UINT32_MAX - map->size;
        if (map->container_id > last_start || map->host_id > last_start)
            return error_status(err, STATUS_INVALID_ARGUMENT,
                                "linux.%s: %" PRIu32 " ids from %" PRIu32 " and %" PRIu32 " on do not fit", field, map->size,
                                map->container_id, map->host_id);
    }
    return 0;
}

static int check_user_namespace(const struct oci_linux *linux_, struct error *err)
{
    const struct oci_namespace *entry = oci_namespace_find(linux_, OCI_NS_USER);
    bool mapped = linux_->n_uid_mappings > 0 || linux_->n_gid_mappings > 0;

    if (!entry)
        return mapped ? error_text(err, -EINVAL, "usernamespace: uid or gid mappings without a user namespace") : 0;
    /* A joined one has its maps already. */
    if (is_text(entry->path))
        return 0;
    int r = check_mappings("uidMappings", linux_->uid_mappings, linux_->n_uid_mappings, err);
    return r < 0 ? r : check_mappings("gidMappings", linux_->gid_mappings, linux_->n_gid_mappings, err);
}

static int check_namespaces(const struct oci_spec *spec, struct error *err)
{
    const struct oci_linux *linux_ = spec->linux_;

    int r = check_duplicates(linux_, err);
    if (r == 0)
        r = require("hostname", is_text(spec->hostname), linux_, OCI_NS_UTS, err);
    if (r == 0)
        r = require("security", linux_->masked_paths.n > 0 || linux_->readonly_paths.n > 0, linux_, OCI_NS_MOUNT, err);
    if (r == 0)
        r = check_user_namespace(linux_, err);
    return r;
}

int check_spec(const struct oci_spec *spec, struct error *err)
{
    int r = check_presence(spec, err);
    if (r == 0)
        r = check_process(spec->process, err);
    if (r == 0)
        r = check_unsupported(spec, err);
    if (r == 0)
        r = hooks_check(spec->hooks, err);
    if (r == 0)
        r = check_namespaces(spec, err);
    if (r < 0)
        return r;
    r = sysctl_check(spec->linux_, err);
    return r < 0 ? error_wrap(err, "sysctl") : 0;
}
