/* SPDX-License-Identifier: Apache-2.0 */
/* The whole way: a root file system is built, entered, finished, and then looked at from inside. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/container/rootfs.h"
#include "agent/tests/support/rootfs_world.h"
#include "lib/tests/check.h"
#include "sys/sys.h"

static void look_at_the_usual_container(struct world *w)
{
    struct stat st;
    char cwd[256];

    child_start(w);
    CHILD_TRUE(getcwd(cwd, sizeof(cwd)) && strcmp(cwd, "/") == 0);
    CHILD_TRUE(stat("/dev/null", &st) == 0 && S_ISCHR(st.st_mode) && st.st_rdev == makedev(1, 3));
    CHILD_TRUE((st.st_mode & 07777) == 0666);
    CHILD_TRUE(child_write("/dev/null", "x") == 0);
    CHILD_TRUE(strncmp(child_read("/proc/self/stat"), "1 (", 3) == 0);
    CHILD_TRUE(unshare(CLONE_NEWUTS) == 0); /* a bug here must not rename the machine */
    CHILD_TRUE(child_write("/proc/sys/kernel/domainname", "x") == -EROFS);
    CHILD_TRUE(child_has_option("/sys", "ro"));
    CHILD_TRUE(child_has_option("/dev/pts", "noexec"));
    CHILD_TRUE(child_has_option("/dev/shm", "nodev"));
    CHILD_TRUE(stat("/dev/shm", &st) == 0 && (st.st_mode & 07777) == 01777);
    CHILD_TRUE(access("/dev/pts/ptmx", F_OK) == 0);
    int terminal = open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC);
    CHILD_TRUE(terminal >= 0);
    close(terminal);
    CHILD_TRUE(child_read("/proc/keys")[0] == '\0');
    CHILD_TRUE(umask(0) == 022);
    CHILD_TRUE(access(w->dir, F_OK) < 0);
    CHILD_TRUE(child_make_file("/new") == 0);
}

static void the_usual_spec_gives_the_usual_container(void **state)
{
    struct world *w = *state;

    world_usual_spec(w);
    world_run(w, WORLD_PID_NAMESPACE | WORLD_IPC_NAMESPACE, look_at_the_usual_container);
    check_int("written into the image", world_has(w, "root/new"), true);
}

static void it_works_the_same_when_the_root_is_moved(void **state)
{
    struct world *w = *state;

    world_usual_spec(w);
    w->rootfs.no_pivot = true;
    world_run(w, WORLD_PID_NAMESPACE | WORLD_IPC_NAMESPACE, look_at_the_usual_container);
}

/* ---- descriptors, modes ---- */

static int count_descriptors(bool only_inherited_by_exec)
{
    int n = 0;

    for (int fd = 0; fd < 256; fd++) {
        int flags = fcntl(fd, F_GETFD);
        n += flags == 0 || (flags > 0 && !only_inherited_by_exec);
    }
    return n;
}

static void look_at_descriptors(struct world *w)
{
    struct error err = {0};
    int before = count_descriptors(false), inherited = count_descriptors(true);

    child_enter(w);
    child_expect(rootfs_finish(&w->rootfs, "/", &err) == 0, "%s", err.text);
    CHILD_TRUE(count_descriptors(false) == before + 1 && w->rootfs.proc_fd >= 0 && w->rootfs.root_fd < 0);
    CHILD_TRUE(count_descriptors(true) == inherited);
    rootfs_done(&w->rootfs);
    rootfs_done(&w->rootfs);
    CHILD_TRUE(count_descriptors(false) == before);
}

static void cve_2024_21626_only_the_procfs_stays_open(void **state)
{
    struct world *w = *state;

    world_usual_spec(w);
    assert_int_equal(strlist_add(w->arena, &w->spec->mounts[1].options, "ro"), 0);
    world_run(w, WORLD_PID_NAMESPACE | WORLD_IPC_NAMESPACE, look_at_descriptors);
}

static void look_at_failure(struct world *w)
{
    int before = count_descriptors(false);

    CHILD_TRUE(child_build_error(w)[0] != '\0');
    rootfs_done(&w->rootfs);
    CHILD_TRUE(count_descriptors(false) == before);
}

static void a_failure_leaves_no_descriptor(void **state)
{
    struct world *w = *state;

    world_usual_spec(w);
    world_mount(w, "/x", "bind", "missing", "bind");
    world_run(w, WORLD_PID_NAMESPACE | WORLD_IPC_NAMESPACE, look_at_failure);
}

static void look_at_modes(struct world *w)
{
    struct stat st;

    umask(077);
    child_start(w);
    CHILD_TRUE(stat("/a", &st) == 0 && (st.st_mode & 07777) == 0755);
    CHILD_TRUE(stat("/dev/null", &st) == 0 && (st.st_mode & 07777) == 0666);
    CHILD_TRUE(umask(0) == 022);
}

static void the_agents_umask_does_not_matter(void **state)
{
    struct world *w = *state;

    world_mount(w, "/a/b", "tmpfs", "tmpfs", "");
    world_run(w, 0, look_at_modes);
}

/* ---- the root ---- */

static void look_at_a_read_only_root(struct world *w)
{
    CHILD_TRUE(sys_mount("image", w->root, "tmpfs", MS_NOSUID | MS_NODEV | MS_NOATIME, "") == 0);
    child_start(w);
    CHILD_TRUE(child_make_file("/x") == -EROFS && child_make_file("/tmp/x") == 0);
    CHILD_TRUE(access("/srv/dir", F_OK) < 0);
    CHILD_TRUE(child_has_option("/", "ro") && child_has_option("/", "nosuid") && child_has_option("/", "noatime"));
    CHILD_TRUE(child_has_option("/tmp", "rw"));
}

static void a_read_only_root_keeps_its_other_flags_and_its_volumes(void **state)
{
    struct world *w = *state;

    w->spec->root->readonly = true;
    world_mount(w, "/tmp", "tmpfs", "tmpfs", "");
    world_run(w, 0, look_at_a_read_only_root);
}

static void look_at_a_working_directory_in_a_read_only_root(struct world *w)
{
    struct error err = {0};
    char cwd[256] = "";

    child_enter(w);
    child_expect(rootfs_finish(&w->rootfs, "/srv/dir", &err) == 0, "%s", err.text);
    CHILD_TRUE(getcwd(cwd, sizeof(cwd)) && strcmp(cwd, "/srv/dir") == 0 && child_make_file("x") == -EROFS);
}

static void the_working_directory_is_made_before_the_root_becomes_read_only(void **state)
{
    struct world *w = *state;

    w->spec->root->readonly = true;
    world_run(w, 0, look_at_a_working_directory_in_a_read_only_root);
}

static void look_at_the_propagation(struct world *w)
{
    int status = 0;
    struct mount_attr shared = {.propagation = MS_SHARED};

    CHILD_TRUE(sys_mount_setattr(AT_FDCWD, "/", 0x8000 /* AT_RECURSIVE */, &shared) == 0);
    pid_t pid = fork();
    if (pid == 0) {
        const char *word = w->spec->linux_->rootfs_propagation ?: "slave";
        CHILD_TRUE(unshare(CLONE_NEWNS) == 0);
        child_start(w);
        const char *info = child_mount_info("/");
        bool is_shared = strstr(info, "shared:"), is_slave = strstr(info, "master:"),
             is_unbindable = strstr(info, "unbindable");
        child_expect(is_shared == (strstr(word, "shared") != NULL), "%s: %s", word, info);
        child_expect(is_slave == (strstr(word, "shared") || strstr(word, "slave")), "%s: %s", word, info);
        child_expect(is_unbindable == (strstr(word, "unbindable") != NULL), "%s: %s", word, info);
        child_expect(!strstr(child_mount_info("/private"), ":"), "%s: %s", word, child_mount_info("/private"));
        sys_exit(0);
    }
    CHILD_TRUE(waitpid(pid, &status, 0) == pid && status == 0);
}

static void the_requested_propagation_holds_after_the_pivot(void **state)
{
    static const char *const words[] = {NULL,     "private", "rprivate",   "slave",      "rslave",
                                        "shared", "rshared", "unbindable", "runbindable"};
    struct world *w = *state;

    world_mount(w, "/private", "tmpfs", "tmpfs", "private");
    FOR_ROWS (word, words) {
        w->spec->linux_->rootfs_propagation = (char *)*word;
        world_run(w, 0, look_at_the_propagation);
    }
}

static void look_at_bad_roots(struct world *w)
{
    static const struct {
        const char *path, *text;
    } rows[] = {
        {"nothing", "rootfs '%s/nothing': ENOENT: No such file or directory"},
        {"link", "rootfs '%s/link': ELOOP: Too many levels of symbolic links"},
        {"link/etc", "rootfs '%s/link/etc': ELOOP: Too many levels of symbolic links"},
        {"file", "rootfs '%s/file': ENOTDIR: Not a directory"},
    };

    FOR_ROWS (row, rows) {
        char want[256];
        snprintf(want, sizeof(want), row->text, w->dir);
        w->spec->root->path = (char *)world_path(w, row->path);
        child_expect_text(row->path, child_build_error(w), want);
        rootfs_done(&w->rootfs);
    }
    CHILD_TRUE(sys_mount("proc", "/proc", "tmpfs", 0, "") == 0);
    child_expect_text("procfs", child_build_error(w), "the guest's /proc is no procfs");
}

static void a_bad_root_is_named(void **state)
{
    struct world *w = *state;

    world_symlink(w, "root", "link");
    world_write(w, "file", "");
    world_run(w, 0, look_at_bad_roots);
}

static void look_at_a_guest_without_procfs(struct world *w)
{
    CHILD_TRUE(sys_umount2("/proc", 2 /* MNT_DETACH */) == 0);
    CHILD_TRUE(chroot(world_path(w, "root/etc")) == 0);
    child_expect_text("procfs", child_build_error(w), "open the guest's /proc: ENOENT: No such file or directory");
}

static void a_guest_without_procfs_is_an_error(void **state)
{
    struct world *w = *state;

    world_run(w, 0, look_at_a_guest_without_procfs);
}

/* ---- working directory ---- */

struct cwd_row {
    const char *cwd;
    const char *want; /* what getcwd says, or with r < 0 the text */
    int r;
};

static const struct cwd_row cwd_rows[] = {
    {"/", "/", 0},
    {"/etc", "/etc", 0},
    {"/new/deep", "/new/deep", 0},
    {"/etc/../../new", "/new", 0},
    {"/link", "/etc", 0},
    {"/outside", "/tmp/made", 0},
    {"etc", "the working directory 'etc' is not absolute", -EINVAL},
    {"", "the working directory '' is not absolute", -EINVAL},
    {"/etc/file", "make the working directory '/etc/file': ENOTDIR: Not a directory", -ENOTDIR},
    {"/proc/new", "make the working directory '/proc/new': ENOENT: No such file or directory", -ENOENT},
    {"/proc/self/fd/200", "make the working directory '/proc/self/fd/200': ELOOP: Too many levels of symbolic links", -ELOOP},
    {"/proc/self/fd/200/..", "make the working directory '/proc/self/fd/200/..': ELOOP: Too many levels of symbolic links",
     -ELOOP},
    {"/leak", "make the working directory '/leak': ELOOP: Too many levels of symbolic links", -ELOOP},
    {"/proc/self/cwd", "make the working directory '/proc/self/cwd': ELOOP: Too many levels of symbolic links", -ELOOP},
};

static const struct cwd_row *cwd_row;

static void look_at_cwd(struct world *w)
{
    struct error err = {0};
    char cwd[256] = "";

    int outside = open("/", O_PATH | O_DIRECTORY);
    CHILD_TRUE(dup2(outside, 200) == 200); /* a leak, as an older agent might have had one */
    child_enter(w);
    int r = rootfs_finish(&w->rootfs, cwd_row->cwd, &err);
    child_expect(r == cwd_row->r, "%s: got %d (%s)", cwd_row->cwd, r, err.text);
    if (r < 0)
        child_expect_text(cwd_row->cwd, err.text, cwd_row->want);
    else
        child_expect_text(cwd_row->cwd, getcwd(cwd, sizeof(cwd)) ? cwd : "", cwd_row->want);
}

static void cve_2024_21626_the_working_directory_is_inside_or_refused(void **state)
{
    struct world *w = *state;

    world_write(w, "root/etc/file", "");
    world_symlink(w, "etc", "root/link");
    world_symlink(w, "../../../tmp/made", "root/outside");
    world_symlink(w, "/proc/self/fd/200", "root/leak");
    world_mount(w, "/proc", "proc", "proc", "");
    FOR_ROWS (row, cwd_rows) {
        cwd_row = row;
        world_run(w, WORLD_PID_NAMESPACE, look_at_cwd);
    }
}

static void look_at_chdir(struct world *w)
{
    struct error err = {0};
    char cwd[256] = "";

    int outside = open("/", O_PATH | O_DIRECTORY);
    CHILD_TRUE(dup2(outside, 200) == 200);
    child_start(w);
    CHILD_TRUE(rootfs_chdir("/etc", &err) == 0 && getcwd(cwd, sizeof(cwd)) && strcmp(cwd, "/etc") == 0);
    CHILD_TRUE(rootfs_chdir("tmp", &err) == -EINVAL);
    child_expect_text("relative", err.text, "the working directory 'tmp' is not absolute");
    CHILD_TRUE(rootfs_chdir("/proc/self/fd/200", &err) == -ELOOP);
    child_expect_text("magic", err.text,
                      "change into the working directory '/proc/self/fd/200': ELOOP: Too many levels of symbolic links");
    CHILD_TRUE(rootfs_chdir("/nothing", &err) == -ENOENT);
    CHILD_TRUE(access("/nothing", F_OK) < 0);
    CHILD_TRUE(getcwd(cwd, sizeof(cwd)) && strcmp(cwd, "/etc") == 0);
}

static void changing_directory_for_exec_makes_nothing(void **state)
{
    struct world *w = *state;

    world_mount(w, "/proc", "proc", "proc", "");
    world_run(w, WORLD_PID_NAMESPACE, look_at_chdir);
}

static void look_at_a_masked_cwd(struct world *w)
{
    struct error err = {0};

    child_enter(w);
    child_expect(rootfs_finish(&w->rootfs, "/etc", &err) == 0, "%s", err.text);
    CHILD_TRUE(access("secret", F_OK) < 0 && access("/etc/secret", F_OK) < 0);
}

static void a_masked_working_directory_is_masked_for_the_process_too(void **state)
{
    struct world *w = *state;

    world_write(w, "root/etc/secret", "");
    world_mask(w, "/etc");
    world_run(w, 0, look_at_a_masked_cwd);
}

/* ---- user namespace ---- */

static void look_at_a_user_container(struct world *w)
{
    struct error err = {0};

    child_enter(w);
    child_expect(rootfs_finish(&w->rootfs, "/work", &err) == 0, "%s", err.text);
    CHILD_TRUE(strncmp(child_read("/proc/self/stat"), "1 (", 3) == 0);
    CHILD_TRUE(child_write("/dev/null", "x") == 0);
    CHILD_TRUE(child_has_option("/sys", "ro") && access("/sys/kernel", F_OK) == 0);
    CHILD_TRUE(child_make_file("/x") == -EROFS && child_make_file("/dev/x") == -EROFS && child_make_file("/dev/shm/x") == 0);
    CHILD_TRUE(child_write("/proc/sysrq-trigger", "x") < 0 && child_read("/proc/keys")[0] == '\0');
}

static void a_container_in_a_user_namespace_is_complete(void **state)
{
    struct world *w = *state;

    world_usual_spec(w);
    w->spec->mounts[2].options.n -= 1; /* gid 5 does not exist there */
    assert_int_equal(strlist_add(w->arena, &w->spec->mounts[1].options, "ro"), 0);
    w->spec->root->readonly = true;
    world_run(w, WORLD_USER_NAMESPACE | WORLD_PID_NAMESPACE | WORLD_IPC_NAMESPACE, look_at_a_user_container);
}

/* ---- the machine ---- */

static char mounts_before[65536];

static int remember_mounts(void **state)
{
    (void)state;
    strcpy(mounts_before, child_read("/proc/self/mountinfo"));
    return 0;
}

static int compare_mounts(void **state)
{
    (void)state;
    return strcmp(mounts_before, child_read("/proc/self/mountinfo")) == 0 ? 0 : -1;
}

int main(void)
{
#define WITH_WORLD(test) cmocka_unit_test_setup_teardown(test, world_setup, world_teardown)
    const struct CMUnitTest tests[] = {
        WITH_WORLD(the_usual_spec_gives_the_usual_container),
        WITH_WORLD(it_works_the_same_when_the_root_is_moved),
        WITH_WORLD(cve_2024_21626_only_the_procfs_stays_open),
        WITH_WORLD(a_failure_leaves_no_descriptor),
        WITH_WORLD(the_agents_umask_does_not_matter),
        WITH_WORLD(a_read_only_root_keeps_its_other_flags_and_its_volumes),
        WITH_WORLD(the_working_directory_is_made_before_the_root_becomes_read_only),
        WITH_WORLD(the_requested_propagation_holds_after_the_pivot),
        WITH_WORLD(a_bad_root_is_named),
        WITH_WORLD(a_guest_without_procfs_is_an_error),
        WITH_WORLD(cve_2024_21626_the_working_directory_is_inside_or_refused),
        WITH_WORLD(changing_directory_for_exec_makes_nothing),
        WITH_WORLD(a_masked_working_directory_is_masked_for_the_process_too),
        WITH_WORLD(a_container_in_a_user_namespace_is_complete),
    };
    return cmocka_run_group_tests(tests, remember_mounts, compare_mounts);
}
