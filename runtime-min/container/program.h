/* SPDX-License-Identifier: Apache-2.0 */
/* A look at the program before the guest starts it: a file that cannot be executed is an exit code for the guest's agent and an
 * error for callers of OCI runtimes. */
#pragma once
#include "base/error.h"
#include "oci/spec.h"

/* PERMISSION_DENIED 'exec: "PATH": permission denied' for a directory, a file without any execute bit or on a mount of option
 * noexec, INVALID_ARGUMENT 'exec: "PATH": exec format error' for a file that is neither a script nor of the machine's
 * processor. What cannot be known here, because the path is not absolute or lies in a file system of the guest, or what does
 * not exist, is left to the guest. */
int program_check(const char *rootfs, const struct oci_spec *spec, const char *path, struct error *err);
