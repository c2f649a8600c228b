/* SPDX-License-Identifier: Apache-2.0 */
/* A container's program that sends MIB MiB in writes of SIZE bytes:
 *
 *     stream SIZE MIB             to standard output
 *     stream SIZE MIB PORT        to that vsock port of the host, with nothing between
 *     stream SIZE MIB PORT copy   to a pipe as large as a container's, from which another process copies it to the port */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <linux/vm_sockets.h>

#define MIB (1024 * 1024)
#define PIPE_BYTES MIB

static char chunk[MIB];

__attribute__((noreturn)) static void die(const char *what)
{
    perror(what);
    exit(1);
}

static void write_all(int fd, size_t len)
{
    for (size_t done = 0; done < len;) {
        ssize_t n = write(fd, chunk + done, len - done);
        if (n < 0)
            die("write");
        done += (size_t)n;
    }
}

static void send_all(int fd, size_t size, size_t bytes)
{
    for (; bytes >= size; bytes -= size)
        write_all(fd, size);
    write_all(fd, bytes);
}

static int connect_host(unsigned int port)
{
    const struct sockaddr_vm address = {.svm_family = AF_VSOCK, .svm_cid = VMADDR_CID_HOST, .svm_port = port};

    int fd = socket(AF_VSOCK, SOCK_STREAM, 0);
    if (fd < 0 || connect(fd, (const struct sockaddr *)&address, sizeof(address)) < 0)
        die("connect to the host");
    return fd;
}

static void copy(int to, size_t size, size_t bytes)
{
    int fds[2];
    ssize_t n;

    if (pipe(fds) < 0 || fcntl(fds[1], F_SETPIPE_SZ, PIPE_BYTES) < 0)
        die("pipe");
    pid_t pid = fork();
    if (pid < 0)
        die("fork");
    if (pid == 0) {
        send_all(fds[1], size, bytes);
        _exit(0);
    }
    close(fds[1]);
    while ((n = read(fds[0], chunk, sizeof(chunk))) > 0)
        write_all(to, (size_t)n);
}

int main(int argc, char **argv)
{
    const size_t size = argc > 2 ? strtoul(argv[1], NULL, 10) : 0;

    if (argc > 5 || size == 0 || size > sizeof(chunk)) {
        fprintf(stderr, "usage: stream SIZE MIB [PORT [copy]]\n");
        return 2;
    }
    const size_t bytes = strtoul(argv[2], NULL, 10) * MIB;
    const int fd = argc > 3 ? connect_host((unsigned int)strtoul(argv[3], NULL, 10)) : STDOUT_FILENO;
    if (argc == 5)
        copy(fd, size, bytes);
    else
        send_all(fd, size, bytes);
    return 0;
}
