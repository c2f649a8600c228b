/* SPDX-License-Identifier: Apache-2.0 */
/* What kernels older than the one that the mock is a model of answer otherwise. */
#include <sys/utsname.h>

#include "mocks/tests/conform.h"

static const struct {
    const char *test, *label; /* label NULL: the case itself, and all of its rows */
    unsigned int since[2];    /* the first version that agrees */
    const char *reason;
} differences[] = {
    {"values_of_version_1", "charges do not move", {6, 13}, "before 6.13: charges can be moved"},
    {"modes_of_files", "events", {6, 18}, "before 6.18: everyone may write to it"},
    {"eventfd_writes", "longer buffer", {6, 9}, "before 6.9: the first 8 bytes are taken"},
    {"epoll_wait_errors", "no epoll, no room", {6, 15}, "before 6.15: the room is looked at first"},
    {"memory_files_have_flags", "executable", {6, 3}, "MFD_EXEC is there since 6.3"},
    {"memory_files_have_flags", "executable and sealable", {6, 3}, "MFD_EXEC is there since 6.3"},
    {"memory_files_have_flags", "not executable", {6, 3}, "MFD_NOEXEC_SEAL is there since 6.3"},
    {"not_everything_can_be_sealed", NULL, {6, 3}, "F_SEAL_EXEC is there since 6.3"},
    {"detached_trees_give_but_do_not_receive", NULL, {6, 15}, "before 6.15: nothing is moved into a detached tree"},
    {"moved_trees_are_mounts", NULL, {6, 15}, "before 6.15: nothing is moved into a detached tree"},
    {"copies_are_detached", NULL, {6, 15}, "before 6.15: a detached tree cannot be cloned"},
    {"lazily_unmounted_trees_fall_apart", NULL, {6, 18}, "before 6.18: to mount in one is EINVAL"},
    {"new_namespaces_are_peers_of_the_old", NULL, {6, 18}, "before 6.18: they get unbindable mounts, too"},
    {"a_pidfd_is_readable_from_the_end_on", NULL, {6, 9}, "before 6.9: no EPOLLHUP when the process was collected"},
    {"a_pidfd_is_readable_when_the_process_ended", NULL, {6, 9}, "before 6.9: no EPOLLHUP when the process was collected"},
    {"a_pidfd_in_epoll", NULL, {6, 9}, "before 6.9: no EPOLLHUP when the process was collected"},
    {"descriptors_are_of_a_kind", "pread from a pidfd", {6, 9}, "before 6.9: a pidfd is no file of its own file system"},
    {"files_of_roots_and_of_groups", "cpu.stat.local", {6, 8}, "the file is there since 6.8"},
    {"setting_buffer_sizes", "send, too much", {6, 18}, "before 6.18: net.core.wmem_max is smaller"},
    {"setting_buffer_sizes", "negative", {6, 18}, "before 6.18: net.core.wmem_max is smaller"},
};

static bool kernel_is_older(const unsigned int since[2])
{
    unsigned int major = 0, minor = 0;
    struct utsname name;

    uname(&name);
    sscanf(name.release, "%u.%u", &major, &minor);
    return major < since[0] || (major == since[0] && minor < since[1]);
}

const char *conform_difference(const char *test, const char *label)
{
    FOR_ROWS (row, differences) {
        if (strcmp(row->test, test) == 0 && (!row->label || strcmp(row->label, label) == 0) && kernel_is_older(row->since))
            return row->reason;
    }
    return NULL;
}
