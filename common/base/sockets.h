/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Socket addresses, inet_pton and inet_ntop, which each system keeps in a place of its own. None of them
 * needs WSAStartup; the core calls nothing else of a socket library.
 */
#ifndef DBR_BASE_SOCKETS_H
#define DBR_BASE_SOCKETS_H

#ifdef _WIN32
#include <winsock2.h>
#include <ws2tcpip.h>
#else
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#endif

#endif
