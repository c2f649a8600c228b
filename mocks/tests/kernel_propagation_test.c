/* SPDX-License-Identifier: Apache-2.0 */
/* Propagation: peer groups, slaves, and what mount, unmount and move do through them (mount_namespaces(7)). */
#include "mocks/tests/files.h"

/* By mount point, and at one place in the order of the file. */
static int by_place(const void *one, const void *other)
{
    const char *a = *(char *const *)one, *b = *(char *const *)other;
    size_t len = strcspn(a, " "), other_len = strcspn(b, " ");
    int r = memcmp(a, b, len < other_len ? len : other_len);
    if (r == 0 && len != other_len)
        r = len < other_len ? -1 : 1;
    return r ? r : a < b ? -1 : 1;
}

/* Number of a group in the order of first use, as a letter. */
static char letter(int *known, int *n, int group)
{
    for (int i = 0; i < *n; i++)
        if (known[i] == group)
            return (char)('A' + i);
    known[(*n)++] = group;
    return (char)('A' + *n - 1);
}

/* The tags of one line with letters for numbers. */
static void put_tags(char *out, size_t size, const char *tags, int *known, int *n)
{
    int group;
    char copy[256], *rest = copy, *tag;
    snprintf(copy, sizeof(copy), "%s", tags);
    while ((tag = strsep(&rest, " ")) != NULL) {
        size_t used = strlen(out);
        if (sscanf(tag, "shared:%d", &group) == 1)
            snprintf(out + used, size - used, " s%c", letter(known, n, group));
        else if (sscanf(tag, "master:%d", &group) == 1)
            snprintf(out + used, size - used, " m%c", letter(known, n, group));
        else if (strcmp(tag, "unbindable") == 0)
            snprintf(out + used, size - used, " u");
    }
}

/* All mounts below /tmp/t as "a sA; a/b sB mA; c": mount points by name, with their groups. Covered mounts appear as often as
 * there are mounts at the place. */
static const char *tree(void)
{
    static char out[4096];
    char text[16384], *lines[256], *rest = text, *line;
    int n = 0, known[64], groups = 0;
    int fd = sys_openat(AT_FDCWD, "/proc/self/mountinfo", O_RDONLY, 0);
    size_t len = 0;
    for (ssize_t r; (r = sys_read(fd, text + len, sizeof(text) - 1 - len)) > 0;)
        len += (size_t)r;
    sys_close(fd);
    text[len] = '\0';
    while ((line = strsep(&rest, "\n")) != NULL) {
        char *point = strstr(line, " /tmp/t/");
        if (point)
            lines[n++] = point + strlen(" /tmp/t/");
    }
    qsort(lines, (size_t)n, sizeof(lines[0]), by_place);
    out[0] = '\0';
    for (int i = 0; i < n; i++) {
        size_t used = strlen(out);
        char *options = strchr(lines[i], ' '), *tags = strchr(options + 1, ' ');
        *strstr(tags, " - ") = '\0';
        snprintf(out + used, sizeof(out) - used, "%s%.*s", i ? "; " : "", (int)(options - lines[i]), lines[i]);
        put_tags(out, sizeof(out), tags, known, &groups);
    }
    return out;
}

/* /tmp/t with directories; everything is private at first. */
static void make_tree(void)
{
    static const char *const dirs[] = {"a", "b", "c", "d", "a/x", "a/y", "b/x", "b/y", "src", "src/in"};
    sys_mount(NULL, "/", NULL, MS_PRIVATE | MS_REC, NULL);
    expect(make_dir("/tmp/t"), 0);
    expect(sys_chdir("/tmp/t"), 0);
    FOR_ROWS (dir, dirs)
        make_dir(*dir);
}

static void make_shared(const char *path)
{
    expect(mount_tmpfs(path), 0);
    expect(set_propagation(path, MS_SHARED), 0);
    char name[64];
    static const char *const dirs[] = {"x", "y", "z"};
    FOR_ROWS (dir, dirs) {
        snprintf(name, sizeof(name), "%s/%s", path, *dir);
        make_dir(name);
    }
}

/* ---- types ---- */

struct step {
    const char *path;
    unsigned long type;
};

static const struct {
    const char *label;
    struct step steps[6];
    const char *then;
} types[] = {
    {"private by default", {{0}}, "a"},
    {"shared", {{"a", MS_SHARED}}, "a sA"},
    {"shared twice", {{"a", MS_SHARED}, {"a", MS_SHARED}}, "a sA"},
    {"alone, a slave of nobody", {{"a", MS_SHARED}, {"a", MS_SLAVE}}, "a"},
    {"private again", {{"a", MS_SHARED}, {"a", MS_PRIVATE}}, "a"},
    {"unbindable", {{"a", MS_UNBINDABLE}}, "a u"},
    {"unbindable, then shared", {{"a", MS_UNBINDABLE}, {"a", MS_SHARED}}, "a sA"},
    {"unbindable, then private", {{"a", MS_UNBINDABLE}, {"a", MS_PRIVATE}}, "a"},
    {"unbindable, then slave", {{"a", MS_UNBINDABLE}, {"a", MS_SLAVE}}, "a u"},
    {"shared, then unbindable", {{"a", MS_SHARED}, {"a", MS_UNBINDABLE}}, "a u"},
};

CONFORM_CASE(mounts_have_types)
{
    make_tree();
    FOR_CASES(row, types)
    {
        expect(mount_tmpfs("a"), 0);
        for (const struct step *step = row->steps; step->path; step++)
            expect(set_propagation(step->path, step->type), 0);
        expect_text(tree(), row->then);
        expect(unmount("a", 0), 0);
    }
}

static const struct {
    const char *label;
    struct step steps[6];
    const char *then;
} copies[] = {
    {"copies are peers", {{0}}, "a sA; b sA; c sA"},
    {"one leaves", {{"b", MS_PRIVATE}}, "a sA; b; c sA"},
    {"one follows", {{"b", MS_SLAVE}}, "a sA; b mA; c sA"},
    {"two follow", {{"b", MS_SLAVE}, {"c", MS_SLAVE}}, "a sA; b mA; c mA"},
    {"the last one cannot follow", {{"b", MS_SLAVE}, {"c", MS_SLAVE}, {"a", MS_SLAVE}}, "a; b; c"},
    {"a follower shares", {{"b", MS_SLAVE}, {"b", MS_SHARED}}, "a sA; b sB mA; c sA"},
    {"a follower stays one", {{"b", MS_SLAVE}, {"b", MS_SLAVE}}, "a sA; b mA; c sA"},
    {"a sharing follower follows", {{"b", MS_SLAVE}, {"b", MS_SHARED}, {"b", MS_SLAVE}}, "a sA; b mA; c sA"},
    {"a sharing follower leaves", {{"b", MS_SLAVE}, {"b", MS_SHARED}, {"b", MS_PRIVATE}}, "a sA; b; c sA"},
    {"the master leaves", {{"b", MS_SLAVE}, {"c", MS_SLAVE}, {"a", MS_PRIVATE}}, "a; b; c"},
    {"one master of two leaves", {{"b", MS_SLAVE}, {"a", MS_PRIVATE}}, "a; b mA; c sA"},
};

CONFORM_CASE(copies_of_shared_mounts_are_peers)
{
    make_tree();
    FOR_CASES(row, copies)
    {
        make_shared("a");
        expect(bind_dir("a", "b"), 0);
        expect(bind_dir("b", "c"), 0);
        for (const struct step *step = row->steps; step->path; step++)
            expect(set_propagation(step->path, step->type), 0);
        expect_text(tree(), row->then);
        expect(unmount("a", 0), 0);
        expect(unmount("b", 0), 0);
        expect(unmount("c", 0), 0);
    }
}

CONFORM_CASE(a_chain_of_followers)
{
    make_tree();
    make_shared("a");
    expect(bind_dir("a", "b"), 0);
    expect(set_propagation("b", MS_SLAVE), 0);
    expect(set_propagation("b", MS_SHARED), 0);
    expect(bind_dir("b", "c"), 0);
    expect_text(tree(), "a sA; b sB mA; c sB mA");
    expect(set_propagation("c", MS_SLAVE), 0);
    expect_text(tree(), "a sA; b sB mA; c mB");
    expect(bind_dir("c", "d"), 0);
    expect_text(tree(), "a sA; b sB mA; c mB; d mB");
    /* Mounts go down the chain, not up. */
    expect(mount_tmpfs("a/x"), 0);
    expect_text(tree(), "a sA; a/x sB; b sC mA; b/x sD mB; c mC; c/x mD; d mC; d/x mD");
    expect(mount_tmpfs("c/y"), 0);
    expect_text(tree(), "a sA; a/x sB; b sC mA; b/x sD mB; c mC; c/x mD; c/y; d mC; d/x mD");
    expect(mount_tmpfs("b/z"), 0);
    expect_text(tree(), "a sA; a/x sB; b sC mA; b/x sD mB; b/z sE; c mC; c/x mD; c/y; c/z mE; d mC; d/x mD; d/z mE");
    /* The middle goes with its mounts, everywhere; who followed it follows its master. */
    expect(unmount("b", DETACH), 0);
    expect_text(tree(), "a sA; a/x sB; c mA; c/y; d mA");
    expect(unmount("a/x", 0), 0);
    expect_text(tree(), "a sA; c mA; c/y; d mA");
}

/* ---- mounting ---- */

CONFORM_CASE(mounts_appear_at_peers)
{
    make_tree();
    make_shared("a");
    expect(bind_dir("a", "b"), 0);
    expect(mount_tmpfs("b/x"), 0);
    expect_text(tree(), "a sA; a/x sB; b sA; b/x sB");
    make_file("a/x/f", "f");
    expect(there("b/x/f"), 1);
    expect(unmount("a/x", 0), 0);
    expect_text(tree(), "a sA; b sA");
    expect(bind_dir("a/y", "a/x"), 0);
    expect_text(tree(), "a sA; a/x sA; b sA; b/x sA");
    expect(unmount("b/x", 0), 0);
    expect_text(tree(), "a sA; b sA");
}

CONFORM_CASE(mounts_reach_only_who_sees_the_place)
{
    make_tree();
    make_shared("a");
    expect(bind_dir("a/x", "b"), 0);
    expect_text(tree(), "a sA; b sA");
    expect(mount_tmpfs("a/y"), 0);
    expect_text(tree(), "a sA; a/y sB; b sA");
    make_dir("a/x/in");
    expect(mount_tmpfs("a/x/in"), 0);
    expect_text(tree(), "a sA; a/x/in sB; a/y sC; b sA; b/in sB");
    expect(mount_tmpfs("a/x"), 0);
    expect_text(tree(), "a sA; a/x sB; a/x/in sC; a/y sD; b sA; b sB; b/in sC");
    expect(unmount("b", 0), 0);
    expect_text(tree(), "a sA; a/x/in sB; a/y sC; b sA; b/in sB");
}

CONFORM_CASE(trees_appear_whole)
{
    make_tree();
    make_shared("a");
    expect(bind_dir("a", "b"), 0);
    expect(mount_tmpfs("src"), 0);
    make_dir("src/in");
    expect(mount_tmpfs("src/in"), 0);
    expect(bind_tree("src", "a/x"), 0);
    expect_text(tree(), "a sA; a/x sB; a/x/in sC; b sA; b/x sB; b/x/in sC; src; src/in");
    expect(unmount("b/x", DETACH), 0);
    expect_text(tree(), "a sA; b sA; src; src/in");
    expect(bind_dir("src", "a/x"), 0);
    expect_text(tree(), "a sA; a/x sB; b sA; b/x sB; src; src/in");
}

CONFORM_CASE(unbindable_mounts_are_left_out)
{
    make_tree();
    expect(mount_tmpfs("src"), 0);
    make_dir("src/in");
    make_dir("src/out");
    expect(mount_tmpfs("src/in"), 0);
    expect(mount_tmpfs("src/out"), 0);
    expect(set_propagation("src/in", MS_UNBINDABLE), 0);
    expect(bind_tree("src", "a"), 0);
    expect_text(tree(), "a; a/out; src; src/in u; src/out");
    expect(bind_dir("src/in", "b"), -EINVAL);
    expect(bind_tree("src/in", "b"), -EINVAL);
    expect(closed(sys_open_tree(AT_FDCWD, "src/in", OPEN_TREE_CLONE)), -EINVAL);
    expect(unmount("a", DETACH), 0);
    make_shared("a");
    expect(sys_mount("src", "a/x", NULL, MS_MOVE, NULL), -EINVAL);
    expect(sys_mount("src/in", "a/x", NULL, MS_MOVE, NULL), -EINVAL);
    expect(set_propagation("src/in", MS_PRIVATE), 0);
    expect(sys_mount("src", "a/x", NULL, MS_MOVE, NULL), 0);
    expect_text(tree(), "a sA; a/x sB; a/x/in sC; a/x/out sD");
}

CONFORM_CASE(what_was_there_comes_on_top)
{
    make_tree();
    make_shared("a");
    expect(bind_dir("a", "b"), 0);
    expect(set_propagation("b", MS_SLAVE), 0);
    expect(mount_tmpfs("b/x"), 0);
    make_file("b/x/old", "o");
    expect_text(tree(), "a sA; b mA; b/x");
    expect(mount_tmpfs("a/x"), 0);
    make_file("a/x/new", "n");
    expect_text(tree(), "a sA; a/x sB; b mA; b/x; b/x mB");
    expect(there("b/x/old"), 1);
    expect(unmount("b/x", 0), 0);
    expect(there("b/x/new"), 1);
    expect(unmount("b/x", 0), 0);
    expect_text(tree(), "a sA; a/x sB; b mA");
    /* Gone from below a mount that stays. */
    expect(unmount("a/x", 0), 0);
    expect(mount_tmpfs("b/x"), 0);
    expect(mount_tmpfs("a/x"), 0);
    expect(unmount("a/x", 0), 0);
    expect_text(tree(), "a sA; b mA; b/x");
}

/* ---- unmounting ---- */

CONFORM_CASE(a_busy_copy_is_busy)
{
    make_tree();
    make_shared("a");
    expect(bind_dir("a", "b"), 0);
    expect(mount_tmpfs("a/x"), 0);
    int fd = open_path("b/x");
    expect(unmount("a/x", 0), -EBUSY);
    sys_close(fd);
    make_dir("b/x/in");
    expect(set_propagation("b/x", MS_PRIVATE), 0);
    expect(mount_tmpfs("b/x/in"), 0);
    /* A copy with mounts of its own just stays. */
    expect(unmount("a/x", 0), 0);
    expect_text(tree(), "a sA; b sA; b/x; b/x/in");
    expect(mount_tmpfs("a/x"), 0);
    fd = open_path("b/x");
    expect(unmount("a/x", DETACH), 0);
    sys_close(fd);
}

CONFORM_CASE(detaching_reaches_all_copies)
{
    make_tree();
    make_shared("a");
    expect(bind_dir("a", "b"), 0);
    expect(bind_dir("a", "c"), 0);
    expect(set_propagation("c", MS_SLAVE), 0);
    expect(mount_tmpfs("a/x"), 0);
    make_dir("a/x/in");
    expect(mount_tmpfs("a/x/in"), 0);
    expect_text(tree(), "a sA; a/x sB; a/x/in sC; b sA; b/x sB; b/x/in sC; c mA; c/x mB; c/x/in mC");
    expect(unmount("b/x", DETACH), 0);
    expect_text(tree(), "a sA; b sA; c mA");
    expect(mount_tmpfs("a/x"), 0);
    expect(unmount("c/x", 0), 0);
    expect_text(tree(), "a sA; a/x sB; b sA; b/x sB; c mA");
    expect(unmount("a/x", 0), 0);
    expect_text(tree(), "a sA; b sA; c mA");
}

CONFORM_CASE(a_removed_mount_leaves_its_group)
{
    make_tree();
    make_shared("a");
    expect(bind_dir("a", "b"), 0);
    expect(bind_dir("a", "c"), 0);
    expect(set_propagation("c", MS_SLAVE), 0);
    int fd = open_path("a");
    expect(unmount("a", DETACH), 0);
    expect_text(tree(), "b sA; c mA");
    expect(unmount("b", 0), 0);
    expect_text(tree(), "c");
    sys_close(fd);
}

/* ---- moving ---- */

CONFORM_CASE(moves_and_sharing)
{
    make_tree();
    make_shared("a");
    expect(mount_tmpfs("a/x"), 0);
    expect(sys_mount("a/x", "b", NULL, MS_MOVE, NULL), -EINVAL);
    expect(mount_tmpfs("b"), 0);
    expect(sys_mount("b", "a/y", NULL, MS_MOVE, NULL), 0);
    expect_text(tree(), "a sA; a/x sB; a/y sC");
    expect(bind_dir("a", "b"), 0);
    expect_text(tree(), "a sA; a/x sB; a/y sC; b sA");
    expect(mount_tmpfs("c"), 0);
    expect(sys_mount("c", "b/z", NULL, MS_MOVE, NULL), 0);
    expect_text(tree(), "a sA; a/x sB; a/y sC; a/z sD; b sA; b/z sD");
    expect(set_propagation("a", MS_SLAVE), 0);
    expect(sys_mount("a/z", "c", NULL, MS_MOVE, NULL), 0);
    expect_text(tree(), "a mA; a/x sB; a/y sC; b sA; b/z sD; c sD");
}

/* ---- namespaces ---- */

static int own_namespace(void *arg)
{
    (void)arg;
    if (sys_unshare(CLONE_NEWNS) < 0)
        return 1;
    expect_text(tree(), "a sA; b; c mA; d");
    expect(mount_tmpfs("a/x"), 0);
    expect(mount_tmpfs("b/x"), 0);
    expect_text(tree(), "a sA; a/x sB; b; b/x; c mA; c/x mB; d");
    expect(unmount("d", 0), 0);
    return 0;
}

CONFORM_CASE(new_namespaces_are_peers_of_the_old)
{
    make_tree();
    make_shared("a");
    expect(bind_dir("a", "c"), 0);
    expect(set_propagation("c", MS_SLAVE), 0);
    expect(mount_tmpfs("b"), 0);
    make_dir("b/x");
    expect(mount_tmpfs("d"), 0);
    expect(set_propagation("d", MS_UNBINDABLE), 0);
    expect(in_child(own_namespace, NULL), 0);
    expect_text(tree(), "a sA; a/x sB; b; c mA; c/x mB; d u");
    expect(unmount("a/x", 0), 0);
    expect_text(tree(), "a sA; b; c mA; d u");
}

static int less_privileged(void *arg)
{
    (void)arg;
    if (sys_unshare(CLONE_NEWUSER | CLONE_NEWNS) < 0)
        return 1;
    /* Everything shared became a follower. */
    expect_text(tree(), "a mA; b");
    expect(mount_tmpfs("a/x"), 0);
    expect_text(tree(), "a mA; a/x; b");
    expect(set_propagation("a", MS_SHARED), 0);
    expect_text(tree(), "a sA mB; a/x; b");
    return 0;
}

CONFORM_CASE(user_namespaces_only_follow)
{
    make_tree();
    make_shared("a");
    expect(sys_fchmodat(AT_FDCWD, "a", 0777), 0);
    expect(mount_tmpfs("b"), 0);
    expect(in_child(less_privileged, NULL), 0);
    expect_text(tree(), "a sA; b");
}

struct waiting {
    int ready[2], go[2];
};

static int locked_follower(void *arg)
{
    const struct waiting *waiting = arg;
    char p;
    if (sys_unshare(CLONE_NEWUSER | CLONE_NEWNS) < 0)
        return 1;
    sys_close(waiting->go[1]);
    sys_write(waiting->ready[1], "x", 1);
    sys_read(waiting->go[0], &p, 1);
    expect_text(tree(), "a mA; a/x mB; a/x/in mC; src; src/in");
    /* What arrives can be taken away as a whole only. */
    expect(unmount("a/x/in", 0), -EINVAL);
    expect(sys_mount(NULL, "a/x", NULL, MS_REMOUNT | MS_BIND, NULL), -EPERM);
    expect(unmount("a/x", DETACH), 0);
    expect_text(tree(), "a mA; src; src/in");
    return 0;
}

CONFORM_CASE(arriving_trees_are_locked_for_the_less_privileged)
{
    struct waiting waiting;
    char p;
    make_tree();
    make_shared("a");
    expect(mount_tmpfs("src"), 0);
    make_dir("src/in");
    expect(mount_tmpfs("src/in"), 0);
    expect(sys_mount(NULL, "src", NULL, MS_REMOUNT | MS_BIND | MS_RDONLY, NULL), 0);
    expect(sys_pipe2(waiting.ready, 0), 0);
    expect(sys_pipe2(waiting.go, 0), 0);
    int pid = spawn(locked_follower, &waiting);
    expect(sys_read(waiting.ready[0], &p, 1), 1);
    expect(sys_mount("src", "a/x", NULL, MS_MOVE, NULL), 0);
    sys_close(waiting.go[1]);
    expect(collect(pid), 0);
    expect_text(tree(), "a sA; a/x sB; a/x/in sC");
}
