/* SPDX-License-Identifier: Apache-2.0 */
/* Re-execution from sealed memory: the file behind /proc/PID/exe of the agent and of everything it forks is a memfd that nobody
 * can write, so a container never reaches the agent's binary through it (CVE-2019-5736). */
#pragma once
#include "base/error.h"

/* 1 when the running program is a fully sealed memfd, 0 when it is an ordinary file, -errno when that cannot be told (no
 * /proc). Only the kernel is asked: an environment variable could be set by anybody. */
int reexec_is_sealed(struct error *err);

/* Returns 0 at once when the program is sealed already. Otherwise copies it into a sealed memfd and executes that with argv and
 * envp: does not return then, and the new program gets here again. Descriptors without close-on-exec stay open. -errno when
 * memfd, seals or /proc are not available: nothing has changed and the caller decides. */
int reexec_sealed(char *const argv[], char *const envp[], struct error *err);
