/* SPDX-License-Identifier: Apache-2.0 */
/* Files of /proc about the machine, and /proc/PID/net (proc(5)). Numbers that nobody looks at are constant; what a default
 * container masks is there to be masked. */
#include <errno.h>
#include <linux/reboot.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mocks/kernel/cgroup.h"
#include "mocks/kernel/proc.h"

#define NSEC_PER_SEC 1000000000ULL

struct machine_file {
    const char *path;
    mode_t mode;
    const char *text; /* constant */
    int (*show)(const struct world *world, struct buf *out);
    int (*store)(struct world *world, const char *text, size_t len);
};

/* ---- texts ---- */

static int show_cgroups(const struct world *world, struct buf *out)
{
    cgroup_show_controllers(world, out);
    return 0;
}

static int show_cmdline(const struct world *world, struct buf *out)
{
    return buf_printf(out, "%s\n", world->options.cmdline ? world->options.cmdline : "");
}

static int show_cpuinfo(const struct world *world, struct buf *out)
{
    for (unsigned int i = 0; i < world->options.cpus; i++)
        buf_printf(out, "processor\t: %u\nvendor_id\t: Mock\nmodel name\t: Mock CPU\n\n", i);
    return 0;
}

static int show_meminfo(const struct world *world, struct buf *out)
{
    unsigned long long total = world->options.memory_bytes / 1024;

    buf_printf(out, "MemTotal:       %8llu kB\nMemFree:        %8llu kB\nMemAvailable:   %8llu kB\n", total, total, total);
    return buf_append_str(out, "Buffers:               0 kB\nCached:                0 kB\nSwapCached:            0 kB\n"
                               "SwapTotal:             0 kB\nSwapFree:              0 kB\nHugePages_Total:       0\n"
                               "HugePages_Free:        0\nHugepagesize:       2048 kB\n");
}

static unsigned long long seconds(const struct world *world)
{
    return sim_now_ns(world_sim(world)) / NSEC_PER_SEC;
}

static int show_uptime(const struct world *world, struct buf *out)
{
    return buf_printf(out, "%llu.00 %llu.00\n", seconds(world), seconds(world) * world->options.cpus);
}

static int show_loadavg(const struct world *world, struct buf *out)
{
    const struct task *task = NULL;
    unsigned int all = 0, running = 0;

    while ((task = task_next(world, task))) {
        all += task->state < TASK_DEAD;
        running += task->state == TASK_RUNNABLE;
    }
    return buf_printf(out, "0.00 0.00 0.00 %u/%u %d\n", running, all, world->pid->last_pid);
}

static int show_stat(const struct world *world, struct buf *out)
{
    buf_append_str(out, "cpu  0 0 0 0 0 0 0 0 0 0\n");
    for (unsigned int i = 0; i < world->options.cpus; i++)
        buf_printf(out, "cpu%u 0 0 0 0 0 0 0 0 0 0\n", i);
    buf_append_str(out, "intr 0\nctxt 0\nbtime 1700000000\n");
    return buf_printf(out, "processes %d\nprocs_running 1\nprocs_blocked 0\nsoftirq 0\n", world->pid->last_pid);
}

static int show_filesystems(const struct world *world, struct buf *out)
{
    static const char *const names[] = {"sysfs", "tmpfs", "proc", "cgroup", "cgroup2", "devtmpfs", "ramfs", "devpts", "mqueue"};
    (void)world;

    FOR_ROWS (name, names) {
        if (filesystem_find(*name))
            buf_printf(out, "nodev\t%s\n", *name);
    }
    return 0;
}

static int refuse_read(const struct world *world, struct buf *out)
{
    (void)world;
    (void)out;
    return -EIO;
}

static int store_trigger(struct world *world, const char *text, size_t len)
{
    (void)world;
    (void)len;
    unsupported("/proc/sysrq-trigger: '%c'", *text);
}

#define R (S_IFREG | 0444)
#define PRIVATE (S_IFREG | 0400)

static const struct machine_file files[] = {
    {"acpi/", 0, NULL, NULL, NULL},
    {"buddyinfo", R, "", NULL, NULL},
    {"bus/", 0, NULL, NULL, NULL},
    {"cgroups", R, NULL, show_cgroups, NULL},
    {"cmdline", R, NULL, show_cmdline, NULL},
    {"consoles", R, "", NULL, NULL},
    {"cpuinfo", R, NULL, show_cpuinfo, NULL},
    {"crypto", R, "", NULL, NULL},
    {"devices", R, "Character devices:\n  1 mem\n  5 /dev/tty\n136 pts\n\nBlock devices:\n  7 loop\n254 virtblk\n", NULL, NULL},
    {"diskstats", R, "", NULL, NULL},
    {"driver/", 0, NULL, NULL, NULL},
    {"filesystems", R, NULL, show_filesystems, NULL},
    {"fs/", 0, NULL, NULL, NULL},
    {"interrupts", R, "", NULL, NULL},
    {"iomem", R, "", NULL, NULL},
    {"irq/", 0, NULL, NULL, NULL},
    {"kallsyms", R, "", NULL, NULL},
    {"kcore", PRIVATE, NULL, refuse_read, NULL},
    {"key-users", R, "", NULL, NULL},
    {"keys", R, "", NULL, NULL},
    {"kmsg", PRIVATE, "", NULL, NULL},
    {"loadavg", R, NULL, show_loadavg, NULL},
    {"locks", R, "", NULL, NULL},
    {"meminfo", R, NULL, show_meminfo, NULL},
    {"misc", R, "", NULL, NULL},
    {"modules", R, "", NULL, NULL},
    {"partitions", R, "major minor  #blocks  name\n\n", NULL, NULL},
    {"pressure/", 0, NULL, NULL, NULL},
    {"scsi/", 0, NULL, NULL, NULL},
    {"stat", R, NULL, show_stat, NULL},
    {"swaps", R, "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n", NULL, NULL},
    {"sysrq-trigger", S_IFREG | 0200, NULL, NULL, store_trigger},
    {"sysvipc/", 0, NULL, NULL, NULL},
    {"timer_list", PRIVATE, "", NULL, NULL},
    {"tty/", 0, NULL, NULL, NULL},
    {"uptime", R, NULL, show_uptime, NULL},
    {"version", R, "Linux version 6.18.44 (mock)\n", NULL, NULL},
    {"vmstat", R, "", NULL, NULL},
    {"zoneinfo", R, "", NULL, NULL},
};

static int file_show(struct inode *inode, struct buf *out)
{
    const struct machine_file *file = inode->data;

    if (file->show)
        return file->show(inode->super->world, out);
    return file->text ? buf_append_str(out, file->text) : -EINVAL;
}

static int file_store(struct inode *inode, const char *text, size_t len)
{
    const struct machine_file *file = inode->data;
    return file->store ? file->store(inode->super->world, text, len) : -EIO;
}

static const struct inode_ops file_ops = {.show = file_show, .store = file_store};

static struct inode *make_file(struct super *super, const void *entry)
{
    const struct machine_file *file = entry;
    struct inode *inode = inode_new(super, file->mode, &file_ops);

    inode->data = (void *)file;
    return inode;
}

const struct pseudo_tree proc_machine_tree = {files, ARRAY_SIZE(files), sizeof(files[0]), 100, 0555, make_file};

/* ---- net/ ---- */

static int show_devices(const struct task *task, struct inode *inode, struct buf *out)
{
    (void)task;
    (void)inode;
    return buf_append_str(out, "Inter-|   Receive                                                |  Transmit\n"
                               " face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop "
                               "fifo colls carrier compressed\n"
                               "    lo:       0       0    0    0    0     0          0         0        0       0    0    0   "
                               " 0     0       0          0\n");
}

static int show_empty(const struct task *task, struct inode *inode, struct buf *out)
{
    (void)task;
    (void)inode;
    (void)out;
    return 0;
}

static int show_routes(const struct task *task, struct inode *inode, struct buf *out)
{
    (void)task;
    (void)inode;
    return buf_append_str(out, "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n");
}

static int show_unix(const struct task *task, struct inode *inode, struct buf *out)
{
    (void)task;
    (void)inode;
    return buf_append_str(out, "Num       RefCount Protocol Flags    Type St Inode Path\n");
}

static const struct proc_entry net_entries[] = {
    {"dev", R, &proc_text_ops, show_devices, NULL, 0},    {"route", R, &proc_text_ops, show_routes, NULL, 0},
    {"unix", R, &proc_text_ops, show_unix, NULL, 0},      {"arp", R, &proc_text_ops, show_empty, NULL, 0},
    {"tcp", R, &proc_text_ops, show_empty, NULL, 0},      {"tcp6", R, &proc_text_ops, show_empty, NULL, 0},
    {"udp", R, &proc_text_ops, show_empty, NULL, 0},      {"udp6", R, &proc_text_ops, show_empty, NULL, 0},
    {"if_inet6", R, &proc_text_ops, show_empty, NULL, 0},
};
static const struct proc_table net_table = {net_entries, ARRAY_SIZE(net_entries)};

static struct inode *net_lookup(struct inode *dir, const char *name)
{
    return proc_table_lookup(dir, &net_table, name);
}

static void net_list(struct inode *dir, void (*add)(void *arg, const char *name, struct inode *inode), void *arg)
{
    proc_table_list(dir, &net_table, add, arg);
}

const struct inode_ops proc_net_ops = {
    .lookup = net_lookup,
    .list = net_list,
    .valid = proc_node_valid,
    .release = proc_node_release,
};
