/* SPDX-License-Identifier: Apache-2.0 */
/* QEMU's command line, word for word. */
#include "lib/tests/check.h"
#include "runtime-min/vmm/qemu_command.h"

static const struct vmm_options plain = {
    .program = "/q",
    .id = "pod-1",
    .kernel = "/k",
    .initramfs = "/i",
    .machine = VMM_Q35,
    .vcpus = 1,
    .memory_mib = 512,
    .tsc_khz = 2600000,
};

static const struct qemu_fds all_fds = {.qmp = 3, .console = 4, .kernel = 5, .initramfs = 6, .vsock = 7, .fs = 8};

static int build(struct arena *a, const struct vmm_options *options, const struct qemu_fds *fds, char **ret_text,
                 struct error *err)
{
    struct strlist argv;

    int r = qemu_command_build(a, options, fds, &argv, err);
    if (r == 0)
        *ret_text = strlist_join(a, &argv, "\n");
    return r;
}

#define BASE(machine, accel, cpu, smp, memory)                                                                                 \
    "/q\n-name\nsandbox-pod-1\n-machine\n" machine "\n-accel\n" accel "\n-cpu\n" cpu "\n-smp\n" smp "\n-m\n" memory            \
    "M\n-object\nmemory-backend-memfd,id=ram,size=" memory                                                                     \
    "M,share=on\n-nodefaults\n-no-user-config\n-nographic\n-no-reboot\n"                                                       \
    "-sandbox\non,obsolete=deny,spawn=deny,resourcecontrol=deny,elevateprivileges=deny\n"                                      \
    "-chardev\nsocket,id=qmp,fd=3\n-mon\nchardev=qmp,mode=control\n-chardev\nsocket,id=console,fd=4\n-serial\nchardev:"        \
    "console\n"

#define PORTS                                                                                                                  \
    "-device\npcie-root-port,id=rp0,bus=pcie.0,addr=1,chassis=1,slot=1\n"                                                      \
    "-device\npci-bridge,id=pci-bridge-0,bus=pcie.0,addr=2,chassis_nr=1,shpc=off,io-reserve=4k,mem-reserve=1m,pref64-reserve=" \
    "1m\n"

#define RNG(suffix) "-object\nrng-random,id=rng,filename=/dev/urandom\n-device\nvirtio-rng-" suffix ",rng=rng\n"

#define VSOCK(suffix) "-chardev\nsocket,id=vsock,fd=7\n-device\nvhost-user-vsock-" suffix ",id=vsock0,chardev=vsock\n"

#define KERNELS_VSOCK(suffix, cid) "-device\nvhost-vsock-" suffix ",id=vsock0,guest-cid=" cid ",vhostfd=7\n"

#define FS(suffix)                                                                                                             \
    "-chardev\nsocket,id=fs,fd=8\n-device\nvhost-user-fs-" suffix ",id=fs0,chardev=fs,tag=kataShared,queue-size=1024\n"

#define KERNEL(words)                                                                                                          \
    "-kernel\n/proc/self/fd/5\n-initrd\n/proc/self/fd/6\n-append\nconsole=ttyS0 quiet panic=1 reboot=t no_timer_check "        \
    "cryptomgr.notests noreplace-smp "                                                                                         \
    "cgroup_no_v1=all agent.container_pipe_size=1048576" words

static void command_lines_are_as_reviewed(void **state)
{
    struct vmm_options microvm = plain, kvm = plain, unknown_clock = plain, kernels_vsock = plain, both = plain;
    const struct qemu_fds no_devices = {.qmp = 3, .console = 4, .kernel = 5, .initramfs = 6, .vsock = -1, .fs = -1};

    (void)state;
    microvm.machine = VMM_MICROVM;
    kvm.uses_kvm = true;
    kvm.vcpus = 4;
    kvm.memory_mib = 2048;
    kvm.kernel_params = "debug a=b";
    unknown_clock.tsc_khz = 0;
    kernels_vsock.guest_cid = 4294967294;
    both.machine = VMM_MICROVM;
    both.guest_cid = 3;
    const struct {
        const char *label;
        const struct vmm_options *options;
        const struct qemu_fds *fds;
        const char *want;
    } rows[] = {
        {"q35 under emulation", &plain, &all_fds,
         BASE("q35,memory-backend=ram", "tcg,thread=multi", "max,-erms,-fsrm", "1", "512") PORTS RNG("pci") FS("pci")
             VSOCK("pci") KERNEL(" clearcpuid=rep_good tsc_early_khz=2600000")},
        {"microvm has no ports, and devices of another bus", &microvm, &all_fds,
         BASE("microvm,x-option-roms=off,memory-backend=ram", "tcg,thread=multi", "max,-erms,-fsrm", "1",
              "512") "-global\nvirtio-mmio.force-legacy=off\n" RNG("device") FS("device") VSOCK("device")
             KERNEL(" clearcpuid=rep_good tsc_early_khz=2600000")},
        {"the kernel's vsock device has its descriptor and the id that it gave", &kernels_vsock, &all_fds,
         BASE("q35,memory-backend=ram", "tcg,thread=multi", "max,-erms,-fsrm", "1", "512") PORTS RNG("pci") FS("pci")
             KERNELS_VSOCK("pci", "4294967294") KERNEL(" clearcpuid=rep_good tsc_early_khz=2600000")},
        {"the kernel's vsock device in a microvm", &both, &all_fds,
         BASE("microvm,x-option-roms=off,memory-backend=ram", "tcg,thread=multi", "max,-erms,-fsrm", "1",
              "512") "-global\nvirtio-mmio.force-legacy=off\n" RNG("device") FS("device") KERNELS_VSOCK("device", "3")
             KERNEL(" clearcpuid=rep_good tsc_early_khz=2600000")},
        {"with KVM the guest measures its clock; more words come last", &kvm, &all_fds,
         BASE("q35,memory-backend=ram", "kvm", "host", "4", "2048") PORTS RNG("pci") FS("pci") VSOCK("pci")
             KERNEL(" debug a=b")},
        {"a clock that is not known is not told, devices that are not there are not named", &unknown_clock, &no_devices,
         BASE("q35,memory-backend=ram", "tcg,thread=multi", "max,-erms,-fsrm", "1", "512") PORTS RNG("pci")
             KERNEL(" clearcpuid=rep_good")},
    };
    FOR_ROWS (row, rows) {
        _arena_ struct arena *a = arena_new(1 << 16);
        char *text = NULL;
        check_int(row->label, build(a, row->options, row->fds, &text, NULL), 0);
        check_string(row->label, text, row->want);
    }
}

static void identifiers_are_cut_as_qemu_does(void **state)
{
    struct vmm_options options = plain;
    _arena_ struct arena *a = arena_new(1 << 16);
    struct strlist argv;

    (void)state;
    options.id = "0123456789012345678901234567890123456789";
    assert_int_equal(qemu_command_build(a, &options, &all_fds, &argv, NULL), 0);
    assert_string_equal(argv.items[2], "sandbox-01234567890123456789012");
    assert_int_equal(strlen(argv.items[2]), 31);
}

static void a_command_line_that_is_too_long_is_refused(void **state)
{
    _arena_ struct arena *small = arena_new(256);
    struct error err = {0};
    char *text;

    (void)state;
    assert_true(build(small, &plain, &all_fds, &text, &err) < 0);
    assert_string_equal(err.text, "QEMU's command line is too long");
}

static void machines_have_names(void **state)
{
    (void)state;
    assert_int_equal(vmm_machine_from("q35"), VMM_Q35);
    assert_int_equal(vmm_machine_from("microvm"), VMM_MICROVM);
    assert_int_equal(vmm_machine_from("pc"), VMM_MACHINE_INVALID);
    assert_int_equal(vmm_machine_from(""), VMM_MACHINE_INVALID);
}

static void the_clock_is_half_of_bogomips(void **state)
{
    static const struct {
        const char *label, *text;
        uint64_t want;
    } rows[] = {
        {"hundredths count", "flags\t: fpu\nbogomips\t: 5199.99\n", 2599995},
        {"the first processor counts", "bogomips\t: 4000.00\nbogomips\t: 1.00\n", 2000000},
        {"without a point", "bogomips : 4000\n", 2000000},
        {"none", "model name : x\n", 0},
        {"cut", "bogomips", 0},
        {"empty", "", 0},
    };

    (void)state;
    FOR_ROWS (row, rows)
        check_int(row->label, vmm_tsc_khz(row->text), row->want);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(command_lines_are_as_reviewed),
        cmocka_unit_test(identifiers_are_cut_as_qemu_does),
        cmocka_unit_test(a_command_line_that_is_too_long_is_refused),
        cmocka_unit_test(machines_have_names),
        cmocka_unit_test(the_clock_is_half_of_bogomips),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
