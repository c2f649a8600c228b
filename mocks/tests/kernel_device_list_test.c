/* SPDX-License-Identifier: Apache-2.0 */
/* Device rules of version 1: what the files take, and what the list then lets through. */
#include <sys/sysmacros.h>

#include "mocks/tests/cgroups.h"

#define NODE "/tmp/dev/node"

struct step {
    const char *file, *text; /* devices.FILE */
    int result;
};

struct row {
    const char *label;
    struct step steps[6];
    const char *list;
};

#define ALLOW(text_)                                                                                                           \
    {                                                                                                                          \
        "devices.allow", text_, 0                                                                                              \
    }
#define DENY(text_)                                                                                                            \
    {                                                                                                                          \
        "devices.deny", text_, 0                                                                                               \
    }

static const struct row rows[] = {
    {"at first", {{0}}, "a *:* rwm\n"},
    {"none", {DENY("a")}, ""},
    {"whatever follows all", {DENY("a *:* r")}, ""},
    {"all again", {DENY("a"), ALLOW("a")}, "a *:* rwm\n"},
    {"one", {DENY("a"), ALLOW("c 1:3 rwm")}, "c 1:3 rwm\n"},
    {"access in any order", {DENY("a"), ALLOW("b 7:0 mr")}, "b 7:0 rm\n"},
    {"ranges", {DENY("a"), ALLOW("c *:3 r"), ALLOW("b *:* m")}, "c *:3 r\nb *:* m\n"},
    {"joined", {DENY("a"), ALLOW("c 1:3 r"), ALLOW("b 1:3 r"), ALLOW("c 1:3 w")}, "c 1:3 rw\nb 1:3 r\n"},
    {"a part taken back", {DENY("a"), ALLOW("c 1:3 rwm"), DENY("c 1:3 w")}, "c 1:3 rm\n"},
    {"all of it taken back", {DENY("a"), ALLOW("c 1:3 rw"), ALLOW("c 1:5 r"), DENY("c 1:3 rwm")}, "c 1:5 r\n"},
    {"a range takes back no entry", {DENY("a"), ALLOW("c 1:3 rw"), DENY("c 1:* rw")}, "c 1:3 rw\n"},
    {"exceptions from all are not shown", {DENY("c 1:3 r")}, "a *:* rwm\n"},
    {"nor when they are taken back", {DENY("c 1:3 r"), ALLOW("c 1:3 r")}, "a *:* rwm\n"},
    {"no type", {{"devices.deny", "1:3 r", -EINVAL}}, "a *:* rwm\n"},
    {"another type", {{"devices.deny", "p 1:3 r", -EINVAL}}, "a *:* rwm\n"},
    {"no number", {{"devices.deny", "c x:3 r", -EINVAL}}, "a *:* rwm\n"},
    {"one number", {{"devices.deny", "c 1 r", -EINVAL}}, "a *:* rwm\n"},
    {"a negative number", {{"devices.deny", "c -1:3 r", -EINVAL}}, "a *:* rwm\n"},
    {"no access", {{"devices.deny", "c 1:3", -EINVAL}}, "a *:* rwm\n"},
    {"another access", {{"devices.deny", "c 1:3 x", -EINVAL}}, "a *:* rwm\n"},
};

CONFORM_CASE(device_lists)
{
    FOR_CASES(row, rows)
    {
        int root = hierarchy("devices");
        struct test_group group = group_in(root);
        for (size_t i = 0; i < 6 && row->steps[i].file; i++)
            expect(put(group.dir, row->steps[i].file, row->steps[i].text), row->steps[i].result);
        expect_text(text_of(group.dir, "devices.list"), row->list);
        group_end(&group);
        sys_close(root);
    }
}

/* ---- groups below ---- */

CONFORM_CASE(groups_have_no_more_than_their_parent)
{
    int root = hierarchy("devices");
    struct test_group group = group_in(root);

    expect(put(group.dir, "devices.deny", "a"), 0);
    expect(put(group.dir, "devices.allow", "c 1:* rw"), 0);
    expect(sys_mkdirat(group.dir, "below", 0755), 0);
    int below = sys_openat(group.dir, "below", O_RDONLY | O_DIRECTORY, 0);
    expect_text(text_of(below, "devices.list"), "c 1:* rw\n");
    expect(put(below, "devices.allow", "a"), -EPERM);
    expect(put(below, "devices.allow", "c 1:3 r"), 0);
    expect(put(below, "devices.allow", "c 1:3 m"), -EPERM);
    expect(put(below, "devices.allow", "c 5:* r"), -EPERM);
    expect(put(below, "devices.deny", "a"), 0);
    expect(put(below, "devices.allow", "c 1:3 r"), 0);
    expect_text(text_of(below, "devices.list"), "c 1:3 r\n");
    expect(put(group.dir, "devices.deny", "a"), -EINVAL);
    expect(put(group.dir, "devices.allow", "a"), -EINVAL);
    sys_close(below);
    sys_unlinkat(group.dir, "below", AT_REMOVEDIR);
    group_end(&group);
    sys_close(root);
}

/* ---- use ---- */

struct use {
    const char *label;
    struct step steps[3];
    mode_t type; /* of a node that no driver serves */
    int flags;
    int result; /* of mknod (99 and the errno) or open */
};

struct order {
    int dir;
    const struct use *use;
};

static int use_node(const struct use *use)
{
    int r = sys_mknodat(AT_FDCWD, NODE, use->type | 0666, makedev(1, 98));
    if (r < 0)
        return 99 - r;
    int fd = sys_openat(AT_FDCWD, NODE, use->flags, 0);
    sys_unlinkat(AT_FDCWD, NODE, 0);
    return fd < 0 ? -fd : 0;
}

static int enter_and_use(void *arg)
{
    const struct order *order = arg;

    return put(order->dir, "cgroup.procs", "0") < 0 ? 98 : use_node(order->use);
}

static const struct use uses[] = {
    {"nothing is denied", {{0}}, S_IFCHR, O_RDWR, ENXIO},
    {"none", {DENY("a")}, S_IFCHR, O_RDWR, 99 + EPERM},
    {"another type", {DENY("a"), ALLOW("b *:* m")}, S_IFCHR, O_RDWR, 99 + EPERM},
    {"made but not opened", {DENY("a"), ALLOW("c *:* m")}, S_IFCHR, O_RDONLY, EPERM},
    {"read", {DENY("a"), ALLOW("c *:* m"), ALLOW("c 1:98 r")}, S_IFCHR, O_RDONLY, ENXIO},
    {"not written", {DENY("a"), ALLOW("c *:* m"), ALLOW("c 1:98 r")}, S_IFCHR, O_RDWR, EPERM},
    {"no single entry has both", {DENY("a"), ALLOW("c 1:* mr"), ALLOW("c 1:98 w")}, S_IFCHR, O_RDWR, EPERM},
    {"an exception from all", {DENY("c 1:98 w")}, S_IFCHR, O_RDWR, EPERM},
    {"the rest of it", {DENY("c 1:98 w")}, S_IFCHR, O_RDONLY, ENXIO},
    {"the other type", {DENY("c *:* rwm")}, S_IFBLK, O_RDONLY, ENXIO},
};

CONFORM_CASE(lists_decide)
{
    sys_mkdirat(AT_FDCWD, "/tmp/dev", 0755);
    expect(sys_mount("nodes", "/tmp/dev", "tmpfs", 0, NULL), 0); /* one whose nodes are devices */
    FOR_CASES(row, uses)
    {
        int root = hierarchy("devices");
        struct test_group group = group_in(root);
        for (size_t i = 0; i < 3 && row->steps[i].file; i++)
            expect(put(group.dir, row->steps[i].file, row->steps[i].text), 0);
        struct order order = {group.dir, row};
        expect(in_child(enter_and_use, &order), row->result);
        group_end(&group);
        sys_close(root);
    }
}
