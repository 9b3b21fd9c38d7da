/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "control/mgmt_seat.h"
#include "base/secret.h"

#include <stdlib.h>
#include <string.h>

bool mgmt_number(const char *word, uint64_t max, uint64_t *out)
{
    char *end;
    if (!*word || strspn(word, "0123456789") != strlen(word) || strlen(word) > 19)
        return false;
    *out = strtoull(word, &end, 10);
    return *out <= max;
}

/* ---- the commands ---- */

static void cmd_help(struct call *c);

static void cmd_version(struct call *c)
{
    uint64_t version;
    if (c->argc > 1) {
        c->s->version = mgmt_number(c->argv[1], 99, &version) ? (unsigned)version : 0;
        mgmt_version_known(c->m, c->seat);
        SAY(c, "SUCCESS: Management client version set to %.16s", c->argv[1]);
        return;
    }
    SAY(c, "OpenVPN Version: OpenVPN 2.6.14 (%s)", c->m->version);
    SAY(c, "Management Version: 5");
    SAY(c, "END");
}

static void cmd_status(struct call *c)
{
    uint64_t version = 1;
    if (c->argc > 1 && (!mgmt_number(c->argv[1], 3, &version) || !version))
        SAY(c, "ERROR: status version must be 1, 2 or 3");
    else
        c->m->host.status(c->m->host.arg, (int)version, c->seat);
}

static void cmd_load_stats(struct call *c)
{
    unsigned clients;
    uint64_t in, out;
    c->m->host.totals(c->m->host.arg, &clients, &in, &out);
    SAY(c, "SUCCESS: nclients=%u,bytesin=%llu,bytesout=%llu", clients, (unsigned long long)in,
        (unsigned long long)out);
}

/* state, log and echo: on, off, all, or the last N. */
static void history(struct call *c, const char *what, bool *on, const struct ring *r, const char *word)
{
    uint64_t n;
    if (strcmp(word, "all") == 0) {
        mgmt_ring_say(c->m, c->seat, r, SIZE_MAX);
    } else if (mgmt_number(word, UINT32_MAX, &n)) {
        mgmt_ring_say(c->m, c->seat, r, (size_t)n);
    } else if (strcmp(word, "on") == 0 || strcmp(word, "off") == 0) {
        *on = word[1] == 'n';
        SAY(c, "SUCCESS: real-time %s notification set to %s", what, *on ? "ON" : "OFF");
        if (*on && c->argc > 2 && strcmp(c->argv[2], "on") != 0 && strcmp(c->argv[2], "off") != 0)
            history(c, what, on, r, c->argv[2]);
    } else {
        SAY(c, "ERROR: %s parameter must be 'on' or 'off' or some number n or 'all'", what);
    }
}

static void cmd_state(struct call *c)
{
    history(c, "state", &c->s->state, &c->m->states, c->argc > 1 ? c->argv[1] : "1");
}

static void cmd_log(struct call *c)
{
    history(c, "log", &c->s->log, &c->m->logs, c->argv[1]);
}

static void cmd_echo(struct call *c)
{
    static const struct ring none;
    history(c, "echo", &c->s->echo, &none, c->argv[1]);
}

static void cmd_bytecount(struct call *c)
{
    uint64_t n;
    if (!mgmt_number(c->argv[1], 86400, &n)) {
        SAY(c, "ERROR: the interval is a number of seconds, 0 for none");
        return;
    }
    c->s->bytes_s = (unsigned)n;
    c->s->bytes_ns = 0; /* from the next tick on */
    SAY(c, "SUCCESS: bytecount interval changed");
}

static void cmd_hold(struct call *c)
{
    struct mgmt *m = c->m;
    const char *word = c->argc > 1 ? c->argv[1] : "";
    if (!*word) {
        SAY(c, "SUCCESS: hold=%d", m->hold);
    } else if (strcmp(word, "on") == 0 || strcmp(word, "off") == 0) {
        m->hold = word[1] == 'n';
        SAY(c, "SUCCESS: hold flag set to %s", m->hold ? "ON" : "OFF");
    } else if (strcmp(word, "release") == 0) {
        m->released = true;
        SAY(c, "SUCCESS: hold release succeeded");
        m->host.release(m->host.arg);
    } else {
        SAY(c, "ERROR: bad hold command parameter");
    }
}

/* A common name may have a colon in it, an address ends in one and digits. */
static bool looks_like_address(const char *word)
{
    const char *colon = strrchr(word, ':');
    uint64_t port;
    return colon && mgmt_number(colon + 1, UINT16_MAX, &port) &&
           strspn(word, "0123456789abcdefABCDEF.:[]%") == strlen(word);
}

static void cmd_kill(struct call *c)
{
    const char *whom = c->argv[1];
    if (strncmp(whom, "udp4:", 5) == 0 || strncmp(whom, "udp6:", 5) == 0)
        whom += 5; /* as the status of 2.7 has it */
    bool address = looks_like_address(whom);
    unsigned n = c->m->host.kill(c->m->host.arg, whom, address);
    if (address && n)
        SAY(c, "SUCCESS: %u client(s) at address %s killed", n, whom);
    else if (address)
        SAY(c, "ERROR: client at address %s not found", whom);
    else if (n)
        SAY(c, "SUCCESS: common name '%s' found, %u client(s) killed", whom, n);
    else
        SAY(c, "ERROR: common name '%s' not found", whom);
}

static bool take_cid(struct call *c, int at, const char *what, uint64_t *out)
{
    if (mgmt_number(c->argv[at], UINT64_MAX, out))
        return true;
    SAY(c, "ERROR: cannot parse %s", what);
    return false;
}

static void cmd_client_kill(struct call *c)
{
    uint64_t cid;
    const char *message = c->argc > 2 ? c->argv[2] : "RESTART";
    if (!take_cid(c, 1, "CID", &cid))
        return;
    if (strncmp(message, "RESTART", 7) != 0 && strncmp(message, "HALT", 4) != 0)
        SAY(c, "ERROR: the message to the client begins with RESTART or HALT");
    else if (c->m->host.client_kill(c->m->host.arg, cid, message))
        SAY(c, "SUCCESS: client-kill command succeeded");
    else
        SAY(c, "ERROR: client-kill command failed");
}

static void cmd_pid(struct call *c)
{
    SAY(c, "SUCCESS: pid=%d", c->m->host.pid);
}

static void cmd_verb(struct call *c)
{
    uint64_t level;
    if (c->argc < 2)
        SAY(c, "SUCCESS: verb=%d", c->m->host.verb(c->m->host.arg, -1));
    else if (mgmt_number(c->argv[1], 15, &level)) {
        c->m->host.verb(c->m->host.arg, (int)level);
        SAY(c, "SUCCESS: verb level changed");
    } else
        SAY(c, "ERROR: verb level is out of range");
}

/* Lines about far ends are rationed anyhow; there is no level to set. */
static void cmd_mute(struct call *c)
{
    if (c->argc < 2)
        SAY(c, "SUCCESS: mute=0");
    else
        SAY(c, "ERROR: mute level is fixed: lines about far ends are rationed by themselves");
}

static void cmd_signal(struct call *c)
{
    static const char *const names[MGMT_SIGNALS] = {"SIGHUP", "SIGTERM", "SIGUSR1", "SIGUSR2"};
    for (int i = 0; i < MGMT_SIGNALS; i++) {
        if (strcmp(names[i], c->argv[1]) != 0)
            continue;
        SAY(c, "SUCCESS: signal %s thrown", names[i]);
        c->m->host.raise(c->m->host.arg, (enum mgmt_signal)i);
        return;
    }
    SAY(c, "ERROR: signal '%s' is not a known signal type", c->argv[1]);
}

static void cmd_net(struct call *c)
{
    SAY(c, "ERROR: the net command is for Windows; see `ip route` on this host");
}

static void cmd_bye(struct call *c)
{
    c->s->bye = "";
}

static void cmd_password(struct call *c)
{
    struct mgmt *m = c->m;
    if (mgmt_login(c))
        return;
    if (*m->wanted && strcmp(m->wanted, c->argv[1]) == 0 &&
        m->host.password(m->host.arg, c->argv[1], c->argv[2]))
        SAY(c, "SUCCESS: '%s' password entered, but not yet verified", c->argv[1]);
    else
        SAY(c, "ERROR: no password is currently needed at this time");
    dbr_wipe(c->argv[2], strlen(c->argv[2]));
}

static void cmd_username(struct call *c)
{
    if (!mgmt_username(c))
        SAY(c, "ERROR: no username is currently needed at this time");
}

static void cmd_forget_passwords(struct call *c)
{
    SAY(c, "SUCCESS: Passwords were forgotten");
}

static void cmd_auth_retry(struct call *c)
{
    const struct mgmt_host *h = &c->m->host;
    if (c->argc > 1 && h->retry && h->retry(h->arg, c->argv[1]))
        SAY(c, "SUCCESS: auth-retry parameter changed");
    else
        SAY(c, "ERROR: auth-retry takes none, interact or nointeract, of a client");
}

static bool take_ids(struct call *c, uint64_t *cid, uint64_t *kid)
{
    return take_cid(c, 1, "CID", cid) && take_cid(c, 2, "KID", kid);
}

static void answer(struct call *c, bool good)
{
    SAY(c, good ? "SUCCESS: %s command succeeded" : "ERROR: %s command failed", c->argv[0]);
}

void mgmt_collect(struct call *c, const char *name, bool (*take)(struct mgmt *m, const struct seat *s))
{
    struct seat *s = c->s;
    s->collecting = take;
    s->collects = name;
    s->n_lines = 0;
    s->lines_lost = false;
}

static bool take_config(struct mgmt *m, const struct seat *s)
{
    return m->host.admit(m->host.arg, s->cid, s->kid, s->lines && s->n_lines ? s->lines : "");
}

static void cmd_client_auth(struct call *c)
{
    if (take_ids(c, &c->s->cid, &c->s->kid))
        mgmt_collect(c, "client-auth", take_config);
}

static void cmd_client_auth_nt(struct call *c)
{
    uint64_t cid, kid;
    if (take_ids(c, &cid, &kid))
        answer(c, c->m->host.admit(c->m->host.arg, cid, kid, ""));
}

static void cmd_client_deny(struct call *c)
{
    uint64_t cid, kid;
    if (take_ids(c, &cid, &kid))
        answer(c, c->m->host.deny(c->m->host.arg, cid, kid, c->argv[3], c->argc > 4 ? c->argv[4] : ""));
}

static void cmd_client_pending_auth(struct call *c)
{
    uint64_t cid, kid, timeout;
    if (!take_ids(c, &cid, &kid))
        return;
    if (!mgmt_number(c->argv[4], 3600, &timeout))
        SAY(c, "ERROR: cannot parse timeout");
    else
        answer(c, c->m->host.pending(c->m->host.arg, cid, kid, c->argv[3], (unsigned)timeout));
}

enum { BOTH, SERVER, CLIENT, JUDGE }; /* JUDGE: a server whose clients wait for managers */

static const struct command {
    const char *word;
    uint8_t least, most; /* arguments */
    bool figures;        /* it shows figures that workers have */
    uint8_t role;
    void (*run)(struct call *c);
    const char *help;
} commands[] = {
    {"auth-retry", 0, 1, false, BOTH, cmd_auth_retry,
     "auth-retry t : Auth failure retry mode (none, interact, nointeract)."},
    {"bytecount", 1, 1, false, BOTH, cmd_bytecount,
     "bytecount n : Show bytes in/out, update every n secs (0=off)."},
    {"certificate", 0, 0, false, CLIENT, mgmt_certificate,
     "certificate : Enter a certificate in response to >NEED-CERTIFICATE, lines follow until END."},
    {"client-auth", 2, 2, false, JUDGE, cmd_client_auth,
     "client-auth CID KID : Authenticate client, config lines follow until END."},
    {"client-auth-nt", 2, 2, false, JUDGE, cmd_client_auth_nt,
     "client-auth-nt CID KID : Authenticate client."},
    {"client-deny", 3, 4, false, JUDGE, cmd_client_deny,
     "client-deny CID KID R [CR] : Deny client with log reason R and client reason CR."},
    {"client-kill", 1, 2, false, SERVER, cmd_client_kill,
     "client-kill CID [M] : Kill client, sending it M (RESTART or HALT)."},
    {"client-pending-auth", 4, 4, false, JUDGE, cmd_client_pending_auth,
     "client-pending-auth CID KID MSG SECONDS : Tell the client MSG and wait longer."},
    {"cr-response", 1, 1, false, CLIENT, mgmt_response,
     "cr-response response : Send a challenge response answer (base64)."},
    {"echo", 1, 2, false, BOTH, cmd_echo,
     "echo [on|off] [N|all] : Like log, for echo messages (there are none)."},
    {"exit", 0, 0, false, BOTH, cmd_bye, "exit|quit : Close this session."},
    {"forget-passwords", 0, 0, false, BOTH, cmd_forget_passwords,
     "forget-passwords : Forget passwords entered so far."},
    {"help", 0, 0, false, BOTH, cmd_help, "help : Print this message."},
    {"hold", 0, 1, false, BOTH, cmd_hold, "hold [on|off|release] : Show or set the hold flag, or start."},
    {"kill", 1, 1, false, SERVER, cmd_kill, "kill cn|IP:port : Kill the client(s) of this name or address."},
    {"load-stats", 0, 0, true, BOTH, cmd_load_stats, "load-stats : Show global load stats."},
    {"log", 1, 2, false, BOTH, cmd_log,
     "log [on|off] [N|all] : Turn the real-time log on or off, show the last N."},
    {"mute", 0, 1, false, BOTH, cmd_mute, "mute : Show the mute level."},
    {"net", 0, 0, false, BOTH, cmd_net, "net : (Windows only.)"},
    {"password", 2, 2, false, BOTH, cmd_password,
     "password type p : Enter password p for a queried password."},
    {"pid", 0, 0, false, BOTH, cmd_pid, "pid : Show the process id."},
    {"pk-sig", 0, 0, false, BOTH, mgmt_signature,
     "pk-sig : Enter a signature in response to >PK_SIGN, base64 lines follow until END."},
    {"proxy", 1, 4, false, CLIENT, mgmt_proxy, "proxy NONE : Call without a proxy."},
    {"quit", 0, 0, false, BOTH, cmd_bye, NULL},
    {"remote", 1, 3, false, CLIENT, mgmt_remote,
     "remote ACCEPT|SKIP [n]|MOD host port : Say whom to call, in response to >REMOTE."},
    {"remote-entry-count", 0, 0, false, CLIENT, mgmt_remote_count, "remote-entry-count : Number of remotes."},
    {"remote-entry-get", 1, 2, false, CLIENT, mgmt_remote_get,
     "remote-entry-get i|all [j] : Remotes from i to j - 1."},
    {"rsa-sig", 0, 0, false, BOTH, mgmt_signature, NULL},
    {"signal", 1, 1, false, BOTH, cmd_signal, "signal s : SIGHUP, SIGTERM, SIGUSR1 or SIGUSR2."},
    {"state", 0, 2, false, BOTH, cmd_state, "state [on|off] [N|all] : Like log, for the state."},
    {"status", 0, 1, true, BOTH, cmd_status, "status [n] : Show the status in format n (1, 2 or 3)."},
    {"username", 2, 2, false, BOTH, cmd_username,
     "username type u : Enter username u for a queried username."},
    {"verb", 0, 1, false, BOTH, cmd_verb, "verb [n] : Set the log verbosity to n, or show it."},
    {"version", 0, 1, false, BOTH, cmd_version, "version [n] : Show the version, or set the manager's."},
};

static bool offered(const struct mgmt *m, const struct command *row)
{
    return row->role == BOTH ||
           (row->role == JUDGE ? m->host.admit != NULL : (row->role == CLIENT) == m->host.client);
}

static void cmd_help(struct call *c)
{
    SAY(c, "Management Interface for OpenVPN 2.6.14 (%s)", c->m->version);
    SAY(c, "Commands:");
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
        if (commands[i].help && offered(c->m, &commands[i]))
            SAY(c, "%s", commands[i].help);
    SAY(c, "END");
}

static const struct command *find(const struct mgmt *m, const char *word)
{
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
        if (strcmp(commands[i].word, word) == 0 && offered(m, &commands[i]))
            return &commands[i];
    return NULL;
}

static void run_words(struct mgmt *m, int seat, int argc, char **argv)
{
    struct call c = {.m = m, .s = &m->seats[seat], .seat = seat, .argc = argc, .argv = argv};
    const struct command *row = find(m, argv[0]);
    if (!row)
        SAY(&c, "ERROR: unknown command, enter 'help' for more options");
    else if (argc - 1 < row->least || argc - 1 > row->most)
        SAY(&c, "ERROR: the '%s' command takes %u to %u parameters", row->word, row->least, row->most);
    else
        row->run(&c);
}

void mgmt_run(struct mgmt *m, int seat, int argc, char **argv)
{
    m->running = seat;
    run_words(m, seat, argc, argv);
    mgmt_tell_after(m, seat);
}

bool mgmt_shows_figures(const struct mgmt *m, const char *word)
{
    const struct command *row = find(m, word);
    return row && row->figures;
}
