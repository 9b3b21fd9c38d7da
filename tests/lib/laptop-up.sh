#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# The `up` script of a stock OpenVPN laptop on Linux that takes its address from the office's DHCP server. OpenVPN calls
# it with the TAP's name as its first argument, before the first frame can cross, so the DHCP client works on in the
# background. (On Windows the TAP adapter asks by itself.)
ip link set "$1" up
busybox udhcpc -i "$1" -b -t 20 -T 1 -s "${0%/*}/udhcpc.script" >/dev/null 2>&1 &
