/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The folder of `capath`, looked at twice a second: changed lists go to control as a CRL file does; changed
 * certificates make a reload. One thread.
 */
#ifndef DBR_KEEPER_CAPATH_H
#define DBR_KEEPER_CAPATH_H

#include "keeper/keeper.h"

/* Looks, and passes changed lists on. True if the certificates have changed since the last look. */
bool capath_look(struct keeper *k);
/* Makes the next look pass the lists again (a new control process knows nothing). */
void capath_forget(struct keeper *k);

#endif
