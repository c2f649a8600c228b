/* SPDX-License-Identifier: Apache-2.0 */
/* Makes and removes a container's control group on the host, with its record always ahead of what is there. */
#pragma once
#include "oci/spec.h"
#include "runtime-min/container/container.h"
#include "runtime-min/container/hostgroup.h"

/* Makes the group that the spec asks for. A spec that names none gets one if the host allows it: else container->warning says
 * why not, *ret_group has no group, and that is success. Removing is container_group_remove()'s, also after a failure. */
int container_group_make(struct container *container, const struct oci_spec *spec, struct hostgroup *ret_group,
                         struct error *err);
/* Removes what the record says. Waits 10 s for processes that end; kill: then it kills those that do not. */
int container_group_remove(const struct record *record, bool kill, struct error *err);
