/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime-min/vmm/qemu_command.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define NAME_MAX_QEMU 31 /* longer identifiers are cut */

/* Per machine: its options, and how its virtio devices are called. */
struct machine_words {
    const char *name;
    const char *machine;
    const char *device; /* suffix of virtio devices */
    const char *const *ports;
    const char *global; /* a default that is changed, or NULL */
};

/* Ports for devices that come later. The reserve hints let SeaBIOS open a window for a bridge without devices. */
static const char *const q35_ports[] = {
    "pcie-root-port,id=rp0,bus=pcie.0,addr=1,chassis=1,slot=1",
    "pci-bridge,id=pci-bridge-0,bus=pcie.0,addr=2,chassis_nr=1,shpc=off,io-reserve=4k,mem-reserve=1m,pref64-reserve=1m",
    NULL,
};
static const char *const no_ports[] = {NULL};

static const struct machine_words machines[VMM_MACHINE_MAX] = {
    [VMM_Q35] = {"q35", "q35,memory-backend=ram", "pci", q35_ports, NULL},
    [VMM_MICROVM] = {"microvm", "microvm,x-option-roms=off,memory-backend=ram", "device", no_ports,
                     /* vhost-user devices speak the present form of virtio alone */
                     "virtio-mmio.force-legacy=off"},
};

/* The self-tests of the guest kernel's cryptography and the patching of lock prefixes cost an emulated boot 0.4 s; a panic ends
 * the machine, as reboot does with -no-reboot. Large pipes save calls for output. The test of the timer counts its ticks, which
 * come late when the host is busy, and a kernel that believes its timer broken does not boot. */
static const char kernel_words[] =
    "console=ttyS0 quiet panic=1 reboot=t no_timer_check cryptomgr.notests noreplace-smp cgroup_no_v1=all "
    "agent.container_pipe_size=1048576";

/* String instructions are emulated byte by byte: a guest that copies without them moves two to three times as much. The kernel
 * has a word of its own for those that a processor need not announce. */
static const char emulated_cpu[] = "max,-erms,-fsrm";
static const char emulated_words[] = " clearcpuid=rep_good";

enum vmm_machine vmm_machine_from(const char *name)
{
    for (int i = 0; i < VMM_MACHINE_MAX; i++) {
        if (strcmp(machines[i].name, name) == 0)
            return (enum vmm_machine)i;
    }
    return VMM_MACHINE_INVALID;
}

uint64_t vmm_tsc_khz(const char *cpuinfo)
{
    const char *line = strstr(cpuinfo, "bogomips");
    const char *colon = line ? strchr(line, ':') : NULL;
    if (!colon)
        return 0;

    /* "5199.99": two bogomips a cycle, hundredths behind the point. */
    char *end;
    uint64_t whole = strtoull(colon + 1, &end, 10);
    uint64_t hundredths = *end == '.' ? strtoull(end + 1, NULL, 10) : 0;
    return (whole * 100 + hundredths) * 5;
}

/* ---- words ---- */

struct command {
    struct arena *arena;
    struct strlist *argv;
};

static void add(struct command *command, const char *word)
{
    (void)strlist_add(command->arena, command->argv, word ?: "");
}

/* An option with its value; what does not fit the arena is noticed once, at the end. */
static void option(struct command *command, const char *name, const char *value)
{
    add(command, name);
    add(command, value);
}

#define option_printf(command, name, ...) option(command, name, arena_printf((command)->arena, __VA_ARGS__))

static void add_base(struct command *command, const struct vmm_options *options)
{
    option_printf(command, "-name", "sandbox-%.*s", NAME_MAX_QEMU - (int)sizeof("sandbox"), options->id);
    option(command, "-machine", machines[options->machine].machine);
    option(command, "-accel", options->uses_kvm ? "kvm" : "tcg,thread=multi");
    option(command, "-cpu", options->uses_kvm ? "host" : emulated_cpu);
    option_printf(command, "-smp", "%u", options->vcpus);
    option_printf(command, "-m", "%uM", options->memory_mib);
    /* Shared, for the devices live in other processes. */
    option_printf(command, "-object", "memory-backend-memfd,id=ram,size=%uM,share=on", options->memory_mib);
    add(command, "-nodefaults");
    add(command, "-no-user-config");
    add(command, "-nographic");
    add(command, "-no-reboot");
    option(command, "-sandbox", "on,obsolete=deny,spawn=deny,resourcecontrol=deny,elevateprivileges=deny");
}

static void add_sockets(struct command *command, const struct qemu_fds *fds)
{
    option_printf(command, "-chardev", "socket,id=qmp,fd=%d", fds->qmp);
    option(command, "-mon", "chardev=qmp,mode=control");
    option_printf(command, "-chardev", "socket,id=console,fd=%d", fds->console);
    option(command, "-serial", "chardev:console");
}

static void add_devices(struct command *command, const struct vmm_options *options, const struct qemu_fds *fds)
{
    const struct machine_words *machine = &machines[options->machine];

    if (machine->global)
        option(command, "-global", machine->global);
    for (const char *const *port = machine->ports; *port; port++)
        option(command, "-device", *port);
    option(command, "-object", "rng-random,id=rng,filename=/dev/urandom");
    option_printf(command, "-device", "virtio-rng-%s,rng=rng", machine->device);
    if (fds->fs >= 0) {
        option_printf(command, "-chardev", "socket,id=fs,fd=%d", fds->fs);
        option_printf(command, "-device", "vhost-user-fs-%s,id=fs0,chardev=fs,tag=kataShared,queue-size=1024", machine->device);
    }
    /* Last: a guest that finds its devices one by one may be asked to mount the share as soon as it can be reached. */
    if (fds->vsock >= 0 && options->guest_cid) {
        option_printf(command, "-device", "vhost-vsock-%s,id=vsock0,guest-cid=%u,vhostfd=%d", machine->device,
                      options->guest_cid, fds->vsock);
    } else if (fds->vsock >= 0) {
        option_printf(command, "-chardev", "socket,id=vsock,fd=%d", fds->vsock);
        option_printf(command, "-device", "vhost-user-vsock-%s,id=vsock0,chardev=vsock", machine->device);
    }
}

/* An emulated guest that has to measure its clock hangs now and then. */
static void add_kernel(struct command *command, const struct vmm_options *options, const struct qemu_fds *fds)
{
    const char *tsc =
        !options->uses_kvm && options->tsc_khz ? arena_printf(command->arena, " tsc_early_khz=%" PRIu64, options->tsc_khz) : "";
    const char *params = options->kernel_params ?: "";

    option_printf(command, "-kernel", "/proc/self/fd/%d", fds->kernel);
    option_printf(command, "-initrd", "/proc/self/fd/%d", fds->initramfs);
    option_printf(command, "-append", "%s%s%s%s%s", kernel_words, options->uses_kvm ? "" : emulated_words, tsc ?: "",
                  *params ? " " : "", params);
}

int qemu_command_build(struct arena *a, const struct vmm_options *options, const struct qemu_fds *fds, struct strlist *ret_argv,
                       struct error *err)
{
    struct strlist argv = {.n = 0};
    struct command command = {.arena = a, .argv = &argv};

    add(&command, options->program);
    add_base(&command, options);
    add_sockets(&command, fds);
    add_devices(&command, options, fds);
    add_kernel(&command, options, fds);
    if (arena_exhausted(a))
        return error_status(err, STATUS_RESOURCE_EXHAUSTED, "QEMU's command line is too long");
    *ret_argv = argv;
    return 0;
}
