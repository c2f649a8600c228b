/* SPDX-License-Identifier: Apache-2.0 */
/* URLs as the agent's proxy option takes them. */
#pragma once
#include "base/arena.h"

/* Checks an absolute URL and writes it as the WHATWG URL standard does for the parts that matter to a proxy: scheme and host in
 * lower case, no default port, "/" behind a bare host; other schemes than http and https stay as they are but for the scheme.
 * NULL with *ret_problem set to what is wrong, or with it untouched when the arena is used up. */
const char *config_url_normalise(struct arena *a, const char *text, const char **ret_problem);
