/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * DBR_PRINTF(FORMAT, FIRST): the function formats as printf of C17 does. MinGW's gcc takes plain "printf" for
 * the one of Windows' old runtime, which knows no %zu; what is called in the end is always C17's.
 */
#ifndef DBR_BASE_FORMAT_H
#define DBR_BASE_FORMAT_H

#ifdef __MINGW32__
#define DBR_PRINTF(format_at, first_at) __attribute__((format(gnu_printf, format_at, first_at)))
#else
#define DBR_PRINTF(format_at, first_at) __attribute__((format(printf, format_at, first_at)))
#endif

#endif
