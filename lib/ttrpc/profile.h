/* SPDX-License-Identifier: Apache-2.0 */
/* The words of the two server profiles: codes and texts that clients of the reference implementations know. */
#pragma once
#include <stdbool.h>

#include "base/status.h"
#include "ttrpc/server.h"

/* A status text around one variable part: BEFORE part AFTER. */
struct profile_text {
    enum status_code code;
    const char *before;
    const char *after;
};

struct profile {
    bool explicit_ok;             /* a success carries an empty status */
    enum status_code oversize;    /* for a message that is too long, in either direction */
    const char *even_stream;      /* INVALID_ARGUMENT */
    const char *stream_inactive;  /* INVALID_ARGUMENT */
    const char *timeout;          /* DEADLINE_EXCEEDED */
    struct profile_text envelope; /* part: reason of the decoder */
    struct profile_text service;  /* part: name */
    struct profile_text method;   /* part: name */
    struct profile_text payload;  /* part: reason of the decoder */
    struct profile_text data;     /* part: reason why a DATA frame was refused */
    bool data_names_stream;       /* "Stream id N: " stands before that */
};

const struct profile *profile_get(enum ttrpc_profile which);
