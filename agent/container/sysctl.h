/* SPDX-License-Identifier: Apache-2.0 */
/* Kernel parameters of a container (linux.sysctl). */
#pragma once
#include "base/error.h"
#include "oci/spec.h"

/* Only namespaced parameters whose namespace the spec lists; texts of the sheet (container-jail 6.5). Pure. */
int sysctl_check(const struct oci_linux *linux_, struct error *err);
/* Writes them below proc_fd, a verified procfs of the container's namespaces; a parameter that the kernel does not have is skipped. */
int sysctl_apply(const struct oci_linux *linux_, int proc_fd, struct error *err);
