/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The loop. libmicrohttpd is driven from it, without a thread: its epoll descriptor is polled beside the two
 * pairs. A request for /metrics is suspended until control and keeper have answered; a second one meanwhile
 * waits for the same answer. Each connection serves one request and is shut down when its time is over,
 * however busy it looks.
 */
#include "metrics/metrics.h"
#include "base/err.h"
#include "metrics/mhd.h"
#include "metrics/page.h"
#include "metrics/snapshot.h"

#include <poll.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

enum {
    CONNECTIONS = 16,
    PER_ADDRESS = 6,
    LIFE_MS = 5000,     /* of a connection */
    SILENCE_S = 3,      /* of its peer */
    ASKED_BYTES = 8192, /* memory for what is asked, each */
    FRESH_MS = 1000,    /* so long a text serves others */
    ANSWER_MS = 2000,   /* control and keeper have so long */
    TURN_MS = 1000,
};

struct place {
    struct MHD_Connection *c; /* NULL: free */
    uint64_t until_ms;
    bool waits, served;
};

struct server {
    const struct dbr_boot *boot;
    struct mhd mhd;
    struct MHD_Daemon *daemon;
    int epoll;
    struct place place[CONNECTIONS];
    struct snapshot snapshot;
    uint32_t ticket;
    uint64_t asked_ms; /* control and keeper were asked; 0: nobody waits */
    uint64_t made_ms;  /* when the text was made */
    struct MHD_Response *text;
};

static uint64_t now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* ---- connections ---- */

static struct place *place_of(struct server *s, const struct MHD_Connection *c)
{
    for (int i = 0; i < CONNECTIONS; i++)
        if (s->place[i].c == c)
            return &s->place[i];
    return NULL;
}

static void on_connection(void *arg, struct MHD_Connection *c, void **state,
                          enum MHD_ConnectionNotificationCode what)
{
    struct server *s = arg;
    struct place *p = place_of(s, what == MHD_CONNECTION_NOTIFY_STARTED ? NULL : c);
    (void)state;
    if (p)
        *p = (struct place){0};
    if (p && what == MHD_CONNECTION_NOTIFY_STARTED)
        *p = (struct place){.c = c, .until_ms = now_ms() + LIFE_MS};
}

/* Whose time is over is shut down; the library sees it and lets go. */
static void end_old(struct server *s)
{
    static const struct linger at_once = {.l_onoff = 1};
    uint64_t now = now_ms();
    for (int i = 0; i < CONNECTIONS; i++) {
        struct place *p = &s->place[i];
        if (!p->c || p->waits || now < p->until_ms)
            continue;
        const union MHD_ConnectionInfo *info =
            s->mhd.get_connection_info(p->c, MHD_CONNECTION_INFO_CONNECTION_FD);
        if (info) {
            setsockopt(info->connect_fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
            shutdown(info->connect_fd, SHUT_RDWR);
        }
        p->until_ms = now + LIFE_MS;
    }
}

/* ---- answers ---- */

static enum MHD_Result reply(struct server *s, struct MHD_Connection *c, unsigned status, const char *text)
{
    struct MHD_Response *r =
        s->mhd.create_response_from_buffer(strlen(text), (void *)(uintptr_t)text, MHD_RESPMEM_PERSISTENT);
    if (!r)
        return MHD_NO;
    s->mhd.add_response_header(r, "Content-Type", "text/plain; charset=utf-8");
    s->mhd.add_response_header(r, "Connection", "close");
    if (status == MHD_HTTP_METHOD_NOT_ALLOWED)
        s->mhd.add_response_header(r, "Allow", "GET");
    enum MHD_Result ok = s->mhd.queue_response(c, status, r);
    s->mhd.destroy_response(r);
    return ok;
}

static bool fresh(const struct server *s)
{
    return s->text && now_ms() - s->made_ms < FRESH_MS;
}

static void ask(struct server *s)
{
    struct dbr_ipc_metrics_get m = {.head = dbr_ipc_head(DBR_IPC_METRICS_GET, sizeof m, 0),
                                    .ticket = ++s->ticket};
    if (s->asked_ms)
        return;
    s->asked_ms = now_ms();
    snapshot_begin(&s->snapshot, s->ticket);
    dbr_ipc_send(s->boot->ipc_metrics, &m, -1); /* who is not heard does not answer: told after ANSWER_MS */
    dbr_ipc_send(s->boot->ipc_keeper, &m, -1);
}

static enum MHD_Result get_metrics(struct server *s, struct MHD_Connection *c, struct place *p)
{
    if (fresh(s))
        return s->mhd.queue_response(c, MHD_HTTP_OK, s->text);
    if (p->served)
        return reply(s, c, MHD_HTTP_SERVICE_UNAVAILABLE, "the control process does not answer\n");
    ask(s);
    p->waits = true;
    s->mhd.suspend_connection(c);
    return MHD_YES;
}

static enum MHD_Result get_front(struct server *s, struct MHD_Connection *c, struct place *p)
{
    (void)p;
    return reply(s, c, MHD_HTTP_OK, "Drawbridge. The numbers are at /metrics\n");
}

static enum MHD_Result on_request(void *arg, struct MHD_Connection *c, const char *url, const char *method,
                                  const char *version, const char *data, size_t *size, void **state)
{
    static const struct {
        const char *path;
        enum MHD_Result (*serve)(struct server *s, struct MHD_Connection *c, struct place *p);
    } paths[] = {{"/metrics", get_metrics}, {"/", get_front}};
    struct server *s = arg;
    struct place *p = place_of(s, c);
    (void)version, (void)data;
    if (p && !*state && strcmp(method, "GET") != 0)
        return reply(s, c, MHD_HTTP_METHOD_NOT_ALLOWED, "GET only\n");
    if (!p || *size)
        return MHD_NO; /* a GET uploads nothing */
    if (!*state) {     /* the first call comes with the headers only */
        *state = p;
        return MHD_YES;
    }
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++)
        if (strcmp(url, paths[i].path) == 0)
            return paths[i].serve(s, c, p);
    return reply(s, c, MHD_HTTP_NOT_FOUND, "not here; the numbers are at /metrics\n");
}

/* ---- what control and keeper say ---- */

static void make_text(struct server *s)
{
    size_t len;
    snapshot_names(&s->snapshot);
    char *text = page_write(&s->snapshot, DBR_VERSION, &len);
    struct MHD_Response *r =
        text ? s->mhd.create_response_from_buffer(len, text, MHD_RESPMEM_MUST_FREE) : NULL;
    if (!r) {
        free(text);
        return;
    }
    s->mhd.add_response_header(r, "Content-Type", PAGE_TYPE);
    s->mhd.add_response_header(r, "Connection", "close");
    if (s->text)
        s->mhd.destroy_response(s->text);
    s->text = r;
    s->made_ms = now_ms();
}

/* Everybody who waits is answered, with a text or with the reason why there is none. */
static void wake_all(struct server *s)
{
    s->asked_ms = 0;
    for (int i = 0; i < CONNECTIONS; i++) {
        struct place *p = &s->place[i];
        if (!p->waits)
            continue;
        p->waits = false;
        p->served = true;
        s->mhd.resume_connection(p->c);
    }
}

static void look_at_answers(struct server *s)
{
    if (!s->asked_ms)
        return;
    if (snapshot_ready(&s->snapshot))
        make_text(s);
    else if (now_ms() - s->asked_ms < ANSWER_MS)
        return;
    wake_all(s);
}

/* False when the other side is gone. */
static bool read_pair(struct server *s, int pair)
{
    uint64_t buf[DBR_IPC_MAX / 8];
    int err;
    while (!(err = dbr_ipc_recv(pair, buf, NULL)) || err == DBR_ERR_SHAPE)
        if (!err)
            snapshot_feed(&s->snapshot, (const void *)buf);
    return err == DBR_ERR_AGAIN;
}

/* ---- life ---- */

static int wait_ms(struct server *s)
{
    MHD_UNSIGNED_LONG_LONG ms;
    if (s->asked_ms)
        return 50;
    return s->mhd.get_timeout(s->daemon, &ms) == MHD_YES && ms < TURN_MS ? (int)ms : TURN_MS;
}

static void serve(struct server *s)
{
    struct pollfd p[3] = {{.fd = s->boot->ipc_keeper, .events = POLLIN},
                          {.fd = s->boot->ipc_metrics, .events = POLLIN},
                          {.fd = s->epoll, .events = POLLIN}};
    for (;;) {
        if (s->boot->alive)
            atomic_fetch_add_explicit(&s->boot->alive[0], 1, memory_order_relaxed);
        poll(p, 3, wait_ms(s));
        if (p[0].revents && !read_pair(s, s->boot->ipc_keeper))
            return;
        if (p[1].revents)
            read_pair(s, s->boot->ipc_metrics);
        look_at_answers(s);
        end_old(s);
        s->mhd.run(s->daemon);
    }
}

static const char *start(struct server *s)
{
    const char *wrong = mhd_open(&s->mhd);
    if (wrong)
        return wrong;
    s->daemon = s->mhd.start_daemon(
        MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME, 0, NULL, NULL, on_request, s, MHD_OPTION_LISTEN_SOCKET,
        s->boot->metrics_fd, MHD_OPTION_CONNECTION_LIMIT, (unsigned)CONNECTIONS,
        MHD_OPTION_PER_IP_CONNECTION_LIMIT, (unsigned)PER_ADDRESS, MHD_OPTION_CONNECTION_TIMEOUT,
        (unsigned)SILENCE_S, MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)ASKED_BYTES,
        MHD_OPTION_NOTIFY_CONNECTION, on_connection, s, MHD_OPTION_END);
    const union MHD_DaemonInfo *info =
        s->daemon ? s->mhd.get_daemon_info(s->daemon, MHD_DAEMON_INFO_EPOLL_FD) : NULL;
    if (!info)
        return "the HTTP server does not start";
    s->epoll = info->epoll_fd;
    return NULL;
}

int dbr_metrics_main(const struct dbr_boot *boot)
{
    static struct server s;
    s.boot = boot;
    const char *wrong = start(&s);
    if (wrong) {
        dbr_log(&boot->log, DBR_LOG_FATAL, "metrics: %s", wrong);
        return 1;
    }
    if (boot->lock_down(boot))
        return 1;
    struct dbr_ipc_head ready = dbr_ipc_head(DBR_IPC_READY, sizeof ready, 0);
    dbr_ipc_send(boot->ipc_keeper, &ready, -1);
    serve(&s);
    wake_all(&s);
    s.mhd.stop_daemon(s.daemon);
    if (s.text)
        s.mhd.destroy_response(s.text);
    return 0;
}
