/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "client/names.h"
#include "client/ways.h"
#include "base/sockets.h"

#include <ctype.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LINE = 512, WORDS = 16 };

static void add_server(struct dbr_names *m, const char *text)
{
    char ip[64];
    const char *end = strchr(text, ']');
    bool bracket = *text == '[' && end; /* [fd00::1]:53 */
    const char *colon = strchr(text, ':');
    size_t n = bracket                            ? (size_t)(end - text - 1)
               : colon && !strchr(colon + 1, ':') ? (size_t)(colon - text)
                                                  : strlen(text);
    if (n >= sizeof ip || m->n == DBR_NAMES_SERVERS)
        return;
    memcpy(ip, text + bracket, n);
    ip[n] = 0;
    struct dbr_name_server *s = &m->server[m->n];
    s->family = inet_pton(AF_INET, ip, s->ip) == 1 ? 4 : inet_pton(AF_INET6, ip, s->ip) == 1 ? 6 : 0;
    m->n += s->family != 0;
}

static void add_domain(struct dbr_names *m, const char *name)
{
    size_t have = strlen(m->domains), n = strlen(name);
    for (size_t i = 0; i < n; i++)
        if (!isalnum((unsigned char)name[i]) && !strchr(".-_", name[i]))
            return;
    if (!n || *name == '-' || have + n + 2 > sizeof m->domains)
        return;
    snprintf(m->domains + have, sizeof m->domains - have, "%s%s", have ? " " : "", name);
}

static size_t split(const char *line, char *text, const char *words[WORDS])
{
    snprintf(text, LINE, "%s", line);
    return dbr_words(text, words, WORDS);
}

static void each_word(struct dbr_names *m, void (*add)(struct dbr_names *, const char *),
                      const char *const *w, size_t n)
{
    for (size_t i = 0; i < n; i++)
        add(m, w[i]);
}

static void take_dhcp_option(struct dbr_names *m, const char *line)
{
    char text[LINE];
    const char *w[WORDS];
    size_t n = split(line, text, w);
    if (n < 2)
        return;
    if (strcmp(w[0], "DNS") == 0 || strcmp(w[0], "DNS6") == 0)
        each_word(m, add_server, w + 1, n - 1);
    else if (strcmp(w[0], "DOMAIN") == 0 || strcmp(w[0], "DOMAIN-SEARCH") == 0 ||
             strcmp(w[0], "ADAPTER_DOMAIN_SUFFIX") == 0)
        each_word(m, add_domain, w + 1, n - 1);
}

/* The number of a line `server NUMBER WHAT WORD ...`; LONG_MAX: it is another one. */
static long server_number(const char *const w[WORDS], size_t n)
{
    char *end = NULL;
    long number = n > 3 && strcmp(w[0], "server") == 0 ? strtol(w[1], &end, 10) : LONG_MAX;
    return end && end != w[1] && !*end ? number : LONG_MAX;
}

/* One `dns` line; of servers the first pass finds the lowest number that has an address, *best, the second
 * one takes what is said of that one. */
static void take_dns(struct dbr_names *m, const char *line, long *best, bool first_pass)
{
    char text[LINE];
    const char *w[WORDS];
    size_t n = split(line, text, w);
    long number = server_number(w, n);
    bool address = number != LONG_MAX && strcmp(w[2], "address") == 0;
    if (first_pass) {
        *best = address && number < *best ? number : *best;
        return;
    }
    if (n > 1 && strcmp(w[0], "search-domains") == 0)
        each_word(m, add_domain, w + 1, n - 1);
    else if (number == LONG_MAX || number != *best)
        return;
    else if (address)
        each_word(m, add_server, w + 3, n - 3);
    else if (strcmp(w[2], "resolve-domains") == 0)
        each_word(m, add_domain, w + 3, n - 3);
}

void dbr_names_collect(struct dbr_names *m, const struct dbr_conf_list *const dns[2],
                       const struct dbr_conf_list *const dhcp[2])
{
    long best = LONG_MAX;
    *m = (struct dbr_names){0};
    for (int pass = 0; pass < 2; pass++)
        for (size_t l = 0; l < 2; l++)
            for (size_t i = 0; i < dns[l]->n; i++)
                take_dns(m, dns[l]->v[i], &best, pass == 0);
    if (m->n)
        return;
    for (size_t l = 0; l < 2; l++)
        for (size_t i = 0; i < dhcp[l]->n; i++)
            take_dhcp_option(m, dhcp[l]->v[i]);
}
