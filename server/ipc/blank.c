/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "ipc/blank.h"
#include "base/secret.h"

#include <string.h>

static const char *const tags[] = {"key", "pkcs12"};
enum { TAGS = sizeof tags / sizeof tags[0], NONE = -1, PEM = TAGS };

static const char *find(const char *line, size_t n, const char *what)
{
    return memmem(line, n, what, strlen(what));
}

static void skip_space(const char **line, size_t *n)
{
    while (*n && (**line == ' ' || **line == '\t')) {
        ++*line;
        --*n;
    }
}

/* True if the line begins, behind white space, with head and tag and '>'. */
static bool begins(const char *line, size_t n, const char *head, const char *tag)
{
    size_t h = strlen(head), t = strlen(tag);
    skip_space(&line, &n);
    return n > h + t && memcmp(line, head, h) == 0 && memcmp(line + h, tag, t) == 0 && line[h + t] == '>';
}

/* Between the lines <TAG> and </TAG> of a configuration, behind this line. Only there is PEM; a comment that
 * speaks of it must not swallow directives. */
static bool inside(bool was, const char *line, size_t n)
{
    skip_space(&line, &n);
    if (n < 2 || *line != '<')
        return was;
    return line[1] != '/';
}

/* What begins with this line: a tag, PEM or NONE. */
static int opens(const char *line, size_t n, bool config, bool may_be_pem)
{
    const char *pem = may_be_pem ? find(line, n, "-----BEGIN ") : NULL;
    if (pem && find(pem, n - (size_t)(pem - line), "PRIVATE KEY-----"))
        return PEM;
    for (int i = 0; config && i < TAGS; i++)
        if (begins(line, n, "<", tags[i]))
            return i;
    return NONE;
}

/* An unfinished block of PEM ends with the block of the configuration that it is in. */
static bool ends_block(const char *line, size_t n, int in, bool config)
{
    if (in != PEM)
        return begins(line, n, "</", tags[in]);
    skip_space(&line, &n);
    return config && n > 2 && memcmp(line, "</", 2) == 0;
}

void dbr_blank_keys(char *text, size_t len, bool config)
{
    int in = NONE;
    bool block = false;
    for (size_t at = 0, n; at < len; at += n) {
        char *line = text + at, *end = memchr(line, '\n', len - at);
        n = end ? (size_t)(end - line) + 1 : len - at;
        const size_t body = end ? n - 1 : n;
        if (in != NONE && ends_block(line, body, in, config))
            in = NONE;
        bool was = in != NONE;
        if (!was)
            in = opens(line, body, config, block || !config);
        block = inside(block, line, body);
        if (!was && in != PEM)
            continue;
        bool last = in == PEM && find(line, body, "-----END ");
        dbr_wipe(line, body);
        memset(line, ' ', body);
        if (last)
            in = NONE;
    }
}
