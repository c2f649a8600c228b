/* SPDX-License-Identifier: Apache-2.0 */
/* The program a container runs: environment and look-up, inside the entered root file system. */
#pragma once
#include "base/error.h"
#include "oci/spec.h"

/* Environment for execve in arena a: entries without '=' or with an empty key are dropped, later duplicates win, HOME is added
 * from the container's /etc/passwd by uid (else "/"). NULL-terminated. */
int program_environment(struct arena *a, const struct strlist *env, uint32_t uid, char ***ret_envp, struct error *err);
/* Path to execute: name as given if it has a slash and is a file, else the first regular file of that name in the PATH of envp.
 * Failure: "the file X was not found", status INTERNAL. */
int program_find(struct arena *a, const char *name, char *const *envp, char **ret_path, struct error *err);
