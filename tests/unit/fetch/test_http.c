/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The HTTP client against a server thread on loopback that says what each case wants: good bodies, errors,
 * redirects, endless and slow ones, and none at all.
 */
#include "base/err.h"
#include "fetch/http.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cmocka.h>

enum mood { ANSWER, ENDLESS, SLOW, SILENT, PIECES };

struct server {
    int sock, port;
    enum mood mood;
    const char *text;
    char request[4096];
    unsigned calls;
    pthread_t thread;
};

/* Seven bytes at a time: each read finds a piece of a line and then nothing for a while. */
static void send_in_pieces(int c, const char *text)
{
    enum { PIECE = 7 };
    int on = 1;
    setsockopt(c, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    for (size_t left = strlen(text), n; left; text += n, left -= n) {
        struct pollfd gone = {.fd = c, .events = POLLRDHUP};
        n = left < PIECE ? left : PIECE;
        if (send(c, text, n, MSG_NOSIGNAL) < 0 || poll(&gone, 1, 5) > 0)
            return;
    }
}

static void answer(struct server *s, int c)
{
    static char chunk[65536];
    size_t n = 0;
    while (n < sizeof s->request - 1 && !strstr(s->request, "\r\n\r\n")) {
        ssize_t got = read(c, s->request + n, sizeof s->request - 1 - n);
        if (got <= 0)
            return;
        n += (size_t)got;
        s->request[n] = 0;
    }
    if (s->mood == PIECES)
        send_in_pieces(c, s->text);
    else if (s->text && send(c, s->text, strlen(s->text), MSG_NOSIGNAL) < 0)
        return;
    while (s->mood == ENDLESS && send(c, chunk, sizeof chunk, MSG_NOSIGNAL) > 0)
        ;
    struct timeval wait = {.tv_usec = 100000};
    setsockopt(c, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait);
    for (int i = 0; i < 30 && (s->mood == SLOW || s->mood == SILENT); i++) {
        char one;
        if (recv(c, &one, 1, 0) == 0 || (s->mood == SLOW && send(c, "x", 1, MSG_NOSIGNAL) < 0))
            return;
    }
}

static void *serve(void *arg)
{
    struct server *s = arg;
    int c;
    while ((c = accept(s->sock, NULL, NULL)) >= 0) {
        s->calls++;
        memset(s->request, 0, sizeof s->request);
        answer(s, c);
        close(c);
    }
    return NULL;
}

static void start(struct server *s)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t n = sizeof a;
    s->sock = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(s->sock, (struct sockaddr *)&a, sizeof a), 0);
    assert_int_equal(listen(s->sock, 8), 0);
    assert_int_equal(getsockname(s->sock, (struct sockaddr *)&a, &n), 0);
    s->port = ntohs(a.sin_port);
    assert_int_equal(pthread_create(&s->thread, NULL, serve, s), 0);
}

static void stop(struct server *s)
{
    shutdown(s->sock, SHUT_RDWR);
    pthread_join(s->thread, NULL);
    close(s->sock);
}

static void test_answers(void **state)
{
    static const struct {
        const char *text;
        enum mood mood;
        int seconds;
        size_t max;
        int err;
        const char *body, *why;
    } cases[] = {
        {"HTTP/1.0 200 OK\r\n\r\nhello", ANSWER, 5, 100, 0, "hello", ""},
        {"HTTP/1.1 200 OK\r\nContent-Type: x/y\r\n\r\nhello", ANSWER, 5, 5, 0, "hello", ""},
        {"HTTP/1.0 200 OK\r\n\r\nhello", ANSWER, 5, 4, DBR_ERR_LIMIT, NULL, "longer than allowed"},
        {"HTTP/1.0 200 OK\r\n\r\n", ANSWER, 5, 100, DBR_ERR_IO, NULL, "empty"},
        {"HTTP/1.0 404 Not Found\r\n\r\nno", ANSWER, 5, 100, DBR_ERR_IO, NULL, "404"},
        {"HTTP/1.0 500 Broken\r\n\r\n", ANSWER, 5, 100, DBR_ERR_IO, NULL, "500"},
        {"HTTP/1.0 302 Found\r\nLocation: http://127.0.0.1:1/x\r\n\r\n", ANSWER, 5, 100, DBR_ERR_IO, NULL,
         ""},
        {"HTTP/1.0 301 Moved\r\nLocation: http://127.0.0.1:1/x\r\n\r\n", ANSWER, 5, 100, DBR_ERR_IO, NULL,
         ""},
        {"SMTP ready\r\n\r\n", ANSWER, 5, 100, DBR_ERR_IO, NULL, ""},
        {"", ANSWER, 5, 100, DBR_ERR_IO, NULL, ""},
        {"HTTP/1.0 200 OK\r\n\r\n", ENDLESS, 5, 1 << 20, DBR_ERR_LIMIT, NULL, "longer than allowed"},
        {"HTTP/1.0 200 OK\r\n\r\n", SLOW, 1, 1 << 20, DBR_ERR_TIMEOUT, NULL, "too slow"},
        {NULL, SILENT, 1, 100, DBR_ERR_TIMEOUT, NULL, "too slow"},
        {"HTTP/1.1 200 OK\r\nServer: some\r\nContent-Type: x/y\r\n\r\nhello", PIECES, 5, 100, 0, "hello", ""},
        {"HTTP/1.1 404 Not Found\r\nServer: some\r\n\r\nno", PIECES, 5, 100, DBR_ERR_IO, NULL, "404"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct server s = {.mood = cases[i].mood, .text = cases[i].text};
        const struct http_limits limits = {cases[i].max, cases[i].seconds};
        struct http_body b;
        char url[64], why[256] = "";
        start(&s);
        snprintf(url, sizeof url, "http://127.0.0.1:%d/crl?x=1", s.port);
        int err = http_get(&b, url, NULL, &limits, NULL, why, sizeof why);
        if (err != cases[i].err || !strstr(why, cases[i].why))
            fail_msg("case %zu: %d \"%s\"", i, err, why);
        if (cases[i].body)
            assert_memory_equal(b.bytes, cases[i].body, strlen(cases[i].body));
        assert_int_equal(b.len, cases[i].body ? strlen(cases[i].body) : 0);
        free(b.bytes);
        stop(&s);
        assert_int_equal(s.calls, 1); /* no second attempt, no redirect followed */
        assert_memory_equal(s.request, "GET /crl?x=1 HTTP/1.0\r\n", 23);
    }
}

static void test_refused(void **state)
{
    struct server s = {.mood = ANSWER};
    const struct http_limits limits = {100, 5};
    struct http_body b;
    char url[64], why[256] = "";
    (void)state;
    start(&s);
    stop(&s);
    snprintf(url, sizeof url, "http://127.0.0.1:%d/", s.port);
    assert_int_equal(http_get(&b, url, NULL, &limits, NULL, why, sizeof why), DBR_ERR_IO);
    assert_true(*why);
    assert_null(b.bytes);
}

/* What a first answer says of its version is shown with the second question. */
static void test_tags(void **state)
{
#define DATE      "Sat, 21 Nov 2026 10:00:00 GMT"
#define TEN       "HTTP/1.0 200 OK\r\n"
#define UNCHANGED "HTTP/1.0 304 Not Modified\r\n\r\n"
    static const struct {
        const char *first, *second;
        int err;                       /* of the second exchange */
        const char *asked, *not_asked; /* in the second request */
        const char *etag;              /* known afterwards */
    } cases[] = {
        {TEN "ETag: \"a1\"\r\n\r\nx", UNCHANGED, HTTP_SAME, "\r\nIf-None-Match: \"a1\"\r\n",
         "If-Modified-Since", "\"a1\""},
        {TEN "Last-Modified: " DATE "\r\n\r\nx", UNCHANGED, HTTP_SAME, "\r\nIf-Modified-Since: " DATE "\r\n",
         "If-None-Match", ""},
        {TEN "ETag: W/\"a\"\r\nLast-Modified: " DATE "\r\n\r\nx", TEN "ETag: \"b\"\r\n\r\ny", 0,
         "\r\nIf-None-Match: W/\"a\"\r\n", "xx", "\"b\""},
        {TEN "ETag: \"a\"\r\n\r\nx", TEN "\r\ny", 0, "If-None-Match", "xx", ""},
        {TEN "ETag: \"a\"\r\n\r\nx", "HTTP/1.0 503 Busy\r\n\r\n", DBR_ERR_IO, "If-None-Match", "xx", "\"a\""},
        {TEN "ETag: a\r\n\r\nx", TEN "\r\ny", 0, "GET", "If-", ""},
        {TEN "\r\nETag: \"body\"\r\n", TEN "\r\ny", 0, "GET", "If-", ""},
        /* nobody asked whether it changed: 304 is no answer */
        {TEN "\r\nx", UNCHANGED, DBR_ERR_IO, "GET", "If-", ""},
    };
    const struct http_limits limits = {100, 5};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct server s = {.mood = ANSWER, .text = cases[i].first};
        struct http_body b;
        struct http_tag tag = {0};
        char url[64], why[256] = "";
        start(&s);
        snprintf(url, sizeof url, "http://127.0.0.1:%d/crl", s.port);
        assert_int_equal(http_get(&b, url, NULL, &limits, &tag, why, sizeof why), 0);
        free(b.bytes);
        assert_null(strstr(s.request, "If-"));
        s.text = cases[i].second;
        int err = http_get(&b, url, NULL, &limits, &tag, why, sizeof why);
        stop(&s);
        if (err != cases[i].err || !strstr(s.request, cases[i].asked) ||
            strstr(s.request, cases[i].not_asked) || strcmp(tag.etag, cases[i].etag) != 0)
            fail_msg("case %zu: %d \"%s\" [%s]\n%s", i, err, why, tag.etag, s.request);
        assert_true((err == 0) == (b.len > 0));
        free(b.bytes);
    }
}

static void test_urls(void **state)
{
    static const struct {
        const char *url;
        int err;
    } cases[] = {
        {"http://a/b", 0},
        {"https://a.example:8443/b.crl?c=d", 0},
        {"http://[::1]:80/x", 0},
        {"http://a", 0},
        {"", DBR_ERR_CONFIG},
        {"a/b", DBR_ERR_CONFIG},
        {"ftp://a/b", DBR_ERR_CONFIG},
        {"file:///etc/passwd", DBR_ERR_CONFIG},
        {"http://", DBR_ERR_CONFIG},
        {"http:///x", DBR_ERR_CONFIG},
        {"http://user:pass@a/b", DBR_ERR_CONFIG},
        {"http://a/b\r\nHost: c", DBR_ERR_CONFIG},
        {"http://a/b c", DBR_ERR_CONFIG},
        {"http://a:99999/", DBR_ERR_CONFIG},
    };
    char why[256];
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int err = http_url_ok(cases[i].url, why, sizeof why);
        if (err != cases[i].err)
            fail_msg("%s: %d", cases[i].url, err);
    }
}

static void test_https_needs_a_pin(void **state)
{
    const struct http_limits limits = {100, 2};
    struct http_body b;
    char why[256];
    (void)state;
    assert_int_equal(http_get(&b, "https://127.0.0.1:1/", NULL, &limits, NULL, why, sizeof why),
                     DBR_ERR_CONFIG);
    assert_null(http_pin("no certificate", 14));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_urls), cmocka_unit_test(test_answers),
                                       cmocka_unit_test(test_refused), cmocka_unit_test(test_tags),
                                       cmocka_unit_test(test_https_needs_a_pin)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
