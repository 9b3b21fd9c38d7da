/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The load generator's program: arguments, loop, report. Prints one line of JSON when all members are in (or
 * --wait is over), and another at the end of --hold.
 */
#include "fleet.h"

#include <arpa/inet.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

enum { CALLS_AT_ONCE = 32, FRAMES_AT_ONCE = 256, LONGEST_SLEEP_MS = 1000 };

/* ---- arguments ---- */

static bool mac_of(const char *text, uint8_t mac[6])
{
    return sscanf(text, "%2hhx:%2hhx:%2hhx:%2hhx:%2hhx:%2hhx", &mac[0], &mac[1], &mac[2], &mac[3], &mac[4],
                  &mac[5]) == 6;
}

enum {
    OPT_SERVER = 'a',
    OPT_PORT,
    OPT_BASE,
    OPT_SOURCE_PORT,
    OPT_CA,
    OPT_CERT,
    OPT_KEY,
    OPT_TLS_AUTH,
    OPT_TLS_CRYPT,
    OPT_AUTH,
    OPT_CIPHERS,
    OPT_COUNT,
    OPT_RATE,
    OPT_WAIT,
    OPT_HOLD,
    OPT_FRAMES,
    OPT_FRAME_LEN,
    OPT_TO,
    OPT_DEAF,
    OPT_VERBOSE,
};

static const struct option long_options[] = {
    {"server", 1, 0, OPT_SERVER},
    {"port", 1, 0, OPT_PORT},
    {"base", 1, 0, OPT_BASE},
    {"source-port", 1, 0, OPT_SOURCE_PORT},
    {"ca", 1, 0, OPT_CA},
    {"cert", 1, 0, OPT_CERT},
    {"key", 1, 0, OPT_KEY},
    {"tls-auth", 1, 0, OPT_TLS_AUTH},
    {"tls-crypt", 1, 0, OPT_TLS_CRYPT},
    {"auth", 1, 0, OPT_AUTH},
    {"ciphers", 1, 0, OPT_CIPHERS},
    {"count", 1, 0, OPT_COUNT},
    {"rate", 1, 0, OPT_RATE},
    {"wait", 1, 0, OPT_WAIT},
    {"hold", 1, 0, OPT_HOLD},
    {"frames", 1, 0, OPT_FRAMES},
    {"frame-len", 1, 0, OPT_FRAME_LEN},
    {"to", 1, 0, OPT_TO},
    {"deaf", 0, 0, OPT_DEAF},
    {"verbose", 0, 0, OPT_VERBOSE},
    {0},
};

static void usage(void)
{
    fputs(
        "usage: bench_fleet --server IP --base IP --ca FILE --cert FILE --key FILE --count N\n"
        "  [--port N] [--source-port N] [--tls-auth FILE | --tls-crypt FILE] [--auth NAME] [--ciphers LIST]\n"
        "  [--rate R] [--wait S] [--hold S] [--frames R --frame-len BYTES --to MAC] [--deaf] [--verbose]\n"
        "  cert and key may be repeated: member i uses pair i modulo their number\n",
        stderr);
}

static bool take_option(struct options *o, int opt, const char *v)
{
    switch (opt) {
    case OPT_SERVER: return inet_pton(AF_INET, v, &o->server) == 1;
    case OPT_BASE: return inet_pton(AF_INET, v, &o->base) == 1;
    case OPT_PORT: return (o->port = (uint16_t)atoi(v)) != 0;
    case OPT_SOURCE_PORT: return (o->source_port = (uint16_t)atoi(v)) != 0;
    case OPT_CA: return (o->ca = v) != NULL;
    case OPT_CERT: return o->n_certs < MAX_CERTS && (o->cert[o->n_certs++] = v);
    case OPT_KEY: return o->n_keys < MAX_CERTS && (o->key[o->n_keys++] = v);
    case OPT_TLS_CRYPT: o->crypt = true; return (o->static_key = v) != NULL;
    case OPT_TLS_AUTH: return (o->static_key = v) != NULL;
    case OPT_AUTH: return (o->auth = v) != NULL;
    case OPT_CIPHERS: return (o->ciphers = v) != NULL;
    case OPT_COUNT: return (o->count = (uint32_t)atoi(v)) != 0;
    case OPT_RATE: return (o->rate = atof(v)) >= 0;
    case OPT_WAIT: return (o->wait_s = atof(v)) > 0;
    case OPT_HOLD: return (o->hold_s = atof(v)) >= 0;
    case OPT_FRAMES: return (o->frames_s = atof(v)) >= 0;
    case OPT_FRAME_LEN: return (o->frame_len = (size_t)atoi(v)) >= 14 && o->frame_len <= FRAME_MAX;
    case OPT_TO: return mac_of(v, o->to_mac);
    case OPT_DEAF: return o->deaf = true;
    case OPT_VERBOSE: return o->verbose = true;
    default: return false;
    }
}

static int take_arguments(struct options *o, int argc, char **argv)
{
    int opt;
    *o = (struct options){.port = 1194,
                          .source_port = 40000,
                          .auth = "SHA256",
                          .ciphers = "AES-256-GCM:AES-128-GCM:CHACHA20-POLY1305",
                          .wait_s = 60,
                          .frame_len = 64,
                          .to_mac = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff}};
    while ((opt = getopt_long(argc, argv, "", long_options, NULL)) != -1)
        if (!take_option(o, opt, optarg))
            return -1;
    bool whole = o->server.s_addr && o->base.s_addr && o->count && o->ca && o->n_certs;
    return whole && o->n_certs == o->n_keys && optind == argc ? 0 : -1;
}

/* ---- report ---- */

static int by_size(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

static double own_cpu_s(void)
{
    struct rusage u;
    getrusage(RUSAGE_SELF, &u);
    return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
           (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

/* The value below which this share of the n sorted ones lies, in ms; 0 of none. */
static double quantile_ms(const uint64_t *v, size_t n, double share)
{
    size_t i = (size_t)((double)n * share);
    return n ? (double)v[i < n ? i : n - 1] / 1e6 : 0;
}

/* Handshake times in v, sorted; *end_ns is when the last one was done. */
static size_t collect(const struct fleet *f, uint64_t *v, uint64_t *end_ns)
{
    size_t n = 0;
    *end_ns = f->start_ns;
    for (uint32_t i = 0; i < f->opt.count; i++) {
        const struct member *m = &f->members[i];
        if (!m->took_ns)
            continue;
        v[n++] = m->took_ns;
        if (m->began_ns + m->took_ns > *end_ns)
            *end_ns = m->began_ns + m->took_ns;
    }
    qsort(v, n, sizeof *v, by_size);
    return n;
}

static void report_arrival(const struct fleet *f)
{
    uint64_t end_ns, *took = calloc(f->opt.count, sizeof *took);
    if (!took)
        return;
    size_t n = collect(f, took, &end_ns);
    double span_s = (double)(end_ns - f->start_ns) / 1e9;
    printf("{\"clients\": %u, \"connected\": %u, \"failed\": %u, \"handshakes_per_s\": %.1f, "
           "\"handshake_ms_median\": %.2f, \"handshake_ms_p99\": %.2f, \"handshake_ms_max\": %.2f, "
           "\"all_connected_s\": ",
           f->opt.count, f->tally.connected, f->tally.failed, span_s > 0 ? (double)n / span_s : 0.0,
           quantile_ms(took, n, 0.5), quantile_ms(took, n, 0.99), quantile_ms(took, n, 1));
    if (f->all_in_ns)
        printf("%.3f", (double)(f->all_in_ns - f->start_ns) / 1e9);
    else
        fputs("null", stdout);
    printf(", \"own_cpu_s\": %.2f}\n", own_cpu_s());
    fflush(stdout);
    free(took);
}

static void report_end(const struct fleet *f)
{
    const struct tally *t = &f->tally;
    printf("{\"alive\": %u, \"lost\": %u, \"renegotiated\": %llu, \"pings_in\": %llu, \"pings_out\": %llu, "
           "\"frames_in\": %llu, \"frames_out\": %llu, \"bad_in\": %llu, \"send_errors\": %llu, "
           "\"own_cpu_s\": %.2f}\n",
           t->connected - t->lost, t->lost, (unsigned long long)t->renegotiated,
           (unsigned long long)t->pings_in, (unsigned long long)t->pings_out,
           (unsigned long long)t->frames_in, (unsigned long long)t->frames_out, (unsigned long long)t->bad_in,
           (unsigned long long)t->send_errors, own_cpu_s());
    fflush(stdout);
}

/* ---- loop ---- */

static void read_clocks(struct fleet *f)
{
    struct timespec mono, wall;
    clock_gettime(CLOCK_MONOTONIC, &mono);
    clock_gettime(CLOCK_REALTIME, &wall);
    f->now.ns = (uint64_t)mono.tv_sec * SECOND_NS + (uint64_t)mono.tv_nsec;
    f->now.unix_s = wall.tv_sec;
}

static uint64_t arrival_ns(const struct fleet *f)
{
    if (f->n_begun == f->opt.count)
        return UINT64_MAX;
    return f->start_ns + (f->opt.rate > 0 ? (uint64_t)(f->n_begun / f->opt.rate * 1e9) : 0);
}

static void call_those_due(struct fleet *f)
{
    for (int i = 0; i < CALLS_AT_ONCE && arrival_ns(f) <= f->now.ns; i++)
        member_call(&f->members[f->n_begun++]);
}

/* Members that are in take turns; a fleet that cannot keep up sends what it can. */
static void send_those_due(struct fleet *f)
{
    uint64_t gap = (uint64_t)(1e9 / f->opt.frames_s);
    for (int i = 0; i < FRAMES_AT_ONCE && f->next_frame_ns <= f->now.ns; i++) {
        uint32_t who = f->next_sender++ % f->opt.count;
        if (f->members[who].primary)
            member_frame(&f->members[who], who);
        f->next_frame_ns += gap;
    }
    if (f->next_frame_ns + SECOND_NS < f->now.ns)
        f->next_frame_ns = f->now.ns;
}

static int sleep_ms(const struct fleet *f, uint64_t until_ns)
{
    const struct dbr_heap_entry *e = dbr_heap_first(&f->timers);
    uint64_t at = e && e->at < until_ns ? e->at : until_ns, call = arrival_ns(f);
    at = call < at ? call : at;
    at = f->next_frame_ns < at ? f->next_frame_ns : at;
    if (at <= f->now.ns)
        return 0;
    uint64_t ms = (at - f->now.ns + 999999) / 1000000;
    return ms < LONGEST_SLEEP_MS ? (int)ms : LONGEST_SLEEP_MS;
}

static void turn(struct fleet *f, uint64_t until_ns)
{
    struct epoll_event e[2];
    struct dbr_heap_entry *t;
    int n = epoll_wait(f->epoll, e, 2, sleep_ms(f, until_ns));
    read_clocks(f);
    for (int i = 0; i < n; i++) {
        if (e[i].data.fd == f->signals)
            f->stop = true;
        else
            fleet_receive(f);
    }
    while ((t = dbr_heap_first(&f->timers)) && t->at <= f->now.ns)
        member_tick((struct member *)(void *)((char *)t - offsetof(struct member, timer)));
    call_those_due(f);
    if (f->opt.frames_s > 0 && f->next_frame_ns != UINT64_MAX)
        send_those_due(f);
}

static void run(struct fleet *f)
{
    read_clocks(f);
    f->start_ns = f->now.ns;
    f->next_frame_ns = UINT64_MAX;
    uint64_t until = f->start_ns + (uint64_t)(f->opt.wait_s * 1e9);
    while (!f->stop && f->now.ns < until && f->tally.connected + f->tally.failed < f->opt.count)
        turn(f, until);
    report_arrival(f);
    if (f->opt.frames_s > 0)
        f->next_frame_ns = f->now.ns;
    until = f->now.ns + (uint64_t)(f->opt.hold_s * 1e9);
    while (!f->stop && f->now.ns < until)
        turn(f, until);
    if (f->opt.hold_s > 0)
        report_end(f);
}

static int watch(struct fleet *f)
{
    struct epoll_event in = {.events = EPOLLIN};
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigprocmask(SIG_BLOCK, &set, NULL);
    f->signals = signalfd(-1, &set, SFD_CLOEXEC);
    f->epoll = epoll_create1(EPOLL_CLOEXEC);
    in.data.fd = f->sock;
    int err = epoll_ctl(f->epoll, EPOLL_CTL_ADD, f->sock, &in);
    in.data.fd = f->signals;
    return err || epoll_ctl(f->epoll, EPOLL_CTL_ADD, f->signals, &in) ? -1 : 0;
}

int main(int argc, char **argv)
{
    static struct fleet f;
    if (take_arguments(&f.opt, argc, argv)) {
        usage();
        return 2;
    }
    int err = fleet_setup(&f);
    if (!err)
        err = fleet_open(&f);
    if (!err)
        err = watch(&f);
    if (!err)
        run(&f);
    fleet_teardown(&f);
    return err ? 1 : f.tally.connected == f.opt.count ? 0 : 3;
}
