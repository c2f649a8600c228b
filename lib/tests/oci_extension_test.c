/* SPDX-License-Identifier: Apache-2.0 */
#include "oci/extension.h"

#include <errno.h>
#include <stdio.h>

#include "check.h"

static void a_umask_travels_as_an_annotation_and_leaves_none(void **state)
{
    static const struct {
        struct opt_u64 umask;
        const char *text; /* NULL: no annotation */
    } rows[] = {{{.set = false}, NULL}, {{true, 0}, "000"}, {{true, 077}, "077"}, {{true, 01000}, "1000"}};
    struct oci_pair pairs[] = {{"a", "1"}, {"b", "2"}};
    (void)state;

    FOR_ROWS (row, rows) {
        _arena_ struct arena *a = arena_new(65536);
        struct oci_process process = {.user = {.umask = row->umask}};
        struct oci_spec spec = {.process = &process, .annotations = {pairs, 2}};
        struct error err = {.errnum = 0};

        assert_int_equal(oci_extension_write(a, &spec, &err), 0);
        check_string("text", oci_annotation(&spec, "io.tatami.process.user.umask"), row->text);
        process.user.umask = (struct opt_u64){.set = false};
        assert_int_equal(oci_extension_read(&spec, &err), 0);
        assert_int_equal(process.user.umask.set, row->umask.set);
        assert_int_equal(process.user.umask.value, row->umask.value);
        assert_int_equal(spec.annotations.n, 2);
        assert_string_equal(oci_annotation(&spec, "a"), "1");
        assert_string_equal(oci_annotation(&spec, "b"), "2");
    }
}

static void what_is_no_octal_number_is_refused(void **state)
{
    static char *const rows[] = {"", "8", "-1", "077 ", "0x1f", "00000"};
    (void)state;

    FOR_ROWS (row, rows) {
        struct oci_pair pairs[] = {{"io.tatami.process.user.umask", *row}};
        struct oci_process process = {.terminal = false};
        struct oci_spec spec = {.process = &process, .annotations = {pairs, 1}};
        struct error err = {.errnum = 0};
        char want[128];

        check_int(*row, oci_extension_read(&spec, &err), -EINVAL);
        snprintf(want, sizeof(want), "annotation io.tatami.process.user.umask: '%s' is not 1 to 4 octal digits", *row);
        check_string(*row, err.text, want);
        check_int(*row, err.status, STATUS_INVALID_ARGUMENT);
    }
}

static void a_spec_without_a_process_keeps_its_annotations(void **state)
{
    struct oci_pair pairs[] = {{"io.tatami.process.user.umask", "077"}};
    struct oci_spec spec = {.annotations = {pairs, 1}};
    struct error err = {.errnum = 0};
    (void)state;

    assert_int_equal(oci_extension_read(&spec, &err), 0);
    assert_int_equal(spec.annotations.n, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_umask_travels_as_an_annotation_and_leaves_none),
        cmocka_unit_test(what_is_no_octal_number_is_refused),
        cmocka_unit_test(a_spec_without_a_process_keeps_its_annotations),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
