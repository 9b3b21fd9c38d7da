/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "certs/pass.h"

#include <ctype.h>
#include <stdint.h>
#include <string.h>
#include <strings.h>

#include <openssl/rand.h>

#include "base/err.h"
#include "base/secret.h"
#include "certs/say.h"

struct counts {
    size_t n, lower, upper, digit, symbol, different;
};

struct policy {
    const char *name, *text;
    size_t min;                 /* characters */
    bool letter, symbol, digit; /* at least one of each */
    size_t kinds;               /* of lower, upper, digit, symbol */
    size_t long_enough;         /* from this length on kinds does not matter; 0: it always does */
    size_t different;           /* different characters */
    bool not_name;
};

static const struct policy policies[] = {
    {.name = "strong",
     .text = "at least 12 characters of three kinds (lower case, upper case, digits, symbols), or 20 of any",
     .min = 12,
     .kinds = 3,
     .long_enough = 20,
     .different = 6,
     .not_name = true},
    {.name = "symbol+letters+digits",
     .text = "at least 7 characters with a symbol, letters and digits",
     .min = 7,
     .letter = true,
     .symbol = true,
     .digit = true},
    {.name = "none", .text = "anything", .min = 1},
};
enum { POLICIES = sizeof policies / sizeof policies[0] };

static const struct policy *find(const char *name)
{
    for (size_t i = 0; i < POLICIES; i++)
        if (strcmp(policies[i].name, name) == 0)
            return &policies[i];
    return NULL;
}

const char *dbr_pass_policy_text(const char *policy)
{
    const struct policy *p = find(policy);
    return p ? p->text : "";
}

bool dbr_pass_policy_known(const char *policy)
{
    return find(policy) != NULL;
}

static struct counts count(const char *pass, size_t n)
{
    struct counts c = {.n = n};
    bool seen[256] = {0};
    for (size_t i = 0; i < n; i++) {
        unsigned char x = (unsigned char)pass[i];
        c.lower += x >= 'a' && x <= 'z';
        c.upper += x >= 'A' && x <= 'Z';
        c.digit += x >= '0' && x <= '9';
        c.symbol += !isalnum(x) || x > 0x7e;
        c.different += !seen[x];
        seen[x] = true;
    }
    dbr_wipe(seen, sizeof seen);
    return c;
}

static bool contains(const char *pass, size_t n, const char *name)
{
    size_t k = strlen(name);
    for (size_t i = 0; k >= 3 && i + k <= n; i++)
        if (strncasecmp(pass + i, name, k) == 0)
            return true;
    return false;
}

int dbr_pass_check(const char *policy, const char *name, const char *pass, size_t n, char *why, size_t cap)
{
    const struct policy *p = find(policy);
    if (!p)
        return dbr_say(DBR_ERR_CONFIG, why, cap, "unknown passphrase policy \"%s\"", policy);
    struct counts c = count(pass, n);
    size_t kinds = (c.lower > 0) + (c.upper > 0) + (c.digit > 0) + (c.symbol > 0);
    bool wordy = p->long_enough && n >= p->long_enough;
    if (n > DBR_PASS_MAX || memchr(pass, '\n', n) || memchr(pass, 0, n))
        return dbr_say(DBR_ERR_CONFIG, why, cap, "a passphrase is one line of at most %d characters",
                       DBR_PASS_MAX);
    if (n < p->min)
        return dbr_say(DBR_ERR_CONFIG, why, cap, "too short: at least %zu characters (policy %s)", p->min,
                       p->name);
    if ((p->letter && !(c.lower + c.upper)) || (p->symbol && !c.symbol) || (p->digit && !c.digit))
        return dbr_say(DBR_ERR_CONFIG, why, cap, "it needs a symbol, letters and digits (policy %s)",
                       p->name);
    if (!wordy && kinds < p->kinds)
        return dbr_say(
            DBR_ERR_CONFIG, why, cap,
            "it needs %zu of lower case, upper case, digits, symbols, or %zu characters (policy %s)",
            p->kinds, p->long_enough, p->name);
    if (c.different < p->different)
        return dbr_say(DBR_ERR_CONFIG, why, cap, "too few different characters (policy %s)", p->name);
    if (p->not_name && contains(pass, n, name))
        return dbr_say(DBR_ERR_CONFIG, why, cap, "it contains the name (policy %s)", p->name);
    return 0;
}

int dbr_pass_generate(char out[DBR_PASS_GENERATED])
{
    /* 32 characters, so that a byte maps without bias: no l, o, 0, 1. */
    static const char alphabet[] = "abcdefghijkmnpqrstuvwxyz23456789";
    char why[8];
    uint8_t r[DBR_PASS_GENERATED];
    do {
        if (RAND_priv_bytes(r, sizeof r) != 1)
            return DBR_ERR_CRYPTO;
        for (size_t i = 0; i < DBR_PASS_GENERATED - 1; i++)
            out[i] = i % 6 == 5 ? '-' : alphabet[r[i] & 31];
        out[DBR_PASS_GENERATED - 2] = '#';
        out[DBR_PASS_GENERATED - 1] = 0;
    } while (dbr_pass_check("strong", "", out, DBR_PASS_GENERATED - 1, why, sizeof why) != 0 ||
             dbr_pass_check("symbol+letters+digits", "", out, DBR_PASS_GENERATED - 1, why, sizeof why) != 0);
    dbr_wipe(r, sizeof r);
    return 0;
}
