/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The inliner on any profile and any file: the input up to a byte 0xff is the profile, the rest is what each
 * file holds. Whatever a file holds, it adds no directive: the parser finds the same directives in the result
 * as in the profile, less those that are left out. To make the result inline again changes nothing. The names
 * of profiles and files go along.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "client-win/keystore/inline.h"
#include "conf/lex.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct input {
    const uint8_t *data;
    size_t size;
};

static int read_file(void *arg, const char *path, size_t max, uint8_t **out, size_t *n)
{
    const struct input *in = arg;
    if (path[0] == '\\' || !in->size || in->size > max)
        return path[0] == '\\' ? abort(), 0 : DBR_ERR_LIMIT;
    *out = malloc(in->size);
    if (!*out)
        return DBR_ERR_NOMEM;
    memcpy(*out, in->data, in->size);
    *n = in->size;
    return 0;
}

static void note(void *arg, const char *line)
{
    (void)arg;
    for (; *line; line++)
        if ((unsigned char)*line < 0x20)
            abort();
}

static int is_block(const char *word)
{
    size_t n = strlen(word);
    return n > 2 && n <= 60 && word[0] == '<' && word[n - 1] == '>';
}

/* Directives of a text; of a block the one that opens it. Those that a file may bring (tls-auth twice, for
 * its direction) or that go are not counted. */
static size_t count_directives(const char *text, size_t len)
{
    static const char *const others[] = {"askpass", "cd", "tls-auth"};
    struct lex lex;
    struct lex_words words;
    const char *why, *block;
    size_t n = 0, block_len;
    lex_open(&lex, text, len);
    while (lex_next(&lex, &words, &why) == 1) {
        int skip = 0;
        for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
            skip |= strcmp(words.argv[0], others[i]) == 0 || strcmp(words.argv[0], "<tls-auth>") == 0;
        n += !skip;
        if (words.argc == 1 && is_block(words.argv[0])) {
            words.argv[0][strlen(words.argv[0]) - 1] = 0;
            if (lex_block(&lex, words.argv[0] + 1, &block, &block_len, &why))
                abort();
        }
    }
    return n;
}

static void again(const struct dbr_inlined *first, const struct dbr_inline_io *io)
{
    struct dbr_inlined second;
    char why[256] = "";
    if (dbr_inline(&second, "C:\\vpn\\a.ovpn", first->text, first->len, io, why, sizeof why) ||
        second.n_parts || second.len != first->len || memcmp(second.text, first->text, first->len) != 0)
        abort();
    dbr_inlined_free(&second);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t *cut = size ? memchr(data, 0xff, size) : NULL;
    size_t n = cut ? (size_t)(cut - data) : size;
    struct input file = {cut ? cut + 1 : data, cut ? size - n - 1 : 0};
    struct dbr_inline_io io = {read_file, note, &file};
    struct dbr_inlined in;
    char why[256] = "", id[DBR_PROFILE_ID], name[200];
    int err = dbr_inline(&in, "C:\\vpn\\a.ovpn", (const char *)data, n, &io, why, sizeof why);
    if (!err && count_directives(in.text, in.len) != count_directives((const char *)data, n))
        abort();
    if (!err)
        again(&in, &io);
    if (err && !*why)
        abort();
    dbr_inlined_free(&in);
    if (dbr_inline_key(&in, "a.p12", file.data, file.size, why, sizeof why) == 0 && !in.len)
        abort();
    dbr_inlined_free(&in);
    memcpy(name, data, n < sizeof name ? n : sizeof name - 1);
    name[n < sizeof name ? n : sizeof name - 1] = 0;
    if (dbr_profile_id_from(name, id, why, sizeof why) == 0 && dbr_profile_id_check(id, why, sizeof why))
        abort();
    return 0;
}
