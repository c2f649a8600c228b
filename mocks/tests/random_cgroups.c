/* SPDX-License-Identifier: Apache-2.0 */
/* Random calls on control groups: groups come and go, processes move between them, are born in them, frozen, killed and
 * counted, files are written and read; on version 2 and on every version 1 hierarchy that this machine has.
 *
 * The process of the case lives in the groups too, with children that only sleep. After each call everything comes to rest,
 * since freezing and dying take their time. */
#include <ctype.h>

#include "mocks/tests/cgroups.h"
#include "mocks/tests/support/random.h"
#include "mocks/tests/tasks.h"

#define WORKERS 5
#define HIERARCHIES 16
#define HELD 2
#define REST_NS 200000
#define REST_TRIES 20000
#define NOBODY 4711

struct tree {
    char controllers[64]; /* as they are mounted; "": version 2 */
    int root, base;       /* of the hierarchy, and the group that the sequence plays in */
    char name[64];        /* of base */
};

struct state {
    struct random random;
    struct tree trees[HIERARCHIES];
    unsigned int n_trees;
    int workers[WORKERS]; /* pids; 0: never born */
    int held[HELD];       /* descriptors of groups and of their files */
};

/* Where a group can be below the base, which is the first. */
static const char *const places[] = {".", "a", "b", "a/a", "a/b", "b/a", "a/a/a"};

/* ---- the machine's hierarchies ---- */

static bool is_v2(const struct tree *tree)
{
    return tree->controllers[0] == '\0';
}

static bool has(const struct tree *tree, const char *controller)
{
    return strcmp(tree->controllers, controller) == 0;
}

static int mount_tree(struct tree *tree, unsigned int i)
{
    static const char *const all[] = {"cpuset.cpus", "cpuset.mems"};
    char path[32];
    snprintf(path, sizeof(path), "/tmp/hierarchy%u", i);
    int r = make_dir(path);
    if (r == 0)
        r = sys_mount("cgroup", path, is_v2(tree) ? "cgroup2" : "cgroup", 0, is_v2(tree) ? NULL : tree->controllers);
    if (r < 0)
        return r;
    tree->root = open_dir(AT_FDCWD, path);
    snprintf(tree->name, sizeof(tree->name), "conform-%x-%llx", (unsigned int)number_of("SEED", 1),
             (unsigned long long)sys_monotonic_ns());
    r = sys_mkdirat(tree->root, tree->name, 0755);
    tree->base = open_dir(tree->root, tree->name);
    FOR_ROWS (file, all)
        if (has(tree, "cpuset")) /* nobody may enter without */
            put(tree->base, *file, "0");
    return r < 0 ? r : put(tree->base, "cgroup.procs", "0");
}

/* Version 2 comes last: it has what is left. The mock is given the hierarchies of the machine it runs on. */
static void mount_trees(struct state *s)
{
    static const char *const handed_down[] = {"+hugetlb", "+pids", "+memory", "+cpu"};
    char line[256], controllers[128];
    FILE *file = fopen("/proc/self/cgroup", "re");
    for (unsigned int i = 0; file && fgets(line, sizeof(line), file) && s->n_trees < HIERARCHIES; i++) {
        struct tree *tree = &s->trees[s->n_trees];
        bool named = sscanf(line, "%*d:%127[^:]:", controllers) == 1;
        snprintf(tree->controllers, sizeof(tree->controllers), "%s%.50s", strncmp(controllers, "name=", 5) == 0 ? "none," : "",
                 named ? controllers : "");
        /* As mount options it is written otherwise. */
        int r = mount_tree(tree, i);
        SAY_RESULT(r, "judges %s", is_v2(tree) ? "version 2" : tree->controllers);
        s->n_trees += r == 0;
        if (r == 0 && is_v2(tree))
            FOR_ROWS (word, handed_down)
                put(tree->root, "cgroup.subtree_control", *word);
    }
    if (file)
        fclose(file);
}

/* ---- rest ---- */

static uint64_t pending_of(int pid)
{
    char path[32];
    snprintf(path, sizeof(path), "/proc/%d/status", pid);
    const char *text = text_of(AT_FDCWD, path), *own = strstr(text, "SigPnd:\t"), *shared = strstr(text, "ShdPnd:\t");
    return own && shared ? strtoull(own + 8, NULL, 16) | strtoull(shared + 8, NULL, 16) : 0;
}

/* The group at a place or -1. */
static int open_place(const struct tree *tree, const char *place)
{
    return open_dir(tree->base, place);
}

static bool is_below(const char *place, const char *top)
{
    size_t len = strlen(top);
    return strcmp(top, ".") == 0 || (strncmp(place, top, len) == 0 && (place[len] == '/' || place[len] == '\0'));
}

static bool file_begins(const struct tree *tree, const char *place, const char *file, const char *text)
{
    char path[128];
    snprintf(path, sizeof(path), "%s/%s", place, file);
    return strncmp(text_of(tree->base, path), text, strlen(text)) == 0;
}

static bool is_freezing(const struct tree *tree, const char *place)
{
    if (has(tree, "freezer"))
        return file_begins(tree, place, "freezer.state", "FR");
    FOR_ROWS (top, places)
        if (is_v2(tree) && is_below(place, *top) && file_begins(tree, *top, "cgroup.freeze", "1"))
            return true;
    return false;
}

/* In a frozen group of version 2 or of version 1, where it sleeps as one that cannot be woken. */
static bool is_frozen(const struct state *s, int pid, bool v2)
{
    for (unsigned int i = 0; i < s->n_trees; i++) {
        const struct tree *tree = &s->trees[i];
        if (v2 ? !is_v2(tree) : !has(tree, "freezer"))
            continue;
        FOR_ROWS (place, places) {
            char path[64];
            snprintf(path, sizeof(path), "%s/%s", *place, v2 ? "cgroup.threads" : "cgroup.procs");
            if (lists(tree->base, path, pid) && is_freezing(tree, *place))
                return true;
        }
    }
    return false;
}

/* Who is listed, alive or not yet collected, in a group and below. */
static bool is_inhabited(const struct tree *tree, const char *top)
{
    FOR_ROWS (place, places) {
        char path[64];
        snprintf(path, sizeof(path), "%s/cgroup.threads", *place);
        const char *text = is_below(*place, top) ? text_of(tree->base, path) : "";
        if (isdigit((unsigned char)text[0]))
            return true;
    }
    return false;
}

static bool group_rests(const struct tree *tree, const char *place)
{
    char path[64], text[128];
    if (has(tree, "freezer"))
        return !file_begins(tree, place, "freezer.state", "FREEZING");
    if (!is_v2(tree))
        return true;
    snprintf(path, sizeof(path), "%s/cgroup.events", place);
    snprintf(text, sizeof(text), "%.100s", text_of(tree->base, path));
    if (text[0] == '-')
        return true;
    return !strstr(text, "populated 0") == is_inhabited(tree, place) && !strstr(text, "frozen 0") == is_freezing(tree, place);
}

/* Version 2 lets nothing through but what kills. */
static bool worker_rests(const struct state *s, int pid)
{
    static const uint64_t kills = 1u << (SIGKILL - 1) | 1u << (SIGTERM - 1);
    uint64_t pending = pending_of(pid);
    switch (state_of(pid)) {
    case 'R':
        return false;
    case 'D':
        return is_frozen(s, pid, false);
    case 'S':
        return !is_frozen(s, pid, false) && (pending == 0 || ((pending & kills) == 0 && is_frozen(s, pid, true)));
    default:
        return true;
    }
}

static bool all_rest(const struct state *s)
{
    for (unsigned int i = 0; i < WORKERS; i++)
        if (!worker_rests(s, s->workers[i]))
            return false;
    for (unsigned int i = 0; i < s->n_trees; i++)
        FOR_ROWS (place, places)
            if (!group_rests(&s->trees[i], *place))
                return false;
    return true;
}

static bool comes_to_rest(const struct state *s)
{
    for (unsigned int i = 0, quiet = 0; i < REST_TRIES; i++) {
        quiet = all_rest(s) ? quiet + 1 : 0;
        if (quiet == 2)
            return true;
        sys_nanosleep(REST_NS);
    }
    say("%s", "no rest");
    return false;
}

/* ---- what is done ---- */

static const struct tree *some_tree(struct state *s)
{
    /* Those with a life of their own are more interesting than one that only keeps numbers. */
    for (unsigned int i = below(&s->random, s->n_trees), tries = 0; tries < 2; tries++, i = below(&s->random, s->n_trees))
        if (is_v2(&s->trees[i]) || has(&s->trees[i], "freezer") || has(&s->trees[i], "pids"))
            return &s->trees[i];
    return &s->trees[below(&s->random, s->n_trees)];
}

static const char *label(const struct tree *tree)
{
    return is_v2(tree) ? "v2" : tree->controllers;
}

static int pid_of(struct state *s, unsigned int i)
{
    return i < WORKERS ? s->workers[i] : i == WORKERS ? 0 : i == WORKERS + 1 ? sys_getpid() : NOBODY;
}

static void do_mkdir(struct state *s)
{
    const struct tree *tree = some_tree(s);
    const char *place = pick(&s->random, places);
    SAY_RESULT(sys_mkdirat(tree->base, place, 0755), "%s: mkdir %s", label(tree), place);
}

/* The last member may still be on its way out when it is listed no more. */
static void do_rmdir(struct state *s)
{
    const struct tree *tree = some_tree(s);
    const char *place = pick(&s->random, places);
    char path[64];
    int r;
    snprintf(path, sizeof(path), "%s/cgroup.procs", place);
    for (unsigned int i = 0; (r = sys_unlinkat(tree->base, place, AT_REMOVEDIR)) == -EBUSY && i < 100; i++) {
        if (*text_of(tree->base, path))
            break;
        sys_nanosleep(REST_NS);
    }
    SAY_RESULT(r, "%s: rmdir %s", label(tree), place);
}

static bool director_is_below(const struct tree *tree, const char *top)
{
    FOR_ROWS (place, places) {
        char path[64];
        snprintf(path, sizeof(path), "%s/%s", *place, is_v2(tree) ? "cgroup.threads" : "cgroup.procs");
        if (is_below(*place, top) && lists(tree->base, path, sys_getpid()))
            return true;
    }
    return false;
}

static void do_move(struct state *s)
{
    static const char *const files[] = {"cgroup.procs", "cgroup.procs", "cgroup.procs", "tasks", "cgroup.threads"};
    const struct tree *tree = some_tree(s);
    const char *place = pick(&s->random, places), *file = pick(&s->random, files);
    unsigned int whom = below(&s->random, WORKERS + 3);
    int pid = pid_of(s, whom);
    char path[64];
    snprintf(path, sizeof(path), "%s/%s", place, file);
    if (whom < WORKERS ? pid == 0 : is_freezing(tree, place))
        return;
    SAY_RESULT(put_pid(tree->base, path, pid), "%s: %d to %s", label(tree), pid, path);
}

static void do_spawn(struct state *s)
{
    unsigned int i = below(&s->random, WORKERS);
    const struct tree *tree = &s->trees[below(&s->random, s->n_trees)];
    const char *place = pick(&s->random, places);
    bool into = chance(&s->random, 50);
    char letter = state_of(s->workers[i]);
    if (letter != '-' && letter != 'Z')
        return;
    int dir = into ? open_place(tree, place) : -1;
    if (into && dir < 0)
        return;
    int pid = sys_spawn(&(struct sys_spawn){.cgroup_fd = dir}, sleep_for_ever, NULL);
    if (dir >= 0)
        sys_close(dir);
    s->workers[i] = pid < 0 ? s->workers[i] : pid;
    if (into)
        SAY_RESULT(pid, "%s: worker %u is born in %s", label(tree), i, place);
    else
        SAY_RESULT(pid, "worker %u is born", i);
}

static void do_freeze(struct state *s)
{
    const struct tree *tree = &s->trees[below(&s->random, s->n_trees)];
    const char *place = pick(&s->random, places);
    bool freeze = chance(&s->random, 60);
    char path[64];
    if (!is_v2(tree) && !has(tree, "freezer"))
        return;
    if (freeze && director_is_below(tree, place))
        return;
    snprintf(path, sizeof(path), "%s/%s", place, is_v2(tree) ? "cgroup.freeze" : "freezer.state");
    const char *text = is_v2(tree) ? (freeze ? "1" : "0") : (freeze ? "FROZEN" : "THAWED");
    SAY_RESULT(put(tree->base, path, text), "%s: %s to %s", label(tree), text, path);
}

static void do_kill_group(struct state *s)
{
    static const char *const values[] = {"1", "1", "1", "0", "x"};
    const struct tree *tree = &s->trees[s->n_trees - 1];
    const char *place = pick(&s->random, places), *value = pick(&s->random, values);
    char path[64];
    snprintf(path, sizeof(path), "%s/cgroup.kill", place);
    if (!is_v2(tree) || director_is_below(tree, place))
        return;
    SAY_RESULT(put(tree->base, path, value), "%s: %s to %s", label(tree), value, path);
}

static void do_kill(struct state *s)
{
    static const int signals[] = {SIGKILL, SIGKILL, SIGTERM, SIGSTOP, SIGCONT};
    unsigned int i = below(&s->random, WORKERS);
    int sig = pick(&s->random, signals);
    if (s->workers[i] > 0)
        SAY_RESULT(sys_kill(s->workers[i], sig), "signal %d to worker %u", sig, i);
}

static void do_wait(struct state *s)
{
    unsigned int i = below(&s->random, WORKERS);
    siginfo_t info = {0};
    if (s->workers[i] == 0)
        return;
    int r = sys_waitid(P_PID, s->workers[i], &info, WEXITED | WNOHANG);
    SAY_RESULT(r, "wait: pid %d code %d status %d", info.si_pid, info.si_code, info.si_status);
}

/* ---- files ---- */

struct row {
    const char *controllers; /* "v2", or of version 1; "v1": any */
    const char *file;
    const char *values[6]; /* NULL: it is read only */
};

/* The sequence itself lives there: no limit may slow it down much. */
static const struct row rows[] = {
    {"v1", "notify_on_release", {"0", "1", "x"}},
    {"v1", "cgroup.clone_children", {"0", "1"}},
    {"freezer", "freezer.state", {"THAWED", "FREEZING", "x"}},
    {"freezer", "freezer.self_freezing", {NULL}},
    {"freezer", "freezer.parent_freezing", {NULL}},
    {"pids", "pids.max", {"2", "0", "max", "-1", "4"}},
    {"pids", "pids.current", {NULL}},
    {"pids", "pids.peak", {NULL}},
    {"pids", "pids.events", {NULL}},
    {"cpuset", "cpuset.cpus", {"0", "", "0", "7777", "x"}},
    {"cpuset", "cpuset.mems", {"0", "", "0", "7777"}},
    {"cpuset", "cpuset.effective_cpus", {NULL}},
    {"memory", "memory.limit_in_bytes", {"64M", "-1", "x"}},
    {"memory", "memory.swappiness", {"60", "0", "201", "x"}},
    {"memory", "memory.oom_control", {"0", "1", "2"}},
    {"memory", "memory.use_hierarchy", {"0", "1", "2"}},
    {"cpu", "cpu.shares", {"2", "1024", "0", "x"}},
    {"cpu", "cpu.cfs_quota_us", {"-1", "50000", "100000", "1"}},
    {"cpu", "cpu.cfs_period_us", {"100000", "1000", "0"}},
    {"v2", "cgroup.type", {"threaded", "domain"}},
    {"v2", "cgroup.max.depth", {"0", "1", "max", "-1"}},
    {"v2", "cgroup.max.descendants", {"0", "1", "max", "-1"}},
    {"v2", "cgroup.subtree_control", {"+hugetlb", "-hugetlb", "+pids", "-pids", "+nonsense", "hugetlb"}},
    {"v2", "cgroup.controllers", {NULL}},
    {"v2", "cgroup.events", {NULL}},
    {"v2", "pids.max", {"2", "0", "max", "-1"}},
    {"v2", "pids.current", {NULL}},
    {"v2", "memory.max", {"67108864", "max", "x"}},
    {"v2", "memory.low", {"1048576", "0"}},
    {"v2", "cpu.weight", {"1", "100", "0"}},
    {"v2", "cpu.max", {"50000 100000", "max", "x"}},
};

static bool belongs_to(const struct row *row, const struct tree *tree)
{
    if (is_v2(tree))
        return strcmp(row->controllers, "v2") == 0;
    return strcmp(row->controllers, "v1") == 0 || has(tree, row->controllers);
}

/* One line for the text of a file; "" when there is no such file. */
static const char *line_of(const struct tree *tree, const char *place, const char *file, char p[512])
{
    char path[128];
    snprintf(path, sizeof(path), "%s/%s", place, file);
    snprintf(p, 512, "%.500s", text_of(tree->base, path));
    for (char *at = p; *at; at++)
        *at = *at == '\n' ? ' ' : *at;
    return p;
}

static const struct row *some_row(struct state *s, const struct tree *tree)
{
    const struct row *row = &pick(&s->random, rows);
    while (!belongs_to(row, tree))
        row = row + 1 < rows + ARRAY_SIZE(rows) ? row + 1 : rows;
    return row;
}

static void do_write(struct state *s)
{
    const struct tree *tree = some_tree(s);
    const struct row *row = some_row(s, tree);
    const char *place = pick(&s->random, places), *value = pick(&s->random, row->values);
    char path[128];
    snprintf(path, sizeof(path), "%s/%s", place, row->file);
    if (value)
        SAY_RESULT(put(tree->base, path, value), "%s: %s to %s", label(tree), value, path);
}

static void do_read(struct state *s)
{
    const struct tree *tree = some_tree(s);
    const struct row *row = some_row(s, tree);
    const char *place = pick(&s->random, places);
    say("%s: %s/%s: %s", label(tree), place, row->file, line_of(tree, place, row->file, (char[512]){""}));
}

/* ---- descriptors that outlive their group ---- */

static void do_hold(struct state *s)
{
    static const char *const files[] = {".", "cgroup.procs", "cgroup.freeze", "freezer.state", "pids.max"};
    const struct tree *tree = some_tree(s);
    const char *place = pick(&s->random, places), *file = pick(&s->random, files);
    unsigned int i = below(&s->random, HELD);
    char path[64];
    snprintf(path, sizeof(path), "%s/%s", place, file);
    /* A descriptor of version 1 tells the members of the time of its first reading, for a while. */
    bool lists_once = !is_v2(tree) && strcmp(file, "cgroup.procs") == 0;
    int access = strcmp(file, ".") == 0 ? O_RDONLY : lists_once ? O_WRONLY : O_RDWR;
    int fd = sys_openat(tree->base, path, access | O_CLOEXEC, 0);
    SAY_RESULT(fd < 0 ? fd : 0, "%s: hold %s as %u", label(tree), path, i);
    if (fd >= 0 && s->held[i] >= 0)
        sys_close(s->held[i]);
    s->held[i] = fd < 0 ? s->held[i] : fd;
}

static void do_use_held(struct state *s)
{
    unsigned int i = below(&s->random, HELD), what = below(&s->random, 3), whom = below(&s->random, WORKERS);
    char text[64];
    int fd = s->held[i];
    if (what == 0) {
        ssize_t n = sys_pread(fd, text, 1, 0);
        SAY_RESULT(n, "read held %u", i);
    } else if (what == 1) {
        snprintf(text, sizeof(text), "%d", s->workers[whom]);
        if (s->workers[whom] > 0)
            SAY_RESULT(sys_pwrite(fd, text, strlen(text), 0), "write %s to held %u", text, i);
    } else {
        SAY_RESULT(closed(sys_openat(fd, "cgroup.procs", O_RDONLY | O_CLOEXEC, 0)), "open in held %u", i);
        SAY_RESULT(sys_mkdirat(fd, "c", 0755), "mkdir in held %u", i);
        SAY_RESULT(sys_unlinkat(fd, "c", AT_REMOVEDIR), "rmdir in held %u", i);
    }
}

static void (*const operations[])(struct state *s) = {
    do_mkdir, do_mkdir, do_mkdir, do_rmdir, do_rmdir,  do_move,     do_move,       do_move,
    do_move,  do_move,  do_spawn, do_spawn, do_freeze, do_freeze,   do_kill_group, do_kill,
    do_wait,  do_write, do_write, do_read,  do_hold,   do_use_held, do_use_held,
};

/* ---- the case ---- */

static int compare_numbers(const void *a, const void *b)
{
    int one = *(const int *)a, other = *(const int *)b;
    return (one > other) - (one < other);
}

/* In which order members are listed is the kernel's affair. */
static void say_members(const struct tree *tree, const char *place)
{
    int pids[64], used;
    size_t n = 0, len = 0;
    char path[64], line[512] = "";
    snprintf(path, sizeof(path), "%s/%s", place, is_v2(tree) ? "cgroup.threads" : "tasks");
    for (const char *at = text_of(tree->base, path); n < 64 && sscanf(at, "%d%n", &pids[n], &used) == 1; at += used)
        n++;
    qsort(pids, n, sizeof(pids[0]), compare_numbers);
    for (size_t i = 0; i < n && len < sizeof(line); i++)
        len += (size_t)snprintf(line + len, sizeof(line) - len, " %d", pids[i]);
    say("%s: %s has%s", label(tree), place, line);
}

static void say_groups(const struct tree *tree)
{
    FOR_ROWS (place, places) {
        if (closed(open_place(tree, *place)) < 0)
            continue;
        say_members(tree, *place);
        FOR_ROWS (row, rows)
            if (belongs_to(row, tree))
                say("    %s: %s", row->file, line_of(tree, *place, row->file, (char[512]){""}));
    }
}

/* Whoever is left in it dies, thawed; its groups go, the deepest first. */
static void clear(const struct state *s, const struct tree *tree)
{
    int r = 0;
    for (unsigned int i = 0; i < s->n_trees; i++)
        FOR_ROWS (place, places) {
            char path[64];
            snprintf(path, sizeof(path), "%s/freezer.state", *place);
            if (has(&s->trees[i], "freezer"))
                put(s->trees[i].base, path, "THAWED");
        }
    for (unsigned int i = 0; i < WORKERS; i++)
        if (s->workers[i] > 0)
            sys_kill(s->workers[i], SIGKILL);
    put(tree->root, "cgroup.procs", "0");
    for (unsigned int tries = 0; tries < 100; tries++) {
        for (unsigned int i = ARRAY_SIZE(places) - 1; i > 0; i--)
            sys_unlinkat(tree->base, places[i], AT_REMOVEDIR);
        r = sys_unlinkat(tree->root, tree->name, AT_REMOVEDIR);
        if (r != -EBUSY)
            break;
        sys_nanosleep(10000000);
    }
    SAY_RESULT(r, "%s: end", label(tree));
}

CONFORM_CASE(sequence)
{
    struct state s = {.held = {-1, -1}};
    unsigned long n = number_of("OPS", 80);

    mount_trees(&s);
    for (unsigned int i = 0; i < n; i++) {
        if (!random_operation(&s.random, i))
            continue;
        pick(&s.random, operations)(&s);
        if (!comes_to_rest(&s))
            break;
    }
    say("%s", "final state");
    for (unsigned int i = 0; i < s.n_trees; i++)
        say_groups(&s.trees[i]);
    for (unsigned int i = 0; i < WORKERS; i++)
        say("worker %u is %d: %c", i, s.workers[i], state_of(s.workers[i]));
    for (unsigned int i = 0; i < s.n_trees; i++)
        clear(&s, &s.trees[i]);
}
