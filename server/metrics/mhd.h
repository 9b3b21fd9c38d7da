/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * libmicrohttpd, opened when the metrics process begins and not linked to the program: with it come GnuTLS
 * and eight more libraries, which keeper, control and data would all have mapped and initialised, as root
 * some of them, to serve nothing.
 */
#ifndef DBR_METRICS_MHD_H
#define DBR_METRICS_MHD_H

#include <microhttpd.h>

#define MHD_FUNCTIONS(X)                                                                                     \
    X(start_daemon)                                                                                          \
    X(stop_daemon)                                                                                           \
    X(get_daemon_info)                                                                                       \
    X(get_timeout)                                                                                           \
    X(run)                                                                                                   \
    X(suspend_connection)                                                                                    \
    X(resume_connection)                                                                                     \
    X(get_connection_info)                                                                                   \
    X(create_response_from_buffer)                                                                           \
    X(add_response_header)                                                                                   \
    X(queue_response)                                                                                        \
    X(destroy_response)

struct mhd {
#define X(name) __typeof__(&MHD_##name) name;
    MHD_FUNCTIONS(X)
#undef X
};

/* Fills m. NULL, or what is wrong. The library stays until the process ends. */
const char *mhd_open(struct mhd *m);

#endif
