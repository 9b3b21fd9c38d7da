/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * User names and passwords of clients in the configuration. Private to the room.
 */
#ifndef DBR_CONF_LOGINS_H
#define DBR_CONF_LOGINS_H

#include "conf/shape.h"

extern const struct shape conf_logins[SHAPE_COUNT];

/* Servers, at the end: complaints about directives that do not go together; fills the renewal time in. */
void conf_check_logins(struct parse *p);

#endif
