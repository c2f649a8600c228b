/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/container/terminal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/macros.h"

#define STRING(s) ((char *)(uintptr_t)(s))

static void terminal_is_of_the_container_that_has_its_own_devpts(void **state)
{
    static const struct {
        const char *label, *destination, *type, *namespace_path;
        bool has_namespace, want;
    } rows[] = {
        {"usual", "/dev/pts", "devpts", NULL, true, true},
        {"an empty path is none", "/dev/pts", "devpts", "", true, true},
        {"unclean destination", "//dev/./pts/", "devpts", NULL, true, true},
        {"elsewhere", "/mnt/pts", "devpts", NULL, true, false},
        {"below", "/dev/pts/x", "devpts", NULL, true, false},
        {"relative", "dev/pts", "devpts", NULL, true, false},
        {"the guest's", "/dev/pts", "bind", NULL, true, false},
        {"no type", "/dev/pts", NULL, NULL, true, false},
        {"no destination", NULL, "devpts", NULL, true, false},
        {"mounts of another", "/dev/pts", "devpts", "/proc/1/ns/mnt", true, false},
        {"mounts of the guest", "/dev/pts", "devpts", NULL, false, false},
    };
    (void)state;

    FOR_ROWS (row, rows) {
        struct oci_mount mounts[] = {
            {.destination = STRING("/proc"), .type = STRING("proc")},
            {.destination = STRING(row->destination), .type = STRING(row->type)},
        };
        struct oci_namespace entries[] = {{.type = OCI_NS_MOUNT, .path = STRING(row->namespace_path)}};
        struct oci_linux linux_ = {.namespaces = entries, .n_namespaces = row->has_namespace};
        struct oci_spec spec = {.mounts = mounts, .n_mounts = 2, .linux_ = &linux_};
        if (terminal_is_of_container(&spec) != row->want)
            fail_msg("%s: want %d", row->label, row->want);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(terminal_is_of_the_container_that_has_its_own_devpts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
