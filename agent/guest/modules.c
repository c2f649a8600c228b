/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/guest/modules.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "sys/fd.h"

#define RELEASE_FILE "/proc/sys/kernel/osrelease"
#define RELEASE_MAX 128
#define MODULES_DIR "/lib/modules"
#define INDEX_MAX (4 * 1024 * 1024) /* a distribution's kernel has half a megabyte of it */
#define LIST_MAX (64 * 1024)

/* What is known of the modules of the running kernel. */
struct modules {
    int dir_fd; /* /lib/modules/RELEASE */
    char release[RELEASE_MAX];
    struct buf dep;    /* text of modules.dep */
    struct buf loaded; /* paths of files that are, a line each */
};

static void modules_close(struct modules *modules)
{
    fd_close(&modules->dir_fd);
    buf_done(&modules->dep);
    buf_done(&modules->loaded);
}

static int read_release(char release[RELEASE_MAX], struct error *err)
{
    _buf_ struct buf text = BUF_INIT(RELEASE_MAX - 1);

    int r = file_read_at(AT_FDCWD, RELEASE_FILE, &text);
    if (r < 0)
        return error_set(err, r, "read '%s'", RELEASE_FILE);
    snprintf(release, RELEASE_MAX, "%.*s", text.data ? (int)strcspn(text.data, "\n") : 0, text.data ?: "");
    return 0;
}

static int modules_open(struct modules *modules, struct error *err)
{
    char path[sizeof(MODULES_DIR) + RELEASE_MAX];

    *modules = (struct modules){.dir_fd = -1, .dep = BUF_INIT(INDEX_MAX), .loaded = BUF_INIT(INDEX_MAX)};
    int r = read_release(modules->release, err);
    if (r < 0)
        return r;
    snprintf(path, sizeof(path), "%s/%s", MODULES_DIR, modules->release);
    modules->dir_fd = sys_openat(AT_FDCWD, path, O_PATH | O_DIRECTORY | O_CLOEXEC, 0);
    if (modules->dir_fd < 0)
        return error_set(err, modules->dir_fd, "open '%s'", path);
    r = file_read_at(modules->dir_fd, "modules.dep", &modules->dep);
    if (r < 0) {
        modules_close(modules);
        return error_set(err, r, "read '%s/modules.dep'", path);
    }
    return 0;
}

/* ---- names ---- */

static char plain(char c)
{
    return c == '-' ? '_' : c;
}

/* Whether the file of a path (up to end) is that of the module: "kernel/drivers/char/virtio-rng.ko". */
static bool is_file_of(const char *path, const char *end, const char *name)
{
    const char *slash = memrchr(path, '/', (size_t)(end - path));
    const char *p = slash ? slash + 1 : path;

    for (; p < end && *name; p++, name++) {
        if (plain(*p) != plain(*name))
            return false;
    }
    return *name == '\0' && p < end && *p == '.';
}

/* The line of modules.dep about a module: "PATH: PATH PATH..."; NULL when there is none. */
static const char *find_line(const struct modules *modules, const char *name)
{
    for (const char *line = modules->dep.data; line && *line; line += strcspn(line, "\n"), line += *line == '\n') {
        if (is_file_of(line, line + strcspn(line, ":\n"), name))
            return line;
    }
    return NULL;
}

static bool is_builtin(const struct modules *modules, const char *name)
{
    _buf_ struct buf text = BUF_INIT(INDEX_MAX);

    if (file_read_at(modules->dir_fd, "modules.builtin", &text) < 0)
        return false;
    for (const char *line = text.data; line && *line; line += strcspn(line, "\n"), line += *line == '\n') {
        if (is_file_of(line, line + strcspn(line, "\n"), name))
            return true;
    }
    return false;
}

/* ---- loading ---- */

static bool is_loaded(const struct modules *modules, const char *path, size_t len)
{
    for (const char *line = modules->loaded.data; line && *line; line += strcspn(line, "\n") + 1) {
        if (strcspn(line, "\n") == len && memcmp(line, path, len) == 0)
            return true;
    }
    return false;
}

/* The kernel would read all of a file before it says that the module is there. */
static int load_file(struct modules *modules, const char *path, size_t len, const char *params, struct error *err)
{
    char name[PATH_MAX];

    if (is_loaded(modules, path, len))
        return 0;
    if (len >= sizeof(name))
        return error_text(err, -ENAMETOOLONG, "modules.dep of '%s': a path of %zu bytes", modules->release, len);
    snprintf(name, sizeof(name), "%.*s", (int)len, path);
    _close_ int fd = sys_openat(modules->dir_fd, name, O_RDONLY | O_CLOEXEC, 0);
    if (fd < 0)
        return error_set(err, fd, "open '%s'", name);
    int r = sys_finit_module(fd, params, 0);
    if (r < 0 && r != -EEXIST)
        return error_set(err, r, "load '%s'", name);
    (void)buf_printf(&modules->loaded, "%s\n", name);
    return 0;
}

/* line: of modules.dep; what has to come first is named last. */
static int load_line(struct modules *modules, const char *line, const char *params, struct error *err)
{
    const char *colon = line + strcspn(line, ":\n");
    const char *end = line + strcspn(line, "\n");

    for (const char *blank; (blank = memrchr(colon, ' ', (size_t)(end - colon))); end = blank) {
        size_t len = (size_t)(end - blank) - 1;
        int r = len > 0 ? load_file(modules, blank + 1, len, "", err) : 0;
        if (r < 0)
            return r;
    }
    return load_file(modules, line, (size_t)(colon - line), params, err);
}

static int load(struct modules *modules, const char *name, const char *params, struct error *err)
{
    const char *line = find_line(modules, name);

    if (line)
        return load_line(modules, line, params, err);
    if (is_builtin(modules, name))
        return 0;
    return error_text(err, -ENOENT, "the guest's kernel %s has no such module", modules->release);
}

int modules_load(const char *name, const char *params, struct error *err)
{
    struct modules modules;

    int r = modules_open(&modules, err);
    if (r == 0) {
        r = load(&modules, name, params, err);
        modules_close(&modules);
    }
    return r < 0 ? error_wrap(err, "kernel module '%s'", name) : 0;
}

/* ---- lists ---- */

static char *skip_blanks(char *p)
{
    return p + strspn(p, " \t");
}

/* A line "NAME PARAMETER..."; cuts it up. */
static void load_listed(struct modules *modules, char *line, struct buf *problems)
{
    struct error err = {.errnum = 0};

    line[strcspn(line, "#")] = '\0';
    char *name = skip_blanks(line);
    char *params = name + strcspn(name, " \t");
    if (params == name)
        return;
    if (*params)
        *params++ = '\0';
    if (load(modules, name, skip_blanks(params), &err) < 0)
        (void)buf_printf(problems, "kernel module '%s': %s\n", name, err.text);
}

void modules_load_list(const char *path, struct buf *problems)
{
    _buf_ struct buf text = BUF_INIT(LIST_MAX);
    struct error err = {.errnum = 0};
    struct modules modules;
    char *state = NULL;

    int r = file_read_at(AT_FDCWD, path, &text);
    if (r < 0 && r != -ENOENT)
        (void)buf_printf(problems, "read '%s': %s\n", path, errno_name(-r));
    if (r < 0 || !text.data)
        return;
    if (modules_open(&modules, &err) < 0) {
        (void)buf_printf(problems, "kernel modules of '%s': %s\n", path, err.text);
        return;
    }
    for (char *line = strtok_r(text.data, "\n", &state); line; line = strtok_r(NULL, "\n", &state))
        load_listed(&modules, line, problems);
    modules_close(&modules);
}

void modules_log_problems(char *problems, const struct logger *log)
{
    char *state = NULL;

    for (char *line = strtok_r(problems, "\n", &state); line; line = strtok_r(NULL, "\n", &state))
        log_warning(log, "modules", "%s", line);
}
