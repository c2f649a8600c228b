/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/guest/boot_mount.h"

#include <errno.h>
#include <string.h>

#include "sys/fd.h"
#include "sys/sys.h"

#define MOUNTINFO "/proc/self/mountinfo"
#define MOUNTINFO_MAX (1024 * 1024)

/* Field n (from 0) of a line of blank-separated words; *ret_len is its length, 0 behind the end. */
static const char *line_field(const char *line, size_t n, size_t *ret_len)
{
    for (; n > 0; n--) {
        line += strcspn(line, " \n");
        line += *line == ' ';
    }
    *ret_len = strcspn(line, " \n");
    return line;
}

static bool field_is(const char *line, size_t n, const char *text)
{
    size_t len;
    const char *field = line_field(line, n, &len);
    return len == strlen(text) && memcmp(field, text, len) == 0;
}

/* Whether the topmost mount on target has the type: the last line about it counts. 0 while there is no /proc to ask; -errno. */
static int is_mounted(const char *target, const char *fstype)
{
    _buf_ struct buf text = BUF_INIT(MOUNTINFO_MAX);
    bool mounted = false;

    int r = file_read_at(AT_FDCWD, MOUNTINFO, &text);
    if (r < 0)
        return r == -ENOENT || r == -ENOTDIR ? 0 : r;
    for (const char *line = text.data; line && *line; line += strcspn(line, "\n"), line += *line == '\n') {
        const char *separator = strstr(line, " - ");
        if (separator && field_is(line, 4, target))
            mounted = field_is(separator, 2, fstype);
    }
    return mounted;
}

static int mount_directory(const struct boot_mount *mount, struct error *err)
{
    int r = sys_mkdirat(AT_FDCWD, mount->target, 0755);
    if (r < 0 && r != -EEXIST)
        return error_set(err, r, "create '%s'", mount->target);
    r = sys_mount(mount->source, mount->target, mount->fstype, mount->flags, mount->data);
    if (r < 0)
        return error_set(err, r, "mount %s on '%s'", mount->fstype, mount->target);
    return 0;
}

int boot_mount_apply(const struct boot_mount *mount, const struct logger *log, struct error *err)
{
    struct error problem = {0};

    int r = is_mounted(mount->target, mount->fstype);
    if (r > 0)
        return 0;
    r = r < 0 ? error_set(&problem, r, "read '%s'", MOUNTINFO) : mount_directory(mount, &problem);
    if (r < 0 && mount->tolerated) {
        log_warning(log, "mount", "%s", problem.text);
        return 0;
    }
    if (r < 0 && err)
        *err = problem;
    return r;
}
