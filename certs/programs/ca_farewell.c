/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "ca_farewell.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <time.h>

enum { HEAD_MAX = 1024 };

const char *http_date(int64_t unix_seconds, char out[40])
{
    struct tm tm;
    time_t v = (time_t)unix_seconds;
    gmtime_r(&v, &tm);
    strftime(out, 40, "%a, %d %b %Y %H:%M:%S GMT", &tm);
    return out;
}

struct head {
    char p[HEAD_MAX];
    size_t n;
    bool full;
};

static void add_line(struct head *h, const char *name, const char *value)
{
    int n = snprintf(h->p + h->n, sizeof h->p - h->n, "%s: %s\r\n", name, value);
    h->full |= n < 0 || (size_t)n >= sizeof h->p - h->n;
    if (!h->full)
        h->n += (size_t)n;
}

static enum MHD_Result add_header(void *head, enum MHD_ValueKind kind, const char *name, const char *value)
{
    (void)kind;
    add_line(head, name, value);
    return MHD_YES;
}

bool farewell_make(struct farewell *f, struct MHD_Response *r, const void *body, size_t n, int64_t now)
{
    struct head h = {.n = 0};
    char text[40];
    *f = (struct farewell){0};
    h.n = (size_t)snprintf(h.p, sizeof h.p, "HTTP/1.1 200 OK\r\n");
    add_line(&h, "Date", http_date(now, text));
    add_line(&h, "Connection", "close");
    MHD_get_response_headers(r, add_header, &h);
    snprintf(text, sizeof text, "%zu\r\n", n); /* and the empty line */
    add_line(&h, "Content-Length", text);
    char *p = h.full ? NULL : malloc(h.n + n);
    if (!p)
        return false;
    memcpy(p, h.p, h.n);
    memcpy(p + h.n, body, n);
    *f = (struct farewell){p, h.n + n};
    return true;
}

void farewell_free(struct farewell *f)
{
    free(f->p);
    *f = (struct farewell){0};
}

bool farewell_due(struct MHD_Connection *c, const char *version, const char *method)
{
    if (strcmp(method, "HEAD") == 0)
        return false;
    const char *wish = MHD_lookup_connection_value(c, MHD_HEADER_KIND, "Connection");
    if (wish)
        return strcasecmp(wish, "close") == 0;
    return strcmp(version, "HTTP/1.0") == 0;
}

bool farewell_say(const struct farewell *f, struct MHD_Connection *c)
{
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(c, MHD_CONNECTION_INFO_CONNECTION_FD);
    /* Less than the whole fits only where answers before it are not fetched yet: that client is cut short. */
    return f->p && info && send(info->connect_fd, f->p, f->n, MSG_MORE | MSG_DONTWAIT | MSG_NOSIGNAL) > 0;
}
