/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What the engine says, as messages for the service: texts cut and cleaned, numbers within their ranges.
 * Pure; the engine's thread.
 */
#ifndef DBR_CW_ENGINE_WIRE_H
#define DBR_CW_ENGINE_WIRE_H

#include "client-win/engine/engine.h"
#include "client-win/pipe/message.h"

/* A network step; false: it does not fit into a message (a domain with odd letters) and is left out. */
bool dbr_wire_step(struct dbr_pm *m, const struct dbr_net_step *step);
/* since_unix_s: when it was connected, else 0; address: ours in the tunnel, or "". */
void dbr_wire_state(struct dbr_pm *m, enum dbr_engine_state state, const char *id, const char *text,
                    int64_t since_unix_s, const char *address);
void dbr_wire_ask(struct dbr_pm *m, enum dbr_engine_ask kind, bool echo, const char *text, const char *user);
void dbr_wire_log(struct dbr_pm *m, int level, const char *line);

#endif
