/* SPDX-License-Identifier: Apache-2.0 */
#include "ttrpc/address.h"

#include <errno.h>
#include <limits.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

#include <linux/vm_sockets.h>

#include "base/macros.h"
#include "sys/fd.h"
#include "sys/sys.h"

#define LISTEN_BACKLOG 128
#define VSOCK_BUFFER (1024 * 1024)

/* ---- texts ---- */

/* A decimal number of digits only, up to max. */
static int parse_number(const char *text, size_t len, uint32_t max, uint32_t *ret_number)
{
    uint64_t number = 0;

    if (len == 0 || len > 10)
        return -EINVAL;
    for (size_t i = 0; i < len; i++) {
        if (text[i] < '0' || text[i] > '9')
            return -EINVAL;
        number = number * 10 + (uint64_t)(text[i] - '0');
    }
    if (number > max)
        return -EINVAL;
    *ret_number = (uint32_t)number;
    return 0;
}

static int parse_unix(const char *path, struct address *address)
{
    struct sockaddr_un *sa = (struct sockaddr_un *)&address->sa;
    const bool abstract = path[0] == '@';
    const size_t len = strlen(path);

    if (len < 2 || len >= sizeof(sa->sun_path) || (!abstract && path[0] != '/'))
        return -EINVAL;
    sa->sun_family = AF_UNIX;
    memcpy(sa->sun_path, path, len);
    if (abstract)
        sa->sun_path[0] = '\0';
    address->kind = ADDRESS_UNIX;
    /* The length is part of an abstract name; a path ends with its NUL. */
    address->len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len + (abstract ? 0 : 1));
    return 0;
}

static int parse_vsock(const char *text, struct address *address)
{
    struct sockaddr_vm *sa = (struct sockaddr_vm *)&address->sa;
    const char *colon = strchr(text, ':');
    uint32_t cid = VMADDR_CID_ANY, port;

    if (!colon || parse_number(colon + 1, strlen(colon + 1), UINT32_MAX, &port) < 0)
        return -EINVAL;
    const size_t len = (size_t)(colon - text);
    const bool any = len == 0 || (len == 2 && memcmp(text, "-1", 2) == 0);
    if (!any && parse_number(text, len, UINT32_MAX, &cid) < 0)
        return -EINVAL;
    sa->svm_family = AF_VSOCK;
    sa->svm_cid = cid;
    sa->svm_port = port;
    address->kind = ADDRESS_VSOCK;
    address->len = sizeof(*sa);
    return 0;
}

static int parse_fd(const char *text, struct address *address)
{
    uint32_t fd;

    if (parse_number(text, strlen(text), INT_MAX, &fd) < 0)
        return -EINVAL;
    address->kind = ADDRESS_FD;
    address->fd = (int)fd;
    return 0;
}

int address_parse(const char *text, struct address *ret_address, struct error *err)
{
    static const struct {
        const char *scheme;
        int (*parse)(const char *rest, struct address *address);
    } schemes[] = {
        {"unix://", parse_unix},
        {"vsock://", parse_vsock},
        {"fd://", parse_fd},
    };

    FOR_ROWS (row, schemes) {
        struct address address = {.fd = -1};
        const size_t len = strlen(row->scheme);

        if (strncmp(text, row->scheme, len) != 0)
            continue;
        if (row->parse(text + len, &address) < 0)
            break;
        *ret_address = address;
        return 0;
    }
    return error_status(err, STATUS_INVALID_ARGUMENT,
                        "address '%s' is not of the form unix://PATH, unix://@NAME, vsock://CID:PORT or fd://N", text);
}

/* ---- sockets ---- */

static const char *unix_path(const struct address *address)
{
    const struct sockaddr_un *sa = (const struct sockaddr_un *)&address->sa;

    return address->kind == ADDRESS_UNIX && sa->sun_path[0] == '/' ? sa->sun_path : NULL;
}

static const struct sockaddr *address_sa(const struct address *address)
{
    return (const struct sockaddr *)&address->sa;
}

/* The address as it is written, for errors. */
static int address_fail(struct error *err, int r, const char *what, const struct address *address)
{
    const struct sockaddr_un *un = (const struct sockaddr_un *)&address->sa;
    const struct sockaddr_vm *vm = (const struct sockaddr_vm *)&address->sa;
    const char *path = unix_path(address);

    if (address->kind == ADDRESS_VSOCK)
        return error_set(err, r, "%s vsock://%d:%u", what, (int)vm->svm_cid, vm->svm_port);
    if (path)
        return error_set(err, r, "%s unix://%s", what, path);
    const int len = (int)(address->len - offsetof(struct sockaddr_un, sun_path) - 1);
    return error_set(err, r, "%s unix://@%.*s", what, len, un->sun_path + 1);
}

static int address_socket(const struct address *address, struct error *err)
{
    int fd = sys_socket(address->sa.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

    return fd < 0 ? address_fail(err, fd, "create socket for", address) : fd;
}

/* A socket file that nobody listens on; connecting to other files is refused too, so that their type has to be looked at. */
static bool unix_is_stale(const struct address *address, const char *path)
{
    struct stat st;

    if (sys_fstatat(AT_FDCWD, path, &st, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISSOCK(st.st_mode))
        return false;
    _close_ int fd = address_socket(address, NULL);
    return fd >= 0 && sys_connect(fd, address_sa(address), address->len) == -ECONNREFUSED;
}

/* Binds with mode 0600 from the start. A socket file that nobody listens on is replaced. */
static int unix_bind(int fd, const struct address *address, const char *path)
{
    mode_t mask = sys_umask(0177);
    int r = sys_bind(fd, address_sa(address), address->len);

    if (r == -EADDRINUSE && unix_is_stale(address, path)) {
        r = sys_unlinkat(AT_FDCWD, path, 0);
        if (r == 0)
            r = sys_bind(fd, address_sa(address), address->len);
    }
    sys_umask(mask);
    return r;
}

static int check_listening(int fd, struct error *err)
{
    int listening = 0;
    socklen_t len = sizeof(listening);

    int r = sys_getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &len);
    if (r < 0)
        return error_set(err, r, "fd://%d", fd);
    if (!listening)
        return error_status(err, STATUS_INVALID_ARGUMENT, "fd://%d is not a listening socket", fd);
    return 0;
}

static int inherited_listener(int fd, struct error *err)
{
    int r = check_listening(fd, err);
    if (r < 0)
        return r;
    r = sys_fcntl(fd, F_SETFD, FD_CLOEXEC);
    if (r == 0)
        r = sys_fcntl(fd, F_SETFL, O_NONBLOCK);
    return r < 0 ? error_set(err, r, "fd://%d", fd) : fd;
}

/* Linux has no more bytes under way to the other side than its own buffer would hold. This much lets a large answer leave at
 * once; without it the connection only takes longer. */
static void raise_vsock_buffer(int fd)
{
    const uint64_t bytes = VSOCK_BUFFER;

    (void)sys_setsockopt(fd, AF_VSOCK, SO_VM_SOCKETS_BUFFER_MAX_SIZE, &bytes, sizeof(bytes));
    (void)sys_setsockopt(fd, AF_VSOCK, SO_VM_SOCKETS_BUFFER_SIZE, &bytes, sizeof(bytes));
}

int address_listen(const struct address *address, struct error *err)
{
    const char *path = unix_path(address);

    if (address->kind == ADDRESS_FD)
        return inherited_listener(address->fd, err);
    _close_ int fd = address_socket(address, err);
    if (fd < 0)
        return fd;

    if (address->kind == ADDRESS_VSOCK)
        raise_vsock_buffer(fd);
    int r = path ? unix_bind(fd, address, path) : sys_bind(fd, address_sa(address), address->len);
    if (r < 0)
        return address_fail(err, r, "bind", address);
    r = sys_listen(fd, LISTEN_BACKLOG);
    if (r == 0)
        r = sys_fcntl(fd, F_SETFL, O_NONBLOCK);
    return r < 0 ? address_fail(err, r, "listen on", address) : fd_take(&fd);
}

int address_connect(const struct address *address, struct error *err)
{
    if (address->kind == ADDRESS_FD)
        return error_status(err, STATUS_INVALID_ARGUMENT, "fd://%d cannot be connected to", address->fd);
    _close_ int fd = address_socket(address, err);
    if (fd < 0)
        return fd;

    int r = sys_connect(fd, address_sa(address), address->len);
    if (r == 0)
        r = sys_fcntl(fd, F_SETFL, O_NONBLOCK);
    return r < 0 ? address_fail(err, r, "connect to", address) : fd_take(&fd);
}
