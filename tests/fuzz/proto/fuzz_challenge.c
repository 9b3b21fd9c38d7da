/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Challenges of a server: any text. What is read goes back out as an answer of bounded length.
 */
#include "proto/challenge.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define REQUIRE(x)                                                                                           \
    do {                                                                                                     \
        if (!(x))                                                                                            \
            abort();                                                                                         \
    } while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct dbr_challenge c;
    char out[1024], *text = malloc(size + 1);
    REQUIRE(text);
    memcpy(text, data, size);
    text[size] = 0;
    if (!dbr_challenge_parse(&c, text)) {
        int n = dbr_challenge_reply(&c, "12345", out, sizeof out);
        REQUIRE(n == (int)(strlen("CRV1::::12345") + strlen(c.state)) && strstr(text, c.text));
    }
    if (!dbr_challenge_parse_text(&c, text))
        REQUIRE(!*c.state && !*c.user && strlen(c.text) <= size);
    int n = dbr_challenge_static(text, "12345", out, sizeof out);
    REQUIRE(n < (int)sizeof out);
    free(text);
    return 0;
}
