/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/container/program.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/macros.h"
#include "sys/fd.h"

#define PASSWD_MAX (64 * 1024)

/* ---- home directory ---- */

/* The image made this file: it may be a pipe that nobody writes, endless, or a link into the caller's own descriptors. */
static int passwd_read(struct buf *text)
{
    const struct open_how how = {.flags = O_RDONLY | O_NONBLOCK | O_CLOEXEC, .resolve = RESOLVE_NO_MAGICLINKS};
    _close_ int fd = sys_openat2(AT_FDCWD, "/etc/passwd", &how);
    if (fd < 0)
        return fd;

    struct stat st;
    int r = sys_fstat(fd, &st);
    if (r == 0 && !S_ISREG(st.st_mode))
        r = -EINVAL;
    if (r == 0)
        r = fd_read_all(fd, text);
    if (r == -EMSGSIZE) {
        /* The last line may be cut off. */
        *(strrchr(text->data, '\n') ?: text->data) = '\0';
        r = 0;
    }
    return r;
}

/* Decimal digits and nothing else: a user whose name is a number is not the user with that number (CVE-2016-3697). */
static bool field_is_number(const char *field, uint32_t number)
{
    uint64_t value = 0;
    const char *p = field;

    for (; *p >= '0' && *p <= '9' && value <= UINT32_MAX; p++)
        value = value * 10 + (uint64_t)(*p - '0');
    return p != field && *p == '\0' && value == number;
}

/* Home of uid in one line "name:password:uid:gid:gecos:home:shell", or NULL. Cuts the line into its fields. */
static char *line_home(char *line, uint32_t uid)
{
    char *fields[7];
    size_t n = 0;

    while (n < ARRAY_SIZE(fields) && (fields[n] = strsep(&line, ":")))
        n++;
    if (n < 6 || !field_is_number(fields[2], uid) || fields[5][0] == '\0')
        return NULL;
    return fields[5];
}

static char *home_of(struct arena *a, uint32_t uid)
{
    _buf_ struct buf text = BUF_INIT(PASSWD_MAX);
    char *home = NULL;

    if (passwd_read(&text) == 0) {
        char *rest = text.data;
        for (char *line; !home && (line = strsep(&rest, "\n"));)
            home = line_home(line, uid);
    }
    return arena_strdup(a, home ?: "/");
}

/* ---- environment ---- */

struct variable {
    char *text;
    size_t key_len;
    size_t position;
};

static int compare_keys(const struct variable *x, const struct variable *y)
{
    size_t shorter = x->key_len < y->key_len ? x->key_len : y->key_len;
    int r = memcmp(x->text, y->text, shorter);
    return r ?: (x->key_len > y->key_len) - (x->key_len < y->key_len);
}

static int by_key_then_position(const void *x, const void *y)
{
    const struct variable *left = x, *right = y;
    return compare_keys(left, right) ?: (left->position > right->position) - (left->position < right->position);
}

static int by_position(const void *x, const void *y)
{
    const struct variable *left = x, *right = y;
    return (left->position > right->position) - (left->position < right->position);
}

static size_t collect(const struct strlist *env, struct variable *variables)
{
    size_t n = 0;

    for (size_t i = 0; i < env->n; i++) {
        char *text = env->items[i];
        const char *equals = strchr(text, '=');
        if (equals && equals != text)
            variables[n++] = (struct variable){.text = text, .key_len = (size_t)(equals - text), .position = i};
    }
    return n;
}

/* Keeps the last one of each key, in the order of the list. Sorting keeps a long hostile list cheap. */
static size_t deduplicate(struct variable *variables, size_t n)
{
    size_t kept = 0;

    qsort(variables, n, sizeof(*variables), by_key_then_position);
    for (size_t i = 0; i < n; i++) {
        if (i + 1 == n || compare_keys(&variables[i], &variables[i + 1]) != 0)
            variables[kept++] = variables[i];
    }
    qsort(variables, kept, sizeof(*variables), by_position);
    return kept;
}

/* Value of a variable, or NULL. */
static const char *value_of(char *const *envp, const char *key)
{
    size_t len = strlen(key);

    for (; *envp; envp++) {
        if (strncmp(*envp, key, len) == 0 && (*envp)[len] == '=')
            return *envp + len + 1;
    }
    return NULL;
}

int program_environment(struct arena *a, const struct strlist *env, uint32_t uid, char ***ret_envp, struct error *err)
{
    struct variable *variables = arena_calloc(a, env->n, sizeof(*variables));
    char **envp = arena_calloc(a, env->n + 2, sizeof(*envp));
    if (!variables || !envp)
        return error_status(err, STATUS_RESOURCE_EXHAUSTED, "no memory left for the environment");

    size_t n = deduplicate(variables, collect(env, variables));
    for (size_t i = 0; i < n; i++)
        envp[i] = arena_strdup(a, variables[i].text);
    if (!arena_exhausted(a) && !value_of(envp, "HOME"))
        envp[n] = arena_printf(a, "HOME=%s", home_of(a, uid));
    if (arena_exhausted(a))
        return error_status(err, STATUS_RESOURCE_EXHAUSTED, "no memory left for the environment");
    *ret_envp = envp;
    return 0;
}

/* ---- look-up ---- */

static bool file_mode(const char *path, mode_t *ret_mode)
{
    struct stat st;
    if (sys_fstatat(AT_FDCWD, path, &st, 0) < 0 || !S_ISREG(st.st_mode))
        return false;
    *ret_mode = st.st_mode;
    return true;
}

/* An empty element of PATH is the working directory. */
static char *candidate(struct arena *a, const char *dir, size_t len, const char *name)
{
    return len ? arena_printf(a, "%.*s/%s", (int)len, dir, name) : arena_printf(a, "./%s", name);
}

/* The first file that somebody may execute; else the first file, so that the kernel can say why it is none. NULL: none. */
static char *search(struct arena *a, const char *name, const char *dirs)
{
    char *fallback = NULL;

    for (const char *dir = dirs;; dir++) {
        const char *end = strchrnul(dir, ':');
        char *path = candidate(a, dir, (size_t)(end - dir), name);
        mode_t mode;
        if (path && file_mode(path, &mode)) {
            if (mode & 0111)
                return path;
            fallback = fallback ?: path;
        }
        if (!*end)
            return fallback;
        dir = end;
    }
}

int program_find(struct arena *a, const char *name, char *const *envp, char **ret_path, struct error *err)
{
    const char *dirs = value_of(envp, "PATH");
    char *path = NULL;
    mode_t mode;

    if (strchr(name, '/'))
        path = file_mode(name, &mode) ? arena_strdup(a, name) : NULL;
    else if (dirs && *name)
        path = search(a, name, dirs);
    if (arena_exhausted(a))
        return error_status(err, STATUS_RESOURCE_EXHAUSTED, "no memory left to look up '%s'", name);
    if (!path)
        return error_text(err, -ENOENT, "the file %s was not found", name);
    *ret_path = path;
    return 0;
}
