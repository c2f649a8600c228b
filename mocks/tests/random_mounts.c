/* SPDX-License-Identifier: Apache-2.0 */
/* Random calls on mounts, in two mount namespaces that are each other's copy: new mounts, bind mounts, moves, propagation,
 * flags, unmounts, and trees held by a descriptor. */
#include "mocks/tests/support/random.h"

#define SLOTS 3
#define NAMESPACES 2
#define LINES 256

struct state {
    struct random random;
    int proc;                   /* of its own process, outside of its root */
    int namespaces[NAMESPACES]; /* -1: not made yet */
    int roots[NAMESPACES];
    unsigned int now; /* the namespace it is in */
    int fds[SLOTS];
};

static const unsigned long propagations[] = {MS_SHARED, MS_SHARED, MS_PRIVATE, MS_SLAVE, MS_UNBINDABLE};
static const unsigned long flags_of_mounts[] = {MS_RDONLY,  MS_NOSUID,   MS_NODEV,      MS_NOEXEC,
                                                MS_NOATIME, MS_RELATIME, MS_NODIRATIME, MS_NOSYMFOLLOW};

static unsigned long some_flags(struct state *s)
{
    return chance(&s->random, 50) ? 0 : pick(&s->random, flags_of_mounts) | pick(&s->random, flags_of_mounts);
}

/* Always one of the directories that were there at first, through whatever is mounted on them now. */
static const char *place(struct state *s, char p[32])
{
    static const char *const names[] = {"a", "b", "c"}, *const below_them[] = {"", "", "/a", "/b", "/a/a"};
    snprintf(p, 32, "/%s%s", pick(&s->random, names), pick(&s->random, below_them));
    return p;
}

static void keep(struct state *s, int fd)
{
    unsigned int i = below(&s->random, SLOTS);
    if (fd < 0)
        return;
    if (s->fds[i] >= 0)
        sys_close(s->fds[i]);
    s->fds[i] = fd;
    say("    kept as fd %u", i);
}

/* A new file system gets the directories that the paths need. */
static void do_new(struct state *s)
{
    char to[32], path[64];
    unsigned long flags = some_flags(s) & ~(unsigned long)MS_RDONLY;
    place(s, to);
    int r = sys_mount("tmpfs", to, "tmpfs", flags, NULL);
    SAY_RESULT(r, "new tmpfs on %s, flags %#lx", to, flags);
    snprintf(path, sizeof(path), "%s/a", to);
    int a = r == 0 ? make_dir(path) : 0;
    snprintf(path, sizeof(path), "%s/a/a", to);
    int b = a == 0 && r == 0 ? make_dir(path) : 0;
    if (a < 0 || b < 0)
        SAY_RESULT(a < 0 ? a : b, "directories in %s", to);
}

static void do_bind(struct state *s)
{
    char from[32], to[32];
    unsigned long flags = MS_BIND | (chance(&s->random, 50) ? MS_REC : 0);
    place(s, from);
    place(s, to);
    SAY_RESULT(sys_mount(from, to, NULL, flags, NULL), "bind%s %s on %s", flags & MS_REC ? " tree" : "", from, to);
}

static void do_move(struct state *s)
{
    char from[32], to[32];
    place(s, from);
    place(s, to);
    SAY_RESULT(sys_mount(from, to, NULL, MS_MOVE, NULL), "move %s to %s", from, to);
}

static void do_propagation(struct state *s)
{
    char to[32];
    unsigned long flags = pick(&s->random, propagations) | (chance(&s->random, 40) ? MS_REC : 0);
    place(s, to);
    if (chance(&s->random, 5))
        flags |= pick(&s->random, propagations);
    SAY_RESULT(sys_mount(NULL, to, NULL, flags, NULL), "propagation of %s: %#lx", to, flags);
}

static void do_remount(struct state *s)
{
    char to[32];
    unsigned long flags = MS_REMOUNT | (chance(&s->random, 70) ? MS_BIND : 0) | some_flags(s);
    place(s, to);
    SAY_RESULT(sys_mount(NULL, to, NULL, flags, NULL), "remount %s: %#lx", to, flags);
}

static void do_unmount(struct state *s)
{
    static const int all[] = {0, 0, DETACH, DETACH, NO_LINKS, NO_LINKS | DETACH};
    char to[32];
    int flags = pick(&s->random, all);
    place(s, to);
    SAY_RESULT(sys_umount2(to, flags), "unmount %s, flags %d", to, flags);
}

static void do_open_tree(struct state *s)
{
    static const unsigned int all[] = {OPEN_TREE_CLONE, OPEN_TREE_CLONE | RECURSIVE, OPEN_TREE_CLONE | RECURSIVE, 0, RECURSIVE};
    char from[32];
    unsigned int flags = pick(&s->random, all), i = below(&s->random, SLOTS);
    place(s, from);
    bool from_slot = chance(&s->random, 20);
    int fd = from_slot ? sys_open_tree(s->fds[i], "", flags | AT_EMPTY_PATH | OPEN_TREE_CLOEXEC)
                       : sys_open_tree(AT_FDCWD, from, flags | OPEN_TREE_CLOEXEC);
    if (from_slot)
        SAY_RESULT(fd < 0 ? fd : 0, "open_tree fd %u, flags %#x", i, flags);
    else
        SAY_RESULT(fd < 0 ? fd : 0, "open_tree %s, flags %#x", from, flags);
    keep(s, fd);
}

static void do_move_mount(struct state *s)
{
    char from[32], to[32];
    unsigned int i = below(&s->random, SLOTS);
    place(s, from);
    place(s, to);
    if (chance(&s->random, 70))
        SAY_RESULT(sys_move_mount(s->fds[i], "", AT_FDCWD, to, MOVE_MOUNT_F_EMPTY_PATH), "move_mount fd %u to %s", i, to);
    else
        SAY_RESULT(sys_move_mount(AT_FDCWD, from, AT_FDCWD, to, 0), "move_mount %s to %s", from, to);
}

static void do_setattr(struct state *s)
{
    static const uint64_t bits[] = {MOUNT_ATTR_RDONLY, MOUNT_ATTR_NOSUID,      MOUNT_ATTR_NODEV,
                                    MOUNT_ATTR_NOEXEC, MOUNT_ATTR_NOSYMFOLLOW, MOUNT_ATTR_NOATIME};
    char to[32];
    struct mount_attr attr = {.attr_set = chance(&s->random, 60) ? pick(&s->random, bits) : 0,
                              .attr_clr = chance(&s->random, 40) ? pick(&s->random, bits) : 0,
                              .propagation = chance(&s->random, 40) ? pick(&s->random, propagations) : 0};
    unsigned int flags = chance(&s->random, 50) ? RECURSIVE : 0, i = below(&s->random, SLOTS);
    bool on_slot = chance(&s->random, 40);
    place(s, to);
    if (attr.attr_set == MOUNT_ATTR_NOATIME && chance(&s->random, 80))
        attr.attr_clr |= MOUNT_ATTR__ATIME;
    int r = on_slot ? sys_mount_setattr(s->fds[i], "", flags | AT_EMPTY_PATH, &attr)
                    : sys_mount_setattr(AT_FDCWD, to, flags, &attr);
    if (on_slot)
        snprintf(to, sizeof(to), "fd %u", i);
    SAY_RESULT(r, "mount_setattr %s, flags %#x, set %#lx, clear %#lx, propagation %#lx", to, flags, (long)attr.attr_set,
               (long)attr.attr_clr, (long)attr.propagation);
}

static void do_close(struct state *s)
{
    unsigned int i = below(&s->random, SLOTS);
    if (s->fds[i] >= 0)
        sys_close(s->fds[i]);
    s->fds[i] = -1;
    say("close fd %u", i);
}

static void do_cwd(struct state *s)
{
    char to[32], name[64] = "";
    place(s, to);
    if (chance(&s->random, 50))
        snprintf(to, sizeof(to), "/");
    int r = sys_chdir(to);
    ssize_t n = sys_getcwd(name, sizeof(name));
    SAY_RESULT(r, "chdir %s, in %s", to, n < 0 ? "" : name);
}

static void do_files(struct state *s)
{
    char to[32], path[64];
    place(s, to);
    snprintf(path, sizeof(path), "%s/%s", to, chance(&s->random, 50) ? "b" : "a");
    if (chance(&s->random, 60))
        SAY_RESULT(make_dir(path), "mkdir %s", path);
    else if (chance(&s->random, 50))
        SAY_RESULT(sys_unlinkat(AT_FDCWD, path, AT_REMOVEDIR), "rmdir %s", path);
    else
        SAY_RESULT(sys_renameat2(AT_FDCWD, path, AT_FDCWD, "/c/d", 0), "rename %s to /c/d", path);
}

/* ---- namespaces ---- */

static void enter(struct state *s, unsigned int i)
{
    int r = sys_setns(s->namespaces[i], CLONE_NEWNS);
    if (r == 0)
        r = sys_fchdir(s->roots[i]);
    if (r == 0)
        r = sys_chroot(".");
    s->now = i;
    SAY_RESULT(r, "enter namespace %u", i);
}

static void do_namespace(struct state *s)
{
    unsigned int other = !s->now;
    if (s->namespaces[other] >= 0) {
        enter(s, other);
        return;
    }
    int r = sys_unshare(CLONE_NEWNS);
    s->now = other;
    s->namespaces[other] = sys_openat(s->proc, "ns/mnt", O_RDONLY | O_CLOEXEC, 0);
    s->roots[other] = sys_openat(AT_FDCWD, "/", O_PATH | O_CLOEXEC, 0);
    SAY_RESULT(r, "unshare, namespace %u", other);
}

static void (*const operations[])(struct state *s) = {
    do_new,     do_new,     do_new,         do_bind,        do_bind,        do_bind,        do_bind,
    do_move,    do_move,    do_propagation, do_propagation, do_propagation, do_propagation, do_remount,
    do_unmount, do_unmount, do_unmount,     do_open_tree,   do_open_tree,   do_move_mount,  do_move_mount,
    do_setattr, do_close,   do_cwd,         do_files,       do_namespace,
};

/* ---- the final state ---- */

/* Numbers differ between kernels: each is replaced by its rank of first appearance. */
struct ranks {
    unsigned long seen[LINES];
    unsigned int n;
};

static unsigned int rank(struct ranks *ranks, unsigned long number)
{
    for (unsigned int i = 0; i < ranks->n; i++)
        if (ranks->seen[i] == number)
            return i;
    if (ranks->n < LINES)
        ranks->seen[ranks->n++] = number;
    return ranks->n - 1;
}

struct numbers {
    struct ranks mounts, devices, groups;
};

/* "shared:7 master:8 -": with ranks. */
static void normalise_propagation(struct numbers *numbers, const char *fields, char *out, size_t size)
{
    char word[64];
    unsigned int group;
    int used, kind_len;
    *out = '\0';
    for (; sscanf(fields, " %63s%n", word, &used) == 1 && strcmp(word, "-") != 0; fields += used) {
        size_t len = strlen(out);
        if (sscanf(word, "%*[a-z_]%n:%u", &kind_len, &group) == 1)
            snprintf(out + len, size - len, " %.*s:%u", kind_len, word, rank(&numbers->groups, group));
        else
            snprintf(out + len, size - len, " %s", word);
    }
}

static void say_mount(struct numbers *numbers, const char *line)
{
    unsigned int id, parent, major, minor;
    char root[128], point[128], options[128], propagation[256], type[32], source[32], super[64];
    int used;
    if (sscanf(line, "%u %u %u:%u %127s %127s %127s%n", &id, &parent, &major, &minor, root, point, options, &used) != 7)
        return;
    normalise_propagation(numbers, line + used, propagation, sizeof(propagation));
    const char *rest = strstr(line + used, "- ");
    if (!rest || sscanf(rest, "- %31s %31s %63s", type, source, super) != 3)
        return;
    /* The root's own line tells of the machine. */
    unsigned int rank_of_parent = strcmp(point, "/") == 0 ? 0 : rank(&numbers->mounts, parent);
    say("mount %u on %u device %u root %s at %s %s%s %s %.2s", rank(&numbers->mounts, id), rank_of_parent,
        rank(&numbers->devices, makedev(major, minor)), strcmp(point, "/") == 0 ? "" : root, point, options, propagation, type,
        super);
}

/* In which order the copies of one mount appear in its peers is the kernel's affair: lines follow the tree, the children of a
 * mount sorted by mount point. Two never hang at the same place of the same mount. */
struct mount_line {
    unsigned int id, parent;
    char point[64];
    const char *text;
};

static int compare_lines(const void *one, const void *other)
{
    return strcmp(((const struct mount_line *)one)->point, ((const struct mount_line *)other)->point);
}

static void say_children(struct numbers *numbers, const struct mount_line *lines, size_t n, unsigned int parent)
{
    for (size_t i = 0; i < n; i++) {
        if (lines[i].parent != parent || lines[i].id == parent)
            continue;
        say_mount(numbers, lines[i].text);
        say_children(numbers, lines, n, lines[i].id);
    }
}

static void say_mounts(struct state *s, struct numbers *numbers)
{
    static const size_t size = 1 << 17;
    struct mount_line lines[LINES];
    size_t len = 0, n = 0;
    unsigned int root = 0;
    char *text = malloc(size), *rest = text, *line;
    int fd = sys_openat(s->proc, "mountinfo", O_RDONLY | O_CLOEXEC, 0);
    if (!text || fd < 0)
        abort();
    for (ssize_t got; (got = sys_read(fd, text + len, size - 1 - len)) > 0;)
        len += (size_t)got;
    sys_close(fd);
    text[len] = '\0';
    for (; n < LINES && (line = strsep(&rest, "\n")) != NULL; n++) {
        lines[n].text = line;
        if (sscanf(line, "%u %u %*s %*s %63s", &lines[n].id, &lines[n].parent, lines[n].point) != 3)
            break;
        root = strcmp(lines[n].point, "/") == 0 && root == 0 ? lines[n].parent : root;
    }
    qsort(lines, n, sizeof(lines[0]), compare_lines);
    say_children(numbers, lines, n, root);
    free(text);
}

CONFORM_CASE(sequence)
{
    struct state s = {.namespaces = {-1, -1}, .roots = {-1, -1}, .fds = {-1, -1, -1}};
    struct numbers numbers = {0};
    unsigned long n = number_of("OPS", 40);

    s.proc = sys_openat(AT_FDCWD, "/proc/self", O_PATH | O_DIRECTORY | O_CLOEXEC, 0);
    s.namespaces[0] = sys_openat(s.proc, "ns/mnt", O_RDONLY | O_CLOEXEC, 0);
    if (make_mount("/tmp/t") < 0 || set_propagation("/tmp/t", MS_PRIVATE) < 0 || sys_chroot("/tmp/t") < 0 || sys_chdir("/") < 0)
        return;
    s.roots[0] = sys_openat(AT_FDCWD, "/", O_PATH | O_CLOEXEC, 0);
    static const char *const dirs[] = {"/a", "/b", "/c", "/a/a", "/a/b", "/b/a", "/c/a", "/a/a/a"};
    FOR_ROWS (dir, dirs)
        expect(make_dir(*dir), 0);
    for (unsigned int i = 0; i < n; i++)
        if (random_operation(&s.random, i))
            pick(&s.random, operations)(&s);
    say("%s", "final state");
    for (unsigned int i = 0; i < NAMESPACES; i++) {
        if (s.namespaces[i] < 0)
            continue;
        enter(&s, i);
        say_mounts(&s, &numbers);
        say_tree(AT_FDCWD, "/", 4);
    }
}
