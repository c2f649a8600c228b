/* SPDX-License-Identifier: Apache-2.0 */
/* Process tier: the file system as a container sees it. Root, volumes, devices, covered paths, descriptors, working directory.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/tests/support/expect.h"
#include "base/macros.h"

#define STRING(s) ((char *)(uintptr_t)(s))
#define OPTIONS_MAX 4

static void add_mount(struct rig *rig, struct oci_spec *spec, const char *destination, const char *type, const char *source,
                      const char *const options[OPTIONS_MAX])
{
    struct oci_mount *mount = &spec->mounts[spec->n_mounts++];

    *mount = (struct oci_mount){.destination = STRING(destination), .type = STRING(type), .source = STRING(source)};
    for (size_t i = 0; i < OPTIONS_MAX && options[i]; i++)
        assert_int_equal(strlist_add(rig->arena, &mount->options, options[i]), 0);
}

static char *make_volume(struct rig *rig, const char *name)
{
    char *path = arena_printf(rig->arena, "%s/%s", rig->dir, name);

    assert_int_equal(mkdir(path, 0755), 0);
    return path;
}

static void write_text(const char *dir, const char *name, const char *text)
{
    char path[192];

    snprintf(path, sizeof(path), "%s/%s", dir, name);
    FILE *file = fopen(path, "we");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

/* ---- root ---- */

RIG_TEST(root_is_that_of_the_spec_and_writable_or_not)
{
    struct oci_spec *spec =
        rig_spec(rig, "c1", "echo x > /new && cat /new; ls -d /run/* 2>/dev/null; grep -c ' / / ' /proc/self/mountinfo");

    spec->root->readonly = false;
    char *out;
    rig_run_container(rig, "c1", spec, &out, NULL);
    assert_memory_equal(out, "x\n", 2);
    spec = rig_spec(
        rig, "c1", "rm /new 2>/dev/null || echo refused; echo y > /run/f && cat /run/f; echo z > /dev/shm/f && cat /dev/shm/f");
    spec->root->readonly = true;
    expect_output(rig, "c1", spec, "refused\ny\nz\n"); /* what is mounted below has options of its own */
}

RIG_TEST(nothing_of_the_guest_is_in_sight)
{
    /* Where each mount hangs, without the container's own. */
    struct oci_spec *spec = rig_spec(rig, "c1",
                                     "cut -d' ' -f5 /proc/self/mountinfo | "
                                     "grep -v '^/\\(proc\\|dev\\|sys\\|run\\)\\(/.*\\)\\?$' ; ls /; cd /../..; pwd");

    expect_output(rig, "c1", spec, "/\nbin\ndev\netc\nhome\nproc\nroot\nrun\nsys\ntmp\n/\n");
}

RIG_TEST(working_directory_is_made)
{
    struct oci_spec *spec = rig_spec(rig, "c1", "pwd; stat -c '%u:%g %a' . ..");

    spec->process->cwd = STRING("/srv/new/deep");
    spec->process->user.uid = 1000;
    expect_output(rig, "c1", spec, "/srv/new/deep\n0:0 755\n0:0 755\n");
}

/* ---- volumes ---- */

RIG_TEST(volumes_are_bound_with_their_options)
{
    static const char *const rw[OPTIONS_MAX] = {"rbind", "rw"}, *const ro[OPTIONS_MAX] = {"bind", "ro"},
                             *const noexec[OPTIONS_MAX] = {"bind", "noexec", "nosuid", "nodev"};
    char *volume = make_volume(rig, "volume");
    struct oci_spec *spec =
        rig_spec(rig, "c1",
                 "cat /rw/f; echo new > /rw/g; echo x 2>/dev/null > /ro/f || echo refused; cat /ro/g; cat /single; "
                 "/no/sh -c 'echo ran' 2>/dev/null || echo noexec; grep ' /no ' /proc/self/mountinfo | cut -d' ' -f6");

    write_text(volume, "f", "from outside\n");
    char *program = arena_printf(rig->arena, "%s/sh", volume);
    assert_int_equal(symlink("/bin/busybox", program), 0);
    add_mount(rig, spec, "/rw", "bind", volume, rw);
    add_mount(rig, spec, "/ro", "none", volume, ro);
    add_mount(rig, spec, "/single", "bind", arena_printf(rig->arena, "%s/f", volume), ro);
    add_mount(rig, spec, "/no", "bind", arena_printf(rig->arena, "%s/bin", rig->rootfs), noexec);
    expect_output(rig, "c1", spec, "from outside\nrefused\nnew\nfrom outside\nnoexec\nrw,nosuid,nodev,noexec,relatime\n");
    char path[128];
    snprintf(path, sizeof(path), "%s/g", volume);
    assert_int_equal(access(path, R_OK), 0);
    snprintf(path, sizeof(path), "%s/single", rig->rootfs);
    struct stat st;
    assert_int_equal(stat(path, &st), 0); /* the mount point stays in the image */
    assert_int_equal(st.st_size, 0);
}

RIG_TEST(mounts_are_made_in_their_order)
{
    static const char *const size[OPTIONS_MAX] = {"size=64k", "mode=700"}, *const none[OPTIONS_MAX] = {"mode=755"};
    struct oci_spec *spec =
        rig_spec(rig, "c1",
                 "stat -c %a /a /a/b; dd if=/dev/zero of=/a/b/f bs=1k count=100 2>&1 | grep -o 'No space.*'; "
                 "stat -c %s /a/b/f");

    add_mount(rig, spec, "/a", "tmpfs", "tmpfs", none);
    add_mount(rig, spec, "/a/b", "tmpfs", "tmpfs", size);
    expect_output(rig, "c1", spec, "755\n700\nNo space left on device\n65536\n");
}

/* Runs in the agent's mount namespace. */
static int share(const char *path)
{
    return mount(path, path, NULL, MS_BIND, NULL) < 0 || mount(NULL, path, NULL, MS_SHARED, NULL) < 0;
}

static int mount_below(const char *path)
{
    char sub[160], file[192];

    snprintf(sub, sizeof(sub), "%s/sub", path);
    if (mount("tmpfs", sub, "tmpfs", 0, NULL) < 0)
        return 1;
    snprintf(file, sizeof(file), "%s/new", sub);
    return creat(file, 0644) < 0;
}

RIG_TEST(later_mounts_of_the_guest_reach_slaves_only)
{
    static const char *const slave[OPTIONS_MAX] = {"rbind", "rslave"}, *const private[OPTIONS_MAX] = {"rbind", "rprivate"};
    char *volume = make_volume(rig, "volume");
    struct oci_spec *spec = rig_spec(rig, "c1", NULL);

    assert_int_equal(mkdir(arena_printf(rig->arena, "%s/sub", volume), 0755), 0);
    assert_int_equal(in_mounts_of_agent(rig, share, volume), 0);
    add_mount(rig, spec, "/slave", "bind", volume, slave);
    add_mount(rig, spec, "/private", "bind", volume, private);
    expect_running(rig, "c1", spec);
    assert_int_equal(in_mounts_of_agent(rig, mount_below, volume), 0);
    expect_exec_output(rig, "c1", rig_spec(rig, "c1", "ls /slave/sub /private/sub")->process,
                       "/private/sub:\n\n/slave/sub:\nnew\n");
    EXPECT_OK(rig_remove(rig, "c1", &err));
}

static bool guest_has_mount(const struct rig *rig, const char *source)
{
    char path[64], line[1024];
    bool found = false;

    snprintf(path, sizeof(path), "/proc/%d/mountinfo", rig->agent_pid);
    FILE *file = fopen(path, "re");
    assert_non_null(file);
    while (fgets(line, sizeof(line), file))
        found |= strstr(line, source) != NULL;
    fclose(file);
    return found;
}

RIG_TEST(mounts_of_a_container_do_not_reach_the_guest)
{
    char *volume = make_volume(rig, "volume");
    static const char *const shared[OPTIONS_MAX] = {"rbind"};
    struct oci_spec *spec = rig_spec(rig, "c1", "");

    assert_int_equal(mkdir(arena_printf(rig->arena, "%s/sub", volume), 0755), 0);
    assert_int_equal(in_mounts_of_agent(rig, share, volume), 0);
    add_mount(rig, spec, "/v", "bind", volume, shared);
    struct strlist *lists[] = {&spec->process->capabilities->bounding, &spec->process->capabilities->effective,
                               &spec->process->capabilities->permitted};
    FOR_ROWS (list, lists)
        assert_int_equal(strlist_add(rig->arena, *list, "CAP_SYS_ADMIN"), 0);
    spec->process->args.items[2] =
        STRING("mount -t tmpfs mark-of-c1 /v/sub && grep -c mark-of-c1 /proc/self/mountinfo; read wait");
    expect_running(rig, "c1", spec);
    Grpc__ReadStreamRequest read = GRPC__READ_STREAM_REQUEST__INIT;
    Grpc__ReadStreamResponse *reply;
    read.container_id = STRING("c1");
    read.len = 10;
    EXPECT_OK(rig_call(rig, "ReadStdout", &read, &reply, &err));
    assert_memory_equal(reply->data.data, "1\n", 2);
    assert_false(guest_has_mount(rig, "mark-of-c1"));
    EXPECT_OK(rig_remove(rig, "c1", &err));
}

/* ---- devices ---- */

RIG_TEST(default_devices_and_links_are_there)
{
    struct oci_spec *spec =
        rig_spec(rig, "c1",
                 "cd /dev; stat -c '%n %F %t:%T %a %u:%g' null zero full random urandom tty; "
                 "for l in fd stdin stdout stderr ptmx; do readlink $l; done; head -c 3 /dev/zero | wc -c; echo x > /dev/null; "
                 "echo x 2>&1 > /dev/full || true");

    expect_output(rig, "c1", spec,
                  "null character special file 1:3 666 0:0\nzero character special file 1:5 666 0:0\n"
                  "full character special file 1:7 666 0:0\nrandom character special file 1:8 666 0:0\n"
                  "urandom character special file 1:9 666 0:0\ntty character special file 5:0 666 0:0\n"
                  "/proc/self/fd\n/proc/self/fd/0\n/proc/self/fd/1\n/proc/self/fd/2\npts/ptmx\n3\n"
                  "sh: write error: No space left on device\n");
}

RIG_TEST(devices_of_the_spec_are_made)
{
    struct oci_spec *spec = rig_spec(rig, "c1", "stat -c '%n %F %t:%T %a %u:%g' /dev/mem0 /dev/sub/disk /dev/fifo");
    struct oci_device *devices = arena_calloc(rig->arena, 3, sizeof(*devices));

    devices[0] = (struct oci_device){
        .path = STRING("/dev/mem0"), .type = 'c', .major = 1, .minor = 5, .file_mode = {true, 0600}, .uid = 5, .gid = 6};
    devices[1] =
        (struct oci_device){.path = STRING("/dev/sub/disk"), .type = 'b', .major = 259, .minor = 3, .file_mode = {true, 0640}};
    devices[2] = (struct oci_device){.path = STRING("/dev/fifo"), .type = 'p', .file_mode = {true, 0644}};
    spec->linux_->devices = devices;
    spec->linux_->n_devices = 3;
    expect_output(rig, "c1", spec,
                  "/dev/mem0 character special file 1:5 600 5:6\n/dev/sub/disk block special file 103:3 640 0:0\n"
                  "/dev/fifo fifo 0:0 644 0:0\n");
}

/* ---- covered paths ---- */

RIG_TEST(masked_paths_are_empty_and_readonly_ones_read_only)
{
    struct oci_spec *spec =
        rig_spec(rig, "c1",
                 "cat /proc/keys /proc/timer_list /secret/file; ls -A /sys/firmware /secret/dir; "
                 "echo x 2>/dev/null > /secret/dir/f || echo refused; "
                 "for f in /proc/sysrq-trigger /proc/sys/kernel/core_pattern /fixed/f; do "
                 "echo x 2>/dev/null > $f || echo $f; done; cat /fixed/f; umount /proc/keys 2>/dev/null || echo stays");
    static const char *const masked[] = {"/secret/file", "/secret/dir", "/not/there"};
    char *secret = arena_printf(rig->arena, "%s/secret", rig->rootfs),
         *fixed = arena_printf(rig->arena, "%s/fixed", rig->rootfs);

    assert_int_equal(mkdir(secret, 0755), 0);
    assert_int_equal(mkdir(fixed, 0755), 0);
    assert_int_equal(mkdir(arena_printf(rig->arena, "%s/dir", secret), 0755), 0);
    write_text(secret, "file", "secret\n");
    write_text(secret, "dir/f", "secret\n");
    write_text(fixed, "f", "fixed\n");
    FOR_ROWS (path, masked)
        assert_int_equal(strlist_add(rig->arena, &spec->linux_->masked_paths, *path), 0);
    assert_int_equal(strlist_add(rig->arena, &spec->linux_->readonly_paths, "/fixed"), 0);
    expect_output(rig, "c1", spec,
                  "/secret/dir:\n\n/sys/firmware:\nrefused\n/proc/sysrq-trigger\n/proc/sys/kernel/core_pattern\n/fixed/"
                  "f\nfixed\nstays\n");
}

/* CVE-2022-0492, 2023-25809 */
RIG_TEST(cgroup_tree_shows_the_container_and_is_read_only)
{
    struct oci_spec *spec = rig_spec(rig, "c1",
                                     "cd /sys/fs/cgroup; for d in memory pids freezer; do grep -cx $$ $d/cgroup.procs; "
                                     "mkdir $d/sub 2>/dev/null || echo refused; done; mkdir new 2>/dev/null || echo refused; "
                                     "ls */release_agent 2>/dev/null | wc -l");

    expect_output(rig, "c1", spec, "1\nrefused\n1\nrefused\n1\nrefused\nrefused\n0\n");
}

/* ---- descriptors ---- */

RIG_TEST(only_standard_streams_are_inherited)
{
    static const char *const script = "ls /proc/1/fd; readlink /proc/1/exe";

    expect_running(rig, "c1", rig_spec(rig, "c1", NULL));
    expect_running(rig, "c2", rig_spec(rig, "c2", NULL));
    expect_exec_output(rig, "c2", rig_spec(rig, "c2", script)->process, "0\n1\n2\n/bin/busybox\n");
    EXPECT_OK(rig_exec(rig, "c2", "e1", rig_spec(rig, "c2", NULL)->process, &err));
    /* e1 is the only other `sleep`. */
    expect_exec_output(
        rig, "c2",
        rig_spec(rig, "c2", "for p in /proc/[0-9]*; do case $(cat $p/comm) in sleep) ls $p/fd;; esac; done")->process,
        "0\n1\n2\n0\n1\n2\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(root_is_that_of_the_spec_and_writable_or_not),
        cmocka_unit_test(nothing_of_the_guest_is_in_sight),
        cmocka_unit_test(working_directory_is_made),
        cmocka_unit_test(volumes_are_bound_with_their_options),
        cmocka_unit_test(mounts_are_made_in_their_order),
        cmocka_unit_test(later_mounts_of_the_guest_reach_slaves_only),
        cmocka_unit_test(mounts_of_a_container_do_not_reach_the_guest),
        cmocka_unit_test(default_devices_and_links_are_there),
        cmocka_unit_test(devices_of_the_spec_are_made),
        cmocka_unit_test(masked_paths_are_empty_and_readonly_ones_read_only),
        cmocka_unit_test(cgroup_tree_shows_the_container_and_is_read_only),
        cmocka_unit_test(only_standard_streams_are_inherited),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
