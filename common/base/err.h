/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The one list of errors. Functions return int: 0 is good, negative is one of these. Three classes are never
 * mixed: the peer's fault (count, drop, go on), our environment (return up, log once at the top), our bug.
 */
#ifndef DBR_BASE_ERR_H
#define DBR_BASE_ERR_H

#define DBR_ERR_LIST(X)                                                                                      \
    X(OK, 0, "no error")                                                                                     \
    X(SHAPE, -1, "malformed packet")           /* peer: lengths or fields do not fit */                      \
    X(AUTH, -2, "authentication failed")       /* peer: HMAC, tag or cookie does not match */                \
    X(REPLAY, -3, "replayed or too old")       /* peer: packet id seen before or outside the window */       \
    X(STATE, -4, "not expected in this state") /* peer: right shape, wrong moment */                         \
    X(LIMIT, -5, "limit reached")              /* peer or us: a bound was met */                             \
    X(NEGOTIATE, -6, "no common option")       /* peer: nothing both sides can do */                         \
    X(CERT, -7, "certificate refused")         /* peer: chain, purpose, name, CRL or OCSP */                 \
    X(TLS, -8, "TLS failure")                  /* peer: alert or protocol error in TLS */                    \
    X(TIMEOUT, -9, "timed out")                                                                              \
    X(AGAIN, -10, "nothing to do now")  /* not an error: call again with more input */                       \
    X(NOMEM, -11, "out of memory")      /* environment */                                                    \
    X(IO, -12, "input/output error")    /* environment: errno has the cause */                               \
    X(CONFIG, -13, "bad configuration") /* admin: the message has file, line, reason, way out */             \
    X(NOTFOUND, -14, "not found")                                                                            \
    X(EXISTS, -15, "exists already")                                                                         \
    X(CRYPTO, -16, "cryptographic library failure") /* environment or our bug */                             \
    X(SPACE, -17, "buffer too small")               /* caller's buffer */                                    \
    X(UNSUPPORTED, -18, "not supported here")

enum dbr_err {
#define X(name, value, text) DBR_ERR_##name = value,
    DBR_ERR_LIST(X)
#undef X
};

/* Name ("SHAPE") and text ("malformed packet") of an error; "?" for a number that is not in the list. */
const char *dbr_err_name(int err);
const char *dbr_err_text(int err);

#endif
