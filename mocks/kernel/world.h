/* SPDX-License-Identifier: Apache-2.0 */
/* A world: one machine with its file systems, devices, cgroups and first namespaces. Tests build it, look into it and start its
 * first programs; none of that counts as a call. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "mocks/kernel/sim.h"
#include "mocks/kernel/task.h"

enum world_cgroups {
    WORLD_CGROUP_V2,     /* cgroup2 on /sys/fs/cgroup */
    WORLD_CGROUP_V1,     /* tmpfs with one mount per controller */
    WORLD_CGROUP_HYBRID, /* v1, and cgroup2 without controllers on unified */
};

struct world_options {
    enum world_cgroups cgroups;
    bool initramfs_root; /* "/" is of type rootfs: pivot_root refuses it */
    bool unbooted; /* as the kernel hands it to init: nothing is mounted but "/" and devtmpfs on "/dev"; cgroups is of no effect
                    */
    unsigned int cid;      /* vsock context id */
    unsigned int cpus;     /* 0: 2 */
    uint64_t memory_bytes; /* 0: 1 GiB */
    const char *cmdline;   /* of the kernel; NULL: empty */
};

typedef int (*program_fn)(int argc, char **argv, char **envp);

#define PROGRAM_TEXT "\177ELF program %zu\n"

/* The modules of the mock keep here what belongs to the machine; tests use the functions below. */
struct world {
    struct list link; /* in the simulation */
    struct sim *sim;
    struct world_options options;

    struct list tasks;           /* oldest first, zombies too */
    struct task *init;           /* pid 1; NULL before it is started and after its end */
    struct user_namespace *user; /* the first namespaces */
    struct pid_namespace *pid;
    struct namespaces namespaces;
    uint64_t next_inum; /* of namespaces: /proc/PID/ns/NAME */
    int power;          /* LINUX_REBOOT_CMD_* that ended it; 0: on */
    bool ctrl_alt_del;  /* reboots at once */

    struct vfs vfs;          /* vfs_init() before the first super block, vfs_done() after the last task */
    struct super *anonymous; /* inodes of files without a place: file_new(); vfs_init() makes it */
    struct super *nsfs;
    struct mount *nsfs_mount;
    struct path root; /* the first root */
    unsigned int next_pty;
    struct buf sysctls;   /* "name=value\n" of what was written and belongs to no namespace */
    struct buf modules;   /* "name\n" of each kernel module that was loaded */
    void *cgroups;        /* cgroup.c: hierarchies and the set of the first task */
    program_fn *programs; /* all that world_program() was given; the text of an executable names one by its place */
    size_t n_programs;
    void *sockets;               /* socket.c: names that are bound */
    struct vsock_machine *vsock; /* vsock.c: sockets and plans; NULL: none yet */
};

/* tmpfs root with /proc, /sys, /dev (null, zero, full, random, urandom, tty, ptmx, pts), /sys/fs/cgroup, /tmp, /run, /etc,
 * mounted as a booted guest has them. */
struct world *world_new(struct sim *sim, const struct world_options *options);
void world_free(struct world *world); /* by sim_free() */
void vsock_machine_free(struct world *world);
struct sim *world_sim(const struct world *world);

/* Starts a program as a child of the world's init (pid 1 is the first one started), root, all capabilities, cwd "/",
 * descriptors 0 to 2 on /dev/null. argv is copied. */
struct task *world_start(struct world *world, const char *name, program_fn fn, const char *const *argv);

/* ---- changing and looking, outside of tasks; paths are from the world's first root ---- */

/* Makes missing parents too. */
void world_mkdir(struct world *world, const char *path, mode_t mode);
void world_write(struct world *world, const char *path, const char *text);
/* Executable whose program is fn. */
void world_program(struct world *world, const char *path, program_fn fn);
/* Kernel module, for sys_finit_module(): name as the kernel writes it; needs: the modules that must be there before it,
 * separated by commas; number: name of a parameter that takes a number, or "". */
void world_module(struct world *world, const char *path, const char *name, const char *needs, const char *number);
/* The host offers an empty directory over virtio-fs with this tag: one for a world. */
void world_share(struct world *world, const char *tag);
bool world_has_module(const struct world *world, const char *name);
void world_symlink(struct world *world, const char *target, const char *path);
/* Removes a file, link or tree. */
void world_remove(struct world *world, const char *path);
/* Text of a regular or computed file; false when there is none. */
bool world_read(struct world *world, const char *path, struct buf *out);
bool world_exists(struct world *world, const char *path);

/* Everything that an aborted operation could leave behind, as text: processes, mounts of every namespace, cgroups, the tree of
 * files, descriptors per task. Equal texts: equal worlds. */
void world_snapshot(const struct world *world, struct buf *out);
