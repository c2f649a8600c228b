/* SPDX-License-Identifier: Apache-2.0 */
/* Process tier: attacks of the past on container runtimes, from images, volumes, specs and processes. CVE numbers are where the
 * idea came from. Outside of the root file system lies `outside`, which must stay as it is. */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/tests/support/expect.h"
#include "agent/tests/support/request.h"
#include "base/macros.h"

#define STRING(s) ((char *)(uintptr_t)(s))

static char *path_in(struct rig *rig, const char *dir, const char *name)
{
    return arena_printf(rig->arena, "%s/%s", dir, name);
}

static void write_text(const char *path, const char *text)
{
    FILE *file = fopen(path, "we");

    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static char *read_text(struct rig *rig, const char *path)
{
    char *text = arena_calloc(rig->arena, 1, 4096);

    int fd = open(path, O_RDONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    assert_true(read(fd, text, 4095) >= 0);
    close(fd);
    return text;
}

/* ---- the directory outside ---- */

static char *make_outside(struct rig *rig)
{
    char *outside = path_in(rig, rig->dir, "outside");

    assert_int_equal(mkdir(outside, 0755), 0);
    write_text(path_in(rig, outside, "ptmx"), "untouched\n");
    write_text(path_in(rig, outside, "null"), "untouched\n");
    return outside;
}

static char *listing(struct rig *rig, const char *dir)
{
    char command[256], *text = arena_calloc(rig->arena, 1, 4096);

    snprintf(command, sizeof(command), "cd %s && ls -lAn --full-time && cat ptmx null", dir);
    FILE *pipe = popen(command, "re");
    assert_non_null(pipe);
    assert_true(fread(text, 1, 4095, pipe) > 0);
    pclose(pipe);
    return text;
}

static void expect_same(struct rig *rig, const char *dir, const char *before, const char *label)
{
    const char *now = listing(rig, dir);

    if (strcmp(before, now) != 0)
        fail_msg("%s changed what is outside from\n%s\nto\n%s", label, before, now);
}

static void drop_mount(struct oci_spec *spec, const char *destination)
{
    size_t n = 0;

    for (size_t i = 0; i < spec->n_mounts; i++) {
        if (strncmp(spec->mounts[i].destination, destination, strlen(destination)) != 0)
            spec->mounts[n++] = spec->mounts[i];
    }
    spec->n_mounts = n;
}

static void add_bind(struct rig *rig, struct oci_spec *spec, const char *destination, const char *source)
{
    struct oci_mount *mount = &spec->mounts[spec->n_mounts++];

    *mount = (struct oci_mount){.destination = STRING(destination), .type = STRING("bind"), .source = STRING(source)};
    assert_int_equal(strlist_add(rig->arena, &mount->options, "rbind"), 0);
}

static void add_capability(struct rig *rig, struct oci_spec *spec, const char *name)
{
    struct oci_capabilities *caps = spec->process->capabilities;
    struct strlist *lists[] = {&caps->bounding, &caps->effective, &caps->permitted};

    FOR_ROWS (list, lists)
        assert_int_equal(strlist_add(rig->arena, *list, name), 0);
}

/* Runs the container if it can be created; either is fine as long as nothing outside changes. */
static void run_or_refuse(struct rig *rig, const struct oci_spec *spec)
{
    if (rig_create(rig, "c1", spec, NULL) != STATUS_OK)
        return;
    EXPECT_OK(rig_start(rig, "c1", &err));
    (void)rig_wait(rig, "c1", "");
    EXPECT_OK(rig_remove(rig, "c1", &err));
}

/* ---- images with links where directories should be ---- */

static void replace_by_link(struct rig *rig, const char *name, const char *target)
{
    char *path = path_in(rig, rig->rootfs, name);

    if (rmdir(path) < 0)
        unlink(path);
    assert_int_equal(symlink(target, path), 0);
}

/* CVE-2026-41579, 2018-15664: nodes and links are made in whatever /dev of the image points at. */
RIG_TEST(dev_that_is_a_link_leads_nowhere)
{
    char *outside = make_outside(rig);
    const char *const targets[] = {"../outside", outside, "../../../../../../..", "/etc", "."};
    char *before = listing(rig, outside);

    FOR_ROWS (target, targets) {
        struct oci_spec *spec = rig_spec(rig, "c1", "true");
        replace_by_link(rig, "dev", *target);
        drop_mount(spec, "/dev");
        run_or_refuse(rig, spec);
        expect_same(rig, outside, before, *target);
        assert_int_equal(access("/kcore", F_OK) | access("/ptmx", F_OK), -1);
        run_or_refuse(rig, rig_spec(rig, "c1", "true")); /* with the usual mount on it */
        expect_same(rig, outside, before, *target);
    }
}

/* CVE-2019-19921, 2023-27561, 2019-18837, 2025-54867 */
RIG_TEST(proc_or_sys_that_is_a_link_is_refused)
{
    static const char *const names[] = {"proc", "sys"}, *const targets[] = {"tmp", "/tmp", "../outside"};
    char *outside = make_outside(rig), *before = listing(rig, outside);

    FOR_ROWS (name, names) {
        FOR_ROWS (target, targets) {
            replace_by_link(rig, *name, *target);
            EXPECT_REFUSED(STATUS_INTERNAL, "must be mounted on ordinary directory",
                           rig_create(rig, "c1", rig_spec(rig, "c1", NULL), &err));
            expect_same(rig, outside, before, *name);
        }
        unlink(path_in(rig, rig->rootfs, *name));
        assert_int_equal(mkdir(path_in(rig, rig->rootfs, *name), 0755), 0);
    }
    expect_output(rig, "c1", rig_spec(rig, "c1", "echo fine"), "fine\n");
}

/* CVE-2025-31133, 2026-88265: the null device of the image is another file. */
RIG_TEST(null_device_of_the_image_is_not_trusted)
{
    char *outside = make_outside(rig), *before = listing(rig, outside);
    static const char *const targets[] = {"/proc/sys/kernel/core_pattern", "../../outside/null", "/etc/passwd"};
    char *pattern = read_text(rig, "/proc/sys/kernel/core_pattern");
    struct stat st;

    FOR_ROWS (target, targets) {
        struct oci_spec *spec = rig_spec(
            rig, "c1", "echo x > /dev/null; echo '|/evil' > /proc/keys; echo '|/evil' > /proc/sys/kernel/core_pattern");
        drop_mount(spec, "/dev");
        replace_by_link(rig, "dev/null", *target);
        spec->process->user.uid = 1000;
        run_or_refuse(rig, spec);
        expect_same(rig, outside, before, *target);
        assert_string_equal(read_text(rig, "/proc/sys/kernel/core_pattern"), pattern);
    }
    assert_int_equal(stat(path_in(rig, rig->rootfs, "etc/passwd"), &st), 0);
    assert_int_equal(st.st_uid, 0);
}

/* CVE-2019-16884, 2021-30465, 2024-45310: mount points that are links stay inside. */
RIG_TEST(mount_points_that_are_links_stay_in_the_root)
{
    char *outside = make_outside(rig), *volume = path_in(rig, rig->dir, "volume"), *before = listing(rig, outside);
    static const char *const targets[] = {"../outside", "/../../../outside/new", "../../../../../outside"};

    assert_int_equal(mkdir(volume, 0755), 0);
    write_text(path_in(rig, volume, "f"), "volume\n");
    FOR_ROWS (target, targets) {
        struct oci_spec *spec = rig_spec(rig, "c1", "cat /data/f");
        replace_by_link(rig, "data", *target);
        add_bind(rig, spec, "/data", volume);
        run_or_refuse(rig, spec);
        expect_same(rig, outside, before, *target);
        spec = rig_spec(rig, "c1", "cat /data/sub/f");
        add_bind(rig, spec, "/data/sub", volume);
        run_or_refuse(rig, spec);
        expect_same(rig, outside, before, *target);
    }
}

/* CVE-2025-52565, 2026-88264: the place of the console is the image's, and so is what lies around it. */
RIG_TEST(console_that_is_a_link_is_refused)
{
    char *outside = make_outside(rig), *before = listing(rig, outside);
    static const char *const targets[] = {"../../outside/console", "/proc/sys/kernel/core_pattern", "pts/0", "."};

    FOR_ROWS (target, targets) {
        struct oci_spec *spec = rig_spec(rig, "c1", "true");
        spec->mounts[1] = spec->mounts[--spec->n_mounts]; /* /dev is the image's, but for what is mounted below it */
        spec->process->terminal = true;
        replace_by_link(rig, "dev/console", *target);
        EXPECT_REFUSED(STATUS_INTERNAL, "/dev/console exists and is another file", rig_create(rig, "c1", spec, &err));
        expect_same(rig, outside, before, *target);
    }
}

/* A program with the rights to do so plants a file of its own. */
RIG_TEST(terminal_of_an_exec_comes_from_a_devpts_only)
{
    static const struct {
        const char *script, *words;
    } rows[] = {
        {"mount -t tmpfs t /dev/pts; mknod /dev/pts/ptmx c 5 2; echo; sleep 1000", "/dev/pts of the container is no devpts"},
        {"mount -o bind /dev/zero /dev/pts/ptmx; echo; sleep 1000", "open /dev/pts/ptmx of the container: EXDEV"},
        {"umount /dev/pts; rmdir /dev/pts; ln -s /proc /dev/pts; echo; sleep 1000", "/dev/pts of the container is no devpts"},
    };

    FOR_ROWS (row, rows) {
        struct oci_spec *spec = rig_spec(rig, "c1", row->script);
        struct oci_process *process = rig_spec(rig, "c1", "tty")->process;
        Grpc__ReadStreamRequest *request = (void *)request_for(rig, "ReadStdout", "c1", "");
        add_capability(rig, spec, "CAP_SYS_ADMIN");
        expect_running(rig, "c1", spec);
        request->len = 1;
        rig_ok(rig, "ReadStdout", &request->base, NULL);
        process->terminal = true;
        EXPECT_REFUSED(STATUS_INTERNAL, row->words, rig_exec(rig, "c1", "e1", process, &err));
        EXPECT_OK(rig_remove(rig, "c1", &err));
    }
}

static void swap_for_ever(const char *one, const char *other)
{
    for (;;)
        renameat2(AT_FDCWD, one, AT_FDCWD, other, RENAME_EXCHANGE);
}

/* CVE-2019-19921, 2021-30465: another container swaps directory and link in a shared volume while this one is made. */
RIG_TEST(swapped_links_never_lead_outside)
{
    char *outside = make_outside(rig), *volume = path_in(rig, rig->dir, "volume"), *before = listing(rig, outside);
    char *one = path_in(rig, volume, "a"), *other = path_in(rig, volume, "b");

    assert_int_equal(mkdir(volume, 0755), 0);
    assert_int_equal(mkdir(one, 0755), 0);
    assert_int_equal(symlink("/../../../../../../../../../outside", other), 0);
    rig_run_container(rig, "c1", rig_spec(rig, "c1", "true"), NULL, NULL);
    struct traces traces = traces_now(rig);
    int swapper = fork();
    if (swapper == 0)
        swap_for_ever(one, other);
    for (int i = 0; i < 40; i++) {
        struct oci_spec *spec = rig_spec(rig, "c1", "true");
        add_bind(rig, spec, "/v", volume);
        struct oci_mount *mount = &spec->mounts[spec->n_mounts++];
        *mount = (struct oci_mount){.destination = STRING("/v/a/x"), .type = STRING("tmpfs"), .source = STRING("tmpfs")};
        run_or_refuse(rig, spec);
    }
    kill(swapper, SIGKILL);
    waitpid(swapper, NULL, 0);
    expect_same(rig, outside, before, "a swapped link");
    traces_expect(rig, &traces, "a swapped link");
}

/* ---- specs ---- */

static void expect_no_directory(struct rig *rig, const char *path)
{
    struct oci_spec *spec = rig_spec(rig, "c1", "pwd");
    struct oci_process *process = rig_spec(rig, "c2", "pwd")->process;

    spec->process->cwd = process->cwd = STRING(path);
    if (rig_create(rig, "c1", spec, NULL) == STATUS_OK || rig_exec(rig, "c2", "e", process, NULL) == STATUS_OK)
        fail_msg("%s is a working directory", path);
}

/* CVE-2024-21626 */
RIG_TEST(working_directory_cannot_be_a_leaked_descriptor)
{
    static const char *const links[] = {"/proc/self/root/tmp", "/proc/self/cwd", "/proc/1/root", "/proc/1/fd/0/.."};

    expect_running(rig, "c2", rig_spec(rig, "c2", NULL));
    FOR_ROWS (path, links)
        expect_no_directory(rig, *path);
    for (int fd = 0; fd < 20; fd++)
        expect_no_directory(rig, arena_printf(rig->arena, fd % 2 ? "/proc/self/fd/%d" : "/dev/fd/%d", fd));
}

/* CVE-2022-0811: one value, one parameter. */
RIG_TEST(value_of_a_kernel_parameter_sets_no_other)
{
    static const char *const values[] = {"1+kernel.core_pattern=|/evil", "1\nkernel.core_pattern=|/evil", "|/evil", ""};
    char *before = read_text(rig, "/proc/sys/kernel/core_pattern");

    FOR_ROWS (value, values) {
        struct oci_spec *spec = rig_spec(rig, "c1", "cat /proc/sys/kernel/shm_rmid_forced");
        struct oci_pair pair = {.key = STRING("kernel.shm_rmid_forced"), .value = STRING(*value)};
        spec->linux_->sysctl = (struct oci_map){.items = &pair, .n = 1};
        run_or_refuse(rig, spec);
        assert_string_equal(read_text(rig, "/proc/sys/kernel/core_pattern"), before);
    }
}

/* CVE-2020-27151, 2024-3154, 2026-53492: annotations are data. */
RIG_TEST(annotations_change_nothing)
{
    struct oci_pair pairs[] = {
        {STRING("io.katacontainers.config.agent.kernel_modules"), STRING("evil")},
        {STRING("run.oci.handler"), STRING("krun")},
        {STRING("run.oci.hooks.stderr"), path_in(rig, rig->dir, "made")},
        {STRING("org.systemd.property.ExecStart"), STRING("/evil")},
    };
    struct oci_spec *spec = rig_spec(rig, "c1", "echo fine");

    spec->annotations = (struct oci_map){.items = pairs, .n = ARRAY_SIZE(pairs)};
    expect_output(rig, "c1", spec, "fine\n");
    assert_int_equal(access(pairs[2].value, F_OK), -1);
}

/* ---- processes ---- */

/* CVE-2016-9962: the half-made process is no way into the agent. Without CAP_SYS_PTRACE it cannot even be looked at. */
RIG_TEST(process_that_waits_for_its_start_is_closed_to_the_container)
{
    EXPECT_OK(rig_create(rig, "c1", rig_spec(rig, "c1", NULL), &err));
    expect_exec_output(rig, "c1",
                       rig_spec(rig, "c1",
                                "for f in exe root cwd ns/mnt fd/0; do readlink /proc/1/$f && echo $f; done; "
                                "cat /proc/1/environ 2>/dev/null; "
                                "cat /proc/1/mem /proc/1/maps 2>/dev/null; true")
                           ->process,
                       "");
    EXPECT_OK(rig_start(rig, "c1", &err));
}

/* CVE-2019-5736: with every capability there is, the agent's program cannot be written. */
RIG_TEST(program_of_the_agent_cannot_be_overwritten)
{
    struct oci_spec *spec = rig_spec(rig, "c1", NULL);
    char command[64], *before = arena_alloc(rig->arena, 65), *after = arena_alloc(rig->arena, 65);
    struct oci_process *process;

    snprintf(command, sizeof(command), "sha256sum < /proc/%d/exe", rig->agent_pid);
    FILE *pipe = popen(command, "re");
    assert_true(pipe && fread(before, 1, 64, pipe) == 64);
    pclose(pipe);
    add_capability(rig, spec, "CAP_SYS_PTRACE");
    add_capability(rig, spec, "CAP_SYS_ADMIN");
    EXPECT_OK(rig_create(rig, "c1", spec, &err)); /* not started: /proc/1/exe is the agent's program */
    process =
        rig_spec(rig, "c1",
                 "head -c 4 /proc/1/exe | tail -c 3; echo; for i in 1 2 3; do echo evil 2>/dev/null > /proc/1/exe && echo "
                 "written; done; "
                 "echo evil 2>/dev/null >> /proc/1/exe && echo written; "
                 "dd if=/dev/zero of=/proc/1/exe bs=1 count=1 conv=notrunc 2>/dev/null && echo written; ls /proc/1/fd | wc -l")
            ->process;
    process->capabilities = NULL;
    expect_exec_output(rig, "c1", process, "ELF\n4\n"); /* streams and the socket over which it waits */
    EXPECT_OK(rig_start(rig, "c1", &err));
    pipe = popen(command, "re");
    assert_true(pipe && fread(after, 1, 64, pipe) == 64);
    pclose(pipe);
    assert_memory_equal(before, after, 64);
}

/* The image names the agent's program as its own, or as its interpreter: it may run, as any program may, but changes nothing.
 */
RIG_TEST(image_whose_program_is_proc_self_exe_is_harmless)
{
    const char *const own[] = {"/proc/self/exe", NULL}, *const script[] = {"/bin/evil", NULL};
    char *path = path_in(rig, rig->rootfs, "bin/evil");
    struct oci_spec *spec = rig_spec(rig, "c1", NULL);

    write_text(path, "#!/proc/self/exe\n");
    assert_int_equal(chmod(path, 0755), 0);
    rig_args(rig, spec->process, script);
    assert_int_not_equal(rig_run_container(rig, "c1", spec, NULL, NULL), 0);
    rig_args(rig, spec->process, own);
    EXPECT_OK(rig_create(rig, "c1", spec, &err));
    EXPECT_OK(rig_start(rig, "c1", &err));
    EXPECT_OK(rig_remove(rig, "c1", &err));
    expect_output(rig, "c1", rig_spec(rig, "c1", "echo fine"), "fine\n");
}

/* CVE-2020-15257 */
RIG_TEST(agent_listens_on_no_abstract_socket)
{
    expect_running(rig, "c1", rig_spec(rig, "c1", NULL));
    char *sockets = read_text(rig, arena_printf(rig->arena, "/proc/%d/net/unix", rig->agent_pid));
    assert_null(strchr(sockets, '@'));
}

/* CVE-2021-41103, 2024-25621 */
RIG_TEST(directories_of_the_agent_are_closed)
{
    struct stat st;
    struct oci_spec *spec = rig_spec(rig, "c1", NULL);

    expect_running(rig, "c1", spec);
    assert_int_equal(stat(path_in(rig, rig->dir, "run"), &st), 0);
    assert_int_equal(st.st_mode & 0777, 0711);
    assert_int_equal(stat(path_in(rig, rig->dir, "run/c1"), &st), 0);
    assert_int_equal(st.st_mode & 0777, 0700);
    assert_int_equal(stat(path_in(rig, rig->dir, "run/c1/config.json"), &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(dev_that_is_a_link_leads_nowhere),
        cmocka_unit_test(proc_or_sys_that_is_a_link_is_refused),
        cmocka_unit_test(null_device_of_the_image_is_not_trusted),
        cmocka_unit_test(mount_points_that_are_links_stay_in_the_root),
        cmocka_unit_test(console_that_is_a_link_is_refused),
        cmocka_unit_test(terminal_of_an_exec_comes_from_a_devpts_only),
        cmocka_unit_test(swapped_links_never_lead_outside),
        cmocka_unit_test(working_directory_cannot_be_a_leaked_descriptor),
        cmocka_unit_test(value_of_a_kernel_parameter_sets_no_other),
        cmocka_unit_test(annotations_change_nothing),
        cmocka_unit_test(process_that_waits_for_its_start_is_closed_to_the_container),
        cmocka_unit_test(program_of_the_agent_cannot_be_overwritten),
        cmocka_unit_test(image_whose_program_is_proc_self_exe_is_harmless),
        cmocka_unit_test(agent_listens_on_no_abstract_socket),
        cmocka_unit_test(directories_of_the_agent_are_closed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
