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

/* True if the line begins, behind white space, with head and tag and '>'. */
static bool begins(const char *line, size_t n, const char *head, const char *tag)
{
    size_t h = strlen(head), t = strlen(tag);
    while (n && (*line == ' ' || *line == '\t')) {
        line++;
        n--;
    }
    return n > h + t && memcmp(line, head, h) == 0 && memcmp(line + h, tag, t) == 0 && line[h + t] == '>';
}

/* What begins with this line: a tag, PEM or NONE. */
static int opens(const char *line, size_t n, bool config)
{
    for (int i = 0; config && i < TAGS; i++)
        if (begins(line, n, "<", tags[i]))
            return i;
    const char *pem = find(line, n, "-----BEGIN ");
    return pem && find(pem, n - (size_t)(pem - line), "PRIVATE KEY-----") ? PEM : NONE;
}

/* An unfinished block of PEM ends with the block of the configuration that it is in. */
static bool ends_block(const char *line, size_t n, int in, bool config)
{
    if (in != PEM)
        return begins(line, n, "</", tags[in]);
    return config && n > 2 && find(line, n, "</");
}

void dbr_blank_keys(char *text, size_t len, bool config)
{
    int in = NONE;
    for (size_t at = 0, n; at < len; at += n) {
        char *line = text + at, *end = memchr(line, '\n', len - at);
        n = end ? (size_t)(end - line) + 1 : len - at;
        const size_t body = end ? n - 1 : n;
        if (in != NONE && ends_block(line, body, in, config)) {
            in = NONE;
            continue;
        }
        bool was = in != NONE;
        if (!was)
            in = opens(line, body, config);
        if (!was && in != PEM)
            continue;
        bool last = in == PEM && find(line, body, "-----END ");
        dbr_wipe(line, body);
        memset(line, ' ', body);
        if (last)
            in = NONE;
    }
}
