#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Runs a Windows program under Wine, as ctest of a Windows build does: wine.sh PROGRAM [ARGUMENTS].
# WINEPREFIX is build/wine where it is not set. 77 (skipped) where there is no Wine.
# wine.sh --end ends what Wine still runs there.
top=$(cd "$(dirname "$0")/../.." && pwd)
for wine in /usr/lib/wine/wine64 "$(command -v wine64)" "$(command -v wine)"; do
    [ -x "$wine" ] && break
done
[ -x "$wine" ] || { echo "skipped: there is no wine64 here" >&2; exit 77; }
[ -n "$WINEPREFIX" ] || { WINEPREFIX=$top/build/wine; mkdir -p "$top/build"; }
WINEDEBUG=${WINEDEBUG--all} WINEDLLOVERRIDES=${WINEDLLOVERRIDES-mscoree,mshtml=} DISPLAY='' WINEPREFIX=$WINEPREFIX
LC_ALL=C.UTF-8 # or Wine makes no file with a name beyond ASCII
export WINEDEBUG WINEDLLOVERRIDES DISPLAY WINEPREFIX LC_ALL
if [ "$1" = --end ]; then
    for wine in "$(dirname "$wine")/wineserver64" "$(dirname "$wine")/wineserver" "$(command -v wineserver)"; do
        [ -x "$wine" ] && exec "$wine" -k
    done
    exit 0
fi
exec "$wine" "$@"
