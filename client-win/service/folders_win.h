/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Folders that others must not change: where the program lies, and %ProgramData%\Drawbridge. Any thread.
 */
#ifndef DBR_CW_SERVICE_FOLDERS_WIN_H
#define DBR_CW_SERVICE_FOLDERS_WIN_H

#include <windows.h>

#include <stdbool.h>
#include <stddef.h>
#include <wchar.h>

/* Who may do what in a folder and all below it, as SDDL. Owner: administrators. */
#define DBR_FOLDER_READABLE L"O:BAD:PAI(A;OICI;FA;;;SY)(A;OICI;FA;;;BA)(A;OICI;0x1200a9;;;BU)"
#define DBR_FOLDER_CLOSED   L"O:BAD:PAI(A;OICI;FA;;;SY)(A;OICI;FA;;;BA)"

/* What dbr_folder_is_safe() says of a security descriptor. */
bool dbr_rights_are_safe(PSECURITY_DESCRIPTOR sd, bool in_it);

/* True where nobody but SYSTEM, administrators and Windows' installer may change the file or folder, replace
 * it, or change who may; `in_it`: nor make files in it. A link is not safe. */
bool dbr_folder_is_safe(const wchar_t *path, bool in_it);

/* The file at path (absolute, X:\...) and all folders above it: NULL-terminated `bad` (cap units) names the
 * first that is not safe. True if all are. */
bool dbr_path_is_safe(const wchar_t *path, wchar_t *bad, size_t cap);

/* Makes the folder with these rights, or gives them to one that is there and belongs to administrators or
 * SYSTEM. 0; DBR_ERR_AUTH: somebody else made it, or it is a link; DBR_ERR_IO: GetLastError() says why. */
int dbr_folder_make(const wchar_t *path, const wchar_t *sddl);

/* Gives these rights to a folder that the administrator chose, whoever made it, and what is in it inherits
 * them. A link, a drive's root, and what lies in Windows' folder or in a user's is refused. 0,
 * DBR_ERR_UNSUPPORTED, DBR_ERR_IO. */
int dbr_folder_protect(const wchar_t *path);

#endif
