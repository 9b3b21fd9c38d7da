/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "ca_cli.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/err.h"
#include "base/secret.h"
#include "certs/say.h"

#define FLAG(name, field, help)                                                                              \
    {                                                                                                        \
        name, NULL, offsetof(struct options, field), help                                                    \
    }
#define WORD(name, arg, field, help)                                                                         \
    {                                                                                                        \
        name, arg, offsetof(struct options, field), help                                                     \
    }

static const struct option_row {
    const char *name, *arg; /* arg NULL: a switch */
    size_t offset;
    const char *help;
} option_rows[] = {
    WORD("dir", "FOLDER", dir, "the CA's folder (else $DRAWBRIDGE_CA, else /var/lib/drawbridge-ca)"),
    FLAG("json", json, "answer in JSON"),
    FLAG("help", help, "this help"),
    WORD("wait", "SPAN", wait, "how long to wait for another command on this CA (default 30s)"),
    WORD("pass-file", "FILE", pass_file, "first line: passphrase of the CA's key"),
    WORD("pass-fd", "N", pass_fd, "the same from a file descriptor"),
    WORD("key-pass-file", "FILE", key_pass_file, "first line: passphrase of the certificate's key"),
    WORD("key-pass-fd", "N", key_pass_fd, "the same from a file descriptor"),
    WORD("p12-pass-file", "FILE", p12_pass_file,
         "first line: passphrase of the PKCS#12 (default: that of the key)"),
    FLAG("gen-pass", gen_pass, "make a passphrase for the new key and print it once"),
    FLAG("no-pass", no_pass, "the new key is not encrypted: for servers, and for labs"),
    WORD("life", "SPAN", life, "how long it is valid: 825d, 12h, 2y"),
    WORD("key-type", "TYPE", key_type, "P-256, P-384, ed25519, rsa:2048, rsa:3072, rsa:4096"),
    WORD("san", "NAMES", san, "alternative names: DNS:vpn.example.com,IP:192.0.2.1"),
    WORD("name", "NAME", name, "the common name"),
    WORD("reason", "REASON", reason,
         "keyCompromise, affiliationChanged, superseded, cessationOfOperation, certificateHold, "
         "CACompromise, unspecified"),
    FLAG("push", push, "tell the concentrators of the configuration at once"),
    FLAG("revoke-old", revoke_old, "revoke the old certificate as superseded"),
    FLAG("new-key", new_key, "make a new private key (else the old one stays)"),
    FLAG("ignore-requested", ignore_requested, "give what the profile gives, whatever the request asks for"),
    WORD("out", "FILE", out, "write to a new file of mode 0600 instead of standard output"),
    WORD("remote", "HOST PORT", remote, "whom the client shall call, e.g. \"vpn.example.com 1194\""),
    WORD("template", "FILE", template_, "directives of the profile instead of ours"),
    WORD("gate", "NAME", gate, "which gate key (default: the one without a name)"),
    FLAG("no-gate", no_gate, "without a gate key"),
    FLAG("tls-crypt", tls_crypt, "the gate key as tls-crypt instead of tls-auth"),
    FLAG("tls-crypt-v2", tls_crypt_v2, "the gate key of its own (gate-key v2 client)"),
    FLAG("p12", p12, "a PKCS#12 file instead of an .ovpn profile"),
    WORD("expiring", "SPAN", expiring, "only valid certificates that end within this time"),
    FLAG("revoked", revoked, "only revoked ones"),
    WORD("serials", "KIND", serials, "random or sequential"),
    WORD("subject", "PREFIX", subject, "what stands before the common name: /C=FR/O=Example"),
    WORD("policy", "NAME", policy, "passphrase policy: strong, symbol+letters+digits, none"),
    WORD("crl-url", "URL", crl_url, "where the CRL will be found; goes into certificates"),
    WORD("ocsp-url", "URL", ocsp_url, "where the OCSP responder will be; goes into certificates"),
    WORD("crl-life", "SPAN", crl_life, "how long a CRL is valid (default 7d)"),
    WORD("publish", "FOLDER", publish_to, "a web server's folder that gets every new CRL"),
    WORD("cert", "FILE", cert, "take this CA certificate (made by another CA) instead of making one"),
    WORD("key", "FILE", key, "its private key"),
    WORD("chain", "FILE", chain, "the certificates above it"),
    FLAG("if-due", if_due, "only if two thirds of the CRL's life are over"),
    WORD("listen", "ADDR:PORT", listen, "where to listen (default 127.0.0.1:8080; [::]:80 for all)"),
    WORD("tls-cert", "FILE", tls_cert, "serve HTTPS with this certificate (PEM, with its chain)"),
    WORD("tls-key", "FILE", tls_key, "its private key"),
    WORD("user", "NAME", user, "become this user after the keys are read and the port is open"),
    FLAG("ca", root, "the CA's own certificate: same name and key, new dates"),
    FLAG("nonce", nonce, "OCSP answers repeat the question's nonce: a signature for each question"),
    WORD("signer", "NAME", signer,
         "name of the ocsp certificate that signs answers; without one, only the CRL"),
};
enum { OPTIONS = sizeof option_rows / sizeof option_rows[0] };

#define CA_PASS   " pass-file pass-fd"
#define KEY_PASS  " key-pass-file key-pass-fd gen-pass no-pass"
#define EVERYBODY " dir json help wait "

static const struct command_row {
    const char *name, *args;
    int min, max;
    command_fn *run;
    const char *options, *help, *examples;
} commands[] = {
    {"init", "NAME", 1, 1, cmd_init,
     CA_PASS " no-pass gen-pass key-type life serials subject policy crl-url ocsp-url crl-life publish "
             "remote cert key chain",
     "make a CA",
     "drawbridge-ca init \"Example VPN CA\"\n"
     "drawbridge-ca --dir /srv/ca init Lab --no-pass --crl-url http://pki.example.com/crl.der"},
    {"import", "", 0, 0, cmd_import, "", "adopt the folder of easy-rsa (pki/) or openssl ca, in place",
     "drawbridge-ca --dir /etc/openvpn/easy-rsa/pki import"},
    {"issue", "server|client|site|ocsp|sub-ca NAME", 2, 2, cmd_issue, CA_PASS KEY_PASS " life key-type san",
     "make a key and its certificate",
     "drawbridge-ca issue server vpn.example.com --no-pass\n"
     "drawbridge-ca issue client alice\n"
     "drawbridge-ca issue client bob --gen-pass --life 90d"},
    {"sign", "server|client|site|ocsp|sub-ca REQUEST-FILE", 2, 2, cmd_sign,
     CA_PASS " life san name ignore-requested",
     "sign a certificate request; only its public key is taken over",
     "drawbridge-ca sign client carol.csr --name carol"},
    {"renew", "NAME | --ca", 0, 1, cmd_renew,
     CA_PASS KEY_PASS " life key-type san new-key revoke-old ca cert chain",
     "the next certificate of a name, or of the CA itself; its key stays unless --new-key",
     "drawbridge-ca renew vpn.example.com\n"
     "drawbridge-ca renew --ca --life 10y\n"
     "drawbridge-ca renew --ca --cert from-above.crt --chain above.crt"},
    {"revoke", "NAME|SERIAL", 1, 1, cmd_revoke, CA_PASS " reason push",
     "revoke, and make and publish the new CRL", "drawbridge-ca revoke alice --reason keyCompromise --push"},
    {"unhold", "NAME|SERIAL", 1, 1, cmd_unhold, CA_PASS " push", "take back a revocation for certificateHold",
     "drawbridge-ca unhold alice"},
    {"crl", "", 0, 0, cmd_crl, CA_PASS " push if-due", "make and publish a new CRL (hourly, from a timer)",
     "drawbridge-ca crl --pass-file /run/credentials/ca-pass"},
    {"publish", "[FOLDER]", 0, 1, cmd_publish, "",
     "copy crl.pem, crl.der and ca.crt to a web server's folder", "drawbridge-ca publish /var/www/pki"},
    {"push", "", 0, 0, cmd_push, "", "hand the CRL to the concentrators of the configuration",
     "drawbridge-ca push"},
    {"list", "", 0, 0, cmd_list, " expiring revoked", "the certificates",
     "drawbridge-ca list --expiring 30d\ndrawbridge-ca list --revoked --json"},
    {"show", "[NAME|SERIAL]", 0, 1, cmd_show, "", "one certificate, or the CA itself",
     "drawbridge-ca show alice"},
    {"export", "NAME", 1, 1, cmd_export,
     " out remote template gate no-gate tls-crypt tls-crypt-v2 p12 key-pass-file key-pass-fd p12-pass-file",
     "one file for a laptop: an .ovpn profile with everything inside, or a .p12",
     "drawbridge-ca export alice --remote \"vpn.example.com 1194\" --out alice.ovpn\n"
     "drawbridge-ca export alice --p12 --out alice.p12"},
    {"gate-key", "new|rotate|show [NAME], or v2 new|rotate|client|show|withdraw [NAME]", 1, 3, cmd_gate_key,
     " out", "the 2048-bit key that stands before TLS",
     "drawbridge-ca gate-key new\ndrawbridge-ca gate-key rotate paris\n"
     "drawbridge-ca gate-key v2 new\ndrawbridge-ca gate-key v2 client alice\n"
     "drawbridge-ca gate-key v2 withdraw alice"},
    {"verify", "", 0, 0, cmd_verify, CA_PASS, "check everything against everything", "drawbridge-ca verify"},
    {"serve", "", 0, 0, cmd_serve,
     " listen tls-cert tls-key user signer nonce life key-pass-file key-pass-fd",
     "the CRL over HTTP, and an OCSP responder",
     "drawbridge-ca serve --listen [::]:80 --user drawbridge-pki --signer responder"},
};
enum { COMMANDS = sizeof commands / sizeof commands[0] };

/* --- help
 * ----------------------------------------------------------------------------------------------------- */

static void help_all(FILE *f)
{
    fprintf(f, "drawbridge-ca " DBR_VERSION ": a private certification authority in a folder\n\n"
               "usage: drawbridge-ca [--dir FOLDER] COMMAND [ARGUMENTS] [OPTIONS]\n\n");
    for (int i = 0; i < COMMANDS; i++)
        fprintf(f, "  %-9s %-38s %s\n", commands[i].name, commands[i].args, commands[i].help);
    fprintf(f, "\nFrom nothing to a laptop:\n"
               "  drawbridge-ca init \"Example VPN CA\"\n"
               "  drawbridge-ca issue server vpn.example.com --no-pass\n"
               "  drawbridge-ca gate-key new\n"
               "  drawbridge-ca issue client alice\n"
               "  drawbridge-ca export alice --remote \"vpn.example.com 1194\" --out alice.ovpn\n"
               "The day alice leaves:\n"
               "  drawbridge-ca revoke alice --push\n\n"
               "drawbridge-ca COMMAND --help tells more.\n");
}

static bool has_word(const char *list, const char *word)
{
    size_t n = strlen(word);
    for (const char *p = list; (p = strstr(p, word)) != NULL; p += n)
        if (p > list && p[-1] == ' ' && (p[n] == ' ' || p[n] == 0))
            return true;
    return false;
}

static bool takes(const struct command_row *row, const struct option_row *option)
{
    return has_word(EVERYBODY, option->name) || (row && has_word(row->options, option->name));
}

static void help_command(FILE *f, const struct command_row *row)
{
    fprintf(f, "usage: drawbridge-ca %s %s\n\n%s\n\n", row->name, row->args, row->help);
    for (int i = 0; i < OPTIONS; i++) {
        char left[64];
        if (!takes(row, &option_rows[i]))
            continue;
        snprintf(left, sizeof left, "--%s %s", option_rows[i].name,
                 option_rows[i].arg ? option_rows[i].arg : "");
        fprintf(f, "  %-24s %s\n", left, option_rows[i].help);
    }
    fprintf(f, "\nexamples:\n%s\n", row->examples);
}

/* --- the command line
 * ----------------------------------------------------------------------------------------- */

static int wrong(const char *what, const char *word)
{
    fprintf(stderr, "drawbridge-ca: %s%s (drawbridge-ca --help)\n", what, word);
    return 2;
}

static const struct option_row *find_option(const char *word, size_t n)
{
    for (int i = 0; i < OPTIONS; i++)
        if (strlen(option_rows[i].name) == n && memcmp(option_rows[i].name, word, n) == 0)
            return &option_rows[i];
    return NULL;
}

/* Takes "--name value", "--name=value" or "--switch" at argv[*i]. */
static int take_option(struct options *o, bool seen[OPTIONS], char **argv, int argc, int *i)
{
    const char *word = argv[*i] + 2, *equals = strchr(word, '=');
    const struct option_row *row = find_option(word, equals ? (size_t)(equals - word) : strlen(word));
    if (!row)
        return wrong("unknown option ", argv[*i]);
    seen[row - option_rows] = true;
    if (!row->arg) {
        *(bool *)((char *)o + row->offset) = true;
        return equals ? wrong("takes no value: ", argv[*i]) : 0;
    }
    if (!equals && *i + 1 >= argc)
        return wrong("a value is missing after ", argv[*i]);
    *(const char **)((char *)o + row->offset) = equals ? equals + 1 : argv[++*i];
    return 0;
}

static const struct command_row *find_command(const char *name)
{
    for (int i = 0; i < COMMANDS; i++)
        if (strcmp(commands[i].name, name) == 0)
            return &commands[i];
    return NULL;
}

static int run(const struct command_row *row, struct call *c, const bool seen[OPTIONS])
{
    if (c->o.help) {
        row ? help_command(stdout, row) : help_all(stdout);
        return 0;
    }
    if (!row) {
        help_all(stderr);
        return 2;
    }
    for (int i = 0; i < OPTIONS; i++)
        if (seen[i] && !takes(row, &option_rows[i]))
            return wrong("this command does not take --", option_rows[i].name);
    int64_t span;
    if (c->o.wait && (!dbr_span_parse(c->o.wait, &span) || span > 86400))
        return wrong("--wait takes a span like 30s, a day at most, not ", c->o.wait);
    if (c->n < row->min || c->n > row->max) {
        help_command(stderr, row);
        return 2;
    }
    return row->run(c);
}

/* Secrets go neither into a core file nor to other processes of this user. */
static void harden(void)
{
    struct rlimit none = {0, 0};
    setrlimit(RLIMIT_CORE, &none);
    prctl(PR_SET_DUMPABLE, 0);
    umask(077);
    signal(SIGPIPE, SIG_IGN);
    unsetenv("OPENSSL_CONF");
}

int main(int argc, char **argv)
{
    struct call c = {.now = (int64_t)time(NULL)};
    bool seen[OPTIONS] = {false};
    const struct command_row *row = NULL;
    char **args = calloc((size_t)argc + 1, sizeof *args);
    int status = args ? 0 : 1;
    harden();
    for (int i = 1; i < argc && !status; i++) {
        if (strncmp(argv[i], "--", 2) == 0 && argv[i][2])
            status = take_option(&c.o, seen, argv, argc, &i);
        else if (row)
            args[c.n++] = argv[i];
        else if (!(row = find_command(argv[i])))
            status = wrong("unknown command ", argv[i]);
    }
    c.args = args;
    if (!status)
        status = run(row, &c, seen);
    if (fflush(stdout) != 0 && !status)
        status = 1;
    free(args);
    return status;
}

/* --- what all commands need
 * ----------------------------------------------------------------------------------- */

int fail(struct call *c, int err)
{
    fprintf(stderr, "drawbridge-ca: %s\n", *c->why ? c->why : dbr_err_text(err));
    return err == DBR_ERR_CONFIG ? 2 : 1;
}

const char *folder_of(const struct call *c)
{
    const char *env = getenv("DRAWBRIDGE_CA");
    return c->o.dir ? c->o.dir : env && *env ? env : "/var/lib/drawbridge-ca";
}

int wait_ms_of(const struct call *c)
{
    int64_t s = 30;
    if (c->o.wait)
        dbr_span_parse(c->o.wait, &s); /* run() has looked at it */
    return (int)s * 1000;
}

/* Is a passphrase needed? Asked with a shared lock, so that nobody waits while a person types. */
static int ca_pass(struct call *c, struct secret *s, struct dbr_pass *pass)
{
    struct dbr_ca *ca;
    int err = dbr_ca_open(&ca, folder_of(c), DBR_STORE_READ, wait_ms_of(c), c->now, c->why, WHY);
    if (err)
        return err;
    bool needed = dbr_ca_needs_pass(ca);
    dbr_ca_close(ca);
    *pass = (struct dbr_pass){0};
    if (!needed)
        return 0;
    err = ask_pass(s, c->o.pass_fd, c->o.pass_file, "Passphrase of the CA's key: ", false, c->why, WHY);
    *pass = (struct dbr_pass){s->p, s->n};
    return err;
}

int open_ca_locked(struct call *c, struct dbr_ca **out)
{
    return dbr_ca_open(out, folder_of(c), DBR_STORE_WRITE, wait_ms_of(c), c->now, c->why, WHY);
}

int open_ca(struct call *c, bool write, struct dbr_ca **out)
{
    struct secret s = {0};
    struct dbr_pass pass;
    if (!write)
        return dbr_ca_open(out, folder_of(c), DBR_STORE_READ, wait_ms_of(c), c->now, c->why, WHY);
    int err = ca_pass(c, &s, &pass);
    if (!err)
        err = open_ca_locked(c, out);
    if (!err) {
        err = dbr_ca_unlock(*out, &pass, c->why, WHY);
        if (err)
            dbr_ca_close(*out);
    }
    dbr_wipe(&s, sizeof s);
    return err;
}

int read_whole(const char *path, size_t max, uint8_t **out, size_t *len, char *why, size_t cap)
{
    int fd = strcmp(path, "-") == 0 ? dup(0) : open(path, O_RDONLY | O_CLOEXEC);
    *out = NULL;
    *len = 0;
    if (fd < 0)
        return dbr_say(errno == ENOENT ? DBR_ERR_NOTFOUND : DBR_ERR_IO, why, cap, "%s: %s", path,
                       strerror(errno));
    uint8_t *p = malloc(max + 2);
    ssize_t r = p ? 1 : 0;
    while (r > 0 && *len <= max) {
        r = read(fd, p + *len, max + 1 - *len);
        *len += r > 0 ? (size_t)r : 0;
    }
    int e = errno;
    close(fd);
    if (!p || r < 0 || *len > max) {
        free(p);
        return dbr_say(r < 0 ? DBR_ERR_IO : DBR_ERR_LIMIT, why, cap, "%s: %s", path,
                       r < 0 ? strerror(e) : "too long");
    }
    p[*len] = 0;
    *out = p;
    return 0;
}

static int write_all(int fd, const uint8_t *p, size_t n)
{
    while (n) {
        ssize_t r = write(fd, p, n);
        if (r < 0 && errno != EINTR)
            return DBR_ERR_IO;
        p += r > 0 ? r : 0;
        n -= r > 0 ? (size_t)r : 0;
    }
    return 0;
}

int write_result(const char *path, const void *bytes, size_t len, char *why, size_t cap)
{
    if (!path)
        return fwrite(bytes, 1, len, stdout) == len && fflush(stdout) == 0
                   ? 0
                   : dbr_say(DBR_ERR_IO, why, cap, "cannot write to standard output");
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0)
        return dbr_say(errno == EEXIST ? DBR_ERR_EXISTS : DBR_ERR_IO, why, cap, "%s: %s", path,
                       strerror(errno));
    int err = write_all(fd, bytes, len);
    if (!err && fsync(fd) != 0)
        err = DBR_ERR_IO;
    int e = errno;
    if (close(fd) != 0 && !err) {
        err = DBR_ERR_IO;
        e = errno;
    }
    if (err)
        unlink(path);
    return err ? dbr_say(err, why, cap, "%s: %s", path, strerror(e)) : 0;
}
