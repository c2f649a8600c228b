/* SPDX-License-Identifier: Apache-2.0 */
/* Random calls on files: making, removing, renaming, symbolic links, permissions, opens with all their flags. There are no hard
 * links: the seam cannot make them. */
#include "mocks/tests/support/random.h"

#define SLOTS 4

struct state {
    struct random random;
    int proc; /* its own directory there: the sequence itself cannot leave its root */
    int fds[SLOTS];
};

static int slot(struct state *s, unsigned int i)
{
    return s->fds[i];
}

/* The working directory or, rarely, a descriptor of a slot. */
static int random_dir(struct state *s, char name[16])
{
    unsigned int i = below(&s->random, SLOTS);
    bool uses = chance(&s->random, 25);
    snprintf(name, 16, uses ? "fd %u" : "cwd", i);
    return uses ? slot(s, i) : AT_FDCWD;
}

static void keep(struct state *s, int fd)
{
    unsigned int i = below(&s->random, SLOTS);
    struct stat st;
    if (fd < 0)
        return;
    if (s->fds[i] >= 0)
        sys_close(s->fds[i]);
    s->fds[i] = fd;
    int r = sys_fstat(fd, &st);
    say("    fd %u is mode %o links %u size %ld flags %lo", i, r < 0 ? 0 : st.st_mode, (unsigned int)st.st_nlink,
        S_ISREG(st.st_mode) ? (long)st.st_size : 0, (long)sys_fcntl(fd, F_GETFL, 0));
}

static int random_flags(struct state *s)
{
    static const int access[] = {O_RDONLY, O_WRONLY, O_RDWR};
    static const int more[] = {O_CREAT, O_CREAT, O_EXCL, O_TRUNC, O_DIRECTORY, O_NOFOLLOW, O_PATH, O_APPEND};
    int flags = O_CLOEXEC | O_NONBLOCK | pick(&s->random, access);
    for (unsigned int n = below(&s->random, 4); n > 0; n--)
        flags |= pick(&s->random, more);
    return flags;
}

static void do_open(struct state *s)
{
    char path[64], dir[16];
    int dirfd = random_dir(s, dir);
    int flags = random_flags(s);
    random_path(&s->random, path);
    int fd = sys_openat(dirfd, path, flags, 0640);
    SAY_RESULT(fd < 0 ? fd : 0, "openat(%s, \"%s\", %#o)", dir, path, flags);
    keep(s, fd);
}

static void do_open2(struct state *s)
{
    static const uint64_t bits[] = {RESOLVE_NO_XDEV, RESOLVE_NO_MAGICLINKS, RESOLVE_NO_SYMLINKS, RESOLVE_BENEATH,
                                    RESOLVE_IN_ROOT};
    char path[64], dir[16];
    int dirfd = random_dir(s, dir);
    struct open_how how = {.flags = (uint64_t)random_flags(s)};
    if (chance(&s->random, 30))
        how.flags = O_PATH | O_CLOEXEC;
    how.mode = how.flags & O_CREAT ? 0600 : 0;
    for (unsigned int n = 1 + below(&s->random, 2); n > 0; n--)
        how.resolve |= pick(&s->random, bits);
    random_path(&s->random, path);
    int fd = sys_openat2(dirfd, path, &how);
    SAY_RESULT(fd < 0 ? fd : 0, "openat2(%s, \"%s\", %#lo, resolve %#lx)", dir, path, (long)how.flags, (long)how.resolve);
    keep(s, fd);
}

static void do_mkdir(struct state *s)
{
    static const mode_t modes[] = {0755, 0700, 01777, 02755, 0500, 0};
    char path[64], dir[16];
    int dirfd = random_dir(s, dir);
    mode_t mode = pick(&s->random, modes);
    random_path(&s->random, path);
    SAY_RESULT(sys_mkdirat(dirfd, path, mode), "mkdirat(%s, \"%s\", %o)", dir, path, mode);
}

static void do_mknod(struct state *s)
{
    static const mode_t modes[] = {S_IFREG | 0644, S_IFIFO | 0600, 0640,          S_IFSOCK | 0755,
                                   S_IFCHR | 0666, S_IFDIR | 0755, S_IFLNK | 0777};
    char path[64], dir[16];
    int dirfd = random_dir(s, dir);
    mode_t mode = pick(&s->random, modes);
    random_path(&s->random, path);
    SAY_RESULT(sys_mknodat(dirfd, path, mode, makedev(1, 3)), "mknodat(%s, \"%s\", %o)", dir, path, mode);
}

static void do_symlink(struct state *s)
{
    char path[64], target[64], dir[16];
    int dirfd = random_dir(s, dir);
    random_path(&s->random, target);
    random_path(&s->random, path);
    SAY_RESULT(sys_symlinkat(target, dirfd, path), "symlinkat(\"%s\", %s, \"%s\")", target, dir, path);
}

static void do_unlink(struct state *s)
{
    static const int flags[] = {0, 0, AT_REMOVEDIR};
    char path[64], dir[16];
    int dirfd = random_dir(s, dir);
    int flag = pick(&s->random, flags);
    random_path(&s->random, path);
    SAY_RESULT(sys_unlinkat(dirfd, path, flag), "unlinkat(%s, \"%s\", %#x)", dir, path, (unsigned int)flag);
}

static void do_rename(struct state *s)
{
    static const unsigned int flags[] = {0, 0, 1, 2, 3}; /* RENAME_NOREPLACE, RENAME_EXCHANGE */
    char from[64], to[64], old[16], new[16];
    int olddir = random_dir(s, old), newdir = random_dir(s, new);
    unsigned int flag = pick(&s->random, flags);
    random_path(&s->random, from);
    random_path(&s->random, to);
    SAY_RESULT(sys_renameat2(olddir, from, newdir, to, flag), "renameat2(%s, \"%s\", %s, \"%s\", %u)", old, from, new, to,
               flag);
}

static void do_chmod(struct state *s)
{
    static const mode_t modes[] = {0755, 0644, 0700, 0, 0111, 01777, 04755, 02711};
    char path[64], dir[16];
    int dirfd = random_dir(s, dir);
    mode_t mode = pick(&s->random, modes);
    random_path(&s->random, path);
    if (chance(&s->random, 20))
        SAY_RESULT(sys_fchmod(dirfd, mode), "fchmod(%s, %o)", dir, mode);
    else
        SAY_RESULT(sys_fchmodat(dirfd, path, mode), "fchmodat(%s, \"%s\", %o)", dir, path, mode);
}

static void do_chown(struct state *s)
{
    static const uid_t ids[] = {0, 1000, 1001, (uid_t)-1};
    static const int flags[] = {0, AT_SYMLINK_NOFOLLOW, AT_EMPTY_PATH};
    char path[64], dir[16];
    int dirfd = random_dir(s, dir);
    uid_t uid = pick(&s->random, ids), gid = pick(&s->random, ids);
    int flag = pick(&s->random, flags);
    random_path(&s->random, path);
    SAY_RESULT(sys_fchownat(dirfd, path, uid, gid, flag), "fchownat(%s, \"%s\", %d, %d, %#x)", dir, path, (int)uid, (int)gid,
               (unsigned int)flag);
}

static void do_look(struct state *s)
{
    static const int flags[] = {0, AT_SYMLINK_NOFOLLOW};
    char path[64], dir[16], text[64];
    struct stat st = {0};
    int dirfd = random_dir(s, dir), flag = pick(&s->random, flags), mode = (int)below(&s->random, 8);
    random_path(&s->random, path);
    int r = sys_fstatat(dirfd, path, &st, flag);
    ssize_t n = sys_readlinkat(dirfd, path, text, sizeof(text));
    say("look(%s, \"%s\", %d) = %d mode %o link %zd %.*s access %d", dir, path, flag, r, st.st_mode, n, (int)(n < 0 ? 0 : n),
        text, sys_faccessat(dirfd, path, mode, 0));
}

static void do_list(struct state *s)
{
    char names[64][32], dir[16], line[512] = "";
    int dirfd = random_dir(s, dir);
    size_t used = 0;
    int fd = sys_openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
    int n = fd < 0 ? fd : list_names(fd, names, false);
    for (int i = 0; i < n && used < sizeof(line); i++)
        used += (size_t)snprintf(line + used, sizeof(line) - used, " %s", names[i]);
    SAY_RESULT(n, "list(%s)%s", dir, line);
    if (fd >= 0)
        sys_close(fd);
}

static void do_data(struct state *s)
{
    char p[64];
    unsigned int i = below(&s->random, SLOTS), what = below(&s->random, 4), len = below(&s->random, 64);
    int fd = slot(s, i);
    memset(p, 'x', sizeof(p));
    if (what == 0)
        SAY_RESULT(sys_write(fd, p, len), "write(fd %u, %u)", i, len);
    else if (what == 1)
        SAY_RESULT(sys_read(fd, p, len), "read(fd %u, %u)", i, len);
    else if (what == 2)
        SAY_RESULT(sys_ftruncate(fd, len), "ftruncate(fd %u, %u)", i, len);
    else
        SAY_RESULT(sys_pwrite(fd, p, len, 10), "pwrite(fd %u, %u, 10)", i, len);
}

static void do_cwd(struct state *s)
{
    char path[64], name[128];
    unsigned int i = below(&s->random, SLOTS);
    random_path(&s->random, path);
    if (chance(&s->random, 50))
        SAY_RESULT(sys_chdir(path), "chdir(\"%s\")", path);
    else
        SAY_RESULT(sys_fchdir(slot(s, i)), "fchdir(fd %u)", i);
    ssize_t n = sys_getcwd(name, sizeof(name));
    SAY_RESULT(n, "getcwd: %s", n < 0 ? "" : name);
    if (chance(&s->random, 60))
        SAY_RESULT(sys_chdir("/"), "chdir(%s)", "\"/\"");
}

static void do_name(struct state *s)
{
    char link[32], name[128];
    unsigned int i = below(&s->random, SLOTS);
    if (slot(s, i) < 0)
        return;
    snprintf(link, sizeof(link), "fd/%d", slot(s, i));
    ssize_t n = sys_readlinkat(s->proc, link, name, sizeof(name) - 1);
    name[n < 0 ? 0 : n] = '\0';
    SAY_RESULT(n, "name of fd %u: %s", i, name);
    int fd = sys_openat(s->proc, link, random_flags(s) & ~O_CREAT, 0);
    SAY_RESULT(fd < 0 ? fd : 0, "open fd %u again", i);
    keep(s, fd);
}

static void (*const operations[])(struct state *s) = {
    do_open,   do_open,   do_open2, do_open2, do_mkdir, do_mkdir, do_mknod, do_symlink, do_symlink, do_unlink,
    do_rename, do_rename, do_chmod, do_chown, do_look,  do_list,  do_data,  do_data,    do_cwd,     do_name,
};

/* Some sequences lose their privileges on the way. */
static void become_user(void)
{
    int r = sys_setresgid(1000, 1000, 1000);
    SAY_RESULT(r == 0 ? sys_setresuid(1000, 1000, 1000) : r, "become %d", 1000);
}

CONFORM_CASE(sequence)
{
    struct state s = {.fds = {-1, -1, -1, -1}};
    unsigned long n = number_of("OPS", 60);

    s.proc = sys_openat(AT_FDCWD, "/proc/self", O_PATH | O_DIRECTORY | O_CLOEXEC, 0);
    if (random_root() < 0 || sys_fchmodat(AT_FDCWD, ".", 0777) < 0 || s.proc < 0)
        return;
    for (unsigned int i = 0; i < n; i++) {
        if (!random_operation(&s.random, i))
            continue;
        if (chance(&s.random, 1))
            become_user();
        pick(&s.random, operations)(&s);
    }
    say("%s", "final state");
    say_tree(AT_FDCWD, "/", 6);
}
