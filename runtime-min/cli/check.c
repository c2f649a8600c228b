/* SPDX-License-Identifier: Apache-2.0 */
/* check: what this host has for machines, what is missing, and the remedy. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "runtime-min/cli/cli.h"
#include "runtime-min/config/config.h"
#include "runtime-min/vmm/accel.h"
#include "runtime-min/vmm/vhost_vsock.h"

#define MEMINFO_MAX 8192
#define KIB_IN_MIB 1024

enum verdict {
    VERDICT_OK,
    VERDICT_NOTE,    /* works without */
    VERDICT_MISSING, /* no machine can run */
};

struct report {
    struct buf text;
    unsigned int n_missing;
};

static void tell(struct report *report, enum verdict verdict, const char *what, const char *text, const char *remedy)
{
    static const char *const words[] = {[VERDICT_OK] = "ok", [VERDICT_NOTE] = "note", [VERDICT_MISSING] = "missing"};

    report->n_missing += verdict == VERDICT_MISSING;
    (void)buf_printf(&report->text, "%-8s %-12s %s%s%s\n", words[verdict], what, text, remedy ? ": " : "", remedy ?: "");
}

static void check_files(struct report *report, const struct runtime_config *config)
{
    const struct {
        const char *what, *path;
        int mode;
        const char *remedy;
    } files[] = {
        {"qemu", config->qemu, X_OK, "install qemu-system-x86"},
        {"virtiofsd", config->virtiofsd, X_OK, "install qemu-system-common"},
        {"vsock", config->vsock, X_OK, "`make`, or set vsock in the configuration"},
        {"kernel", config->kernel, R_OK, "`make guest`, or set kernel in the configuration"},
        {"initramfs", config->initramfs, R_OK, "`make guest`, or set initramfs in the configuration"},
    };

    FOR_ROWS (file, files) {
        if (file->path == config->vsock && !runtime_config_needs_vsock(config))
            continue;
        bool there = file->path && sys_faccessat(AT_FDCWD, file->path, file->mode, 0) == 0;
        tell(report, there ? VERDICT_OK : VERDICT_MISSING, file->what, file->path ?: "not configured",
             there ? NULL : file->remedy);
    }
}

static void check_terminals(struct report *report)
{
    bool there = sys_faccessat(AT_FDCWD, "/dev/ptmx", R_OK | W_OK, 0) == 0;

    tell(report, there ? VERDICT_OK : VERDICT_MISSING, "terminals", "/dev/ptmx", there ? NULL : "mount devpts on /dev/pts");
}

/* Tries what a start would do. */
static void check_vsock(struct report *report, const struct runtime_config *config)
{
    static const char what[] = "vhost-vsock";
    struct error err = {.errnum = 0};
    unsigned int cid;

    if (strcmp(config->vsock_device, "vhost-user") == 0) {
        tell(report, VERDICT_OK, what, "not used, as configured", NULL);
        return;
    }
    _close_ int fd = vhost_vsock_open(&cid, &err);
    if (fd >= 0)
        tell(report, VERDICT_OK, what, "the kernel's device is used", NULL);
    else if (strcmp(config->vsock_device, "vhost") == 0)
        tell(report, VERDICT_MISSING, what, err.text, "or set vsock_device to auto");
    else
        tell(report, VERDICT_NOTE, what, "the runtime's own device is used", err.text);
}

static void check_accel(struct report *report, const struct runtime_config *config)
{
    struct accel accel = {.kvm = false};
    struct error err = {.errnum = 0};

    if (accel_choose(config->accel, NULL, &accel, &err) < 0)
        tell(report, VERDICT_MISSING, "processor", err.text, "set accel to auto, kvm or tcg");
    else if (accel.kvm)
        tell(report, VERDICT_OK, "processor", "kvm", accel.why);
    else
        tell(report, VERDICT_NOTE, "processor", "emulation, which is slower", accel.why);
}

static void check_memory(struct report *report, const struct runtime_config *config)
{
    _buf_ struct buf text = BUF_INIT(MEMINFO_MAX);
    char have[96];

    (void)file_read_at(AT_FDCWD, "/proc/meminfo", &text);
    const char *line = text.data ? strstr(text.data, "MemAvailable:") : NULL;
    unsigned long mib = line ? strtoul(line + strlen("MemAvailable:"), NULL, 10) / KIB_IN_MIB : 0;
    snprintf(have, sizeof(have), "%lu MiB free, %u for a machine", mib, config->memory_mib);
    bool enough = mib >= config->memory_mib;
    tell(report, enough ? VERDICT_OK : VERDICT_MISSING, "memory", have, enough ? NULL : "free memory, or lower memory_mib");
}

static void check_root(struct cli *cli, struct report *report)
{
    struct store store;

    int r = cli_open_store(cli, true, &store);
    tell(report, r < 0 ? VERDICT_MISSING : VERDICT_OK, "root", r < 0 ? cli->err.text : store.path,
         r < 0 ? "choose a directory with --root" : NULL);
    cli->err = (struct error){.errnum = 0};
    if (r == 0)
        store_close(&store);
}

static int run_check(struct cli *cli)
{
    struct report report = {.text = BUF_INIT(65536)};
    struct runtime_config config;

    int r = runtime_config_load(cli->arena, cli->globals.config, &config, &cli->err);
    if (r < 0)
        return r;
    check_files(&report, &config);
    check_accel(&report, &config);
    check_vsock(&report, &config);
    check_terminals(&report);
    check_memory(&report, &config);
    check_root(cli, &report);
    r = cli_print(cli, &report.text);
    buf_done(&report.text);
    if (r == 0 && report.n_missing > 0)
        return error_status(&cli->err, STATUS_FAILED_PRECONDITION, "no machine can run here yet: %u missing", report.n_missing);
    return r;
}

const struct command command_check = {
    .name = "check",
    .arguments = "",
    .help = "tell whether this host can run machines, and what is missing",
    .failure_code = 1,
    .run = run_check,
};
