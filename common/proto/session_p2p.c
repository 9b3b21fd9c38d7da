/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Two ends that nobody pushes options to: `tls-server` without `mode server` and `tls-client` without `pull`.
 * Both say in their key messages what they can do, and the common bits count, so that the keys are there at
 * once. An end that does not say so (IV_PROTO bit 5 missing: OpenVPN 2.5 and before) gets P_DATA_V1, the PRF
 * and the cipher that is configured. Source: OpenVPN 2.6 ssl_ncp.c p2p_mode_ncp, ssl.c push_peer_info.
 */
#include "base/err.h"
#include "base/log.h"
#include "proto/session_priv.h"

#include <stdlib.h>
#include <string.h>

enum { PEER_ID_WITHOUT_EXPORT = 0x76706e, PEER_ID_LEN = 3 };

static const uint32_t our_bits =
    DBR_IV_DATA_V2 | DBR_IV_TLS_KEY_EXPORT | DBR_IV_CC_EXIT_NOTIFY | DBR_IV_NCP_P2P | DBR_IV_DYN_TLS_CRYPT;

static uint32_t bits_of(const struct dbr_session *s)
{
    if (!s->cfg->p2p)
        return DBR_IV_DATA_V2; /* bit 5 is missing on purpose: see session_p2p_downgrade() */
    return s->cfg->no_dyn_tls_crypt ? our_bits & ~(uint32_t)DBR_IV_DYN_TLS_CRYPT : our_bits;
}

int session_p2p_info(const struct dbr_session *s, char *out, size_t cap)
{
    return dbr_peer_info_write_p2p(out, cap, bits_of(s), s->cfg->data_ciphers);
}

void session_p2p_downgrade(struct dbr_session *s)
{
    s->unpushed = true;
    s->use_v2 = s->use_ekm = s->cc_exit = s->dyn_tls_crypt = false;
    s->framing_push = NULL;
}

/* Both ends take the same one out of the exporter; it is in no message. */
static int take_peer_id(struct dbr_session *s, struct negotiation *n)
{
    uint8_t id[PEER_ID_LEN];
    s->peer_id = PEER_ID_WITHOUT_EXPORT;
    if (!s->use_ekm)
        return 0;
    int err = dbr_tls_export(n->tls, "EXPORTER-OpenVPN-p2p-peerid", id, sizeof id);
    if (!err)
        s->peer_id = (uint32_t)id[0] << 16 | (uint32_t)id[1] << 8 | id[2];
    return err;
}

int session_p2p_settle(struct dbr_session *s, struct negotiation *n)
{
    const struct dbr_session_config *cfg = s->cfg;
    uint32_t bits = s->info.iv_proto & DBR_IV_NCP_P2P ? s->info.iv_proto & bits_of(s) : 0;
    s->use_v2 = bits & DBR_IV_DATA_V2;
    s->use_ekm = bits & DBR_IV_TLS_KEY_EXPORT;
    s->cc_exit = bits & DBR_IV_CC_EXIT_NOTIFY;
    s->dyn_tls_crypt = s->use_ekm && (bits & DBR_IV_DYN_TLS_CRYPT);
    s->framing = cfg->framing;
    s->cipher =
        dbr_negotiate_cipher_p2p(cfg->server, cfg->data_ciphers, &s->info, s->peer_options, cfg->fallback);
    if (s->cipher == DBR_CIPHER_NONE)
        return DBR_ERR_NEGOTIATE;
    return s->use_v2 ? take_peer_id(s, n) : 0;
}

/* Client: the server's first key message is there. */
int session_p2p_begin(struct dbr_session *s, struct negotiation *n, const struct dbr_now *now)
{
    int err = session_p2p_settle(s, n);
    if (err == DBR_ERR_NEGOTIATE) {
        session_fail(s, now,
                     "OPTIONS ERROR: no data cipher in common with the server; write the same data-ciphers, "
                     "or data-ciphers-fallback, on both ends");
        return 0;
    }
    if (!err)
        err = s->cfg->ops->pushed(s->cfg->arg, s, "");
    if (!err)
        err = session_install(s, n, now);
    if (err)
        return err;
    s->authorized = true;
    session_active(s, now);
    return 0;
}
