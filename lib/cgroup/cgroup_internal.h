/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of lib/cgroup/ share, and the constructor that lets a test stand in for the kernel with a directory tree.
 *
 * A hierarchy is one mounted cgroup file system; a member is the directory of one group in one hierarchy. Hierarchies of both
 * versions may exist side by side (hybrid), so the version that decides how a value is spelled belongs to the hierarchy that
 * holds the controller, not to the host. */
#pragma once
#include <stddef.h>
#include <stdint.h>

#include "cgroup/cgroup.h"
#include "base/buf.h"
#include "base/list.h"

#define HIERARCHIES_MAX 16
#define PATH_LEVELS_MAX 32             /* components of a group's path */
#define CONTROL_FILE_MAX (1024 * 1024) /* bytes read from one control file */

enum controller {
    CONTROLLER_CPUSET,
    CONTROLLER_CPU,
    CONTROLLER_CPUACCT,
    CONTROLLER_MEMORY,
    CONTROLLER_PIDS,
    CONTROLLER_IO, /* "blkio" on version 1 */
    CONTROLLER_HUGETLB,
    CONTROLLER_DEVICES,
    CONTROLLER_FREEZER,
    CONTROLLER_NET_CLS,
    CONTROLLER_NET_PRIO,
    CONTROLLER_PERF_EVENT,
    CONTROLLER_RDMA,
    CONTROLLER_SYSTEMD, /* the named hierarchy "name=systemd": no controller, but container managers expect it */
    CONTROLLER_MAX,
};

struct hierarchy {
    struct cgroup_host *host;
    int version;          /* 1 or 2 */
    uint32_t controllers; /* bit per enum controller */
    int fd;               /* directory */
    const char *path;     /* mount point */
    const char *name;     /* last part of the mount point */
};

struct cgroup_host {
    struct arena *arena;
    struct loop *loop;
    const struct logger *log;
    struct hierarchy hierarchies[HIERARCHIES_MAX];
    size_t n_hierarchies;
    struct list made; /* struct made_dir: what cgroup_create() made besides the groups themselves */
};

struct member {
    struct hierarchy *hierarchy;
    int fd;                                /* the group's directory; -1 until it is made */
    const char *path;                      /* mount point included */
    const char *below;                     /* path below the hierarchy, no leading '/' */
    size_t n_levels;                       /* components of below */
    size_t n_old;                          /* how many of them were there before */
    size_t n_made;                         /* the deepest that member_make() made; 0: none */
    uint32_t enabled[PATH_LEVELS_MAX + 1]; /* version 2: controllers newly enabled for the children of level i; 0 is the root */
};

struct cgroup {
    struct arena *arena;
    struct cgroup_host *host;
    const char *path;                       /* "/a/b" */
    struct member members[HIERARCHIES_MAX]; /* one per hierarchy of the host */
    size_t n_members;
    struct cgroup_mount_entry entries[HIERARCHIES_MAX];
    size_t n_entries;
    int device_fd; /* the program that is attached, or -1 */
};

/* ---- host.c ---- */

struct hierarchy_spec {
    int version;
    const char *options; /* version 1: super block options, "rw,cpu,cpuacct"; others than controllers are ignored */
    const char *path;
};

/* A host over these hierarchies; those without a known controller are left out. Version 2 reads cgroup.controllers. */
int cgroup_host_new(struct loop *loop, const struct hierarchy_spec *specs, size_t n, struct cgroup_host **ret_host,
                    struct error *err);
/* Picks the cgroup mounts below root out of the text of a mountinfo file. Writes into text; specs point into it.
 * Returns their number. */
size_t cgroup_mounts_parse(char *text, const char *root, struct hierarchy_spec specs[HIERARCHIES_MAX]);
/* Bits of the known controllers among the words of text. */
uint32_t controllers_parse(const char *text, const char *separators, int version);
/* Name of a controller as the files of that version spell it. */
const char *controller_name(enum controller controller, int version);

/* ---- member.c: one group in one hierarchy ---- */

/* Makes the directories of member->below level by level. On failure what it made is taken back and member->fd is -1. */
int member_make(struct member *member, struct error *err);
/* Inverse of a successful member_make(). What cannot be removed is remembered. */
void member_unmake(struct member *member);
/* Moves a process: 0 or -errno. */
int member_enter(const struct member *member, int pid);
/* Length of the first n_levels components of path. */
size_t path_prefix_len(const char *path, size_t n_levels);

/* ---- delete.c ---- */

/* Remembers the directories of these levels that member_make() made: they go away once they are empty. */
void member_remember_made(const struct member *member, size_t last_level);
/* The member's own directory belongs to its group again. */
void member_forget_made(const struct member *member);
/* Tries to remove all that is remembered, and logs what fails for another reason than its use. */
void cgroup_host_remove_made(struct cgroup_host *host);
void cgroup_host_forget_made(struct cgroup_host *host);

/* ---- group.c ---- */

/* The member whose hierarchy has the controller, or NULL. */
struct member *cgroup_member(struct cgroup *cgroup, enum controller controller);
/* The member in the version 2 hierarchy, or NULL. */
struct member *cgroup_member_v2(struct cgroup *cgroup);

/* ---- tree.c: a group with its descendants ---- */

/* Appends the paths of dirfd and all directories below it, each with its NUL, parents before children; the first is ".". */
int tree_list(int dirfd, struct buf *paths);
/* Number of processes in the group and its descendants; they get signal sig unless it is 0. A process that is gone is no error.
 */
int tree_signal(int dirfd, int sig);
/* One try to remove below/ and its descendants. 0 when it is gone; -EBUSY while something in it is in use. */
int tree_remove(int dirfd, const char *below);

/* ---- text.c: the contents of control files ---- */

/* Reads a whole control file into b, emptied before. 0 or -errno. */
int control_read(int dirfd, const char *file, struct buf *b);
/* Value of the line "KEY VALUE"; false when there is none. */
bool text_find_key(const char *text, const char *key, uint64_t *ret_value);
/* Text up to the first white space is decimal: its value. "max" is the caller's max; anything else is 0. */
uint64_t text_number(const char *text, uint64_t max);
/* Next line of *cursor, cut at its newline; NULL at the end. Writes into the text. */
char *text_next_line(char **cursor);
size_t text_count(const char *text, char c);
/* True if text holds nothing but white space. */
bool text_is_blank(const char *text);
