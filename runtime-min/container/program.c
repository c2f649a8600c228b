/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime-min/container/program.h"

#include <string.h>

#include "sys/fd.h"

static bool is_mounted(const struct oci_spec *spec, const char *path)
{
    for (size_t i = 0; i < spec->n_mounts; i++) {
        const char *destination = spec->mounts[i].destination;
        size_t len = strlen(destination);
        while (len > 0 && destination[len - 1] == '/')
            len--;
        if (strncmp(path, destination, len) == 0 && (path[len] == '/' || path[len] == '\0'))
            return true;
    }
    return false;
}

int program_check(const char *rootfs, const struct oci_spec *spec, const char *path, struct error *err)
{
    const struct open_how how = {.flags = O_PATH | O_CLOEXEC, .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS};
    struct stat st;

    if (*path != '/' || is_mounted(spec, path))
        return 0;
    _close_ int root = sys_openat(AT_FDCWD, rootfs, O_PATH | O_DIRECTORY | O_CLOEXEC, 0);
    _close_ int fd = root < 0 ? root : sys_openat2(root, path, &how);
    if (fd < 0 || sys_fstat(fd, &st) < 0)
        return 0;
    if (S_ISDIR(st.st_mode) || (S_ISREG(st.st_mode) && !(st.st_mode & 0111)))
        return error_status(err, STATUS_PERMISSION_DENIED, "exec: \"%s\": permission denied", path);
    return 0;
}
