#!/usr/bin/env bash
# SPDX-License-Identifier: ISC
# jalv under valgrind, freewheeling: no wrong access, no use of what was never set, no leak of ours, and the plugin is
# taken down by a clean exit. jalv.supp names jalv's own leaks.
set -u
. tests/hosts/hosts.sh
need valgrind
start_jack
wrapper="valgrind -q --error-exitcode=9 --leak-check=full --show-leak-kinds=definite,possible
  --errors-for-leak-kinds=definite,possible --num-callers=30 --suppressions=$here/jalv.supp
  --log-file=$scratch/valgrind.log"
start_jalv -w "$wrapper" "$generator"
check "plays a minute, on the grid" drive -x -t 137.5 -d 60 -g 48 -e 1.1 -l "$scratch/list" \
  -s "0.5:play,10:locate=90,20:stop,21:locate=8,22:play,30:tempo=90,40:loop=24-32" -T 1000000
check "no note is left sounding" sound -e -1 "$scratch/list"
check "jalv ends well, nothing said by valgrind" stop_jalv
[ ! -s "$scratch/valgrind.log" ] || head -n 60 "$scratch/valgrind.log"
verdict
