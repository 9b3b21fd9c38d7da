/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What scripts and managers are told of a client, under OpenVPN's names
 * (doc/man-sections/script-options.rst).
 */
#include "control/revocation.h"
#include "control/state.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

struct out {
    env_put *put;
    void *arg;
};

static void say(const struct out *o, const char *name, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
static void say(const struct out *o, const char *name, const char *fmt, ...)
{
    char value[512];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(value, sizeof value, fmt, ap);
    va_end(ap);
    o->put(o->arg, name, value);
}

/* The far address, once as trusted_ and once as untrusted_: who is here has authenticated. */
static void say_address(const struct out *o, const struct dbr_addr *addr)
{
    static const char *const kinds[] = {"trusted", "untrusted"};
    char text[DBR_ADDR_TEXT], name[24];
    dbr_addr_text(addr, text);
    char *port = strrchr(text, ':');
    if (port)
        *port++ = 0;
    for (size_t i = 0; i < 2; i++) {
        snprintf(name, sizeof name, addr->family == 6 ? "%s_ip6" : "%s_ip", kinds[i]);
        say(o, name, "%s", text);
        snprintf(name, sizeof name, "%s_port", kinds[i]);
        say(o, name, "%s", port ? port : "");
    }
}

/* tls_serial_0 is decimal in OpenVPN; what fits no 64 bits is given in hexadecimal only. */
static void say_serial(const struct out *o, const struct admitted *a)
{
    char hex[3 * DBR_IPC_SERIAL_MAX + 1] = "";
    uint64_t number = 0;
    for (size_t i = 0; i < a->serial_len; i++) {
        snprintf(hex + 3 * i, 4, "%02x%s", a->serial[i], i + 1 < a->serial_len ? ":" : "");
        number = number << 8 | a->serial[i];
    }
    if (a->serial_len && a->serial_len <= 8)
        say(o, "tls_serial_0", "%llu", (unsigned long long)number);
    say(o, "tls_serial_hex_0", "%s", hex);
}

static void say_fingerprint(const struct out *o, const struct chain *h)
{
    char text[3 * 32 + 1];
    if (!h)
        return;
    for (size_t i = 0; i < 32; i++)
        snprintf(text + 3 * i, 4, "%02x%s", h->fingerprint[i], i < 31 ? ":" : "");
    say(o, "tls_digest_sha256_0", "%s", text);
}

/* Instead of X509_0_CN: what x509-track names. */
static void say_tracked(const struct out *o, const struct chain *h)
{
    for (const char *p = h ? h->tracked : NULL; p && *p; p += strcspn(p, "\n") + 1) {
        char name[80];
        size_t n = strcspn(p, "=");
        snprintf(name, sizeof name, "%.*s", (int)n, p);
        say(o, name, "%.*s", (int)strcspn(p + n + 1, "\n"), p + n + 1);
    }
}

static void say_session(const struct out *o, const struct dbr_session *s)
{
    const struct dbr_x509 *peer = s ? dbr_session_peer(s) : NULL;
    const struct dbr_peer_info *info = s ? dbr_session_peer_info(s) : NULL;
    if (peer) {
        say(o, "tls_id_0", "%s", peer->subject);
    }
    if (!info)
        return;
    say(o, "IV_VER", "%s", info->version);
    say(o, "IV_PLAT", "%s", info->platform);
    say(o, "IV_GUI_VER", "%s", info->gui);
    say(o, "IV_SSO", "%s", info->sso);
    say(o, "IV_PROTO", "%u", info->iv_proto);
    say(o, "IV_CIPHERS", "%s", info->ciphers);
}

static void say_times(const struct out *o, const struct client *c)
{
    char text[32];
    struct tm tm;
    time_t since = (time_t)c->since_s;
    localtime_r(&since, &tm); /* the zone was read at start */
    strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S", &tm);
    say(o, "time_ascii", "%s", text);
    say(o, "time_unix", "%lld", (long long)c->since_s);
    say(o, "time_duration", "%lld", (long long)(c->ctl->now.unix_s - c->since_s));
    say(o, "bytes_received", "%llu", (unsigned long long)c->adm->stats.rx_bytes);
    say(o, "bytes_sent", "%llu", (unsigned long long)c->adm->stats.tx_bytes);
}

static void say_ip(const struct out *o, const char *name, uint32_t ip)
{
    if (ip)
        say(o, name, "%u.%u.%u.%u", ip >> 24, ip >> 16 & 255, ip >> 8 & 255, ip & 255);
}

void client_env(const struct client *c, env_put *put, void *arg)
{
    const struct out o = {put, arg};
    const struct admitted *a = c->adm;
    say(&o, "common_name", "%s", a->cn);
    if (c->ctl->cfg->x509_track.n)
        say_tracked(&o, c->chain);
    else
        say(&o, "X509_0_CN", "%s", a->cn);
    if (*login_user(c))
        o.put(o.arg, "username", login_user(c));
    say_address(&o, &c->addr);
    say_ip(&o, "ifconfig_pool_remote_ip", a->ip);
    say_ip(&o, "ifconfig_pool_netmask", a->netmask);
    say_times(&o, c);
    say_serial(&o, a);
    say_fingerprint(&o, c->chain);
    say_session(&o, c->session);
}
