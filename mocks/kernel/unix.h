/* SPDX-License-Identifier: Apache-2.0 */
/* Sockets between processes of one machine (unix(7)): shared by unix_socket.c (life), unix_queue.c (messages), unix_address.c
 * (names). */
#pragma once
#include <sys/un.h>

#include "mocks/kernel/scm.h"
#include "mocks/kernel/socket.h"

enum unix_state {
    UNIX_CLOSED,
    UNIX_LISTENING,
    UNIX_CONNECTED,
};

/* Who was on the other side when the connection was made. */
struct unix_credentials {
    struct task *task; /* counted; NULL: nobody */
    uid_t uid;         /* world ids */
    gid_t gid;
};

/* A name; an accepted socket shares it with the listener. */
struct unix_name {
    struct list link; /* abstract: among the names of the world */
    struct sockaddr_un sun;
    socklen_t len;
    struct path path;             /* of a name in the file system */
    struct unix_socket *owner;    /* that bound it; NULL after its end */
    struct simple_namespace *net; /* abstract: where it is known */
    unsigned int refs;
};

struct unix_packet {
    struct list link;
    struct unix_socket *sender; /* counted; cost is charged to it */
    size_t cost;
    struct scm_files files;
    size_t start, len; /* bytes that are left */
    char bytes[];
};

struct unix_socket {
    struct socket base;
    struct world *world;
    enum unix_state state;
    unsigned int shut; /* RECEIVE_SHUT, SEND_SHUT */
    bool dead;         /* closed for good; others still refer to it */
    struct unix_name *name;
    struct unix_socket *peer;       /* counted */
    struct unix_socket *connecting; /* counted: the listener whose queue a connect waits for */
    struct unix_credentials peer_credentials;
    struct list packets;
    struct list pending, pending_link; /* sockets that wait for accept */
    unsigned int n_pending, backlog;
    size_t charged; /* cost of what was sent and not yet received */
    unsigned int refs;
};

struct unix_socket *unix_of(const struct socket *socket);
struct unix_socket *unix_ref(struct unix_socket *sk);
void unix_unref(struct unix_socket *sk);

/* ---- unix_address.c ---- */

int unix_bind(struct socket *socket, const struct address *address);
/* The socket behind an address, counted. -ECONNREFUSED, or what the walk says. */
int unix_find(const struct address *address, int type, struct unix_socket **ret_sk);
/* Is it an address at all? 0 or -EINVAL. */
int unix_check_address(const struct address *address);
void unix_name_unref(struct unix_name *name);
/* The socket that bound it has gone: nobody finds it any more. */
void unix_name_release(struct unix_socket *sk);
void unix_show_name(const struct unix_name *name, struct address *out);

/* ---- unix_queue.c ---- */

ssize_t unix_send_stream(struct socket *socket, const struct msghdr *msg, int flags);
ssize_t unix_receive_stream(struct socket *socket, struct msghdr *msg, int flags);
ssize_t unix_send_packet(struct socket *socket, const struct msghdr *msg, int flags);
ssize_t unix_receive_packet(struct socket *socket, struct msghdr *msg, int flags);
size_t unix_available(const struct socket *socket);
bool unix_writable(const struct unix_socket *sk);
void unix_drop_packets(struct unix_socket *sk);
