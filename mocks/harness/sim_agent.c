/* SPDX-License-Identifier: Apache-2.0 */
#include "mocks/harness/sim_agent.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include <linux/reboot.h>
#include <linux/vm_sockets.h>

#include "agent/guest/service.h"
#include "mocks/kernel/programs.h"
#include "mocks/kernel/run.h"
#include "sys/fd.h"
#include "ttrpc/address.h"

#define AGENT "/usr/bin/tatami-agent"
#define SOCKET "/run/agent.sock"
#define GUEST_CID 3
#define HOST_VIEW "vsock://3:1024" /* the port is the agent's default */
#define CONFIG "/test/agent.toml"
#define ROOTFS "/test/rootfs"
#define LOG "/test/agent.log"
#define MODULES "/lib/modules/6.18.44"
#define CGROUP "/tatami-test-sim"
#define CONNECT_TRIES 1000
#define WATCH_TRIES 1000
#define WATCH_PAUSE (20 * NSEC_PER_MSEC)
#define CONNECT_PAUSE NSEC_PER_MSEC
#define REST_NS (20 * NSEC_PER_MSEC) /* virtual time after a story in which the guest finishes what it was doing */
#define ARENA_BYTES (256 * 1024 * 1024)
#define SNAPSHOT_MAX (16 * 1024 * 1024)

/* ---- the programs ---- */

/* TATAMI_SIM_LOG=1: what the agent says is shown at the end of the guest, or when a story fails. */
static bool is_log_shown(void)
{
    return getenv("TATAMI_SIM_LOG") != NULL;
}

/* The file is there when somebody wants it. */
static void open_log(void)
{
    if (!world_exists(current()->world, LOG))
        return;
    int fd = sys_openat(AT_FDCWD, LOG, O_WRONLY | O_APPEND | O_CLOEXEC, 0);
    (void)sys_dup3(fd, 1, 0);
    (void)sys_dup3(fd, 2, 0);
    (void)sys_close(fd);
}

static void show_log(const struct sim_agent *guest)
{
    _buf_ struct buf text = BUF_INIT(SNAPSHOT_MAX);

    if (is_log_shown() && world_read(guest->world, LOG, &text) && text.data)
        print_message("%s", text.data);
}

struct buf sim_agent_said(const struct sim_agent *guest)
{
    struct buf text = BUF_INIT(SNAPSHOT_MAX);

    if (!world_read(guest->world, LOG, &text))
        fail_msg("nobody asked for the agent's log");
    return text;
}

/* The machine's first program is found without a path: it becomes the file, which the agent reads again to seal itself. */
static int agent_program(int argc, char **argv, char **envp)
{
    if (current()->exe)
        return agent_main(argc, argv, envp, "simulated");
    if (current()->world->options.unbooted)
        (void)sys_close(0); /* a machine without a console */
    open_log();
    return -sys_execveat(AT_FDCWD, AGENT, argv, envp, 0);
}

/* PID 1 of a guest where the agent is a process: collects orphans. */
static int init_program(int argc UNUSED, char **argv UNUSED, char **envp UNUSED)
{
    siginfo_t info;

    while (sys_waitid(P_ALL, 0, &info, WEXITED) >= 0)
        ;
    return 0;
}

/* ---- clients ---- */

static int connect_agent(const struct sim_agent *guest, struct error *err)
{
    struct address address;

    int r = address_parse(guest->host ? HOST_VIEW : "unix://" SOCKET, &address, err);
    for (int i = 0; r == 0 && i < CONNECT_TRIES; i++) {
        int fd = address_connect(&address, err);
        if (fd >= 0)
            return fd;
        sys_nanosleep(CONNECT_PAUSE);
    }
    return -ETIMEDOUT;
}

static void connect_client(struct rig *rig)
{
    struct error err = {.errnum = 0};

    int fd = connect_agent(sim_client_of(rig)->guest, &err);
    if (fd < 0) {
        show_log(sim_client_of(rig)->guest);
        fail_msg("connect to the agent: %s", err.text);
    }
    assert_int_equal(ttrpc_client_new(rig->loop, fd, &rig->client, &err), 0);
}

void sim_reconnect(struct rig *rig)
{
    ttrpc_client_free(rig->client);
    connect_client(rig);
}

void sim_pause(struct rig *rig, uint64_t ns)
{
    (void)fiber_sleep_until(rig->loop, loop_deadline(rig->loop, ns));
}

static void tell(void *arg)
{
    struct sim_client *client = arg;

    client->story(&client->rig);
    loop_stop(client->rig.loop);
}

static bool is_wanted(void *arg)
{
    const struct sim_client *client = arg;

    return client->story || client->guest->closing;
}

/* Returns whether there is a story to tell. */
static bool client_waits(struct sim_client *client)
{
    (void)task_block(is_wanted, client, UINT64_MAX);
    return client->story != NULL;
}

/* The story is over; the last client stops the clock once the guest has come to rest. */
static void finish_story(struct sim_client *client)
{
    client->story = NULL;
    if (--client->guest->n_busy > 0)
        return;
    sys_nanosleep(REST_NS);
    sim_stop(client->guest->sim);
}

static int client_program(int argc UNUSED, char **argv, char **envp UNUSED)
{
    struct sim_client *client;
    struct error err = {.errnum = 0};

    sscanf(argv[1], "%p", (void **)&client);
    struct rig *rig = &client->rig;
    assert_int_equal(loop_new(&rig->loop, &err), 0);
    connect_client(rig);
    while (client_waits(client)) {
        assert_int_equal(fiber_start(rig->loop, "story", tell, client, NULL), 0);
        assert_int_equal(loop_run(rig->loop, &err), 0);
        finish_story(client);
    }
    ttrpc_client_free(rig->client);
    loop_free(rig->loop);
    if (--client->guest->n_open == 0) {
        sys_nanosleep(REST_NS); /* who is waited for is collected */
        sim_stop(client->guest->sim);
    }
    return 0;
}

static struct sim_client *start_client(struct sim_agent *guest)
{
    struct sim_client *client = &guest->clients[guest->n_clients];
    char pointer[32];
    const char *argv[] = {"client", pointer, NULL};

    *client = (struct sim_client){.guest = guest, .number = guest->n_clients++};
    client->rig = (struct rig){
        .test = guest->label,
        .dir = "/test",
        .rootfs = ROOTFS,
        .socket = SOCKET,
        .cgroup = CGROUP,
        .arena = arena_new(ARENA_BYTES),
        .agent_pid = guest->agent->pids[0],
        .init_pid = 1,
    };
    snprintf(pointer, sizeof(pointer), "%p", (void *)client);
    guest->n_open++;
    client->task = world_start(guest->host ?: guest->world, "client", client_program, argv);
    return client;
}

/* ---- the guest ---- */

void sim_make_rootfs(struct world *world, const char *path)
{
    static const char *const dirs[] = {"",     "/proc", "/sys",  "/dev",  "/etc",     "/etc/skel",
                                       "/tmp", "/run",  "/home", "/data", "/data/sub"};
    static const char *const files[][2] = {
        {"/etc/passwd", "root:x:0:0:root:/root:/bin/sh\nuser:x:1000:1000::/home:/bin/sh\n"},
        {"/etc/group", "root:x:0:\nuser:x:1000:\n"},
        {"/etc/skel/profile", "umask 022\n"},
    };
    char name[256];

    FOR_ROWS (dir, dirs) {
        snprintf(name, sizeof(name), "%s%s", path, *dir);
        world_mkdir(world, name, 0755);
    }
    FOR_ROWS (file, files) {
        snprintf(name, sizeof(name), "%s%s", path, (*file)[0]);
        world_write(world, name, (*file)[1]);
    }
    snprintf(name, sizeof(name), "%s/etc/mtab", path);
    world_symlink(world, "/proc/mounts", name);
    snprintf(name, sizeof(name), "%s/bin", path);
    programs_install(world, name);
}

static void install_agent(struct sim_agent *guest)
{
    struct world *world = guest->world;

    world_mkdir(world, "/usr", 0755);
    world_mkdir(world, "/usr/bin", 0755);
    world_program(world, AGENT, agent_program);
    if (guest->setup.config)
        world_write(world, CONFIG, guest->setup.config);
    if (guest->setup.unbooted) {
        world_write(world, "/etc/hostname", "guest\n");
        programs_install(world, "/bin"); /* a shell for the debug console */
    }
    if (guest->setup.shell)
        world_program(world, "/bin/sh", guest->setup.shell);
    if (guest->setup.logged || is_log_shown())
        world_write(world, LOG, "");
}

/* What an image lists for the boot, and what CreateSandbox may ask for. */
static void install_modules(struct world *world)
{
    static const struct {
        const char *path, *name, *needs;
    } modules[] = {
        {"kernel/vsock.ko", "vsock", ""}, {"kernel/vsock-transport.ko", "vsock_transport", "vsock"},
        {"kernel/fuse.ko", "fuse", ""},   {"kernel/virtiofs.ko", "virtiofs", "fuse"},
        {"kernel/dummy.ko", "dummy", ""},
    };

    world_mkdir(world, MODULES "/kernel", 0755);
    FOR_ROWS (module, modules) {
        char path[128];
        snprintf(path, sizeof(path), MODULES "/%s", module->path);
        world_module(world, path, module->name, module->needs, "count");
    }
    world_write(world, MODULES "/modules.dep",
                "kernel/vsock.ko:\nkernel/vsock-transport.ko: kernel/vsock.ko\nkernel/fuse.ko:\n"
                "kernel/virtiofs.ko: kernel/fuse.ko\nkernel/dummy.ko:\n");
    world_write(world, MODULES "/modules.builtin", "kernel/fs/ext4/ext4.ko\n");
    world_write(world, "/etc/modules", "# the host\nvsock_transport count=2\n");
    world_write(world, "/etc/modules.later", "virtiofs\n");
}

static void start_init(struct world *world)
{
    world_start(world, "init", init_program, (const char *const[]){"init", NULL});
}

static void start_agent(struct sim_agent *guest)
{
    const char *argv[] = {AGENT, "--server-addr", "unix://" SOCKET, "--base-dir", "/test/run", "--config", CONFIG, NULL};

    if (!guest->setup.config)
        argv[5] = NULL;
    if (guest->setup.as_init)
        argv[1] = NULL;
    else
        start_init(guest->world);
    guest->agent = task_ref(world_start(guest->world, "tatami-agent", agent_program, argv));
    sim_observe(guest->agent);
}

/* Of the kernel, for PID 1. A configuration file stands for all words. */
static const char *command_line(const struct sim_setup *setup)
{
    if (setup->config)
        return "agent.config_file=" CONFIG;
    return setup->cgroups == WORLD_CGROUP_V2 ? "systemd.unified_cgroup_hierarchy=true" : "quiet";
}

struct sim_agent *sim_agent_boot(const struct sim_setup *setup)
{
    struct sim_agent *guest = calloc(1, sizeof(*guest));
    const struct world_options options = {
        .cgroups = setup->as_init ? WORLD_CGROUP_V2 : setup->cgroups, /* PID 1 mounts what it wants */
        .initramfs_root = setup->initramfs,
        .unbooted = setup->unbooted,
        .cid = GUEST_CID,
        .cmdline = command_line(setup),
    };

    set_current(NULL); /* a test that failed may have left one */
    guest->setup = *setup;
    snprintf(guest->label, sizeof(guest->label), "simulation: %s", setup->test ?: "others");
    guest->sim = sim_new(&(struct sim_options){.seed = setup->seed, .preempt = setup->preempt});
    guest->world = world_new(guest->sim, &options);
    if (setup->as_init) {
        guest->host = world_new(guest->sim, &(struct world_options){.cid = VMADDR_CID_HOST});
        start_init(guest->host);
    }
    sim_set_trace(guest->sim, setup->trace);
    world_mkdir(guest->world, "/dev/mqueue", 01777); /* bound where a user namespace may not mount its own */
    world_mkdir(guest->world, "/test", 0755);
    world_mkdir(guest->world, "/test/run", 0711);
    sim_make_rootfs(guest->world, ROOTFS);
    install_agent(guest);
    if (setup->as_init)
        install_modules(guest->world);
    start_agent(guest);
    return guest;
}

void sim_agent_dismiss(struct sim_agent *guest)
{
    guest->closing = true;
    (void)sim_run(guest->sim);
}

void sim_agent_free(struct sim_agent *guest)
{
    show_log(guest);
    sim_agent_dismiss(guest);
    for (int i = 0; i < guest->n_clients; i++) {
        struct rig *rig = &guest->clients[i].rig;
        arena_free(rig->arena);
    }
    task_unref(guest->agent);
    sim_free(guest->sim);
    free(guest);
}

bool sim_agent_ended(const struct sim_agent *guest)
{
    return guest->agent->state >= TASK_ZOMBIE;
}

/* ---- telling ---- */

static void fail_blocked(const struct sim_agent *guest)
{
    struct buf text = BUF_INIT(65536);

    show_log(guest);
    if (getenv("TATAMI_TRACE") && guest->setup.trace && guest->setup.trace->data)
        fputs(guest->setup.trace->data, stderr);
    if (guest->notes && guest->notes->data)
        fputs(guest->notes->data, stderr);
    sim_blocked(guest->sim, &text);
    fail_msg("the story never ends:\n%s", text.data ?: "nobody is left");
}

void sim_agent_tell_all(struct sim_agent *guest, void (*const *stories)(struct rig *rig), int n)
{
    while (guest->n_clients < n)
        start_client(guest);
    for (int i = 0; i < n; i++)
        guest->clients[i].story = stories[i];
    guest->n_busy = n;
    (void)sim_run(guest->sim);
    if (guest->n_busy > 0)
        fail_blocked(guest);
    if (sim_agent_ended(guest) && !guest->stopped) {
        show_log(guest);
        fail_msg("the agent ended with status %#x", guest->agent->exit_code);
    }
}

void sim_agent_tell(struct sim_agent *guest, void (*story)(struct rig *rig))
{
    sim_agent_tell_all(guest, &story, 1);
}

/* ---- start and end ---- */

struct watcher {
    const struct sim_agent *guest;
    int sig;       /* sent to the agent at first; 0: none */
    bool connects; /* is done as well when the agent takes a connection */
    bool connected;
};

static bool try_to_connect(const struct sim_agent *guest)
{
    struct address address;

    if (address_parse(guest->host ? HOST_VIEW : "unix://" SOCKET, &address, NULL) < 0)
        return false;
    _close_ int fd = address_connect(&address, NULL);
    return fd >= 0;
}

static int watcher_program(int argc UNUSED, char **argv, char **envp UNUSED)
{
    struct watcher *watcher;

    sscanf(argv[1], "%p", (void **)&watcher);
    const struct task *agent = watcher->guest->agent;
    if (watcher->sig && sys_kill(agent->pids[0], watcher->sig) < 0)
        return 1;
    for (int i = 0; i < WATCH_TRIES && agent->state < TASK_ZOMBIE && !watcher->connected; i++) {
        sys_nanosleep(WATCH_PAUSE);
        watcher->connected = watcher->connects && try_to_connect(watcher->guest);
    }
    sys_nanosleep(REST_NS);
    sim_stop(agent->world->sim); /* containers that are left may run for ever */
    return 0;
}

/* A signal must come from inside the guest, and a machine that is switched off is best watched from outside. */
static void run_watcher(const struct sim_agent *guest, struct watcher *watcher)
{
    char pointer[32];
    const char *argv[] = {"watcher", pointer, NULL};

    watcher->guest = guest;
    snprintf(pointer, sizeof(pointer), "%p", (void *)watcher);
    world_start(watcher->sig || !guest->host ? guest->world : guest->host, "watcher", watcher_program, argv);
    (void)sim_run(guest->sim);
}

bool sim_agent_start(struct sim_agent *guest)
{
    struct watcher watcher = {.connects = true};

    run_watcher(guest, &watcher);
    if (!watcher.connected && !sim_agent_ended(guest))
        fail_blocked(guest);
    return watcher.connected && !sim_agent_ended(guest);
}

void sim_agent_await_end(struct sim_agent *guest)
{
    guest->stopped = true;
    if (!sim_agent_ended(guest))
        run_watcher(guest, &(struct watcher){.sig = 0});
    if (!sim_agent_ended(guest))
        fail_blocked(guest);
}

int sim_agent_stop(struct sim_agent *guest)
{
    if (!sim_agent_ended(guest))
        run_watcher(guest, &(struct watcher){.sig = SIGTERM});
    if (!sim_agent_ended(guest))
        fail_blocked(guest);
    /* PID 1 switches the machine off, which is the last thing it does. */
    bool off = guest->setup.as_init && guest->world->power == (int)LINUX_REBOOT_CMD_POWER_OFF;
    return off ? 0 : guest->agent->exit_code;
}

/* ---- looking ---- */

/* What belongs to the machine as a whole, and to the agent's own process. */
static void show_settings(const struct sim_agent *guest, struct buf *out)
{
    const struct namespaces *namespaces = &guest->world->namespaces;
    const struct task *agent = guest->agent;

    buf_printf(out, "machine hostname=%s loopback_up=%d ctrl_alt_del=%d\n", namespaces->uts->hostname,
               namespaces->net->loopback_up, guest->world->ctrl_alt_del);
    if (!sim_agent_ended(guest))
        buf_printf(out, "agent umask=0%o open_files=%llu dumpable=%d subreaper=%d blocked=0x%llx ignored=0x%llx\n",
                   agent->umask, (unsigned long long)agent->rlimits[RLIMIT_NOFILE].rlim_cur, agent->dumpable, agent->subreaper,
                   (unsigned long long)agent->signals_blocked, (unsigned long long)agent->signals_ignored);
}

static void cut_line(struct buf *text, const char *start)
{
    char *line = strstr(text->data, start);

    if (!line)
        return;
    char *next = strchr(line + 1, '\n');
    memmove(line, next, (size_t)(text->data + text->len - next) + 1);
    text->len -= (size_t)(next - line);
}

struct buf sim_agent_snapshot(const struct sim_agent *guest)
{
    struct buf text = BUF_INIT(SNAPSHOT_MAX);

    world_snapshot(guest->world, &text);
    cut_line(&text, "\n" LOG " ");
    show_settings(guest, &text);
    return text;
}

static size_t line_length(const char *p)
{
    return strcspn(p, "\n");
}

void sim_expect_same(const struct buf *before, const struct buf *after, const char *label)
{
    const char *was = before->data ?: "", *is = after->data ?: "";

    while (*was && *is && line_length(was) == line_length(is) && strncmp(was, is, line_length(is)) == 0) {
        was += line_length(was) + (was[line_length(was)] == '\n');
        is += line_length(is) + (is[line_length(is)] == '\n');
    }
    if (*was || *is)
        fail_msg("%s: the world differs\nwas: %.*s\nis:  %.*s", label, (int)line_length(was), was, (int)line_length(is), is);
}

void sim_agent_show_descriptors(const struct sim_agent *guest)
{
    struct task *task = guest->agent;

    for (size_t fd = 0; fd < task->descriptors.n; fd++) {
        const struct file *file = task->descriptors.items[fd].file;
        char name[512] = "";
        if (!file)
            continue;
        if (file->path.dentry && path_name(task, &file->path, name, sizeof(name)) < 0)
            name[0] = '\0';
        print_error("  descriptor %zu: %s (mode 0%o)\n", fd, name, file->inode->mode);
    }
}
