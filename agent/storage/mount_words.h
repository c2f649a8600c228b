/* SPDX-License-Identifier: Apache-2.0 */
/* Option words of a storage, as flags and data for mount(2) (storage sheet 2.3). */
#pragma once
#include "base/arena.h"
#include "base/error.h"

/* Words are applied in order; one that is not known goes to the file system. *ret_flags: MS_*; *ret_data: in a, "" when there
 * is none. INTERNAL for "loop" and for more data than a page. */
int mount_words_parse(struct arena *a, char *const *words, size_t n, unsigned long *ret_flags, const char **ret_data,
                      struct error *err);
