#!/usr/bin/env bash
# SPDX-License-Identifier: ISC
# The same notes on the same transport frames whatever drives the plugin: jalv in real time, jalv freewheeling, another
# period, another sample rate; and on the same ticks in `partimento play` and `partimento generate`.
set -u
. tests/hosts/hosts.sh
bars=8 tempo=140 meter=6/8 seed=7
ticks=$((bars * 72))
length=$(seconds "$ticks / 24" $tempo)
bundle=$scratch/lv2/partimento.lv2

# play_list FILE RATE OPTION...: transport frames and bytes of what begins, from the start to the last bar line.
play_list() {
  local file=$1 at=$2
  shift 2
  drive "$@" -t $tempo -m 6 -u 8 -d "$(seconds "$ticks / 24" $tempo 1)" -l "$scratch/list" || return
  notelist -p -b $ticks -r "$at" "$scratch/list" >"$file.notes" || return
  awk -v end="$(awk "BEGIN { print $length * $at }")" '$4 == "R" && $2 < end { print $2, $6, $7, $8 }' "$scratch/list" \
    >"$file.frames"
}
# Where a machine is too busy for real time, cycles are late; that does not matter to us. Some are skipped, and the song's
# place with them: that is the driver's doing, and it plays once more.
real_time() {
  local try
  for try in 1 2 3 4; do
    play_list "$scratch/real" $rate && cmp -s "$scratch/free.frames" "$scratch/real.frames" && return
    echo "try $try: $(counted xruns) cycles late"
  done
  return 1
}
host() { # PERIOD RATE
  start_jack "$1" "$2"
  start_jalv -c seed=$seed -c style=3 "$generator"
}

host 256 $rate
check "freewheels" play_list "$scratch/free" $rate -x
check "has notes" [ "$(wc -l <"$scratch/free.notes")" -gt 20 ]
check "plays in real time, the same bytes on the same transport frames" real_time
check "same notes" cmp "$scratch/free.notes" "$scratch/real.notes"
check "jalv ends well" stop_jalv
stop_jack

host 1024 $rate
check "freewheels in periods of 1024" play_list "$scratch/long" $rate -x
check "periods of 1024: same bytes on the same frames" cmp "$scratch/free.frames" "$scratch/long.frames"
check "jalv ends well" stop_jalv
stop_jack

host 64 44100
check "freewheels at 44.1 kHz in periods of 64" play_list "$scratch/cd" 44100 -x
check "44.1 kHz: same notes" cmp "$scratch/free.notes" "$scratch/cd.notes"
check "jalv ends well" stop_jalv

"$partimento" play --bundle "$bundle" --bars $((bars + 1)) --tempo $tempo --meter $meter --seed $seed --set style=3 \
  --out "$scratch/play.mid" >/dev/null
notelist -p -b $ticks "$scratch/play.mid" >"$scratch/play.notes"
check "as partimento play" cmp "$scratch/free.notes" "$scratch/play.notes"
generated --bars $((bars + 1)) --tempo $tempo --meter $meter --seed $seed --style Ragtime --style2 Quartet \
  --temperature 1 --out "$scratch/generate.mid" >/dev/null
notelist -p -b $ticks "$scratch/generate.mid" >"$scratch/generate.notes"
check "as partimento generate" cmp "$scratch/free.notes" "$scratch/generate.notes"
verdict
