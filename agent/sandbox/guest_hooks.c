/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/sandbox/guest_hooks.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "sys/directory.h"
#include "sys/fd.h"

/* ---- find ---- */

struct folder {
    int fd;
    struct arena *arena;
    struct strlist names;
};

static int note_program(void *arg, const char *name, bool is_directory UNUSED)
{
    struct folder *folder = arg;
    struct stat st;

    int r = sys_fstatat(folder->fd, name, &st, AT_SYMLINK_NOFOLLOW);
    if (r < 0 || !S_ISREG(st.st_mode) || !(st.st_mode & 0111))
        return r == -ENOENT ? 0 : r;
    return folder->names.n == GUEST_HOOKS_MAX ? -E2BIG : strlist_add(folder->arena, &folder->names, name);
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static int make_list(struct arena *a, const char *path, const char *kind, const struct strlist *names,
                     struct oci_hook_list *ret_list)
{
    struct oci_hook_list list = {.n = names->n, .items = arena_calloc(a, names->n, sizeof(*list.items))};

    for (size_t i = 0; list.items && i < list.n; i++) {
        list.items[i].path = arena_printf(a, "%s/%s/%s", path, kind, names->items[i]);
        (void)strlist_add(a, &list.items[i].args, names->items[i]);
        (void)strlist_add(a, &list.items[i].args, kind);
    }
    if (arena_exhausted(a))
        return -ENOBUFS;
    *ret_list = list;
    return 0;
}

static int find_kind(struct arena *a, int top, const char *path, const char *kind, struct oci_hook_list *ret_list)
{
    struct folder folder = {.arena = a};

    _close_ int fd = sys_openat(top, kind, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
    if (fd < 0)
        return fd == -ENOENT ? 0 : fd;
    folder.fd = fd;
    int r = directory_read(fd, note_program, &folder);
    if (r < 0 || folder.names.n == 0)
        return r;
    qsort(folder.names.items, folder.names.n, sizeof(*folder.names.items), compare_names);
    return make_list(a, path, kind, &folder.names, ret_list);
}

void guest_hooks_find(struct arena *a, const char *path, const struct logger *log, struct oci_hooks *ret_hooks)
{
    struct oci_hooks hooks = {0};
    const struct {
        const char *kind;
        struct oci_hook_list *list;
    } folders[] = {{"prestart", &hooks.prestart}, {"poststart", &hooks.poststart}, {"poststop", &hooks.poststop}};

    _close_ int top = *path == '/' ? sys_openat(AT_FDCWD, path, O_PATH | O_DIRECTORY | O_CLOEXEC, 0) : -EINVAL;
    if (top < 0)
        log_warning(log, "sandbox", "guest_hook_path '%s': %s", path, errno_name(-top));
    FOR_ROWS (folder, folders) {
        int r = top < 0 ? 0 : find_kind(a, top, path, folder->kind, folder->list);
        if (r < 0)
            log_warning(log, "sandbox", "hooks in '%s/%s' are left out: %s", path, folder->kind, errno_name(-r));
    }
    *ret_hooks = hooks;
}

/* ---- add ---- */

static void append(struct arena *a, const struct oci_hook_list *more, struct oci_hook_list *list)
{
    struct oci_hook *items = arena_calloc(a, list->n + more->n, sizeof(*items));

    if (!items)
        return;
    if (list->n > 0)
        memcpy(items, list->items, list->n * sizeof(*items));
    for (size_t i = 0; i < more->n; i++) {
        struct oci_hook *copy = &items[list->n + i];
        copy->path = arena_strdup(a, more->items[i].path);
        (void)strlist_copy(a, &copy->args, more->items[i].args.items, more->items[i].args.n);
    }
    *list = (struct oci_hook_list){.items = items, .n = list->n + more->n};
}

int guest_hooks_add(struct arena *a, const struct oci_hooks *guest, struct oci_spec *spec, struct error *err)
{
    if (guest->prestart.n + guest->poststart.n + guest->poststop.n == 0)
        return 0;
    spec->hooks = spec->hooks ?: arena_alloc(a, sizeof(*spec->hooks));
    if (spec->hooks) {
        append(a, &guest->prestart, &spec->hooks->prestart);
        append(a, &guest->poststart, &spec->hooks->poststart);
        append(a, &guest->poststop, &spec->hooks->poststop);
    }
    return arena_exhausted(a) ? error_status(err, STATUS_RESOURCE_EXHAUSTED, "spec is too large for the guest's hooks") : 0;
}
