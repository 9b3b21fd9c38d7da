/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The whole process as a thread, keeper and control played by the test: files, questions, answers, what is
 * refused, the end.
 */
#include "base/err.h"
#include "ipc/messages.h"
#include "ipc/sign.h"
#include "pki.h"
#include "signer/signer.h"

#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

static struct {
    struct dbr_boot boot;
    int keeper, control;
    pthread_t thread;
    int code;
    char said[512];
    uint8_t *buf;
} t;

static void remember(void *arg, int level, const char *line)
{
    (void)arg;
    if (level <= DBR_LOG_ERROR)
        snprintf(t.said, sizeof t.said, "%s", line);
}

static int no_lock_down(const struct dbr_boot *boot)
{
    (void)boot;
    return 0;
}

static void *run(void *arg)
{
    (void)arg;
    t.code = dbr_signer_main(&t.boot);
    return NULL;
}

static int start(void **state)
{
    int a[2], b[2], room = 1 << 20;
    (void)state;
    if (socketpair(AF_UNIX, SOCK_SEQPACKET, 0, a) || socketpair(AF_UNIX, SOCK_SEQPACKET, 0, b))
        return -1;
    setsockopt(b[0], SOL_SOCKET, SO_SNDBUF, &room, sizeof room);
    t.keeper = a[0];
    t.control = b[0];
    t.boot = (struct dbr_boot){.ipc_keeper = a[1],
                               .ipc_signer = b[1],
                               .log = {.verb = 11, .sink = remember},
                               .lock_down = no_lock_down};
    t.buf = malloc(DBR_SIGN_MAX);
    return pthread_create(&t.thread, NULL, run, NULL);
}

static int stop(void **state)
{
    (void)state;
    close(t.keeper);
    pthread_join(t.thread, NULL);
    close(t.control);
    close(t.boot.ipc_keeper);
    close(t.boot.ipc_signer);
    free(t.buf);
    return t.code;
}

static bool wait_for(int fd)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};
    return poll(&p, 1, 10000) == 1;
}

static struct dbr_sign_head answer(void)
{
    struct dbr_sign_head h;
    const uint8_t *bytes;
    assert_true(wait_for(t.control));
    assert_int_equal(dbr_sign_recv(t.control, t.buf, &h, &bytes), 0);
    return h;
}

static void send_part(enum dbr_keys_part what, const char *text)
{
    struct dbr_ipc_keys m = {
        .head = dbr_ipc_head(DBR_IPC_KEYS, sizeof m, 0), .what = what, .where = "x.conf:3"};
    int fd = text ? memfd_create("part", MFD_CLOEXEC) : -1;
    if (text)
        assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    assert_int_equal(dbr_ipc_send(t.keeper, &m, fd), 0);
    if (fd >= 0)
        close(fd);
}

static struct dbr_sign_head who(void)
{
    const struct dbr_sign_head h = {.type = DBR_SIGN_WHO};
    assert_int_equal(dbr_sign_send(t.control, &h, NULL), 0);
    struct dbr_sign_head got = answer();
    assert_int_equal(got.type, DBR_SIGN_KEY);
    return got;
}

static struct dbr_sign_head ask(const uint8_t key[32], uint32_t ticket, const void *message, uint32_t n)
{
    struct dbr_sign_head h = {.type = DBR_SIGN_ASK, .scheme = 0x0403, .ticket = ticket, .n = n};
    memcpy(h.key, key, sizeof h.key);
    assert_int_equal(dbr_sign_send(t.control, &h, message), 0);
    struct dbr_sign_head got = answer();
    assert_int_equal(got.type, DBR_SIGN_DONE);
    assert_int_equal(got.ticket, ticket);
    return got;
}

static void serves(void **state)
{
    (void)state;
    static const char context[] = "TLS 1.3, server CertificateVerify";
    struct pki_id *id = pki_root("a");
    uint8_t message[64 + sizeof context + 32] = {0}, junk[300] = {0};
    uint64_t first[DBR_IPC_MAX / 8];
    const struct dbr_ipc_head *ready = (const void *)first;
    memset(message, 0x20, 64);
    memcpy(message + 64, context, sizeof context);
    assert_true(wait_for(t.keeper));
    assert_int_equal(dbr_ipc_recv(t.keeper, first, NULL), 0);
    assert_int_equal(ready->type, DBR_IPC_READY);

    assert_int_not_equal(who().err, 0); /* no key yet */
    send_part(DBR_KEYS_BEGIN, NULL);
    send_part(DBR_KEYS_KEY, id->key_pem);
    struct dbr_sign_head key = who();
    assert_int_equal(key.err, 0);
    struct dbr_sign_head got = ask(key.key, 1, message, sizeof message);
    assert_int_equal(got.err, 0);
    assert_in_range(got.n, 60, 80); /* ECDSA with P-256 */

    assert_int_equal(ask(key.key, 2, junk, sizeof junk).err, DBR_ERR_SHAPE);
    assert_non_null(strstr(t.said, "ALARM"));
    *t.said = 0;
    assert_int_equal(ask(key.key, 3, junk, sizeof junk).err, DBR_ERR_SHAPE);
    assert_string_equal(t.said, ""); /* once a minute */
    key.key[0] ^= 1;
    assert_int_equal(ask(key.key, 4, message, sizeof message).err, DBR_ERR_NOTFOUND);
    key.key[0] ^= 1;

    /* what is no message, or one for control, is dropped, and it goes on */
    const struct dbr_sign_head done = {.type = DBR_SIGN_DONE, .ticket = 9, .err = -1};
    assert_int_equal(send(t.control, junk, 5, 0), 5);
    assert_int_equal(dbr_sign_send(t.control, &done, NULL), 0);
    assert_int_equal(ask(key.key, 5, message, sizeof message).err, 0);

    struct dbr_sign_head use = {.type = DBR_SIGN_USE, .ticket = 60};
    memcpy(use.key, key.key, sizeof use.key);
    assert_int_equal(dbr_sign_send(t.control, &use, NULL), 0);
    send_part(DBR_KEYS_BEGIN, NULL);
    send_part(DBR_KEYS_KEY, "junk");
    assert_int_not_equal(who().err, 0);
    assert_non_null(strstr(t.said, "x.conf:3: key: no private key in it"));
    assert_int_equal(ask(key.key, 6, message, sizeof message).err, 0); /* the one in use stays */
    pki_free(id);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test_setup_teardown(serves, start, stop)};
    return cmocka_run_group_tests_name("signer", tests, NULL, NULL);
}
