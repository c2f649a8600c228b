/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime-min/container/program.h"

#include <elf.h>
#include <stdio.h>
#include <string.h>

#include "runtime-min/container/rootfs.h"
#include "sys/fd.h"

/* Scripts, and programs of the machine's processor: the guest's kernel starts nothing else. */
static bool is_known_format(const void *head, size_t len)
{
    const Elf32_Ehdr *elf = head; /* both classes have the machine in the same place */

    if (len >= 2 && memcmp(head, "#!", 2) == 0)
        return true;
    return len == sizeof(*elf) && memcmp(elf->e_ident, ELFMAG, SELFMAG) == 0 &&
           (elf->e_machine == EM_X86_64 || elf->e_machine == EM_386);
}

/* What cannot be read is left to the guest. */
static int check_format(int path_fd, const char *path, struct error *err)
{
    char again[32];
    Elf32_Ehdr head;

    snprintf(again, sizeof(again), "/proc/self/fd/%d", path_fd);
    _close_ int fd = sys_openat(AT_FDCWD, again, O_RDONLY | O_CLOEXEC, 0);
    ssize_t n = fd < 0 ? fd : sys_read(fd, &head, sizeof(head));
    if (n < 0 || is_known_format(&head, (size_t)n))
        return 0;
    return error_status(err, STATUS_INVALID_ARGUMENT, "exec: \"%s\": exec format error", path);
}

static bool is_on_noexec(const struct oci_spec *spec, const char *path)
{
    const char *rest;
    const struct oci_mount *cover = rootfs_cover(spec, spec->n_mounts, path, &rest);

    return cover && strlist_contains(&cover->options, "noexec") && !strlist_contains(&cover->options, "exec");
}

int program_check(const char *rootfs, const struct oci_spec *spec, const char *path, struct error *err)
{
    struct stat st;

    _close_ int fd = rootfs_look(rootfs, spec, spec->n_mounts, path);
    if (fd < 0 || sys_fstat(fd, &st) < 0)
        return 0;
    if (S_ISDIR(st.st_mode) || (S_ISREG(st.st_mode) && (!(st.st_mode & 0111) || is_on_noexec(spec, path))))
        return error_status(err, STATUS_PERMISSION_DENIED, "exec: \"%s\": permission denied", path);
    return S_ISREG(st.st_mode) ? check_format(fd, path, err) : 0;
}
