/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Numbers of what drawbridge.rc holds. The icons of the looks follow each other in the order of enum
 * dbr_tray_look.
 */
#ifndef DBR_TRAY_RESOURCE_H
#define DBR_TRAY_RESOURCE_H

#define DBR_ICON_PROGRAM 1 /* the lowest: what Explorer shows */
#define DBR_ICON_LOOKS   10
#define DBR_DIALOG_ASK   20
#define DBR_DIALOG_TEXT  21
#define DBR_FIELD_TEXT   101
#define DBR_FIELD_USER   102
#define DBR_FIELD_SECRET 103
#define DBR_FIELD_COPY   104
#define DBR_LABEL_USER   105
#define DBR_LABEL_SECRET 106

#endif
