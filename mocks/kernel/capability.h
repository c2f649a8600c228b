/* SPDX-License-Identifier: Apache-2.0 */
/* Sets of capabilities as bits. */
#pragma once
#include <linux/capability.h>
#include <stdint.h>

#define CAP_BIT(capability) (1ULL << (capability))
#define CAPS_ALL (CAP_BIT(CAP_LAST_CAP + 1) - 1)
