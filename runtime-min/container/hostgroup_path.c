/* SPDX-License-Identifier: Apache-2.0 */
/* From cgroupsPath to the path of a group on the host. */
#include <errno.h>
#include <string.h>

#include "base/buf.h"
#include "runtime-min/container/hostgroup.h"

#define CGROUPS_PATH_MAX 8192
#define DEFAULT_SLICE "system.slice"
#define SLICE ".slice"

/* Every dash of a slice's name is a level: "a-b.slice" is in "a.slice", and "-.slice" is the root (systemd.slice(5)). */
static int append_slice(struct buf *path, const char *slice)
{
    size_t len = strlen(slice), stem = len - strlen(SLICE);

    if (len <= strlen(SLICE) || strcmp(slice + stem, SLICE) != 0)
        return -EINVAL;
    if (stem == 1 && *slice == '-')
        return 0;
    int r = 0;
    for (size_t end = 1, begin = 0; end <= stem && r >= 0; end++) {
        if (end < stem && slice[end] != '-')
            continue;
        r = end == begin || slice[begin] == '-' ? -EINVAL : buf_printf(path, "/%.*s" SLICE, (int)end, slice);
        begin = end + 1;
    }
    return r;
}

/* "SLICE:PREFIX:NAME". */
static int append_scope(struct buf *path, char *text)
{
    const char *slice = strsep(&text, ":"), *prefix = strsep(&text, ":"), *name = text;

    if (!*name)
        return -EINVAL;
    int r = append_slice(path, *slice ? slice : DEFAULT_SLICE);
    return r < 0 ? r : buf_printf(path, "/%s%s%s.scope", prefix, *prefix ? "-" : "", name);
}

static size_t count(const char *text, char c)
{
    size_t n = 0;

    for (; *text; text++)
        n += *text == c;
    return n;
}

static bool is_scope(const char *cgroups_path)
{
    return !strchr(cgroups_path, '/') && count(cgroups_path, ':') == 2;
}

int hostgroup_path(struct arena *a, const char *cgroups_path, const char *id, char **ret_path, struct error *err)
{
    _buf_ struct buf path = BUF_INIT(CGROUPS_PATH_MAX);
    const char *given = cgroups_path && *cgroups_path ? cgroups_path : id;
    int r;

    if (given != id && is_scope(given)) {
        char *text = arena_strdup(a, given);
        r = text ? append_scope(&path, text) : -ENOMEM;
    } else {
        r = buf_printf(&path, "%s%s", *given == '/' ? "" : HOSTGROUP_PARENT "/", given);
    }
    if (r < 0)
        return error_status(err, STATUS_INVALID_ARGUMENT, "linux.cgroupsPath: '%s' is no path of a control group%s", given,
                            r == -EMSGSIZE ? ": it is too long" : "");
    r = cgroup_path_join(a, path.data, "/", ret_path, err);
    return r < 0 ? error_wrap(err, "linux.cgroupsPath") : 0;
}
