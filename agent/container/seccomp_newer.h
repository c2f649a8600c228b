/* SPDX-License-Identifier: Apache-2.0 */
/* System calls that are newer than a seccomp profile.
 *
 * A profile that refuses what it does not list refuses what came after it was written, too. libc tries new calls first and
 * falls back to older ones on ENOSYS, but not on the EPERM of a profile: programs fail on a newer kernel or libc. So calls
 * above the newest one that a profile names, in whatever rule, answer ENOSYS, as with runc and unlike in Kata's agent and crun.
 */
#pragma once
#include <linux/filter.h>
#include <seccomp.h>

#include "oci/spec.h"

#define SECCOMP_NEWER_MAX 64 /* instructions */

/* Writes the instructions that go before the program of ctx, which stands behind them: for each of its architectures of which
 * the profile names a call. Returns their number. */
size_t seccomp_newer(scmp_filter_ctx ctx, const struct oci_seccomp *profile, struct sock_filter out[SECCOMP_NEWER_MAX]);
