/* SPDX-License-Identifier: Apache-2.0 */
/* Memory of the mock's objects. */
#pragma once
#include <stdlib.h>
#include <string.h>

/* Zeroed; free() gives it back. Aborts when there is none. Not calloc(): that of glibc passes by the blocks which the thread
 * has freed a moment ago. */
static inline void *zalloc(size_t size)
{
    void *p = malloc(size);
    if (!p)
        abort();
    return memset(p, 0, size);
}
