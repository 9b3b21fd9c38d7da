/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "control/mgmt.h"
#include "base/log.h"
#include "base/secret.h"
#include "crypto/kdf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SECOND_NS 1000000000ull
#define MS_NS     1000000ull
enum { WORDS_MAX = 8, SAY_MAX = 2048, STATE_MAX = 160, LINES_MAX = 8192, WHAT_MAX = 32 };

struct line {
    int64_t unix_s;
    char *text; /* what stands behind the time */
};

struct ring {
    struct line *v;
    size_t cap, n, next;
};

struct seat {
    bool taken, passed;
    unsigned tries;
    uint64_t since_ns;
    uint64_t order; /* counts up: who came first */
    char in[2 * MGMT_LINE_MAX];
    size_t n_in;
    bool skipping; /* the rest of a line that was too long */
    char *out;
    size_t n_out, cap_out;
    bool lost; /* it does not read */
    const char *bye;
    uint64_t bye_ns; /* until then its last output may be sent; 0: not yet known */
    bool hurry;      /* it is not waited for */
    bool ended;      /* it will say no more */
    bool log, state, echo;
    unsigned bytes_s; /* 0: no byte counts */
    uint64_t bytes_ns;
    bool wants_bytes;
    uint64_t stalled_ns; /* a command waits for fresh figures until then; 0: none */
    /* client-auth: the lines behind it */
    bool collecting;
    uint64_t cid, kid;
    size_t n_lines;
    bool lines_lost;
    char *lines;
};

struct mgmt {
    struct mgmt_host host;
    uint8_t password[32];
    bool has_password;
    char version[64];
    bool hold, released;
    char wanted[WHAT_MAX]; /* password that is asked for; "" = none */
    struct seat seats[MGMT_SEATS];
    uint64_t arrivals;
    int running;       /* seat whose command runs; -1: none */
    struct seat after; /* only its output: news for that seat, which follow the answer */
    struct ring logs, states;
    int64_t now_s; /* of the last news */
};

/* ---- rings ---- */

static bool ring_init(struct ring *r, size_t cap)
{
    *r = (struct ring){.v = calloc(cap, sizeof *r->v), .cap = cap};
    return r->v;
}

static void ring_free(struct ring *r)
{
    for (size_t i = 0; r->v && i < r->cap; i++)
        free(r->v[i].text);
    free(r->v);
}

static const char *ring_add(struct ring *r, int64_t unix_s, const char *text)
{
    char *copy = strdup(text);
    if (!copy)
        return NULL;
    struct line *l = &r->v[r->next];
    free(l->text);
    *l = (struct line){unix_s, copy};
    r->next = (r->next + 1) % r->cap;
    r->n += r->n < r->cap;
    return copy;
}

/* The last `most` lines, oldest first. */
static void ring_say(struct mgmt *m, int seat, const struct ring *r, size_t most)
{
    size_t n = most < r->n ? most : r->n;
    for (size_t i = 0; i < n; i++) {
        const struct line *l = &r->v[(r->next + r->cap - n + i) % r->cap];
        mgmt_say(m, seat, "%lld,%s", (long long)l->unix_s, l->text);
    }
    mgmt_say(m, seat, "END");
}

/* ---- birth and death ---- */

struct mgmt *mgmt_new(const struct mgmt_host *host, const struct mgmt_config *c)
{
    struct mgmt *m = calloc(1, sizeof *m);
    if (!m)
        return NULL;
    m->host = *host;
    m->hold = c->hold;
    m->running = -1;
    m->has_password = c->password;
    if (c->password)
        memcpy(m->password, c->password, sizeof m->password);
    snprintf(m->version, sizeof m->version, "%s", c->version);
    size_t kept = c->logs_kept ? c->logs_kept : MGMT_LOGS_KEPT;
    if (ring_init(&m->logs, kept < MGMT_LOGS_MAX ? kept : MGMT_LOGS_MAX) &&
        ring_init(&m->states, MGMT_STATES_KEPT))
        return m;
    mgmt_free(m);
    return NULL;
}

void mgmt_free(struct mgmt *m)
{
    if (!m)
        return;
    for (int i = 0; i < MGMT_SEATS; i++)
        mgmt_leave(m, i);
    free(m->after.out);
    ring_free(&m->logs);
    ring_free(&m->states);
    dbr_wipe(m, sizeof *m);
    free(m);
}

/* ---- output ---- */

static bool make_room(struct seat *s, size_t n)
{
    if (s->lost || s->n_out + n > MGMT_OUT_MAX) {
        s->lost = true;
        return false;
    }
    if (s->n_out + n <= s->cap_out)
        return true;
    size_t cap = s->cap_out ? s->cap_out : 4096;
    while (cap < s->n_out + n)
        cap *= 2;
    char *more = realloc(s->out, cap);
    if (!more) {
        s->lost = true;
        return false;
    }
    s->out = more;
    s->cap_out = cap;
    return true;
}

static void put(struct seat *s, const char *bytes, size_t n)
{
    if (!n || !make_room(s, n))
        return;
    memcpy(s->out + s->n_out, bytes, n);
    s->n_out += n;
}

static void say_va(struct seat *s, const char *fmt, va_list ap)
{
    char text[SAY_MAX];
    int n = vsnprintf(text, sizeof text, fmt, ap);
    if (n < 0)
        return;
    put(s, text, (size_t)n < sizeof text ? (size_t)n : sizeof text - 1);
    put(s, "\r\n", 2);
}

void mgmt_say(struct mgmt *m, int seat, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    say_va(&m->seats[seat], fmt, ap);
    va_end(ap);
}

void mgmt_text(struct mgmt *m, int seat, const char *text, size_t n)
{
    while (n) {
        const char *end = memchr(text, '\n', n);
        size_t len = end ? (size_t)(end - text) : n;
        put(&m->seats[seat], text, len);
        put(&m->seats[seat], "\r\n", 2);
        text += len + (end != NULL);
        n -= len + (end != NULL);
    }
}

static bool listens(const struct seat *s)
{
    return s->taken && s->passed && !s->bye && !s->lost;
}

void mgmt_tell(struct mgmt *m, const char *fmt, ...)
{
    for (int i = 0; i < MGMT_SEATS; i++) {
        if (!listens(&m->seats[i]))
            continue;
        va_list ap;
        va_start(ap, fmt);
        say_va(i == m->running ? &m->after : &m->seats[i], fmt, ap);
        va_end(ap);
    }
}

/* A line of news for one manager. */
static void tell_one(struct mgmt *m, int seat, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
static void tell_one(struct mgmt *m, int seat, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    say_va(seat == m->running ? &m->after : &m->seats[seat], fmt, ap);
    va_end(ap);
}

/* OpenVPN's letters: fatal, error, warning, information, debugging. */
static char letter_of(int level, const char *line)
{
    if (strncmp(line, "WARNING: ", 9) == 0)
        return 'W';
    return level == DBR_LOG_FATAL ? 'F' : level >= DBR_LOG_DEBUG ? 'D' : 'I';
}

void mgmt_log(struct mgmt *m, int64_t unix_s, int level, const char *line)
{
    char text[SAY_MAX / 2];
    m->now_s = unix_s;
    snprintf(text, sizeof text, "%c,%s", letter_of(level, line), line);
    if (!ring_add(&m->logs, unix_s, text))
        return;
    for (int i = 0; i < MGMT_SEATS; i++)
        if (listens(&m->seats[i]) && m->seats[i].log)
            tell_one(m, i, ">LOG:%lld,%s", (long long)unix_s, text);
}

void mgmt_state(struct mgmt *m, int64_t unix_s, const char *rest)
{
    char text[STATE_MAX];
    snprintf(text, sizeof text, "%s", rest);
    if (!ring_add(&m->states, unix_s, text))
        return;
    for (int i = 0; i < MGMT_SEATS; i++)
        if (listens(&m->seats[i]) && m->seats[i].state)
            tell_one(m, i, ">STATE:%lld,%s", (long long)unix_s, text);
}

/* ---- words ---- */

/* Splits in place; "..." and '...' keep blanks, a backslash outside of '...' takes the next character as it
 * is. The number of words, or -1: a quote is open, or there are too many. */
static int split(char *line, char **words)
{
    int n = 0;
    char *in = line, *out = line;
    for (;;) {
        in += strspn(in, " \t");
        if (!*in)
            return n;
        if (n == WORDS_MAX)
            return -1;
        words[n++] = out;
        char quote = 0;
        for (; *in && (quote || (*in != ' ' && *in != '\t')); in++) {
            if (quote ? *in == quote : *in == '"' || *in == '\'')
                quote = quote ? 0 : *in;
            else if (*in == '\\' && quote != '\'' && in[1])
                *out++ = *++in;
            else
                *out++ = *in;
        }
        if (quote)
            return -1;
        in += *in != 0;
        *out++ = 0;
    }
}

static bool number(const char *word, uint64_t max, uint64_t *out)
{
    char *end;
    if (!*word || strspn(word, "0123456789") != strlen(word) || strlen(word) > 19)
        return false;
    *out = strtoull(word, &end, 10);
    return *out <= max;
}

/* ---- the commands ---- */

struct call {
    struct mgmt *m;
    struct seat *s;
    int seat, argc;
    char **argv; /* the command's own name is argv[0] */
};

#define SAY(c, ...) mgmt_say((c)->m, (c)->seat, __VA_ARGS__)

static void cmd_help(struct call *c);

static void cmd_version(struct call *c)
{
    if (c->argc > 1) {
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
    if (c->argc > 1 && (!number(c->argv[1], 3, &version) || !version))
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
        ring_say(c->m, c->seat, r, SIZE_MAX);
    } else if (number(word, UINT32_MAX, &n)) {
        ring_say(c->m, c->seat, r, (size_t)n);
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
    if (!number(c->argv[1], 86400, &n)) {
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
    return colon && number(colon + 1, UINT16_MAX, &port) &&
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
    if (number(c->argv[at], UINT64_MAX, out))
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
    else if (number(c->argv[1], 15, &level)) {
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
    if (*m->wanted && strcmp(m->wanted, c->argv[1]) == 0 &&
        m->host.password(m->host.arg, c->argv[1], c->argv[2]))
        SAY(c, "SUCCESS: '%s' password entered, but not yet verified", c->argv[1]);
    else
        SAY(c, "ERROR: no password is currently needed at this time");
    dbr_wipe(c->argv[2], strlen(c->argv[2]));
}

static void cmd_username(struct call *c)
{
    SAY(c, "ERROR: no username is currently needed at this time");
}

static void cmd_forget_passwords(struct call *c)
{
    SAY(c, "SUCCESS: Passwords were forgotten");
}

static void cmd_auth_retry(struct call *c)
{
    SAY(c, "ERROR: auth-retry is set in the configuration");
}

static bool take_ids(struct call *c, uint64_t *cid, uint64_t *kid)
{
    return take_cid(c, 1, "CID", cid) && take_cid(c, 2, "KID", kid);
}

static void answer(struct call *c, bool good)
{
    SAY(c, good ? "SUCCESS: %s command succeeded" : "ERROR: %s command failed", c->argv[0]);
}

/* Lines follow until END. */
static void cmd_client_auth(struct call *c)
{
    struct seat *s = c->s;
    if (!take_ids(c, &s->cid, &s->kid))
        return;
    s->collecting = true;
    s->n_lines = 0;
    s->lines_lost = false;
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
    if (!number(c->argv[4], 3600, &timeout))
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
    {"auth-retry", 0, 1, false, BOTH, cmd_auth_retry, "auth-retry : as configured."},
    {"bytecount", 1, 1, false, BOTH, cmd_bytecount,
     "bytecount n : Show bytes in/out, update every n secs (0=off)."},
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
    {"quit", 0, 0, false, BOTH, cmd_bye, NULL},
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

/* What happened because of the command is told after its answer. */
static void tell_after(struct mgmt *m, int seat)
{
    m->running = -1;
    put(&m->seats[seat], m->after.out, m->after.n_out);
    m->seats[seat].lost |= m->after.lost;
    m->after.n_out = 0;
    m->after.lost = false;
}

static void run_and_tell(struct mgmt *m, int seat, int argc, char **argv)
{
    m->running = seat;
    run_words(m, seat, argc, argv);
    tell_after(m, seat);
}

/* ---- lines ---- */

static void greet(struct mgmt *m, int seat)
{
    m->seats[seat].passed = true;
    mgmt_say(m, seat, ">INFO:OpenVPN Management Interface Version 5 -- type 'help' for more info");
    if (m->hold && !m->released)
        mgmt_say(m, seat, ">HOLD:Waiting for hold release:0");
    if (*m->wanted)
        mgmt_say(m, seat, ">PASSWORD:Need '%s' password", m->wanted);
}

/* Digests are compared, so that neither length nor place of a difference shows in time. */
static void try_password(struct mgmt *m, int seat, const char *line)
{
    struct seat *s = &m->seats[seat];
    uint8_t hash[32];
    struct dbr_part part = {line, strlen(line)};
    dbr_sha256(&part, 1, hash);
    if (dbr_secret_equal(hash, m->password, sizeof hash)) {
        mgmt_say(m, seat, "SUCCESS: password is correct");
        greet(m, seat);
        return;
    }
    mgmt_say(m, seat, "ERROR: bad password");
    if (++s->tries < MGMT_PASSWORD_TRIES)
        put(s, "ENTER PASSWORD:", 15);
    else
        s->bye = "three wrong passwords";
}

static void collect(struct mgmt *m, int seat, const char *line)
{
    struct seat *s = &m->seats[seat];
    size_t n = strlen(line);
    if (strcmp(line, "END") == 0) {
        s->collecting = false;
        if (s->lines)
            s->lines[s->n_lines] = 0;
        m->running = seat;
        bool good = !s->lines_lost &&
                    m->host.admit(m->host.arg, s->cid, s->kid, s->lines && s->n_lines ? s->lines : "");
        mgmt_say(m, seat,
                 good ? "SUCCESS: client-auth command succeeded" : "ERROR: client-auth command failed");
        tell_after(m, seat);
        return;
    }
    if (!s->lines)
        s->lines = malloc(LINES_MAX);
    if (!s->lines || s->n_lines + n + 2 > LINES_MAX) {
        s->lines_lost = true;
        return;
    }
    memcpy(s->lines + s->n_lines, line, n);
    s->n_lines += n;
    s->lines[s->n_lines++] = '\n';
}

/* What a manager types reaches logs and other managers: printable ASCII only. */
static bool printable(const char *line)
{
    for (const char *p = line; *p; p++)
        if ((unsigned char)*p < 0x20 && *p != '\t')
            return false;
    return true;
}

/* True if the command that begins this line must wait for figures. */
static bool must_wait(struct mgmt *m, struct seat *s, const char *line, uint64_t now_ns)
{
    char word[16] = "";
    sscanf(line, "%15s", word);
    const struct command *row = s->passed && !s->collecting ? find(m, word) : NULL;
    if (!row || !row->figures)
        return false;
    if (s->stalled_ns)
        return now_ns < s->stalled_ns;
    if (m->host.fresh(m->host.arg))
        return false;
    s->stalled_ns = now_ns + MGMT_PATIENCE_MS * MS_NS;
    return true;
}

static void run_line(struct mgmt *m, int seat, char *line)
{
    struct seat *s = &m->seats[seat];
    char *words[WORDS_MAX];
    if (!s->passed) {
        try_password(m, seat, line);
        return;
    }
    if (!printable(line)) {
        mgmt_say(m, seat, "ERROR: only printable characters are taken");
        return;
    }
    if (s->collecting) {
        collect(m, seat, line);
        return;
    }
    int n = split(line, words);
    if (n < 0)
        mgmt_say(m, seat, "ERROR: cannot split the command: check its quotes");
    else if (n)
        run_and_tell(m, seat, n, words);
}

static void take_out(struct seat *s, size_t n)
{
    memmove(s->in, s->in + n, s->n_in - n);
    s->n_in -= n;
    dbr_wipe(s->in + s->n_in, n); /* it may have been a password */
}

/* A line that never ends: what is there goes, and so does its rest. */
static void skip(struct mgmt *m, int seat)
{
    struct seat *s = &m->seats[seat];
    if (!s->skipping)
        mgmt_say(m, seat, "ERROR: the line is too long");
    s->skipping = true;
    take_out(s, s->n_in);
}

static void run_all(struct mgmt *m, int seat, uint64_t now_ns)
{
    struct seat *s = &m->seats[seat];
    while (s->taken && !s->bye && !s->lost && s->n_out < MGMT_BACKLOG) {
        char line[MGMT_LINE_MAX];
        const char *end = memchr(s->in, '\n', s->n_in);
        size_t n = end ? (size_t)(end - s->in) : s->n_in;
        if (n >= sizeof line) {
            skip(m, seat);
            continue;
        }
        if (!end) {
            if (s->ended)
                s->bye = "";
            return;
        }
        memcpy(line, s->in, n);
        line[n] = 0;
        line[strcspn(line, "\r")] = 0;
        bool was_rest = s->skipping;
        if (!was_rest && must_wait(m, s, line, now_ns))
            return;
        s->stalled_ns = 0;
        s->skipping = false;
        take_out(s, n + 1);
        if (!was_rest)
            run_line(m, seat, line);
        dbr_wipe(line, sizeof line);
    }
}

/* ---- managers ---- */

int mgmt_seat(struct mgmt *m, uint64_t now_ns)
{
    int seat = 0;
    while (seat < MGMT_SEATS && m->seats[seat].taken)
        seat++;
    if (seat == MGMT_SEATS) {
        struct seat *oldest = NULL;
        for (int i = 0; i < MGMT_SEATS; i++)
            if (!m->seats[i].passed && (!oldest || m->seats[i].order < oldest->order))
                oldest = &m->seats[i];
        if (oldest) {
            oldest->bye = "it showed no password, and others want its place";
            oldest->hurry = true;
        }
        return -1;
    }
    struct seat *s = &m->seats[seat];
    *s = (struct seat){.taken = true, .since_ns = now_ns, .order = m->arrivals++};
    if (m->has_password)
        put(s, "ENTER PASSWORD:", 15);
    else
        greet(m, seat);
    return seat;
}

void mgmt_feed(struct mgmt *m, int seat, const void *bytes, size_t n, uint64_t now_ns)
{
    struct seat *s = &m->seats[seat];
    size_t room = mgmt_room(m, seat);
    if (n > room)
        n = room;
    memcpy(s->in + s->n_in, bytes, n);
    s->n_in += n;
    run_all(m, seat, now_ns);
}

void mgmt_ended(struct mgmt *m, int seat, uint64_t now_ns)
{
    m->seats[seat].ended = true;
    run_all(m, seat, now_ns);
}

size_t mgmt_room(const struct mgmt *m, int seat)
{
    const struct seat *s = &m->seats[seat];
    return s->taken && !s->bye && !s->lost && !s->ended ? sizeof s->in - s->n_in : 0;
}

const char *mgmt_output(const struct mgmt *m, int seat, size_t *n)
{
    *n = m->seats[seat].n_out;
    return m->seats[seat].out;
}

void mgmt_sent(struct mgmt *m, int seat, size_t n, uint64_t now_ns)
{
    struct seat *s = &m->seats[seat];
    memmove(s->out, s->out + n, s->n_out - n);
    s->n_out -= n;
    if (!s->n_out && s->cap_out > MGMT_BACKLOG) {
        free(s->out);
        s->out = NULL;
        s->cap_out = 0;
    }
    run_all(m, seat, now_ns);
}

const char *mgmt_gone(const struct mgmt *m, int seat, bool *at_once)
{
    const struct seat *s = &m->seats[seat];
    *at_once = s->lost || s->hurry;
    return s->lost ? "it does not read what it is told" : s->bye;
}

void mgmt_leave(struct mgmt *m, int seat)
{
    struct seat *s = &m->seats[seat];
    free(s->out);
    free(s->lines);
    dbr_wipe(s, sizeof *s);
}

/* ---- time ---- */

static uint64_t earlier(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

uint64_t mgmt_deadline(const struct mgmt *m)
{
    uint64_t at = UINT64_MAX;
    for (int i = 0; i < MGMT_SEATS; i++) {
        const struct seat *s = &m->seats[i];
        if (!s->taken || s->lost)
            continue;
        if (s->bye) {
            at = earlier(at, s->bye_ns);
            continue;
        }
        if (!s->passed)
            at = earlier(at, s->since_ns + MGMT_PASSWORD_S * SECOND_NS);
        if (s->stalled_ns && s->n_out < MGMT_BACKLOG)
            at = earlier(at, s->stalled_ns);
        if (s->bytes_s)
            at = earlier(at, s->bytes_ns);
    }
    return at;
}

static void count_bytes(struct mgmt *m, int seat, uint64_t now_ns)
{
    struct seat *s = &m->seats[seat];
    s->bytes_ns = now_ns + s->bytes_s * SECOND_NS;
    if (m->host.fresh(m->host.arg))
        m->host.bytes(m->host.arg, seat);
    else
        s->wants_bytes = true;
}

void mgmt_tick(struct mgmt *m, uint64_t now_ns)
{
    for (int i = 0; i < MGMT_SEATS; i++) {
        struct seat *s = &m->seats[i];
        if (!s->taken)
            continue;
        if (s->bye && !s->bye_ns)
            s->bye_ns = now_ns + MGMT_GOODBYE_S * SECOND_NS;
        else if (s->bye && now_ns >= s->bye_ns)
            s->hurry = true;
        if (!s->passed && !s->bye && now_ns >= s->since_ns + MGMT_PASSWORD_S * SECOND_NS)
            s->bye = "it showed no password";
        if (s->stalled_ns && now_ns >= s->stalled_ns)
            run_all(m, i, now_ns);
        if (s->bytes_s && listens(s) && now_ns >= s->bytes_ns)
            count_bytes(m, i, now_ns);
    }
}

void mgmt_fresh(struct mgmt *m, uint64_t now_ns)
{
    for (int i = 0; i < MGMT_SEATS; i++) {
        struct seat *s = &m->seats[i];
        if (s->wants_bytes && listens(s))
            m->host.bytes(m->host.arg, i);
        s->wants_bytes = false;
        if (!s->stalled_ns)
            continue;
        s->stalled_ns = now_ns; /* over */
        run_all(m, i, now_ns);
    }
}

/* ---- hold, passwords ---- */

bool mgmt_held(struct mgmt *m, bool tell)
{
    bool held = m->hold && !m->released;
    if (held && tell)
        mgmt_tell(m, ">HOLD:Waiting for hold release:0");
    return held;
}

void mgmt_want_password(struct mgmt *m, const char *what)
{
    snprintf(m->wanted, sizeof m->wanted, "%s", what ? what : "");
    if (what)
        mgmt_tell(m, ">PASSWORD:Need '%s' password", what);
}

bool mgmt_anybody(const struct mgmt *m)
{
    for (int i = 0; i < MGMT_SEATS; i++)
        if (listens(&m->seats[i]))
            return true;
    return false;
}
