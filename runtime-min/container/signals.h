/* SPDX-License-Identifier: Apache-2.0 */
/* Names of signals. */
#pragma once
#include "base/error.h"

/* A number, "TERM", "SIGTERM" in any case, "RTMIN+3", "SIGRTMAX-1"; 0 to 64. Returns it, or -EINVAL with the word in err. */
int signals_parse(const char *word, struct error *err);
