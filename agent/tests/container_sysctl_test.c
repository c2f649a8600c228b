/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/container/sysctl.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "agent/tests/support/forked.h"
#include "tests/check.h"

/* ---- names ---- */

static void names_become_paths(void **state)
{
    (void)state;
    static const struct {
        const char *name, *path;
    } rows[] = {
        {"net.ipv4.ip_forward", "net/ipv4/ip_forward"},
        {"net/ipv4/ip_forward", "net/ipv4/ip_forward"},
        {"net/ipv4/conf/eth0.100/forwarding", "net/ipv4/conf/eth0.100/forwarding"},
        {"net.ipv4.conf.eth0/100.forwarding", "net/ipv4/conf/eth0.100/forwarding"},
        {"kernel", "kernel"},
        {"fs.mqueue..x", NULL},
        {"", NULL},
        {".", NULL},
        {"..", NULL},
        {"/", NULL},
        {".net", NULL},
        {"/net", NULL},
        {"net.", NULL},
        {"net/", NULL},
        {"net//ipv4", NULL},
        {"net/./ipv4", NULL},
        {"net/../kernel/core_pattern", NULL},
        {"net.//.kernel.core_pattern", NULL},
        {"../net", NULL},
        {"net/..", NULL},
        {"net/.a", "net/.a"},
        {"net/..a", "net/..a"},
        {"net/a..", "net/a.."},
        {"net.ipv4\n", NULL},
        {"net.\tipv4", NULL},
        {"net.ipv4\x7f", NULL},
        {"net.\x1f", NULL},
        {"net. ~", "net/ ~"},
    };
    FOR_ROWS (row, rows) {
        char path[SYSCTL_PATH_MAX] = "unchanged";
        check_int(row->name, sysctl_path(row->name, path), row->path ? 0 : -EINVAL);
        check_string(row->name, path, row->path ?: "unchanged");
    }
}

static void long_names_are_refused(void **state)
{
    (void)state;
    char name[SYSCTL_PATH_MAX + 1], path[SYSCTL_PATH_MAX];

    memset(name, 'a', sizeof(name));
    name[SYSCTL_PATH_MAX - 1] = '\0';
    assert_int_equal(sysctl_path(name, path), 0);
    check_string("longest", path, name);
    name[SYSCTL_PATH_MAX - 1] = 'a';
    name[SYSCTL_PATH_MAX] = '\0';
    assert_int_equal(sysctl_path(name, path), -EINVAL);
}

/* ---- rules ---- */

static int check_with(const char *name, unsigned int types, struct error *err)
{
    struct oci_namespace namespaces[OCI_NS_MAX];
    struct oci_pair pairs[] = {{"net.core.somaxconn", "1"}, {(char *)name, "1"}};
    struct oci_linux linux_ = {.namespaces = namespaces, .sysctl = {pairs, 2}};

    for (unsigned int type = 0; type < OCI_NS_MAX; type++) {
        if (types >> type & 1)
            namespaces[linux_.n_namespaces++] = (struct oci_namespace){.type = type};
    }
    return sysctl_check(&linux_, err);
}

static void parameters_need_their_namespace(void **state)
{
    (void)state;
    enum { IPC = 1 << OCI_NS_IPC, UTS = 1 << OCI_NS_UTS, PID = 1 << OCI_NS_PID };
    static const struct {
        const char *name;
        unsigned int needs;
    } rows[] = {
        {"kernel.msgmax", IPC},     {"kernel.msgmnb", IPC},
        {"kernel.msgmni", IPC},     {"kernel.sem", IPC},
        {"kernel.shmall", IPC},     {"kernel.shmmax", IPC},
        {"kernel.shmmni", IPC},     {"kernel.shm_rmid_forced", IPC},
        {"fs.mqueue.msg_max", IPC}, {"fs/mqueue/queues_max", IPC},
        {"kernel/sem", IPC},        {"kernel.domainname", UTS},
        {"net.ipv4.ip_forward", 0}, {"net/ipv6/conf/all/forwarding", 0},
    };
    FOR_ROWS (row, rows) {
        struct error err = {.text = ""};
        char want[128];
        if (check_with(row->name, row->needs, &err) < 0)
            fail_msg("%s", err.text);
        if (!row->needs)
            continue;
        snprintf(want, sizeof(want), "%s: Linux namespace does not contain %s", row->name, row->needs == IPC ? "ipc" : "uts");
        check_int(row->name, check_with(row->name, PID | (row->needs == IPC ? UTS : IPC), &err), -EINVAL);
        check_string(row->name, err.text, want);
        check_int(row->name, err.status, STATUS_INTERNAL);
    }
}

static void other_parameters_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        enum status_code status;
        const char *text;
    } rows[] = {
        {"kernel.hostname", STATUS_INTERNAL, "Kernel hostname specfied in Spec"},
        {"kernel/hostname", STATUS_INTERNAL, "Kernel hostname specfied in Spec"},
        {"kernel.core_pattern", STATUS_INTERNAL, "kernel.core_pattern: Sysctl config contains invalid settings"},
        {"kernel.shm", STATUS_INTERNAL, "kernel.shm: Sysctl config contains invalid settings"},
        {"kernel.shmmax.x", STATUS_INTERNAL, "kernel.shmmax.x: Sysctl config contains invalid settings"},
        {"kernel.semaphore", STATUS_INTERNAL, "kernel.semaphore: Sysctl config contains invalid settings"},
        {"fs.mqueue", STATUS_INTERNAL, "fs.mqueue: Sysctl config contains invalid settings"},
        {"fs.mqueues.x", STATUS_INTERNAL, "fs.mqueues.x: Sysctl config contains invalid settings"},
        {"net", STATUS_INTERNAL, "net: Sysctl config contains invalid settings"},
        {"network.x", STATUS_INTERNAL, "network.x: Sysctl config contains invalid settings"},
        {"vm.swappiness", STATUS_INTERNAL, "vm.swappiness: Sysctl config contains invalid settings"},
        {"net/../kernel/core_pattern", STATUS_INVALID_ARGUMENT,
         "'net/../kernel/core_pattern' is not the name of a kernel parameter"},
        {"", STATUS_INVALID_ARGUMENT, "'' is not the name of a kernel parameter"},
    };
    FOR_ROWS (row, rows) {
        struct error err;
        check_int(row->name, check_with(row->name, 0xff, &err), -EINVAL);
        check_string(row->name, err.text, row->text);
        check_int(row->name, err.status, row->status);

        struct oci_pair pairs[] = {{(char *)row->name, "1"}, {"net.core.somaxconn", "1"}};
        struct oci_linux linux_ = {.sysctl = {pairs, 2}};
        check_int("first of two", sysctl_check(&linux_, &err), -EINVAL);
        check_string("first of two", err.text, row->text);
    }
}

static void parameters_belong_to_shared_namespaces_or_the_containers_own(void **state)
{
    static const struct {
        const char *label, *name;
        bool has_namespace;
        const char *path;
        bool shared;
    } rows[] = {
        {"its own", "kernel.domainname", true, NULL, false},
        {"its own, an empty path", "kernel.domainname", true, "", false},
        {"joined", "kernel/domainname", true, "/proc/self/fd/7", true},
        {"the guest's", "kernel.domainname", false, NULL, true},
        {"of another namespace", "net.ipv4.ip_forward", true, NULL, true},
        {"no name", "kernel..", true, NULL, false},
    };
    (void)state;

    FOR_ROWS (row, rows) {
        struct oci_namespace entries[] = {{.type = OCI_NS_UTS, .path = (char *)row->path}};
        struct oci_pair pair = {(char *)row->name, (char *)"x"};
        struct oci_linux linux_ = {.namespaces = entries, .n_namespaces = row->has_namespace, .sysctl = {&pair, 1}};
        check_int(row->label, sysctl_has_shared(&linux_), row->shared);
    }
}

/* ---- writing ---- */

static void skip_without_root(void)
{
    if (geteuid() != 0) {
        print_message("needs root\n");
        skip();
    }
}

static void show(const char *path, FILE *out)
{
    char text[256] = "?\n";
    FILE *file = fopen(path, "re");

    if (file && !fgets(text, sizeof(text), file))
        strcpy(text, "\n");
    if (file)
        fclose(file);
    fprintf(out, "%.*s ", (int)strcspn(text, "\n"), text);
}

struct write_case {
    const char *label;
    struct oci_pair pairs[2];
    const char *mount_over; /* a file that another one is mounted on */
    const char *want;
};

static int apply_in_namespaces(void *arg, FILE *out)
{
    const struct write_case *row = arg;
    struct oci_linux linux_ = {.sysctl = {(struct oci_pair *)row->pairs, row->pairs[1].key ? 2 : 1}};
    struct error err = {.text = ""};

    if (unshare(CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWNET | CLONE_NEWNS) < 0 ||
        mount(NULL, "/", NULL, MS_PRIVATE | MS_REC, NULL) < 0 || setdomainname("(none)", 6) < 0)
        return 99;
    if (row->mount_over && mount("/proc/sys/kernel/domainname", row->mount_over, NULL, MS_BIND, NULL) < 0)
        return 98;
    int proc_fd = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
    int r = sysctl_apply(&linux_, SYSCTL_OF_ALL, proc_fd, &err);
    show("/proc/sys/kernel/domainname", out);
    show("/proc/sys/kernel/shmmni", out);
    show("/proc/sys/kernel/core_pattern", out);
    fputs(err.text, out);
    return -r;
}

static void values_are_written_verbatim_to_one_file(void **state)
{
    (void)state;
    skip_without_root();
    char core[300], want[1024];
    FILE *file = fopen("/proc/sys/kernel/core_pattern", "re");
    const struct write_case rows[] = {
        {"one", {{"kernel.domainname", "example.org"}}, NULL, "example.org 4096 %s "},
        {"two", {{"kernel/domainname", "a"}, {"kernel.shmmni", "77"}}, NULL, "a 77 %s "},
        {"what the kernel does not have is skipped", {{"net.none", "1"}, {"kernel.shmmni", "78"}}, NULL, "(none) 78 %s "},
        {"a value with more settings (CVE-2022-0811)",
         {{"kernel.domainname", "x+kernel.core_pattern=|/evil"}},
         NULL,
         "x+kernel.core_pattern=|/evil 4096 %s "},
        {"newline", {{"kernel.domainname", "x\nkernel.core_pattern=|/evil"}}, NULL, "x 4096 %s "},
        {"no value is nothing written", {{"kernel.domainname", NULL}}, NULL, "(none) 4096 %s "},
        {"refused value",
         {{"kernel.shmmni", "x"}, {"kernel.domainname", "b"}},
         NULL,
         "(none) 4096 %s set kernel parameter kernel.shmmni to 'x': EINVAL: Invalid argument"},
        {"missing value that is no missing file",
         {{"net.ipv4.tcp_congestion_control", "nonesuch"}, {"kernel.domainname", "b"}},
         NULL,
         "(none) 4096 %s set kernel parameter net.ipv4.tcp_congestion_control to 'nonesuch': ENOENT: No such file or "
         "directory"},
        {"file with another mounted on it (CVE-2025-52881)",
         {{"kernel.shmmni", "79"}},
         "/proc/sys/kernel/shmmni",
         "(none) (none) %s set kernel parameter kernel.shmmni to '79': EXDEV: Invalid cross-device link"},
        {"bad name", {{"net..x", "1"}}, NULL, "(none) 4096 %s kernel parameter 'net..x': EINVAL: Invalid argument"},
    };

    assert_non_null(fgets(core, sizeof(core), file));
    core[strcspn(core, "\n")] = '\0';
    fclose(file);
    FOR_ROWS (row, rows) {
        struct forked got = forked_run(apply_in_namespaces, (void *)row);
        if (got.status == 99)
            fail_msg("cannot make namespaces");
        snprintf(want, sizeof(want), row->want, core);
        check_string(row->label, got.text, want);
    }
}

/* A tree that looks like procfs, full of links. */
static void links_are_not_followed(void **state)
{
    (void)state;
    char dir[] = "/tmp/tatami-XXXXXX";
    char path[128];
    struct oci_pair pair = {"net.ipv4.x", "evil"};
    struct oci_linux linux_ = {.sysctl = {&pair, 1}};
    struct error err;

    assert_non_null(mkdtemp(dir));
    int fd = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
    assert_int_equal(mkdirat(fd, "sys", 0700), 0);
    assert_int_equal(mkdirat(fd, "sys/net", 0700), 0);
    assert_int_equal(mkdirat(fd, "sys/real", 0700), 0);
    close(openat(fd, "sys/real/x", O_CREAT | O_WRONLY, 0600));
    snprintf(path, sizeof(path), "%s/sys/real", dir);
    assert_int_equal(symlinkat(path, fd, "sys/net/ipv4"), 0);

    assert_int_equal(sysctl_apply(&linux_, SYSCTL_OF_ALL, fd, &err), -ELOOP);
    check_string("directory", err.text, "set kernel parameter net.ipv4.x to 'evil': ELOOP: Too many levels of symbolic links");
    pair.key = (char *)"net.ipv4";
    assert_int_equal(sysctl_apply(&linux_, SYSCTL_OF_ALL, fd, &err), -ELOOP);

    pair.key = (char *)"real.x";
    assert_int_equal(sysctl_apply(&linux_, SYSCTL_OF_ALL, fd, &err), 0);
    assert_int_equal(fstatat(fd, "sys/real/x", &(struct stat){0}, 0), 0);

    unlinkat(fd, "sys/net/ipv4", 0);
    unlinkat(fd, "sys/real/x", 0);
    unlinkat(fd, "sys/net", AT_REMOVEDIR);
    unlinkat(fd, "sys/real", AT_REMOVEDIR);
    unlinkat(fd, "sys", AT_REMOVEDIR);
    assert_int_equal(sysctl_apply(&linux_, SYSCTL_OF_ALL, fd, &err), -ENOENT);
    check_string("no sys", err.text, "open the directory of kernel parameters: ENOENT: No such file or directory");
    linux_.sysctl.n = 0;
    assert_int_equal(sysctl_apply(&linux_, SYSCTL_OF_ALL, -1, &err), 0);
    close(fd);
    assert_int_equal(rmdir(dir), 0);
}

/* A file that takes less than the value: half a setting is not one. */
static int apply_to_full_file(void *arg, FILE *out)
{
    struct oci_pair pair = {"kernel.domainname", "abc"};
    struct oci_linux linux_ = {.sysctl = {&pair, 1}};
    struct error err = {.text = ""};

    (void)arg;
    int proc_fd = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (unshare(CLONE_NEWUTS) < 0)
        return 9;
    forked_break_arg(SYS_write, 2, 3, 0);
    int r = sysctl_apply(&linux_, SYSCTL_OF_ALL, proc_fd, &err);
    fputs(err.text, out);
    return -r;
}

static void a_short_write_is_an_error(void **state)
{
    (void)state;
    skip_without_root();
    struct forked got = forked_run(apply_to_full_file, NULL);
    check_string("text", got.text, "set kernel parameter kernel.domainname to 'abc': EIO: Input/output error");
    check_int("result", got.status, EIO);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_become_paths),
        cmocka_unit_test(long_names_are_refused),
        cmocka_unit_test(parameters_need_their_namespace),
        cmocka_unit_test(other_parameters_are_refused),
        cmocka_unit_test(parameters_belong_to_shared_namespaces_or_the_containers_own),
        cmocka_unit_test(values_are_written_verbatim_to_one_file),
        cmocka_unit_test(links_are_not_followed),
        cmocka_unit_test(a_short_write_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
