/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime-min/container/bundle.h"

#include <string.h>

#include "hooks/hooks.h"
#include "json/json_text.h"
#include "oci/json.h"
#include "runtime-min/container/store.h"
#include "sys/fd.h"

#define PATH_MAX_BYTES 4096

int bundle_check_process(const struct oci_process *process, struct error *err)
{
    if (!process)
        return error_status(err, STATUS_INVALID_ARGUMENT, "process property must not be empty");
    if (process->args.n == 0 || !*process->args.items[0])
        return error_status(err, STATUS_INVALID_ARGUMENT, "args must not be empty");
    if (!process->cwd || !*process->cwd)
        return error_status(err, STATUS_INVALID_ARGUMENT, "Cwd property must not be empty");
    if (*process->cwd != '/')
        return error_status(err, STATUS_INVALID_ARGUMENT, "Cwd must be an absolute path: '%s'", process->cwd);
    return 0;
}

/* The directory's own name, without links: it is kept and used from elsewhere. */
static int resolve(struct arena *a, const char *dir, int *ret_fd, const char **ret_path, struct error *err)
{
    char path[PATH_MAX_BYTES];

    _close_ int fd = sys_openat(AT_FDCWD, dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
    if (fd < 0)
        return error_set(err, fd, "chdir %s", dir);
    char *name = arena_printf(a, "/proc/self/fd/%d", fd);
    ssize_t n = sys_readlinkat(AT_FDCWD, name, path, sizeof(path));
    if (n < 0 || (size_t)n >= sizeof(path))
        return error_set(err, n < 0 ? (int)n : -ENAMETOOLONG, "find the path of the bundle %s", dir);
    *ret_path = arena_strndup(a, path, (size_t)n);
    *ret_fd = fd_take(&fd);
    return 0;
}

static int read_config(int dir_fd, const char *name, struct buf *out, struct error *err)
{
    struct stat st;

    _close_ int fd = sys_openat(dir_fd, name, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, 0);
    if (fd == -ENOENT)
        return error_status(err, STATUS_NOT_FOUND, "JSON specification file %s not found", name);
    int r = fd < 0 ? fd : sys_fstat(fd, &st);
    if (r < 0)
        return error_set(err, r, "open %s", name);
    if (!S_ISREG(st.st_mode))
        return error_status(err, STATUS_INVALID_ARGUMENT, "%s is not a regular file", name);
    r = fd_read_all(fd, out);
    if (r == -EMSGSIZE)
        return error_status(err, STATUS_INVALID_ARGUMENT, "%s is longer than %d bytes", name, JSON_TEXT_MAX);
    return r < 0 ? error_set(err, r, "read %s", name) : 0;
}

static int check_root(struct arena *a, struct bundle *bundle, struct error *err)
{
    const struct oci_root *root = bundle->spec->root;
    struct stat st;

    if (!root || !root->path || !*root->path)
        return error_status(err, STATUS_INVALID_ARGUMENT, "root.path must be specified");
    bundle->rootfs = *root->path == '/' ? root->path : arena_printf(a, "%s/%s", bundle->path, root->path);
    int r = sys_fstatat(AT_FDCWD, bundle->rootfs, &st, 0);
    if (r < 0)
        return error_set(err, r, "invalid rootfs: stat %s", bundle->rootfs);
    if (!S_ISDIR(st.st_mode))
        return error_status(err, STATUS_INVALID_ARGUMENT, "invalid rootfs: %s is not a directory", bundle->rootfs);
    return 0;
}

/* Versions as semver: whoever speaks 1.x is understood, and so is one that says nothing. */
static int check_version(const struct oci_spec *spec, struct error *err)
{
    const char *version = spec->version ?: "1";

    if (strncmp(version, "1.", 2) == 0 || strcmp(version, "1") == 0)
        return 0;
    return error_status(err, STATUS_INVALID_ARGUMENT, "ociVersion: '%s' is not 1.x", version);
}

static int check_spec(struct arena *a, struct bundle *bundle, struct error *err)
{
    struct oci_spec *spec = bundle->spec;

    int r = check_version(spec, err);
    if (r == 0)
        r = bundle_check_process(spec->process, err);
    if (r == 0)
        r = check_root(a, bundle, err);
    if (r == 0)
        r = hooks_check(spec->hooks, err);
    for (size_t i = 0; i < spec->n_mounts && r == 0; i++) {
        if (!spec->mounts[i].destination || !*spec->mounts[i].destination)
            r = error_status(err, STATUS_INVALID_ARGUMENT, "mounts[%zu].destination must not be empty", i);
    }
    return r;
}

int bundle_read(struct arena *a, const char *dir, const char *config, struct bundle *ret_bundle, struct error *err)
{
    struct bundle bundle = {.text = BUF_INIT(JSON_TEXT_MAX)};
    const char *name = config ?: STORE_CONFIG;
    _close_ int fd = -1;

    int r = resolve(a, dir, &fd, &bundle.path, err);
    if (r == 0)
        r = read_config(fd, name, &bundle.text, err);
    if (r == 0) {
        r = oci_spec_from_json(a, bundle.text.data ?: "", bundle.text.len, &bundle.spec, NULL, err);
        if (r == 0)
            r = check_spec(a, &bundle, err);
        if (r < 0)
            r = error_wrap(err, "%s/%s", bundle.path, name);
    }
    if (r < 0)
        buf_done(&bundle.text);
    else
        *ret_bundle = bundle;
    return r;
}
