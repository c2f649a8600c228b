/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/tests/support/fake_cgroup.h"

#include <dirent.h>
#include <errno.h>
#include <ftw.h>
#include <limits.h>
#include <stdarg.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static void full_path(const struct fake_cgroup *fake, const char *path, char full[PATH_MAX])
{
    snprintf(full, PATH_MAX, "%s/%s", fake->root, path);
}

static void make_parents(char *full, size_t from)
{
    for (char *slash = strchr(full + from + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        assert_true(mkdir(full, 0755) == 0 || errno == EEXIST);
        *slash = '/';
    }
}

void fake_cgroup_mkdir(struct fake_cgroup *fake, const char *path)
{
    char full[PATH_MAX];
    full_path(fake, path, full);
    make_parents(full, strlen(fake->root));
    assert_true(mkdir(full, 0755) == 0 || errno == EEXIST);
}

void fake_cgroup_write(struct fake_cgroup *fake, const char *path, const char *text)
{
    char full[PATH_MAX];
    full_path(fake, path, full);
    make_parents(full, strlen(fake->root));

    FILE *file = fopen(full, "w");
    assert_non_null(file);
    assert_int_equal(fwrite(text, 1, strlen(text), file), strlen(text));
    assert_int_equal(fclose(file), 0);
}

const char *fake_cgroup_read(struct fake_cgroup *fake, const char *path)
{
    char full[PATH_MAX];
    full_path(fake, path, full);

    FILE *file = fopen(full, "r");
    if (!file)
        return "(none)";
    size_t n = fread(fake->text, 1, sizeof(fake->text) - 1, file);
    fake->text[n] = '\0';
    fclose(file);
    return fake->text;
}

bool fake_cgroup_exists(struct fake_cgroup *fake, const char *path)
{
    char full[PATH_MAX];
    full_path(fake, path, full);
    return access(full, F_OK) == 0;
}

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st;
    (void)type;
    (void)ftw;
    return remove(path);
}

static void remove_tree(const char *path)
{
    assert_int_equal(nftw(path, remove_entry, 16, FTW_DEPTH | FTW_PHYS), 0);
}

void fake_cgroup_remove(struct fake_cgroup *fake, const char *path)
{
    char full[PATH_MAX];
    full_path(fake, path, full);
    remove_tree(full);
}

static struct hierarchy_spec add_hierarchy(struct fake_cgroup *fake, char *word)
{
    char *controllers = strchr(word, ':');
    char path[PATH_MAX];
    struct hierarchy_spec spec = {.version = controllers ? 2 : 1, .options = word};

    if (controllers) {
        *controllers++ = '\0';
        for (char *plus = controllers; (plus = strchr(plus, '+'));)
            *plus = ' ';
    }
    const char *name = strncmp(word, "name=", 5) == 0 ? word + 5 : word;
    fake_cgroup_mkdir(fake, name);
    if (controllers) {
        snprintf(path, sizeof(path), "%s/cgroup.controllers", name);
        fake_cgroup_write(fake, path, controllers);
    }
    full_path(fake, name, path);
    spec.path = strdup(path);
    return spec;
}

void fake_cgroup_init(struct fake_cgroup *fake, const char *layout)
{
    *fake = (struct fake_cgroup){.root = "/tmp/tatami-XXXXXX"};
    assert_non_null(mkdtemp(fake->root));
    assert_int_equal(loop_new(&fake->loop, NULL), 0);

    struct hierarchy_spec specs[HIERARCHIES_MAX];
    char *words = strdup(layout);
    char *cursor = words;
    char *word;
    size_t n = 0;
    while ((word = strsep(&cursor, " ")))
        specs[n++] = add_hierarchy(fake, word);

    struct error err = {0};
    if (cgroup_host_new(fake->loop, specs, n, &fake->host, &err) < 0)
        fail_msg("%s", err.text);
    for (size_t i = 0; i < n; i++)
        free((char *)specs[i].path);
    free(words);
}

void fake_cgroup_done(struct fake_cgroup *fake)
{
    cgroup_free(fake->cgroup);
    cgroup_host_free(fake->host);
    loop_free(fake->loop);
    remove_tree(fake->root);
}

void fake_cgroup_create(struct fake_cgroup *fake, const char *path)
{
    struct error err = {0};
    if (cgroup_create(fake->host, path, &fake->cgroup, &err) < 0)
        fail_msg("%s", err.text);
}

void fiber_run(struct loop *loop, void (*fn)(void *arg), void *arg)
{
    assert_int_equal(fiber_start(loop, "test", fn, arg, NULL), 0);
    assert_int_equal(loop_run(loop, NULL), 0);
}

int count_descriptors(void)
{
    DIR *dir = opendir("/proc/self/fd");
    int n = 0;

    assert_non_null(dir);
    while (readdir(dir))
        n++;
    closedir(dir);
    return n;
}

bool is_cgroup_mounted(void)
{
    FILE *file = fopen("/proc/self/mounts", "r");
    bool found = false;
    char line[1024];

    while (file && fgets(line, sizeof(line), file))
        found |= strstr(line, " /sys/fs/cgroup") && strstr(line, " cgroup") && strstr(line, " rw");
    if (file)
        fclose(file);
    return found;
}
