/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "rig.h"
#include "proto/keymsg.h"

#include <setjmp.h>
#include <fcntl.h>
#include <malloc.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include <openssl/pem.h>
#include <openssl/x509v3.h>

#define MS_NS 1000000ull
enum { NAMES = 64, CONFIG = 65536 };

struct dbr_now rig_now;
static struct rig *the_rig; /* control_send finds its wire here */
static struct pki_id *ca, *server_ids[2];
static struct {
    char cn[80];
    struct pki_id *id;
    struct dbr_tls_ctx *tls;
} names[NAMES];
static size_t n_names;
static int64_t born_s;

/* ---- in place of server/control/outside.c ---- */

void control_clock(struct control *ctl)
{
    ctl->now = rig_now;
}

static void enqueue(struct rig *rig, const struct dbr_addr *addr, bool to_server, const uint8_t *dgram,
                    size_t len)
{
    if (rig->n_queue == RIG_QUEUE || len > RIG_DGRAM)
        return;
    struct rig_dgram *d = &rig->queue[(rig->head + rig->n_queue++) % RIG_QUEUE];
    d->addr = *addr;
    d->to_server = to_server;
    d->len = len;
    memcpy(d->bytes, dgram, len);
}

int control_send(struct control *ctl, const struct dbr_addr *to, const uint8_t *dgram, size_t len)
{
    struct rig *rig = the_rig;
    (void)ctl;
    rig->sent++;
    rig->sent_bytes += len;
    if (rig->spy) {
        struct rig_dgram d = {.addr = *to, .len = len};
        memcpy(d.bytes, dgram, len);
        rig->spy(rig, &d);
    }
    if (!rig->keep_answers) {
        enqueue(rig, to, false, dgram, len);
        return 0;
    }
    struct rig_dgram *d = &rig->answers[rig->n_answers++ % RIG_QUEUE];
    d->addr = *to;
    d->len = len;
    memcpy(d->bytes, dgram, len);
    return 0;
}

/* ---- certificates ---- */

static void pki(void)
{
    if (ca)
        return;
    born_s = time(NULL);
    ca = pki_root("Test CA");
    server_ids[0] = pki_server("gate.example", ca);
}

const struct pki_id *rig_server(void)
{
    pki();
    return server_ids[0];
}

const struct pki_id *rig_ca(void)
{
    pki();
    return ca;
}

static const struct pki_id *server_id(int rsa_bits)
{
    if (!rsa_bits)
        return server_ids[0];
    if (!server_ids[1])
        server_ids[1] =
            pki_make(&(struct pki_spec){.subject = "/CN=gate.example",
                                        .rsa_bits = rsa_bits,
                                        .exts = {"basicConstraints", "CA:FALSE", "keyUsage",
                                                 "digitalSignature", "extendedKeyUsage", "serverAuth"}},
                     ca);
    return server_ids[1];
}

struct dbr_tls_ctx *rig_tls(const struct pki_id *id)
{
    char why[512];
    struct dbr_tls_ctx *ctx;
    struct dbr_tls_config t = {.ca = ca->pem,
                               .ca_len = ca->pem_len,
                               .cert = id->pem,
                               .cert_len = id->pem_len,
                               .key = id->key_pem,
                               .key_len = id->key_pem_len};
    if (dbr_tls_ctx_new(&ctx, &t, why, sizeof why)) {
        fprintf(stderr, "%s\n", why);
        exit(99);
    }
    return ctx;
}

static const char *name_to_add;

static void add_name(X509 *cert) /* by hand: a name may have any character */
{
    if (*name_to_add)
        pki_add_raw(cert, NID_commonName, V_ASN1_UTF8STRING, name_to_add, (int)strlen(name_to_add));
}

static size_t name_of(const char *cn)
{
    size_t i = 0;
    pki();
    while (i < n_names && strcmp(names[i].cn, cn) != 0)
        i++;
    if (i < n_names)
        return i;
    if (n_names == NAMES)
        exit(99);
    snprintf(names[i].cn, sizeof names[i].cn, "%s", cn);
    name_to_add = cn;
    names[i].id = pki_make(&(struct pki_spec){.subject = "/O=Office",
                                              .twist = add_name,
                                              .exts = {"basicConstraints", "CA:FALSE", "keyUsage",
                                                       "digitalSignature", "extendedKeyUsage", "clientAuth"}},
                           ca);
    names[i].tls = rig_tls(names[i].id);
    return n_names++;
}

const struct pki_id *rig_id(const char *cn)
{
    return names[name_of(cn)].id;
}

void rig_pki_free(void)
{
    for (size_t i = 0; i < n_names; i++) {
        dbr_tls_ctx_put(names[i].tls);
        pki_free(names[i].id);
    }
    n_names = 0;
    pki_free(server_ids[0]);
    pki_free(server_ids[1]);
    pki_free(ca);
    ca = server_ids[0] = server_ids[1] = NULL;
}

uint8_t *rig_crl(unsigned number, const struct pki_id *const *revoked, size_t n, size_t *len)
{
    X509_CRL *crl = X509_CRL_new();
    ASN1_TIME *t = ASN1_TIME_set(NULL, (time_t)rig_now.unix_s - 60 + number);
    X509_CRL_set_version(crl, 1);
    X509_CRL_set_issuer_name(crl, X509_get_subject_name(ca->cert));
    X509_CRL_set1_lastUpdate(crl, t);
    ASN1_TIME_set(t, (time_t)rig_now.unix_s + 3600);
    X509_CRL_set1_nextUpdate(crl, t);
    for (size_t i = 0; i < n; i++) {
        X509_REVOKED *r = X509_REVOKED_new();
        X509_REVOKED_set_serialNumber(r, X509_get_serialNumber(revoked[i]->cert));
        ASN1_TIME_set(t, (time_t)rig_now.unix_s - 120);
        X509_REVOKED_set_revocationDate(r, t);
        X509_CRL_add0_revoked(crl, r);
    }
    ASN1_INTEGER *num = ASN1_INTEGER_new();
    ASN1_INTEGER_set(num, number);
    X509_CRL_add1_ext_i2d(crl, NID_crl_number, num, 0, 0);
    X509_CRL_sort(crl);
    X509_CRL_sign(crl, ca->key, EVP_sha256());
    uint8_t *der = NULL;
    int size = i2d_X509_CRL(crl, &der);
    uint8_t *out = malloc((size_t)size);
    memcpy(out, der, (size_t)size);
    *len = (size_t)size;
    OPENSSL_free(der);
    ASN1_INTEGER_free(num);
    ASN1_TIME_free(t);
    X509_CRL_free(crl);
    return out;
}

int rig_file(const void *bytes, size_t len)
{
    int fd = memfd_create("rig", MFD_CLOEXEC);
    if (fd < 0 || write(fd, bytes, len) != (ssize_t)len)
        fail_msg("no memfd");
    return fd;
}

size_t rig_heap(void)
{
    struct mallinfo2 m = mallinfo2();
    return m.uordblks + m.hblkhd;
}

bool rig_can_count(void)
{
    size_t before = rig_heap();
    void *volatile p = malloc(5000);
    bool counts = rig_heap() > before;
    free(p);
    if (!counts)
        print_message("memory is not counted: this heap is a sanitizer's\n");
    return counts;
}

/* ---- birth and death ---- */

static void sink(void *arg, int level, const char *line)
{
    struct rig *rig = arg;
    (void)level;
    size_t n = strlen(line);
    rig->log_lines++;
    if (getenv("RIG_LOG"))
        fprintf(stderr, "%9.3f %s\n", (double)rig_now.ns / 1e9, line);
    if (rig->log_len + n + 2 >= RIG_LOG)
        return;
    memcpy(rig->log + rig->log_len, line, n);
    rig->log_len += n;
    rig->log[rig->log_len++] = '\n';
    rig->log[rig->log_len] = 0;
}

bool rig_logged(const struct rig *rig, const char *text)
{
    return strstr(rig->log, text);
}

static int lock_down(const struct dbr_boot *boot)
{
    (void)boot;
    return 0;
}

static void complain(void *arg, enum dbr_conf_severity severity, const char *line)
{
    (void)arg;
    if (severity == DBR_CONF_ERROR)
        fprintf(stderr, "%s\n", line);
}

static size_t put(char *out, size_t at, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(out + at, CONFIG - at, fmt, ap);
    va_end(ap);
    return at + (size_t)n;
}

static void read_config(struct rig *rig, const struct rig_options *o)
{
    static char text[CONFIG];
    const struct dbr_conf_diag diag = {.say = complain};
    const struct pki_id *id = server_id(o->rsa_bits);
    const char *more = o->config ? o->config : "";
    size_t n = put(text, 0, "dev tap0\ndh none\nkeepalive 10 60\nverb 3\n%s", more);
    if (!strstr(more, "server-bridge") && !strstr(more, "tls-server"))
        n = put(text, n, "\nserver-bridge 192.168.50.1 255.255.255.0 192.168.50.100 192.168.50.149");
    n = put(text, n, "\n<ca>\n%s</ca>\n<cert>\n%s</cert>\n", ca->pem, id->pem);
    if (!strstr(more, "management-external-key"))
        n = put(text, n, "<key>\n%s</key>\n", id->key_pem);
    if (o->gate == DBR_GATE_TLS_AUTH) {
        n = put(text, n, "key-direction 0\n<tls-auth>\n-----BEGIN OpenVPN Static key V1-----\n");
        for (size_t i = 0; i < DBR_STATIC_KEY_LEN; i++)
            n = put(text, n, "%02x%s", rig->static_key[i], i % 16 == 15 ? "\n" : "");
        n = put(text, n, "-----END OpenVPN Static key V1-----\n</tls-auth>\n");
    }
    if (o->crl) {
        size_t len;
        const struct pki_id *revoked = o->revoked ? names[name_of(o->revoked)].id : NULL;
        uint8_t *der = rig_crl(1, &revoked, revoked != NULL, &len);
        const uint8_t *p = der;
        X509_CRL *crl = d2i_X509_CRL(NULL, &p, (long)len);
        BIO *bio = BIO_new(BIO_s_mem());
        char *pem;
        PEM_write_bio_X509_CRL(bio, crl);
        long size = BIO_get_mem_data(bio, &pem);
        n = put(text, n, "<crl-verify>\n%.*s</crl-verify>\n", (int)size, pem);
        BIO_free(bio);
        X509_CRL_free(crl);
        free(der);
    }
    if (dbr_config_init(&rig->cfg) || dbr_config_parse(&rig->cfg, "rig", text, n, &diag) ||
        dbr_config_finish(&rig->cfg, &diag))
        exit(99);
}

static void pair(int *ours, int *theirs, int type)
{
    int sv[2];
    if (socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, sv))
        exit(99);
    *ours = sv[0];
    *theirs = sv[1];
}

static int listen_here(int type)
{
    struct sockaddr_un any = {.sun_family = AF_UNIX}; /* an abstract name of the kernel's choice */
    int sock = socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (sock < 0 || bind(sock, (struct sockaddr *)&any, sizeof any.sun_family) || listen(sock, 16))
        exit(99);
    return sock;
}

static void make_boot(struct rig *rig, const struct rig_options *o)
{
    static _Atomic uint64_t alive[1 + DBR_MAX_WORKERS];
    static const uint8_t token_secret[32] = {4, 5, 6};
    struct dbr_boot *b = &rig->boot;
    b->config = &rig->cfg;
    b->log = (struct dbr_log){.verb = 3, .sink = sink, .arg = rig};
    b->single = rig->cfg.p2p;
    b->n_workers = b->single ? 1 : RIG_WORKERS;
    b->alive = alive;
    b->restarted = o->restarted;
    b->token_secret = token_secret;
    b->lock_down = lock_down;
    b->ipc_fetch = b->ipc_metrics = b->status_fd = b->ccd_fd = b->ctl_fd = b->management_fd = b->log_fd =
        b->metrics_fd = -1;
    b->crl_state[0] = b->crl_state[1] = -1;
    pair(&rig->wire, &b->udp[0], SOCK_DGRAM);
    pair(&rig->keeper, &b->ipc_keeper, SOCK_SEQPACKET);
    for (size_t i = 0; i < RIG_WORKERS; i++)
        pair(&rig->worker[i], &b->ipc_control[i], SOCK_SEQPACKET);
    if (o->status)
        b->status_fd = memfd_create("status", MFD_CLOEXEC);
    if (o->ccd)
        b->ccd_fd = open(o->ccd, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (o->ctl)
        rig->ctl_listener = b->ctl_fd = listen_here(SOCK_SEQPACKET);
    rig->metrics = rig->fetch = -1;
    if (o->fetch)
        pair(&rig->fetch, &b->ipc_fetch, SOCK_SEQPACKET);
    if (o->metrics)
        pair(&rig->metrics, &b->ipc_metrics, SOCK_SEQPACKET);
    if (o->management)
        b->management_fd = listen_here(SOCK_STREAM);
    b->ipc_signer = o->ipc_signer;
}

struct rig *rig_new(const struct rig_options *opt)
{
    struct rig *rig = the_rig = calloc(1, sizeof *rig);
    pki();
    rig_now = (struct dbr_now){.ns = 1000000 * MS_NS, .unix_s = born_s};
    rig->rng = 88172645463325252u;
    for (size_t i = 0; i < sizeof rig->static_key; i++)
        rig->static_key[i] = (uint8_t)(i * 7 + 1);
    rig->queue = calloc(RIG_QUEUE, sizeof *rig->queue);
    rig->answers = calloc(RIG_QUEUE, sizeof *rig->answers);
    rig->log = calloc(1, RIG_LOG);
    read_config(rig, opt);
    make_boot(rig, opt);
    if (dbr_gate_new(&rig->gate, opt->gate, opt->gate ? rig->static_key : NULL, opt->gate ? 1 : -1,
                     rig->cfg.auth))
        exit(99);
    rig->ctl = control_new(&rig->boot);
    if (!rig->ctl)
        fail_msg("control does not start: %s", rig->log);
    return rig;
}

struct rig *rig_plain(const char *config)
{
    return rig_new(&(struct rig_options){.config = config, .gate = DBR_GATE_TLS_AUTH});
}

static void close_all(struct rig *rig)
{
    int fds[] = {rig->wire,           rig->keeper,           rig->boot.udp[0], rig->boot.ipc_keeper,
                 rig->boot.status_fd, rig->boot.ccd_fd,      rig->boot.ctl_fd, rig->boot.management_fd,
                 rig->metrics,        rig->boot.ipc_metrics, rig->fetch,       rig->boot.ipc_fetch};
    for (size_t i = 0; i < sizeof fds / sizeof *fds; i++)
        if (fds[i] >= 0)
            close(fds[i]);
    for (size_t i = 0; i < RIG_WORKERS; i++) {
        close(rig->worker[i]);
        close(rig->boot.ipc_control[i]);
    }
}

void rig_free(struct rig *rig)
{
    rig->keep_answers = true; /* nobody listens any more */
    control_free(rig->ctl);
    for (size_t i = 0; i < RIG_CALLERS; i++)
        if (rig->callers[i])
            rig_hang_up(rig->callers[i]);
    dbr_gate_free(rig->gate);
    dbr_config_free(&rig->cfg);
    close_all(rig);
    free(rig->queue);
    free(rig->answers);
    free(rig->told);
    free(rig->log);
    free(rig);
    the_rig = NULL;
}

/* ---- callers ---- */

static void op_send(void *arg, struct dbr_session *s, const uint8_t *dgram, size_t len)
{
    struct caller *c = arg;
    (void)s;
    enqueue(c->rig, &c->addr, true, dgram, len);
}

static int op_keys(void *arg, struct dbr_session *s, const struct dbr_data_keys *keys)
{
    struct caller *c = arg;
    (void)s;
    c->keys = *keys;
    c->has_keys = true;
    return 0;
}

static void op_key_id(void *arg, struct dbr_session *s, uint8_t key_id)
{
    (void)arg;
    (void)s;
    (void)key_id;
}

static int op_pushed(void *arg, struct dbr_session *s, const char *options)
{
    struct caller *c = arg;
    (void)s;
    snprintf(c->pushed, sizeof c->pushed, "%s", options);
    return 0;
}

static void op_message(void *arg, struct dbr_session *s, enum dbr_ctrlmsg kind, const char *rest)
{
    struct caller *c = arg;
    (void)s;
    snprintf(c->message, sizeof c->message, "%s,%s",
             kind == DBR_MSG_AUTH_FAILED  ? "AUTH_FAILED"
             : kind == DBR_MSG_RESTART    ? "RESTART"
             : kind == DBR_MSG_INFO_PRE   ? "INFO_PRE"
             : kind == DBR_MSG_PUSH_REPLY ? "PUSH_REPLY"
                                          : "other",
             rest);
}

static void op_log(void *arg, struct dbr_session *s, int level, const char *line)
{
    (void)arg;
    (void)s;
    (void)level;
    if (getenv("RIG_LOG"))
        fprintf(stderr, "%9.3f caller: %s\n", (double)rig_now.ns / 1e9, line);
}

static void op_random(void *arg, void *out, size_t n)
{
    struct caller *c = arg;
    uint8_t *p = out;
    for (size_t i = 0; i < n; i++) {
        uint64_t *x = &c->rig->rng;
        *x ^= *x << 13, *x ^= *x >> 7, *x ^= *x << 17;
        p[i] = (uint8_t)(*x >> 24);
    }
}

static int op_login(void *arg, struct dbr_session *s, char *user, char *pass)
{
    const struct caller *c = arg;
    (void)s;
    snprintf(user, DBR_USERPASS_MAX, "%s", c->user ? c->user : "");
    snprintf(pass, DBR_USERPASS_MAX, "%s", c->pass ? c->pass : "");
    return 0;
}

static const struct dbr_session_ops caller_ops = {.send = op_send,
                                                  .credentials = op_login,
                                                  .keys = op_keys,
                                                  .swap = op_key_id,
                                                  .drop = op_key_id,
                                                  .pushed = op_pushed,
                                                  .message = op_message,
                                                  .log = op_log,
                                                  .random = op_random};

struct dbr_addr rig_addr(uint32_t ip, uint16_t port)
{
    return (struct dbr_addr){
        .family = 4,
        .port = port,
        .ip = {(uint8_t)(ip >> 24), (uint8_t)(ip >> 16), (uint8_t)(ip >> 8), (uint8_t)ip}};
}

struct caller *rig_call_as(struct rig *rig, struct dbr_tls_ctx *tls, uint32_t ip, uint16_t port)
{
    struct caller *c = calloc(1, sizeof *c);
    size_t i = 0;
    while (i < RIG_CALLERS && rig->callers[i])
        i++;
    if (!c || i == RIG_CALLERS)
        exit(99);
    rig->callers[i] = c;
    if (i >= rig->n_callers)
        rig->n_callers = i + 1;
    c->rig = rig;
    c->addr = rig_addr(ip, port);
    c->cfg = (struct dbr_session_config){
        .gate = rig->gate,
        .static_key = dbr_gate_kind_of(rig->gate) == DBR_GATE_NONE ? NULL : rig->static_key,
        .wkc = rig->wkc,
        .wkc_len = rig->wkc_len,
        .tls = tls,
        .p2p = rig->cfg.p2p,
        .data_ciphers = "AES-256-GCM:AES-128-GCM:CHACHA20-POLY1305",
        .auth = rig->cfg.auth,
        .cipher = rig->cfg.cipher,
        .key_direction = 1,
        .tun_mtu = 1500,
        .hand_window_s = 60,
        .tran_window_s = 3600,
        .tls_timeout_s = 2,
        .platform = "linux",
        .ops = &caller_ops,
        .arg = c};
    c->session = dbr_session_new_client(&c->cfg, c, &rig_now);
    return c;
}

struct caller *rig_call(struct rig *rig, const char *cn, uint32_t ip, uint16_t port)
{
    return rig_call_as(rig, names[name_of(cn)].tls, ip, port);
}

void rig_hang_up(struct caller *c)
{
    for (size_t i = 0; i < c->rig->n_callers; i++)
        if (c->rig->callers[i] == c)
            c->rig->callers[i] = NULL;
    dbr_session_free(c->session);
    free(c);
}

bool rig_up(const struct caller *c)
{
    return dbr_session_state(c->session) == DBR_SESSION_ACTIVE;
}

struct caller *rig_connect(struct rig *rig, const char *cn, uint32_t ip, uint16_t port)
{
    struct caller *c = rig_call(rig, cn, ip, port);
    rig_settle(rig);
    for (int i = 0; i < 100 && !rig_up(c); i++)
        rig_run(rig, 100);
    if (!rig_up(c))
        fail_msg("%s does not get in; control says:\n%s", cn, rig->log);
    return c;
}

struct client *rig_client(struct rig *rig, const char *cn)
{
    return client_named(rig->ctl, cn, NULL);
}

/* ---- wire and time ---- */

static void drain_workers(struct rig *rig)
{
    for (unsigned i = 0; i < RIG_WORKERS && !rig->deaf; i++)
        for (;;) {
            struct rig_told t = {.worker = i};
            if (dbr_ipc_recv(rig->worker[i], t.message, NULL))
                break;
            if (rig->n_told == rig->cap_told) {
                rig->cap_told = rig->cap_told ? rig->cap_told * 2 : 64;
                rig->told = realloc(rig->told, rig->cap_told * sizeof *rig->told);
            }
            rig->told[rig->n_told++] = t;
        }
}

static void deliver(struct rig *rig, struct rig_dgram *d)
{
    if (d->to_server && rig->ctl->stop)
        return;
    if (d->to_server) {
        control_clock(rig->ctl);
        control_datagram(rig->ctl, d->bytes, d->len, &d->addr);
        return;
    }
    for (size_t i = 0; i < rig->n_callers; i++) {
        struct caller *c = rig->callers[i];
        if (!c || !dbr_addr_equal(&c->addr, &d->addr))
            continue;
        c->rounds++;
        dbr_session_feed(c->session, d->bytes, d->len, &rig_now);
    }
}

static void tick_callers(struct rig *rig)
{
    for (size_t i = 0; i < rig->n_callers; i++) {
        struct caller *c = rig->callers[i];
        if (c && dbr_session_state(c->session) != DBR_SESSION_DEAD &&
            dbr_session_deadline(c->session) <= rig_now.ns)
            dbr_session_tick(c->session, &rig_now);
    }
}

void rig_settle(struct rig *rig)
{
    do {
        while (rig->n_queue) {
            struct rig_dgram d = rig->queue[rig->head];
            rig->head = (rig->head + 1) % RIG_QUEUE;
            rig->n_queue--;
            deliver(rig, &d);
            drain_workers(rig);
        }
        tick_callers(rig); /* what they put off to the end of the batch */
        if (!rig->ctl->stop)
            control_turn(rig->ctl, 0);
        drain_workers(rig);
    } while (rig->n_queue);
}

static uint64_t next_event(struct rig *rig, uint64_t limit)
{
    uint64_t at = control_deadline(rig->ctl);
    for (size_t i = 0; i < rig->n_callers; i++) {
        struct caller *c = rig->callers[i];
        if (c && dbr_session_state(c->session) != DBR_SESSION_DEAD && dbr_session_deadline(c->session) < at)
            at = dbr_session_deadline(c->session);
    }
    return at < limit ? at : limit;
}

void rig_run(struct rig *rig, uint64_t ms)
{
    uint64_t limit = rig_now.ns + ms * MS_NS;
    rig_settle(rig);
    while (rig_now.ns < limit) {
        uint64_t at = next_event(rig, limit);
        if (at > rig_now.ns)
            rig_now.ns = at;
        rig_now.unix_s = born_s + (int64_t)(rig_now.ns / (1000 * MS_NS)) - 1000;
        tick_callers(rig);
        rig_settle(rig);
    }
}

/* ---- raw datagrams ---- */

size_t rig_packet(struct rig *rig, const struct dbr_control *c, uint32_t replay_id, uint8_t out[RIG_DGRAM])
{
    uint8_t inner[RIG_DGRAM];
    int n = dbr_control_write(c, inner, sizeof inner);
    if (n < 0)
        fail_msg("control packet cannot be written");
    n = dbr_gate_seal(rig->gate, dbr_first_byte(c->opcode, c->key_id), c->sid, replay_id,
                      (uint32_t)rig_now.unix_s, inner, (size_t)n, out, RIG_DGRAM);
    return n > 0 ? (size_t)n : 0;
}

size_t rig_reset(struct rig *rig, uint64_t sid, uint32_t id, uint32_t replay_id, uint8_t out[RIG_DGRAM])
{
    struct dbr_control c = {.opcode = DBR_OP_RESET_CLIENT, .sid = sid, .has_id = true, .id = id};
    return rig_packet(rig, &c, replay_id, out);
}

void rig_hand(struct rig *rig, const uint8_t *dgram, size_t len, const struct dbr_addr *from)
{
    uint8_t *copy = malloc(len ? len : 1); /* a block of its own, so that a sanitizer sees an over-read */
    memcpy(copy, dgram, len);
    control_clock(rig->ctl);
    control_datagram(rig->ctl, copy, len, from);
    free(copy);
}

size_t rig_proof(struct rig *rig, uint64_t sid, const struct dbr_addr *from, uint8_t out[RIG_DGRAM])
{
    uint8_t reset[RIG_DGRAM];
    bool kept = rig->keep_answers;
    rig->keep_answers = true;
    rig->n_answers = 0;
    size_t n = rig_reset(rig, sid, 0, 1, reset);
    rig_hand(rig, reset, n, from);
    rig->keep_answers = kept;
    if (rig->n_answers != 1)
        return 0;
    struct dbr_control ack = {.opcode = DBR_OP_ACK, .sid = sid, .n_acks = 1, .peer_sid = 0};
    for (int i = 0; i < 8; i++)
        ack.peer_sid = ack.peer_sid << 8 | rig->answers[0].bytes[1 + i];
    return rig_packet(rig, &ack, 2, out);
}

/* ---- workers and keeper ---- */

void rig_say(struct rig *rig, unsigned worker, const void *message)
{
    if (dbr_ipc_send(rig->worker[worker], message, -1))
        fail_msg("the worker's message does not go out");
    control_clock(rig->ctl);
    workers_read(rig->ctl, worker);
    rig_settle(rig);
}

void rig_keeper_says(struct rig *rig, const void *message, int fd)
{
    if (dbr_ipc_send(rig->keeper, message, fd))
        fail_msg("keeper's message does not go out");
    if (fd >= 0)
        close(fd);
    control_clock(rig->ctl);
    keeper_read(rig->ctl);
}

void rig_state(struct rig *rig, enum dbr_state what)
{
    struct dbr_ipc_state m = {.head = dbr_ipc_head(DBR_IPC_STATE, sizeof m, 0), .what = what};
    rig_keeper_says(rig, &m, -1);
}

void rig_take_crl(struct rig *rig, unsigned number, const struct pki_id *const *revoked, size_t n)
{
    size_t len;
    uint8_t *der = rig_crl(number, revoked, n, &len);
    struct dbr_ipc_file m = {.head = dbr_ipc_head(DBR_IPC_FILE, sizeof m, 0), .what = DBR_FILE_CRL};
    rig_keeper_says(rig, &m, rig_file(der, len));
    free(der);
}

const void *rig_told(struct rig *rig, uint16_t type, uint32_t peer_id, size_t i, size_t *place)
{
    drain_workers(rig);
    for (size_t k = 0; k < rig->n_told; k++) {
        const struct dbr_ipc_head *h = (const void *)rig->told[k].message;
        if (h->type != type || (peer_id != UINT32_MAX && h->peer_id != peer_id) || i--)
            continue;
        if (place)
            *place = k;
        return h;
    }
    return NULL;
}

void rig_forget(struct rig *rig)
{
    drain_workers(rig);
    rig->n_told = 0;
}
