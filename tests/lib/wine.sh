#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Runs a Windows program under Wine, as ctest of a Windows build does: wine.sh PROGRAM [ARGUMENTS].
# WINEPREFIX is build/wine where it is not set. 77 (skipped) where there is no Wine.
# wine.sh --begin starts Wine's server for ten minutes of silence; by itself it ends with the last program, and the next one
# may find it ending ("wine client error"). wine.sh --end ends what Wine still runs there.
top=$(cd "$(dirname "$0")/../.." && pwd)
for wine in /usr/lib/wine/wine64 "$(command -v wine64)" "$(command -v wine)"; do
    [ -x "$wine" ] && break
done
[ -x "$wine" ] || { echo "skipped: there is no wine64 here" >&2; exit 77; }
[ -n "$WINEPREFIX" ] || { WINEPREFIX=$top/build/wine; mkdir -p "$top/build"; }
WINEDEBUG=${WINEDEBUG--all} WINEDLLOVERRIDES=${WINEDLLOVERRIDES-mscoree,mshtml=} DISPLAY='' WINEPREFIX=$WINEPREFIX
LC_ALL=C.UTF-8 # or Wine makes no file with a name beyond ASCII
export WINEDEBUG WINEDLLOVERRIDES DISPLAY WINEPREFIX LC_ALL
case $1 in
--begin | --end)
    for server in "$(dirname "$wine")/wineserver64" "$(dirname "$wine")/wineserver" "$(command -v wineserver)"; do
        [ -x "$server" ] || continue
        [ "$1" = --end ] && exec "$server" -k
        mkdir -p "$WINEPREFIX" && exec "$server" -p600
    done
    exit 0
    ;;
esac
exec "$wine" "$@"
