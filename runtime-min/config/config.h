/* SPDX-License-Identifier: Apache-2.0 */
/* Configuration of the runtime: which programs and images a machine is made of, and its size.
 *
 * An optional TOML file; without one everything is found beside the running program (an installation, or the source tree after
 * `make` and `make guest`). Keys, all at the top level:
 *
 *     kernel, initramfs, qemu, virtiofsd, vsock   absolute paths
 *     machine                                     "q35" (devices can be added while it runs), "microvm" (boots faster)
 *     accel                                       "auto", "kvm", "tcg"
 *     vsock_device                                "vhost" (the kernel's), "vhost-user" (program vsock), "auto" (what works)
 *     memory_mib, vcpus                           numbers, when the bundle does not say
 *     boot_timeout_ms                             from the start to the agent's first answer
 *     health_timeout_ms                           a guest that does not answer for so long is ended; 0: never
 *     kernel_params                               more words for the guest's kernel
 *     debug                                       boolean: the guest's console goes to the monitor's log */
#pragma once
#include <stdbool.h>

#include "base/arena.h"
#include "base/error.h"

#define RUNTIME_CONFIG_PATH "/etc/tatami/runtime.toml"

struct runtime_config {
    const char *kernel;
    const char *initramfs;
    const char *qemu;
    const char *virtiofsd;
    const char *vsock;
    const char *machine;
    const char *accel;
    const char *vsock_device;
    const char *kernel_params;
    unsigned int memory_mib;
    unsigned int vcpus;
    unsigned int boot_timeout_ms;
    unsigned int health_timeout_ms;
    bool debug;
};

/* path: NULL for RUNTIME_CONFIG_PATH, which may be missing; a path that is given must exist. Unknown keys, wrong types and
 * values out of range are refused with the file and the key. Strings live in a. */
int runtime_config_load(struct arena *a, const char *path, struct runtime_config *ret_config, struct error *err);
/* False: the program vsock is never started. */
bool runtime_config_needs_vsock(const struct runtime_config *config);
/* Whether all files are there: NOT_FOUND names the first missing one and the remedy. */
int runtime_config_check(const struct runtime_config *config, struct error *err);
