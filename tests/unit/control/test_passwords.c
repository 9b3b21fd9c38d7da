/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * User names and passwords as control sees them: what keeper's script is told, who waits meanwhile, what
 * follows from a name, and that a renegotiation asks again. The test is the keeper. The scripts are run in
 * tests/interop/passwords.sh.
 */
#include "hooked.h"
#include "control/control.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static struct caller *call_as(struct rig *rig, const char *cn, uint16_t port, const char *user,
                              const char *pass)
{
    struct caller *c = rig_call(rig, cn, A, port);
    c->user = user;
    c->pass = pass;
    rig_run(rig, 200);
    return c;
}

static const char verify_file[] = "script-security 2\nauth-user-pass-verify x via-file\n";
static const char verify_env[] = "script-security 3\nauth-user-pass-verify x via-env\n";

static bool file_is(const struct dbr_ipc_hook *m, const char *text)
{
    return m->n_file == strlen(text) && memcmp(m->text + m->n - m->n_file, text, m->n_file) == 0;
}

static const struct {
    const char *config, *user, *pass;
    const char *line; /* in the environment; NULL: none with a password */
    const char *file;
} told[] = {
    {verify_file, "alice", "open sesame", NULL, "alice\nopen sesame\n"},
    {verify_file, "al\nice", "a\nb\x7f", NULL, "al_ice\na_b_\n"}, /* a line more would be another password */
    {verify_file, "J\xc3\xbcrgen", "\xc3\xa9", NULL, "J\xc3\xbcrgen\n\xc3\xa9\n"},
    {verify_file, "alice", "", NULL, "alice\n\n"},
    {verify_env, "alice", "a=b c", "password=a=b c\n", ""},
    {verify_env, "alice", "x\npassword=y", "password=x_password=y\n", ""},
    {"script-security 2\nauth-user-pass-verify x via-env\n", "alice", "secret", NULL, ""},
};

static void test_told(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof told / sizeof *told; i++) {
        struct rig *rig = rig_plain(told[i].config);
        struct caller *c = call_as(rig, "c1", 4000, told[i].user, told[i].pass);
        const struct dbr_ipc_hook *m = must_ask(rig, DBR_HOOK_USER_PASS);
        assert_true(says(m, "username=") && says(m, "\ncommon_name=c1\n"));
        assert_true(file_is(m, told[i].file));
        assert_int_equal(says(m, "\npassword="), told[i].line != NULL);
        assert_true(!told[i].line || says(m, told[i].line));
        assert_false(rig_up(c));
        assert_null(rig_told(rig, DBR_IPC_KEY_NEW, UINT32_MAX, 0, NULL)); /* no keys before the verdict */
        assert_int_equal(rig->ctl->n_admitted, 0);
        result(rig, m->id, 0, "");
        assert_true(rig_up(c));
        assert_string_equal(login_password(rig_client(rig, "c1")), "");
        assert_false(*told[i].pass && rig_logged(rig, told[i].pass));
        rig_free(rig);
    }
}

static void test_refused(void **state)
{
    (void)state;
    struct rig *rig = rig_plain(verify_file);
    struct caller *c = call_as(rig, "c1", 4000, "alice", "wrong");
    uint32_t id = must_ask(rig, DBR_HOOK_USER_PASS)->id;
    result(rig, id, DBR_ERR_STATE, "");
    rig_run(rig, 1000);
    assert_false(rig_up(c));
    assert_string_equal(c->message, "AUTH_FAILED,");
    result(rig, id, 0, ""); /* too late */
    rig_run(rig, 6000);
    assert_false(rig_up(c));
    assert_null(rig_client(rig, "c1"));
    /* no name, no question */
    c = call_as(rig, "c1", 4001, NULL, "pass");
    assert_null(asked(rig));
    rig_run(rig, 6000);
    assert_false(rig_up(c));
    assert_non_null(strstr(c->message, "AUTH_FAILED,"));
    /* keeper does not answer */
    c = call_as(rig, "c1", 4002, "alice", "x");
    must_ask(rig, DBR_HOOK_USER_PASS);
    rig_run(rig, 310000);
    assert_false(rig_up(c));
    assert_int_equal(rig->ctl->n_admitted, 0);
    rig_free(rig);
}

static void test_optional(void **state)
{
    (void)state;
    struct rig *rig = rig_plain("script-security 2\nauth-user-pass-verify x "
                                "via-file\nauth-user-pass-optional\nusername-as-common-name\n");
    struct caller *c = call_as(rig, "c1", 4000, NULL, NULL);
    const struct dbr_ipc_hook *m = must_ask(rig, DBR_HOOK_USER_PASS);
    assert_true(file_is(m, "\n\n"));
    result(rig, m->id, 0, "");
    assert_true(rig_up(c));
    assert_non_null(rig_client(rig, "c1")); /* nobody shares an empty name */
    rig_free(rig);
}

/* Two users of one certificate are two clients; two sessions of one user are one. */
static void test_as_common_name(void **state)
{
    (void)state;
    struct rig *rig = rig_plain(
        "script-security 2\nauth-user-pass-verify x via-file\nusername-as-common-name\nclient-connect y\n");
    struct caller *carol = call_as(rig, "c1", 4000, "carol", "x");
    result(rig, must_ask(rig, DBR_HOOK_USER_PASS)->id, 0, "");
    const struct dbr_ipc_hook *m = must_ask(rig, DBR_HOOK_CLIENT_CONNECT);
    assert_true(says(m, "common_name=carol\n") && says(m, "\nusername=carol\n"));
    result(rig, m->id, 0, "");
    struct caller *dave = call_as(rig, "c1", 4001, "dave", "x");
    result(rig, must_ask(rig, DBR_HOOK_USER_PASS)->id, 0, "");
    result(rig, must_ask(rig, DBR_HOOK_CLIENT_CONNECT)->id, 0, "");
    assert_true(rig_up(carol) && rig_up(dave));
    assert_non_null(rig_client(rig, "carol"));
    assert_non_null(rig_client(rig, "dave"));
    assert_null(rig_client(rig, "c1"));
    uint64_t first = rig_client(rig, "carol")->id;
    call_as(rig, "c1", 4002, "carol", "x");
    assert_int_equal(rig_client(rig, "carol")->id, first); /* not thrown out before the password is good */
    result(rig, must_ask(rig, DBR_HOOK_USER_PASS)->id, 0, "");
    assert_true(rig_client(rig, "carol")->id != first);
    char longest[66];
    memset(longest, 'x', 65);
    longest[65] = 0;
    result(rig, must_ask(rig, DBR_HOOK_CLIENT_CONNECT)->id, 0, "");
    struct caller *c = call_as(rig, "c1", 4003, longest, "x");
    assert_null(asked(rig));
    rig_run(rig, 6000);
    assert_false(rig_up(c));
    rig_free(rig);
}

static struct caller *up(struct rig *rig, const char *user, const char *pass)
{
    struct caller *c = call_as(rig, "c1", 4000, user, pass);
    result(rig, must_ask(rig, DBR_HOOK_USER_PASS)->id, 0, "");
    assert_true(rig_up(c));
    rig_run(rig, 2000);
    rig_forget(rig);
    return c;
}

static void again(struct rig *rig, struct caller *c)
{
    dbr_session_renegotiate(c->session, &rig_now);
    rig_run(rig, 500);
}

static const struct {
    int err;
    const char *user; /* in the renegotiation */
    bool asks, stays;
} agains[] = {
    {0, "alice", true, true},
    {DBR_ERR_STATE, "alice", true, false},
    {0, "bob", false, false}, /* the name that it is in under stays */
    {0, NULL, false, false},
};

static void test_again(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof agains / sizeof *agains; i++) {
        struct rig *rig = rig_plain(verify_file);
        struct caller *c = up(rig, "alice", "one");
        c->user = agains[i].user;
        c->pass = "two";
        again(rig, c);
        const struct dbr_ipc_hook *m = asked(rig);
        assert_int_equal(m != NULL, agains[i].asks);
        if (m) {
            assert_true(file_is(m, "alice\ntwo\n"));
            assert_null(rig_told(rig, DBR_IPC_KEY_NEW, UINT32_MAX, 0, NULL)); /* the old keys serve */
            assert_null(rig_told(rig, DBR_IPC_PEER_DEL, UINT32_MAX, 0, NULL));
            assert_true(rig_client(rig, "c1")->in_data);
            result(rig, m->id, agains[i].err, "");
        }
        struct client *k = rig_client(rig, "c1");
        assert_int_equal(k && k->in_data, agains[i].stays);
        assert_int_equal(rig_told(rig, DBR_IPC_KEY_NEW, UINT32_MAX, 0, NULL) != NULL, agains[i].stays);
        assert_int_equal(rig_told(rig, DBR_IPC_PEER_DEL, UINT32_MAX, 0, NULL) == NULL, agains[i].stays);
        rig_run(rig, 6000);
        assert_int_equal(rig_client(rig, "c1") != NULL, agains[i].stays);
        assert_true(agains[i].stays || strncmp(c->message, "AUTH_FAILED", 11) == 0);
        rig_free(rig);
    }
}

/* tls-verify looks at the certificate of each handshake. */
static void test_tls_verify_again(void **state)
{
    (void)state;
    for (int good = 0; good < 2; good++) {
        struct rig *rig = rig_plain("script-security 2\ntls-verify x\n");
        struct caller *c = rig_call(rig, "c1", A, 4000);
        rig_run(rig, 200);
        result(rig, must_ask(rig, DBR_HOOK_TLS_VERIFY)->id, 0, "");
        result(rig, must_ask(rig, DBR_HOOK_TLS_VERIFY)->id, 0, "");
        assert_true(rig_up(c));
        rig_run(rig, 2000);
        again(rig, c);
        result(rig, must_ask(rig, DBR_HOOK_TLS_VERIFY)->id, 0, "");
        result(rig, must_ask(rig, DBR_HOOK_TLS_VERIFY)->id, good ? 0 : DBR_ERR_STATE, "");
        assert_null(asked(rig));
        rig_run(rig, 6000);
        assert_int_equal(rig_client(rig, "c1") != NULL, good);
        rig_free(rig);
    }
}

static const char with_tokens[] =
    "script-security 2\nauth-user-pass-verify x via-file\nauth-gen-token 100000 7200\n";

/* The token that it was told last, or NULL. */
static const char *token_of(const struct caller *c, char out[DBR_TOKEN_TEXT])
{
    static const char key[] = "auth-token ";
    const char *p = strstr(c->message, key);
    p = p ? p : strstr(c->pushed, key);
    snprintf(out, DBR_TOKEN_TEXT, "%.*s", p ? (int)strcspn(p + strlen(key), ",") : 0,
             p ? p + strlen(key) : "");
    return *out ? out : NULL;
}

static const struct {
    const char *config, *user;
    int flip; /* character of the token that is another one; -1: none */
    unsigned later_s;
    bool stays;
    const char *message; /* begins so, of one that does not stay */
} renewals[] = {
    {with_tokens, "alice", -1, 3000, true, NULL},
    {with_tokens, "alice", -1, 14390, true, NULL},
    {with_tokens, "alice", -1, 14401, false, "AUTH_FAILED,SESSION: token expired"},
    {with_tokens, "alice", 12, 3000, false, "AUTH_FAILED,"},
    {with_tokens, "alice", 90, 3000, false, "AUTH_FAILED,"},
    {with_tokens, "bob", -1, 3000, false, "AUTH_FAILED,"},
};

static void test_tokens(void **state)
{
    (void)state;
    char text[DBR_TOKEN_TEXT], next[DBR_TOKEN_TEXT];
    for (size_t i = 0; i < sizeof renewals / sizeof *renewals; i++) {
        struct rig *rig = rig_plain(renewals[i].config);
        struct caller *c = up(rig, "alice", "once");
        assert_non_null(token_of(c, text));
        assert_false(rig_logged(rig, "SESS_ID_AT_"));
        rig_now.unix_s += renewals[i].later_s;
        if (renewals[i].flip >= 0)
            text[renewals[i].flip] = text[renewals[i].flip] == 'A' ? 'B' : 'A';
        c->user = renewals[i].user;
        c->pass = text;
        again(rig, c);
        assert_null(asked(rig)); /* the token is enough, or not */
        rig_run(rig, 6000);
        assert_int_equal(rig_client(rig, "c1") != NULL, renewals[i].stays);
        if (renewals[i].stays) {
            assert_non_null(token_of(c, next));
            assert_string_not_equal(next, text);
            assert_memory_equal(next, text, 11 + 16 + 10); /* the same session and beginning */
        } else {
            assert_memory_equal(c->message, renewals[i].message, strlen(renewals[i].message));
        }
        rig_free(rig);
    }
}

/* A client that comes again by its token is in; and the session of its tokens goes on. */
static void test_token_anew(void **state)
{
    (void)state;
    char text[DBR_TOKEN_TEXT], next[DBR_TOKEN_TEXT];
    struct rig *rig = rig_plain(with_tokens);
    struct caller *c = up(rig, "alice", "once");
    assert_non_null(token_of(c, text));
    rig_now.unix_s += 60;
    struct caller *d = call_as(rig, "c1", 4001, "alice", text);
    assert_null(asked(rig));
    assert_true(rig_up(d));
    assert_non_null(token_of(d, next));
    assert_memory_equal(next, text, 11 + 16 + 10);
    /* another session's token, however good, is not this one's */
    rig_run(rig, 2000);
    struct caller *e = call_as(rig, "c2", 4002, "alice", "once");
    result(rig, must_ask(rig, DBR_HOOK_USER_PASS)->id, 0, "");
    assert_true(rig_up(e));
    rig_run(rig, 2000);
    e->pass = text;
    again(rig, e);
    rig_run(rig, 6000);
    assert_null(rig_client(rig, "c2"));
    rig_free(rig);
}

/* Between renegotiations a new token comes in time. */
static void test_token_in_time(void **state)
{
    (void)state;
    char text[DBR_TOKEN_TEXT];
    struct rig *rig =
        rig_plain("script-security 2\nauth-user-pass-verify x via-file\nauth-gen-token 0 130\n");
    struct caller *c = up(rig, "alice", "once");
    rig_run(rig, 100000);
    assert_string_equal(c->message, "");
    for (int i = 0; i < 3; i++) {
        rig_run(rig, 135000);
        assert_memory_equal(c->message, "PUSH_REPLY,auth-token SESS_ID_AT_", 33);
        assert_non_null(token_of(c, text));
        c->message[0] = 0;
    }
    rig_free(rig);
}

/* external-auth: the script is told what a token is worth, and decides. */
static void test_token_external(void **state)
{
    (void)state;
    char text[DBR_TOKEN_TEXT];
    struct rig *rig = rig_plain(
        "script-security 2\nauth-user-pass-verify x via-file\nauth-gen-token 50 7200 external-auth\n");
    struct caller *c = call_as(rig, "c1", 4000, "alice", "once");
    const struct dbr_ipc_hook *m = must_ask(rig, DBR_HOOK_USER_PASS);
    assert_true(says(m, "\nsession_state=Initial\nsession_id="));
    result(rig, m->id, 0, "");
    assert_non_null(token_of(c, text));
    static const struct {
        unsigned later_s;
        char first;
        const char *state;
    } says_so[] = {{0, 'S', "Authenticated"}, {60, 'S', "Expired"}, {0, 's', "Initial"}};
    for (size_t i = 0; i < 3; i++) {
        rig_run(rig, 2000);
        rig_now.unix_s += says_so[i].later_s;
        text[0] = says_so[i].first;
        c->pass = text;
        again(rig, c);
        m = must_ask(rig, DBR_HOOK_USER_PASS);
        char line[64];
        snprintf(line, sizeof line, "\nsession_state=%s\nsession_id=", says_so[i].state);
        assert_true(says(m, line));
        result(rig, m->id, 0, "");
        assert_non_null(rig_client(rig, "c1"));
    }
    rig_free(rig);
}

static const struct {
    const char *sso, *pending; /* what the client can, what the script wants meanwhile */
    int err;                   /* in the end */
    bool waits, up;
    const char *told;
} laters[] = {
    {NULL, "20\n\n\n", 0, true, true, ""},
    {NULL, "20\n\n\n", DBR_ERR_STATE, true, false, "AUTH_FAILED,because"},
    {"webauth,crtext", "20\ncrtext\nCR_TEXT:R,E:hm?\n", 0, true, true, "INFO_PRE,CR_TEXT:R,E:hm?"},
    {"webauth,crtexts", "20\ncrtext\nCR_TEXT:R,E:hm?\n", 0, false, false,
     "AUTH_FAILED,Authentication failed, required"},
    {NULL, "20\ncrtext\nx\n", 0, false, false, "AUTH_FAILED,Authentication failed, required"},
    {NULL, "20\n", 0, false, false, "AUTH_FAILED,"},
    {NULL, "0\n\n\n", 0, false, false, "AUTH_FAILED,"},
};

/* A script that answers later. */
static void test_later(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof laters / sizeof *laters; i++) {
        struct rig *rig = rig_plain(verify_file);
        struct caller *c = rig_call(rig, "c1", A, 4000);
        c->user = c->pass = "x";
        c->cfg.sso = laters[i].sso;
        rig_run(rig, 200);
        uint32_t id = must_ask(rig, DBR_HOOK_USER_PASS)->id;
        result(rig, id, DBR_ERR_AGAIN, laters[i].pending);
        assert_int_equal(rig->ctl->hook_waiters != NULL, laters[i].waits);
        assert_false(rig_up(c));
        rig_run(rig, 15000);
        if (laters[i].waits)
            result(rig, id, laters[i].err, laters[i].err ? "because\nof this" : "");
        rig_run(rig, 1000);
        if (strncmp(c->message, laters[i].told, strlen(laters[i].told)) != 0)
            fail_msg("case %zu: %s", i, c->message);
        assert_int_equal(rig_up(c), laters[i].up);
        rig_free(rig);
    }
}

/* The client's answer goes to a script that shares the question's files; only base64, and not for ever. */
static void test_answer(void **state)
{
    (void)state;
    struct rig *rig = rig_plain("script-security 2\nauth-user-pass-verify x via-file\nclient-crresponse y\n");
    struct caller *c = rig_call(rig, "c1", A, 4000);
    c->user = c->pass = "x";
    c->cfg.sso = "crtext";
    rig_run(rig, 200);
    uint32_t id = must_ask(rig, DBR_HOOK_USER_PASS)->id;
    result(rig, id, DBR_ERR_AGAIN, "20\ncrtext\nCR_TEXT:R,E:hm?\n");
    static const char *const wrong[] = {"CR_RESPONSE,", "CR_RESPONSE,a b", "CR_RESPONSE,$(reboot)"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        dbr_session_say(c->session, wrong[i], &rig_now);
        rig_run(rig, 100);
        assert_null(asked(rig));
    }
    unsigned n = 0;
    for (int i = 0; i < 20; i++) {
        dbr_session_say(c->session, "CR_RESPONSE,NDI=", &rig_now);
        rig_run(rig, 100);
        const struct dbr_ipc_hook *m = asked(rig);
        if (!m)
            continue;
        n++;
        assert_int_equal(m->hook, DBR_HOOK_CRRESPONSE);
        assert_int_equal(m->id, id);
        assert_true(file_is(m, "NDI="));
    }
    assert_in_range(n, 1, 8);
    result(rig, id, 0, "");
    assert_true(rig_up(c));
    dbr_session_say(c->session, "CR_RESPONSE,NDI=", &rig_now); /* nobody has asked */
    rig_run(rig, 100);
    assert_null(asked(rig));
    rig_free(rig);
}

/* override-username: in tokens and scripts; what the client says stays good, what others say does not. */
static void test_override(void **state)
{
    (void)state;
    static const struct {
        const char *user;
        bool stays;
    } later[] = {{"alice", true}, {"boss", true}, {"bob", false}};
    for (size_t i = 0; i < sizeof later / sizeof *later; i++) {
        char folder[] = "/tmp/drawbridge-ccd-XXXXXX", file[64], text[DBR_TOKEN_TEXT];
        assert_non_null(mkdtemp(folder));
        snprintf(file, sizeof file, "%s/c1", folder);
        FILE *f = fopen(file, "w");
        assert_non_null(f);
        fputs("override-username boss\n", f);
        fclose(f);
        char config[256];
        snprintf(config, sizeof config, "%sclient-config-dir %s\n", with_tokens, folder);
        struct rig *rig =
            rig_new(&(struct rig_options){.config = config, .gate = DBR_GATE_TLS_AUTH, .ccd = folder});
        struct caller *c = up(rig, "alice", "once");
        assert_string_equal(login_user(rig_client(rig, "c1")), "boss");
        assert_non_null(strstr(c->pushed, "auth-token-user Ym9zcw=="));
        assert_non_null(token_of(c, text));
        c->user = later[i].user;
        c->pass = text;
        again(rig, c);
        assert_null(asked(rig));
        rig_run(rig, 6000);
        assert_int_equal(rig_client(rig, "c1") != NULL, later[i].stays);
        rig_free(rig);
        unlink(file);
        rmdir(folder);
    }
}

/* Who dies while its password is looked at leaves nothing behind. */
static void test_gone(void **state)
{
    (void)state;
    struct rig *rig = rig_plain("script-security 2\nauth-user-pass-verify x via-file\nclient-disconnect y\n");
    struct caller *c = up(rig, "alice", "one");
    again(rig, c);
    uint32_t id = must_ask(rig, DBR_HOOK_USER_PASS)->id;
    client_kick(rig_client(rig, "c1"), "RESTART", "test");
    result(rig, id, 0, "");
    rig_run(rig, 6000);
    must_ask(rig, DBR_HOOK_CLIENT_DISCONNECT);
    assert_null(asked(rig));
    assert_null(rig->ctl->hook_waiters);
    assert_null(rig_client(rig, "c1"));
    rig_free(rig);
}

/* Who goes while his script is to answer later: keeper hears that nobody waits for it. */
static void test_gone_while_later(void **state)
{
    (void)state;
    union {
        struct dbr_ipc_hook_done done;
        uint64_t room[DBR_IPC_MAX / 8];
    } m;
    struct rig *rig = rig_plain(verify_file);
    struct caller *c = rig_call(rig, "c1", A, 4000);
    c->user = c->pass = "x";
    rig_run(rig, 200);
    uint32_t id = must_ask(rig, DBR_HOOK_USER_PASS)->id, heard = 0;
    result(rig, id, DBR_ERR_AGAIN, "20\n\n\n");
    assert_non_null(rig->ctl->hook_waiters);
    client_free(rig->ctl->hook_waiters);
    assert_null(rig->ctl->hook_waiters);
    for (ssize_t n; !heard && (n = recv(rig->keeper, &m, sizeof m, MSG_DONTWAIT)) > 0;) {
        assert_int_equal(dbr_ipc_check(&m, (size_t)n), 0);
        heard = m.done.head.type == DBR_IPC_HOOK_DONE ? m.done.id : 0;
    }
    assert_int_equal(heard, id);
    rig_free(rig);
}

static int teardown(void **state)
{
    (void)state;
    rig_pki_free();
    return 0;
}

/* --check-config has no keeper that made a secret. */
static void test_check(void **state)
{
    (void)state;
    struct rig *rig = rig_plain("script-security 2\nauth-user-pass-verify x via-file\nauth-gen-token 3600\n");
    assert_int_equal(dbr_control_check(&rig->cfg, &rig->boot.log), 0);
    rig_free(rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_told),           cmocka_unit_test(test_refused),
        cmocka_unit_test(test_optional),       cmocka_unit_test(test_as_common_name),
        cmocka_unit_test(test_again),          cmocka_unit_test(test_tls_verify_again),
        cmocka_unit_test(test_gone),           cmocka_unit_test(test_later),
        cmocka_unit_test(test_answer),         cmocka_unit_test(test_tokens),
        cmocka_unit_test(test_token_anew),     cmocka_unit_test(test_token_in_time),
        cmocka_unit_test(test_token_external), cmocka_unit_test(test_gone_while_later),
        cmocka_unit_test(test_override),       cmocka_unit_test(test_check),
    };
    return cmocka_run_group_tests(tests, NULL, teardown);
}
