/* SPDX-License-Identifier: Apache-2.0 */
/* Block devices of this host. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

/* Whether the kernel has a driver for block devices of that major number ("Block devices" of proc(5), /proc/devices). Yes, too,
 * where it does not tell. */
bool blockdev_has_driver(int64_t major);
