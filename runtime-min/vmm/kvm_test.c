/* SPDX-License-Identifier: Apache-2.0 */
/* Runs the test guest: in a child, so that a vCPU that never comes back is killed with it. */
#include <stdio.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "runtime-min/vmm/accel.h"
#include "runtime-min/vmm/kvm_guest.h"
#include "base/macros.h"
#include "sys/fd.h"

#define TEST_LIMIT_MS 500
#define CPUID_MAX 256
#define LOOP_LIMIT_NS 10000000 /* 100 000 turns take far less than a millisecond on a processor, 50 when emulated */

#if defined(__x86_64__)

static const char *const steps[KVM_GUEST_STEPS + 1] = {
    "", "SSE instructions", "a breakpoint", "a page fault", "ring 3 and a system call", "a loop of 100000 turns"};

/* Shared with the child, which may be killed at any moment: why always says what would be wrong then. */
struct test {
    const char *device;
    int kvm, vm, vcpu;
    struct kvm_run *run;
    char why[sizeof(((struct accel *)0)->why)];
};

static int refuse(struct test *test, const char *what)
{
    snprintf(test->why, sizeof(test->why), "%s", what);
    return -ENODEV;
}

static int refuse_errno(struct test *test, const char *what, int r)
{
    snprintf(test->why, sizeof(test->why), "%s: %s", what, errno_name(-r));
    return r;
}

static int open_kvm(struct test *test)
{
    static const int needed[] = {KVM_CAP_USER_MEMORY, KVM_CAP_SET_TSS_ADDR, KVM_CAP_IRQCHIP,   KVM_CAP_PIT2,
                                 KVM_CAP_IOEVENTFD,   KVM_CAP_IRQFD,        KVM_CAP_EXT_CPUID, KVM_CAP_IMMEDIATE_EXIT};
    test->kvm = sys_openat(AT_FDCWD, test->device, O_RDWR | O_CLOEXEC, 0);
    if (test->kvm < 0)
        return refuse_errno(test, test->device, test->kvm);
    if (sys_ioctl(test->kvm, KVM_GET_API_VERSION, NULL) != KVM_API_VERSION)
        return refuse(test, "it does not speak version 12 of KVM's interface");
    for (size_t i = 0; i < ARRAY_SIZE(needed); i++)
        if (sys_ioctl(test->kvm, KVM_CHECK_EXTENSION, (void *)(uintptr_t)needed[i]) <= 0)
            return refuse(test, "KVM lacks an extension that QEMU needs");
    return 0;
}

/* A vCPU in the guest's memory. Processor features are those that KVM offers, as QEMU would set them. */
static int make_vcpu(struct test *test)
{
    void *memory = NULL, *run = NULL;
    test->vm = sys_ioctl(test->kvm, KVM_CREATE_VM, NULL);
    if (test->vm < 0)
        return refuse_errno(test, "create a machine", test->vm);
    int r = sys_mmap(&memory, KVM_GUEST_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (r < 0)
        return refuse_errno(test, "memory", r);
    kvm_guest_build(memory);
    struct kvm_userspace_memory_region region = {.memory_size = KVM_GUEST_SIZE, .userspace_addr = (uintptr_t)memory};
    r = sys_ioctl(test->vm, KVM_SET_USER_MEMORY_REGION, &region);
    if (r < 0)
        return refuse_errno(test, "give the machine memory", r);
    test->vcpu = sys_ioctl(test->vm, KVM_CREATE_VCPU, NULL);
    if (test->vcpu < 0)
        return refuse_errno(test, "create a processor", test->vcpu);
    int size = sys_ioctl(test->kvm, KVM_GET_VCPU_MMAP_SIZE, NULL);
    r = size < (int)sizeof(struct kvm_run) ? -EINVAL
                                           : sys_mmap(&run, (size_t)size, PROT_READ | PROT_WRITE, MAP_SHARED, test->vcpu, 0);
    if (r < 0)
        return refuse_errno(test, "map the processor", r);
    test->run = run;
    return 0;
}

static int set_registers(struct test *test)
{
    union {
        struct kvm_cpuid2 head;
        unsigned char room[sizeof(struct kvm_cpuid2) + CPUID_MAX * sizeof(struct kvm_cpuid_entry2)];
    } cpuid = {.head.nent = CPUID_MAX};
    union {
        struct kvm_msrs head;
        unsigned char room[sizeof(struct kvm_msrs) + KVM_GUEST_MSRS * sizeof(struct kvm_msr_entry)];
    } msrs = {.head.nmsrs = KVM_GUEST_MSRS};
    struct kvm_sregs sregs;
    struct kvm_regs regs;

    int r = sys_ioctl(test->kvm, KVM_GET_SUPPORTED_CPUID, &cpuid);
    if (r >= 0)
        r = sys_ioctl(test->vcpu, KVM_SET_CPUID2, &cpuid);
    if (r >= 0)
        r = sys_ioctl(test->vcpu, KVM_GET_SREGS, &sregs);
    if (r >= 0) {
        kvm_guest_registers(&sregs, &regs);
        r = sys_ioctl(test->vcpu, KVM_SET_SREGS, &sregs);
    }
    if (r >= 0)
        r = sys_ioctl(test->vcpu, KVM_SET_REGS, &regs);
    if (r >= 0) {
        kvm_guest_msrs(msrs.head.entries);
        r = sys_ioctl(test->vcpu, KVM_SET_MSRS, &msrs);
    }
    return r < 0 ? refuse_errno(test, "set the processor's registers", r) : 0;
}

/* Runs the guest until it reports step. */
static int run_step(struct test *test, unsigned int step)
{
    const struct kvm_run *run = test->run;
    snprintf(test->why, sizeof(test->why), "its guests fail at %s", steps[step]);
    int r = sys_ioctl(test->vcpu, KVM_RUN, NULL);
    bool reported = r >= 0 && run->exit_reason == KVM_EXIT_IO && run->io.direction == KVM_EXIT_IO_OUT &&
                    run->io.port == KVM_GUEST_PORT && run->io.size == 1 &&
                    ((const unsigned char *)run)[run->io.data_offset] == step;
    return reported ? 0 : -ENODEV;
}

static int run_guest(struct test *test)
{
    uint64_t begin = 0;
    for (unsigned int step = 1; step <= KVM_GUEST_STEPS; step++) {
        begin = sys_monotonic_ns();
        int r = run_step(test, step);
        if (r < 0)
            return r;
    }
    return sys_monotonic_ns() - begin > LOOP_LIMIT_NS ? refuse(test, "its guests are emulated, not run") : 0;
}

static int test_in_child(void *arg)
{
    struct test *test = arg;
    int r = open_kvm(test);
    if (r >= 0)
        r = make_vcpu(test);
    if (r >= 0)
        r = set_registers(test);
    if (r >= 0)
        r = run_guest(test);
    return r < 0;
}

/* Whether the child ended in time and well. */
static bool child_passes(struct test *test)
{
    _close_ int pidfd = -1;
    struct sys_spawn child = {.cgroup_fd = -1, .ret_pidfd = &pidfd};
    siginfo_t info = {0};

    int r = sys_spawn(&child, test_in_child, test);
    if (r < 0) {
        refuse_errno(test, "start the test", r);
        return false;
    }
    struct pollfd wait = {.fd = pidfd, .events = POLLIN};
    if (sys_poll(&wait, 1, TEST_LIMIT_MS) == 0)
        sys_pidfd_send_signal(pidfd, SIGKILL);
    sys_waitid(P_PIDFD, pidfd, &info, WEXITED);
    return info.si_code == CLD_EXITED && info.si_status == 0;
}

void kvm_test(const char *device, struct accel *ret_verdict)
{
    void *shared = NULL;
    int r = sys_mmap(&shared, sizeof(struct test), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    *ret_verdict = (struct accel){.kvm = false};
    if (r < 0) {
        snprintf(ret_verdict->why, sizeof(ret_verdict->why), "start the test: %s", errno_name(-r));
        return;
    }
    struct test *test = shared;
    test->device = device;
    ret_verdict->kvm = child_passes(test);
    snprintf(ret_verdict->why, sizeof(ret_verdict->why), "%s", ret_verdict->kvm ? "a test guest ran" : test->why);
    sys_munmap(shared, sizeof(struct test));
}

#else

void kvm_test(const char *device, struct accel *ret_verdict)
{
    *ret_verdict = (struct accel){.why = "no test for this architecture"};
    (void)device;
}

#endif
