/* SPDX-License-Identifier: Apache-2.0 */
#include "oci/spec.h"

#include <errno.h>
#include <sched.h>

#include "check.h"

static void namespaces_have_two_names_and_a_flag(void **state)
{
    static const struct {
        enum oci_namespace_type type;
        const char *name;
        const char *proc_name;
        uint64_t flag;
    } rows[] = {
        {OCI_NS_PID, "pid", "pid", CLONE_NEWPID},
        {OCI_NS_NETWORK, "network", "net", CLONE_NEWNET},
        {OCI_NS_MOUNT, "mount", "mnt", CLONE_NEWNS},
        {OCI_NS_IPC, "ipc", "ipc", CLONE_NEWIPC},
        {OCI_NS_UTS, "uts", "uts", CLONE_NEWUTS},
        {OCI_NS_USER, "user", "user", CLONE_NEWUSER},
        {OCI_NS_CGROUP, "cgroup", "cgroup", CLONE_NEWCGROUP},
        {OCI_NS_TIME, "time", "time", 0x80},
    };

    (void)state;
    assert_int_equal(ARRAY_SIZE(rows), OCI_NS_MAX);
    FOR_ROWS (row, rows) {
        check_int(row->name, oci_namespace_parse(row->name), row->type);
        check_int(row->proc_name, oci_namespace_parse(row->proc_name), row->type);
        check_string(row->name, oci_namespace_name(row->type), row->name);
        check_string(row->name, oci_namespace_proc_name(row->type), row->proc_name);
        check_int(row->name, oci_namespace_flag(row->type), row->flag);
    }
}

static void other_namespace_names_are_unknown(void **state)
{
    static const char *const rows[] = {"", "PID", "pid ", "network2", "foo", "mn"};

    (void)state;
    FOR_ROWS (row, rows)
        check_int(*row, oci_namespace_parse(*row), -EINVAL);
}

static void find_returns_the_first_of_a_type(void **state)
{
    struct oci_namespace list[] = {
        {.type = OCI_NS_PID}, {.type = OCI_NS_NETWORK, .path = "/a"}, {.type = OCI_NS_NETWORK}, {.type = OCI_NS_USER}};
    struct oci_linux linux_ = {.namespaces = list, .n_namespaces = 3};

    (void)state;
    assert_ptr_equal(oci_namespace_find(&linux_, OCI_NS_NETWORK), &list[1]);
    assert_ptr_equal(oci_namespace_find(&linux_, OCI_NS_PID), &list[0]);
    assert_null(oci_namespace_find(&linux_, OCI_NS_USER));
}

static void annotation_is_found_by_its_key(void **state)
{
    struct oci_pair pairs[] = {{"a", "1"}, {"b", ""}, {"c", "beyond"}};
    struct oci_spec spec = {.annotations = {.items = pairs, .n = 2}};

    (void)state;
    assert_string_equal(oci_annotation(&spec, "a"), "1");
    assert_string_equal(oci_annotation(&spec, "b"), "");
    assert_null(oci_annotation(&spec, "c"));
    assert_null(oci_annotation(&(struct oci_spec){0}, "a"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(namespaces_have_two_names_and_a_flag),
        cmocka_unit_test(other_namespace_names_are_unknown),
        cmocka_unit_test(find_returns_the_first_of_a_type),
        cmocka_unit_test(annotation_is_found_by_its_key),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
