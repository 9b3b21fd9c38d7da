/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The TAP adapters of this computer: finds them, opens one that is free, asks and switches it. They are those
 * of the driver tap-windows6 (its header src/tap-windows.h has the numbers). Whoever opens owns the handle;
 * any thread. Only on Windows, but for the two structs.
 *
 * The handle is overlapped, one Ethernet frame per read and write. Reads and writes fail as long as the media
 * status is down; a frame is 14 to 1,514 bytes (DBR_TAPW_FRAME), and a longer buffer for reads is good: there
 * may be four more for a VLAN tag. One handle per adapter at a time: the driver refuses the second one.
 */
#ifndef DBR_CW_TAPW_TAPW_H
#define DBR_CW_TAPW_TAPW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    DBR_TAPW_ADAPTERS = 32, /* more are not looked at */
    DBR_TAPW_GUID = 39,     /* bytes of "{...}" with its NUL */
    DBR_TAPW_NAME = 256,
    DBR_TAPW_WHY = 256,
    DBR_TAPW_FRAME = 1518,
};

struct dbr_tapw_adapter {
    char guid[DBR_TAPW_GUID];
    char name[DBR_TAPW_NAME]; /* as the user sees it, UTF-8; empty: it has none */
    uint64_t luid;            /* 0: taken out, or switched off for good */
    uint32_t index;           /* of the interface; changes when the adapter is switched off and on */
};

struct dbr_tapw {
    struct dbr_tapw_adapter adapter;
    void *handle; /* HANDLE, not inheritable; NULL: none */
    uint32_t major, minor;
};

/* The adapters in the registry's order, at most cap. How many, or DBR_ERR_IO. */
int dbr_tapw_list(struct dbr_tapw_adapter *out, size_t cap);

/* Opens the first one that is free and whose driver is new enough. 0, or DBR_ERR_NOTFOUND with one line that
 * says what to do in why; t->handle is NULL then. */
int dbr_tapw_open(struct dbr_tapw *t, char why[DBR_TAPW_WHY]);
void dbr_tapw_close(struct dbr_tapw *t); /* callable twice */

/* Plugs the cable in, or pulls it: Windows sees the adapter connected or not. 0 or DBR_ERR_IO. The handle may
 * belong to an I/O completion port: no packet is queued for these calls. */
int dbr_tapw_media(void *handle, bool up);
/* The adapter's Ethernet address. 0 or DBR_ERR_IO. */
int dbr_tapw_mac(void *handle, uint8_t mac[6]);
/* Bytes of the longest payload. 0 or DBR_ERR_IO. */
int dbr_tapw_mtu(void *handle, uint32_t *mtu);
/* 9 and 27 for 9.27. 0 or DBR_ERR_IO. */
int dbr_tapw_version(void *handle, uint32_t *major, uint32_t *minor);

/* The row of `drawbridge check`: one line, and true when a connection finds an adapter. */
bool dbr_tapw_check(char line[DBR_TAPW_WHY]);

#endif
