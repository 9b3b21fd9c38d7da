/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "keeper/lease.h"
#include "base/err.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { LINE_MAX_BYTES = 320, PATH_MAX_BYTES = 200 };

/* ---- the script's side ---- */

enum event { IGNORED, GOT, LOST };

static const struct {
    const char *reason;
    enum event event;
} events[] = {
    /* dhclient and dhcpcd */
    {"BOUND", GOT},
    {"RENEW", GOT},
    {"REBIND", GOT},
    {"REBOOT", GOT},
    {"EXPIRE", LOST},
    {"RELEASE", LOST},
    {"STOP", LOST},
    {"FAIL", LOST},
    {"NAK", LOST},
    /* udhcpc */
    {"bound", GOT},
    {"renew", GOT},
    {"deconfig", LOST},
    {"nak", LOST},
};

static enum event event_of(const char *reason)
{
    for (size_t i = 0; reason && i < sizeof events / sizeof events[0]; i++)
        if (strcmp(events[i].reason, reason) == 0)
            return events[i].event;
    return IGNORED;
}

/* The value under the first of two names, up to its first blank; "" if there is none. */
static void variable(const char *a, const char *b, char *out, size_t cap)
{
    const char *v = getenv(a);
    if (!v)
        v = getenv(b);
    snprintf(out, cap, "%.*s", v ? (int)strcspn(v, " ") : 0, v ? v : "");
}

static bool is_ip(const char *text, uint8_t ip[4])
{
    return inet_pton(AF_INET, text, ip) == 1;
}

/* The name servers under one of two names, with commas between them; "-" if there is none. */
static void name_servers(const char *a, const char *b, char *out, size_t cap)
{
    const char *v = getenv(a);
    char all[256], *rest = NULL;
    uint8_t raw[4];
    size_t n = 0, count = 0;
    snprintf(all, sizeof all, "%s", v ? v : getenv(b) ? getenv(b) : "");
    snprintf(out, cap, "-");
    for (char *w = strtok_r(all, " ", &rest); w && count < LEASE_DNS; w = strtok_r(NULL, " ", &rest))
        if (is_ip(w, raw) && n < cap) {
            n += (size_t)snprintf(out + n, cap - n, "%s%s", count ? "," : "", w);
            count++;
        }
}

static bool is_domain(const char *text)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_";
    return *text && *text != '-' && strspn(text, letters) == strlen(text);
}

static int lease_line(char *line, size_t cap)
{
    char ip[32], mask[32], router[32], dns[LEASE_DNS * 16], domain[LEASE_DOMAIN];
    uint8_t raw[4], m[4];
    variable("new_ip_address", "ip", ip, sizeof ip);
    variable("new_subnet_mask", "subnet", mask, sizeof mask);
    variable("new_routers", "router", router, sizeof router);
    name_servers("new_domain_name_servers", "dns", dns, sizeof dns);
    variable("new_domain_name", "domain", domain, sizeof domain);
    int prefix = is_ip(mask, m) ? prefix_of_mask(m) : -1;
    if (!is_ip(ip, raw) || prefix < 1)
        return DBR_ERR_SHAPE;
    snprintf(line, cap, "%s %d %s %s %s\n", ip, prefix, is_ip(router, raw) ? router : "0.0.0.0", dns,
             is_domain(domain) ? domain : "-");
    return 0;
}

/* Whole or not at all. */
static int write_line(const char *file, const char *line)
{
    char temporary[PATH_MAX_BYTES];
    if (snprintf(temporary, sizeof temporary, "%s.new", file) >= (int)sizeof temporary)
        return DBR_ERR_SPACE;
    int fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    ssize_t n = fd < 0 ? -1 : write(fd, line, strlen(line));
    if (fd >= 0)
        close(fd);
    return n == (ssize_t)strlen(line) && !rename(temporary, file) ? 0 : DBR_ERR_IO;
}

int lease_main(const char *file, const char *why)
{
    char line[LINE_MAX_BYTES] = "none\n";
    enum event e = event_of(why ? why : getenv("reason"));
    if (e == IGNORED)
        return 0;
    if (e == GOT && lease_line(line, sizeof line))
        return 1;
    return write_line(file, line) ? 1 : 0;
}

/* ---- keeper's side ---- */

static bool take_name_servers(struct lease *out, char *list)
{
    char *rest = NULL;
    if (strcmp(list, "-") == 0)
        return true;
    for (char *w = strtok_r(list, ",", &rest); w; w = strtok_r(NULL, ",", &rest))
        if (out->n_dns == LEASE_DNS || !is_ip(w, out->dns[out->n_dns++]))
            return false;
    return out->n_dns;
}

int lease_parse(const char *text, struct lease *out)
{
    char ip[16], router[16], dns[LEASE_DNS * 16], domain[LEASE_DOMAIN], rest;
    unsigned prefix;
    *out = (struct lease){.address.family = 0};
    if (strcmp(text, "none\n") == 0)
        return 0;
    if (sscanf(text, "%15s %2u %15s %63s %127s %c", ip, &prefix, router, dns, domain, &rest) != 5 ||
        prefix < 1 || prefix > 32)
        return DBR_ERR_SHAPE;
    if (!is_ip(ip, out->address.ip) || !is_ip(router, out->router) || !take_name_servers(out, dns))
        return DBR_ERR_SHAPE;
    if (strcmp(domain, "-") != 0 && !is_domain(domain))
        return DBR_ERR_SHAPE;
    if (*domain != '-')
        memcpy(out->domain, domain, strlen(domain) + 1);
    out->address.family = 4;
    out->address.prefix = (uint8_t)prefix;
    return 0;
}

int lease_read(const char *file, struct lease *out)
{
    char text[LINE_MAX_BYTES];
    int fd = open(file, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0)
        return DBR_ERR_NOTFOUND;
    ssize_t n = read(fd, text, sizeof text - 1);
    close(fd);
    if (n < 0)
        return DBR_ERR_NOTFOUND;
    text[n] = 0;
    return lease_parse(text, out);
}
