/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/tests/support/rootfs_world.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "sys/sys.h"

#define NOTES_MAX 16384

static char notes[NOTES_MAX];
static int notes_fd = -1;
static int guest_proc_fd = -1; /* in a child */

/* ---- world ---- */

static void make_dirs(const char *base, const char *const *names)
{
    for (; *names; names++) {
        char path[256];
        snprintf(path, sizeof(path), "%s/%s", base, *names);
        assert_int_equal(mkdir(path, 0755), 0);
    }
}

int world_setup(void **state)
{
    static const char *const dirs[] = {"proc", "sys", "dev", "etc", "tmp", NULL};
    struct world *w = calloc(1, sizeof(*w));

    strcpy(w->dir, "/tmp/tatami-XXXXXX");
    assert_non_null(mkdtemp(w->dir));
    chmod(w->dir, 0755);
    snprintf(w->root, sizeof(w->root), "%s/root", w->dir);
    assert_int_equal(mkdir(w->root, 0755), 0);
    make_dirs(w->root, dirs);

    w->arena = arena_new(4 << 20);
    w->spec = arena_alloc(w->arena, sizeof(*w->spec));
    w->spec->linux_ = arena_alloc(w->arena, sizeof(*w->spec->linux_));
    w->spec->root = arena_alloc(w->arena, sizeof(*w->spec->root));
    w->spec->root->path = arena_strdup(w->arena, w->root);
    w->rootfs = ROOTFS_INIT(w->spec, NULL);
    *state = w;
    return 0;
}

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st;
    (void)type;
    (void)ftw;
    return remove(path);
}

int world_teardown(void **state)
{
    struct world *w = *state;
    int r = nftw(w->dir, remove_entry, 16, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);

    arena_free(w->arena);
    free(w);
    return r;
}

void world_needs_root(void)
{
    if (geteuid() == 0)
        return;
    print_message("needs root\n");
    skip();
}

/* ---- files ---- */

const char *world_path(struct world *w, const char *path)
{
    return path[0] == '/' ? path : arena_printf(w->arena, "%s/%s", w->dir, path);
}

void world_mkdir(struct world *w, const char *path)
{
    assert_int_equal(mkdir(world_path(w, path), 0755), 0);
}

void world_write(struct world *w, const char *path, const char *text)
{
    int fd = open(world_path(w, path), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    close(fd);
}

void world_symlink(struct world *w, const char *target, const char *path)
{
    assert_int_equal(symlink(target, world_path(w, path)), 0);
}

bool world_has(struct world *w, const char *path)
{
    struct stat st;

    return lstat(world_path(w, path), &st) == 0;
}

int world_count(struct world *w, const char *path)
{
    DIR *dir = opendir(world_path(w, path));
    int n = 0;

    if (!dir)
        return -1;
    for (struct dirent *entry; (entry = readdir(dir));)
        n += strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
    closedir(dir);
    return n;
}

pid_t world_start_swapper(struct world *w, const char *a, const char *b)
{
    const char *first = world_path(w, a), *second = world_path(w, b);
    pid_t pid = fork();

    while (pid == 0)
        sys_renameat2(AT_FDCWD, first, AT_FDCWD, second, RENAME_EXCHANGE);
    return pid;
}

void world_end_swapper(pid_t swapper)
{
    kill(swapper, SIGKILL);
    waitpid(swapper, NULL, 0);
}

/* ---- spec ---- */

static void add_words(struct arena *a, struct strlist *list, const char *words)
{
    char *copy = strdup(words);
    char *state = NULL;

    for (char *word = strtok_r(copy, " ", &state); word; word = strtok_r(NULL, " ", &state))
        assert_int_equal(strlist_add(a, list, word), 0);
    free(copy);
}

void world_mount(struct world *w, const char *destination, const char *type, const char *source, const char *words)
{
    struct oci_mount *all = arena_calloc(w->arena, w->spec->n_mounts + 1, sizeof(*all));

    if (w->spec->n_mounts)
        memcpy(all, w->spec->mounts, w->spec->n_mounts * sizeof(*all));
    struct oci_mount *m = &all[w->spec->n_mounts++];
    m->destination = arena_strdup(w->arena, destination);
    m->type = arena_strdup(w->arena, type);
    m->source = source ? arena_strdup(w->arena, world_path(w, source)) : NULL;
    add_words(w->arena, &m->options, words);
    w->spec->mounts = all;
}

void world_mask(struct world *w, const char *path)
{
    assert_int_equal(strlist_add(w->arena, &w->spec->linux_->masked_paths, path), 0);
}

void world_read_only(struct world *w, const char *path)
{
    assert_int_equal(strlist_add(w->arena, &w->spec->linux_->readonly_paths, path), 0);
}

void world_device(struct world *w, const char *path, char type, int major, int minor, int mode)
{
    struct oci_linux *l = w->spec->linux_;
    struct oci_device *all = arena_calloc(w->arena, l->n_devices + 1, sizeof(*all));

    if (l->n_devices)
        memcpy(all, l->devices, l->n_devices * sizeof(*all));
    all[l->n_devices++] = (struct oci_device){.path = arena_strdup(w->arena, path),
                                              .type = type,
                                              .major = major,
                                              .minor = minor,
                                              .file_mode = {.set = mode >= 0, .value = mode >= 0 ? (uint64_t)mode : 0}};
    l->devices = all;
}

/* A file system's source is a name, not a path. */
static void add_fs(struct world *w, const char *destination, const char *type, const char *words)
{
    world_mount(w, destination, type, NULL, words);
    w->spec->mounts[w->spec->n_mounts - 1].source = arena_strdup(w->arena, type);
}

void world_usual_spec(struct world *w)
{
    static const char *const masked[] = {
        "/proc/asound",     "/proc/acpi",        "/proc/kcore",       "/proc/keys", "/proc/latency_stats",
        "/proc/timer_list", "/proc/timer_stats", "/proc/sched_debug", "/proc/scsi", "/sys/firmware",
    };
    static const char *const read_only[] = {"/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"};

    add_fs(w, "/proc", "proc", "nosuid noexec nodev");
    add_fs(w, "/dev", "tmpfs", "nosuid strictatime mode=755 size=65536k");
    add_fs(w, "/dev/pts", "devpts", "nosuid noexec newinstance ptmxmode=0666 mode=0620 gid=5");
    add_fs(w, "/sys", "sysfs", "nosuid noexec nodev ro");
    add_fs(w, "/dev/mqueue", "mqueue", "nosuid noexec nodev");
    add_fs(w, "/dev/shm", "tmpfs", "nosuid noexec nodev mode=1777 size=65536k");
    FOR_ROWS (path, masked)
        world_mask(w, *path);
    FOR_ROWS (path, read_only)
        world_read_only(w, *path);
}

/* ---- children ---- */

static void note(const char *fmt, va_list args)
{
    char line[2048];
    int n = vsnprintf(line, sizeof(line) - 1, fmt, args);

    if (n > (int)sizeof(line) - 2)
        n = sizeof(line) - 2;
    line[n] = '\n';
    if (write(notes_fd, line, (size_t)n + 1) < 0)
        sys_exit(3);
}

void child_expect(bool ok, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    if (!ok)
        note(fmt, args);
    va_end(args);
}

void child_expect_text(const char *label, const char *got, const char *want)
{
    child_expect(strcmp(got, want) == 0, "%s: got '%s', want '%s'", label, got, want);
}

/* One line, so that root may map itself without help from outside. */
static bool enter_user_namespace(void)
{
    static const char *const files[][2] = {
        {"/proc/self/setgroups", "deny"}, {"/proc/self/uid_map", "0 0 1"}, {"/proc/self/gid_map", "0 0 1"}};

    if (unshare(CLONE_NEWUSER) < 0)
        return false;
    for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
        if (child_write(files[i][0], files[i][1]) < 0)
            return false;
    }
    return true;
}

static void child_main(struct world *w, int flags, void (*fn)(struct world *w))
{
    bool is_user = flags & WORLD_USER_NAMESPACE;

    guest_proc_fd = open("/proc", O_PATH | O_CLOEXEC);
    if (is_user && !enter_user_namespace())
        child_expect(false, "user namespace: %s", strerror(errno));
    int others =
        CLONE_NEWNS | (flags & WORLD_PID_NAMESPACE ? CLONE_NEWPID : 0) | (flags & WORLD_IPC_NAMESPACE ? CLONE_NEWIPC : 0);
    if (unshare(others) < 0)
        child_expect(false, "unshare: %s", strerror(errno));
    struct mount_attr attr = {.propagation = MS_PRIVATE};
    sys_mount_setattr(AT_FDCWD, "/", 0x8000 /* AT_RECURSIVE */, &attr);
    w->rootfs.new_user_namespace = is_user;

    int status = 0;
    pid_t pid = flags & WORLD_PID_NAMESPACE ? fork() : 0;
    if (pid == 0)
        fn(w);
    else if (waitpid(pid, &status, 0) < 0 || status != 0)
        child_expect(false, "the child in the pid namespace ended with status %#x", status);
    sys_exit(0);
}

const char *world_notes(struct world *w, int flags, void (*fn)(struct world *w))
{
    int pipe_fds[2];
    int status = 0;
    size_t used = 0;

    fflush(NULL);
    assert_int_equal(pipe2(pipe_fds, O_CLOEXEC), 0);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        close(pipe_fds[0]);
        notes_fd = pipe_fds[1];
        child_main(w, flags, fn);
    }
    close(pipe_fds[1]);
    for (ssize_t n; used < sizeof(notes) - 1 && (n = read(pipe_fds[0], notes + used, sizeof(notes) - 1 - used)) > 0;)
        used += (size_t)n;
    notes[used] = '\0';
    close(pipe_fds[0]);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    if (status != 0)
        snprintf(notes + used, sizeof(notes) - used, "the child ended with status %#x\n", status);
    return notes;
}

void world_run(struct world *w, int flags, void (*fn)(struct world *w))
{
    world_needs_root();
    const char *text = world_notes(w, flags, fn);
    if (text[0])
        fail_msg("%s", text);
}

static void child_require(int r, const char *what, const struct error *err)
{
    if (r >= 0)
        return;
    child_expect(false, "%s: %s", what, err->text);
    sys_exit(0);
}

void child_build(struct world *w)
{
    struct error err = {0};

    child_require(rootfs_check(w->spec, &err), "check", &err);
    child_require(rootfs_build(&w->rootfs, &err), "build", &err);
}

void child_enter(struct world *w)
{
    struct error err = {0};

    child_build(w);
    child_require(rootfs_enter(&w->rootfs, &err), "enter", &err);
}

void child_start(struct world *w)
{
    struct error err = {0};

    child_enter(w);
    child_require(rootfs_finish(&w->rootfs, "/", &err), "finish", &err);
}

const char *child_build_error(struct world *w)
{
    static struct error err;

    err = (struct error){0};
    return rootfs_build(&w->rootfs, &err) < 0 ? err.text : "";
}

const char *child_read(const char *path)
{
    static char text[65536];
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? 0 : read(fd, text, sizeof(text) - 1);

    text[n < 0 ? 0 : n] = '\0';
    if (fd >= 0)
        close(fd);
    return text;
}

int child_write(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    int r = write(fd, text, strlen(text)) < 0 ? -errno : 0;
    close(fd);
    return r;
}

bool child_has(const char *path)
{
    struct stat st;

    return lstat(path, &st) == 0;
}

int child_make_file(const char *path)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
    int r = fd < 0 ? -errno : 0;

    if (fd >= 0)
        close(fd);
    return r;
}

/* ---- mountinfo ---- */

/* proc(5): id parent dev root point options optional... - type source super */
static bool parse_line(char *line, const char *point, char *ret, size_t size)
{
    char mount_point[512], options[512], type[128], super[512];
    char *separator = strstr(line, " - ");
    int optional = 0;

    if (!separator)
        return false;
    *separator = '\0';
    if (sscanf(line, "%*s %*s %*s %*s %511s %511s%n", mount_point, options, &optional) != 2)
        return false;
    if (strcmp(mount_point, point) != 0 || sscanf(separator + 3, "%127s %*s %511s", type, super) < 1)
        return false;
    snprintf(ret, size, "%s|%s|%s|%s", options, type, super, line + optional);
    return true;
}

const char *child_mount_info(const char *point)
{
    static char info[2048];
    int fd = openat(guest_proc_fd, "self/mountinfo", O_RDONLY | O_CLOEXEC);
    FILE *file = fdopen(fd, "r");
    char line[2048];

    info[0] = '\0';
    while (file && fgets(line, sizeof(line), file))
        parse_line(line, point, info, sizeof(info));
    if (file)
        fclose(file);
    return info;
}

bool child_has_option(const char *point, const char *option)
{
    char copy[2048];
    char *state = NULL;

    snprintf(copy, sizeof(copy), "%s", child_mount_info(point));
    copy[strcspn(copy, "|")] = '\0';
    for (char *word = strtok_r(copy, ",", &state); word; word = strtok_r(NULL, ",", &state)) {
        if (strcmp(word, option) == 0)
            return true;
    }
    return false;
}

void child_mount_tmpfs(struct world *w, const char *path, unsigned long flags)
{
    const char *point = world_path(w, path);

    mkdir(point, 0755);
    child_expect(sys_mount("guest", point, "tmpfs", flags, "") == 0, "mount tmpfs on %s", point);
}
