/* SPDX-License-Identifier: Apache-2.0 */
/* The test guest: 64 KiB that start in long mode and report each step that works by writing its number to a port.
 *
 * The steps are what a kernel does in its first second and what a hypervisor that cannot run one is seen to fail at: SSE, an
 * interrupt gate, a page fault, ring 3 and back by syscall, and plain speed. A halt would prove nothing. */
#include "runtime-min/vmm/kvm_guest.h"

#include <string.h>

#include "base/macros.h"

#if defined(__x86_64__)

#define SELECTOR_KERNEL_CODE 0x08
#define SELECTOR_KERNEL_DATA 0x10
#define SELECTOR_USER_DATA 0x20
#define SELECTOR_USER_CODE 0x28
#define SELECTOR_TSS 0x30

#define PAGE_TABLES 0x1000 /* three pages: one entry each, the last maps the first 2 MiB */
#define GDT 0x4000
#define IDT 0x5000
#define TSS 0x6000
#define STACK 0x7f00
#define CODE 0x8000

extern const unsigned char kvm_guest_code[], kvm_guest_int3[], kvm_guest_fault[], kvm_guest_syscall[], kvm_guest_end[];

/* Addresses are computed at run time from rip: the code runs where it is copied to. */
__asm__(".pushsection .rodata\n"
        ".global kvm_guest_code, kvm_guest_int3, kvm_guest_fault, kvm_guest_syscall, kvm_guest_end\n"
        "kvm_guest_code:\n"
        "    xorps %xmm0, %xmm0\n"
        "    movaps %xmm0, %xmm1\n"
        "    mov $1, %al\n"
        "    out %al, $0xf4\n"

        "    xor %ebx, %ebx\n"
        "    int3\n"
        "    cmp $1, %ebx\n"
        "    jne 9f\n"
        "    mov $2, %al\n"
        "    out %al, $0xf4\n"

        "    xor %ebx, %ebx\n"
        "    lea 1f(%rip), %r15\n"
        "    mov $0x40000000, %edi\n"
        "    mov (%rdi), %eax\n"
        "1:  cmp $2, %ebx\n"
        "    jne 9f\n"
        "    mov $3, %al\n"
        "    out %al, $0xf4\n"

        "    mov %rsp, %r14\n"
        "    push $0x23\n"
        "    push %r14\n"
        "    push $0x2\n"
        "    push $0x2b\n"
        "    lea 2f(%rip), %rax\n"
        "    push %rax\n"
        "    iretq\n"
        "2:  mov %cs, %ebx\n"
        "    syscall\n"
        "kvm_guest_syscall:\n"
        "    mov %r14, %rsp\n"
        "    cmp $0x2b, %ebx\n"
        "    jne 9f\n"
        "    mov $4, %al\n"
        "    out %al, $0xf4\n"

        "    mov $100000, %ecx\n"
        "3:  dec %ecx\n"
        "    jnz 3b\n"
        "    mov $5, %al\n"
        "    out %al, $0xf4\n"
        "9:  mov $0xff, %al\n"
        "    out %al, $0xf4\n"
        "    jmp 9b\n"

        "kvm_guest_int3:\n"
        "    mov $1, %ebx\n"
        "    iretq\n"
        "kvm_guest_fault:\n"
        "    mov $2, %ebx\n"
        "    add $8, %rsp\n"
        "    mov %r15, (%rsp)\n"
        "    iretq\n"
        "kvm_guest_end:\n"
        ".popsection\n");

static void put64(unsigned char *memory, size_t at, uint64_t value)
{
    memcpy(memory + at, &value, sizeof(value));
}

/* Interrupt gate, ring 0 (Intel SDM volume 3, 6.14.1). */
static void put_gate(unsigned char *memory, unsigned int vector, uint64_t handler)
{
    uint64_t low = (handler & 0xffff) | (uint64_t)SELECTOR_KERNEL_CODE << 16 | 0x8e00ULL << 32 | (handler >> 16 & 0xffff) << 48;
    put64(memory, IDT + vector * 16, low);
    put64(memory, IDT + vector * 16 + 8, handler >> 32);
}

static uint64_t address_of(const unsigned char *symbol)
{
    return CODE + (uint64_t)(symbol - kvm_guest_code);
}

void kvm_guest_build(unsigned char *memory)
{
    memset(memory, 0, KVM_GUEST_SIZE);
    /* Present, writable, for ring 3 as well; the last one is a 2 MiB page. */
    put64(memory, PAGE_TABLES, (PAGE_TABLES + 0x1000) | 0x7);
    put64(memory, PAGE_TABLES + 0x1000, (PAGE_TABLES + 0x2000) | 0x7);
    put64(memory, PAGE_TABLES + 0x2000, 0x87);

    put64(memory, GDT + SELECTOR_KERNEL_CODE, 0x00af9b000000ffff);
    put64(memory, GDT + SELECTOR_KERNEL_DATA, 0x00cf93000000ffff);
    put64(memory, GDT + SELECTOR_USER_DATA, 0x00cff3000000ffff);
    put64(memory, GDT + SELECTOR_USER_CODE, 0x00affb000000ffff);
    put64(memory, GDT + SELECTOR_TSS, 0x00008b0000000067 | (uint64_t)TSS << 16);

    put_gate(memory, 3, address_of(kvm_guest_int3));
    put_gate(memory, 14, address_of(kvm_guest_fault));
    put64(memory, TSS + 4, STACK - 0x800); /* the stack of ring 0 */
    memcpy(memory + CODE, kvm_guest_code, (size_t)(kvm_guest_end - kvm_guest_code));
}

static struct kvm_segment segment(uint16_t selector, uint8_t type, uint8_t dpl, bool code)
{
    return (struct kvm_segment){.selector = selector,
                                .limit = 0xffffffff,
                                .type = type,
                                .dpl = dpl,
                                .present = 1,
                                .s = 1,
                                .l = code,
                                .db = !code,
                                .g = 1};
}

void kvm_guest_registers(struct kvm_sregs *sregs, struct kvm_regs *regs)
{
    sregs->cs = segment(SELECTOR_KERNEL_CODE, 0xb, 0, true);
    sregs->ds = sregs->es = sregs->fs = sregs->gs = sregs->ss = segment(SELECTOR_KERNEL_DATA, 0x3, 0, false);
    sregs->tr = (struct kvm_segment){.selector = SELECTOR_TSS, .base = TSS, .limit = 0x67, .type = 0xb, .present = 1};
    sregs->ldt = (struct kvm_segment){.unusable = 1};
    sregs->gdt = (struct kvm_dtable){.base = GDT, .limit = SELECTOR_TSS + 15};
    sregs->idt = (struct kvm_dtable){.base = IDT, .limit = 16 * 32 - 1};
    sregs->cr0 = 0x80050033; /* PG, AM, WP, NE, ET, MP, PE */
    sregs->cr3 = PAGE_TABLES;
    sregs->cr4 = 0x620;  /* OSXMMEXCPT, OSFXSR, PAE */
    sregs->efer = 0xd01; /* NXE, LMA, LME, SCE */
    *regs = (struct kvm_regs){.rip = CODE, .rsp = STACK, .rflags = 0x2};
}

void kvm_guest_msrs(struct kvm_msr_entry entries[static KVM_GUEST_MSRS])
{
    const struct kvm_msr_entry all[KVM_GUEST_MSRS] = {
        /* STAR: user selectors from 0x18, kernel's from 0x08 */
        {.index = 0xc0000081, .data = (uint64_t)(SELECTOR_USER_CODE - 16) << 48 | (uint64_t)SELECTOR_KERNEL_CODE << 32},
        {.index = 0xc0000082, .data = address_of(kvm_guest_syscall)}, /* LSTAR */
        {.index = 0xc0000084, .data = 0x200},                         /* FMASK: interrupts off */
    };
    memcpy(entries, all, sizeof(all));
}

#endif
