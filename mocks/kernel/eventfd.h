/* SPDX-License-Identifier: Apache-2.0 */
/* Event counters, for those in the kernel that count in them (cgroup version 1 notifications). */
#pragma once
#include <stdbool.h>

#include "mocks/kernel/vfs.h"

bool eventfd_is(const struct file *file);
/* Adds one. */
void eventfd_signal(struct file *file);
