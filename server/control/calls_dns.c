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

_Static_assert((int)DBR_NAMES_SERVERS == (int)DBR_IPC_DNS_SERVERS &&
                   (int)DBR_NAMES_DOMAINS == sizeof((struct dbr_ipc_dns *)0)->domains,
               "keeper takes what the room below finds");

void calls_tell_dns(struct control *ctl, bool full)
{
    const struct dbr_config *pulled = &ctl->calls->pulled;
    const struct dbr_conf_list *const dns[] = {&ctl->cfg->dns, &pulled->dns};
    const struct dbr_conf_list *const dhcp[] = {&ctl->cfg->dhcp_option, &pulled->dhcp_option};
    struct dbr_ipc_dns m = {.head = dbr_ipc_head(DBR_IPC_DNS, sizeof m, 0), .full = full};
    struct dbr_names names;
    dbr_names_collect(&names, dns, dhcp);
    m.n = names.n;
    for (size_t i = 0; i < names.n; i++) {
        m.server[i].family = names.server[i].family;
        memcpy(m.server[i].ip, names.server[i].ip, sizeof m.server[i].ip);
    }
    memcpy(m.domains, names.domains, sizeof m.domains);
    keeper_tell(ctl, &m);
}

/* ---- variables of dns-updown ---- */

struct dns_env {
    struct control *ctl;
    void (*put)(struct control *ctl, const char *name, const char *value);
    unsigned searched;                /* search domains so far */
    long number[DBR_IPC_DNS_SERVERS]; /* of the servers, rising; their place is the name's */
    size_t n;
    unsigned addresses[DBR_IPC_DNS_SERVERS], domains[DBR_IPC_DNS_SERVERS];
};

static size_t split(const char *line, char *text, const char *words[WORDS])
{
    snprintf(text, LINE, "%s", line);
    return dbr_words(text, words, WORDS);
}

static bool safe(const char *word)
{
    for (; *word; word++)
        if (!isalnum((unsigned char)*word) && !strchr(".-_:[]", *word))
            return false;
    return true;
}

/* NAME with the place of a server, and of the value among its kind (0: it has none). */
static void put_server(struct dns_env *e, size_t place, const char *what, unsigned nth, const char *value)
{
    char name[DBR_IPC_ENV_NAME];
    if (!safe(value))
        return;
    if (nth)
        snprintf(name, sizeof name, "dns_server_%zu_%s_%u", place + 1, what, nth);
    else
        snprintf(name, sizeof name, "dns_server_%zu_%s", place + 1, what);
    e->put(e->ctl, name, value);
}

/* 10.0.0.1:53, [fd00::1]:53, or without a port. */
static void put_address(struct dns_env *e, size_t place, const char *text)
{
    char ip[64];
    const char *end = *text == '[' ? strchr(text, ']') : NULL, *colon = strrchr(text, ':');
    const char *port = end && end[1] == ':'                          ? end + 2
                       : !end && colon && strchr(text, ':') == colon ? colon + 1
                                                                     : NULL;
    size_t n = end ? (size_t)(end - text - 1) : port ? (size_t)(port - text - 1) : strlen(text);
    if (n >= sizeof ip)
        return;
    memcpy(ip, text + (end != NULL), n);
    ip[n] = 0;
    put_server(e, place, "address", ++e->addresses[place], ip);
    if (port)
        put_server(e, place, "port", e->addresses[place], port);
}

static void put_searched(struct dns_env *e, const char *domain)
{
    char name[DBR_IPC_ENV_NAME];
    snprintf(name, sizeof name, "dns_search_domain_%u", ++e->searched);
    if (safe(domain))
        e->put(e->ctl, name, domain);
}

/* Its place, as far as it has one yet; a new number is put where it belongs. */
static void note_number(struct dns_env *e, long number)
{
    size_t at = 0;
    while (at < e->n && e->number[at] < number)
        at++;
    if (e->n == DBR_IPC_DNS_SERVERS || (at < e->n && e->number[at] == number))
        return;
    memmove(e->number + at + 1, e->number + at, (e->n - at) * sizeof *e->number);
    e->number[at] = number;
    e->n++;
}

static void put_dns(struct dns_env *e, const char *line, bool first_pass)
{
    char text[LINE];
    const char *w[WORDS];
    size_t n = split(line, text, w), place = 0;
    bool server = n > 3 && strcmp(w[0], "server") == 0;
    long number = server ? strtol(w[1], NULL, 10) : 0;
    if (first_pass && server)
        note_number(e, number);
    if (first_pass)
        return;
    for (size_t i = 1; n > 1 && strcmp(w[0], "search-domains") == 0 && i < n; i++)
        put_searched(e, w[i]);
    while (place < e->n && e->number[place] != number)
        place++;
    for (size_t i = 3; server && place < e->n && i < n; i++) {
        if (strcmp(w[2], "address") == 0)
            put_address(e, place, w[i]);
        else if (strcmp(w[2], "resolve-domains") == 0)
            put_server(e, place, "resolve_domain", ++e->domains[place], w[i]);
        else if (i == 3 &&
                 (strcmp(w[2], "dnssec") == 0 || strcmp(w[2], "transport") == 0 || strcmp(w[2], "sni") == 0))
            put_server(e, place, w[2], 0, w[i]);
    }
}

static void put_dhcp_option(struct dns_env *e, const char *line)
{
    char text[LINE];
    const char *w[WORDS];
    size_t n = split(line, text, w);
    bool address = n > 1 && (strcmp(w[0], "DNS") == 0 || strcmp(w[0], "DNS6") == 0);
    bool domain = n > 1 && (strcmp(w[0], "DOMAIN") == 0 || strcmp(w[0], "DOMAIN-SEARCH") == 0 ||
                            strcmp(w[0], "ADAPTER_DOMAIN_SUFFIX") == 0);
    for (size_t i = 1; i < n; i++) {
        if (address)
            put_address(e, 0, w[i]);
        else if (domain)
            put_searched(e, w[i]);
    }
}

void calls_dns_env(struct control *ctl, void (*put)(struct control *ctl, const char *name, const char *value))
{
    const struct dbr_config *pulled = &ctl->calls->pulled;
    const struct dbr_conf_list *const dns[] = {&ctl->cfg->dns, &pulled->dns};
    const struct dbr_conf_list *const dhcp[] = {&ctl->cfg->dhcp_option, &pulled->dhcp_option};
    struct dns_env e = {.ctl = ctl, .put = put};
    for (int pass = 0; pass < 2; pass++)
        for (size_t l = 0; l < 2; l++)
            for (size_t i = 0; i < dns[l]->n; i++)
                put_dns(&e, dns[l]->v[i], pass == 0);
    for (size_t l = 0; l < 2 && !e.n; l++)
        for (size_t i = 0; i < dhcp[l]->n; i++)
            put_dhcp_option(&e, dhcp[l]->v[i]);
}
