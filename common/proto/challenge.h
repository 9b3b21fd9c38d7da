/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What a server asks beyond user name and password, and how the answers go into the password field or a
 * control message. Source: OpenVPN 2.6 management-notes.txt ("challenge/response"), misc.c
 * parse_auth_challenge. Pure.
 *
 *   AUTH_FAILED,CRV1:flags:state:base64 of the user name:text   ->  user name, "CRV1::state::answer"
 *   static-challenge                                            ->  "SCRV1:base64 password:base64 answer"
 *   INFO_PRE,CR_TEXT:flags:text                                 ->  "CR_RESPONSE,base64 answer"
 */
#ifndef DBR_PROTO_CHALLENGE_H
#define DBR_PROTO_CHALLENGE_H

#include <stdbool.h>
#include <stddef.h>

enum { DBR_CHALLENGE_STATE = 256, DBR_CHALLENGE_TEXT = 512, DBR_CHALLENGE_USER = 256 };

struct dbr_challenge {
    bool answer; /* one is wanted ("R") */
    bool echo;   /* it may be seen while it is typed ("E") */
    char state[DBR_CHALLENGE_STATE];
    char user[DBR_CHALLENGE_USER];
    char text[DBR_CHALLENGE_TEXT]; /* for a person: as the server wrote it, escape it for a log */
};

/* "CRV1:..." behind "AUTH_FAILED,". 0, DBR_ERR_SHAPE, or DBR_ERR_SPACE when a part is too long. */
int dbr_challenge_parse(struct dbr_challenge *c, const char *text);
/* "CR_TEXT:..." behind "INFO_PRE,"; state and user stay empty. Errors as above. */
int dbr_challenge_parse_text(struct dbr_challenge *c, const char *text);

/* The password that answers c. Its length or DBR_ERR_SPACE. */
int dbr_challenge_reply(const struct dbr_challenge *c, const char *answer, char *out, size_t cap);
/* The password of a static challenge. Its length or DBR_ERR_SPACE. */
int dbr_challenge_static(const char *password, const char *answer, char *out, size_t cap);
/* "CR_RESPONSE,..." Its length or DBR_ERR_SPACE. */
int dbr_challenge_response(const char *answer, char *out, size_t cap);

#endif
