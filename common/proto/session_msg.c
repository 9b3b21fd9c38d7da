/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What the two ends of a session say to each other inside TLS: the key message of each negotiation, then
 * control messages. Packets and timers are in session.c.
 */
#include "proto/session_priv.h"
#include "base/err.h"
#include "base/log.h"
#include "base/secret.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    RECORD_MAX = 16384 + 256, /* one TLS record of plaintext */
    MAX_PUSH = 256,           /* options in one PUSH_REPLY */
    PUSH_FIRST_NS = 1000000000,
};

static const uint32_t our_client_bits = DBR_IV_DATA_V2 | DBR_IV_REQUEST_PUSH | DBR_IV_TLS_KEY_EXPORT |
                                        DBR_IV_AUTH_PENDING_KW | DBR_IV_CC_EXIT_NOTIFY |
                                        DBR_IV_AUTH_FAIL_TEMP | DBR_IV_DYN_TLS_CRYPT;

/* ---- key messages ---- */

int dbr_session_options(const struct dbr_session *s, char *out, size_t cap)
{
    const struct dbr_session_config *cfg = s->cfg;
    struct dbr_occ_params occ = {.server = cfg->server,
                                 .tls_auth = dbr_session_gate_kind(s) == DBR_GATE_TLS_AUTH,
                                 .direction = cfg->key_direction,
                                 .tun_mtu = cfg->tun_mtu,
                                 .cipher = cfg->cipher,
                                 .auth = cfg->auth,
                                 .framed = !cfg->server && cfg->framing != DBR_FRAMING_NONE,
                                 .fragment = s->fragment};
    return dbr_occ_string(&occ, s->peer_options ? s->peer_options : "", out, cap);
}

static int add_sso(char *out, size_t cap, size_t n, const char *sso)
{
    int more = snprintf(out + n, cap - n, "IV_SSO=%s\n", sso);
    return more < 0 || (size_t)more >= cap - n ? DBR_ERR_SPACE : (int)n + more;
}

static int send_key_message(struct dbr_session *s, struct negotiation *n)
{
    const struct dbr_session_config *cfg = s->cfg;
    uint8_t wire[DBR_KEYMSG_MAX];
    struct dbr_keymsg *m = n->mine = calloc(1, sizeof *m);
    if (!m)
        return DBR_ERR_NOMEM;
    cfg->ops->random(cfg->arg, m->pre_master, cfg->server ? 0 : sizeof m->pre_master);
    cfg->ops->random(cfg->arg, m->random1, sizeof m->random1);
    cfg->ops->random(cfg->arg, m->random2, sizeof m->random2);
    int err = dbr_session_options(s, m->options, sizeof m->options);
    if (err >= 0 && (cfg->p2p || s->unpushed)) {
        err = session_p2p_info(s, m->peer_info, sizeof m->peer_info);
    } else if (err >= 0 && !cfg->server) {
        uint32_t bits = our_client_bits & ~(cfg->no_dyn_tls_crypt ? (uint32_t)DBR_IV_DYN_TLS_CRYPT : 0);
        err = dbr_peer_info_write(m->peer_info, sizeof m->peer_info, bits, cfg->tun_mtu + 100,
                                  cfg->data_ciphers, cfg->platform);
        if (err >= 0 && cfg->sso)
            err = add_sso(m->peer_info, sizeof m->peer_info, (size_t)err, cfg->sso);
        if (err >= 0 && cfg->ops->credentials)
            err = cfg->ops->credentials(cfg->arg, s, m->username, m->password);
    }
    if (err < 0)
        return err;
    int len = dbr_keymsg_write(m, !cfg->server, wire, sizeof wire);
    err = len < 0 ? len : dbr_tls_write(n->tls, wire, (size_t)len);
    dbr_wipe(wire, sizeof wire);
    dbr_wipe(m->password, sizeof m->password);
    return err;
}

int session_tls_up(struct dbr_session *s, struct negotiation *n, const struct dbr_now *now)
{
    char text[256];
    (void)now;
    session_log(s, DBR_LOG_NOTICE, "%s", dbr_tls_describe(n->tls, text, sizeof text));
    return s->cfg->server ? 0 : send_key_message(s, n);
}

/* The far end's certificate: kept from the first negotiation; a later one must carry the same name. */
static int keep_peer(struct dbr_session *s, struct negotiation *n)
{
    const struct dbr_x509 *cert = dbr_tls_peer(n->tls);
    if (!cert)
        return DBR_ERR_CERT;
    struct dbr_x509 *fresh = calloc(1, sizeof *fresh);
    if (!fresh)
        return DBR_ERR_NOMEM;
    int err = dbr_x509_copy(fresh, cert);
    if (!err && s->peer && strcmp(s->peer->cn, fresh->cn) != 0) {
        session_log(s, DBR_LOG_NOTICE, "TLS Auth Error: the certificate's name changed in a renegotiation");
        err = DBR_ERR_CERT;
    }
    if (err) {
        dbr_x509_fini(fresh);
        free(fresh);
        return err;
    }
    if (s->peer)
        dbr_x509_fini(s->peer);
    free(s->peer);
    s->peer = fresh;
    return 0;
}

/* With CBC both ends must have the same `auth`; nothing negotiates it. */
static void warn_of_digest(struct dbr_session *s)
{
    char theirs[64], safe[128];
    if (!dbr_cipher_is_cbc(s->cipher) || !dbr_occ_find(s->peer_options, "auth", theirs, sizeof theirs))
        return;
    enum dbr_digest digest = dbr_digest_by_name(theirs);
    if (digest && digest != dbr_digest_by_name(s->cfg->auth))
        session_log(
            s, DBR_LOG_WARN,
            "WARNING: 'auth' is used inconsistently, local='auth %s', remote='auth %s': no frame will "
            "pass; write the same auth on both ends",
            s->cfg->auth, dbr_log_escape(safe, sizeof safe, theirs, strlen(theirs)));
}

/* Where one end has `fragment` and the other not: ours can do without, theirs cannot. */
static void settle_fragment(struct dbr_session *s)
{
    bool ours = s->cfg->fragment, theirs = dbr_occ_fragments(s->peer_options, ours);
    s->fragment = ours && theirs;
    if (ours && !theirs)
        session_log(s, DBR_LOG_NOTICE,
                    "NOTE: 'mtu-dynamic' is missing in remote config: no `fragment` for this peer");
    if (theirs && !ours)
        session_log(
            s, DBR_LOG_WARN,
            "WARNING: 'mtu-dynamic' is present in remote config but missing in local config, remote='mtu-"
            "dynamic': no frame will pass; write `fragment` on both ends, or on none");
}

static int keep_options(struct dbr_session *s, const struct dbr_keymsg *m)
{
    dbr_peer_info_parse(&s->info, m->peer_info);
    free(s->peer_options);
    s->peer_options = strdup(m->options);
    if (!s->peer_options)
        return DBR_ERR_NOMEM;
    settle_fragment(s);
    return 0;
}

/* Server with `mode server`: what the client's first key message settles. */
static void settle_client(struct dbr_session *s)
{
    uint32_t bits = s->info.iv_proto;
    s->use_v2 = bits & DBR_IV_DATA_V2;
    s->use_ekm = bits & DBR_IV_TLS_KEY_EXPORT;
    s->cc_exit = bits & DBR_IV_CC_EXIT_NOTIFY;
    s->dyn_tls_crypt = s->use_ekm && s->cc_exit && (bits & DBR_IV_DYN_TLS_CRYPT) && !s->cfg->no_dyn_tls_crypt;
    s->framing = dbr_negotiate_framing(&s->info, s->peer_options, &s->framing_push);
    s->cipher = dbr_negotiate_cipher(s->cfg->data_ciphers, &s->info, s->peer_options, s->cfg->fallback);
    if (bits & DBR_IV_NCP_P2P)
        session_p2p_downgrade(s);
}

/* Server: cipher, key derivation, packet format, framing. */
static int settle_options(struct dbr_session *s, struct negotiation *n, char *reason, size_t cap)
{
    int err = keep_options(s, n->theirs);
    if (err)
        return err;
    if (s->cfg->p2p)
        err = session_p2p_settle(s, n);
    else
        settle_client(s);
    if (err && err != DBR_ERR_NEGOTIATE)
        return err;
    if (s->cipher == DBR_CIPHER_NONE) {
        snprintf(reason, cap, "Data channel cipher negotiation failed (no shared cipher)");
        return DBR_ERR_NEGOTIATE;
    }
    warn_of_digest(s);
    return 0;
}

void session_refused(struct dbr_session *s, const char *reason, const struct dbr_now *now)
{
    char text[256];
    snprintf(text, sizeof text, "AUTH_FAILED%s%s", *reason ? "," : "", reason);
    dbr_session_close(s, text, *reason ? reason : "refused", now);
}

/* Asks the owner; the password does not outlive the question. */
static int ask_verdict(struct dbr_session *s, struct negotiation *n,
                       int (*ask)(void *arg, struct dbr_session *s, char *reason, size_t cap), char *reason,
                       size_t cap)
{
    s->login = n->theirs;
    int err = ask(s->cfg->arg, s, reason, cap);
    s->login = NULL;
    dbr_wipe(n->theirs->password, sizeof n->theirs->password);
    return err;
}

const char *dbr_session_username(const struct dbr_session *s)
{
    return s->login ? s->login->username : "";
}

const char *dbr_session_password(const struct dbr_session *s)
{
    return s->login ? s->login->password : "";
}

/* Server: the client's first key message. */
static int greet_client(struct dbr_session *s, struct negotiation *n, const struct dbr_now *now)
{
    char reason[192] = "";
    int err = settle_options(s, n, reason, sizeof reason);
    int told = send_key_message(s, n); /* the client understands a refusal only after our key message */
    if (told)
        return told;
    n->state = NEG_DONE;
    s->talk = n;
    if (!err)
        err = ask_verdict(s, n, s->cfg->ops->authorize, reason, sizeof reason);
    if (err == DBR_ERR_AGAIN) {
        s->state = DBR_SESSION_VERDICT;
        return 0;
    }
    if (err) {
        session_refused(s, reason, now);
        return 0;
    }
    return session_admitted(s, now);
}

static int renegotiated(struct dbr_session *s, struct negotiation *n, const struct dbr_now *now)
{
    n->state = NEG_DONE;
    s->talk = n;
    return session_install(s, n, now);
}

/* Server: a later key message. Frames flow under the old key while somebody thinks about it. */
static int judge_again(struct dbr_session *s, struct negotiation *n, const struct dbr_now *now)
{
    char reason[192] = "";
    if (!s->cfg->ops->reauthorize)
        return renegotiated(s, n, now);
    n->state = NEG_DONE;
    s->talk = n;
    int err = ask_verdict(s, n, s->cfg->ops->reauthorize, reason, sizeof reason);
    if (err == DBR_ERR_AGAIN) {
        s->judged = n;
        return 0;
    }
    if (!err)
        return session_install(s, n, now);
    session_refused(s, reason, now);
    return 0;
}

/* Client: the server's first key message. */
static int greet_server(struct dbr_session *s, struct negotiation *n, const struct dbr_now *now)
{
    n->state = NEG_DONE;
    s->talk = n;
    if (s->cfg->p2p) {
        int err = session_p2p_begin(s, n, now);
        warn_of_digest(s);
        return err;
    }
    if (s->info.iv_proto & DBR_IV_NCP_P2P) {
        session_fail(s, now,
                     "the server pushes no options (it runs without `mode server`); write tls-client and "
                     "ifconfig here in place of client and pull");
        return 0;
    }
    s->state = DBR_SESSION_PUSH;
    s->push_ns = now->ns + PUSH_FIRST_NS;
    return 0;
}

static int take_key_message(struct dbr_session *s, struct negotiation *n, const uint8_t *record, size_t len,
                            const struct dbr_now *now)
{
    bool from_client = s->cfg->server;
    struct dbr_keymsg *m = n->theirs = calloc(1, sizeof *m);
    if (!m)
        return DBR_ERR_NOMEM;
    int err = dbr_keymsg_parse(m, from_client, record, len, true);
    if (err < 0) {
        session_log(s, DBR_LOG_NOTICE, "TLS Error: malformed key method 2 message");
        return err == DBR_ERR_AGAIN ? DBR_ERR_SHAPE : err;
    }
    err = keep_peer(s, n);
    if (err)
        return err;
    if (n->key_id == 0 && from_client)
        return greet_client(s, n, now);
    if (from_client) {
        err = send_key_message(s, n);
        return err ? err : judge_again(s, n, now);
    }
    if (n->key_id)
        return renegotiated(s, n, now);
    err = keep_options(s, m);
    return err ? err : greet_server(s, n, now);
}

/* ---- push, server ---- */

int session_write_text(struct dbr_session *s, const char *text)
{
    if (!s->talk || !s->talk->tls)
        return DBR_ERR_STATE;
    return dbr_tls_write(s->talk->tls, (const uint8_t *)text, strlen(text) + 1);
}

/* A token is as good as a password. */
static void log_sent(struct dbr_session *s, const char *text)
{
    static const char secret[] = ",auth-token ";
    const char *p = strstr(text, secret), *end = p ? p + strlen(secret) : NULL;
    session_log(s, DBR_LOG_INFO, "SENT CONTROL [%s]: '%.*s%s' (status=1)", s->peer ? s->peer->cn : "",
                p ? (int)(end - text) : (int)strlen(text), text, p ? "[not shown]" : "");
}

static int emit_push(void *arg, const char *text)
{
    struct dbr_session *s = arg;
    log_sent(s, text);
    return session_write_text(s, text);
}

/* Options that the protocol itself needs, into opts; texts live in pool. */
static size_t protocol_options(const struct dbr_session *s, const char **opts, char pool[4][128])
{
    size_t n = 0;
    if (s->use_v2) {
        snprintf(pool[n], 128, "peer-id %u", s->peer_id);
        n++;
    }
    if (*s->info.ciphers) {
        snprintf(pool[n], 128, "cipher %s", dbr_cipher_name(s->cipher));
        n++;
    }
    if (s->cc_exit) {
        snprintf(pool[n], 128, "protocol-flags cc-exit%s%s", s->use_ekm ? " tls-ekm" : "",
                 s->dyn_tls_crypt ? " dyn-tls-crypt" : "");
        n++;
    } else if (s->use_ekm) {
        snprintf(pool[n], 128, "key-derivation tls-ekm");
        n++;
    }
    if (s->info.iv_mtu) {
        snprintf(pool[n], 128, "tun-mtu %u", s->cfg->tun_mtu);
        n++;
    }
    for (size_t i = 0; i < n; i++)
        opts[i] = pool[i];
    if (s->framing_push)
        opts[n++] = s->framing_push;
    return n;
}

/* The administrator's own compress and comp-lzo lines are left out: which framing a client needs follows from
 * what it said, and two answers would leave it with a framing that we do not speak. */
static size_t without_compression(const char **opts, size_t n)
{
    size_t kept = 0;
    for (size_t i = 0; i < n; i++)
        if (strncmp(opts[i], "compress", 8) != 0 && strncmp(opts[i], "comp-lzo", 8) != 0)
            opts[kept++] = opts[i];
    return kept;
}

static int send_push_reply(struct dbr_session *s, const struct dbr_now *now)
{
    const char *opts[MAX_PUSH];
    char pool[4][128];
    size_t n = s->cfg->ops->push_options(s->cfg->arg, s, opts, MAX_PUSH - 5);
    n = without_compression(opts, n);
    n += protocol_options(s, opts + n, pool);
    int err = dbr_push_reply_write(opts, n, emit_push, s);
    if (!err && s->state == DBR_SESSION_PUSH)
        session_active(s, now);
    return err;
}

/* The server lets this client in: keys first, then the options, so that no frame meets a peer without keys.
 */
int session_admitted(struct dbr_session *s, const struct dbr_now *now)
{
    int err = session_install(s, s->talk, now);
    if (err)
        return err;
    s->authorized = true;
    if (s->cfg->p2p || s->unpushed) {
        session_active(s, now);
        return 0;
    }
    s->state = DBR_SESSION_PUSH;
    bool asked = s->pushed; /* a PUSH_REQUEST came while the verdict was out */
    return (s->info.iv_proto & DBR_IV_REQUEST_PUSH) || asked ? send_push_reply(s, now) : 0;
}

static int push_requested(struct dbr_session *s, const struct dbr_now *now)
{
    if (!s->cfg->server)
        return 0;
    if (s->cfg->p2p) {
        if (!s->pushed)
            session_log(s, DBR_LOG_NOTICE,
                        "the client asks for options, and a server without `mode server` pushes none; add "
                        "`mode server` here, or write tls-client in place of client there");
        s->pushed = true;
        return 0;
    }
    if (!s->authorized) {
        s->pushed = true;
        return 0;
    }
    if ((s->info.iv_proto & DBR_IV_REQUEST_PUSH) && s->state == DBR_SESSION_ACTIVE)
        return 0; /* it crossed our reply, which TLS delivers */
    return send_push_reply(s, now);
}

/* ---- push, client ---- */

/* Value behind "name " in a comma list, copied to out; false if absent. */
static bool pushed_value(const char *options, const char *name, char *out, size_t cap)
{
    size_t len = strlen(name);
    for (const char *p = options; p && *p; p = strchr(p, ',') ? strchr(p, ',') + 1 : NULL) {
        if (strncmp(p, name, len) != 0 || (p[len] != ' ' && p[len] != ',' && p[len]))
            continue;
        const char *v = p + len + (p[len] == ' ');
        snprintf(out, cap, "%.*s", (int)strcspn(v, ","), v);
        return true;
    }
    return false;
}

static bool has_word(const char *words, const char *word)
{
    size_t len = strlen(word);
    for (const char *p = words; (p = strstr(p, word)); p += len)
        if ((p == words || p[-1] == ' ') && (p[len] == ' ' || !p[len]))
            return true;
    return false;
}

/* A server that pushes no cipher is an old one: what its options string names, else our fallback. */
static int take_cipher(struct dbr_session *s, const char *options)
{
    static const struct dbr_peer_info silent;
    const struct dbr_session_config *cfg = s->cfg;
    char text[128];
    if (pushed_value(options, "cipher", text, sizeof text)) {
        enum dbr_cipher c = dbr_cipher_by_name(text, strlen(text));
        bool ours = c && (dbr_cipher_in_list(cfg->data_ciphers, c) || c == cfg->fallback);
        s->cipher = ours ? c : DBR_CIPHER_NONE;
    } else {
        s->cipher = dbr_negotiate_cipher(cfg->data_ciphers, &silent, s->peer_options, cfg->fallback);
    }
    if (s->cipher != DBR_CIPHER_NONE) {
        warn_of_digest(s);
        return 0;
    }
    session_log(s, DBR_LOG_NOTICE, "OPTIONS ERROR: the server's data channel cipher is not one of ours");
    return DBR_ERR_NEGOTIATE;
}

/* The server chose; what it says must be something that we offered. */
static int take_pushed_protocol(struct dbr_session *s, const char *options)
{
    char text[128];
    if (pushed_value(options, "peer-id", text, sizeof text)) {
        unsigned long id = strtoul(text, NULL, 10);
        s->peer_id = id < DBR_PEER_ID_NONE ? (uint32_t)id : DBR_PEER_ID_NONE;
        s->use_v2 = true;
    }
    if (pushed_value(options, "protocol-flags", text, sizeof text)) {
        s->cc_exit = has_word(text, "cc-exit");
        s->use_ekm = has_word(text, "tls-ekm");
        s->dyn_tls_crypt = has_word(text, "dyn-tls-crypt") && s->use_ekm && !s->cfg->no_dyn_tls_crypt;
    }
    if (pushed_value(options, "key-derivation", text, sizeof text))
        s->use_ekm = has_word(text, "tls-ekm");
    if (pushed_value(options, "data-framing", text, sizeof text) && has_word(text, "offload")) {
        s->framing = DBR_FRAMING_OFFLOAD;
    } else if (pushed_value(options, "compress", text, sizeof text)) {
        s->framing = dbr_framing_of_compress(text);
    } else if (pushed_value(options, "comp-lzo", text, sizeof text)) {
        s->framing = DBR_FRAMING_COMP_LZO;
    }
    return take_cipher(s, options);
}

static int push_replied(struct dbr_session *s, const char *rest, const struct dbr_now *now)
{
    if (!s->cfg->server && s->state == DBR_SESSION_ACTIVE)
        s->cfg->ops->message(s->cfg->arg, s, DBR_MSG_PUSH_REPLY, rest);
    if (s->cfg->server || s->state != DBR_SESSION_PUSH)
        return 0;
    int err = dbr_push_collect_add(&s->push, rest);
    if (err)
        return err == DBR_ERR_AGAIN ? 0 : err;
    err = take_pushed_protocol(s, s->push.options);
    if (!err)
        err = s->cfg->ops->pushed(s->cfg->arg, s, s->push.options);
    if (!err)
        err = session_install(s, s->talk, now);
    dbr_push_collect_fini(&s->push);
    if (err)
        return err;
    s->authorized = true;
    session_active(s, now);
    return 0;
}

/* ---- control messages ---- */

static int take_text(struct dbr_session *s, const char *text, const struct dbr_now *now)
{
    const char *rest;
    enum dbr_ctrlmsg kind = dbr_ctrlmsg_parse(text, &rest);
    char safe[256];
    switch (kind) {
    case DBR_MSG_PUSH_REQUEST: return push_requested(s, now);
    case DBR_MSG_PUSH_REPLY: return push_replied(s, rest, now);
    case DBR_MSG_UNKNOWN:
        session_log(s, DBR_LOG_VERBOSE, "control message not known: '%s'",
                    dbr_log_escape(safe, sizeof safe, text, strlen(text)));
        return 0;
    case DBR_MSG_PUSH_UPDATE:
    case DBR_MSG_AUTH_FAILED:
    case DBR_MSG_AUTH_PENDING:
    case DBR_MSG_RESTART:
    case DBR_MSG_HALT:
    case DBR_MSG_EXIT:
    case DBR_MSG_INFO:
    case DBR_MSG_INFO_PRE:
    case DBR_MSG_CR_RESPONSE: s->cfg->ops->message(s->cfg->arg, s, kind, rest); return 0;
    }
    return 0;
}

/* A record holds one or more NUL-terminated messages; what has no NUL is dropped. */
static int take_record(struct dbr_session *s, const uint8_t *record, size_t len, const struct dbr_now *now)
{
    const uint8_t *p = record, *end = record + len, *nul;
    while (p < end && (nul = memchr(p, 0, (size_t)(end - p)))) {
        int err = *p ? take_text(s, (const char *)p, now) : 0;
        if (err || s->state >= DBR_SESSION_CLOSING)
            return err;
        p = nul + 1;
    }
    return 0;
}

int session_read(struct dbr_session *s, struct negotiation *n, const struct dbr_now *now)
{
    uint8_t record[RECORD_MAX];
    size_t len;
    int err = 0;
    while (!err && s->state < DBR_SESSION_CLOSING && n->tls) {
        err = dbr_tls_read(n->tls, record, sizeof record, &len);
        if (err)
            break;
        err = n->state == NEG_KEYS ? take_key_message(s, n, record, len, now)
                                   : take_record(s, record, len, now);
    }
    dbr_wipe(record, DBR_KEYMSG_MAX);
    return err == DBR_ERR_AGAIN ? 0 : err;
}
