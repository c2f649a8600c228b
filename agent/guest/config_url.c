/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/guest/config_url.h"

#include <stdlib.h>
#include <string.h>

struct url_scheme {
    const char *name;
    const char *default_port;
};

static const struct url_scheme web_schemes[] = {{"http", "80"}, {"https", "443"}};

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
}

/* Lower-cases the scheme in place. Its length, 0 if there is none. */
static size_t scheme_take(char *url)
{
    size_t len = strspn(url, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+-.");

    if (url[len] != ':' || lower(url[0]) < 'a' || lower(url[0]) > 'z')
        return 0;
    for (size_t i = 0; i < len; i++)
        url[i] = lower(url[i]);
    return len;
}

static const struct url_scheme *scheme_find(const char *url, size_t len)
{
    FOR_ROWS (scheme, web_schemes) {
        if (strlen(scheme->name) == len && memcmp(scheme->name, url, len) == 0)
            return scheme;
    }
    return NULL;
}

static const char *port_problem(const char *port)
{
    size_t len = strspn(port, "0123456789");

    return port[len] != '\0' || len > 5 || strtoul(port, NULL, 10) > 65535 ? "invalid port number" : NULL;
}

/* Splits "user@host:port" (NUL-terminated) in place: lower-cases the host and cuts off the port. NULL, or what is wrong. */
static const char *authority_take(char *authority, const char **ret_port)
{
    char *at = strrchr(authority, '@');
    char *host = at ? at + 1 : authority;
    char *host_end = *host == '[' ? strchr(host, ']') : NULL;

    if (*host == '[' && !host_end)
        return "invalid IPv6 address";
    char *colon = strchr(host_end ? host_end : host, ':');
    if (colon)
        *colon = '\0';
    if (*host == '\0')
        return "empty host";
    for (char *p = host; *p; p++)
        *p = lower(*p);
    *ret_port = colon ? colon + 1 : "";
    return port_problem(*ret_port);
}

const char *config_url_normalise(struct arena *a, const char *text, const char **ret_problem)
{
    char *url = arena_strdup(a, text);
    if (!url)
        return NULL;
    size_t scheme_len = scheme_take(url);
    if (scheme_len == 0) {
        *ret_problem = "relative URL without a base";
        return NULL;
    }
    const struct url_scheme *scheme = scheme_find(url, scheme_len);
    if (!scheme)
        return url;

    const char *start = url + scheme_len + 1;
    start += strspn(start, "/");
    size_t authority_len = strcspn(start, "/?#");
    char *authority = arena_strndup(a, start, authority_len);
    const char *port = "";
    if (!authority)
        return NULL;
    const char *problem = authority_take(authority, &port);
    if (problem) {
        *ret_problem = problem;
        return NULL;
    }
    const char *rest = start + authority_len;
    bool show_port = *port && strcmp(port, scheme->default_port) != 0;
    return arena_printf(a, "%s://%s%s%s%s%s", scheme->name, authority, show_port ? ":" : "", show_port ? port : "",
                        *rest == '/' ? "" : "/", rest);
}
