/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "client-win/keystore/inline.h"
#include "client-win/keystore/why.h"

#include "base/base64.h"
#include "base/err.h"
#include "base/secret.h"
#include "conf/lex.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- the table: what is done with a directive ---- */

enum form {
    PEM,    /* a text with -----BEGIN */
    TEXT,   /* any text */
    BASE64, /* bytes */
    DROP,   /* the line goes, with a note */
    REFUSE, /* the profile cannot be taken */
};

static const struct rule {
    const char *keyword;
    enum form form;
    bool secret;
    bool optional; /* the name may be left out */
    const char *text;
} rules[] = {
    {"ca", PEM, false, false, NULL},
    {"cert", PEM, false, false, NULL},
    {"extra-certs", PEM, false, false, NULL},
    {"key", PEM, true, false, NULL},
    {"tls-auth", PEM, true, false, NULL},
    {"tls-crypt", PEM, true, false, NULL},
    {"tls-crypt-v2", PEM, true, false, NULL},
    {"crl-verify", PEM, false, false, NULL},
    {"pkcs12", BASE64, true, false, NULL},
    {"auth-user-pass", TEXT, true, true, NULL},
    {"askpass", DROP, true, true, "a passphrase in a file protects nothing: Drawbridge asks for it"},
    {"cd", DROP, false, false, "files are looked for beside the profile"},
    {"capath", REFUSE, false, false,
     "a folder cannot be part of a profile; put the certificates into one file: ca FILE"},
    {"config", REFUSE, false, false, "a profile is one file; put the lines of the other file here"},
};

static const struct rule *find_rule(const char *keyword)
{
    for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++)
        if (strcmp(rules[i].keyword, keyword) == 0)
            return &rules[i];
    return NULL;
}

/* ---- the text that grows ---- */

static int append(struct dbr_inlined *out, const void *p, size_t n)
{
    if (n >= DBR_PROFILE_MAX - out->len)
        return DBR_ERR_LIMIT;
    if (out->len + n >= out->cap) {
        size_t cap = 2 * (out->len + n) + 4096;
        char *text = malloc(cap);
        if (!text)
            return DBR_ERR_NOMEM;
        if (out->text) {
            memcpy(text, out->text, out->len);
            dbr_wipe(out->text, out->len);
        }
        free(out->text);
        out->text = text;
        out->cap = cap;
    }
    if (n)
        memcpy(out->text + out->len, p, n);
    out->len += n;
    out->text[out->len] = 0;
    return 0;
}

static int append_text(struct dbr_inlined *out, const char *text)
{
    return append(out, text, strlen(text));
}

/* <tag>, the bytes, a newline where they end without one, </tag> */
static int append_block(struct dbr_inlined *out, const char *tag, const void *p, size_t n)
{
    char line[64];
    snprintf(line, sizeof line, "<%s>\n", tag);
    int err = append_text(out, line);
    if (!err)
        err = append(out, p, n);
    if (!err && n && ((const char *)p)[n - 1] != '\n')
        err = append_text(out, "\n");
    snprintf(line, sizeof line, "</%s>\n", tag);
    return err ? err : append_text(out, line);
}

static int append_base64(struct dbr_inlined *out, const char *tag, const uint8_t *p, size_t n)
{
    size_t cap = n / 3 * 4 + n / 48 + 80;
    char *text = malloc(cap);
    long len = text ? dbr_base64_encode(p, n, text, cap) : DBR_ERR_NOMEM;
    int err = len < 0 ? (int)len : append_block(out, tag, text, (size_t)len);
    if (text)
        dbr_wipe(text, cap);
    free(text);
    return err;
}

void dbr_inlined_free(struct dbr_inlined *in)
{
    if (in->text)
        dbr_wipe(in->text, in->cap);
    free(in->text);
    *in = (struct dbr_inlined){0};
}

/* ---- what a file holds ---- */

static bool contains(const uint8_t *p, size_t n, const char *what)
{
    size_t w = strlen(what);
    for (size_t i = 0; i + w <= n; i++)
        if (memcmp(p + i, what, w) == 0)
            return true;
    return false;
}

/* A line that would end the block, behind which the file could give directives. */
static bool has_tag(const uint8_t *p, size_t n)
{
    bool start = true;
    for (size_t i = 0; i < n; i++) {
        if (start && p[i] == '<')
            return true;
        if (p[i] == '\n')
            start = true;
        else if (p[i] != ' ' && (p[i] < '\t' || p[i] > '\r'))
            start = false;
    }
    return false;
}

static bool is_utf16(const uint8_t *p, size_t n)
{
    return n > 1 && ((p[0] == 0xff && p[1] == 0xfe) || (p[0] == 0xfe && p[1] == 0xff));
}

static const char *refuse_content(enum form form, const uint8_t *p, size_t n)
{
    if (form == BASE64)
        return n > 4 && p[0] == 0x30 ? NULL : "is no PKCS#12 file; ask for it again";
    if (is_utf16(p, n))
        return "is in UTF-16; save it as UTF-8 text";
    if (form == PEM && n > 4 && p[0] == 0x30 && p[1] >= 0x80)
        return "is in DER form; it must be PEM, a text with -----BEGIN in it";
    if (memchr(p, 0, n))
        return "is no text; take the right file";
    if (has_tag(p, n))
        return "has a line that begins with '<'; take the right file";
    if (form == PEM && !contains(p, n, "-----BEGIN "))
        return "has no -----BEGIN in it, so that it is not PEM; take the right file";
    return NULL;
}

/* ---- one line after the other ---- */

struct work {
    struct dbr_inlined *out;
    const struct dbr_inline_io *io;
    const char *file;
    struct lex lex;
    struct lex_words words;
    char *why;
    size_t cap;
};

/* "FILE:LINE: directive: text" */
static int refuse_line(struct work *w, const char *keyword, const char *text)
{
    return keys_complain(DBR_ERR_CONFIG, w->why, w->cap, "%s:%u: %s: %s", w->file, w->lex.line, keyword,
                         text);
}

/* A comment stays in its place. */
static int leave_out(struct work *w, const struct rule *rule)
{
    char line[512];
    keys_complain(0, line, sizeof line, "%s:%u: %s: left out: %s", w->file, w->lex.line, rule->keyword,
                  rule->text);
    w->io->note(w->io->arg, line);
    snprintf(line, sizeof line, "# left out: %s\n", rule->keyword);
    return append_text(w->out, line);
}

static int remember_part(struct work *w, const char *keyword, const char *path, bool secret)
{
    struct dbr_inlined *out = w->out;
    if (out->n_parts == DBR_PARTS_MAX)
        return refuse_line(w, keyword, "the profile names too many files; put them into it");
    snprintf(out->parts[out->n_parts].path, DBR_SOURCE_PATH, "%s", path);
    out->parts[out->n_parts++].secret = secret;
    return 0;
}

static int read_part(struct work *w, const struct rule *rule, const char *path, uint8_t **p, size_t *n)
{
    char text[DBR_SOURCE_PATH + 128];
    int err = w->io->read(w->io->arg, path, DBR_PART_MAX, p, n);
    if (!err)
        return 0;
    if (err == DBR_ERR_NOMEM)
        return err;
    const char *what = "cannot be read; look at its rights";
    if (err == DBR_ERR_NOTFOUND)
        what = "is not there; put it beside the profile";
    else if (err == DBR_ERR_LIMIT)
        what = "is empty or longer than 700 KiB; take the right file";
    else if (err == DBR_ERR_UNSUPPORTED)
        what = "is on another computer; copy it to this one first";
    snprintf(text, sizeof text, "%s %s", path, what);
    return refuse_line(w, rule->keyword, text);
}

/* The direction of tls-auth stays in a line of its own; the block brings the key. */
static int append_direction(struct work *w)
{
    char line[64];
    const char *way = w->words.argc > 2 ? w->words.argv[2] : NULL;
    if (!way || strcmp(w->words.argv[0], "tls-auth") != 0)
        return 0;
    if (strcmp(way, "0") != 0 && strcmp(way, "1") != 0)
        return refuse_line(w, "tls-auth", "the direction is 0 or 1; a client has 1");
    snprintf(line, sizeof line, "tls-auth [inline] %s\n", way);
    return append_text(w->out, line);
}

static int put_content(struct work *w, const struct rule *rule, const char *path, const uint8_t *p, size_t n)
{
    char text[DBR_SOURCE_PATH + 128];
    size_t bom = rule->form != BASE64 && n >= 3 && memcmp(p, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;
    const char *bad =
        n > bom ? refuse_content(rule->form, p + bom, n - bom) : "is empty; take the right file";
    if (bad) {
        snprintf(text, sizeof text, "%s %s", path, bad);
        return refuse_line(w, rule->keyword, text);
    }
    int err = append_direction(w);
    if (err)
        return err;
    return rule->form == BASE64 ? append_base64(w->out, rule->keyword, p, n)
                                : append_block(w->out, rule->keyword, p + bom, n - bom);
}

static int take_file(struct work *w, const struct rule *rule, const char *name)
{
    char path[DBR_SOURCE_PATH], text[DBR_SOURCE_PATH + 128];
    uint8_t *p = NULL;
    size_t n = 0;
    if (dbr_source_join(w->file, name, path, text, sizeof text))
        return refuse_line(w, rule->keyword, text);
    int err = read_part(w, rule, path, &p, &n);
    if (!err)
        err = remember_part(w, rule->keyword, path, rule->secret);
    if (!err)
        err = put_content(w, rule, path, p, n);
    if (p)
        dbr_wipe(p, n);
    free(p);
    return err;
}

static bool is_folder_of_lists(const struct work *w)
{
    return w->words.argc > 2 && strcmp(w->words.argv[0], "crl-verify") == 0;
}

/* A line that has a rule, raw as it stands in the file. */
static int take_ruled(struct work *w, const struct rule *rule, const char *raw, size_t n)
{
    const char *name = w->words.argc > 1 ? w->words.argv[1] : NULL;
    if (rule->form == REFUSE)
        return refuse_line(w, rule->keyword, rule->text);
    if (rule->form == DROP && name)
        return leave_out(w, rule);
    if (!name && !rule->optional)
        return refuse_line(w, rule->keyword, "the name of the file is missing; write it behind");
    if (!name || rule->form == DROP || strcmp(name, "[inline]") == 0)
        return append(w->out, raw, n);
    if (is_folder_of_lists(w))
        return refuse_line(w, rule->keyword, "a folder cannot be part of a profile; write: crl-verify FILE");
    return take_file(w, rule, name);
}

/* <tag> alone: copied up to its end. */
static bool opens_block(const struct lex_words *words, char tag[64])
{
    const char *word = words->argv[0];
    size_t n = strlen(word);
    if (words->argc != 1 || n < 3 || n > 60 || word[0] != '<' || word[n - 1] != '>')
        return false;
    memcpy(tag, word + 1, n - 2);
    tag[n - 2] = 0;
    return true;
}

static int copy_lines(struct work *w, const char *from)
{
    size_t n = (size_t)(w->lex.p - from);
    int err = append(w->out, from, n);
    return !err && n && from[n - 1] != '\n' ? append_text(w->out, "\n") : err;
}

static int take_line(struct work *w, const char *before)
{
    char tag[64];
    const char *why = "", *text, *start = w->lex.p;
    size_t len;
    if (opens_block(&w->words, tag)) {
        if (lex_block(&w->lex, tag, &text, &len, &why))
            return refuse_line(w, tag, why);
        return copy_lines(w, before);
    }
    const struct rule *rule = find_rule(w->words.argv[0]);
    if (!rule)
        return copy_lines(w, before);
    if (start > before && start[-1] == '\n')
        start--;
    while (start > before && start[-1] != '\n')
        start--;
    int err = append(w->out, before, (size_t)(start - before)); /* comments and empty lines above it */
    if (!err)
        err = take_ruled(w, rule, start, (size_t)(w->lex.p - start));
    return !err && w->out->len && w->out->text[w->out->len - 1] != '\n' ? append_text(w->out, "\n") : err;
}

static int take_all(struct work *w)
{
    const char *why = "";
    int got = 0, err = 0;
    while (!err) {
        const char *before = w->lex.p;
        got = lex_next(&w->lex, &w->words, &why);
        if (got < 0)
            return keys_complain(DBR_ERR_CONFIG, w->why, w->cap, "%s:%u: %s", w->file, w->lex.line, why);
        err = got ? take_line(w, before) : copy_lines(w, before);
        if (!got)
            break;
    }
    return err;
}

static int end(struct dbr_inlined *out, int err, const char *file, char *why, size_t cap)
{
    if (err == DBR_ERR_LIMIT)
        return keys_complain(err, why, cap,
                             "%s: it is too long with its files (%d KiB at most); take the right file", file,
                             DBR_PROFILE_MAX >> 10);
    if (err == DBR_ERR_NOMEM)
        return keys_complain(err, why, cap, "%s: out of memory; close other programs", file);
    return err ? err : append(out, "", 0);
}

int dbr_inline(struct dbr_inlined *out, const char *file, const char *text, size_t len,
               const struct dbr_inline_io *io, char *why, size_t cap)
{
    struct work w = {.out = out, .io = io, .file = file, .why = why, .cap = cap};
    *out = (struct dbr_inlined){0};
    if (is_utf16((const uint8_t *)text, len))
        return keys_complain(DBR_ERR_CONFIG, why, cap, "%s: it is in UTF-16; save it as UTF-8 text", file);
    if (len && memchr(text, 0, len))
        return keys_complain(DBR_ERR_CONFIG, why, cap, "%s: it is no text; take the right file", file);
    lex_open(&w.lex, text, len);
    int err = append(out, text, (size_t)(w.lex.p - text)); /* a BOM */
    if (!err)
        err = take_all(&w);
    dbr_wipe(&w.words, sizeof w.words);
    return end(out, err, file, why, cap);
}

int dbr_inline_key(struct dbr_inlined *out, const char *file, const uint8_t *key, size_t n, char *why,
                   size_t cap)
{
    int err;
    *out = (struct dbr_inlined){0};
    const bool pem = contains(key, n, "-----BEGIN ");
    const char *bad = refuse_content(pem ? PEM : BASE64, key, n);
    if (!bad && pem && !contains(key, n, "PRIVATE KEY-----"))
        bad = "has no private key in it; take the right file";
    if (bad)
        return keys_complain(DBR_ERR_CONFIG, why, cap, "%s %s", file, bad);
    err = pem ? append_block(out, "key", key, n) : append_base64(out, "pkcs12", key, n);
    if (!err && pem && contains(key, n, "-----BEGIN CERTIFICATE-----"))
        err = append_block(out, "cert", key, n);
    return end(out, err, file, why, cap);
}
