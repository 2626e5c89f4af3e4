#!/usr/bin/env bash
# SPDX-License-Identifier: ISC
# jalv, freewheeling: 5 tempi by 4 meters. Every note-on within one frame of a tick, no note doubled, none left sounding,
# no event lost, and note for note what `partimento generate` writes with the same seed, tempo and meter.
set -u
. tests/hosts/hosts.sh
bars=16
start_jack
start_jalv "$generator"
for meter in 4/4 3/4 6/8 7/8 5/4; do
  beats=${meter%/*} unit=${meter#*/}
  ticks=$((bars * beats * 96 / unit))
  for tempo in 61 97 120 137.5 233; do
    what="$meter at $tempo"
    check "$what: on the grid" drive -x -t $tempo -m "$beats" -u "$unit" -g 24 -e 1 -l "$scratch/list" \
      -d "$(seconds "$ticks / 24" $tempo 1)"
    check "$what: nothing lost" [ "$(counted lost)" = 0 ]
    notelist -p -b $ticks "$scratch/list" >"$scratch/played" 2>"$scratch/faults" || cat "$scratch/faults"
    check "$what: every note ends" [ ! -s "$scratch/faults" ]
    check "$what: has notes" [ "$(wc -l <"$scratch/played")" -gt $bars ]
    generated --bars $((bars + 1)) --tempo $tempo --meter "$meter" --out "$scratch/generated.mid" >/dev/null
    notelist -p -b $ticks "$scratch/generated.mid" >"$scratch/expected"
    check "$what: as generated" cmp "$scratch/expected" "$scratch/played"
  done
done
check "jalv ends well" stop_jalv
verdict
