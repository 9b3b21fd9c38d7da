/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * OpenVPN's lexing rules: one directive per line, words apart by white space, '#' and ';' start a comment
 * where a word could start, "..." and '...' keep spaces, a backslash outside '...' escapes a backslash, a '"'
 * or a space and nothing else, a leading "--" is dropped, a UTF-8 BOM too. A line `<ca>` alone opens a block
 * that ends with a line that begins with `</ca>`. The text is borrowed; every size is bounded.
 *
 *     push "route 10.0.0.0 255.0.0.0"  # both sites      ->  push | route 10.0.0.0 255.0.0.0
 *     --up 'C:\up.cmd' a\ b                              ->  up | C:\up.cmd | a b
 */
#ifndef DBR_CONF_LEX_H
#define DBR_CONF_LEX_H

#include <stddef.h>

enum {
    LEX_LINE_MAX = 1024,        /* bytes of a line outside blocks (OpenVPN: 256) */
    LEX_ARGS_MAX = 16,          /* words of a line, the directive among them */
    LEX_BLOCK_MAX = 1024 << 10, /* bytes of an inline block */
    LEX_TEXT_MAX = 8192 << 10,  /* bytes of a file */
};

struct lex {
    const char *p, *end;
    unsigned line; /* of what was returned last, from 1 */
};

struct lex_words {
    size_t argc;
    char *argv[LEX_ARGS_MAX];              /* NUL-terminated, in buf */
    char buf[LEX_LINE_MAX + LEX_ARGS_MAX]; /* may not be moved: argv points into it */
};

/* Starts at the first line of len bytes; skips a BOM. */
void lex_open(struct lex *lex, const char *text, size_t len);

/* The next line with at least one word: 1; 0 at the end; -1 for a line that breaks a rule: *why says which
 * (static), the next call goes on behind it. */
int lex_next(struct lex *lex, struct lex_words *out, const char **why);

/* Splits one line of len bytes without newline: 1, 0 when it has no word, -1 as above. */
int lex_line(const char *line, size_t len, struct lex_words *out, const char **why);

/* The block `tag` (without the brackets) that the last line opened: *text and *len are its raw bytes, the
 * closing line is consumed. 0, or -1 when it never ends (everything left is consumed) or is too long; *why as
 * above. */
int lex_block(struct lex *lex, const char *tag, const char **text, size_t *len, const char **why);

#endif
