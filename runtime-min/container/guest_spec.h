/* SPDX-License-Identifier: Apache-2.0 */
/* The spec as the guest gets it: what names things of the host is mapped to the guest or taken out, as Kata's runtime does.
 *
 * taken out   hooks that run on the host; the network namespace (the guest's network is the container's) and all paths of
 *             namespaces; cgroupsPath (the guest has its own), cpusets, block devices' and network classes' limits; labels of
 *             SELinux and AppArmor profiles, which the guest's kernel does not have; intelRdt; unknown
 *             capabilities; an empty HOME, which the guest looks up
 * mapped      root.path and bind mounts to what is shared with the guest, and their ids there. A bind mount of something below
 *             /proc, /sys or /dev means the guest's own; domainname to a sysctl; seccomp's default errno to a rule; a relative
 *             destination to one below "/"; a umask to an annotation
 * refused     sysctls of a network that is the host's; a listener of seccomp; block devices of a driver that the host has,
 * unless all devices may be used: then they are left out, since nobody asked for just these */
#pragma once
#include "base/error.h"
#include "oci/spec.h"
#include "runtime-min/sandbox/idmap.h"

struct guest_spec_mount {
    const char *source;      /* absolute, on the host */
    const char *destination; /* in the container */
    bool readonly;
    const struct idmap *idmap; /* NULL: ids are the host's */
    char **target;             /* gets the path in the guest */
};

struct guest_spec_mounts {
    struct guest_spec_mount *items;
    size_t n;
    size_t n_left_out;             /* block devices of a container that may use all devices */
    size_t n_hierarchies_left_out; /* bind mounts of control groups of version 1 */
    size_t n_names_left_out;       /* unknown ones of capabilities, in all sets */
};

/* Changes the spec, which lives in a, in place. ret_mounts: what has to be shared, the root file system first. */
int guest_spec_prepare(struct arena *a, struct oci_spec *spec, const char *guest_id, const char *bundle, const char *rootfs,
                       struct guest_spec_mounts *ret_mounts, struct error *err);
/* The same for a process alone. */
void guest_spec_prepare_process(struct oci_process *process);
/* And for resources. */
void guest_spec_prepare_resources(struct oci_resources *resources);
