/* SPDX-License-Identifier: Apache-2.0 */
/* Memory and registers of the guest with which kvm_test() tries KVM (x86-64). */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include <linux/kvm.h>

#define KVM_GUEST_SIZE 0x10000
#define KVM_GUEST_MSRS 3
/* Each step writes its number to this port, one byte; KVM_GUEST_FAILED when a step gave a wrong result. */
#define KVM_GUEST_PORT 0xf4
#define KVM_GUEST_STEPS 5
#define KVM_GUEST_FAILED 0xff

void kvm_guest_build(unsigned char *memory);
/* Changes what sregs holds (KVM_GET_SREGS) to long mode at the first instruction. */
void kvm_guest_registers(struct kvm_sregs *sregs, struct kvm_regs *regs);
void kvm_guest_msrs(struct kvm_msr_entry entries[static KVM_GUEST_MSRS]);
