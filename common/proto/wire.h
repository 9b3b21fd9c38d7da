/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Every number of the OpenVPN wire format, and the shape of control packets: one function checks all lengths
 * of a packet before anything is looked up, allocated or decrypted. Source: openvpn-wire-protocol
 * (openvpn-rfc), OpenVPN 2.6 src/openvpn/ssl_pkt.h. Pure; any thread.
 *
 *   control packet behind the gate
 *   | op:5 kid:3 | sid 8 | n 1 | n x ack 4 | peer sid 8 (if n > 0) | packet id 4 (not in ACK) | payload |
 */
#ifndef DBR_PROTO_WIRE_H
#define DBR_PROTO_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum dbr_opcode {
    DBR_OP_SOFT_RESET = 3,       /* P_CONTROL_SOFT_RESET_V1 */
    DBR_OP_CONTROL = 4,          /* P_CONTROL_V1 */
    DBR_OP_ACK = 5,              /* P_ACK_V1 */
    DBR_OP_DATA_V1 = 6,          /* P_DATA_V1 */
    DBR_OP_RESET_CLIENT = 7,     /* P_CONTROL_HARD_RESET_CLIENT_V2 */
    DBR_OP_RESET_SERVER = 8,     /* P_CONTROL_HARD_RESET_SERVER_V2 */
    DBR_OP_DATA_V2 = 9,          /* P_DATA_V2 */
    DBR_OP_RESET_CLIENT_V3 = 10, /* P_CONTROL_HARD_RESET_CLIENT_V3, tls-crypt-v2 */
    DBR_OP_CONTROL_WKC = 11,     /* P_CONTROL_WKC_V1 */
};

enum {
    DBR_SID_LEN = 8,
    DBR_MAX_ACKS = 8,           /* in one packet */
    DBR_MAX_ACKS_PIGGYBACK = 4, /* on a control packet that carries payload */
    DBR_MAX_DATAGRAM = 65507,
    DBR_MAX_CONTROL_PAYLOAD = 2048, /* TLS bytes in one control packet: more than any OpenVPN sends */
    DBR_MAX_EARLY = 64,             /* bytes of early negotiation in the server's reset */
    DBR_CONTROL_MTU = 1250,         /* UDP payload bytes of a control packet (TLS_MTU_DEFAULT) */
    DBR_PEER_ID_NONE = 0xffffff,    /* 24 bits */
    DBR_DATA_V2_HEADER = 4,         /* op/kid and peer id */
    DBR_AEAD_HEADER_V2 = 24,        /* op/kid, peer id, packet id 4, tag 16 */
    DBR_AEAD_HEADER_V1 = 21,        /* op/kid, packet id 4, tag 16 */
};

static inline uint8_t dbr_opcode_of(uint8_t first_byte)
{
    return first_byte >> 3;
}
static inline uint8_t dbr_key_id_of(uint8_t first_byte)
{
    return first_byte & 7;
}
static inline uint8_t dbr_first_byte(uint8_t opcode, uint8_t key_id)
{
    return (uint8_t)(opcode << 3 | (key_id & 7));
}
static inline bool dbr_opcode_is_data(uint8_t opcode)
{
    return opcode == DBR_OP_DATA_V1 || opcode == DBR_OP_DATA_V2;
}

/* True for the packets that carry a wrapped client key behind them (tls-crypt-v2, wkc.h). */
bool dbr_opcode_has_wkc(uint8_t opcode);

/* A control packet behind the gate. payload points into the packet it was parsed from. */
struct dbr_control {
    uint8_t opcode, key_id;
    uint8_t n_acks;
    bool has_id;       /* false for ACK */
    uint64_t sid;      /* the sender's session id */
    uint64_t peer_sid; /* the receiver's session id as the sender knows it; only if n_acks > 0 */
    uint32_t acks[DBR_MAX_ACKS];
    uint32_t id; /* message packet id */
    const uint8_t *payload;
    size_t payload_len;
};

/* Shape of a raw datagram before the gate: 0 if the first byte names an opcode we speak with a key id that it
 * may carry (hard resets 0, soft resets 1..7) and the length fits a packet of it with gate_overhead bytes of
 * gate, and a wrapped key where one belongs; else DBR_ERR_SHAPE. Control opcodes only. */
int dbr_wire_prefilter(const uint8_t *dgram, size_t len, size_t gate_overhead);

/* Parses what lies behind the gate: first is the datagram's first byte, sid its session id, inner the bytes
 * from the ack count on. Refused with DBR_ERR_SHAPE: more than 8 acks, short fields, sid 0, peer sid 0 beside
 * acks, a client's reset or an ACK with payload, ACK without acks, a payload above DBR_MAX_CONTROL_PAYLOAD
 * (server's reset: DBR_MAX_EARLY). Of RESET_CLIENT_V3 and CONTROL_WKC the wrapped key was cut off before. A
 * reset with a packet id other than 0 is accepted (MikroTik sends 1). */
int dbr_control_parse(struct dbr_control *c, uint8_t first, uint64_t sid, const uint8_t *inner,
                      size_t inner_len);

/* Writes the inner bytes (ack count on) of c into out; returns their number, or DBR_ERR_SPACE when they do
 * not fit, more than DBR_MAX_ACKS acks or more than DBR_MAX_CONTROL_PAYLOAD bytes of payload. */
int dbr_control_write(const struct dbr_control *c, uint8_t *out, size_t cap);

#endif
