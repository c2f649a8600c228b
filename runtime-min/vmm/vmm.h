/* SPDX-License-Identifier: Apache-2.0 */
/* A virtual machine monitor behind one small interface: start, wait until it is there, end. The driver is QEMU (qemu.c).
 *
 * Whoever has a VMM watches its other parts as well: a guest whose file system or vsock device is gone hangs for ever and tells
 * nobody (spec/vmm.md 21). */
#pragma once
#include <errno.h>

#include "base/buf.h"
#include "loop/reaper.h"

enum vmm_machine {
    VMM_Q35,     /* devices can be added while it runs */
    VMM_MICROVM, /* boots faster */
    VMM_MACHINE_MAX,
    VMM_MACHINE_INVALID = -EINVAL,
};

struct vmm_options {
    const char *program;
    const char *id;
    const char *kernel, *initramfs;
    const char *kernel_params; /* more words; may be NULL */
    enum vmm_machine machine;
    bool uses_kvm;
    unsigned int vcpus;
    unsigned int memory_mib;
    uint64_t tsc_khz; /* clock of the host, for emulation; 0: not known */
    int vsock_fd;     /* connected to the vhost-user devices; they stay the caller's. -1: without */
    int fs_fd;
    unsigned int guest_cid; /* vsock_fd is the kernel's device, which has given the guest this context id; 0: it is not */
    int log_fd;             /* gets the console and the program's output, too; -1: nobody */
    void (*on_exit)(void *context); /* from the loop */
    void *context;
};

struct vmm;

/* The machine starts to boot; it dies with this process. */
int vmm_start(struct reaper *reaper, const struct vmm_options *options, struct vmm **ret_vmm, struct error *err);
/* From a fiber: returns when the control connection works. */
int vmm_wait_ready(struct vmm *vmm, uint64_t deadline, struct error *err);
/* From a fiber: returns when the machine has switched itself off, or at the deadline. */
void vmm_wait_off(struct vmm *vmm, uint64_t deadline);
/* From a fiber: asks it to go, kills it at the deadline, and returns when it is gone. */
void vmm_end(struct vmm *vmm, uint64_t deadline);
/* Kills what is left. Accepts NULL. */
void vmm_free(struct vmm *vmm);
int vmm_pid(const struct vmm *vmm);
bool vmm_has_exited(const struct vmm *vmm);
/* What is known of it, for a message: how it ended, what it said, why the guest stopped, the end of the guest's console. */
void vmm_print(struct vmm *vmm, struct buf *out);

/* "q35", "microvm"; VMM_MACHINE_INVALID for others. */
enum vmm_machine vmm_machine_from(const char *name);
/* The host's clock in kHz from the text of /proc/cpuinfo, or 0. Emulated guests count with it. */
uint64_t vmm_tsc_khz(const char *cpuinfo);
