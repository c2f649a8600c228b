/* SPDX-License-Identifier: Apache-2.0 */
/* What is refused before anything is touched, and in which words. */
#include <errno.h>

#include "agent/container/rootfs.h"
#include "lib/tests/check.h"

#define MOUNT_PREFIX "the mount destination "

static int check_mount(const char *destination, const char *type, const char *source, const char *a, const char *b,
                       struct error *err)
{
    char *words[] = {(char *)a, (char *)b};
    struct oci_mount mount = {.destination = (char *)destination, .type = (char *)type, .source = (char *)source};
    struct oci_root root = {.path = "/run/c/rootfs"};
    struct oci_spec spec = {.root = &root, .mounts = &mount, .n_mounts = 1};

    mount.options = (struct strlist){.items = words, .n = (size_t)(a != NULL) + (b != NULL)};
    return rootfs_check(&spec, err);
}

static void check_refusal(const char *label, int r, const struct error *err, const char *text)
{
    check_int(label, r, text ? -EINVAL : 0);
    check_string(label, err->text, text ? text : "");
    check_int(label, err->status, text ? STATUS_INTERNAL : STATUS_OK);
}

static void mounts_are_checked(void **state)
{
    static const struct {
        const char *destination, *type, *source, *a, *b;
        const char *text; /* NULL: accepted */
    } rows[] = {
        {"/dev", "tmpfs", "tmpfs", "nosuid", "size=64k", NULL},
        {"/a..b/..c", "tmpfs", "tmpfs", NULL, NULL, NULL},
        {"/data", "bind", "/vol", NULL, NULL, NULL},
        {"/data", "none", "/vol", "rbind", "ro", NULL},
        {"/data", NULL, "/vol", "bind", NULL, NULL},
        {"/data", "tmpfs", "/vol", "bind", NULL, NULL},
        {"/process", "bind", "/vol", NULL, NULL, NULL},
        {"/proc", "bind", "/proc", "rbind", NULL, NULL},
        {"/proc/cpuinfo", "bind", "/f", NULL, NULL, NULL},
        {"/proc/diskstats", "bind", "/f", NULL, NULL, NULL},
        {"/proc/meminfo", "bind", "/f", NULL, NULL, NULL},
        {"/proc/stat", "bind", "/f", NULL, NULL, NULL},
        {"/proc/swaps", "bind", "/f", NULL, NULL, NULL},
        {"/proc/uptime", "bind", "/f", NULL, NULL, NULL},
        {"/proc/loadavg", "bind", "/f", NULL, NULL, NULL},
        {"/proc/net/dev", "bind", "/f", NULL, NULL, NULL},
        {"//proc/./net//dev/", "bind", "/f", NULL, NULL, NULL},
        {"/tmp", "tmpfs", NULL, "tmpcopyup", NULL, NULL},
        {"/tmp", NULL, NULL, "remount", "ro", NULL},
        {NULL, "tmpfs", NULL, NULL, NULL, MOUNT_PREFIX " is invalid"},
        {"", "tmpfs", NULL, NULL, NULL, MOUNT_PREFIX " is invalid"},
        {"dev", "tmpfs", NULL, NULL, NULL, MOUNT_PREFIX "dev is invalid"},
        {"/", "tmpfs", NULL, NULL, NULL, MOUNT_PREFIX "/ is invalid"},
        {"/./", "tmpfs", NULL, NULL, NULL, MOUNT_PREFIX "/./ is invalid"},
        {"/a/../b", "tmpfs", NULL, NULL, NULL, MOUNT_PREFIX "/a/../b is invalid"},
        {"/..", "tmpfs", NULL, NULL, NULL, MOUNT_PREFIX "/.. is invalid"},
        {"/a", "bind", NULL, NULL, NULL, "the source '' of the bind mount /a is not an absolute path"},
        {"/a", "bind", "", NULL, NULL, "the source '' of the bind mount /a is not an absolute path"},
        {"/a", "bind", "vol", NULL, NULL, "the source 'vol' of the bind mount /a is not an absolute path"},
        {"/a", "bind", "/vol", "ro", "mode=700", "unknown option 'mode=700' of the bind mount /a"},
        {"/a", NULL, "/vol", "ro", NULL, "the mount /a has neither a type nor the option bind"},
        {"/a", "", "/vol", NULL, NULL, "the mount /a has neither a type nor the option bind"},
        {"/a", "none", "/vol", NULL, NULL, "the mount /a has neither a type nor the option bind"},
        {"/a", "bind", "/vol", "tmpcopyup", NULL, "the option tmpcopyup of the mount /a needs the type tmpfs"},
        {"/a", "ext4", "/vol", "tmpcopyup", NULL, "the option tmpcopyup of the mount /a needs the type tmpfs"},
        {"/a", "tmpfs", "/vol", "tmpcopyup", "bind", "the option tmpcopyup of the mount /a needs the type tmpfs"},
        {"/a/.", "bind", "/vol", "idmap", NULL, "mount /a: mount option 'idmap' is not supported"},
        {"/proc/1", "bind", "/f", NULL, NULL, "/proc/1 cannot be mounted because it is inside /proc"},
        {"/proc/self/attr", "none", "/f", "bind", NULL, "/proc/self/attr cannot be mounted because it is inside /proc"},
        {"/proc//sys/./kernel", "bind", "/f", NULL, NULL, "/proc/sys/kernel cannot be mounted because it is inside /proc"},
        {"/proc/cpuinfo/x", "bind", "/f", NULL, NULL, "/proc/cpuinfo/x cannot be mounted because it is inside /proc"},
    };

    (void)state;
    FOR_ROWS (row, rows) {
        struct error err = {0};
        int r = check_mount(row->destination, row->type, row->source, row->a, row->b, &err);
        check_refusal(row->destination ? row->destination : "NULL", r, &err, row->text);
    }
}

static void overlong_paths_are_refused(void **state)
{
    static char path[5000];
    struct error err = {0};

    (void)state;
    memset(path, 'p', sizeof(path) - 1);
    for (size_t i = 0; i < sizeof(path) - 1; i += 50)
        path[i] = '/';
    check_int("mount", check_mount(path, "tmpfs", NULL, NULL, NULL, &err), -EINVAL);
    assert_non_null(strstr(err.text, "the mount destination /ppp"));

    struct oci_root root = {.path = path};
    struct oci_spec spec = {.root = &root};
    check_int("root", rootfs_check(&spec, &err), -EINVAL);
    assert_non_null(strstr(err.text, "rootfs: the root path '/ppp"));

    memcpy(path, "/dev/", 5);
    struct oci_device device = {.path = path, .type = 'c'};
    struct oci_linux linux_ = {.devices = &device, .n_devices = 1};
    root.path = "/r";
    spec.linux_ = &linux_;
    check_int("device", rootfs_check(&spec, &err), -EINVAL);
}

static void the_root_is_checked(void **state)
{
    static const struct {
        const char *path, *text;
    } rows[] = {
        {"/run/c/rootfs", NULL},
        {"/run//c/./rootfs/", NULL},
        {NULL, "rootfs: the spec has no root path"},
        {"", "rootfs: the root path '' is not absolute or contains '..'"},
        {"rootfs", "rootfs: the root path 'rootfs' is not absolute or contains '..'"},
        {"/run/../rootfs", "rootfs: the root path '/run/../rootfs' is not absolute or contains '..'"},
        {"/", "rootfs: the root path '/' is the guest's own root"},
        {"/.//", "rootfs: the root path '/.//' is the guest's own root"},
    };
    struct oci_spec none = {0};
    struct error err = {0};

    (void)state;
    FOR_ROWS (row, rows) {
        struct oci_root root = {.path = (char *)row->path};
        struct oci_spec spec = {.root = &root};
        err = (struct error){0};
        int r = rootfs_check(&spec, &err);
        check_refusal(row->path ? row->path : "NULL", r, &err, row->text);
    }
    check_int("no root", rootfs_check(&none, &err), -EINVAL);
    check_string("no root", err.text, "rootfs: the spec has no root path");
}

static int check_linux(struct oci_linux *linux_, struct error *err)
{
    struct oci_root root = {.path = "/r"};
    struct oci_spec spec = {.root = &root, .linux_ = linux_};

    return rootfs_check(&spec, err);
}

static void devices_are_checked(void **state)
{
    static const struct {
        const char *path;
        char type;
        long long major, minor;
        const char *text;
    } rows[] = {
        {"/dev/x", 'c', 0, 0, NULL},
        {"/dev/a/b..c", 'b', 4095, 1048575, NULL},
        {"/dev/p", 'p', -1, -1, NULL},
        {NULL, 'c', 1, 1, " is not a valid device path"},
        {"/dev", 'c', 1, 1, "/dev is not a valid device path"},
        {"/dev/.", 'c', 1, 1, "/dev/. is not a valid device path"},
        {"/device", 'c', 1, 1, "/device is not a valid device path"},
        {"/etc/x", 'c', 1, 1, "/etc/x is not a valid device path"},
        {"dev/x", 'c', 1, 1, "dev/x is not a valid device path"},
        {"/dev/../etc/x", 'c', 1, 1, "/dev/../etc/x is not a valid device path"},
        {"/dev/x", 'u', 1, 1, "invalid spec: type 'u' of the device /dev/x"},
        {"/dev/x", 0, 1, 1, "invalid spec: type ' ' of the device /dev/x"},
        {"/dev/x", 'c', -1, 1, "invalid spec: number -1:1 of the device /dev/x"},
        {"/dev/x", 'c', 1, -1, "invalid spec: number 1:-1 of the device /dev/x"},
        {"/dev/x", 'b', 4096, 1, "invalid spec: number 4096:1 of the device /dev/x"},
        {"/dev/x", 'b', 1, 1048576, "invalid spec: number 1:1048576 of the device /dev/x"},
    };

    (void)state;
    FOR_ROWS (row, rows) {
        struct oci_device device = {.path = (char *)row->path, .type = row->type, .major = row->major, .minor = row->minor};
        struct oci_linux linux_ = {.devices = &device, .n_devices = 1};
        struct error err = {0};
        int r = check_linux(&linux_, &err);
        check_refusal(row->text ? row->text : row->path, r, &err, row->text);
    }
}

static void masked_and_read_only_paths_are_checked(void **state)
{
    static const struct {
        const char *path, *text;
    } rows[] = {
        {"/proc/kcore", NULL},
        {"/a..b", NULL},
        {"proc/kcore", "Cannot mount proc/kcore (path does not start with '/' or contains '..')."},
        {"", "Cannot mount  (path does not start with '/' or contains '..')."},
        {"/proc/../etc", "Cannot mount /proc/../etc (path does not start with '/' or contains '..')."},
    };

    (void)state;
    FOR_ROWS (row, rows) {
        char *items[] = {"/ok", (char *)row->path};
        struct strlist list = {.items = items, .n = 2};
        struct oci_linux masked = {.masked_paths = list}, read_only = {.readonly_paths = list};
        struct error err = {0};
        int r = check_linux(&masked, &err);
        check_refusal(row->path, r, &err, row->text);
        err = (struct error){0};
        r = check_linux(&read_only, &err);
        check_refusal(row->path, r, &err, row->text);
    }
}

static void only_known_propagations_are_accepted(void **state)
{
    static const struct {
        const char *word, *text;
    } rows[] = {
        {NULL, NULL},
        {"", NULL},
        {"private", NULL},
        {"rprivate", NULL},
        {"slave", NULL},
        {"rslave", NULL},
        {"shared", NULL},
        {"rshared", NULL},
        {"unbindable", NULL},
        {"runbindable", NULL},
        {"ro", "unknown rootfsPropagation 'ro'"},
        {"peer", "unknown rootfsPropagation 'peer'"},
    };

    (void)state;
    FOR_ROWS (row, rows) {
        struct oci_linux linux_ = {.rootfs_propagation = (char *)row->word};
        struct error err = {0};
        int r = check_linux(&linux_, &err);
        check_refusal(row->word ? row->word : "absent", r, &err, row->text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(mounts_are_checked),
        cmocka_unit_test(overlong_paths_are_refused),
        cmocka_unit_test(the_root_is_checked),
        cmocka_unit_test(devices_are_checked),
        cmocka_unit_test(masked_and_read_only_paths_are_checked),
        cmocka_unit_test(only_known_propagations_are_accepted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
