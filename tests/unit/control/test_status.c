/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The status file as tools read it, and the socket of drawbridge-ctl.
 */
#include "rig.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

enum { A = 0x0a000001 };

static void say_stats(struct rig *rig, uint32_t id, uint64_t rx, uint64_t tx)
{
    struct dbr_ipc_stats m = {
        .head = dbr_ipc_head(DBR_IPC_STATS, sizeof m, id), .rx_bytes = rx, .tx_bytes = tx};
    rig_say(rig, id % RIG_WORKERS, &m);
}

static void say_end(struct rig *rig)
{
    struct dbr_ipc_head m = dbr_ipc_head(DBR_IPC_STATS_END, sizeof m, 0);
    for (unsigned w = 0; w < RIG_WORKERS; w++)
        rig_say(rig, w, &m);
}

static void learn(struct rig *rig, uint32_t id, uint8_t last)
{
    struct dbr_ipc_learned m = {.head = dbr_ipc_head(DBR_IPC_LEARNED, sizeof m, id),
                                .mac = {0x4e, 0x83, 0x20, 0xf1, 0xcb, last},
                                .what = DBR_LEARNED_NEW};
    rig_say(rig, id % RIG_WORKERS, &m);
}

static char *read_status(struct rig *rig)
{
    static char text[65536];
    ssize_t n = pread(rig->boot.status_fd, text, sizeof text - 1, 0);
    text[n > 0 ? n : 0] = 0;
    return text;
}

static char *make_status(int version, size_t *n_clients)
{
    char config[64];
    snprintf(config, sizeof config, "status-version %d", version);
    struct rig *rig =
        rig_new(&(struct rig_options){.config = config, .gate = DBR_GATE_TLS_AUTH, .status = true});
    static char copy[65536];
    rig_run(rig, 1);
    rig_connect(rig, "alice", A, 4000);
    rig_connect(rig, "Meier, Bob", A, 4001); /* a comma must not make a column */
    uint32_t id = rig_client(rig, "alice")->peer_id;
    learn(rig, id, 0x5b);
    learn(rig, id, 0x5c);
    rig_forget(rig);
    rig_state(rig, DBR_STATE_STATUS);
    rig_settle(rig);
    for (unsigned w = 0; w < RIG_WORKERS; w++)
        assert_non_null(rig_told(rig, DBR_IPC_STATS_GET, UINT32_MAX, w, NULL));
    say_stats(rig, id, 123, 456);
    say_end(rig);
    snprintf(copy, sizeof copy, "%s", read_status(rig));
    *n_clients = rig->ctl->n_admitted;
    rig_free(rig);
    return copy;
}

static size_t columns(const char *line, char sep)
{
    size_t n = 1;
    for (; *line; line++)
        n += *line == sep;
    return n;
}

/* Each row has as many columns as the HEADER of its kind says (its own two words apart). */
static void check_columns(char *text, char sep, size_t clients, size_t macs)
{
    size_t want_client = 0, want_route = 0, n_client = 0, n_route = 0;
    for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
        size_t n = columns(line, sep);
        if (strncmp(line, "HEADER", 6) == 0 && strstr(line, "CLIENT_LIST"))
            want_client = n - 1;
        else if (strncmp(line, "HEADER", 6) == 0)
            want_route = n - 1;
        else if (strncmp(line, "CLIENT_LIST", 11) == 0 && ++n_client)
            assert_int_equal(n, want_client);
        else if (strncmp(line, "ROUTING_TABLE", 13) == 0 && ++n_route)
            assert_int_equal(n, want_route);
    }
    assert_int_equal(want_client, 13);
    assert_int_equal(want_route, 6);
    assert_int_equal(n_client, clients);
    assert_int_equal(n_route, macs);
}

static void test_v1(void **state)
{
    (void)state;
    size_t n;
    char *text = make_status(1, &n);
    assert_int_equal(strncmp(text, "OpenVPN CLIENT LIST\nUpdated,", 28), 0);
    assert_non_null(strstr(text, "\nCommon Name,Real Address,Bytes Received,Bytes Sent,Connected Since\n"
                                 "alice,10.0.0.1:4000,123,456,"));
    assert_non_null(strstr(text, "\nMeier_ Bob,10.0.0.1:4001,0,0,"));
    assert_non_null(strstr(text, "\nROUTING TABLE\nVirtual Address,Common Name,Real Address,Last Ref\n"
                                 "4e:83:20:f1:cb:5b@0,alice,10.0.0.1:4000,"));
    assert_non_null(strstr(text, "\nGLOBAL STATS\nMax bcast/mcast queue length,0\nEND\n"));
}

static void test_v2(void **state)
{
    (void)state;
    size_t n;
    char *text = make_status(2, &n);
    assert_int_equal(strncmp(text, "TITLE,", 6), 0);
    assert_non_null(strstr(text, "\nCLIENT_LIST,alice,10.0.0.1:4000,192.168.50."));
    assert_non_null(strstr(text, ",,123,456,"));
    assert_non_null(strstr(text, ",UNDEF,0,0,AES-256-GCM\n"));
    assert_non_null(strstr(text, "\nROUTING_TABLE,4e:83:20:f1:cb:5c@0,alice,10.0.0.1:4000,"));
    assert_non_null(strstr(text, "\nGLOBAL_STATS,dco_enabled,0\nEND\n"));
    check_columns(text, ',', n, 2);
}

static void test_v3(void **state)
{
    (void)state;
    size_t n;
    char *text = make_status(3, &n);
    assert_int_equal(strncmp(text, "TITLE\t", 6), 0);
    assert_non_null(strstr(text, "CLIENT_LIST\tMeier_ Bob\t10.0.0.1:4001\t"));
    assert_non_null(strstr(text, "\nHEADER\tCLIENT_LIST\tCommon Name\tReal Address\t"));
    check_columns(text, '\t', n, 2);
}

/* A shorter file leaves no tail of the longer one before; without clients it is still whole. */
static void test_shrinks(void **state)
{
    (void)state;
    struct rig *rig = rig_new(
        &(struct rig_options){.config = "status-version 2", .gate = DBR_GATE_TLS_AUTH, .status = true});
    rig_connect(rig, "alice", A, 4000);
    rig_state(rig, DBR_STATE_STATUS);
    rig_settle(rig);
    say_end(rig);
    assert_non_null(strstr(read_status(rig), "alice"));
    client_kick(rig_client(rig, "alice"), NULL, "test");
    rig_state(rig, DBR_STATE_STATUS);
    rig_settle(rig);
    say_end(rig);
    char *text = read_status(rig);
    assert_null(strstr(text, "alice"));
    assert_string_equal(strstr(text, "\nEND\n"), "\nEND\n");
    rig_free(rig);
}

/* The file is written on its timer, also when a worker does not answer for once. */
static void test_timer(void **state)
{
    (void)state;
    struct rig *rig =
        rig_new(&(struct rig_options){.config = "status x 7", .gate = DBR_GATE_TLS_AUTH, .status = true});
    rig_run(rig, 1);
    rig_forget(rig);
    rig_run(rig, 7000);
    assert_non_null(rig_told(rig, DBR_IPC_STATS_GET, UINT32_MAX, 1, NULL));
    assert_null(rig_told(rig, DBR_IPC_STATS_GET, UINT32_MAX, 2, NULL));
    rig_run(rig, 7000);
    assert_non_null(rig_told(rig, DBR_IPC_STATS_GET, UINT32_MAX, 3, NULL));
    say_end(rig);
    assert_non_null(strstr(read_status(rig), "END\n"));
    rig_free(rig);
}

/* ---- drawbridge-ctl ---- */

static int dial(struct rig *rig)
{
    struct sockaddr_un to;
    socklen_t len = sizeof to;
    int sock = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    if (sock < 0 || getsockname(rig->ctl_listener, (struct sockaddr *)&to, &len) ||
        connect(sock, (struct sockaddr *)&to, len))
        fail_msg("cannot call control");
    rig_settle(rig);
    return sock;
}

static void send_fds(int sock, const char *text, const int *fds, size_t n)
{
    struct iovec iov = {(void *)(uintptr_t)text, strlen(text)};
    union {
        char space[CMSG_SPACE(8 * sizeof(int))];
        struct cmsghdr align;
    } cmsg = {0};
    struct msghdr mh = {.msg_iov = &iov, .msg_iovlen = 1};
    if (n) {
        mh.msg_control = cmsg.space;
        mh.msg_controllen = CMSG_SPACE(n * sizeof(int));
        struct cmsghdr *c = CMSG_FIRSTHDR(&mh);
        c->cmsg_level = SOL_SOCKET;
        c->cmsg_type = SCM_RIGHTS;
        c->cmsg_len = CMSG_LEN(n * sizeof(int));
        memcpy(CMSG_DATA(c), fds, n * sizeof(int));
    }
    if (sendmsg(sock, &mh, MSG_NOSIGNAL) < 0)
        fail_msg("cannot ask control");
}

static const char *ask(struct rig *rig, const char *text, const int *fds, size_t n_fds)
{
    static char answer[32768];
    size_t len = 0;
    int sock = dial(rig);
    send_fds(sock, text, fds, n_fds);
    rig_settle(rig);
    for (ssize_t n; (n = recv(sock, answer + len, sizeof answer - 1 - len, MSG_DONTWAIT)) > 0;)
        len += (size_t)n;
    answer[len] = 0;
    close(sock);
    rig_settle(rig);
    return answer;
}

static struct rig *with_ctl(void)
{
    return rig_new(&(struct rig_options){.gate = DBR_GATE_TLS_AUTH, .ctl = true, .crl = true});
}

static void test_commands(void **state)
{
    (void)state;
    struct rig *rig = with_ctl();
    struct caller *a = rig_connect(rig, "alice", A, 4000);
    rig_connect(rig, "bob", A, 4001);
    static const struct {
        const char *request, *answer;
    } cases[] = {
        {"help", "kick NAME"},
        {"status", "clients 2, half open 0"},
        {"status\n", "alice"},
        {"kick", "ERROR: kick needs an argument"},
        {"kick ", "ERROR: kick needs an argument"},
        {"kick carol", "ERROR: common name 'carol' not found"},
        {"kick alice\r\n", "SUCCESS: common name 'alice' found, 1 client(s) killed"},
        {"frobnicate", "ERROR: unknown command"},
        {"crl-push", "ERROR: "},
        {" ", "ERROR: unknown command"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        if (!strstr(ask(rig, cases[i].request, NULL, 0), cases[i].answer))
            fail_msg("'%s': %s", cases[i].request, ask(rig, cases[i].request, NULL, 0));
    assert_string_equal(a->message, "AUTH_FAILED,Disconnected by the administrator");
    rig_run(rig, 6000);
    assert_int_equal(rig->ctl->n_admitted, 1);
    rig_free(rig);
}

static size_t open_files(void)
{
    size_t n = 0;
    DIR *d = opendir("/proc/self/fd");
    while (d && readdir(d))
        n++;
    closedir(d);
    return n;
}

/* Descriptors that come along are closed, however many; callers that say nothing block nobody. */
static void test_descriptors(void **state)
{
    (void)state;
    struct rig *rig = with_ctl();
    int fds[8];
    ask(rig, "help", NULL, 0);
    size_t before = open_files();
    for (size_t n = 1; n <= 8; n++) {
        for (size_t i = 0; i < n; i++)
            fds[i] = rig_file("x", 1);
        ask(rig, n & 1 ? "help" : "crl-push", fds, n);
        for (size_t i = 0; i < n; i++)
            close(fds[i]);
        if (open_files() != before)
            fail_msg("%zu descriptors: %zu stay open", n, open_files() - before);
    }
    int idle[20];
    for (size_t i = 0; i < 20; i++)
        idle[i] = dial(rig);
    assert_non_null(strstr(ask(rig, "help", NULL, 0), "kick"));
    for (size_t i = 0; i < 20; i++)
        close(idle[i]);
    rig_settle(rig);
    assert_int_equal(open_files(), before);
    rig_free(rig);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_v1),          cmocka_unit_test(test_v2),    cmocka_unit_test(test_v3),
        cmocka_unit_test(test_shrinks),     cmocka_unit_test(test_timer), cmocka_unit_test(test_commands),
        cmocka_unit_test(test_descriptors),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    rig_pki_free();
    return failed;
}
