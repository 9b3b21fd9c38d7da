/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "certs/caconf.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "certs/keys.h"
#include "certs/pass.h"
#include "certs/say.h"

enum kind { WORD, SPAN, LIFE, CONCENTRATOR, GATE_LIST };
enum { LIFE_MIN_S = 60 };

static bool path_ok(const char *s)
{
    const char *slash = strchr(s, '/');
    return *s && *s != '/' && !strstr(s, "..") && (!slash || (slash[1] && !strchr(slash + 1, '/')));
}

static bool serials_ok(const char *s)
{
    return strcmp(s, "random") == 0 || strcmp(s, "sequential") == 0;
}

static bool subject_ok(const char *s)
{
    return !*s || (*s == '/' && strchr(s, '=') && !strstr(s, "/CN="));
}

static bool url_or_nothing(const char *s)
{
    return !*s || dbr_url_ok(s);
}

/* "7" is seven seconds, and nobody means that. */
static bool life_ok(const char *s)
{
    int64_t v;
    return dbr_span_parse(s, &v) && v >= LIFE_MIN_S;
}

static bool anything(const char *s)
{
    (void)s;
    return true;
}

#define AT(field) offsetof(struct dbr_ca_conf, field), sizeof((struct dbr_ca_conf *)0)->field

/* The table of directives: parser, defaults and the file with its explanations come from it. */
static const struct directive {
    const char *keyword;
    enum kind kind;
    size_t offset, size;
    bool (*ok)(const char *value);
    const char *initial;
    const char *help;
} directives[] = {
    {"ca-cert", WORD, AT(ca_cert), path_ok, "ca.crt", "the CA's certificate"},
    {"ca-key", WORD, AT(ca_key), path_ok, "private/ca.key", "the CA's private key"},
    {"newcerts", WORD, AT(newcerts), path_ok, "newcerts", "every certificate by serial number"},
    {"issued", WORD, AT(issued), path_ok, "issued", "the newest certificate of each name"},
    {"private", WORD, AT(private_dir), path_ok, "private", "private keys"},
    {"requests", WORD, AT(requests), path_ok, "reqs", "certificate requests that were signed"},
    {"chain", WORD, AT(chain), anything, "", "certificates above this CA, if it is not a root"},
    {"key-type", WORD, AT(key_type), dbr_key_type_known, "P-256",
     "P-256, P-384, ed25519, rsa:2048, rsa:3072 or rsa:4096. P-256 is quick and every OpenVPN since 2.4 "
     "takes it"},
    {"serials", WORD, AT(serials), serials_ok, "random", "random (128 bits) or sequential (the file serial)"},
    {"passphrase-policy", WORD, AT(policy), dbr_pass_policy_known, "strong",
     "for client keys: strong, symbol+letters+digits (7 characters like #aaaa11), or none"},
    {"subject", WORD, AT(subject), subject_ok, "",
     "what stands before the common name, e.g. /C=FR/O=Example"},
    {"crl-url", WORD, AT(crl_url), url_or_nothing, "",
     "where concentrators find the CRL; goes into certificates"},
    {"ocsp-url", WORD, AT(ocsp_url), url_or_nothing, "",
     "where they find the OCSP responder; goes into certificates"},
    {"publish", WORD, AT(publish), anything, "", "folder of a web server that gets every new CRL"},
    {"remote", WORD, AT(remote), anything, "", "host and port written into exported profiles"},
    {"crl-life", SPAN, AT(crl_life_s), life_ok, "7d",
     "a CRL is valid for so long, a minute at least; make a new one every hour"},
    {"backdate", SPAN, AT(backdate_s), NULL, "5m",
     "certificates and CRLs begin so long ago, for clocks that are late"},
    {"life", LIFE, 0, 0, NULL, NULL, "life of new certificates of one profile: life client 825d"},
    {"concentrator", CONCENTRATOR, 0, 0, NULL, NULL,
     "told of each new CRL (DER on standard input):\n"
     "#   concentrator paris ssh -T -o BatchMode=yes crl@vpn.example.com drawbridge-ctl crl-push"},
    {"gate-list", GATE_LIST, 0, 0, NULL, NULL,
     "told with it which gate keys of clients are withdrawn (the list on standard input):\n"
     "#   gate-list paris ssh -T -o BatchMode=yes root@vpn.example.com drawbridge-ctl gate-list "
     "/etc/drawbridge/gatev2-withdrawn.list"},
};
enum { DIRECTIVES = sizeof directives / sizeof directives[0] };

/* --- values
 * --------------------------------------------------------------------------------------------------- */

static const struct {
    char unit;
    int64_t seconds;
} units[] = {{'y', 365 * 86400}, {'w', 7 * 86400}, {'d', 86400}, {'h', 3600}, {'m', 60}, {'s', 1}};

bool dbr_span_parse(const char *s, int64_t *seconds)
{
    int64_t v = 0, factor = 1;
    size_t n = strspn(s, "0123456789");
    if (n == 0 || n > 10)
        return false;
    for (size_t i = 0; i < n; i++)
        v = v * 10 + (s[i] - '0');
    if (s[n]) {
        size_t u = 0;
        while (u < sizeof units / sizeof units[0] && units[u].unit != s[n])
            u++;
        if (u == sizeof units / sizeof units[0] || s[n + 1])
            return false;
        factor = units[u].seconds;
    }
    *seconds = v * factor;
    return *seconds <= 36500LL * 86400;
}

const char *dbr_span_text(int64_t seconds, char out[24])
{
    for (size_t u = 2; u < sizeof units / sizeof units[0]; u++)
        if (seconds % units[u].seconds == 0) {
            snprintf(out, 24, "%" PRId64 "%c", seconds / units[u].seconds, units[u].unit);
            return out;
        }
    return out;
}

bool dbr_url_ok(const char *s)
{
    static const char allowed[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.:/_~?=&%+-[]";
    size_t scheme = strncmp(s, "http://", 7) == 0 ? 7 : strncmp(s, "https://", 8) == 0 ? 8 : 0;
    return scheme && s[scheme] && s[strspn(s, allowed)] == 0 && strlen(s) < DBR_CA_WORD;
}

int dbr_name_check(const char *name, char *why, size_t cap)
{
    size_t n = strlen(name);
    size_t good = strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._@-");
    if (n == 0 || n > 64 || good != n || !isalnum((unsigned char)name[0]))
        return dbr_say(DBR_ERR_CONFIG, why, cap,
                       "\"%s\" cannot be a name: 1 to 64 letters, digits and ._@-, a letter or digit first",
                       name);
    if (strcmp(name, "ca") == 0 || strcmp(name, "cakey") == 0 || strncmp(name, "gate", 4) == 0)
        return dbr_say(DBR_ERR_CONFIG, why, cap, "the name \"%s\" is taken by the CA's own files", name);
    return 0;
}

/* --- parsing
 * -------------------------------------------------------------------------------------------------- */

struct words {
    char text[2048]; /* the words, a NUL after each */
    char *at[DBR_CA_ARGV + 4];
    size_t n;
};

/* Takes one word; false: an open quote, or a quote inside a word (there is no way to write one). */
static bool next_word(const char **p, const char *end, char **to)
{
    bool quoted = **p == '"';
    *p += quoted;
    while (*p < end && **p != '"' && (quoted || !isspace((unsigned char)**p)))
        *(*to)++ = *(*p)++;
    bool closed = *p < end && **p == '"';
    *p += quoted && closed;
    *(*to)++ = 0;
    return closed == quoted && (*p == end || isspace((unsigned char)**p));
}

static bool split_words(const char *p, size_t len, struct words *w)
{
    const char *end = p + len;
    char *to = w->text;
    w->n = 0;
    if (len >= sizeof w->text || memchr(p, 0, len))
        return false;
    for (;;) {
        while (p < end && isspace((unsigned char)*p))
            p++;
        if (p == end || *p == '#')
            return true;
        if (w->n == sizeof w->at / sizeof w->at[0])
            return false;
        w->at[w->n++] = to;
        if (!next_word(&p, end, &to))
            return false;
    }
}

static bool take_word(struct dbr_ca_conf *c, const struct directive *d, const struct words *w)
{
    if (w->n != 2 || strlen(w->at[1]) >= d->size || !d->ok(w->at[1]))
        return false;
    strcpy((char *)c + d->offset, w->at[1]);
    return true;
}

static bool take_span(struct dbr_ca_conf *c, const struct directive *d, const struct words *w)
{
    int64_t v;
    if (w->n != 2 || !dbr_span_parse(w->at[1], &v) || (d->ok && !d->ok(w->at[1])))
        return false;
    memcpy((char *)c + d->offset, &v, sizeof v);
    return true;
}

static bool take_life(struct dbr_ca_conf *c, const struct directive *d, const struct words *w)
{
    int64_t v;
    int id = w->n == 3 ? dbr_profile_find(w->at[1]) : -1;
    (void)d;
    if (id < 0 || !dbr_span_parse(w->at[2], &v) || v < LIFE_MIN_S)
        return false;
    c->life_s[id] = v;
    return true;
}

static bool take_concentrator(struct dbr_ca_conf *c, const struct directive *d, const struct words *w)
{
    size_t *count = d->kind == GATE_LIST ? &c->n_gate_lists : &c->n_concentrators;
    if (w->n < 3 || w->n > DBR_CA_ARGV + 2 || *count == DBR_CA_CONCENTRATORS)
        return false;
    struct dbr_concentrator *k = &(d->kind == GATE_LIST ? c->gate_lists : c->concentrators)[*count];
    size_t at = 0;
    if (strlen(w->at[1]) >= sizeof k->name)
        return false;
    strcpy(k->name, w->at[1]);
    for (k->argc = 0; (size_t)k->argc + 2 < w->n; k->argc++) {
        const char *word = w->at[k->argc + 2];
        size_t n = strlen(word) + 1;
        if (at + n > sizeof k->words)
            return false;
        memcpy(k->words + at, word, n);
        k->at[k->argc] = (uint16_t)at;
        at += n;
    }
    ++*count;
    return true;
}

static bool (*const takers[])(struct dbr_ca_conf *, const struct directive *,
                              const struct words *) = {[WORD] = take_word,
                                                       [SPAN] = take_span,
                                                       [LIFE] = take_life,
                                                       [CONCENTRATOR] = take_concentrator,
                                                       [GATE_LIST] = take_concentrator};

static int parse_line(struct dbr_ca_conf *c, const char *p, size_t len, size_t line, char *why, size_t cap)
{
    struct words w;
    if (!split_words(p, len, &w))
        return dbr_say(DBR_ERR_CONFIG, why, cap,
                       "drawbridge-ca.conf, line %zu: a quote that does not fit, or too long", line);
    for (size_t i = 0; w.n && i < DIRECTIVES; i++) {
        if (strcmp(directives[i].keyword, w.at[0]) != 0)
            continue;
        if (takers[directives[i].kind](c, &directives[i], &w))
            return 0;
        return dbr_say(DBR_ERR_CONFIG, why, cap, "drawbridge-ca.conf, line %zu: bad value of %s (%s)", line,
                       w.at[0], directives[i].help);
    }
    if (w.n == 0)
        return 0;
    return dbr_say(DBR_ERR_CONFIG, why, cap, "drawbridge-ca.conf, line %zu: unknown directive %.64s", line,
                   w.at[0]);
}

int dbr_ca_conf_parse(struct dbr_ca_conf *c, const char *text, size_t len, char *why, size_t cap)
{
    int err = 0;
    size_t line = 0;
    for (size_t at = 0; at < len && !err;) {
        const char *nl = memchr(text + at, '\n', len - at);
        size_t n = nl ? (size_t)(nl - (text + at)) : len - at;
        err = parse_line(c, text + at, n, ++line, why, cap);
        at += n + 1;
    }
    return err;
}

void dbr_ca_conf_init(struct dbr_ca_conf *c)
{
    memset(c, 0, sizeof *c);
    for (size_t i = 0; i < DIRECTIVES; i++) {
        const struct directive *d = &directives[i];
        int64_t v;
        if (d->kind == WORD)
            strcpy((char *)c + d->offset, d->initial);
        else if (d->kind == SPAN && dbr_span_parse(d->initial, &v))
            memcpy((char *)c + d->offset, &v, sizeof v);
    }
    for (int i = 0; i < DBR_PROFILES; i++)
        c->life_s[i] = dbr_profile(i)->days * 86400LL;
}

/* --- writing
 * -------------------------------------------------------------------------------------------------- */

static void write_word(FILE *f, const char *s)
{
    bool quote = !*s || *s == '#';
    for (const char *p = s; *p; p++)
        quote |= isspace((unsigned char)*p) != 0;
    fprintf(f, quote ? " \"%s\"" : " %s", s);
}

static void write_commands(FILE *f, const char *keyword, const struct dbr_concentrator *v, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        fputs(keyword, f);
        write_word(f, v[i].name);
        for (int k = 0; k < v[i].argc; k++)
            write_word(f, v[i].words + v[i].at[k]);
        fputc('\n', f);
    }
}

static void write_directive(FILE *f, const struct dbr_ca_conf *c, const struct directive *d)
{
    const char *base = (const char *)c + d->offset;
    char span[24];
    int64_t v;
    fprintf(f, "\n# %s\n", d->help);
    if (d->kind == WORD && !*base)
        fprintf(f, "# %s ...\n", d->keyword);
    if (d->kind == WORD && *base) {
        fputs(d->keyword, f);
        write_word(f, base);
        fputc('\n', f);
    }
    if (d->kind == SPAN) {
        memcpy(&v, base, sizeof v);
        fprintf(f, "%s %s\n", d->keyword, dbr_span_text(v, span));
    }
    for (int i = 0; d->kind == LIFE && i < DBR_PROFILES; i++)
        fprintf(f, "life %s %s\n", dbr_profile(i)->name, dbr_span_text(c->life_s[i], span));
    if (d->kind == CONCENTRATOR)
        write_commands(f, d->keyword, c->concentrators, c->n_concentrators);
    if (d->kind == GATE_LIST)
        write_commands(f, d->keyword, c->gate_lists, c->n_gate_lists);
}

char *dbr_ca_conf_write(const struct dbr_ca_conf *c, size_t *len)
{
    char *text = NULL;
    FILE *f = open_memstream(&text, len);
    if (!f)
        return NULL;
    fputs("# drawbridge-ca.conf: the settings of this CA (drawbridge-ca(8))\n", f);
    for (size_t i = 0; i < DIRECTIVES; i++)
        write_directive(f, c, &directives[i]);
    if (fclose(f) != 0) {
        free(text);
        return NULL;
    }
    return text;
}
