/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * cmocka with the headers it wants to have before it.
 */
#ifndef TEST_BRIDGE_TEST_H
#define TEST_BRIDGE_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"

#endif
