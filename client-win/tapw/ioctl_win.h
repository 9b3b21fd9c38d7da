/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The driver's control codes: FILE_DEVICE_UNKNOWN, buffered, any access. Both lengths of a call are at least
 * 1, or the driver refuses it. For this room only.
 */
#ifndef DBR_CW_TAPW_IOCTL_WIN_H
#define DBR_CW_TAPW_IOCTL_WIN_H

#include <windows.h>
#include <winioctl.h>

enum {
    TAPW_GET_MAC = CTL_CODE(FILE_DEVICE_UNKNOWN, 1, METHOD_BUFFERED, FILE_ANY_ACCESS),     /* out: 6 bytes */
    TAPW_GET_VERSION = CTL_CODE(FILE_DEVICE_UNKNOWN, 2, METHOD_BUFFERED, FILE_ANY_ACCESS), /* out: 3 ULONG */
    TAPW_GET_MTU = CTL_CODE(FILE_DEVICE_UNKNOWN, 3, METHOD_BUFFERED, FILE_ANY_ACCESS),     /* out: ULONG */
    TAPW_SET_MEDIA = CTL_CODE(FILE_DEVICE_UNKNOWN, 6, METHOD_BUFFERED, FILE_ANY_ACCESS), /* in, out: ULONG */
};

#endif
