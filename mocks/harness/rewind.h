/* SPDX-License-Identifier: Apache-2.0 */
/* Puts a simulation back to a moment that it has lived through: its memory is copied, and copied back.
 *
 * It works because nothing else holds state: the mock and the agent have no globals, the kernel under them is the mock, and
 * between two stories nothing runs. What is allocated between rewind_begin() and rewind_end(), stacks included, comes from one
 * range of addresses. There freed memory is not used again before the next rewind, so that under the address sanitizer every
 * late access is seen.
 *
 * Only in programs that are linked with $(REWIND), which lets the linker send malloc() and mmap() here. */
#pragma once
#include <stdbool.h>

struct moment;

/* False: this program was not linked for it. */
bool rewind_begin(void);
/* Memory of the simulation may be freed outside as well; whatever is allocated there stays. */
void rewind_end(void);
/* The moment now, for ever: of everything that was allocated since the last mark. Nothing may run. */
const struct moment *rewind_mark(void);
/* Back to that moment, and whatever was allocated after the newest one is gone. NULL: only the latter. */
void rewind_to(const struct moment *moment);
