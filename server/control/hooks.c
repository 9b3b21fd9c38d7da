/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Scripts of the configuration, which keeper runs for us (keeper/hooks.c): what each is told, and what its
 * result means. Nobody waits here: a client whose script runs stands in the state VERDICT.
 */
#include "base/secret.h"
#include "control/revocation.h"
#include "control/state.h"
#include "proto/keymsg.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MS_NS 1000000ull
enum { LEARN_PER_S = 50, FIGURES_MS = 500, SCRIPT_S = 300 /* keeper answers long before */ };

/* A client-disconnect that waits for what the worker says of the peer's end. */
struct farewell {
    struct farewell *next;
    uint32_t peer_id;
    uint64_t due_ns;
    uint64_t rx_bytes, tx_bytes; /* as far as they are known */
    struct dbr_ipc_hook m;
};

/* ---- the message ---- */

static void add(struct dbr_ipc_hook *m, const char *text)
{
    char safe[512];
    size_t n = strlen(dbr_log_escape(safe, sizeof safe, text, strlen(text)));
    if (m->n + n + 1 > sizeof m->text)
        return;
    memcpy(m->text + m->n, safe, n);
    m->n += (uint32_t)n;
    m->text[m->n++] = '\n';
}

/* As it is: without control characters, and not more than its place can hold. */
static void add_plain(struct dbr_ipc_hook *m, const char *name, const char *value)
{
    size_t room = sizeof m->text - m->n;
    int n = snprintf(m->text + m->n, room, "%s=%s\n", name, value);
    if (n > 0 && (size_t)n < room)
        m->n += (uint32_t)n;
}

/* The content of the script's file; behind all lines. */
static int add_file(struct dbr_ipc_hook *m, const void *bytes, size_t n)
{
    if (n > sizeof m->text - m->n)
        return DBR_ERR_SPACE;
    memcpy(m->text + m->n, bytes, n);
    m->n += (uint32_t)n;
    m->n_file = (uint32_t)n;
    return 0;
}

static void add_argument(struct dbr_ipc_hook *m, const char *text)
{
    add(m, text);
    m->n_args++;
}

static void add_variable(void *arg, const char *name, const char *value)
{
    char line[640];
    if (strcmp(name, "username") == 0) { /* as the user knows it */
        add_plain(arg, name, value);
        return;
    }
    snprintf(line, sizeof line, "%s=%s", name, value);
    add(arg, line);
}

/* Scripts about one name run in order. */
static uint64_t key_of(const char *name)
{
    uint64_t h = 14695981039346656037u;
    for (; *name; name++)
        h = (h ^ (uint8_t)*name) * 1099511628211u;
    return h ? h : 1;
}

static int send_hook(struct control *ctl, struct dbr_ipc_hook *m)
{
    m->head = dbr_ipc_head(DBR_IPC_HOOK, offsetof(struct dbr_ipc_hook, text) + m->n, 0);
    return dbr_ipc_send(ctl->boot->ipc_keeper, m, -1);
}

/* Takes the farewell at *at out of the list, complete as it is. */
static void say_goodbye(struct control *ctl, struct farewell **at)
{
    struct farewell *f = *at;
    char number[24];
    *at = f->next;
    snprintf(number, sizeof number, "%llu", (unsigned long long)f->rx_bytes);
    add_variable(&f->m, "bytes_received", number);
    snprintf(number, sizeof number, "%llu", (unsigned long long)f->tx_bytes);
    add_variable(&f->m, "bytes_sent", number);
    if (send_hook(ctl, &f->m))
        dbr_log(ctl->log, DBR_LOG_WARN, "WARNING: keeper takes no messages: a client-disconnect is left out");
    free(f);
}

static int tell_keeper(struct control *ctl, struct dbr_ipc_hook *m)
{
    for (struct farewell **at = &ctl->farewells; *at;) { /* what was before this comes before it */
        if ((*at)->m.key == m->key)
            say_goodbye(ctl, at);
        else
            at = &(*at)->next;
    }
    return send_hook(ctl, m);
}

void hook_last_figures(struct control *ctl, const struct dbr_ipc_stats *s)
{
    struct farewell **at = &ctl->farewells;
    while (*at && (*at)->peer_id != s->head.peer_id)
        at = &(*at)->next;
    if (!*at)
        return;
    (*at)->rx_bytes = s->rx_bytes;
    (*at)->tx_bytes = s->tx_bytes;
    say_goodbye(ctl, at);
}

uint64_t hook_deadline(const struct control *ctl)
{
    uint64_t at = ctl->farewells ? ctl->farewells->due_ns : UINT64_MAX;
    for (const struct client *c = ctl->hook_waiters; c; c = c->hook_next)
        at = c->adm->wait_ns < at ? c->adm->wait_ns : at;
    return at;
}

void hook_tick(struct control *ctl, bool all)
{
    while (ctl->farewells && (all || ctl->now.ns >= ctl->farewells->due_ns))
        say_goodbye(ctl, &ctl->farewells);
    for (struct client *c = ctl->hook_waiters, *next; c; c = next) {
        next = c->hook_next;
        if (ctl->now.ns < c->adm->wait_ns)
            continue;
        hook_forget(c);
        client_log(c, DBR_LOG_NOTICE, "MULTI: no verdict on this client has come in time");
        client_verdict(c, DBR_ERR_CERT, "no answer in time");
        next = ctl->hook_waiters; /* what was done to one may have ended another */
    }
}

/* ---- who waits ---- */

void hook_wait(struct client *c, uint32_t what, unsigned seconds)
{
    struct control *ctl = c->ctl;
    hook_forget(c);
    c->adm->hook = DBR_HOOKS;
    c->adm->waits_for = what;
    c->adm->wait_ns = ctl->now.ns + (uint64_t)seconds * 1000 * MS_NS;
    c->hook_next = ctl->hook_waiters;
    ctl->hook_waiters = c;
}

static int wait_for(struct client *c, struct dbr_ipc_hook *m)
{
    struct control *ctl = c->ctl;
    ctl->hook_id += ctl->hook_id == WAITS_FOR_MANAGERS - 1 ? 3 : 1;
    m->id = ctl->hook_id;
    if (tell_keeper(ctl, m)) {
        client_log(c, DBR_LOG_WARN, "WARNING: keeper takes no messages: a script could not be run");
        return DBR_ERR_IO;
    }
    hook_wait(c, m->id, SCRIPT_S);
    c->adm->hook = (uint8_t)m->hook;
    return DBR_ERR_AGAIN;
}

static void wait_no_more(struct client *c)
{
    struct client **at = &c->ctl->hook_waiters;
    while (*at && *at != c)
        at = &(*at)->hook_next;
    if (*at)
        *at = c->hook_next;
    c->adm->waits_for = 0;
}

/* A script that answers later would be waited for in keeper, for a long time and among few. */
void hook_forget(struct client *c)
{
    if (!c->adm || !c->adm->waits_for)
        return;
    if (c->adm->hook == DBR_HOOK_USER_PASS) {
        struct dbr_ipc_hook_done m = {.id = c->adm->waits_for, .err = DBR_ERR_STATE};
        m.head = dbr_ipc_head(DBR_IPC_HOOK_DONE, offsetof(struct dbr_ipc_hook_done, text), 0);
        (void)dbr_ipc_send(c->ctl->boot->ipc_keeper, &m, -1); /* else it ends in its time */
    }
    wait_no_more(c);
}

/* ---- tls-crypt-v2-verify ---- */

int hook_gate_key(struct client *c)
{
    struct dbr_ipc_hook m = {.hook = DBR_HOOK_GATE_KEY};
    const struct gate_metadata *meta = c->metadata;
    char type[16];
    if (!meta)
        return DBR_ERR_NOTFOUND;
    snprintf(type, sizeof type, "%u", meta->bytes[0]);
    add_variable(&m, "metadata_type", type);
    client_env(c, add_variable, &m);
    int err = add_file(&m, meta->bytes + 1, meta->len - 1);
    return err ? err : wait_for(c, &m);
}

/* ---- tls-verify: one call for each certificate, the issuer's first ---- */

static const char *subject_at(const struct chain *h, size_t place, char *out, size_t cap)
{
    const char *line = h->subjects;
    while (place--)
        line = strchr(line, '\n') + 1;
    snprintf(out, cap, "%.*s", (int)strcspn(line, "\n"), line);
    return out;
}

int hook_tls_verify(struct client *c)
{
    const struct chain *h = c->chain;
    struct dbr_ipc_hook m = {.hook = DBR_HOOK_TLS_VERIFY};
    char depth[16], subject[DBR_SUBJECT_MAX];
    if (!h || !h->subjects)
        return DBR_ERR_STATE;
    size_t left = h->n_subjects - c->adm->verified;
    snprintf(depth, sizeof depth, "%zu", left - 1);
    add_argument(&m, depth);
    add_argument(&m, subject_at(h, c->adm->verified, subject, sizeof subject));
    client_env(c, add_variable, &m);
    const struct der *der = &h->certs[left - 1];
    int err = der->bytes ? add_file(&m, der->bytes, der->len) : 0;
    if (err)
        client_log(c, DBR_LOG_NOTICE, "tls-export-cert: the certificate at depth %s is too long", depth);
    return err ? err : wait_for(c, &m);
}

static int after_tls_verify(struct client *c)
{
    if (++c->adm->verified < c->chain->n_subjects)
        return hook_tls_verify(c);
    return 0;
}

/* ---- auth-user-pass-verify ---- */

int hook_user_pass(struct client *c)
{
    const struct dbr_config *cfg = c->ctl->cfg;
    struct dbr_ipc_hook m = {.hook = DBR_HOOK_USER_PASS};
    char text[2 * DBR_USERPASS_MAX + 2] = "", cn[4 * DBR_X509_CN_MAX + 1];
    const char *user = login_user(c), *password = login_password(c), *own = dbr_session_peer(c->session)->cn;
    const char *state;
    char sid[DBR_TOKEN_SID_TEXT];
    int err = 0;
    add_plain(&m, "username", user);
    if (!cfg->auth_user_pass_verify.via_file && cfg->script_security >= 3)
        add_plain(&m, "password", password);
    client_env(c, add_variable, &m);
    if (login_session(c, &state, sid)) {
        add_variable(&m, "session_state", state);
        add_variable(&m, "session_id", sid);
    }
    add_plain(&m, "common_name", dbr_log_escape(cn, sizeof cn, own, strlen(own)));
    if (cfg->auth_user_pass_verify.via_file) {
        int n = snprintf(text, sizeof text, "%s\n%s\n", user, password);
        err = add_file(&m, text, (size_t)n);
    }
    if (!err)
        err = wait_for(c, &m);
    dbr_wipe(text, sizeof text);
    dbr_wipe(&m, sizeof m);
    return err;
}

void hook_crresponse(struct client *c, const char *text)
{
    struct dbr_ipc_hook m = {.hook = DBR_HOOK_CRRESPONSE, .id = c->adm->waits_for};
    client_env(c, add_variable, &m);
    if (add_file(&m, text, strlen(text)) || tell_keeper(c->ctl, &m))
        client_log(c, DBR_LOG_WARN, "WARNING: client-crresponse could not be run");
    dbr_wipe(&m, sizeof m);
}

/* ---- client-connect and its end ---- */

int hook_client_connect(struct client *c)
{
    struct dbr_ipc_hook m = {.hook = DBR_HOOK_CLIENT_CONNECT, .key = key_of(c->adm->cn)};
    client_env(c, add_variable, &m);
    return wait_for(c, &m);
}

static int after_client_connect(struct client *c, const struct dbr_ipc_hook_done *m)
{
    c->adm->hooked = true;
    int err = admit_more(c, m->text, m->n);
    if (err)
        client_log(c, DBR_LOG_ERROR, "client-connect: what it wrote is not valid: the client is refused");
    return err;
}

void hook_up(struct client *c)
{
    if (!c->ctl->boot->client)
        c->adm->hooked = true;
}

/* All but the byte counts, which come last. */
static void add_but_bytes(void *arg, const char *name, const char *value)
{
    if (strncmp(name, "bytes_", 6) != 0)
        add_variable(arg, name, value);
}

void hook_gone(struct client *c)
{
    struct control *ctl = c->ctl;
    if (c->adm && c->adm->waits_for && c->adm->hook == DBR_HOOK_CLIENT_CONNECT)
        c->adm->hooked = true; /* its client-connect runs: this follows behind it */
    hook_forget(c);
    if (!c->adm || !c->adm->hooked)
        return;
    c->adm->hooked = false;
    struct farewell *f = ctl->cfg->client_disconnect ? calloc(1, sizeof *f) : NULL;
    if (!f)
        return;
    f->m.hook = DBR_HOOK_CLIENT_DISCONNECT;
    f->m.key = key_of(c->adm->cn);
    f->peer_id = c->peer_id;
    f->rx_bytes = c->adm->stats.rx_bytes;
    f->tx_bytes = c->adm->stats.tx_bytes;
    f->due_ns = ctl->now.ns + FIGURES_MS * MS_NS;
    client_env(c, add_but_bytes, &f->m);
    struct farewell **end = &ctl->farewells;
    while (*end)
        end = &(*end)->next;
    *end = f;
    if (!c->in_data)
        say_goodbye(ctl, end); /* there are no figures to come */
}

/* ---- learn-address ---- */

static bool may_say(struct control *ctl)
{
    if (ctl->learn_s != ctl->now.unix_s) {
        if (ctl->learn_dropped)
            dbr_log(ctl->log, DBR_LOG_WARN,
                    "WARNING: %u calls of learn-address were left out: more than %d a second",
                    ctl->learn_dropped, LEARN_PER_S);
        ctl->learn_s = ctl->now.unix_s;
        ctl->learn_said = ctl->learn_dropped = 0;
    }
    if (ctl->learn_said++ < LEARN_PER_S)
        return true;
    ctl->learn_dropped++;
    return false;
}

void hook_learned(struct client *c, const struct dbr_ipc_learned *l, bool known)
{
    struct dbr_ipc_hook m = {.hook = DBR_HOOK_LEARN_ADDRESS};
    bool gone = l->what == DBR_LEARNED_GONE;
    char mac[32];
    const uint8_t *b = l->mac;
    if (c->ctl->boot->client || !c->ctl->cfg->learn_address || (known && l->what == DBR_LEARNED_NEW) ||
        !may_say(c->ctl))
        return;
    int n = snprintf(mac, sizeof mac, "%02x:%02x:%02x:%02x:%02x:%02x", b[0], b[1], b[2], b[3], b[4], b[5]);
    snprintf(mac + n, sizeof mac - (size_t)n, "@%u", l->vlan);
    m.key = key_of(c->adm->cn);
    add_argument(&m, gone ? "delete" : l->what == DBR_LEARNED_MOVED ? "update" : "add");
    add_argument(&m, mac);
    if (!gone)
        add_argument(&m, c->adm->cn);
    client_env(c, add_variable, &m);
    if (tell_keeper(c->ctl, &m))
        c->ctl->learn_dropped++;
}

/* ---- results ---- */

struct outcome {
    char reason[192]; /* for a client that is refused */
    const char *line; /* for the log */
};

/* What a script let in has to do next, and what is said of one that it did not let in. */
static int after(struct client *c, const struct dbr_ipc_hook_done *m, struct outcome *o)
{
    switch (c->adm->hook) {
    case DBR_HOOK_TLS_VERIFY:
        *o = (struct outcome){"Certificate refused", "VERIFY SCRIPT ERROR"};
        return m->err ? DBR_ERR_CERT : after_tls_verify(c);
    case DBR_HOOK_GATE_KEY:
        *o = (struct outcome){"Gate key refused", "TLS CRYPT V2 VERIFY SCRIPT ERROR"};
        return m->err ? DBR_ERR_CERT : 0;
    case DBR_HOOK_USER_PASS:
        *o = (struct outcome){"", "TLS Auth Error: Auth Username/Password verification failed for peer"};
        return login_checked(c, m, o->reason, sizeof o->reason);
    default:
        *o = (struct outcome){"client-connect refused", "MULTI: client-connect refuses this client"};
        return m->err ? DBR_ERR_CERT : after_client_connect(c, m);
    }
}

void hook_done(struct control *ctl, const struct dbr_ipc_hook_done *m)
{
    struct client *c = ctl->hook_waiters;
    struct outcome o;
    while (c && (c->adm->waits_for != m->id || m->id == WAITS_FOR_MANAGERS))
        c = c->hook_next;
    if (!c)
        return; /* it has gone meanwhile */
    wait_no_more(c);
    int err = after(c, m, &o);
    if (err == DBR_ERR_AGAIN)
        return;
    if (err)
        client_log(c, DBR_LOG_NOTICE, "%s", o.line);
    client_verdict(c, err, err ? o.reason : "");
}

/* ---- ipchange ---- */

void hook_address(struct client *c)
{
    struct dbr_ipc_hook m = {.hook = DBR_HOOK_IPCHANGE, .key = 1};
    const struct dbr_x509 *peer = c->session ? dbr_session_peer(c->session) : NULL;
    char ip[DBR_ADDR_TEXT], port[8];
    if (!c->ctl->cfg->ipchange)
        return;
    dbr_addr_ip_text(&c->addr, ip);
    snprintf(port, sizeof port, "%u", c->addr.port);
    add_argument(&m, ip);
    add_argument(&m, port);
    add_variable(&m, c->addr.family == 6 ? "trusted_ip6" : "trusted_ip", ip);
    add_variable(&m, "trusted_port", port);
    if (peer)
        add_variable(&m, "common_name", peer->cn);
    tell_keeper(c->ctl, &m);
}
