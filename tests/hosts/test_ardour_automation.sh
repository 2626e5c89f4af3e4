#!/usr/bin/env bash
# SPDX-License-Identifier: ISC
# Automation drawn in Ardour, played in real time. A lane that steps is heard one to two eighths later and no sooner
# (docs/engine.md, section 6); a Temperature that climbs and falls all the time leaves every note on its tick and ended.
set -u
. tests/hosts/hosts.sh
. tests/hosts/ardour.sh
tempo=120 seconds=9
eighth=12 # ticks
session=$scratch/session

# lane NAME COMMAND...: a copy of the session with lanes, played; LIST.notes are its notes.
played() {
  local name=$1
  shift
  cp -r "$scratch/base" "$session.$name"
  scene "$name" "$session.$name" open tempo=$tempo "$@" locate=0 roll=$seconds "list=$scratch/$name.list"
  check "$name: every note ends, on its tick" tap_sound -s -e 1 "$scratch/$name.list"
  tap_notes -p -b $(((seconds - 1) * tempo * 24 / 60)) "$scratch/$name.list" >"$scratch/$name.notes" 2>/dev/null
}
# step SAMPLE FROM TO: points of a lane that steps there. Ardour joins points nearer than a tick (13 samples) into one.
step() { echo "0:$2+$(($1 - 64)):$2+$1:$3+$((seconds * rate)):$3"; }
# onsets FILE FROM TO: what begins there, without lengths, which a step may cut.
onsets() { awk -v a="$2" -v b="$3" '$1 >= a && $1 < b { print $1, $3, $4, $5 }' "$1"; }
after() { awk -v a="$1" '$1 >= a' "$2"; }

scene make "$scratch/base" "new=$generator" tempo=$tempo set=Seed=9 save
played plain
check "plain: has notes" [ "$(wc -l <"$scratch/plain.notes")" -gt 20 ]

# On a bar line, and in the middle of an eighth.
for at in 192 246; do
  sample=$((at * 60 * rate / tempo / 24)) limit=60
  high() { after "$1" "$2" | awk -v limit=$limit '$4 > limit' | wc -l; }
  played "high$at" "lane=Highest note=$(step $sample 127 $limit)"
  check "highest note at $at: not heard within an eighth" \
    diff <(onsets "$scratch/plain.notes" 0 $((at + eighth))) <(onsets "$scratch/high$at.notes" 0 $((at + eighth)))
  check "highest note at $at: would be passed without the lane" [ "$(high $((at + 2 * eighth)) "$scratch/plain.notes")" -gt 0 ]
  check "highest note at $at: obeyed after two eighths" [ "$(high $((at + 2 * eighth)) "$scratch/high$at.notes")" = 0 ]
  check "highest note at $at: music goes on" [ "$(after $((at + 24)) "$scratch/high$at.notes" | wc -l)" -gt 2 ]
done

at=192 sample=$((192 * 60 * rate / tempo / 24))
played style "lane=Style=$(step $sample 0 4)" # from Quartet to Drums
check "style: not heard within an eighth" \
  diff <(onsets "$scratch/plain.notes" 0 $((at + eighth))) <(onsets "$scratch/style.notes" 0 $((at + eighth)))
check "style: drums after two eighths, nothing else" \
  [ "$(after $((at + 2 * eighth)) "$scratch/style.notes" | awk '{ print $3 }' | sort -u | tr '\n' ' ')" = "10 " ]

played density "lane=Density=$(step $sample 0 -1)"
check "density: not heard within an eighth" \
  diff <(onsets "$scratch/plain.notes" 0 $((at + eighth))) <(onsets "$scratch/density.notes" 0 $((at + eighth)))
check "density: fewer notes after" [ "$(after $((at + 24)) "$scratch/density.notes" | wc -l)" -lt \
  "$(after $((at + 24)) "$scratch/plain.notes" | wc -l)" ]

played ramp "lane=Temperature=0:1+$((rate / 4)):1+$((3 * rate)):2+$((6 * rate)):0+$((seconds * rate)):2"
for ((bar = 0; bar < 4; ++bar)); do
  check "ramp: bar $((bar + 1)) has notes" [ "$(onsets "$scratch/ramp.notes" $((bar * 96)) $((bar * 96 + 96)) | wc -l)" -gt 0 ]
done
verdict
