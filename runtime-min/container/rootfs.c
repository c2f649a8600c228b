/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime-min/container/rootfs.h"

#include <errno.h>
#include <string.h>

#include "sys/fd.h"

#define MODE "mode="

/* Bytes of path that destination takes, or -1 when it is elsewhere. */
static ssize_t covered(const char *path, const char *destination)
{
    size_t len = strlen(destination);

    while (len > 0 && destination[len - 1] == '/')
        len--;
    return strncmp(path, destination, len) == 0 && (path[len] == '/' || path[len] == '\0') ? (ssize_t)len : -1;
}

const struct oci_mount *rootfs_cover(const struct oci_spec *spec, size_t n_mounts, const char *path, const char **ret_rest)
{
    for (size_t i = n_mounts; i-- > 0;) {
        ssize_t len = covered(path, spec->mounts[i].destination);
        if (len < 0)
            continue;
        *ret_rest = path + len;
        return &spec->mounts[i];
    }
    return NULL;
}

/* Links in a mounted directory may lead out of it, to where only the container knows. */
static int look_at(const char *base, const char *path, uint64_t links)
{
    const struct open_how how = {.flags = O_PATH | O_CLOEXEC, .resolve = links | RESOLVE_NO_MAGICLINKS};

    _close_ int fd = sys_openat(AT_FDCWD, base, O_PATH | O_CLOEXEC, 0);
    if (fd < 0 || *path == '\0')
        return fd_take(&fd);
    return sys_openat2(fd, path + strspn(path, "/"), &how);
}

int rootfs_look(const char *rootfs, const struct oci_spec *spec, size_t n_mounts, const char *path)
{
    const char *rest;

    if (*path != '/')
        return -EINVAL;
    const struct oci_mount *cover = rootfs_cover(spec, n_mounts, path, &rest);
    if (!cover)
        return look_at(rootfs, path, RESOLVE_IN_ROOT);
    if (!oci_mount_is_bind(cover) || !cover->source || *cover->source != '/')
        return -EXDEV;
    return look_at(cover->source, rest, RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS);
}

static bool wants_mode(const struct oci_mount *mount)
{
    if (!mount->type || strcmp(mount->type, "tmpfs") != 0)
        return false;
    for (size_t i = 0; i < mount->options.n; i++) {
        if (strncmp(mount->options.items[i], MODE, strlen(MODE)) == 0)
            return false;
    }
    return true;
}

int rootfs_keep_modes(struct arena *a, const char *rootfs, struct oci_spec *spec, struct error *err)
{
    struct stat st;

    for (size_t i = 0; i < spec->n_mounts; i++) {
        struct oci_mount *mount = &spec->mounts[i];
        if (!wants_mode(mount))
            continue;
        _close_ int fd = rootfs_look(rootfs, spec, i, mount->destination);
        if (fd < 0 || sys_fstat(fd, &st) < 0 || !S_ISDIR(st.st_mode))
            continue;
        const char *word = arena_printf(a, MODE "%o", st.st_mode & 07777);
        if (!word || strlist_add(a, &mount->options, word) < 0)
            return error_status(err, STATUS_RESOURCE_EXHAUSTED, "mounts[%zu]: too many options", i);
    }
    return 0;
}
