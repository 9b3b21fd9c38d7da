/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fetch/tag.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

enum { TOO_LONG = HTTP_LINE_MAX, HEX_LINE = 2 * TAG_ID + 1 };

/* ---- values ---- */

/* An entity-tag: W/ or nothing, then visible characters between quotes (RFC 9110, 8.8.3). */
static bool etag_ok(const char *v, size_t n)
{
    size_t at = n >= 2 && v[0] == 'W' && v[1] == '/' ? 2 : 0;
    if (n >= HTTP_ETAG_MAX || n < at + 2 || v[at] != '"' || v[n - 1] != '"')
        return false;
    for (size_t i = at + 1; i < n - 1; i++)
        if (v[i] <= ' ' || v[i] > '~' || v[i] == '"')
            return false;
    return true;
}

static bool date_ok(const char *v, size_t n)
{
    static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789 ,:+-";
    if (!n || n >= HTTP_DATE_MAX)
        return false;
    for (size_t i = 0; i < n; i++)
        if (!memchr(allowed, v[i], sizeof allowed - 1))
            return false;
    return true;
}

/* ---- the header ---- */

/* "HTTP/1.x NNN ..." */
static int status_of(const char *line, size_t n)
{
    int status = 0;
    if (n < 12 || memcmp(line, "HTTP/1.", 7) != 0 || line[8] != ' ' || (n > 12 && line[12] != ' '))
        return 0;
    for (size_t i = 9; i < 12; i++) {
        if (line[i] < '0' || line[i] > '9')
            return 0;
        status = status * 10 + (line[i] - '0');
    }
    return status;
}

static void take_field(struct http_head *h, const char *line, size_t n)
{
    const struct {
        const char *name;
        size_t len;
        bool (*ok)(const char *v, size_t n);
        char *to;
    } fields[] = {{"ETag:", 5, etag_ok, h->tag.etag}, {"Last-Modified:", 14, date_ok, h->tag.modified}};
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
        size_t at = fields[i].len, end = n;
        if (n < at || strncasecmp(line, fields[i].name, at) != 0 || *fields[i].to)
            continue;
        while (at < end && (line[at] == ' ' || line[at] == '\t'))
            at++;
        while (end > at && (line[end - 1] == ' ' || line[end - 1] == '\t'))
            end--;
        if (!fields[i].ok(line + at, end - at))
            continue;
        memcpy(fields[i].to, line + at, end - at);
        fields[i].to[end - at] = 0;
    }
}

static void take_line(struct http_head *h)
{
    size_t n = h->n;
    h->n = 0;
    if (n < TOO_LONG && n > 0 && h->line[n - 1] == '\r')
        n--;
    if (!h->begun)
        h->status = n < TOO_LONG ? status_of(h->line, n) : 0;
    else if (!n)
        h->done = true;
    else if (n < TOO_LONG)
        take_field(h, h->line, n);
    h->begun = true;
}

void http_head_feed(struct http_head *h, const void *bytes, size_t n)
{
    const char *p = bytes;
    for (size_t i = 0; i < n && !h->done; i++) {
        if (p[i] == '\n')
            take_line(h);
        else if (h->n < HTTP_LINE_MAX)
            h->line[h->n++] = p[i];
    }
}

/* ---- the disk ---- */

static void hex_of(char out[HEX_LINE], const uint8_t id[TAG_ID])
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < TAG_ID; i++) {
        out[2 * i] = digits[id[i] >> 4];
        out[2 * i + 1] = digits[id[i] & 15];
    }
    out[2 * TAG_ID] = '\n';
}

size_t tag_write(char out[TAG_TEXT_MAX], const uint8_t id[TAG_ID], const struct http_tag *tag)
{
    hex_of(out, id);
    int n = snprintf(out + HEX_LINE, TAG_TEXT_MAX - HEX_LINE, "%s\n%s\n", tag->etag, tag->modified);
    return HEX_LINE + (size_t)n;
}

/* The line at *at without its end, at most cap - 1 bytes; false if there is none. */
static bool next_line(char *out, size_t cap, const char **at, const char *end)
{
    const char *stop = *at < end ? memchr(*at, '\n', (size_t)(end - *at)) : NULL;
    if (!stop || (size_t)(stop - *at) >= cap)
        return false;
    memcpy(out, *at, (size_t)(stop - *at));
    out[stop - *at] = 0;
    *at = stop + 1;
    return true;
}

bool tag_read(struct http_tag *tag, const uint8_t id[TAG_ID], const void *text, size_t n)
{
    char own[HEX_LINE];
    const char *at = text, *end = at + n;
    struct http_tag t = {0};
    hex_of(own, id);
    *tag = t;
    if (n < HEX_LINE || memcmp(own, at, HEX_LINE) != 0)
        return false;
    at += HEX_LINE;
    if (!next_line(t.etag, sizeof t.etag, &at, end) || !next_line(t.modified, sizeof t.modified, &at, end) ||
        at != end)
        return false;
    size_t etag = strlen(t.etag), modified = strlen(t.modified);
    if ((etag && !etag_ok(t.etag, etag)) || (modified && !date_ok(t.modified, modified)))
        return false;
    *tag = t;
    return true;
}
