/* SPDX-License-Identifier: Apache-2.0 */
/* Whether the machine's processor can run guests: KVM, or QEMU's emulation (TCG).
 *
 * /dev/kvm that opens and answers proves nothing: a nested hypervisor may offer one that cannot run a kernel. So a small guest
 * is run once per boot, and its verdict kept. */
#pragma once
#include <stdbool.h>

#include "base/error.h"

struct accel {
    bool kvm;
    char why[160]; /* the reason against KVM, or what was tested; one line */
};

/* wanted: "kvm" and "tcg" are taken at their word, "auto" asks the verdict kept in cache_dir (a directory, or NULL: none is
 * kept) or makes one. INVALID_ARGUMENT for other words. */
int accel_choose(const char *wanted, const char *cache_dir, struct accel *ret_accel, struct error *err);

/* Runs the test guest on device ("/dev/kvm") in a child process, for half a second at most. */
void kvm_test(const char *device, struct accel *ret_verdict);
