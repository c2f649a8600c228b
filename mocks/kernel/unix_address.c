/* SPDX-License-Identifier: Apache-2.0 */
/* Names of unix sockets (unix(7)): paths, which are inodes of type socket, and abstract ones, which live in the network
 * namespace. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mocks/kernel/memory.h"
#include "mocks/kernel/unix.h"
#include "mocks/kernel/world.h"

#define PATH_OFFSET offsetof(struct sockaddr_un, sun_path)
#define AUTO_NAMES 0x100000

int unix_check_address(const struct address *address)
{
    if (address->len <= PATH_OFFSET || address->len > sizeof(struct sockaddr_un) || address->sa.sa_family != AF_UNIX)
        return -EINVAL;
    return 0;
}

static const struct sockaddr_un *sun_of(const struct address *address)
{
    return (const struct sockaddr_un *)(const void *)&address->storage;
}

static bool is_abstract(const struct address *address)
{
    return sun_of(address)->sun_path[0] == '\0';
}

/* The path as text: it need not be terminated. */
static void path_text(const struct address *address, char text[sizeof(struct sockaddr_un)])
{
    size_t len = address->len - PATH_OFFSET;

    memcpy(text, sun_of(address)->sun_path, len);
    text[len] = '\0';
}

/* ---- abstract names ---- */

/* In the world's list, which exists while it has entries. Each type of socket has its own names. */
static struct unix_name *abstract_find(const char *name, socklen_t len, int type)
{
    const struct task *task = current();
    const struct list *names = task->world->sockets;
    struct unix_name *entry;

    if (!names)
        return NULL;
    LIST_FOREACH (entry, names, link) {
        if (entry->net == task->namespaces.net && entry->owner->base.type == type && entry->len == len &&
            memcmp(&entry->sun, name, len) == 0)
            return entry;
    }
    return NULL;
}

static void abstract_add(struct unix_name *name)
{
    struct task *task = current();

    if (!task->world->sockets) {
        task->world->sockets = malloc(sizeof(struct list));
        list_init(task->world->sockets);
    }
    name->net = simple_namespace_ref(task->namespaces.net);
    list_append(task->world->sockets, &name->link);
}

static void abstract_remove(struct unix_name *name, struct world *world)
{
    list_remove(&name->link);
    simple_namespace_unref(name->net);
    name->net = NULL;
    if (list_is_empty(world->sockets)) {
        free(world->sockets);
        world->sockets = NULL;
    }
}

/* ---- bind ---- */

static struct unix_name *name_new(struct unix_socket *sk, const struct address *address)
{
    struct unix_name *name = zalloc(sizeof(*name));

    list_init(&name->link);
    name->refs = 1;
    name->owner = sk;
    name->len = address->len;
    memcpy(&name->sun, &address->storage, address->len);
    sk->name = name;
    return name;
}

static int bind_path(struct unix_socket *sk, const struct address *address)
{
    char text[sizeof(struct sockaddr_un) + 1];
    struct path path;

    path_text(address, text);
    int r = path_create(AT_FDCWD, text, S_IFSOCK | 0777, &path);
    if (r < 0)
        return r == -EEXIST ? -EADDRINUSE : r;

    struct unix_name *name = name_new(sk, address);
    size_t len = strlen(text);
    memset(name->sun.sun_path, 0, sizeof(name->sun.sun_path));
    memcpy(name->sun.sun_path, text, len);
    name->len = (socklen_t)(PATH_OFFSET + len + 1);
    name->path = path;
    path.dentry->inode->socket = sk;
    return 0;
}

static int bind_abstract(struct unix_socket *sk, const struct address *address)
{
    if (abstract_find((const char *)&address->storage, address->len, sk->base.type))
        return -EADDRINUSE;
    abstract_add(name_new(sk, address));
    return 0;
}

/* An address without a name asks for any free one: five hexadecimal digits. */
static int bind_any(struct unix_socket *sk)
{
    struct address address = {.len = PATH_OFFSET + 6};
    struct sockaddr_un *sun = (struct sockaddr_un *)(void *)&address.storage;

    sun->sun_family = AF_UNIX;
    do {
        unsigned int number = (unsigned int)(sim_random(task_sim(current())) % AUTO_NAMES);
        snprintf(sun->sun_path + 1, 6, "%05x", number);
    } while (abstract_find((const char *)sun, address.len, sk->base.type));
    return bind_abstract(sk, &address);
}

int unix_bind(struct socket *socket, const struct address *address)
{
    struct unix_socket *sk = unix_of(socket);

    if (address->len == PATH_OFFSET && address->sa.sa_family == AF_UNIX)
        return sk->name ? 0 : bind_any(sk);
    int r = unix_check_address(address);
    if (r < 0)
        return r;
    if (is_abstract(address))
        return sk->name ? -EINVAL : bind_abstract(sk, address);
    return sk->name ? -EINVAL : bind_path(sk, address);
}

/* ---- look-up ---- */

static int find_path(const struct address *address, struct unix_socket **ret_sk)
{
    char text[sizeof(struct sockaddr_un) + 1];
    struct path path;

    path_text(address, text);
    int r = path_walk(AT_FDCWD, text, WALK_FOLLOW, 0, &path, NULL);
    if (r < 0)
        return r;
    struct inode *inode = path.dentry->inode;
    r = inode_permission(inode, W_OK);
    if (r == 0 && (!S_ISSOCK(inode->mode) || !inode->socket))
        r = -ECONNREFUSED;
    if (r == 0)
        *ret_sk = unix_ref(inode->socket);
    path_unref(&path);
    return r;
}

int unix_find(const struct address *address, int type, struct unix_socket **ret_sk)
{
    struct unix_socket *sk = NULL;

    if (is_abstract(address)) {
        struct unix_name *name = abstract_find((const char *)&address->storage, address->len, type);
        if (!name)
            return -ECONNREFUSED;
        sk = unix_ref(name->owner);
    } else {
        int r = find_path(address, &sk);
        if (r < 0)
            return r;
    }
    if (sk->base.type != type) {
        unix_unref(sk);
        return -EPROTOTYPE;
    }
    *ret_sk = sk;
    return 0;
}

/* ---- the end of names ---- */

void unix_name_unref(struct unix_name *name)
{
    if (!name || --name->refs > 0)
        return;
    if (name->path.dentry)
        path_unref(&name->path);
    free(name);
}

void unix_name_release(struct unix_socket *sk)
{
    struct unix_name *name = sk->name;

    if (!name || name->owner != sk)
        return;
    name->owner = NULL;
    if (name->path.dentry)
        name->path.dentry->inode->socket = NULL;
    else
        abstract_remove(name, sk->world);
}

void unix_show_name(const struct unix_name *name, struct address *out)
{
    *out = (struct address){.len = PATH_OFFSET};
    out->sa.sa_family = AF_UNIX;
    if (!name)
        return;
    memcpy(&out->storage, &name->sun, name->len);
    out->len = name->len;
}
