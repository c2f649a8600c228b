/* SPDX-License-Identifier: Apache-2.0 */
/* Random histories: several clients make random calls on a few containers, while calls of the kernel fail, tasks are switched
 * anywhere and connections break, all decided by a seed. Each answer is held against the model, and in the end the guest must
 * be as it was. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"

/* Plays one history; the process ends with a message when something is wrong. trace: may be NULL. */
void history_play(uint64_t seed, struct buf *trace);
/* Plays the history that the bytes describe: the first is the seed of schedule and faults, each further one is a choice. */
void history_play_bytes(const uint8_t *bytes, size_t n);
