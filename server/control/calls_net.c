/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Client role: a laptop sleeps, changes its network, is stopped. Each of these may have made the session a
 * dead one long before a keepalive would notice, or may be nothing at all. So the server is asked: an OCC
 * request, which every OpenVPN answers, three times in little more than a second. Its first datagram also
 * tells the server our new address. No answer: a new call, at once.
 *
 *   address or route added   netlink socket, made before the lock-down
 *   woken from sleep         a timer that the kernel cancels then; boot time has run ahead of monotonic time
 *   stopped, or starved      the loop wakes long after it wanted to
 */
#include "control/calls.h"

#include <linux/rtnetlink.h>
#include <net/if.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#define SECOND_NS 1000000000ull
enum {
    QUESTIONS = 3,
    QUESTION_EVERY_NS = 400000000,
    SETTLE_NS = 30000000, /* several addresses and routes come in a row */
    STOPPED_S = 1,
    NEWS_BYTES = 8192,
};

/* ---- the question ---- */

/* False when nothing is up that could be asked. */
static bool can_ask(const struct calls *calls)
{
    return calls->client && calls->client->in_data &&
           dbr_session_state(calls->client->session) == DBR_SESSION_ACTIVE;
}

static void look_after(struct control *ctl, const char *why)
{
    struct calls *calls = ctl->calls;
    if (ctl->shutdown_ns)
        return;
    if (!can_ask(calls)) {
        calls_now(ctl, why);
        return;
    }
    client_log(calls->client, DBR_LOG_INFO, "%s: is the server still there?", why);
    calls->asked = 0;
    calls->question_ns = ctl->now.ns + SETTLE_NS;
}

void calls_net_tick(struct control *ctl)
{
    struct calls *calls = ctl->calls;
    if (ctl->wake_ns && ctl->now.ns > ctl->wake_ns + STOPPED_S * SECOND_NS) {
        ctl->wake_ns = 0;
        look_after(ctl, "this process was stopped");
    }
    if (ctl->now.ns < calls->question_ns)
        return;
    calls->question_ns = UINT64_MAX;
    if (!can_ask(calls))
        return;
    if (calls->asked++ >= QUESTIONS) {
        calls_now(ctl, "the server does not answer any more: calling again");
        return;
    }
    workers_send_occ(calls->client, DBR_OCC_REQUEST);
    calls->question_ns = ctl->now.ns + QUESTION_EVERY_NS;
}

void calls_answered(struct client *c)
{
    struct calls *calls = c->ctl->calls;
    if (calls->question_ns != UINT64_MAX)
        client_log(c, DBR_LOG_INFO, "the server is there");
    calls->question_ns = UINT64_MAX;
}

/* ---- the network ---- */

static unsigned interface_of_route(const struct nlmsghdr *h)
{
    const struct rtmsg *r = NLMSG_DATA(h);
    int left = (int)h->nlmsg_len - (int)NLMSG_LENGTH(sizeof *r);
    unsigned out = 0;
    if (left < 0 || r->rtm_table != RT_TABLE_MAIN)
        return 0;
    for (const struct rtattr *a = RTM_RTA(r); RTA_OK(a, left); a = RTA_NEXT(a, left))
        if (a->rta_type == RTA_OIF && RTA_PAYLOAD(a) == sizeof out)
            memcpy(&out, RTA_DATA(a), sizeof out);
    return out;
}

/* The interface that has got an address or a route, or has lost an address; 0 for any other message. */
static unsigned interface_of(const struct nlmsghdr *h)
{
    const struct ifaddrmsg *a = NLMSG_DATA(h);
    bool address = h->nlmsg_type == RTM_NEWADDR || h->nlmsg_type == RTM_DELADDR;
    if (h->nlmsg_type == RTM_NEWROUTE)
        return interface_of_route(h);
    return address && h->nlmsg_len >= NLMSG_LENGTH(sizeof *a) ? a->ifa_index : 0;
}

enum news { SAME, LOST, FOUND }; /* FOUND: there may be another way out */

static enum news read_news(const struct calls *calls, const void *buf, size_t len, enum news so_far)
{
    size_t left = len;
    for (const struct nlmsghdr *h = buf; NLMSG_OK(h, left); h = NLMSG_NEXT(h, left)) {
        unsigned at = interface_of(h);
        if (!at || at == calls->own_if[0] || at == calls->own_if[1])
            continue;
        enum news n = h->nlmsg_type == RTM_DELADDR ? LOST : FOUND;
        so_far = n > so_far ? n : so_far;
    }
    return so_far;
}

void calls_network(struct control *ctl)
{
    _Alignas(struct nlmsghdr) uint8_t buf[NEWS_BYTES];
    enum news news = SAME;
    ssize_t n;
    while ((n = recv(ctl->calls->news, buf, sizeof buf, MSG_DONTWAIT)) > 0)
        news = read_news(ctl->calls, buf, (size_t)n, news);
    if (news == SAME || ctl->shutdown_ns)
        return;
    if (ctl->calls->client && dbr_session_state(ctl->calls->client->session) == DBR_SESSION_ACTIVE)
        calls_tell_tap(ctl);
    if (news == LOST)
        return;
    calls_keep_way(ctl);
    if (ctl->calls->question_ns == UINT64_MAX)
        look_after(ctl, "the network has changed");
}

/* ---- the clock ---- */

static int64_t now_ns(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return (int64_t)t.tv_sec * (int64_t)SECOND_NS + t.tv_nsec;
}

static int64_t slept_ns(void)
{
    return now_ns(CLOCK_BOOTTIME) - now_ns(CLOCK_MONOTONIC);
}

/* Never due; a set clock, or the end of a sleep, makes it readable. */
static void arm_jump(int fd)
{
    const struct itimerspec never = {.it_value = {.tv_sec = INT32_MAX}};
    timerfd_settime(fd, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &never, NULL);
}

void calls_jump(struct control *ctl)
{
    uint64_t count;
    struct calls *calls = ctl->calls;
    if (read(calls->jump, &count, sizeof count) >= 0)
        return;
    arm_jump(calls->jump);
    int64_t slept = slept_ns(), before = calls->slept_ns;
    calls->slept_ns = slept;
    if (slept > before + (int64_t)SECOND_NS)
        look_after(ctl, "this machine has slept");
}

/* ---- life ---- */

/* Without either we are slower to notice, and work. */
int calls_net_open(struct control *ctl)
{
    struct calls *calls = ctl->calls;
    struct sockaddr_nl sa = {.nl_family = AF_NETLINK,
                             .nl_groups = RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR | RTMGRP_IPV4_ROUTE};
    calls->news = socket(AF_NETLINK, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, NETLINK_ROUTE);
    if (calls->news >= 0 && bind(calls->news, (const struct sockaddr *)&sa, sizeof sa)) {
        close(calls->news);
        calls->news = -1;
    }
    calls->own_if[0] = if_nametoindex(ctl->boot->tap_name);
    calls->own_if[1] = ctl->cfg->bridge.name ? if_nametoindex(ctl->cfg->bridge.name) : 0;
    calls->slept_ns = slept_ns();
    calls->jump = timerfd_create(CLOCK_REALTIME, TFD_NONBLOCK | TFD_CLOEXEC);
    if (calls->jump >= 0)
        arm_jump(calls->jump);
    return 0;
}

void calls_net_close(struct calls *calls)
{
    if (calls->news >= 0)
        close(calls->news);
    if (calls->jump >= 0)
        close(calls->jump);
    calls->news = calls->jump = -1;
}
