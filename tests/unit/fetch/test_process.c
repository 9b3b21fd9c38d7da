/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The whole fetch process in a child of the test, which speaks to it as control and keeper do: what is
 * verified, what is refused, how the image is sealed, what is kept on disk, questions nobody answers, the
 * end.
 */
#include "base/err.h"
#include "certs/crl.h"
#include "fetch/fetch.h"
#include "fixtures.h"
#include "ipc/crlstate.h"
#include "ipc/messages.h"

#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>

struct rig {
    int control, keeper; /* our ends */
    int state[2];
    pid_t pid;
    EVP_PKEY *key;
    X509 *ca;
};

static int no_lock(const struct dbr_boot *boot)
{
    (void)boot;
    return 0;
}

/* The next message within 10 s. */
static const struct dbr_ipc_head *next(int sock, int *fd)
{
    static uint64_t buf[DBR_IPC_MAX / 8];
    struct pollfd p = {.fd = sock, .events = POLLIN};
    assert_int_equal(poll(&p, 1, 10000), 1);
    assert_int_equal(dbr_ipc_recv(sock, buf, fd), 0);
    return (const void *)buf;
}

static void begin(struct rig *r)
{
    int a[2], b[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, a), 0);
    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, b), 0);
    for (int i = 0; i < 2; i++)
        r->state[i] = memfd_create("state", MFD_CLOEXEC);
    r->key = make_key("P-256");
    r->ca = make_ca(r->key, "Lab CA", 0);
    fflush(NULL);
    r->pid = fork();
    if (r->pid == 0) {
        close(a[0]);
        close(b[0]);
        static struct dbr_boot boot;
        boot = (struct dbr_boot){.ipc_fetch = a[1],
                                 .ipc_keeper = b[1],
                                 .crl_state = {r->state[0], r->state[1]},
                                 .lock_down = no_lock};
        _exit(dbr_fetch_main(&boot));
    }
    close(a[1]);
    close(b[1]);
    r->control = a[0];
    r->keeper = b[0];
    assert_int_equal(next(r->keeper, NULL)->type, DBR_IPC_READY);
}

static void end(struct rig *r)
{
    int status;
    close(r->keeper);
    assert_int_equal(waitpid(r->pid, &status, 0), r->pid);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    close(r->control);
    close(r->state[0]);
    close(r->state[1]);
    X509_free(r->ca);
    EVP_PKEY_free(r->key);
}

static int file_of(const void *bytes, size_t n)
{
    int fd = memfd_create("file", MFD_CLOEXEC);
    assert_int_equal(write(fd, bytes, n), (ssize_t)n);
    return fd;
}

static void tell_ca(struct rig *r)
{
    struct dbr_ipc_fetch_set m = {.head = dbr_ipc_head(DBR_IPC_FETCH_SET, sizeof m, 0)};
    size_t n;
    uint8_t *pem = cert_pem(r->ca, &n);
    int fd = file_of(pem, n);
    assert_int_equal(dbr_ipc_send(r->control, &m, fd), 0);
    close(fd);
    free(pem);
}

static const struct dbr_ipc_crl_image *verify(struct rig *r, const void *bytes, size_t n, uint32_t ticket,
                                              int *fd)
{
    struct dbr_ipc_crl_verify m = {
        .head = dbr_ipc_head(DBR_IPC_CRL_VERIFY, sizeof m, 0), .ticket = ticket, .source = DBR_CRL_FROM_PUSH};
    int file = file_of(bytes, n);
    assert_int_equal(dbr_ipc_send(r->control, &m, file), 0);
    close(file);
    const struct dbr_ipc_crl_image *got = (const void *)next(r->control, fd);
    assert_int_equal(got->head.type, DBR_IPC_CRL_IMAGE);
    assert_int_equal(got->ticket, ticket);
    return got;
}

static uint8_t *list(struct rig *r, const char *number, size_t entries, EVP_PKEY *key, size_t *n)
{
    const struct crl_spec spec = {.key = key ? key : r->key,
                                  .digest = "SHA256",
                                  .cn = "Lab CA",
                                  .this_update = time(NULL) - 60,
                                  .next_update = time(NULL) + 3600,
                                  .number = number,
                                  .entries = entries,
                                  .first_serial = 0x1000};
    return make_crl(&spec, n);
}

static void test_image(void **state)
{
    struct rig r;
    size_t n;
    int fd;
    (void)state;
    begin(&r);
    tell_ca(&r);
    uint8_t *der = list(&r, "07", 1000, NULL, &n);
    const struct dbr_ipc_crl_image *m = verify(&r, der, n, 42, &fd);
    assert_int_equal(m->err, 0);
    assert_int_equal(m->n, 1);
    assert_true(fd >= 0);
    int seals = fcntl(fd, F_GET_SEALS), all = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE;
    assert_int_equal(seals & all, all);
    assert_int_equal(pwrite(fd, "x", 1, 0), -1);
    void *at = mmap(NULL, m->size[0], PROT_READ, MAP_SHARED, fd, 0);
    assert_true(at != MAP_FAILED);
    struct dbr_crl *crl;
    assert_int_equal(dbr_crl_from_image(&crl, at, m->size[0], NULL, NULL), 0);
    assert_int_equal(dbr_crl_count(crl), 1000);
    assert_true(dbr_crl_lookup(crl, "\x10\x05", 2, NULL));
    assert_false(dbr_crl_lookup(crl, "\x20\x05", 2, NULL));
    dbr_crl_free(crl);
    munmap(at, m->size[0]);
    close(fd);
    free(der);
    end(&r);
}

static void test_refused(void **state)
{
    struct rig r;
    size_t n;
    int fd;
    (void)state;
    begin(&r);
    size_t len;
    uint8_t *der = list(&r, "01", 3, NULL, &len);
    const struct dbr_ipc_crl_image *m = verify(&r, der, len, 1, &fd);
    assert_int_equal(m->err, DBR_ERR_CONFIG); /* it has not been told any CA */
    tell_ca(&r);
    m = verify(&r, der, len / 2, 2, &fd);
    assert_int_equal(m->err, DBR_ERR_SHAPE);
    m = verify(&r, "", 0, 3, &fd);
    assert_true(m->err < 0 && fd < 0);
    EVP_PKEY *other = make_key("P-256");
    uint8_t *forged = list(&r, "02", 3, other, &n);
    m = verify(&r, forged, n, 4, &fd);
    assert_int_equal(m->err, DBR_ERR_AUTH);
    assert_true(*m->why);
    assert_int_equal(fd, -1);
    m = verify(&r, der, len, 5, &fd); /* and still good ones pass */
    assert_int_equal(m->err, 0);
    close(fd);
    free(der);
    free(forged);
    EVP_PKEY_free(other);
    end(&r);
}

/* What control has taken is on disk soon after, with control's text; what it has refused is not. */
static void test_memory(void **state)
{
    struct rig r;
    struct dbr_crlstate s = {0};
    size_t n;
    int fd;
    (void)state;
    begin(&r);
    tell_ca(&r);
    for (uint32_t taken = 0; taken < 2; taken++) {
        uint8_t *der = list(&r, taken ? "02" : "01", 2, NULL, &n);
        verify(&r, der, n, 10 + taken, &fd);
        close(fd);
        struct dbr_ipc_crl_taken m = {.ticket = 10 + taken, .taken = taken, .n = 5, .text = "text\n"};
        m.head = dbr_ipc_head(DBR_IPC_CRL_TAKEN, offsetof(struct dbr_ipc_crl_taken, text) + m.n, 0);
        assert_int_equal(dbr_ipc_send(r.control, &m, -1), 0);
        verify(&r, der, n, 20, &fd); /* the jobs are done in order: this answer means that one is done */
        close(fd);
        assert_int_equal(dbr_crlstate_read(&s, r.state), 0);
        assert_int_equal(s.generation, taken);
        if (taken) {
            assert_memory_equal(s.part[DBR_CRLSTATE_TEXT].bytes, "text\n", 5);
            assert_int_equal(s.part[DBR_CRLSTATE_PUSH].len, n);
            assert_memory_equal(s.part[DBR_CRLSTATE_PUSH].bytes, der, n);
            assert_int_equal(s.part[DBR_CRLSTATE_URL].len, 0);
        }
        dbr_crlstate_free(&s);
        free(der);
    }
    end(&r);
}

static void ask(struct rig *r, uint32_t id, int port)
{
    struct dbr_ipc_ocsp_ask m = {.id = id, .serial = {1}, .serial_len = 1};
    size_t n;
    uint8_t *der = cert_der(r->ca, &n);
    memcpy(m.issuer, der, n);
    m.n = (uint32_t)n;
    snprintf(m.url, sizeof m.url, "http://127.0.0.1:%d/", port);
    m.head = dbr_ipc_head(DBR_IPC_OCSP_ASK, offsetof(struct dbr_ipc_ocsp_ask, issuer) + n, 0);
    assert_int_equal(dbr_ipc_send(r->control, &m, -1), 0);
    free(der);
}

/* Each question has an answer, also when nobody is there; a dead responder is left alone for a while. */
static void test_questions(void **state)
{
    struct rig r;
    bool rested = false;
    (void)state;
    begin(&r);
    tell_ca(&r);
    for (uint32_t i = 1; i <= 12; i++)
        ask(&r, i, 1);
    uint32_t seen = 0;
    for (int i = 0; i < 12; i++) {
        const struct dbr_ipc_ocsp_answer *a = (const void *)next(r.control, NULL);
        assert_int_equal(a->head.type, DBR_IPC_OCSP_ANSWER);
        assert_true(a->err < 0);
        seen |= 1u << a->id;
        rested |= strstr(a->why, "a moment ago") != NULL;
    }
    assert_int_equal(seen, 0x1ffe);
    assert_true(rested);
    end(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_image), cmocka_unit_test(test_refused),
                                       cmocka_unit_test(test_memory), cmocka_unit_test(test_questions)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
