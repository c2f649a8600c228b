/* SPDX-License-Identifier: Apache-2.0 */
/* For tests of machines as their clients see them: a real monitor, with stand-ins for QEMU and the helpers. */
#pragma once
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "lib/tests/check.h"
#include "runtime-min/sandbox/sandbox.h"
#include "runtime-min/tests/sandbox_parts.h"

#define PATIENCE_MS 10000

#define check_contains(label, text, part)                                                                                      \
    do {                                                                                                                       \
        if (!strstr((text), (part)))                                                                                           \
            fail_msg("%s: '%s' is not in '%s'", (label), (part), (text));                                                      \
    } while (0)

struct world {
    char dir[160]; /* programs and kernels */
    char root[192];
    struct arena *a;
    struct runtime_config runtime;
    struct sandbox_config config;
    int control;
    unsigned int guest_cid;
    struct error err;
};

static inline const char *path_in(struct world *world, const char *name)
{
    return arena_printf(world->a, "%s/%s", world->dir, name);
}

static inline bool write_file(const char *path, const char *text, mode_t mode)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
    bool good = fd >= 0 && fchmod(fd, mode) == 0 && fd_write_all(fd, text, strlen(text)) == 0;

    close(fd);
    return good;
}

/* 0 or -errno. */
static inline int try_write(const char *path)
{
    int fd = open(path, O_WRONLY | O_CREAT, 0600);

    if (fd < 0)
        return -errno;
    close(fd);
    return 0;
}

static inline int set_up_in(void **state, const char *template)
{
    static const char *const kernels[] = {"good",   "exits", "aborts", "floods",   "silent",
                                          "panics", "stays", "no-kvm", "initramfs"};
    static const char *const programs[] = {"qemu",        "virtiofsd",     "virtiofsd-fails", "virtiofsd-leaves",
                                           "vsock",       "vsock-invents", "vsock-closes",    "vsock-refuses",
                                           "vsock-hangs", "vsock-lags"};
    struct world *world = calloc(1, sizeof(*world));
    char self[256] = "";

    strcpy(world->dir, template);
    if (!mkdtemp(world->dir) || readlink("/proc/self/exe", self, sizeof(self) - 1) < 0)
        return -1;
    world->a = arena_new(1 << 20);
    snprintf(world->root, sizeof(world->root), "%s/root", world->dir);
    for (size_t i = 0; i < ARRAY_SIZE(programs); i++)
        if (symlink(self, path_in(world, programs[i])) < 0)
            return -1;
    for (size_t i = 0; i < ARRAY_SIZE(kernels); i++)
        if (!write_file(path_in(world, kernels[i]), "kernel", 0644))
            return -1;
    world->runtime = (struct runtime_config){
        .kernel = path_in(world, "good"),
        .initramfs = path_in(world, "initramfs"),
        .qemu = path_in(world, "qemu"),
        .virtiofsd = path_in(world, "virtiofsd"),
        .vsock = path_in(world, "vsock"),
        .machine = "q35",
        .accel = "tcg",
        .vsock_device = "vhost-user", /* which a stand-in can take the place of */
        .kernel_params = "",
        .memory_mib = 512,
        .vcpus = 1,
        .boot_timeout_ms = PATIENCE_MS,
    };
    world->config = (struct sandbox_config){.root = world->root, .id = "s1", .hostname = "box", .runtime = &world->runtime};
    world->control = -1;
    *state = world;
    return mkdir(world->root, 0700);
}

static inline int set_up(void **state)
{
    return set_up_in(state, "/tmp/tatami-XXXXXX");
}

static inline int tear_down(void **state)
{
    struct world *world = *state;
    char command[256];

    fd_close(&world->control);
    (void)sandbox_stop(world->root, "s1", NULL);
    arena_free(world->a);
    snprintf(command, sizeof(command), "rm -rf %s", world->dir);
    free(world);
    return system(command);
}

static inline void need_root(void)
{
    if (geteuid() != 0) {
        print_message("needs root: a mount namespace\n");
        skip();
    }
}

static inline void start(struct world *world)
{
    if (sandbox_start(&world->config, &world->control, &world->guest_cid, &world->err) < 0)
        fail_msg("%s", world->err.text);
}

static inline bool has_directory(struct world *world)
{
    return access(arena_printf(world->a, "%s/.sandboxes/s1", world->root), F_OK) == 0;
}

#define eventually(condition)                                                                                                  \
    do {                                                                                                                       \
        int eventually_ms = 0;                                                                                                 \
        for (; !(condition) && eventually_ms < PATIENCE_MS; eventually_ms += 10)                                               \
            usleep(10000);                                                                                                     \
        if (eventually_ms >= PATIENCE_MS)                                                                                      \
            fail_msg("never: %s", #condition);                                                                                 \
    } while (0)

static inline struct sandbox_status status_of(struct world *world)
{
    struct sandbox_status status = {0};

    if (sandbox_status(world->root, "s1", &status, &world->err) < 0)
        fail_msg("%s", world->err.text);
    return status;
}

/* Pid of a process whose parent is the monitor, by the start of its arguments. */
static inline int part_of(int monitor, const char *name)
{
    char command[128], line[32] = "";

    snprintf(command, sizeof(command), "pgrep -P %d -f '/%s '", monitor, name);
    FILE *out = popen(command, "r");
    if (!fgets(line, sizeof(line), out))
        line[0] = '\0';
    pclose(out);
    return atoi(line);
}

static inline bool is_alive(int pid)
{
    char path[32], state = 'X';

    snprintf(path, sizeof(path), "/proc/%d/stat", pid);
    FILE *file = fopen(path, "r");
    if (!file)
        return false;
    if (fscanf(file, "%*d (%*[^)]) %c", &state) != 1)
        state = 'X';
    fclose(file);
    return state != 'Z' && state != 'X';
}
/* ---- the program ---- */

/* As on most hosts: what is mounted in one namespace comes to the others, unless they refuse. */
static inline bool share_mounts_as_hosts_do(void)
{
    return geteuid() != 0 || (unshare(CLONE_NEWNS) == 0 && mount(NULL, "/", NULL, MS_REC | MS_SHARED, NULL) == 0);
}

/* The monitor and the stand-ins are this program as well. -1: it is the test. */
static inline int world_main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "monitor") == 0)
        return sandbox_monitor_main();
    int r = parts_main(argc, argv);
    return r < 0 && !share_mounts_as_hosts_do() ? 1 : r;
}

#define test(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
