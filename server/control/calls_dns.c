/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Client role: name servers and search domains that the configuration and the server name, for keeper to set.
 * `dns` counts before `dhcp-option` (OpenVPN 2.6, man page "dns"): of several servers the one with the lowest
 * number.
 *
 *   dhcp-option DNS 10.0.0.1        dns server 0 address 10.0.0.1:53 fd00::1
 *   dhcp-option DNS6 fd00::1        dns server 0 resolve-domains office.example
 *   dhcp-option DOMAIN x, DOMAIN-SEARCH x        dns search-domains x y
 */
#include "control/calls.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LINE = 512, WORDS = 16 };

static void add_server(struct dbr_ipc_dns *m, const char *text)
{
    char ip[64];
    const char *end = strchr(text, ']');
    bool bracket = *text == '[' && end; /* [fd00::1]:53 */
    const char *colon = strchr(text, ':');
    size_t n = bracket                            ? (size_t)(end - text - 1)
               : colon && !strchr(colon + 1, ':') ? (size_t)(colon - text)
                                                  : strlen(text);
    if (n >= sizeof ip || m->n == DBR_IPC_DNS_SERVERS)
        return;
    memcpy(ip, text + bracket, n);
    ip[n] = 0;
    struct dbr_ipc_dns_server *s = &m->server[m->n];
    s->family = inet_pton(AF_INET, ip, s->ip) == 1 ? 4 : inet_pton(AF_INET6, ip, s->ip) == 1 ? 6 : 0;
    m->n += s->family != 0;
}

static void add_domain(struct dbr_ipc_dns *m, const char *name)
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
    return calls_words(text, words, WORDS);
}

static void each_word(struct dbr_ipc_dns *m, void (*add)(struct dbr_ipc_dns *, const char *),
                      const char *const *w, size_t n)
{
    for (size_t i = 0; i < n; i++)
        add(m, w[i]);
}

static void take_dhcp_option(struct dbr_ipc_dns *m, const char *line)
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

/* One `dns` line; *best is the lowest number of a server so far. */
static void take_dns(struct dbr_ipc_dns *m, const char *line, long *best)
{
    char text[LINE];
    const char *w[WORDS];
    size_t n = split(line, text, w);
    if (n > 1 && strcmp(w[0], "search-domains") == 0)
        each_word(m, add_domain, w + 1, n - 1);
    if (n < 4 || strcmp(w[0], "server") != 0)
        return;
    long number = strtol(w[1], NULL, 10);
    if (number > *best)
        return;
    if (number < *best) {
        m->n = 0;
        *best = number;
    }
    if (strcmp(w[2], "address") == 0)
        each_word(m, add_server, w + 3, n - 3);
    else if (strcmp(w[2], "resolve-domains") == 0)
        each_word(m, add_domain, w + 3, n - 3);
}

void calls_dns_collect(struct dbr_ipc_dns *m, const struct dbr_conf_list *const dns[2],
                       const struct dbr_conf_list *const dhcp[2])
{
    long best = LONG_MAX;
    *m = (struct dbr_ipc_dns){.head = dbr_ipc_head(DBR_IPC_DNS, sizeof *m, 0)};
    for (size_t l = 0; l < 2; l++)
        for (size_t i = 0; i < dns[l]->n; i++)
            take_dns(m, dns[l]->v[i], &best);
    if (m->n)
        return;
    for (size_t l = 0; l < 2; l++)
        for (size_t i = 0; i < dhcp[l]->n; i++)
            take_dhcp_option(m, dhcp[l]->v[i]);
}

void calls_tell_dns(struct control *ctl, bool full)
{
    const struct dbr_config *pulled = &ctl->calls->pulled;
    const struct dbr_conf_list *const dns[] = {&ctl->cfg->dns, &pulled->dns};
    const struct dbr_conf_list *const dhcp[] = {&ctl->cfg->dhcp_option, &pulled->dhcp_option};
    struct dbr_ipc_dns m;
    calls_dns_collect(&m, dns, dhcp);
    m.full = full;
    keeper_tell(ctl, &m);
}
