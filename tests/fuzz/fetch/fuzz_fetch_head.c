/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The header of a web server's answer. However it is cut into pieces, the same is picked out of it, and what
 * is picked can be shown to a server again as it is: no byte of it ends a line. What goes to the disk comes
 * back.
 */
#include "fetch/tag.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool good)
{
    if (!good)
        abort();
}

static void printable(const char *s, size_t cap)
{
    must(memchr(s, 0, cap) != NULL);
    for (; *s; s++)
        must(*s >= ' ' && *s <= '~');
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint8_t id[TAG_ID] = {7};
    struct http_head whole = {0}, pieces = {0};
    struct http_tag back;
    char text[TAG_TEXT_MAX];
    http_head_feed(&whole, data, size);
    for (size_t i = 0; i < size; i++)
        http_head_feed(&pieces, data + i, 1);
    must(whole.status == pieces.status && whole.done == pieces.done && whole.n == pieces.n);
    must(memcmp(&whole.tag, &pieces.tag, sizeof whole.tag) == 0);
    must(whole.status >= 0 && whole.status <= 999 && whole.n <= HTTP_LINE_MAX);
    printable(whole.tag.etag, sizeof whole.tag.etag);
    printable(whole.tag.modified, sizeof whole.tag.modified);
    size_t n = tag_write(text, id, &whole.tag);
    must(n < sizeof text && tag_read(&back, id, text, n));
    must(strcmp(back.etag, whole.tag.etag) == 0 && strcmp(back.modified, whole.tag.modified) == 0);
    tag_read(&back, id, data, size);
    return 0;
}
