/* SPDX-License-Identifier: Apache-2.0 */
/* Vsock within one machine: names, listening, what is refused. Connections between machines: sim_vsock_test.c. */
#include "mocks/tests/conform.h"

#include <linux/vm_sockets.h>

static int make(void)
{
    return sys_socket(AF_VSOCK, SOCK_STREAM | SOCK_NONBLOCK, 0);
}

static int bind_to(int fd, unsigned int cid, unsigned int port)
{
    struct sockaddr_vm vm = {.svm_family = AF_VSOCK, .svm_cid = cid, .svm_port = port};

    return sys_bind(fd, (struct sockaddr *)&vm, sizeof(vm));
}

static short poll_now(int fd)
{
    struct pollfd pollfd = {.fd = fd, .events = POLLIN | POLLOUT | POLLRDHUP};

    sys_poll(&pollfd, 1, 0);
    return pollfd.revents;
}

static long option(int fd, int name)
{
    int value = -1;
    socklen_t len = sizeof(value);

    int r = sys_getsockopt(fd, SOL_SOCKET, name, &value, &len);
    return r < 0 ? r : value;
}

CONFORM_CASE(vsock_arguments)
{
    static const struct {
        const char *label;
        int type, protocol, result;
    } rows[] = {
        {"stream", SOCK_STREAM, 0, 0},
        {"close-on-exec", SOCK_STREAM | SOCK_CLOEXEC, 0, 0},
        {"protocol of the family", SOCK_STREAM, PF_VSOCK, 0},
        {"other protocol", SOCK_STREAM, 1, -EPROTONOSUPPORT},
        {"raw", SOCK_RAW, 0, -ESOCKTNOSUPPORT},
        {"no such type", 7, 0, -ESOCKTNOSUPPORT},
    };

    FOR_CASES(row, rows)
    {
        int fd = sys_socket(AF_VSOCK, row->type, row->protocol);
        if (!expect(fd < 0 ? fd : 0, row->result) || fd < 0)
            continue;
        expect(option(fd, SO_DOMAIN), AF_VSOCK);
        expect(option(fd, SO_TYPE), SOCK_STREAM);
        expect(option(fd, SO_ACCEPTCONN), 0);
        expect(option(fd, SO_ERROR), 0);
        expect(sys_fcntl(fd, F_GETFD, 0), row->type & SOCK_CLOEXEC ? FD_CLOEXEC : 0);
    }
    int pair[2];
    expect(sys_socketpair(AF_VSOCK, SOCK_STREAM, 0, pair), -EOPNOTSUPP);
}

static long buffer_option(int fd, int name)
{
    uint64_t bytes = 0;
    socklen_t len = sizeof(bytes) + 1;

    int r = sys_getsockopt(fd, AF_VSOCK, name, &bytes, &len);
    expect(len, sizeof(bytes));
    return r < 0 ? r : (long)bytes;
}

CONFORM_CASE(the_buffer_of_a_vsock_stays_between_its_limits)
{
    static const struct {
        const char *label;
        int name;
        uint64_t bytes;
        long size, min, max;
    } rows[] = {
        {"smaller", SO_VM_SOCKETS_BUFFER_SIZE, 100000, 100000, 128, 262144},
        {"larger than the largest", SO_VM_SOCKETS_BUFFER_SIZE, 1048576, 262144, 128, 262144},
        {"a larger largest one alone", SO_VM_SOCKETS_BUFFER_MAX_SIZE, 2097152, 262144, 128, 2097152},
        {"and the size", SO_VM_SOCKETS_BUFFER_SIZE, 1048576, 1048576, 128, 2097152},
        {"smaller than the smallest", SO_VM_SOCKETS_BUFFER_SIZE, 1, 128, 128, 2097152},
        {"a larger smallest one", SO_VM_SOCKETS_BUFFER_MIN_SIZE, 4096, 4096, 4096, 2097152},
        {"a smaller largest one", SO_VM_SOCKETS_BUFFER_MAX_SIZE, 4097, 4096, 4096, 4097},
    };
    uint64_t bytes = 4096;
    socklen_t len = sizeof(bytes) - 1;

    int fd = make();
    FOR_CASES(row, rows)
    {
        expect(sys_setsockopt(fd, AF_VSOCK, row->name, &row->bytes, sizeof(row->bytes)), 0);
        expect(buffer_option(fd, SO_VM_SOCKETS_BUFFER_SIZE), row->size);
        expect(buffer_option(fd, SO_VM_SOCKETS_BUFFER_MIN_SIZE), row->min);
        expect(buffer_option(fd, SO_VM_SOCKETS_BUFFER_MAX_SIZE), row->max);
    }
    expect(sys_setsockopt(fd, AF_VSOCK, SO_VM_SOCKETS_BUFFER_SIZE, &bytes, sizeof(bytes) - 1), -EINVAL);
    expect(sys_getsockopt(fd, AF_VSOCK, SO_VM_SOCKETS_BUFFER_SIZE, &bytes, &len), -EINVAL);
}

CONFORM_CASE(vsock_names)
{
    static const struct {
        const char *label;
        unsigned int cid, port;
        int result;
    } rows[] = {
        {"any machine", VMADDR_CID_ANY, 25000, 0},
        {"the same port", VMADDR_CID_ANY, 25000, -EADDRINUSE},
        {"the next", VMADDR_CID_ANY, 25001, 0},
        {"reserved port", VMADDR_CID_ANY, 1000, 0},
        {"port zero", VMADDR_CID_ANY, 0, 0},
        {"another machine", 77, 25002, -EADDRNOTAVAIL},
        {"any port", VMADDR_CID_ANY, VMADDR_PORT_ANY, 0},
        {"any port again", VMADDR_CID_ANY, VMADDR_PORT_ANY, 0},
    };

    FOR_CASES(row, rows)
    {
        struct sockaddr_vm vm;
        socklen_t len = sizeof(vm);
        int fd = make();
        expect(bind_to(fd, row->cid, row->port), row->result);
        expect(sys_getsockname(fd, (struct sockaddr *)&vm, &len), 0);
        expect(len, sizeof(vm));
        expect(vm.svm_family, AF_VSOCK);
        if (row->result < 0)
            expect(vm.svm_port, VMADDR_PORT_ANY);
        else if (row->port != VMADDR_PORT_ANY)
            expect(vm.svm_port, row->port);
        else
            expect_true(vm.svm_port != VMADDR_PORT_ANY && vm.svm_port > 1023);
    }
}

CONFORM_CASE(bad_vsock_addresses)
{
    struct sockaddr_vm vm = {.svm_family = AF_VSOCK, .svm_cid = VMADDR_CID_ANY, .svm_port = 6000};
    int fd = make();

    expect(sys_bind(fd, (struct sockaddr *)&vm, sizeof(vm) - 1), -EINVAL);
    vm.svm_family = AF_UNIX;
    expect(sys_bind(fd, (struct sockaddr *)&vm, sizeof(vm)), -EINVAL);
    expect(sys_connect(fd, (struct sockaddr *)&vm, sizeof(vm)), -EINVAL);
    vm.svm_family = AF_VSOCK;
    vm.svm_flags = 0x80;
    expect(sys_bind(fd, (struct sockaddr *)&vm, sizeof(vm)), -EINVAL);
    vm.svm_flags = 0;
    expect(sys_bind(fd, (struct sockaddr *)&vm, sizeof(vm)), 0);
    expect(bind_to(fd, VMADDR_CID_ANY, 6001), -EINVAL);
    sys_close(fd);
    expect(bind_to(make(), VMADDR_CID_ANY, 6000), 0);
}

CONFORM_CASE(reserved_vsock_ports)
{
    expect(sys_setresuid(1000, 1000, 1000), 0);
    expect(bind_to(make(), VMADDR_CID_ANY, 1023), -EACCES);
    expect(bind_to(make(), VMADDR_CID_ANY, 1024), 0);
}

CONFORM_CASE(vsock_without_a_connection)
{
    struct sockaddr_vm vm;
    struct iovec iov = {&vm, 1};
    struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};
    socklen_t len = sizeof(vm);
    int fd = make();

    expect(poll_now(fd), POLLOUT);
    expect(sys_listen(fd, 5), -EINVAL);
    expect(sys_accept4(fd, NULL, NULL, 0), -EINVAL);
    expect(sys_getpeername(fd, (struct sockaddr *)&vm, &len), -ENOTCONN);
    expect(sys_shutdown(fd, SHUT_RDWR), -ENOTCONN);
    expect(sys_shutdown(fd, 3), -EINVAL);
    expect(sys_recvmsg(fd, &msg, 0), -ENOTCONN);
    expect(sys_sendmsg(fd, &msg, MSG_NOSIGNAL), -ENOTCONN);
    expect(sys_read(fd, &vm, 1), -ENOTCONN);
}

CONFORM_CASE(a_vsock_listener)
{
    struct sockaddr_vm vm;
    socklen_t len = sizeof(vm);
    int fd = make();

    expect(bind_to(fd, VMADDR_CID_ANY, 7000), 0);
    expect(sys_listen(fd, 1), 0);
    expect(sys_listen(fd, 5), 0);
    expect(option(fd, SO_ACCEPTCONN), 1);
    expect(poll_now(fd), 0);
    expect(sys_accept4(fd, NULL, NULL, 0), -EAGAIN);
    expect(sys_accept4(fd, NULL, NULL, O_APPEND), -EINVAL);
    expect(sys_getsockname(fd, (struct sockaddr *)&vm, &len), 0);
    expect(vm.svm_cid, VMADDR_CID_ANY);
    expect(vm.svm_port, 7000);
    vm.svm_cid = VMADDR_CID_HOST;
    expect(sys_connect(fd, (struct sockaddr *)&vm, sizeof(vm)), -EINVAL);
    expect(sys_shutdown(fd, SHUT_RDWR), -ENOTCONN);
}
