/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "control/mgmt_seat.h"
#include "base/secret.h"
#include "crypto/kdf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MS_NS 1000000ull
enum { WORDS_MAX = 8, LINES_MAX = 8192 };

/* ---- words ---- */

/* Splits in place; "..." and '...' keep blanks, a backslash outside of '...' takes the next character as it
 * is. The number of words, or -1: a quote is open, or there are too many. */
static int split(char *line, char **words)
{
    int n = 0;
    char *in = line, *out = line;
    for (;;) {
        in += strspn(in, " \t");
        if (!*in)
            return n;
        if (n == WORDS_MAX)
            return -1;
        words[n++] = out;
        char quote = 0;
        for (; *in && (quote || (*in != ' ' && *in != '\t')); in++) {
            if (quote ? *in == quote : *in == '"' || *in == '\'')
                quote = quote ? 0 : *in;
            else if (*in == '\\' && quote != '\'' && in[1])
                *out++ = *++in;
            else
                *out++ = *in;
        }
        if (quote)
            return -1;
        in += *in != 0;
        *out++ = 0;
    }
}

/* ---- lines ---- */

void mgmt_greet(struct mgmt *m, int seat)
{
    m->seats[seat].passed = true;
    mgmt_say(m, seat, ">INFO:OpenVPN Management Interface Version 5 -- type 'help' for more info");
    if (m->hold && !m->released)
        mgmt_say(m, seat, ">HOLD:Waiting for hold release:0");
    if (*m->wanted)
        mgmt_say(m, seat, ">PASSWORD:Need '%s' password", m->wanted);
    mgmt_questions_say(m, seat);
}

/* Digests are compared, so that neither length nor place of a difference shows in time. */
static void try_password(struct mgmt *m, int seat, const char *line)
{
    struct seat *s = &m->seats[seat];
    uint8_t hash[32];
    struct dbr_part part = {line, strlen(line)};
    dbr_sha256(&part, 1, hash);
    if (dbr_secret_equal(hash, m->password, sizeof hash)) {
        mgmt_say(m, seat, "SUCCESS: password is correct");
        mgmt_greet(m, seat);
        return;
    }
    mgmt_say(m, seat, "ERROR: bad password");
    if (++s->tries < MGMT_PASSWORD_TRIES)
        mgmt_put(s, "ENTER PASSWORD:", 15);
    else
        s->bye = "three wrong passwords";
}

static void collect(struct mgmt *m, int seat, const char *line)
{
    struct seat *s = &m->seats[seat];
    size_t n = strlen(line);
    if (strcmp(line, "END") == 0) {
        bool (*take)(struct mgmt *, const struct seat *) = s->collecting;
        s->collecting = NULL;
        if (s->lines)
            s->lines[s->n_lines] = 0;
        m->running = seat;
        bool good = !s->lines_lost && take(m, s);
        mgmt_say(m, seat, good ? "SUCCESS: %s command succeeded" : "ERROR: %s command failed", s->collects);
        mgmt_tell_after(m, seat);
        return;
    }
    if (!s->lines)
        s->lines = malloc(LINES_MAX);
    if (!s->lines || s->n_lines + n + 2 > LINES_MAX) {
        s->lines_lost = true;
        return;
    }
    memcpy(s->lines + s->n_lines, line, n);
    s->n_lines += n;
    s->lines[s->n_lines++] = '\n';
}

/* What a manager types reaches logs and other managers: no control characters. Passwords may be UTF-8. */
static bool printable(const char *line)
{
    for (const char *p = line; *p; p++)
        if (((unsigned char)*p < 0x20 && *p != '\t') || *p == 0x7f)
            return false;
    return true;
}

/* True if the command that begins this line must wait for figures. */
static bool must_wait(struct mgmt *m, struct seat *s, const char *line, uint64_t now_ns)
{
    char word[16] = "";
    sscanf(line, "%15s", word);
    if (!s->passed || s->collecting || !mgmt_shows_figures(m, word))
        return false;
    if (s->stalled_ns)
        return now_ns < s->stalled_ns;
    if (m->host.fresh(m->host.arg))
        return false;
    s->stalled_ns = now_ns + MGMT_PATIENCE_MS * MS_NS;
    return true;
}

static void run_line(struct mgmt *m, int seat, char *line)
{
    struct seat *s = &m->seats[seat];
    char *words[WORDS_MAX];
    if (!s->passed) {
        try_password(m, seat, line);
        return;
    }
    if (!printable(line)) {
        mgmt_say(m, seat, "ERROR: only printable characters are taken");
        s->lines_lost = true; /* what is without a line of it is not what was meant */
        return;
    }
    if (s->collecting) {
        collect(m, seat, line);
        return;
    }
    int n = split(line, words);
    if (n < 0)
        mgmt_say(m, seat, "ERROR: cannot split the command: check its quotes");
    else if (n)
        mgmt_run(m, seat, n, words);
}

static void take_out(struct seat *s, size_t n)
{
    memmove(s->in, s->in + n, s->n_in - n);
    s->n_in -= n;
    dbr_wipe(s->in + s->n_in, n); /* it may have been a password */
}

/* One line as a string: without its end, and with a NUL of the manager's as what it is, not printable. */
static void end_line(char *line, size_t n)
{
    for (size_t i = 0; i < n; i++)
        line[i] = line[i] ? line[i] : 1;
    line[n] = 0;
    if (n && line[n - 1] == '\r')
        line[n - 1] = 0;
}

/* A line that never ends: what is there goes, and so does its rest. */
static void skip(struct mgmt *m, int seat)
{
    struct seat *s = &m->seats[seat];
    if (!s->skipping)
        mgmt_say(m, seat, "ERROR: the line is too long");
    s->skipping = s->lines_lost = true;
    take_out(s, s->n_in);
}

void mgmt_run_all(struct mgmt *m, int seat, uint64_t now_ns)
{
    struct seat *s = &m->seats[seat];
    while (s->taken && !s->bye && !s->lost && s->n_out < MGMT_BACKLOG) {
        char line[MGMT_LINE_MAX];
        const char *end = memchr(s->in, '\n', s->n_in);
        size_t n = end ? (size_t)(end - s->in) : s->n_in;
        if (n >= sizeof line) {
            skip(m, seat);
            continue;
        }
        if (!end) {
            if (s->ended)
                s->bye = "";
            return;
        }
        memcpy(line, s->in, n);
        end_line(line, n);
        bool was_rest = s->skipping;
        if (!was_rest && must_wait(m, s, line, now_ns))
            return;
        s->stalled_ns = 0;
        s->skipping = false;
        take_out(s, n + 1);
        if (!was_rest)
            run_line(m, seat, line);
        dbr_wipe(line, sizeof line);
    }
}
