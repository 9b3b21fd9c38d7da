/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The tables of what is counted. Control fills a number per row of DBR_METRIC_LIST, a worker one per row of
 * DBR_WORKER_SUM_LIST; the metrics process writes the Prometheus text from the same rows. A new number is a
 * row here and the line that counts it.
 */
#ifndef DBR_IPC_METRICS_H
#define DBR_IPC_METRICS_H

/* What a worker sums up, peers that are gone included: X(NAME). */
#define DBR_WORKER_SUM_LIST(X)                                                                               \
    X(RX_BYTES)                                                                                              \
    X(TX_BYTES)                                                                                              \
    X(RX_FRAMES)                                                                                             \
    X(TX_FRAMES)                                                                                             \
    X(DROPS_AUTH)                                                                                            \
    X(DROPS_REPLAY)                                                                                          \
    X(DROPS_QUEUE)                                                                                           \
    X(DROPS_UNKNOWN)                                                                                         \
    X(DROPS_SHAPE)                                                                                           \
    X(DROPS_MAIL)                                                                                            \
    X(DROPS_TAP)                                                                                             \
    X(NEWS_LOST)                                                                                             \
    X(MACS)                                                                                                  \
    X(LEARNED)                                                                                               \
    X(TO_DROP)                                                                                               \
    X(TO_LAN)                                                                                                \
    X(TO_CLIENT)                                                                                             \
    X(TO_FLOOD)                                                                                              \
    X(CLASS_ARP)                                                                                             \
    X(CLASS_ND)                                                                                              \
    X(CLASS_DHCP)                                                                                            \
    X(CLASS_DHCP6)                                                                                           \
    X(CLASS_ROUTER)                                                                                          \
    X(CLASS_LINK_LOCAL)                                                                                      \
    X(CLASS_TAGGED)

enum dbr_worker_sum {
#define X(name) DBR_SUM_##name,
    DBR_WORKER_SUM_LIST(X)
#undef X
        DBR_WORKER_SUMS
};

/* X(NAME, family, TYPE, labels, help). The name on the wire is drawbridge_<family>; rows of one family stand
 * together, and the first one's help counts. TYPE: COUNTER, GAUGE, or COUNTER_NS: nanoseconds here, seconds
 * in the text. The rows from IN_BYTES to CLASS_TAGGED are the workers' sums, in their order. */
#define DBR_METRIC_LIST(X)                                                                                   \
    X(CLIENTS, "clients", GAUGE, "", "Clients that are connected.")                                          \
    X(CLIENTS_MAX, "clients_max", GAUGE, "", "Clients that may be connected at once (max-clients).")         \
    X(CLIENTS_UNLISTED, "clients_unlisted", GAUGE, "", "Connected clients that have no rows of their own.")  \
    X(HALF_OPEN, "half_open_sessions", GAUGE, "", "Sessions that proved a cookie and are not let in yet.")   \
    X(STARTED, "control_start_time_seconds", GAUGE, "", "When the control process began, Unix time.")        \
    X(HS_BEGUN, "handshakes_begun_total", COUNTER, "", "Sessions that began with a proved cookie.")          \
    X(HS_DONE, "handshakes_completed_total", COUNTER, "", "Sessions that got their first data keys.")        \
    X(HS_SILENT, "handshakes_failed_total", COUNTER, "reason=\"silent\"",                                    \
      "Sessions that ended before they had data keys.")                                                      \
    X(HS_TIMEOUT, "handshakes_failed_total", COUNTER, "reason=\"timeout\"", "")                              \
    X(HS_TLS, "handshakes_failed_total", COUNTER, "reason=\"tls\"", "")                                      \
    X(HS_CERT, "handshakes_failed_total", COUNTER, "reason=\"certificate\"", "")                             \
    X(HS_REVOKED, "handshakes_failed_total", COUNTER, "reason=\"revoked\"", "")                              \
    X(HS_REFUSED, "handshakes_failed_total", COUNTER, "reason=\"refused\"", "")                              \
    X(RENEGOTIATIONS, "renegotiations_total", COUNTER, "", "New data keys for a session that had some.")     \
    X(FLOATS, "floats_total", COUNTER, "", "Clients that moved to another address.")                         \
    X(CUT, "sessions_cut_total", COUNTER, "", "Sessions ended by a list, by OCSP or by the administrator.")  \
    X(DATA_NEW, "data_lost_total", COUNTER, "", "Times that control lost the data process.")                 \
    X(CTL_SHAPE, "control_drops_total", COUNTER, "reason=\"malformed\"",                                     \
      "Control packets that were dropped without an answer.")                                                \
    X(CTL_AUTH, "control_drops_total", COUNTER, "reason=\"bad_hmac\"", "")                                   \
    X(CTL_REPLAYED, "control_drops_total", COUNTER, "reason=\"replayed\"", "")                               \
    X(CTL_SEEN, "control_drops_total", COUNTER, "reason=\"recorded\"", "")                                   \
    X(CTL_THROTTLED, "control_drops_total", COUNTER, "reason=\"throttled\"", "")                             \
    X(CTL_COOKIE, "control_drops_total", COUNTER, "reason=\"no_cookie\"", "")                                \
    X(CTL_STATE, "control_drops_total", COUNTER, "reason=\"out_of_state\"", "")                              \
    X(CTL_FULL, "control_drops_total", COUNTER, "reason=\"no_room\"", "")                                    \
    X(IN_BYTES, "data_bytes_total", COUNTER, "direction=\"in\"",                                             \
      "Bytes of data datagrams from (in) and to (out) clients.")                                             \
    X(OUT_BYTES, "data_bytes_total", COUNTER, "direction=\"out\"", "")                                       \
    X(IN_FRAMES, "data_frames_total", COUNTER, "direction=\"in\"", "Frames from (in) and to (out) clients.") \
    X(OUT_FRAMES, "data_frames_total", COUNTER, "direction=\"out\"", "")                                     \
    X(DROP_AUTH, "data_drops_total", COUNTER, "reason=\"authentication\"",                                   \
      "Datagrams and frames that the data process dropped, other than by a guard.")                          \
    X(DROP_REPLAY, "data_drops_total", COUNTER, "reason=\"replay\"", "")                                     \
    X(DROP_QUEUE, "data_drops_total", COUNTER, "reason=\"queue\"", "")                                       \
    X(DROP_UNKNOWN, "data_drops_total", COUNTER, "reason=\"unknown_peer\"", "")                              \
    X(DROP_SHAPE, "data_drops_total", COUNTER, "reason=\"malformed\"", "")                                   \
    X(DROP_MAIL, "data_drops_total", COUNTER, "reason=\"between_workers\"", "")                              \
    X(DROP_TAP, "data_drops_total", COUNTER, "reason=\"tap\"", "")                                           \
    X(NEWS_LOST, "data_messages_lost_total", COUNTER, "", "Messages that control could not take.")           \
    X(MACS, "macs", GAUGE, "", "MAC addresses behind clients.")                                              \
    X(LEARNED, "macs_learned_total", COUNTER, "", "MAC addresses learned at a client, or moved to one.")     \
    X(TO_DROP, "frames_switched_total", COUNTER, "to=\"nowhere\"", "Frames by where the switch sent them.")  \
    X(TO_LAN, "frames_switched_total", COUNTER, "to=\"lan\"", "")                                            \
    X(TO_CLIENT, "frames_switched_total", COUNTER, "to=\"client\"", "")                                      \
    X(TO_FLOOD, "frames_switched_total", COUNTER, "to=\"all\"", "")                                          \
    X(CLASS_ARP, "frames_class_total", COUNTER, "class=\"arp\"",                                             \
      "Frames that the guards look at, by class.")                                                           \
    X(CLASS_ND, "frames_class_total", COUNTER, "class=\"neighbour_advertisement\"", "")                      \
    X(CLASS_DHCP, "frames_class_total", COUNTER, "class=\"dhcp\"", "")                                       \
    X(CLASS_DHCP6, "frames_class_total", COUNTER, "class=\"dhcpv6\"", "")                                    \
    X(CLASS_ROUTER, "frames_class_total", COUNTER, "class=\"router_discovery\"", "")                         \
    X(CLASS_LINK_LOCAL, "frames_class_total", COUNTER, "class=\"link_local\"", "")                           \
    X(CLASS_TAGGED, "frames_class_total", COUNTER, "class=\"vlan\"", "")                                     \
    X(ADDRESSES, "addresses_seen_total", COUNTER, "", "IP addresses seen behind clients.")                   \
    X(CRL_CHECKED, "crl_checked", GAUGE, "", "1 if certificates are held against revocation lists.")         \
    X(CRL_LISTS, "crl_lists", GAUGE, "", "Revocation lists in force.")                                       \
    X(CRL_ACCEPTED, "crl_accepted_total", COUNTER, "", "Revocation lists that came into force.")             \
    X(CRL_REFUSED, "crl_refused_total", COUNTER, "", "Revocation lists that were refused.")                  \
    X(CRL_ACCEPTED_AT, "crl_accepted_timestamp_seconds", GAUGE, "",                                          \
      "When a list came into force last, Unix time; 0: never.")                                              \
    X(CRL_FETCHED_AT, "crl_fetched_timestamp_seconds", GAUGE, "",                                            \
      "The last good fetch from crl-url, Unix time; 0: never.")                                              \
    X(CRL_FAILURES, "crl_fetch_failures", GAUGE, "", "Failed fetches from crl-url since the last good one.") \
    X(OCSP_ASKED, "ocsp_questions_total", COUNTER, "", "Questions to OCSP responders.")                      \
    X(OCSP_GOOD, "ocsp_answers_total", COUNTER, "verdict=\"good\"", "Answers of OCSP responders.")           \
    X(OCSP_REVOKED, "ocsp_answers_total", COUNTER, "verdict=\"revoked\"", "")                                \
    X(OCSP_UNKNOWN, "ocsp_answers_total", COUNTER, "verdict=\"unknown\"", "")                                \
    X(OCSP_NONE, "ocsp_answers_total", COUNTER, "verdict=\"none\"", "")                                      \
    X(OCSP_TIME, "ocsp_wait_seconds_total", COUNTER_NS, "", "Time from questions to their answers.")

enum dbr_metric {
#define X(name, family, type, labels, help) DBR_METRIC_##name,
    DBR_METRIC_LIST(X)
#undef X
        DBR_METRICS
};

_Static_assert(DBR_METRIC_CLASS_TAGGED - DBR_METRIC_IN_BYTES + 1 == (int)DBR_WORKER_SUMS,
               "the workers' sums are rows of their own");

enum { DBR_METRICS_CLIENTS_MAX = 1000 }; /* clients with rows of their own */

#endif
