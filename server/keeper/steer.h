/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The program that the kernel runs on each datagram to choose a socket of the UDP group (SO_REUSEPORT,
 * classic BPF): data of peer p goes to the worker that owns p, DATA_V1 to the first worker (which owns those
 * peers by address), all else, and whatever is too short to tell, to control. A pure function from the number
 * of workers to instructions; keeper attaches them.
 */
#ifndef DBR_KEEPER_STEER_H
#define DBR_KEEPER_STEER_H

#include <linux/filter.h>
#include <stddef.h>

enum { UDP_STEER_LEN = 11 };

/* Writes UDP_STEER_LEN instructions for 1 + n_workers sockets, n_workers in 1..DBR_MAX_WORKERS. The result of
 * a run is the index of the socket: 0 control, 1 + i worker i. A load beyond the datagram ends the run with
 * 0. */
void udp_steer_write(struct sock_filter out[UDP_STEER_LEN], unsigned n_workers);

#endif
