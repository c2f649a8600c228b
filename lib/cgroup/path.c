/* SPDX-License-Identifier: Apache-2.0 */
/* From the spec's cgroupsPath to the path below the hierarchies. */
#include <limits.h>
#include <string.h>

#include "cgroup/cgroup_internal.h"

#define GROUP_PATH_MAX 2048 /* leaves room for the mount point and for file names below PATH_MAX */

static bool component_is_allowed(const char *component, size_t len)
{
    if (len > NAME_MAX)
        return false;
    return !(len == 1 && component[0] == '.') && !(len == 2 && component[0] == '.' && component[1] == '.');
}

/* Appends the components of text, each behind one '/', to path. Returns their number, or -1 if one is not allowed. */
static int path_append_components(char *path, const char *text, const char *separators)
{
    int n = 0;

    for (text += strspn(text, separators); *text; text += strspn(text, separators)) {
        size_t len = strcspn(text, separators);
        if (!component_is_allowed(text, len) || n == PATH_LEVELS_MAX)
            return -1;
        strcat(path, "/");
        strncat(path, text, len);
        text += len;
        n++;
    }
    return n;
}

int cgroup_path_join(struct arena *a, const char *text, const char *separators, char **ret_path, struct error *err)
{
    size_t len = strlen(text);

    if (len > GROUP_PATH_MAX)
        return error_status(err, STATUS_INVALID_ARGUMENT, "cgroups path of %zu bytes is longer than %d", len, GROUP_PATH_MAX);
    char *path = arena_alloc(a, len + 2);
    if (!path)
        return error_status(err, STATUS_RESOURCE_EXHAUSTED, "no memory left for the cgroups path");
    if (path_append_components(path, text, separators) <= 0)
        return error_status(err, STATUS_INVALID_ARGUMENT, "invalid cgroups path '%s'", text);
    *ret_path = path;
    return 0;
}

int cgroup_path_for(struct arena *a, const char *cgroups_path, const char *id, char **ret_path, struct error *err)
{
    if (cgroups_path && cgroups_path[0] != '\0')
        return cgroup_path_join(a, cgroups_path, "/:", ret_path, err);
    if (strchr(id, '/'))
        return error_status(err, STATUS_INVALID_ARGUMENT, "invalid cgroup name '%s'", id);
    return cgroup_path_join(a, id, "/", ret_path, err);
}
