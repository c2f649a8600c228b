/* SPDX-License-Identifier: Apache-2.0 */
/* A bundle: the directory with config.json and, mostly, the root file system. */
#pragma once
#include "base/buf.h"
#include "base/error.h"
#include "oci/spec.h"

struct bundle {
    const char *path;   /* absolute */
    const char *rootfs; /* absolute */
    struct buf text;    /* of config.json, as it is */
    struct oci_spec *spec;
};

/* dir: relative paths start at the working directory. config: name of the file, NULL for config.json. Checks what can be known
 * without a guest. The caller frees text. */
int bundle_read(struct arena *a, const char *dir, const char *config, struct bundle *ret_bundle, struct error *err);
/* What any process object must have: args, an absolute cwd. */
int bundle_check_process(const struct oci_process *process, struct error *err);
