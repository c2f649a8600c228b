/* SPDX-License-Identifier: Apache-2.0 */
/* Mounts of a spec on the real kernel, looked at from inside the entered root. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/statfs.h>

#include "agent/container/mount_fd.h"
#include "agent/container/rootfs.h"
#include "agent/tests/support/rootfs_world.h"
#include "lib/tests/check.h"

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
    child_mount_tmpfs(w, "volume", MS_NOSUID | MS_NODEV | MS_NOATIME | MS_RDONLY);
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
    child_mount_tmpfs(w, "volume", 0);
    child_mount_tmpfs(w, "volume/sub", 0);
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
    child_mount_tmpfs(w, "peer", 0);
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
        WITH_WORLD(a_remount_changes_what_it_names),
        WITH_WORLD(a_refused_remount_says_why),
        WITH_WORLD(dev_becomes_read_only_at_the_end),
        WITH_WORLD(nothing_is_made_in_a_dev_of_the_guest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
