/* SPDX-License-Identifier: Apache-2.0 */
/* Mounts of a spec on the real kernel, looked at from inside the entered root. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/container/mount_fd.h"
#include "agent/container/rootfs.h"
#include "agent/tests/support/rootfs_world.h"
#include "lib/tests/check.h"

/* In a child: a tmpfs of the guest. */
static void guest_tmpfs(struct world *w, const char *path, unsigned long flags)
{
    const char *point = world_path(w, path);

    mkdir(point, 0755);
    child_expect(sys_mount("guest", point, "tmpfs", flags, "") == 0, "mount tmpfs on %s", point);
}

/* ---- binds ---- */

static void look_at_binds(struct world *w)
{
    child_start(w);
    child_expect_text("directory", child_read("/a/b/file"), "volume");
    CHILD_TRUE(child_make_file("/a/b/new") == 0);
    child_expect_text("file", child_read("/etc/name"), "volume");
    child_expect_text("file with content", child_read("/etc/kept"), "volume");
    CHILD_TRUE(child_write("/ro/file", "x") == -EROFS);
    CHILD_TRUE(child_make_file("/ro/new") == -EROFS);
    CHILD_TRUE(child_has_option("/ro", "nosuid") && child_has_option("/ro", "nodev") && child_has_option("/ro", "noexec"));
    CHILD_TRUE(child_write("/ro-file", "x") == -EROFS);
    CHILD_TRUE(child_has_option("/times", "noatime") && child_has_option("/times", "nodiratime"));
    CHILD_TRUE(child_has_option("/nolinks", "nosymfollow"));
    CHILD_TRUE(open("/nolinks/link", O_RDONLY | O_CLOEXEC) < 0 && errno == ELOOP);
    child_expect_text("link", child_read("/a/b/link"), "volume");
    child_expect_text("through a link of the image", child_read("/real/file"), "volume");
}

static void binds_show_the_guests_files(void **state)
{
    struct world *w = *state;

    world_mkdir(w, "volume");
    world_write(w, "volume/file", "volume");
    world_symlink(w, "file", "volume/link");
    world_symlink(w, "volume", "alias");
    world_write(w, "root/etc/kept", "image");
    world_mkdir(w, "root/real");
    world_symlink(w, "/real", "root/linked");
    world_mount(w, "/a/b", "bind", "volume", "rbind rprivate");
    world_mount(w, "/etc/name", "none", "volume/link", "bind");
    world_mount(w, "/etc/kept", "bind", "volume/file", "");
    world_mount(w, "/ro", NULL, "alias", "rbind ro nosuid nodev noexec");
    world_mount(w, "/ro-file", "bind", "volume/file", "bind ro sync dirsync mand silent acl");
    world_mount(w, "/times", "bind", "volume", "noatime nodiratime");
    world_mount(w, "/nolinks", "bind", "volume", "nosymfollow");
    world_mount(w, "/linked", "bind", "volume", "bind");
    world_run(w, 0, look_at_binds);
    check_int("made in the volume", world_has(w, "volume/new"), true);
    check_string("the image's file", child_read(world_path(w, "root/etc/kept")), "image");
    check_int("target directory", world_has(w, "root/a/b"), true);
    check_int("target file", world_has(w, "root/etc/name"), true);
}

static void look_at_inherited_flags(struct world *w)
{
    guest_tmpfs(w, "volume", MS_NOSUID | MS_NODEV | MS_NOATIME | MS_RDONLY);
    child_start(w);
    CHILD_TRUE(child_has_option("/same", "nosuid") && child_has_option("/same", "ro") && child_has_option("/same", "noatime"));
    CHILD_TRUE(child_has_option("/more", "nosuid") && child_has_option("/more", "noexec") &&
               child_has_option("/more", "nodev"));
    CHILD_TRUE(!child_has_option("/less", "nosuid") && child_has_option("/less", "nodev") && child_has_option("/less", "rw"));
    CHILD_TRUE(child_has_option("/less", "relatime"));
}

static void a_bind_keeps_what_its_options_do_not_name(void **state)
{
    struct world *w = *state;

    world_mount(w, "/same", "bind", "volume", "bind");
    world_mount(w, "/more", "bind", "volume", "bind noexec");
    world_mount(w, "/less", "bind", "volume", "bind suid rw atime");
    world_run(w, 0, look_at_inherited_flags);
}

static void look_at_trees(struct world *w)
{
    guest_tmpfs(w, "volume", 0);
    guest_tmpfs(w, "volume/sub", 0);
    child_start(w);
    CHILD_TRUE(child_mount_info("/plain/sub")[0] == '\0');
    CHILD_TRUE(child_has_option("/top", "ro") && child_has_option("/top/sub", "rw"));
    CHILD_TRUE(child_has_option("/all", "ro") && child_has_option("/all/sub", "ro"));
    CHILD_TRUE(child_has_option("/below", "rw") && child_has_option("/below/sub", "ro"));
    CHILD_TRUE(child_has_option("/all", "noexec") && child_has_option("/all/sub", "noexec"));
    CHILD_TRUE(child_has_option("/all", "noatime") && child_has_option("/all/sub", "noatime"));
    CHILD_TRUE(strstr(child_mount_info("/shared"), "shared:") && strstr(child_mount_info("/shared/sub"), "shared:"));
    CHILD_TRUE(strstr(child_mount_info("/one"), "shared:") && !strstr(child_mount_info("/one/sub"), "shared:"));
}

static void recursive_options_reach_the_mounts_below(void **state)
{
    struct world *w = *state;

    world_mount(w, "/plain", "bind", "volume", "bind rro");
    world_mount(w, "/top", "bind", "volume", "rbind ro");
    world_mount(w, "/all", "bind", "volume", "rbind rro rnoexec rnoatime");
    world_mount(w, "/below", "bind", "volume", "rbind rro rw");
    world_mount(w, "/shared", "bind", "volume", "rbind rshared");
    world_mount(w, "/one", "bind", "volume", "rbind shared");
    world_run(w, 0, look_at_trees);
}

static void look_at_propagation(struct world *w)
{
    guest_tmpfs(w, "peer", 0);
    struct mount_attr shared = {.propagation = MS_SHARED};
    sys_mount_setattr(AT_FDCWD, world_path(w, "peer"), 0, &shared);
    w->spec->linux_->rootfs_propagation = "rshared";
    child_start(w);
    CHILD_TRUE(strstr(child_mount_info("/shared"), "shared:"));
    CHILD_TRUE(!strchr(child_mount_info("/private"), ':'));
    CHILD_TRUE(strstr(child_mount_info("/unbindable"), "unbindable"));
    CHILD_TRUE(strstr(child_mount_info("/bind-shared"), "shared:"));
    CHILD_TRUE(strstr(child_mount_info("/bind-slave"), "master:") && !strstr(child_mount_info("/bind-slave"), "shared:"));
    CHILD_TRUE(!strchr(child_mount_info("/bind-private"), ':'));
}

static void propagation_applies_to_every_mount(void **state)
{
    struct world *w = *state;

    world_mount(w, "/shared", "tmpfs", "tmpfs", "shared");
    world_mount(w, "/private", "tmpfs", "tmpfs", "rprivate");
    world_mount(w, "/unbindable", "tmpfs", "tmpfs", "unbindable");
    world_mount(w, "/bind-shared", "bind", "peer", "bind rshared");
    world_mount(w, "/bind-slave", "bind", "peer", "rbind rslave");
    world_mount(w, "/bind-private", "bind", "peer", "bind private");
    world_run(w, 0, look_at_propagation);
}

/* ---- file systems ---- */

static void look_at_file_systems(struct world *w)
{
    struct stat st;
    struct statfs fs;

    child_start(w);
    CHILD_TRUE(stat("/data", &st) == 0 && (st.st_mode & 07777) == 0700 && statfs("/data", &fs) == 0 && fs.f_blocks == 256);
    CHILD_TRUE(child_has_option("/data", "nosuid") && child_has_option("/data", "noexec") &&
               !child_has_option("/data", "nodev"));
    CHILD_TRUE(stat("/joined", &st) == 0 && (st.st_mode & 07777) == 0711 && statfs("/joined", &fs) == 0 && fs.f_blocks == 512);
    CHILD_TRUE(child_make_file("/ro/x") == -EROFS && strstr(child_mount_info("/ro"), "|tmpfs|ro"));
    CHILD_TRUE(child_make_file("/rro/x") == -EROFS && strstr(child_mount_info("/rro"), "|tmpfs|rw"));
    CHILD_TRUE(strstr(child_mount_info("/sync"), "|tmpfs|rw,sync"));
    CHILD_TRUE(strstr(child_mount_info("/dirsync"), ",dirsync"));
    CHILD_TRUE(strstr(child_mount_info("/lazy"), "lazytime"));
    CHILD_TRUE(!strstr(child_mount_info("/notlazy"), "lazytime") && strstr(child_mount_info("/notlazy"), "|tmpfs|rw"));
    CHILD_TRUE(child_has_option("/strict", "rw") && !child_has_option("/strict", "relatime"));
    CHILD_TRUE(child_has_option("/proc", "ro") && strstr(child_mount_info("/proc"), "|proc|rw"));
    CHILD_TRUE(strstr(child_mount_info("/default"), "|tmpfs|rw"));
    CHILD_TRUE(child_has("/mq") && strstr(child_mount_info("/mq"), "|mqueue|"));
}

static void file_systems_get_their_options(void **state)
{
    struct world *w = *state;

    world_mount(w, "/data", "tmpfs", "tmpfs", "nosuid noexec mode=0700 size=1m");
    world_mount(w, "/joined", "tmpfs", "tmpfs", "mode=711,,size=2m");
    world_mount(w, "/ro", "tmpfs", "tmpfs", "ro");
    world_mount(w, "/rro", "tmpfs", "tmpfs", "rro");
    world_mount(w, "/sync", "tmpfs", "tmpfs", "sync");
    world_mount(w, "/dirsync", "tmpfs", "tmpfs", "dirsync");
    world_mount(w, "/lazy", "tmpfs", "tmpfs", "lazytime");
    world_mount(w, "/notlazy", "tmpfs", "tmpfs", "lazytime nolazytime rw async nomand");
    world_mount(w, "/strict", "tmpfs", "tmpfs", "strictatime");
    world_mount(w, "/proc", "proc", "proc", "ro");
    world_mount(w, "/default", "tmpfs", NULL, "");
    world_mount(w, "/mq", "mqueue", "mqueue", "nosuid");
    world_run(w, WORLD_PID_NAMESPACE, look_at_file_systems);
}

/* What fsconfig(2) cannot say goes through mount(2). */
static void look_at_old_mounts(struct world *w)
{
    struct statfs fs;
    struct stat st;

    child_start(w);
    CHILD_TRUE(statfs("/long", &fs) == 0 && fs.f_blocks == 256 && child_has_option("/long", "noexec"));
    CHILD_TRUE(stat("/long", &st) == 0 && (st.st_mode & 07777) == 0710);
    CHILD_TRUE(strstr(child_mount_info("/acl"), "|tmpfs|ro") && child_has_option("/acl", "nodev"));
    CHILD_TRUE(strstr(child_mount_info("/acl"), "shared:"));
    CHILD_TRUE(strstr(child_mount_info("/version"), "|tmpfs|rw"));
    CHILD_TRUE(strstr(child_mount_info("/source"), "|tmpfs|rw"));
    CHILD_TRUE(child_has("/dev/null") && child_make_file("/dev/new") == -EROFS);
}

static void what_fsconfig_cannot_say_is_mounted_too(void **state)
{
    struct world *w = *state;
    char size[300];

    snprintf(size, sizeof(size), "size=%0280dm", 1);
    world_mount(w, "/long", "tmpfs", "tmpfs", arena_printf(w->arena, "noexec mode=710 %s", size));
    world_mount(w, "/acl", "tmpfs", "tmpfs", "acl nodev ro shared");
    world_mount(w, "/version", "tmpfs", "tmpfs", "iversion");
    world_mount(w, "/source", "tmpfs", size, "");
    world_mount(w, "/dev", "tmpfs", "tmpfs", "silent ro");
    world_run(w, 0, look_at_old_mounts);
}

/* ---- refusals ---- */

struct refusal {
    const char *destination, *type, *source, *words;
    const char *text; /* with the world's directory as %s, at most once */
};

static const struct refusal refusals[] = {
    {"/a", "bind", "missing", "bind",
     "failed to mount %1$s/missing to /a, type 'bind': bind source '%1$s/missing': ENOENT: No such file or directory"},
    {"/etc/passwd/x", "bind", "volume", "bind",
     "failed to mount %1$s/volume to /etc/passwd/x, type 'bind': make the mount point: ENOTDIR: Not a directory"},
    {"/etc/passwd", "bind", "volume", "bind",
     "failed to mount %1$s/volume to /etc/passwd, type 'bind': make the mount point: ENOTDIR: Not a directory"},
    {"/etc/passwd/y", "bind", "volume/file", "bind",
     "failed to mount %1$s/volume/file to /etc/passwd/y, type 'bind': make the mount point: ENOTDIR: Not a directory"},
    {"/etc", "bind", "volume/file", "bind",
     "failed to mount %1$s/volume/file to /etc, type 'bind': attach: EINVAL: Invalid argument"},
    {"/a", "nosuchfs", "x", "",
     "failed to mount %1$s/x to /a, type 'nosuchfs': file system 'nosuchfs': ENODEV: No such device"},
    {"/a", "tmpfs", "/t", "bogus=1",
     "failed to mount /t to /a, type 'tmpfs': option 'bogus' (tmpfs: Unknown parameter 'bogus'): EINVAL: Invalid argument"},
    {"/a", "tmpfs", "/t", "size=huge",
     "failed to mount /t to /a, type 'tmpfs': option 'size' (tmpfs: Bad value for 'size'): EINVAL: Invalid argument"},
    {"/a", "tmpfs", "/t", "silent bogus=1", "failed to mount /t to /a, type 'tmpfs': mount: EINVAL: Invalid argument"},
    {"/a", "ext4", "volume/file", "ro",
     "failed to mount %1$s/volume/file to /a, type 'ext4': create the file system (%1$s/volume/file: Can't lookup blockdev): "
     "ENOTBLK: Block device required"},
    {"/nothing", "", "", "remount ro",
     "failed to mount %1$s/ to /nothing, type '': look at the mount: ENOENT: No such file or directory"},
    {"/etc", "", "", "remount bind ro",
     "failed to mount %1$s/ to /etc, type '': set mount attributes: EINVAL: Invalid argument"},
    {"/etc", "", "", "remount ro", "failed to mount %1$s/ to /etc, type '': look at the file system: EINVAL: Invalid argument"},
    {"/link/x", "proc", "/proc", "",
     "failed to mount /proc to /link/x, type 'proc': mount point /link/x must be an ordinary directory"},
    {"/etc/passwd", "sysfs", "/sysfs", "",
     "failed to mount /sysfs to /etc/passwd, type 'sysfs': mount point /etc/passwd must be an ordinary directory"},
    {"/proc", "bind", "volume", "rbind",
     "failed to mount %1$s/volume to /proc, type 'bind': %1$s/volume cannot be mounted to /proc because it is not of type "
     "proc"},
    {"/proc", "bind", "/proc/sys", "rbind",
     "failed to mount /proc/sys to /proc, type 'bind': /proc/sys cannot be mounted to /proc because it is not of type proc"},
};

static void look_at_refusals(struct world *w)
{
    FOR_ROWS (row, refusals) {
        char want[1024];
        w->spec->n_mounts = 0;
        world_mount(w, row->destination, row->type, row->source, row->words);
        snprintf(want, sizeof(want), row->text, w->dir);
        w->rootfs = ROOTFS_INIT(w->spec, NULL);
        const char *got = child_build_error(w);
        child_expect(strncmp(got, want, strlen(want)) == 0, "%s on %s: got '%s', want '%s'", row->type, row->destination, got,
                     want);
        rootfs_done(&w->rootfs);
    }
}

static void errors_name_source_destination_type_and_reason(void **state)
{
    struct world *w = *state;

    world_mkdir(w, "volume");
    world_write(w, "volume/file", "");
    world_write(w, "root/etc/passwd", "");
    world_symlink(w, "etc", "root/link");
    world_run(w, 0, look_at_refusals);
}

static void look_at_too_much_data(struct world *w)
{
    const char *text = child_build_error(w);
    child_expect(strstr(text, "options are longer than 4095 bytes"), "%s", text);
}

static void more_data_than_a_page_is_refused(void **state)
{
    struct world *w = *state;
    char *size = arena_printf(w->arena, "size=%02000dm", 1);

    world_mount(w, "/a", "tmpfs", "tmpfs", arena_printf(w->arena, "%s %s %s", size, size, size));
    world_run(w, 0, look_at_too_much_data);
}

static void look_at_an_unknown_word(struct world *w)
{
    const char *text = child_build_error(w);
    child_expect(strstr(text, "'odd\\,word'"), "%s", text);
}

static void an_escaped_comma_belongs_to_the_word(void **state)
{
    struct world *w = *state;

    world_mount(w, "/a", "tmpfs", "tmpfs", "odd\\,word");
    world_run(w, 0, look_at_an_unknown_word);
}

static void look_at_an_overlong_word(struct world *w)
{
    const char *text = child_build_error(w);
    child_expect(strstr(text, "type 'tmpfs': mount: EINVAL"), "%s", text);
}

/* A comma behind a backslash belongs to the value, so this word cannot be cut. */
static void escaped_commas_do_not_end_a_word(void **state)
{
    struct world *w = *state;

    world_mount(w, "/a", "tmpfs", "tmpfs", arena_printf(w->arena, "size=%0300d\\,x", 1));
    world_run(w, 0, look_at_an_overlong_word);
}

/* Longer than fsconfig(2) takes it, longer than any word may be: mount(2) gets it whole, and says no. */
static void an_endless_word_is_left_to_the_kernel(void **state)
{
    struct world *w = *state;

    world_mount(w, "/a", "tmpfs", "tmpfs", arena_printf(w->arena, "size=%03000dX", 1));
    world_run(w, 0, look_at_an_overlong_word);
}

/* ---- procfs ---- */

static void look_at_proc(struct world *w)
{
    child_start(w);
    child_expect_text("meminfo", child_read("/proc/meminfo"), "small");
    CHILD_TRUE(strncmp(child_read("/proc/self/stat"), "1 (", 3) == 0);
}

static void the_files_that_tell_the_size_of_the_machine_may_be_covered(void **state)
{
    struct world *w = *state;

    world_write(w, "meminfo", "small");
    world_mount(w, "/proc", "proc", "proc", "nosuid");
    world_mount(w, "/proc/meminfo", "bind", "meminfo", "bind ro");
    world_run(w, WORLD_PID_NAMESPACE, look_at_proc);
}

static void look_at_guest_proc(struct world *w)
{
    child_start(w);
    CHILD_TRUE(strstr(child_read("/proc/self/status"), "Name:"));
}

static void the_guests_own_procfs_may_be_bound_on_proc(void **state)
{
    struct world *w = *state;

    world_mount(w, "/proc", "bind", "/proc", "rbind");
    world_run(w, 0, look_at_guest_proc);
}

static void look_at_planted_links(struct world *w)
{
    static const struct {
        const char *link, *target, *type, *words, *text;
    } rows[] = {
        {"data", "/proc/self/attr", "tmpfs", "", "/data cannot be mounted because it is inside /proc"},
        {"data", "/proc/sys", "bind", "bind", "/data cannot be mounted because it is inside /proc"},
        {"data", "../proc/../proc/sys/kernel", "tmpfs", "silent", "/data cannot be mounted because it is inside /proc"},
    };

    FOR_ROWS (row, rows) {
        unlink(world_path(w, "root/data"));
        child_expect(symlink(row->target, world_path(w, "root/data")) == 0, "symlink %s", row->target);
        w->spec->n_mounts = 0;
        world_mount(w, "/proc", "proc", "proc", "");
        world_mount(w, "/data", row->type, "volume", row->words);
        w->rootfs = ROOTFS_INIT(w->spec, NULL);
        const char *text = child_build_error(w);
        child_expect(strstr(text, row->text), "%s: got '%s'", row->target, text);
        rootfs_done(&w->rootfs);
    }
}

static void cve_2019_16884_no_link_of_the_image_covers_a_part_of_proc(void **state)
{
    struct world *w = *state;

    world_mkdir(w, "volume");
    world_run(w, WORLD_PID_NAMESPACE, look_at_planted_links);
}

static void look_at_linked_proc(struct world *w)
{
    static const char *const targets[] = {"/../../outside", "other", "/dev", "../outside", "/nowhere"};
    static const char *const types[] = {"proc", "sysfs"};

    FOR_ROWS (type, types) {
        FOR_ROWS (target, targets) {
            char point[16];
            snprintf(point, sizeof(point), "/%.3s%s", *type, strcmp(*type, "proc") == 0 ? "c" : "");
            const char *path = world_path(w, arena_printf(w->arena, "root%s", point));
            rmdir(path);
            unlink(path);
            child_expect(symlink(*target, path) == 0, "symlink %s", path);
            w->spec->n_mounts = 0;
            world_mount(w, point, *type, "none", "");
            w->rootfs = ROOTFS_INIT(w->spec, NULL);
            const char *text = child_build_error(w);
            child_expect(strstr(text, "must be an ordinary directory"), "%s -> %s: got '%s'", point, *target, text);
            rootfs_done(&w->rootfs);
        }
    }
}

static void look_at_a_bind_on_linked_proc(struct world *w)
{
    const char *text = child_build_error(w);
    child_expect(strstr(text, "mount point /proc must be an ordinary directory"), "%s", text);
}

static void the_guests_procfs_is_bound_on_a_real_directory_only(void **state)
{
    struct world *w = *state;

    assert_int_equal(rmdir(world_path(w, "root/proc")), 0);
    world_symlink(w, "etc", "root/proc");
    world_mount(w, "/proc", "bind", "/proc", "rbind");
    world_run(w, 0, look_at_a_bind_on_linked_proc);
}

static void cve_2023_27561_and_2025_54867_linked_proc_and_sys_are_refused(void **state)
{
    struct world *w = *state;

    world_mkdir(w, "outside");
    world_mkdir(w, "root/other");
    world_run(w, WORLD_PID_NAMESPACE, look_at_linked_proc);
    check_int("outside", world_count(w, "outside"), 0);
}

static void look_at_escapes(struct world *w)
{
    child_start(w);
    child_expect_text("inside", child_read("/outside/volume-file"), "volume");
    CHILD_TRUE(child_has("/made/by/link"));
}

static void cve_2019_18837_links_as_mount_points_stay_inside(void **state)
{
    struct world *w = *state;

    world_mkdir(w, "volume");
    world_write(w, "volume/volume-file", "volume");
    world_mkdir(w, "outside");
    world_mkdir(w, "root/outside");
    world_symlink(w, "/../../outside", "root/link");
    world_symlink(w, "../../../made", "root/missing");
    world_mount(w, "/link", "bind", "volume", "bind");
    world_mount(w, "/missing/by/link", "bind", "volume", "bind");
    world_run(w, 0, look_at_escapes);
    check_int("outside", world_count(w, "outside"), 0);
    check_int("beside the root", world_has(w, "made"), false);
}

/* ---- races ---- */

static void build_in_a_race(struct world *w)
{
    const char *text = child_build_error(w);
    const char *outside = world_path(w, "outside");
    FILE *file = fopen("/proc/self/mountinfo", "re");
    char line[2048], point[1024];

    (void)text; /* may succeed or not, but never elsewhere */
    while (file && fgets(line, sizeof(line), file)) {
        if (sscanf(line, "%*s %*s %*s %*s %1023s", point) == 1)
            child_expect(strncmp(point, outside, strlen(outside)) != 0, "mounted on %s", point);
    }
}

static void cve_2021_30465_a_swapped_mount_point_never_mounts_outside(void **state)
{
    struct world *w = *state;

    world_needs_root();
    world_mkdir(w, "volume");
    world_mkdir(w, "volume/a");
    world_mkdir(w, "outside");
    world_symlink(w, world_path(w, "outside"), "volume/l");
    world_mount(w, "/vol", "bind", "volume", "rbind");
    world_mount(w, "/vol/a", "tmpfs", "tmpfs", "");
    world_mount(w, "/vol/a/b", "tmpfs", "tmpfs", "");
    const char *a = world_path(w, "volume/a"), *l = world_path(w, "volume/l");
    pid_t swapper = fork();
    while (swapper == 0)
        sys_renameat2(AT_FDCWD, a, AT_FDCWD, l, RENAME_EXCHANGE);
    char failures[512] = "";
    for (int i = 0; i < 30 && !failures[0]; i++)
        snprintf(failures, sizeof(failures), "%s", world_notes(w, 0, build_in_a_race));
    kill(swapper, SIGKILL);
    waitpid(swapper, NULL, 0);
    check_string("mounts", failures, "");
    check_int("made outside", world_count(w, "outside"), 0);
}

static void look_for_proc(struct world *w)
{
    child_build_error(w);
    FILE *file = fopen("/proc/self/mountinfo", "re");
    char line[2048];
    while (file && fgets(line, sizeof(line), file))
        child_expect(!strstr(line, "outside"), "%s", line);
}

static void cve_2019_19921_proc_never_lands_behind_a_swapped_link(void **state)
{
    struct world *w = *state;

    world_needs_root();
    world_mkdir(w, "volume");
    world_mkdir(w, "volume/proc");
    world_mkdir(w, "outside");
    world_symlink(w, world_path(w, "outside"), "volume/link");
    world_mount(w, "/vol", "bind", "volume", "rbind");
    world_mount(w, "/vol/proc", "proc", "proc", "");
    const char *a = world_path(w, "volume/proc"), *l = world_path(w, "volume/link");
    pid_t swapper = fork();
    while (swapper == 0)
        sys_renameat2(AT_FDCWD, a, AT_FDCWD, l, RENAME_EXCHANGE);
    char failures[512] = "";
    for (int i = 0; i < 30 && !failures[0]; i++)
        snprintf(failures, sizeof(failures), "%s", world_notes(w, 0, look_for_proc));
    kill(swapper, SIGKILL);
    waitpid(swapper, NULL, 0);
    check_string("mounts", failures, "");
}

/* ---- remount, /dev ---- */

static void look_at_remounts(struct world *w)
{
    struct statfs fs;

    child_start(w);
    CHILD_TRUE(child_make_file("/a/x") == -EROFS && strstr(child_mount_info("/a"), "|tmpfs|ro"));
    CHILD_TRUE(child_has_option("/b", "ro") && child_has_option("/b", "nosuid") && strstr(child_mount_info("/b"), "|tmpfs|rw"));
    CHILD_TRUE(statfs("/c", &fs) == 0 && fs.f_blocks == 512 && child_has_option("/c", "noexec"));
    CHILD_TRUE(child_has("/dev/zero") && child_make_file("/dev/x") == -EROFS);
    CHILD_TRUE(child_make_file("/e/x") == 0 && child_has_option("/e", "noexec"));
}

static void a_remount_changes_what_it_names(void **state)
{
    struct world *w = *state;

    world_mount(w, "/a", "tmpfs", "tmpfs", "rw");
    world_mount(w, "/a", "tmpfs", "tmpfs", "remount ro");
    world_mount(w, "/b", "tmpfs", "tmpfs", "nosuid");
    world_mount(w, "/b", NULL, NULL, "remount bind ro");
    world_mount(w, "/c", "tmpfs", "tmpfs", "noexec size=1m");
    world_mount(w, "/c", "tmpfs", "tmpfs", "remount size=2m");
    world_mount(w, "/dev", "tmpfs", "tmpfs", "");
    world_mount(w, "/dev", NULL, NULL, "remount bind ro");
    world_mount(w, "/e", "tmpfs", "tmpfs", "");
    world_mount(w, "/e", NULL, NULL, "remount bind noexec");
    world_run(w, 0, look_at_remounts);
}

static void look_at_bad_remount(struct world *w)
{
    const char *text = child_build_error(w);
    child_expect(strstr(text, "type 'tmpfs': option 'bogus' (tmpfs: Unknown parameter 'bogus')"), "%s", text);
    w->spec->mounts[2].options.items[1] = "nr_inodes=1";
    w->rootfs = ROOTFS_INIT(w->spec, NULL);
    text = child_build_error(w);
    child_expect(strstr(text, "type 'tmpfs': remount the file system (tmpfs: "), "%s", text);
}

static void a_refused_remount_says_why(void **state)
{
    struct world *w = *state;

    world_mount(w, "/a", "tmpfs", "tmpfs", "");
    world_mount(w, "/a/b", "tmpfs", "tmpfs", "");
    world_mount(w, "/a", "tmpfs", "tmpfs", "remount bogus");
    world_run(w, 0, look_at_bad_remount);
}

static void look_at_read_only_dev(struct world *w)
{
    child_build(w);
    CHILD_TRUE(child_has(world_path(w, "root/dev/pts/ptmx")));
    struct error err = {0};
    child_expect(rootfs_enter(&w->rootfs, &err) == 0 && rootfs_finish(&w->rootfs, "/", &err) == 0, "%s", err.text);
    CHILD_TRUE(child_has("/dev/null") && child_has("/dev/fd") && child_make_file("/dev/x") == -EROFS);
    CHILD_TRUE(child_has_option("/dev", "nosuid") && child_has_option("/dev", "ro") && child_has_option("/dev/pts", "rw"));
}

static void dev_becomes_read_only_at_the_end(void **state)
{
    struct world *w = *state;

    world_mount(w, "/dev", "tmpfs", "tmpfs", "nosuid ro mode=755");
    world_mount(w, "/dev/pts", "devpts", "devpts", "newinstance ptmxmode=0666");
    world_run(w, 0, look_at_read_only_dev);
}

static void look_at_bound_dev(struct world *w)
{
    child_start(w);
    CHILD_TRUE(child_has("/dev/here") && child_has("/dev/sub/x") && !child_has("/dev/null") && !child_has("/dev/fd") &&
               child_make_file("/dev/x") == -EROFS);
}

static void nothing_is_made_in_a_dev_of_the_guest(void **state)
{
    struct world *w = *state;

    world_mkdir(w, "devices");
    world_write(w, "devices/here", "");
    world_mkdir(w, "volume");
    world_write(w, "volume/x", "");
    world_mount(w, "/dev", "bind", "devices", "rbind ro");
    world_mount(w, "/dev/sub", "bind", "volume", "bind");
    world_run(w, 0, look_at_bound_dev);
    check_int("entries", world_count(w, "devices"), 2);
}

/* ---- user namespace ---- */

/* In a child: goes on in a user and mount namespace below the present ones, whose mounts are locked there. */
static void enter_nested_user_namespace(struct world *w)
{
    CHILD_TRUE(unshare(CLONE_NEWUSER) == 0);
    CHILD_TRUE(child_write("/proc/self/setgroups", "deny") == 0);
    CHILD_TRUE(child_write("/proc/self/uid_map", "0 0 1") == 0 && child_write("/proc/self/gid_map", "0 0 1") == 0);
    CHILD_TRUE(unshare(CLONE_NEWNS) == 0);
    w->rootfs.new_user_namespace = true;
}

static void look_at_locked_flags(struct world *w)
{
    guest_tmpfs(w, "volume", MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_NOATIME | MS_NODIRATIME | MS_NOSYMFOLLOW);
    enter_nested_user_namespace(w);
    child_start(w);
    CHILD_TRUE(child_has_option("/a", "ro") && child_has_option("/a", "nosuid") && child_has_option("/a", "noexec"));
    CHILD_TRUE(child_has_option("/a", "nodev") && child_has_option("/a", "nodiratime") &&
               child_has_option("/a", "nosymfollow"));
    CHILD_TRUE(child_has_option("/b", "nosuid") && child_has_option("/b", "noatime"));
}

static void locked_flags_stay_and_the_rest_is_set(void **state)
{
    struct world *w = *state;

    world_mount(w, "/a", "bind", "volume", "rbind ro suid dev exec diratime symfollow");
    world_mount(w, "/b", "bind", "volume", "bind suid relatime");
    world_run(w, 0, look_at_locked_flags);
}

static void look_at_locked_read_only(struct world *w)
{
    guest_tmpfs(w, "volume", MS_RDONLY);
    enter_nested_user_namespace(w);
    child_start(w);
    CHILD_TRUE(child_make_file("/a/x") == -EROFS);
}

static void cve_2020_28914_a_read_only_volume_stays_read_only(void **state)
{
    struct world *w = *state;

    world_mount(w, "/a", "bind", "volume", "rbind rw");
    world_run(w, 0, look_at_locked_read_only);
}

static void look_at_guest_mounts(struct world *w)
{
    child_start(w);
    CHILD_TRUE(child_has("/sys/kernel") && child_has_option("/sys", "ro") && child_has_option("/sys", "noexec"));
    CHILD_TRUE(child_write("/sys/kernel/uevent_helper", "x") < 0);
    CHILD_TRUE(strstr(child_mount_info("/mq"), "|mqueue|") && child_has_option("/mq", "nosuid"));
}

static void mount_mqueue_then_look(struct world *w)
{
    struct error err;
    int fs_fd = mount_fs_open("mqueue", &err);
    w->rootfs.mqueue_fd = mount_fs_create(fs_fd, 0, &err);
    CHILD_TRUE(w->rootfs.mqueue_fd >= 0);
    enter_nested_user_namespace(w);
    look_at_guest_mounts(w);
}

static void file_systems_of_shared_namespaces_come_from_the_guest(void **state)
{
    struct world *w = *state;

    world_mount(w, "/sys", "sysfs", "sysfs", "nosuid noexec nodev ro");
    world_mount(w, "/mq", "mqueue", "mqueue", "nosuid");
    world_run(w, 0, mount_mqueue_then_look);
}

static void look_at_second_mqueue(struct world *w)
{
    enter_nested_user_namespace(w);
    const char *text = child_build_error(w);
    child_expect(strstr(text, "to /mq, type 'mqueue': create the file system: EPERM"), "%s", text);
}

static void message_queues_that_nobody_may_mount_are_refused(void **state)
{
    struct world *w = *state;

    world_mount(w, "/mq", "mqueue", "mqueue", "nosuid");
    world_run(w, 0, look_at_second_mqueue);
}

static void look_at_refused_file_system(struct world *w)
{
    const char *text = child_build_error(w);
    child_expect(strstr(text, "type 'ext4': create the file system"), "%s", text);
    child_expect(strstr(text, "EPERM: Operation not permitted"), "%s", text);
}

static void other_refusals_in_a_user_namespace_stay_refusals(void **state)
{
    struct world *w = *state;

    world_mount(w, "/a", "ext4", "/dev/vda", "");
    world_run(w, WORLD_USER_NAMESPACE, look_at_refused_file_system);
}

int main(void)
{
#define WITH_WORLD(test) cmocka_unit_test_setup_teardown(test, world_setup, world_teardown)
    const struct CMUnitTest tests[] = {
        WITH_WORLD(binds_show_the_guests_files),
        WITH_WORLD(a_bind_keeps_what_its_options_do_not_name),
        WITH_WORLD(recursive_options_reach_the_mounts_below),
        WITH_WORLD(propagation_applies_to_every_mount),
        WITH_WORLD(file_systems_get_their_options),
        WITH_WORLD(what_fsconfig_cannot_say_is_mounted_too),
        WITH_WORLD(errors_name_source_destination_type_and_reason),
        WITH_WORLD(more_data_than_a_page_is_refused),
        WITH_WORLD(an_escaped_comma_belongs_to_the_word),
        WITH_WORLD(escaped_commas_do_not_end_a_word),
        WITH_WORLD(an_endless_word_is_left_to_the_kernel),
        WITH_WORLD(the_files_that_tell_the_size_of_the_machine_may_be_covered),
        WITH_WORLD(the_guests_own_procfs_may_be_bound_on_proc),
        WITH_WORLD(cve_2019_16884_no_link_of_the_image_covers_a_part_of_proc),
        WITH_WORLD(the_guests_procfs_is_bound_on_a_real_directory_only),
        WITH_WORLD(cve_2023_27561_and_2025_54867_linked_proc_and_sys_are_refused),
        WITH_WORLD(cve_2019_18837_links_as_mount_points_stay_inside),
        WITH_WORLD(cve_2021_30465_a_swapped_mount_point_never_mounts_outside),
        WITH_WORLD(cve_2019_19921_proc_never_lands_behind_a_swapped_link),
        WITH_WORLD(a_remount_changes_what_it_names),
        WITH_WORLD(a_refused_remount_says_why),
        WITH_WORLD(dev_becomes_read_only_at_the_end),
        WITH_WORLD(nothing_is_made_in_a_dev_of_the_guest),
        WITH_WORLD(locked_flags_stay_and_the_rest_is_set),
        WITH_WORLD(cve_2020_28914_a_read_only_volume_stays_read_only),
        WITH_WORLD(file_systems_of_shared_namespaces_come_from_the_guest),
        WITH_WORLD(message_queues_that_nobody_may_mount_are_refused),
        WITH_WORLD(other_refusals_in_a_user_namespace_stay_refusals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
