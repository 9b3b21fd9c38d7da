/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The types of socket addresses, which each system keeps in a place of its own. Types only: the core calls
 * nothing of a socket library.
 */
#ifndef DBR_BASE_SOCKETS_H
#define DBR_BASE_SOCKETS_H

#ifdef _WIN32
#include <winsock2.h>
#include <ws2tcpip.h>
#else
#include <netinet/in.h>
#include <sys/socket.h>
#endif

#endif
