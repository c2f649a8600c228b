/* SPDX-License-Identifier: Apache-2.0 */
/* A configuration as text, for tests. */
#pragma once
#include "agent/guest/config.h"
#include "base/buf.h"

/* Puts the members that differ from base (NULL: all of them) into out as "name=value name=value", in the order of the
 * structure. */
void config_show(const struct config *config, const struct config *base, struct buf *out);
/* Fails the test unless exactly these members differ from the defaults. */
void config_expect_changes(const char *label, const struct config *config, const char *changes);
