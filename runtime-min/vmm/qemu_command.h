/* SPDX-License-Identifier: Apache-2.0 */
/* QEMU's command line: pure text. */
#pragma once
#include "base/strlist.h"
#include "runtime-min/vmm/vmm.h"

/* Numbers of the descriptors in QEMU. */
struct qemu_fds {
    int qmp;
    int console;
    int kernel;
    int initramfs;
    int vsock; /* -1: without */
    int fs;
};

/* 0 or -ENOBUFS. */
int qemu_command_build(struct arena *a, const struct vmm_options *options, const struct qemu_fds *fds, struct strlist *ret_argv,
                       struct error *err);
