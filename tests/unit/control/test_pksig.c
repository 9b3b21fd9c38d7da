/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * A server whose key its managers have (management-external-key), and managers who answer late, twice, or
 * with another key: no handshake is lost by it but the one that nobody signs for.
 */
#include "rig.h"

#include "base/base64.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <openssl/evp.h>

#include <cmocka.h>

static struct rig *rig;
static int manager;
static char heard[65536];
static size_t n_heard;

static void manager_comes(void)
{
    struct sockaddr_un at;
    socklen_t n = sizeof at;
    assert_int_equal(getsockname(rig->boot.management_fd, (struct sockaddr *)&at, &n), 0);
    manager = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    assert_int_equal(connect(manager, (struct sockaddr *)&at, n), 0);
    management_accept(rig->ctl);
    n_heard = 0;
}

/* What it has heard since the last time. */
static const char *listen_in(void)
{
    management_turn(rig->ctl);
    ssize_t n = recv(manager, heard, sizeof heard - 1, MSG_DONTWAIT);
    heard[n < 0 ? 0 : n] = 0;
    return heard;
}

static void say(const char *text)
{
    assert_int_equal(send(manager, text, strlen(text), 0), (ssize_t)strlen(text));
    for (int i = 0; i < 2; i++)
        for (int seat = 0; seat < 8; seat++)
            management_read(rig->ctl, seat, 0);
    rig_settle(rig);
}

/* The digest behind the last >PK_SIGN, and the lines that answer it with this key. */
static bool sign(const char *news, EVP_PKEY *key, char *out, size_t cap)
{
    const char *at = strstr(news, ">PK_SIGN:");
    uint8_t digest[64], sig[256];
    char text[128], lines[512];
    size_t n = sizeof sig;
    if (!at)
        return false;
    at += strlen(">PK_SIGN:");
    snprintf(text, sizeof text, "%.*s", (int)strcspn(at, ","), at);
    long len = dbr_base64_decode(text, strlen(text), digest, sizeof digest);
    assert_true(len > 0);
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(key, NULL);
    assert_int_equal(EVP_PKEY_sign_init(ctx), 1);
    assert_int_equal(EVP_PKEY_sign(ctx, sig, &n, digest, (size_t)len), 1);
    EVP_PKEY_CTX_free(ctx);
    assert_true(dbr_base64_encode(sig, n, lines, sizeof lines) > 0);
    snprintf(out, cap, "pk-sig\n%sEND\n", lines);
    return true;
}

static int begin(void **state)
{
    (void)state;
    rig = rig_new(&(struct rig_options){.config = "management here unix\nmanagement-external-key\n",
                                        .gate = DBR_GATE_TLS_AUTH,
                                        .management = true});
    manager_comes();
    listen_in();
    say("version 3\n");
    listen_in();
    return 0;
}

static int over(void **state)
{
    (void)state;
    close(manager);
    rig_free(rig);
    return 0;
}

/* Alice's hand-window passes while her signature is made; it comes when Bob's is waited for. */
static void late(void **state)
{
    char alices[1024], bobs[1024];
    (void)state;
    struct caller *alice = rig_call(rig, "alice", 0x0a000001, 1001);
    rig_settle(rig);
    assert_true(sign(listen_in(), rig_server()->key, alices, sizeof alices));
    rig_hang_up(alice);
    rig_run(rig, 40000);
    struct caller *bob = rig_call(rig, "bob", 0x0a000002, 1002);
    rig_run(rig, 25000);
    assert_true(sign(listen_in(), rig_server()->key, bobs, sizeof bobs));
    assert_string_not_equal(alices, bobs);
    say(alices);
    assert_false(rig_up(bob));
    assert_non_null(strstr(listen_in(), "ERROR: pk-sig command failed"));
    say(bobs);
    assert_true(rig_up(bob));
}

/* Two managers answer the same question, and another one is asked behind the first answer. */
static void twice(void **state)
{
    char first[1024], second[1024];
    (void)state;
    struct caller *alice = rig_call(rig, "alice", 0x0a000001, 1001);
    rig_settle(rig);
    struct caller *bob = rig_call(rig, "bob", 0x0a000002, 1002);
    rig_settle(rig);
    assert_true(sign(listen_in(), rig_server()->key, first, sizeof first));
    say(first);
    assert_true(rig_up(alice));
    assert_true(sign(listen_in(), rig_server()->key, second, sizeof second));
    say(first);
    assert_non_null(strstr(listen_in(), "ERROR: pk-sig command failed"));
    assert_true(rig_logged(rig, "is not the signature that was asked for"));
    say(second);
    assert_non_null(strstr(listen_in(), "SUCCESS: pk-sig command succeeded"));
    assert_true(rig_up(bob));
}

/* Of another key: the question stands, and may still be answered well. */
static void foreign(void **state)
{
    char bad[1024], good[1024];
    (void)state;
    struct caller *alice = rig_call(rig, "alice", 0x0a000001, 1001);
    rig_settle(rig);
    const char *news = listen_in();
    assert_true(sign(news, rig_id("mallory")->key, bad, sizeof bad));
    assert_true(sign(news, rig_server()->key, good, sizeof good));
    say(bad);
    assert_false(rig_up(alice));
    assert_non_null(strstr(listen_in(), "ERROR: pk-sig command failed"));
    say(good);
    assert_true(rig_up(alice));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(late, begin, over),
        cmocka_unit_test_setup_teardown(twice, begin, over),
        cmocka_unit_test_setup_teardown(foreign, begin, over),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    rig_pki_free();
    return failed;
}
