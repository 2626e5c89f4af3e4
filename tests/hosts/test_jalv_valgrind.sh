#!/usr/bin/env bash
# SPDX-License-Identifier: ISC
# jalv under valgrind, freewheeling: no wrong access, no use of what was never set, no leak of ours, and the plugin is
# taken down by a clean exit. jalv.supp names jalv's own leaks.
set -u
. tests/hosts/hosts.sh
need valgrind
wrapper="valgrind -q --error-exitcode=9 --leak-check=full --show-leak-kinds=definite
  --errors-for-leak-kinds=definite --num-callers=30 --suppressions=$here/jalv.supp
  --log-file=$scratch/valgrind.log"
tiny_model "$scratch/other.safetensors" 3

# watched NAME ARGUMENTS_OF_JALV DRIVE_OPTION...
watched() {
  local name=$1 arguments=$2
  shift 2
  # shellcheck disable=SC2086 # words
  start_jalv -w "$wrapper" $arguments
  check "$name: plays" drive -x -t 137.5 -l "$scratch/list" "$@"
  check "$name: every note ends" sound -e -1 "$scratch/list"
  check "$name: jalv ends well, nothing said by valgrind" stop_jalv
  head -n 60 "$scratch/valgrind.log"
}
start_jack
watched "transport" "$generator" -d 60 -T 1000000 -g 48 -e 1.1 \
  -s "0.5:play,10:locate=90,20:stop,21:locate=8,22:play,30:tempo=90,40:loop=24-32"
check "a session is saved" "$build/tests/hosts/lilv_session" "$scratch/lv2/partimento.lv2" "$generator" \
  "$scratch/state" "$scratch/session.list" "$scratch/other.safetensors"
watched "a session with another model" "-l $scratch/state/" -d 20 -g 24
made_song "$scratch/player.mid"
for mode in 1 2 3; do
  watched "a player, mode $mode" "-c mode=$mode $generator" -d 16 -T 1000000 -p "$scratch/player.mid" \
    -s "0.5:play,4:midi=b0407f,8:stop,9:locate=5,10:play,12:loop=8-10"
done
watched "the instrument" "$instrument" -d 10 -g 24
verdict
