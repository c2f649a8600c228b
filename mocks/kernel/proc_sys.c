/* SPDX-License-Identifier: Apache-2.0 */
/* /proc/sys: parameters of the kernel (proc_sys(5), sysctl(8)). Those of a namespace are the reader's, whatever procfs they are
 * read from; a parameter keeps its text where it belongs: in the world, or in the network or ipc namespace. */
#include <errno.h>
#include <linux/capability.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mocks/kernel/proc.h"
#include "mocks/kernel/vfs_private.h"

enum kind {
    TEXT,     /* a line */
    NUMBERS,  /* as many integers as the default has, from low to high */
    HOSTNAME, /* of the uts namespace */
    DOMAINNAME,
    LAST_PID, /* of the pid namespace */
};

struct parameter {
    const char *path;
    mode_t mode;
    enum kind kind;
    int namespace; /* CLONE_NEW*; 0: the world */
    const char *initial;
    long low, high;
};

#define RW 0644
#define RO 0444
#define INT_LOW (-2147483648L)
#define INT_HIGH 2147483647L
#define NET_INT(path, initial)                                                                                                 \
    {                                                                                                                          \
        path, RW, NUMBERS, CLONE_NEWNET, initial, INT_LOW, INT_HIGH                                                            \
    }
#define NET_CONF(family, device, name, initial) NET_INT("net/" family "/conf/" device "/" name, initial)

/* Sorted by directory. */
static const struct parameter parameters[] = {
    {"fs/file-max", RW, NUMBERS, 0, "9223372036854775807", 0, 0x7fffffffffffffffL},
    {"fs/file-nr", RO, TEXT, 0, "0\t0\t9223372036854775807", 0, 0},
    {"fs/inotify/max_queued_events", RW, NUMBERS, 0, "16384", 0, INT_HIGH},
    {"fs/inotify/max_user_instances", RW, NUMBERS, 0, "128", 0, INT_HIGH},
    {"fs/inotify/max_user_watches", RW, NUMBERS, 0, "65536", 0, INT_HIGH},
    {"fs/mqueue/msg_default", RW, NUMBERS, CLONE_NEWIPC, "10", 1, 65536},
    {"fs/mqueue/msg_max", RW, NUMBERS, CLONE_NEWIPC, "10", 1, 65536},
    {"fs/mqueue/msgsize_default", RW, NUMBERS, CLONE_NEWIPC, "8192", 128, 16777216},
    {"fs/mqueue/msgsize_max", RW, NUMBERS, CLONE_NEWIPC, "8192", 128, 16777216},
    {"fs/mqueue/queues_max", RW, NUMBERS, CLONE_NEWIPC, "256", INT_LOW, INT_HIGH},
    {"fs/nr_open", RW, NUMBERS, 0, "1048576", 8, 2147483584},
    {"fs/overflowgid", RW, NUMBERS, 0, "65534", 0, 65535},
    {"fs/overflowuid", RW, NUMBERS, 0, "65534", 0, 65535},
    {"fs/pipe-max-size", RW, NUMBERS, 0, "1048576", 4096, 2147483648},
    {"fs/protected_hardlinks", RW, NUMBERS, 0, "0", 0, 1},
    {"fs/protected_symlinks", RW, NUMBERS, 0, "0", 0, 1},
    {"kernel/cap_last_cap", RO, NUMBERS, 0, "40", 0, 0},
    {"kernel/core_pattern", RW, TEXT, 0, "core", 0, 0},
    {"kernel/domainname", RW, DOMAINNAME, CLONE_NEWUTS, NULL, 0, 0},
    {"kernel/hostname", RW, HOSTNAME, CLONE_NEWUTS, NULL, 0, 0},
    {"kernel/msgmax", RW, NUMBERS, CLONE_NEWIPC, "8192", 0, INT_HIGH},
    {"kernel/msgmnb", RW, NUMBERS, CLONE_NEWIPC, "16384", 0, INT_HIGH},
    {"kernel/msgmni", RW, NUMBERS, CLONE_NEWIPC, "32000", 0, 32768},
    {"kernel/ngroups_max", RO, NUMBERS, 0, "65536", 0, 0},
    {"kernel/ns_last_pid", 0666, LAST_PID, CLONE_NEWPID, NULL, 0, 4194304},
    {"kernel/osrelease", RO, TEXT, 0, "6.18.44", 0, 0},
    {"kernel/ostype", RO, TEXT, 0, "Linux", 0, 0},
    {"kernel/overflowgid", RW, NUMBERS, 0, "65534", 0, 65535},
    {"kernel/overflowuid", RW, NUMBERS, 0, "65534", 0, 65535},
    {"kernel/panic", RW, NUMBERS, 0, "0", INT_LOW, INT_HIGH},
    {"kernel/pid_max", RW, NUMBERS, 0, "4194304", 301, 4194304},
    {"kernel/random/boot_id", RO, TEXT, 0, "6d6f636b-0000-4000-8000-000000000001", 0, 0},
    {"kernel/randomize_va_space", RW, NUMBERS, 0, "2", INT_LOW, INT_HIGH},
    {"kernel/sem", RW, NUMBERS, CLONE_NEWIPC, "32000\t1024000000\t500\t32000", 0, INT_HIGH},
    {"kernel/shm_rmid_forced", RW, NUMBERS, CLONE_NEWIPC, "0", 0, 1},
    {"kernel/shmall", RW, NUMBERS, CLONE_NEWIPC, "18446744073692774399", 0, 0x7fffffffffffffffL},
    {"kernel/shmmax", RW, NUMBERS, CLONE_NEWIPC, "18446744073692774399", 0, 0x7fffffffffffffffL},
    {"kernel/shmmni", RW, NUMBERS, CLONE_NEWIPC, "4096", 0, 32768},
    {"kernel/threads-max", RW, NUMBERS, 0, "8192", 1, INT_HIGH},
    {"kernel/version", RO, TEXT, 0, "#1 SMP mock", 0, 0},
    NET_INT("net/core/somaxconn", "4096"),
    NET_CONF("ipv4", "all", "forwarding", "0"),
    NET_CONF("ipv4", "all", "rp_filter", "0"),
    NET_CONF("ipv4", "default", "forwarding", "0"),
    NET_CONF("ipv4", "default", "rp_filter", "0"),
    NET_CONF("ipv4", "lo", "forwarding", "0"),
    NET_CONF("ipv4", "lo", "rp_filter", "0"),
    NET_INT("net/ipv4/ip_default_ttl", "64"),
    NET_INT("net/ipv4/ip_forward", "0"),
    {"net/ipv4/ip_local_port_range", RW, NUMBERS, CLONE_NEWNET, "32768\t60999", 1, 65535},
    {"net/ipv4/ip_unprivileged_port_start", RW, NUMBERS, CLONE_NEWNET, "1024", 0, 65535},
    {"net/ipv4/ping_group_range", RW, NUMBERS, CLONE_NEWNET, "1\t0", 0, INT_HIGH},
    NET_INT("net/ipv4/tcp_syncookies", "1"),
    NET_CONF("ipv6", "all", "disable_ipv6", "0"),
    NET_CONF("ipv6", "default", "disable_ipv6", "0"),
    NET_CONF("ipv6", "lo", "disable_ipv6", "0"),
    NET_INT("net/unix/max_dgram_qlen", "512"),
    {"user/max_mnt_namespaces", RW, NUMBERS, 0, "4096", 0, INT_HIGH},
    {"user/max_user_namespaces", RW, NUMBERS, 0, "4096", 0, INT_HIGH},
    {"vm/max_map_count", RW, NUMBERS, 0, "65530", 0, INT_HIGH},
    {"vm/overcommit_memory", RW, NUMBERS, 0, "0", 0, 2},
    {"vm/panic_on_oom", RW, NUMBERS, 0, "0", 0, 2},
    {"vm/swappiness", RW, NUMBERS, 0, "60", 0, 200},
};

/* ---- where values are kept: lines "name=value" ---- */

static struct namespaces *viewer_namespaces(const struct inode *inode)
{
    struct world *world = inode->super->world;
    return current() && current()->namespaces.uts ? &current()->namespaces : &world->namespaces;
}

static struct simple_namespace *home_of(const struct inode *inode, const struct parameter *parameter)
{
    struct namespaces *own = viewer_namespaces(inode);

    switch (parameter->namespace) {
    case CLONE_NEWNET:
        return own->net;
    case CLONE_NEWIPC:
        return own->ipc;
    case CLONE_NEWUTS:
        return own->uts;
    default:
        return NULL;
    }
}

static struct buf *store_of(const struct inode *inode, const struct parameter *parameter)
{
    struct simple_namespace *home = home_of(inode, parameter);
    return home ? &home->sysctls : &inode->super->world->sysctls;
}

static char *find_line(const struct buf *store, const char *path)
{
    size_t len = strlen(path);

    for (char *line = store->data; line && *line; line += *line == '\n') {
        if (strncmp(line, path, len) == 0 && line[len] == '=')
            return line;
        line += strcspn(line, "\n");
    }
    return NULL;
}

static int value_show(const struct inode *inode, const struct parameter *parameter, struct buf *out)
{
    const char *line = find_line(store_of(inode, parameter), parameter->path);

    if (!line)
        return buf_printf(out, "%s\n", parameter->initial);
    line += strlen(parameter->path) + 1;
    return buf_printf(out, "%.*s\n", (int)strcspn(line, "\n"), line);
}

static int value_store(const struct inode *inode, const struct parameter *parameter, const char *value)
{
    struct buf *store = store_of(inode, parameter);
    char *line = find_line(store, parameter->path);

    if (line) {
        size_t len = strcspn(line, "\n") + 1;
        memmove(line, line + len, store->len - (size_t)(line - store->data) - len + 1);
        store->len -= len;
    }
    return buf_printf(store, "%s=%s\n", parameter->path, value);
}

/* ---- texts ---- */

static int sysctl_show(struct inode *inode, struct buf *out)
{
    const struct parameter *parameter = inode->data;

    switch (parameter->kind) {
    case HOSTNAME:
        return buf_printf(out, "%s\n", home_of(inode, parameter)->hostname);
    case DOMAINNAME:
        return buf_printf(out, "%s\n", home_of(inode, parameter)->domainname);
    case LAST_PID:
        return buf_printf(out, "%d\n", current() ? current()->pid_namespace->last_pid : inode->super->world->pid->last_pid);
    default:
        return value_show(inode, parameter, out);
    }
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\n';
}

/* One number; *text moves behind it. */
static int number_parse(const char **text, const struct parameter *parameter, unsigned long *ret_magnitude, bool *ret_negative)
{
    char *end;

    *ret_negative = **text == '-';
    const char *digits = *text + *ret_negative;
    if (strspn(digits, "0123456789") == 0)
        return -EINVAL;
    *ret_magnitude = strtoul(digits, &end, 0);
    if (*end && !is_blank(*end))
        return -EINVAL;
    *text = end;
    bool is_long = parameter->high > INT_HIGH;
    if (!is_long && *ret_magnitude > (unsigned long)INT_HIGH + *ret_negative)
        return -EINVAL;
    if (is_long)
        return *ret_negative ? -EINVAL : 0;
    long value = *ret_negative ? -(long)*ret_magnitude : (long)*ret_magnitude;
    return value < parameter->low || value > parameter->high ? -EINVAL : 0;
}

static size_t count_words(const char *text)
{
    size_t n = 0;

    for (text += strspn(text, "\t "); *text; text += strspn(text, "\t "), n++)
        text += strcspn(text, "\t ");
    return n;
}

/* As many as there are; what is missing stays as it was. */
static int numbers_store(const struct inode *inode, const struct parameter *parameter, const char *text)
{
    struct buf old = BUF_INIT(4096);
    char value[256] = "";
    size_t n = count_words(parameter->initial), i = 0, len = 0;
    int r = value_show(inode, parameter, &old);
    char *rest = old.data;

    for (; r == 0 && i < n; i++) {
        while (is_blank(*text))
            text++;
        const char *before = strsep(&rest, "\t\n");
        if (!*text) {
            len += (size_t)snprintf(value + len, sizeof(value) - len, "%s%s", i ? "\t" : "", before);
            continue;
        }
        unsigned long magnitude;
        bool negative;
        r = number_parse(&text, parameter, &magnitude, &negative);
        if (r == 0)
            len += (size_t)snprintf(value + len, sizeof(value) - len, "%s%s%lu", i ? "\t" : "", negative ? "-" : "", magnitude);
    }
    buf_done(&old);
    return r < 0 ? r : value_store(inode, parameter, value);
}

static int text_store(const struct inode *inode, const struct parameter *parameter, const char *text)
{
    char value[128];

    snprintf(value, sizeof(value), "%.*s", (int)strcspn(text, "\n"), text);
    return value_store(inode, parameter, value);
}

static void name_store(char name[65], const char *text)
{
    snprintf(name, 65, "%.*s", (int)strcspn(text, "\n"), text);
}

/* Needs power over the pid namespace. */
static int last_pid_store(const struct parameter *parameter, const char *text)
{
    struct pid_namespace *namespace = current()->pid_namespace;
    unsigned long pid;
    bool negative;

    if (!capable_in(current(), namespace->owner, CAP_SYS_ADMIN) &&
        !capable_in(current(), namespace->owner, CAP_CHECKPOINT_RESTORE))
        return -EPERM;
    int r = number_parse(&text, parameter, &pid, &negative);
    if (r == 0)
    namespace->last_pid = (int)pid;
    return r;
}

static int sysctl_store(struct inode *inode, const char *text, size_t len)
{
    const struct parameter *parameter = inode->data;
    (void)len;

    switch (parameter->kind) {
    case HOSTNAME:
        name_store(home_of(inode, parameter)->hostname, text);
        return 0;
    case DOMAINNAME:
        name_store(home_of(inode, parameter)->domainname, text);
        return 0;
    case LAST_PID:
        return last_pid_store(parameter, text);
    case TEXT:
        return text_store(inode, parameter, text);
    default:
        return numbers_store(inode, parameter, text);
    }
}

/* ---- rights ---- */

/* Not capabilities but the user decides: that of the first user namespace, or root of the one that owns the network or ipc
 * namespace, and whoever administers that network. */
static int sysctl_permission(struct inode *inode, int mask)
{
    const struct parameter *parameter = inode->data;
    const struct task *task = current();
    mode_t bits = parameter->mode;

    if (!task)
        return 0;
    const struct simple_namespace *home = home_of(inode, parameter);
    bool administers = parameter->namespace == CLONE_NEWNET && capable_in(task, home->owner, CAP_NET_ADMIN);
    if (task->cred.euid == inode->uid || task->cred.euid == 0 || administers)
        bits >>= 6;
    else if (in_group(&task->cred, inode->gid) || in_group(&task->cred, 0))
        bits >>= 3;
    return mask & ~(int)(bits & 7) ? -EACCES : 0;
}

static void sysctl_stat(struct inode *inode, struct stat *st)
{
    const struct parameter *parameter = inode->data;
    st->st_mode = S_IFREG | parameter->mode;
}

/* Root of the namespace's user namespace owns its parameters. */
static void set_owner(struct inode *inode, const struct parameter *parameter)
{
    if (parameter->namespace != CLONE_NEWNET && parameter->namespace != CLONE_NEWIPC)
        return;
    const struct simple_namespace *home = home_of(inode, parameter);
    uint32_t uid = id_to_world(home->owner, false, 0), gid = id_to_world(home->owner, true, 0);
    inode->uid = uid == UINT32_MAX ? 0 : uid;
    inode->gid = gid == UINT32_MAX ? 0 : gid;
}

static bool sysctl_valid(struct inode *inode)
{
    set_owner(inode, inode->data);
    return true;
}

static const struct inode_ops sysctl_ops = {
    .show = sysctl_show,
    .store = sysctl_store,
    .permission = sysctl_permission,
    .stat = sysctl_stat,
    .valid = sysctl_valid,
};

/* The mode bits let everybody through to sysctl_permission(). */
static struct inode *make_file(struct super *super, const void *entry)
{
    const struct parameter *parameter = entry;
    struct inode *inode = inode_new(super, S_IFREG | 0666, &sysctl_ops);

    inode->data = (void *)parameter;
    set_owner(inode, parameter);
    return inode;
}

const struct pseudo_tree proc_sys_tree = {parameters, ARRAY_SIZE(parameters), sizeof(parameters[0]), 100000, 0555, make_file};
