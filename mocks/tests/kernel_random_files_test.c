/* SPDX-License-Identifier: Apache-2.0 */
/* Random sequences of calls on names and mounts. The sequence depends on its seed only, so both kernels can be asked the same
 * and their answers compared: CONFORM_RANDOM="FIRST COUNT" prints each call with its result and the state at the end of each
 * sequence. */
#include <stdarg.h>

#include "mocks/tests/files.h"

#define STEPS 60
#define HELD 4

/* Everything happens below a tmpfs that is the root of the task, so that nothing leads out of it. */
struct player {
    uint64_t state;
    int held[HELD]; /* descriptors of directories and of detached trees, or -1 */
    int proc;
    bool prints;
    char line[1024];
};

static unsigned int pick(struct player *player, unsigned int n)
{
    player->state = player->state * 6364136223846793005u + 1442695040888963407u;
    return (unsigned int)(player->state >> 33) % n;
}

static void say(struct player *player, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void say(struct player *player, const char *fmt, ...)
{
    va_list args;
    size_t used = strlen(player->line);
    va_start(args, fmt);
    vsnprintf(player->line + used, sizeof(player->line) - used, fmt, args);
    va_end(args);
}

/* One to three components, sometimes absolute, sometimes with a slash at the end. */
static const char *name(struct player *player, char *p)
{
    static const char *const parts[] = {"a", "b", "c", "a", "b", "..", "."};
    unsigned int n = 1 + pick(player, pick(player, 2) ? 3 : 2);
    p[0] = '\0';
    if (pick(player, 6) == 0)
        strcat(p, "/");
    for (unsigned int i = 0; i < n; i++)
        strcat(strcat(p, i ? "/" : ""), parts[pick(player, ARRAY_SIZE(parts))]);
    if (pick(player, 12) == 0)
        strcat(p, "/");
    say(player, " %s", p);
    return p;
}

static int directory(struct player *player)
{
    unsigned int slot = pick(player, HELD * 2);
    if (slot >= HELD || player->held[slot] < 0)
        return AT_FDCWD;
    say(player, " @%u", slot);
    return player->held[slot];
}

static int hold(struct player *player, int fd)
{
    unsigned int slot = pick(player, HELD);
    if (fd < 0)
        return fd;
    if (player->held[slot] >= 0)
        sys_close(player->held[slot]);
    player->held[slot] = fd;
    say(player, " (held %u)", slot);
    return 0;
}

/* ---- calls ---- */

static int do_mkdir(struct player *player)
{
    char p[64];
    int dir = directory(player);
    return sys_mkdirat(dir, name(player, p), 0755);
}
static int do_create(struct player *player)
{
    static const int flags[] = {O_CREAT | O_WRONLY, O_CREAT | O_RDWR | O_EXCL, O_CREAT | O_RDONLY | O_NOFOLLOW,
                                O_CREAT | O_TRUNC | O_RDWR};
    char p[64];
    int dir = directory(player), flag = flags[pick(player, ARRAY_SIZE(flags))];
    say(player, " 0x%x", (unsigned int)flag);
    return closed(sys_openat(dir, name(player, p), flag, 0644));
}
static int do_symlink(struct player *player)
{
    char p[64], target[64];
    int dir = directory(player);
    name(player, target);
    return sys_symlinkat(target, dir, name(player, p));
}
static int do_unlink(struct player *player)
{
    char p[64];
    int dir = directory(player), flags = pick(player, 2) ? AT_REMOVEDIR : 0;
    say(player, " 0x%x", (unsigned int)flags);
    return sys_unlinkat(dir, name(player, p), flags);
}
static int do_rename(struct player *player)
{
    static const unsigned int flags[] = {0, 0, RENAME_NOREPLACE, RENAME_EXCHANGE};
    char from[64], to[64];
    int one = directory(player), other = directory(player);
    unsigned int flag = flags[pick(player, ARRAY_SIZE(flags))];
    say(player, " %u", flag);
    name(player, from);
    return sys_renameat2(one, from, other, name(player, to), flag);
}
static int do_open(struct player *player)
{
    static const int flags[] = {
        O_RDONLY, O_RDWR, O_PATH, O_PATH | O_NOFOLLOW, O_RDONLY | O_NOFOLLOW, O_RDONLY | O_DIRECTORY, O_CREAT | O_RDWR};
    static const uint64_t resolves[] = {
        0,
        RESOLVE_BENEATH,
        RESOLVE_IN_ROOT,
        RESOLVE_NO_XDEV,
        RESOLVE_NO_SYMLINKS,
        RESOLVE_BENEATH | RESOLVE_NO_XDEV,
        RESOLVE_IN_ROOT | RESOLVE_NO_XDEV,
    };
    char p[64];
    int dir = directory(player);
    struct open_how how = {.flags = (uint64_t)flags[pick(player, ARRAY_SIZE(flags))],
                           .resolve = resolves[pick(player, ARRAY_SIZE(resolves))]};
    how.mode = how.flags & O_CREAT ? 0644 : 0;
    say(player, " 0x%llx 0x%llx", (unsigned long long)how.flags, (unsigned long long)how.resolve);
    struct stat st;
    int fd = sys_openat2(dir, name(player, p), &how);
    if (fd < 0)
        return fd;
    int r = sys_fstat(fd, &st);
    say(player, " -> 0%o %ld", st.st_mode, S_ISDIR(st.st_mode) ? 0 : (long)st.st_size);
    sys_close(fd);
    return r;
}
static int do_hold(struct player *player)
{
    char p[64];
    return hold(player, sys_openat(AT_FDCWD, name(player, p), O_PATH | O_DIRECTORY, 0));
}
static int do_close(struct player *player)
{
    unsigned int slot = pick(player, HELD);
    int fd = player->held[slot];
    say(player, " %u", slot);
    player->held[slot] = -1;
    return fd < 0 ? 0 : sys_close(fd);
}
static int do_chdir(struct player *player)
{
    char p[64];
    return sys_chdir(name(player, p));
}
static int do_fchdir(struct player *player)
{
    int dir = directory(player);
    return dir < 0 ? 0 : sys_fchdir(dir);
}
static int do_getcwd(struct player *player)
{
    char p[512] = "";
    ssize_t n = sys_getcwd(p, sizeof(p));
    say(player, " -> %s", n > 0 ? p : "");
    return (int)n;
}
static int do_readlink(struct player *player)
{
    char p[64], text[64] = "";
    int dir = directory(player);
    ssize_t n = sys_readlinkat(dir, name(player, p), text, sizeof(text) - 1);
    say(player, " -> %s", text);
    return (int)n;
}
static int do_mount(struct player *player)
{
    char p[64];
    int r = sys_mount("x", name(player, p), "tmpfs", 0, "size=64k");
    return r;
}
static int do_bind(struct player *player)
{
    char from[64], to[64];
    unsigned long flags = pick(player, 2) ? MS_BIND | MS_REC : MS_BIND;
    say(player, " 0x%lx", flags);
    name(player, from);
    return sys_mount(from, name(player, to), NULL, flags, NULL);
}
static int do_move(struct player *player)
{
    char from[64], to[64];
    name(player, from);
    return sys_mount(from, name(player, to), NULL, MS_MOVE, NULL);
}
static int do_propagation(struct player *player)
{
    static const unsigned long types[] = {MS_SHARED, MS_SHARED, MS_SLAVE, MS_PRIVATE, MS_UNBINDABLE};
    char p[64];
    unsigned long flags = types[pick(player, ARRAY_SIZE(types))] | (pick(player, 2) ? (unsigned long)MS_REC : 0);
    say(player, " 0x%lx", flags);
    return sys_mount(NULL, name(player, p), NULL, flags, NULL);
}
static int do_remount(struct player *player)
{
    static const unsigned long flags[] = {MS_BIND, MS_BIND | MS_RDONLY, MS_BIND | MS_NODEV, 0, MS_BIND | MS_NOATIME};
    char p[64];
    unsigned long flag = MS_REMOUNT | flags[pick(player, ARRAY_SIZE(flags))];
    say(player, " 0x%lx", flag);
    return sys_mount(NULL, name(player, p), NULL, flag, NULL);
}
static int do_umount(struct player *player)
{
    static const int flags[] = {0, 0, DETACH, NO_LINKS, DETACH | NO_LINKS};
    char p[64];
    int flag = flags[pick(player, ARRAY_SIZE(flags))];
    say(player, " %d", flag);
    return sys_umount2(name(player, p), flag);
}
static int do_open_tree(struct player *player)
{
    char p[64];
    int dir = directory(player);
    unsigned int flags = OPEN_TREE_CLONE | (pick(player, 2) ? RECURSIVE : 0);
    say(player, " 0x%x", flags);
    return hold(player, sys_open_tree(dir, name(player, p), flags));
}
static int do_move_mount(struct player *player)
{
    char p[64];
    int from = directory(player), to = directory(player);
    return sys_move_mount(from, "", to, name(player, p), MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_SYMLINKS);
}
static int do_setattr(struct player *player)
{
    static const struct mount_attr attrs[] = {
        {.attr_set = MOUNT_ATTR_RDONLY}, {.attr_clr = MOUNT_ATTR_RDONLY},      {.propagation = MS_SHARED},
        {.propagation = MS_PRIVATE},     {.attr_set = MOUNT_ATTR_NOSYMFOLLOW}, {.attr_clr = MOUNT_ATTR_NOSYMFOLLOW},
    };
    int dir = directory(player);
    unsigned int i = pick(player, ARRAY_SIZE(attrs)), flags = AT_EMPTY_PATH | (pick(player, 2) ? RECURSIVE : 0);
    say(player, " %u 0x%x", i, flags);
    return sys_mount_setattr(dir, "", flags, &attrs[i]);
}
static int do_pivot(struct player *player)
{
    char new_root[64], old[64];
    name(player, new_root);
    return sys_pivot_root(new_root, name(player, old));
}
static int do_unshare(struct player *player)
{
    (void)player;
    return sys_unshare(CLONE_NEWNS);
}

static const struct {
    const char *name;
    int (*call)(struct player *player);
    unsigned int weight;
} calls[] = {
    {"mkdir", do_mkdir, 8},     {"create", do_create, 4}, {"symlink", do_symlink, 3},     {"unlink", do_unlink, 3},
    {"rename", do_rename, 4},   {"open", do_open, 6},     {"hold", do_hold, 4},           {"close", do_close, 1},
    {"chdir", do_chdir, 2},     {"fchdir", do_fchdir, 1}, {"getcwd", do_getcwd, 1},       {"readlink", do_readlink, 1},
    {"mount", do_mount, 5},     {"bind", do_bind, 5},     {"move", do_move, 3},           {"propagation", do_propagation, 4},
    {"remount", do_remount, 2}, {"umount", do_umount, 4}, {"open_tree", do_open_tree, 2}, {"move_mount", do_move_mount, 2},
    {"setattr", do_setattr, 2}, {"pivot", do_pivot, 1},   {"unshare", do_unshare, 1},
};

static void step(struct player *player, int number)
{
    unsigned int total = 0, chosen, i;
    FOR_ROWS (call, calls)
        total += call->weight;
    chosen = pick(player, total);
    for (i = 0; chosen >= calls[i].weight; i++)
        chosen -= calls[i].weight;
    player->line[0] = '\0';
    say(player, "%d %s", number, calls[i].name);
    int r = calls[i].call(player);
    if (player->prints)
        printf("# %s = %s\n", player->line, r < 0 ? strerrorname_np(-r) : "ok");
}

/* ---- the end ---- */

struct mount_line {
    char text[256]; /* without tags */
    char tags[128];
    int order;
};

static int by_text(const void *one, const void *other)
{
    const struct mount_line *a = one, *b = other;
    int r = strcmp(a->text, b->text);
    return r ? r : a->order - b->order;
}

static int group_index(int *known, int *n, int group)
{
    int i = 0;
    while (i < *n && known[i] != group)
        i++;
    if (i == *n)
        known[(*n)++] = group;
    return i;
}

static void print_tags(const struct mount_line *line, int *known, int *n)
{
    char copy[128], *rest = copy, *tag;
    int group;
    memcpy(copy, line->tags, sizeof(copy));
    while ((tag = strsep(&rest, " ")) != NULL) {
        if (sscanf(tag, "shared:%d", &group) == 1)
            printf(" shared:%d", group_index(known, n, group));
        else if (sscanf(tag, "master:%d", &group) == 1)
            printf(" master:%d", group_index(known, n, group));
        else if (sscanf(tag, "propagate_from:%d", &group) == 1)
            printf(" from:%d", group_index(known, n, group));
        else
            printf(" %s", tag);
    }
}

/* The mounts of the task, with groups numbered by their first appearance. */
static void print_mounts(struct player *player)
{
    static struct mount_line lines[512];
    static char text[1 << 17];
    char *rest = text, *line;
    int n = 0, known[512], groups = 0;
    size_t len = 0;
    int fd = sys_openat(player->proc, "self/mountinfo", O_RDONLY, 0);
    for (ssize_t r; (r = sys_read(fd, text + len, sizeof(text) - 1 - len)) > 0;)
        len += (size_t)r;
    sys_close(fd);
    text[len] = '\0';
    while ((line = strsep(&rest, "\n")) != NULL && n < 512) {
        int skip = 0, end = 0;
        char *dash = strstr(line, " - ");
        if (!dash || sscanf(line, "%*d %*d %*d:%*d %n%*s %*s %*s%n", &skip, &end) < 0)
            continue;
        snprintf(lines[n].text, sizeof(lines[n].text), "%.*s", end - skip, line + skip);
        snprintf(lines[n].tags, sizeof(lines[n].tags), "%.*s", (int)(dash - (line + end)), line + end);
        lines[n].order = n;
        n++;
    }
    qsort(lines, (size_t)n, sizeof(lines[0]), by_text);
    for (int i = 0; i < n; i++) {
        printf("# mount %s", lines[i].text);
        print_tags(&lines[i], known, &groups);
        printf("\n");
    }
}

static void populate(void)
{
    static const char *const dirs[] = {"a",   "b",   "c",   "a/a",   "a/b",   "a/c",  "b/a",
                                       "b/b", "b/c", "c/a", "a/a/a", "a/a/b", "b/b/b"};
    FOR_ROWS (dir, dirs)
        expect(make_dir(*dir), 0);
    expect(make_file("c/b", "b"), 0);
    expect(make_file("a/b/c", "c"), 0);
    expect(make_link("../a", "c/c"), 0);
    expect(make_link("/b/a", "b/b/a"), 0);
}

static void play(uint64_t seed, bool prints)
{
    struct player player = {.state = seed * 2654435761u + 1, .prints = prints};
    for (int i = 0; i < HELD; i++)
        player.held[i] = -1;
    sys_mount(NULL, "/", NULL, MS_PRIVATE | MS_REC, NULL);
    expect(make_mount("/tmp/t"), 0);
    expect(make_dir("/tmp/t/proc"), 0);
    expect(sys_mount("proc", "/tmp/t/proc", "proc", 0, NULL), 0);
    expect(sys_chdir("/tmp/t"), 0);
    expect(sys_chroot("."), 0);
    player.proc = sys_openat(AT_FDCWD, "proc", O_PATH, 0);
    populate();
    for (int i = 0; i < STEPS; i++)
        step(&player, i);
    if (prints)
        print_mounts(&player);
    fflush(stdout);
}

static int play_seed(void *arg)
{
    const uint64_t *seed = arg;
    expect(sys_unshare(CLONE_NEWNS), 0);
    play(*seed, getenv("CONFORM_RANDOM") != NULL);
    return 0;
}

CONFORM_CASE(random_calls_end_well)
{
    const char *range = getenv("CONFORM_RANDOM");
    unsigned long long first = 1, count = 20;
    if (range && sscanf(range, "%llu %llu", &first, &count) != 2)
        conform_not_runnable("CONFORM_RANDOM is no FIRST COUNT");
    for (uint64_t seed = first; seed < first + count; seed++) {
        if (range)
            printf("# seed %llu\n", (unsigned long long)seed);
        fflush(stdout);
        expect(in_child(play_seed, &seed), 0);
    }
}
