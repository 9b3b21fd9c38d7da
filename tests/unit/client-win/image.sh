#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# What the linker made of drawbridge.exe: image.sh OBJDUMP FILE. It is loaded at a random place of 64 bits, its data is
# never run, and it needs no DLL but those of every Windows.
objdump=$1 exe=$2 bad=0
flags=$("$objdump" -p "$exe") || exit 1
for flag in HIGH_ENTROPY_VA DYNAMIC_BASE NX_COMPAT; do
    printf '%s\n' "$flags" | grep -qw "$flag" || { echo "not set: $flag"; bad=1; }
done
"$objdump" -h "$exe" | grep -q ' \.reloc ' || { echo "no .reloc: it has one fixed address"; bad=1; }
for dll in $(printf '%s\n' "$flags" | sed -n 's/.*DLL Name: //p' | tr A-Z a-z); do
    case $dll in
    advapi32.dll | bcrypt.dll | comctl32.dll | comdlg32.dll | crypt32.dll | gdi32.dll | iphlpapi.dll | kernel32.dll) ;;
    msvcrt.dll | ole32.dll | shell32.dll | shlwapi.dll | user32.dll | userenv.dll | ws2_32.dll | wtsapi32.dll) ;;
    api-ms-win-*.dll | dhcpcsvc.dll | dnsapi.dll | fwpuclnt.dll | ntdll.dll | oleaut32.dll | rpcrt4.dll) ;;
    *) echo "a DLL that not every Windows has: $dll"; bad=1 ;;
    esac
done
exit $bad
