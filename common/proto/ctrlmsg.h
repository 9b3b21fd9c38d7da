/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Control messages: NUL-terminated strings inside TLS after the key method 2 message. Source: OpenVPN 2.6
 * forward.c (dispatch), push.c. Pure. The table of messages is the only place that knows their names.
 */
#ifndef DBR_PROTO_CTRLMSG_H
#define DBR_PROTO_CTRLMSG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum dbr_ctrlmsg {
    DBR_MSG_UNKNOWN,
    DBR_MSG_PUSH_REQUEST,
    DBR_MSG_PUSH_REPLY,
    DBR_MSG_PUSH_UPDATE,
    DBR_MSG_AUTH_FAILED,
    DBR_MSG_AUTH_PENDING,
    DBR_MSG_RESTART,
    DBR_MSG_HALT,
    DBR_MSG_EXIT,
    DBR_MSG_INFO,
    DBR_MSG_INFO_PRE,
    DBR_MSG_CR_RESPONSE,
};
enum { DBR_CTRLMSG_MAX = 1024, DBR_PUSH_CHUNK = 1024 };

/* Which message a string is; *rest points behind "NAME," (or at the terminating NUL). The whole name counts,
 * not its head. A string with a byte below 0x20 or 0x7f, but for CR and LF at its end, is unknown. */
enum dbr_ctrlmsg dbr_ctrlmsg_parse(const char *text, const char **rest);

/* Builds "PUSH_REPLY,opt,opt,..." as chunks of less than DBR_PUSH_CHUNK bytes, cut where OpenVPN 2.6 cuts,
 * with ",push-continuation 2" on all but the last and 1 on the last of several. Calls emit for each chunk and
 * ends with what emit returns when that is not 0. Nothing is emitted but DBR_ERR_CONFIG returned if an option
 * is empty, longer than 929 bytes (it fits into no chunk), or has a control character or a comma in it (a
 * comma in an option is not allowed on the wire). */
int dbr_push_reply_write(const char *const *options, size_t n, int (*emit)(void *arg, const char *text),
                         void *arg);

/* Collects PUSH_REPLY chunks on the client; 0 when complete, DBR_ERR_AGAIN when a continuation follows,
 * DBR_ERR_LIMIT above 64 KiB, DBR_ERR_NOMEM. options is a comma list without the continuation words and
 * without empty options; NUL-terminated once a call returned 0. Begin with all zero. */
struct dbr_push_collect {
    char *options;
    size_t len;
};
int dbr_push_collect_add(struct dbr_push_collect *c, const char *reply_rest);
void dbr_push_collect_fini(struct dbr_push_collect *c); /* callable twice */

#endif
