/* SPDX-License-Identifier: Apache-2.0 */
/* Kernel modules (finit_module(2)). The file of one is an ELF magic and lines with what the kernel reads in a real one's
 * .modinfo: "name=", "depends=", and "number=" for a parameter that takes a number. Nothing happens when one is loaded, but
 * that the machine has it. */
#include <errno.h>
#include <linux/module.h>
#include <stdlib.h>
#include <string.h>

#include "mocks/kernel/cred.h"
#include "mocks/kernel/vfs_private.h"

#define MAGIC "\177ELF module\n"

struct info {
    const char *text; /* behind the magic */
    size_t len;
};

/* Value of a line "key=value"; *ret_len: its length. */
static const char *info_value(const struct info *info, const char *key, size_t *ret_len)
{
    size_t key_len = strlen(key);

    for (const char *p = info->text, *end = p + info->len; p < end;) {
        const char *newline = memchr(p, '\n', (size_t)(end - p));
        const char *stop = newline ? newline : end;
        if ((size_t)(stop - p) > key_len && memcmp(p, key, key_len) == 0 && p[key_len] == '=') {
            *ret_len = (size_t)(stop - p) - key_len - 1;
            return p + key_len + 1;
        }
        p = stop + 1;
    }
    *ret_len = 0;
    return "";
}

static bool has_module(const struct world *world, const char *name, size_t len)
{
    const char *p = world->modules.data;

    for (; p && *p; p += strcspn(p, "\n") + 1) {
        if (strcspn(p, "\n") == len && memcmp(p, name, len) == 0)
            return true;
    }
    return false;
}

bool world_has_module(const struct world *world, const char *name)
{
    return has_module(world, name, strlen(name));
}

void world_module(struct world *world, const char *path, const char *name, const char *needs, const char *number)
{
    _buf_ struct buf text = BUF_INIT(4096);

    (void)buf_printf(&text, MAGIC "name=%s\ndepends=%s\nnumber=%s\n", name, needs, number);
    world_write(world, path, text.data);
}

static bool has_needs(const struct world *world, const struct info *info)
{
    size_t len;

    for (const char *p = info_value(info, "depends", &len), *end = p + len; p < end;) {
        const char *comma = memchr(p, ',', (size_t)(end - p));
        const char *stop = comma ? comma : end;
        if (!has_module(world, p, (size_t)(stop - p)))
            return false;
        p = stop + 1;
    }
    return true;
}

/* The kernel only warns of parameters that it does not know. */
static bool params_are_valid(const struct info *info, const char *params)
{
    size_t len;
    const char *name = info_value(info, "number", &len);

    while (*params) {
        size_t word = strcspn(params, " ");
        char *end;
        if (len > 0 && word > len && memcmp(params, name, len) == 0 && params[len] == '=') {
            (void)strtoul(params + len + 1, &end, 0);
            if (end == params + len + 1 || end != params + word)
                return false;
        }
        params += word + strspn(params + word, " ");
    }
    return true;
}

static int read_file(int fd, struct info *info)
{
    struct file *file;

    int r = file_of(fd, &file);
    if (r < 0)
        return r;
    if ((file->flags & O_PATH) || (file->flags & O_ACCMODE) == O_WRONLY)
        return -EBADF;
    const struct inode *inode = file->inode;
    if (!inode || !S_ISREG(inode->mode))
        return -EINVAL;
    if (is_open_for_writing(current()->world, inode))
        return -ETXTBSY;
    if (inode_size(inode) == 0)
        return -EINVAL;
    size_t magic = strlen(MAGIC);
    if (inode->content.len < magic || memcmp(inode->content.data, MAGIC, magic) != 0)
        return -ENOEXEC;
    *info = (struct info){inode->content.data + magic, inode->content.len - magic};
    return 0;
}

static int load(int fd, const char *params, int flags)
{
    struct world *world = current()->world;
    struct info info;
    size_t len;

    if (!capable(CAP_SYS_MODULE))
        return -EPERM;
    if (flags & ~(MODULE_INIT_IGNORE_MODVERSIONS | MODULE_INIT_IGNORE_VERMAGIC))
        return flags & MODULE_INIT_COMPRESSED_FILE ? (unsupported("finit_module: compressed"), 0) : -EINVAL;
    int r = read_file(fd, &info);
    if (r < 0)
        return r;
    const char *name = info_value(&info, "name", &len);
    if (has_module(world, name, len))
        return -EEXIST;
    if (!has_needs(world, &info))
        return -ENOENT;
    if (!params_are_valid(&info, params))
        return -EINVAL;
    return buf_printf(&world->modules, "%.*s\n", (int)len, name);
}

int sys_finit_module(int fd, const char *params, int flags)
{
    CALL_ENTER(finit_module, "%d, \"%s\", 0x%x", fd, shown(params), flags);
    return (int)call_leave(load(fd, params, flags));
}
