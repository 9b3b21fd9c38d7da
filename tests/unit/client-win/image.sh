#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# What the linker made of drawbridge.exe or drawbridgew.exe: image.sh OBJDUMP FILE. It is loaded at a random place of 64 bits, its data is
# never run, and no DLL that somebody put beside it is loaded before main() says where DLLs come from.
objdump=$1 exe=$2 bad=0
flags=$("$objdump" -p "$exe") || exit 1
for flag in HIGH_ENTROPY_VA DYNAMIC_BASE NX_COMPAT; do
    printf '%s\n' "$flags" | grep -qw "$flag" || { echo "not set: $flag"; bad=1; }
done
"$objdump" -h "$exe" | grep -q ' \.reloc ' || { echo "no .reloc: it has one fixed address"; bad=1; }
# Those of Windows' list KnownDLLs, which it never takes from the program's folder; others are loaded late.
for dll in $(printf '%s\n' "$flags" | sed -n 's/.*DLL Name: //p' | tr A-Z a-z); do
    case $dll in
    advapi32.dll | comdlg32.dll | gdi32.dll | kernel32.dll | msvcrt.dll | ntdll.dll | ole32.dll | oleaut32.dll) ;;
    rpcrt4.dll | shell32.dll | shlwapi.dll | user32.dll | ws2_32.dll | api-ms-win-*.dll) ;;
    *) echo "a DLL that Windows would look for in the program's folder: $dll"; bad=1 ;;
    esac
done
# drawbridgew.exe, and only that one, runs without a console (2: Windows GUI, 3: Windows CUI).
case ${exe##*/} in drawbridgew.exe) wanted=2 ;; *) wanted=3 ;; esac
is=$(printf '%s\n' "$flags" | sed -n 's/^Subsystem[[:space:]]*0*\([0-9]*\).*/\1/p')
[ "$is" = $wanted ] || { echo "subsystem $is, not $wanted"; bad=1; }
exit $bad
