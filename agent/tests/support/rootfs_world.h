/* SPDX-License-Identifier: Apache-2.0 */
/* A small guest for tests of the jail: a temporary directory with a root file system in it, and children in mount namespaces of
 * their own that build, enter and inspect it. What a child finds wrong comes back as text. */
#pragma once
#include <stdbool.h>
#include <sys/types.h>

#include "agent/container/rootfs.h"
#include "base/arena.h"

struct world {
    char dir[64];  /* "/tmp/tatami-XXXXXX"; holds root and whatever a test adds */
    char root[80]; /* the container's root: empty proc, sys, dev, etc, tmp */
    struct arena *arena;
    struct oci_spec *spec; /* root.path set, linux present, nothing else */
    struct rootfs rootfs;  /* for the child: points to spec */
};

/* cmocka set-up and teardown of one test; *state is a struct world. */
int world_setup(void **state);
int world_teardown(void **state);
/* Skips the calling test with a reason when not root. */
void world_needs_root(void);

/* ---- the guest's files; a relative path is below dir ---- */
const char *world_path(struct world *w, const char *path);
void world_mkdir(struct world *w, const char *path);
void world_write(struct world *w, const char *path, const char *text);
void world_symlink(struct world *w, const char *target, const char *path);
bool world_has(struct world *w, const char *path);
/* Number of entries of a directory. */
int world_count(struct world *w, const char *path);

/* A process that exchanges two names without end. */
pid_t world_start_swapper(struct world *w, const char *a, const char *b);
void world_end_swapper(pid_t swapper);

/* ---- the spec; words are separated by blanks ---- */
void world_mount(struct world *w, const char *destination, const char *type, const char *source, const char *words);
void world_mask(struct world *w, const char *path);
void world_read_only(struct world *w, const char *path);
void world_device(struct world *w, const char *path, char type, int major, int minor, int mode);
/* Mounts, masks and read-only paths of a usual engine. */
void world_usual_spec(struct world *w);

/* ---- children ---- */

enum world_flags {
    WORLD_USER_NAMESPACE = 1, /* born in a new user namespace that maps root to root */
    WORLD_PID_NAMESPACE = 2,
    WORLD_IPC_NAMESPACE = 4,
};

/* Runs fn in a forked child inside a new mount namespace whose mounts are all private. Fails the calling test with everything
 * that child_expect() noted, or when the child dies. */
void world_run(struct world *w, int flags, void (*fn)(struct world *w));
/* The same, but returns the notes (static buffer). */
const char *world_notes(struct world *w, int flags, void (*fn)(struct world *w));

/* In a child: notes the message unless ok is true. */
void child_expect(bool ok, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
#define CHILD_TRUE(condition) child_expect((condition), "%s:%d: %s", __FILE__, __LINE__, #condition)
void child_expect_text(const char *label, const char *got, const char *want);
/* In a child: check, build; enter; finish with cwd "/". Ends the child with a note when something fails. */
void child_build(struct world *w);
void child_enter(struct world *w);
void child_start(struct world *w);
/* In a child: the error text of rootfs_build(), or "" when it succeeds. */
const char *child_build_error(struct world *w);

/* In a child: the file's text (static buffer), "" when it cannot be read. */
const char *child_read(const char *path);
/* In a child: -errno of a write attempt, 0 when it worked. */
int child_write(const char *path, const char *text);
/* In a child: whether the name exists (links are not followed); -errno of an attempt to create or open it for writing, 0 when
 * it worked. */
bool child_has(const char *path);
int child_make_file(const char *path);
/* In a child: mounts a tmpfs of the guest below dir. */
void child_mount_tmpfs(struct world *w, const char *path, unsigned long flags);
/* In a child: options of the topmost mount on a mount point, "mount options|file system|super options|optional fields", or ""
 * when it is none (static buffer). */
const char *child_mount_info(const char *point);
bool child_has_option(const char *point, const char *option);
