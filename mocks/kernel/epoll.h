/* SPDX-License-Identifier: Apache-2.0 */
/* What waiting for files needs besides their poll(). */
#pragma once
#include "mocks/kernel/vfs.h"

/* When the answer of poll() changes by itself; UINT64_MAX: never. */
uint64_t file_due(struct file *file);
