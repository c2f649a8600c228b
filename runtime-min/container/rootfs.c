/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime-min/container/rootfs.h"

#include <errno.h>
#include <string.h>

#include "sys/fd.h"

#define MODE "mode="

static bool is_covered(const struct oci_spec *spec, size_t n_mounts, const char *path)
{
    for (size_t i = 0; i < n_mounts; i++) {
        const char *destination = spec->mounts[i].destination;
        size_t len = strlen(destination);
        while (len > 0 && destination[len - 1] == '/')
            len--;
        if (strncmp(path, destination, len) == 0 && (path[len] == '/' || path[len] == '\0'))
            return true;
    }
    return false;
}

int rootfs_look(const char *rootfs, const struct oci_spec *spec, size_t n_mounts, const char *path)
{
    const struct open_how how = {.flags = O_PATH | O_CLOEXEC, .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS};

    if (*path != '/')
        return -EINVAL;
    if (is_covered(spec, n_mounts, path))
        return -EXDEV;
    _close_ int root = sys_openat(AT_FDCWD, rootfs, O_PATH | O_DIRECTORY | O_CLOEXEC, 0);
    return root < 0 ? root : sys_openat2(root, path, &how);
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
