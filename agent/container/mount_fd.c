/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/container/mount_fd.h"

#include <errno.h>
#include <string.h>
#include <sys/statvfs.h>

#include "sys/fd.h"

#define LOG_LINE_MAX 256
#define LOG_LINES_MAX 16

int mount_fd_clone(int dirfd, const char *path, bool recursive)
{
    return sys_open_tree(dirfd, path,
                         OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | (path[0] == '\0' ? AT_EMPTY_PATH : 0) |
                             (recursive ? AT_RECURSIVE : 0));
}

int mount_fd_attach(int mount_fd, int target_fd)
{
    return sys_move_mount(mount_fd, "", target_fd, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH);
}

/* MOUNT_ATTR_* bits that the mount has now; the atime mode is not among them. */
static int current_attributes(int mount_fd, uint64_t *ret)
{
    static const struct {
        unsigned long flag;
        uint64_t attr;
    } rows[] = {
        {ST_RDONLY, MOUNT_ATTR_RDONLY},         {ST_NOSUID, MOUNT_ATTR_NOSUID},
        {ST_NODEV, MOUNT_ATTR_NODEV},           {ST_NOEXEC, MOUNT_ATTR_NOEXEC},
        {ST_NODIRATIME, MOUNT_ATTR_NODIRATIME}, {0x2000 /* ST_NOSYMFOLLOW, not in libc */, MOUNT_ATTR_NOSYMFOLLOW},
    };
    struct statfs st;

    int r = sys_fstatfs(mount_fd, &st);
    if (r < 0)
        return r;
    *ret = 0;
    FOR_ROWS (row, rows)
        *ret |= (unsigned long)st.f_flags & row->flag ? row->attr : 0;
    return 0;
}

int mount_fd_set(int mount_fd, bool recursive, const struct mount_attr *attr)
{
    unsigned int flags = AT_EMPTY_PATH | (recursive ? AT_RECURSIVE : 0);
    struct mount_attr kept = *attr;
    uint64_t current;

    int r = sys_mount_setattr(mount_fd, "", flags, attr);
    if (r != -EPERM || attr->attr_clr == 0)
        return r;
    int probe = current_attributes(mount_fd, &current);
    if (probe < 0)
        return probe;
    kept.attr_clr &= ~(current | MOUNT_ATTR__ATIME);
    kept.attr_set &= ~(uint64_t)MOUNT_ATTR__ATIME;
    return sys_mount_setattr(mount_fd, "", flags, &kept);
}

/* ---- file system contexts ---- */

/* Records r with the last error line of the context's log, if it has one ("e tmpfs: Bad value for 'size'"). A name ends a quote
 * that what begins. */
static int explain(int fs_fd, int r, struct error *err, const char *what, const char *name)
{
    char last[LOG_LINE_MAX] = "";

    for (int i = 0; i < LOG_LINES_MAX; i++) {
        char line[LOG_LINE_MAX];
        ssize_t len = sys_read(fs_fd, line, sizeof(line) - 1);
        if (len <= 0)
            break;
        line[len] = '\0';
        line[strcspn(line, "\n")] = '\0';
        if (line[0] == 'e' && line[1] == ' ')
            memcpy(last, line + 2, strlen(line + 2) + 1);
    }
    return error_set(err, r, "%s%s%s%s%s%s", what, name, name[0] ? "'" : "", last[0] ? " (" : "", last, last[0] ? ")" : "");
}

int mount_fs_open(const char *type, struct error *err)
{
    int fd = sys_fsopen(type, FSOPEN_CLOEXEC);
    if (fd < 0)
        return error_set(err, fd, "file system '%s'", type);
    return fd;
}

int mount_fs_string(int fs_fd, const char *key, const char *value, struct error *err)
{
    int r = sys_fsconfig(fs_fd, FSCONFIG_SET_STRING, key, value, 0);
    return r < 0 ? explain(fs_fd, r, err, "option '", key) : 0;
}

/* The first word of an item, without its comma; *p moves behind it. -E2BIG when it does not fit. */
static int take_word(const char **p, char word[2 * FSCONFIG_WORD_MAX])
{
    size_t len = 0;

    while ((*p)[len] != '\0' && (*p)[len] != ',')
        len += (*p)[len] == '\\' && (*p)[len + 1] != '\0' ? 2 : 1;
    if (len >= 2 * FSCONFIG_WORD_MAX)
        return -E2BIG;
    memcpy(word, *p, len);
    word[len] = '\0';
    *p += len + ((*p)[len] == ',');
    return 0;
}

int mount_fs_option(int fs_fd, const char *item, struct error *err)
{
    while (*item) {
        char word[2 * FSCONFIG_WORD_MAX];
        int r = take_word(&item, word);
        if (r < 0)
            return error_set(err, r, "option '%.32s...'", item);
        char *value = strchr(word, '=');
        if (value)
            *value++ = '\0';
        if (word[0] == '\0')
            continue; /* as the kernel does with ",," */
        r = sys_fsconfig(fs_fd, value ? FSCONFIG_SET_STRING : FSCONFIG_SET_FLAG, word, value, 0);
        if (r < 0)
            return explain(fs_fd, r, err, "option '", word);
    }
    return 0;
}

int mount_fs_create(int fs_fd, uint64_t attr, struct error *err)
{
    int r = sys_fsconfig(fs_fd, FSCONFIG_CMD_CREATE, NULL, NULL, 0);
    if (r < 0)
        return explain(fs_fd, r, err, "create the file system", "");
    r = sys_fsmount(fs_fd, FSMOUNT_CLOEXEC, (unsigned int)attr);
    return r < 0 ? explain(fs_fd, r, err, "mount the file system", "") : r;
}

int mount_fs_reconfigure(int fs_fd, struct error *err)
{
    int r = sys_fsconfig(fs_fd, FSCONFIG_CMD_RECONFIGURE, NULL, NULL, 0);
    return r < 0 ? explain(fs_fd, r, err, "remount the file system", "") : 0;
}

int mount_fs_tmpfs(const char *item, uint64_t attr, struct error *err)
{
    _close_ int fs_fd = mount_fs_open("tmpfs", err);
    if (fs_fd < 0)
        return fs_fd;
    int r = mount_fs_string(fs_fd, "source", "tmpfs", err);
    if (r >= 0)
        r = mount_fs_option(fs_fd, item, err);
    return r < 0 ? r : mount_fs_create(fs_fd, attr, err);
}
