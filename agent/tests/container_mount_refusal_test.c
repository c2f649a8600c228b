/* SPDX-License-Identifier: Apache-2.0 */
/* Mounts that are refused, each with its reason. */
#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>

#include "agent/container/mount_fd.h"
#include "agent/container/rootfs.h"
#include "agent/tests/support/rootfs_world.h"
#include "lib/tests/check.h"

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
     "failed to mount /proc to /link/x, type 'proc': /link/x must be mounted on ordinary directory"},
    {"/etc/passwd", "sysfs", "/sysfs", "",
     "failed to mount /sysfs to /etc/passwd, type 'sysfs': /etc/passwd must be mounted on ordinary directory"},
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

int main(void)
{
#define WITH_WORLD(test) cmocka_unit_test_setup_teardown(test, world_setup, world_teardown)
    const struct CMUnitTest tests[] = {
        WITH_WORLD(errors_name_source_destination_type_and_reason), WITH_WORLD(more_data_than_a_page_is_refused),
        WITH_WORLD(an_escaped_comma_belongs_to_the_word),           WITH_WORLD(escaped_commas_do_not_end_a_word),
        WITH_WORLD(an_endless_word_is_left_to_the_kernel),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
