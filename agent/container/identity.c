/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/container/identity.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/sysmacros.h>

#include "agent/container/procfile.h"
#include "base/macros.h"
#include "sys/fd.h"

#define UMASK_DEFAULT 022
#define UMASK_MAX 0777
#define GROUPS_MAX 65536 /* NGROUPS_MAX of the kernel */
#define OOM_SCORE_MIN (-1000)
#define OOM_SCORE_MAX 1000

/* ---- in the parent ---- */

/* To the id calls of the kernel (uid_t)-1 means "leave it", and that is root. */
static int check_id(const char *field, uint32_t id, struct error *err)
{
    if (id == UINT32_MAX)
        return error_status(err, STATUS_INVALID_ARGUMENT, "process.user.%s: %" PRIu32 " is not an id", field, id);
    return 0;
}

static int prepare_user(struct arena *a, const struct oci_user *user, struct identity *identity, struct error *err)
{
    int r = check_id("uid", user->uid, err);
    if (r == 0)
        r = check_id("gid", user->gid, err);
    if (r == 0 && user->n_additional_gids > GROUPS_MAX)
        r = error_status(err, STATUS_INVALID_ARGUMENT, "process.user.additionalGids: %zu groups, at most %d are possible",
                         user->n_additional_gids, GROUPS_MAX);
    for (size_t i = 0; i < user->n_additional_gids && r == 0; i++)
        r = check_id("additionalGids", user->additional_gids[i], err);
    if (r == 0 && user->umask.set && user->umask.value > UMASK_MAX)
        r = error_status(err, STATUS_INVALID_ARGUMENT, "process.user.umask: %#" PRIo64 " is above %#o", user->umask.value,
                         UMASK_MAX);
    if (r < 0)
        return r;

    identity->uid = user->uid;
    identity->gid = user->gid;
    identity->umask = user->umask.set ? (uint32_t)user->umask.value : UMASK_DEFAULT;
    identity->n_groups = user->n_additional_gids;
    identity->groups = arena_memdup(a, user->additional_gids, user->n_additional_gids * sizeof(*user->additional_gids));
    return 0;
}

static int prepare_oom_score(struct opt_i64 score, struct identity *identity, struct error *err)
{
    if (score.set && (score.value < OOM_SCORE_MIN || score.value > OOM_SCORE_MAX))
        return error_status(err, STATUS_INVALID_ARGUMENT, "process.oomScoreAdj: %" PRId64 " is not in %d to %d", score.value,
                            OOM_SCORE_MIN, OOM_SCORE_MAX);
    identity->oom_score_adj = score;
    return 0;
}

int identity_prepare(struct arena *a, const struct oci_process *process, const struct oci_seccomp *seccomp,
                     struct identity **ret_identity, struct error *err)
{
    if (!process->capabilities)
        return error_text(err, -EINVAL, "missing process capabilities");
    struct identity *identity = arena_alloc(a, sizeof(*identity));
    if (!identity)
        return error_status(err, STATUS_RESOURCE_EXHAUSTED, "no memory left for the identity of the process");

    int r = prepare_user(a, &process->user, identity, err);
    if (r == 0)
        r = capability_sets_parse(process->capabilities, &identity->caps, err);
    if (r == 0)
        r = rlimit_list_parse(process, &identity->rlimits, err);
    if (r == 0)
        r = prepare_oom_score(process->oom_score_adj, identity, err);
    if (r == 0 && seccomp)
        r = seccomp_program_compile(a, seccomp, &identity->seccomp, err);
    if (r < 0)
        return r;
    if (arena_exhausted(a))
        return error_status(err, STATUS_RESOURCE_EXHAUSTED, "no memory left for the groups of the process");

    identity->no_new_privileges = process->no_new_privileges;
    *ret_identity = identity;
    return 0;
}

static int write_oom_score(int pid, int64_t score, struct error *err)
{
    char path[32], text[32];
    _close_ int proc_fd = -1;
    int r = procfile_root(&proc_fd, err);
    if (r < 0)
        return r;

    snprintf(path, sizeof(path), "%d/oom_score_adj", pid);
    snprintf(text, sizeof(text), "%" PRId64, score);
    _close_ int fd = procfile_open(proc_fd, path, O_WRONLY);
    r = fd < 0 ? fd : procfile_write(fd, text);
    return r < 0 ? error_set(err, r, "set oom_score_adj to %s", text) : 0;
}

int identity_apply_limits(const struct identity *identity, int pid, struct error *err)
{
    if (identity->oom_score_adj.set) {
        int r = write_oom_score(pid, identity->oom_score_adj.value, err);
        if (r < 0)
            return r;
    }
    return rlimit_apply(&identity->rlimits, pid, err);
}

/* ---- in the child ---- */

static bool is_null_device(const struct stat *st)
{
    return S_ISCHR(st->st_mode) && st->st_rdev == makedev(1, 3);
}

/* Lets the user reopen /dev/stdout. Only descriptors are looked at: a name such as /dev/null is the image's (CVE-2026-88265).
 */
static int stdio_give(uint32_t uid, struct error *err)
{
    for (int fd = 0; fd <= 2; fd++) {
        struct stat st;
        int r = sys_fstat(fd, &st);
        if (r < 0)
            return error_set(err, r, "look at descriptor %d", fd);
        if (is_null_device(&st))
            continue;
        r = sys_fchown(fd, uid, (gid_t)-1);
        /* EPERM: its owner has no id in this user namespace; EROFS: a file given as stdin. Both stay as usable as they were. */
        if (r < 0 && r != -EPERM && r != -EROFS)
            return error_set(err, r, "give descriptor %d to user %" PRIu32, fd, uid);
    }
    return 0;
}

static int groups_set(const struct identity *identity, struct error *err)
{
    int r = sys_setgroups(identity->n_groups, identity->groups);
    /* A user namespace may deny setgroups for good: without groups to set, nothing is lost. */
    if (r == -EPERM && identity->n_groups == 0)
        return 0;
    return r < 0 ? error_set(err, r, "set %zu supplementary groups", identity->n_groups) : 0;
}

/* Permitted capabilities survive the change of the uid; capability_confine() makes them effective again. */
static int ids_set(const struct identity *identity, struct error *err)
{
    int r = sys_prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0);
    if (r < 0)
        return error_set(err, r, "keep capabilities");
    r = sys_setresgid(identity->gid, identity->gid, identity->gid);
    if (r < 0)
        return error_set(err, r, "set group id %" PRIu32, identity->gid);
    r = sys_setresuid(identity->uid, identity->uid, identity->uid);
    if (r < 0)
        return error_set(err, r, "set user id %" PRIu32, identity->uid);
    r = sys_prctl(PR_SET_KEEPCAPS, 0, 0, 0, 0);
    return r < 0 ? error_set(err, r, "stop keeping capabilities") : 0;
}

/* The filter without no_new_privs needs CAP_SYS_ADMIN, so it comes before the sets shrink; the bounding set is cut before,
 * since a filter could fake what the kernel answers. */
static int privileges_drop(const struct identity *identity, struct error *err)
{
    struct capability_sets caps = identity->caps;
    int r = 0;

    if (identity->no_new_privileges)
        r = sys_prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    if (r < 0)
        return error_set(err, r, "set no_new_privs");
    r = capability_confine(&caps, err);
    if (r == 0 && !identity->no_new_privileges)
        r = seccomp_program_load(&identity->seccomp, err);
    if (r == 0)
        r = capability_apply(&caps, err);
    return r;
}

int identity_apply(const struct identity *identity, struct error *err)
{
    int r = identity->uid ? stdio_give(identity->uid, err) : 0;
    if (r < 0)
        return r;
    sys_umask(identity->umask);
    r = groups_set(identity, err);
    if (r == 0)
        r = ids_set(identity, err);
    if (r == 0)
        r = privileges_drop(identity, err);
    return r;
}

int identity_seal(const struct identity *identity, struct error *err)
{
    return identity->no_new_privileges ? seccomp_program_load(&identity->seccomp, err) : 0;
}
