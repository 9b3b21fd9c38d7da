/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "conf/lex.h"

#include <stdbool.h>
#include <string.h>

enum state { BETWEEN, PLAIN, DOUBLE, SINGLE };

struct splitter {
    enum state state;
    bool escaped; /* a backslash came before */
    char *out;    /* next free byte of words->buf */
    struct lex_words *words;
    const char *why;
};

static bool is_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

void lex_open(struct lex *lex, const char *text, size_t len)
{
    static const char bom[3] = {'\xef', '\xbb', '\xbf'};
    lex->p = text ? text : "";
    lex->end = lex->p + len;
    lex->line = 0;
    if (len >= sizeof bom && memcmp(lex->p, bom, sizeof bom) == 0)
        lex->p += sizeof bom;
}

/* One raw line without its newline; false at the end. */
static bool raw_line(struct lex *lex, const char **line, size_t *len)
{
    if (lex->p == lex->end)
        return false;
    const char *nl = memchr(lex->p, '\n', (size_t)(lex->end - lex->p));
    const char *stop = nl ? nl : lex->end;
    *line = lex->p;
    *len = (size_t)(stop - lex->p);
    lex->p = nl ? nl + 1 : lex->end;
    lex->line++;
    return true;
}

static bool begin_word(struct splitter *s)
{
    if (s->words->argc == LEX_ARGS_MAX) {
        s->why = "too many words on one line (16 at most); split it";
        return false;
    }
    s->words->argv[s->words->argc++] = s->out;
    return true;
}

static void end_word(struct splitter *s)
{
    *s->out++ = 0;
    s->state = BETWEEN;
}

/* Between two words; false when the rest of the line is a comment or the word is one too many. */
static bool take_between(struct splitter *s, char c)
{
    if (is_space(c) && !s->escaped)
        return true;
    if (!s->escaped && (c == '#' || c == ';'))
        return false;
    if (!begin_word(s))
        return false;
    s->state = s->escaped ? PLAIN : c == '"' ? DOUBLE : c == '\'' ? SINGLE : PLAIN;
    if (s->state == PLAIN)
        *s->out++ = c;
    return true;
}

/* One byte behind the escape rule; false ends the line. */
static bool take(struct splitter *s, char c)
{
    switch (s->state) {
    case BETWEEN: return take_between(s, c);
    case PLAIN:
        if (is_space(c) && !s->escaped)
            end_word(s);
        else
            *s->out++ = c;
        return true;
    case DOUBLE:
        if (c == '"' && !s->escaped)
            end_word(s);
        else
            *s->out++ = c;
        return true;
    case SINGLE:
        if (c == '\'')
            end_word(s);
        else
            *s->out++ = c;
        return true;
    }
    return true;
}

static void split(struct splitter *s, const char *line, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        char c = line[i];
        if (c == '\\' && !s->escaped && s->state != SINGLE) {
            s->escaped = true;
            continue;
        }
        if (s->escaped && c != '\\' && c != '"' && !is_space(c)) {
            s->why = "a backslash escapes only '\\', '\"' and a space; write \\\\ for one backslash";
            return;
        }
        if (!take(s, c))
            return;
        s->escaped = false;
    }
    if (s->escaped)
        s->why = "a backslash ends the line; write \\\\ for one backslash";
    else if (s->state == DOUBLE)
        s->why = "the closing \" is missing; end the word with \"";
    else if (s->state == SINGLE)
        s->why = "the closing ' is missing; end the word with '";
    else if (s->state == PLAIN)
        end_word(s);
}

int lex_line(const char *line, size_t len, struct lex_words *out, const char **why)
{
    struct splitter s = {.state = BETWEEN, .out = out->buf, .words = out};
    out->argc = 0;
    if (len && line[len - 1] == '\r')
        len--;
    if (len > LEX_LINE_MAX)
        s.why = "the line is too long (1024 bytes at most); split it";
    else
        split(&s, line, len);
    if (s.why) {
        *why = s.why;
        return -1;
    }
    return out->argc > 0;
}

int lex_next(struct lex *lex, struct lex_words *out, const char **why)
{
    const char *line;
    size_t len;
    while (raw_line(lex, &line, &len)) {
        int got = lex_line(line, len, out, why);
        if (got == 0)
            continue;
        if (got == 1 && strlen(out->argv[0]) > 2 && strncmp(out->argv[0], "--", 2) == 0)
            out->argv[0] += 2;
        return got;
    }
    return 0;
}

/* True if the line begins, behind white space, with </tag>. */
static bool closes(const char *line, size_t len, const char *tag)
{
    size_t n = strlen(tag);
    while (len && is_space(*line)) {
        line++;
        len--;
    }
    return len >= n + 3 && line[0] == '<' && line[1] == '/' && memcmp(line + 2, tag, n) == 0 &&
           line[n + 2] == '>';
}

int lex_block(struct lex *lex, const char *tag, const char **text, size_t *len, const char **why)
{
    const char *start = lex->p, *line;
    size_t n;
    while (raw_line(lex, &line, &n)) {
        if (!closes(line, n, tag))
            continue;
        *text = start;
        *len = (size_t)(line - start);
        if (*len <= LEX_BLOCK_MAX)
            return 0;
        *why = "the inline block is too long (1 MiB at most); put it into a file";
        return -1;
    }
    *why = "the inline block never ends; close it with a line of the same name and a '/'";
    return -1;
}
