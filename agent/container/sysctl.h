/* SPDX-License-Identifier: Apache-2.0 */
/* Kernel parameters of a container (linux.sysctl).
 *
 * Names as sysctl(8) reads them: the first separator decides; "net.ipv4.conf.eth0/1.forwarding" and
 * "net/ipv4/conf/eth0.1/forwarding" are the same parameter. */
#pragma once
#include <stdbool.h>

#include "base/error.h"
#include "oci/spec.h"

#define SYSCTL_PATH_MAX 256

/* Path below /proc/sys of a name, or -EINVAL: empty or with an empty, "." or ".." component, a control character, or too long.
 */
int sysctl_path(const char *name, char ret_path[SYSCTL_PATH_MAX]);
/* Only namespaced parameters whose namespace the spec lists (net.*: always, it is the sandbox's); texts of the sheet, status
 * INTERNAL. A malformed name is INVALID_ARGUMENT. Pure. */
int sysctl_check(const struct oci_linux *linux_, struct error *err);
/* By the namespace that a parameter belongs to: one that the container has for itself, or one that it joins, which is also the
 * guest's own where the spec lists none. */
enum sysctl_owner {
    SYSCTL_OF_OWN = 1,
    SYSCTL_OF_SHARED = 2,
    SYSCTL_OF_ALL = 3,
};
bool sysctl_has_shared(const struct oci_linux *linux_);
/* Writes them below proc_fd, a verified procfs, for the namespaces of the caller: each value verbatim in one write to one file.
 * A parameter that the kernel does not have is skipped. */
int sysctl_apply(const struct oci_linux *linux_, enum sysctl_owner owner, int proc_fd, struct error *err);
