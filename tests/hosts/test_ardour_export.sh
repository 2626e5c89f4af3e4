#!/usr/bin/env bash
# SPDX-License-Identifier: ISC
# Ardour: an export (freewheeling, in another process, after reopening) has, note for note, what real time played. Twice
# over, and with automation drawn.
set -u
. tests/hosts/hosts.sh
. tests/hosts/ardour.sh
seconds=9 tempo=137
last=$((seconds * rate))
until=$((seconds * tempo * 24 / 60 - 24)) # what begins before the last quarter

# same_notes WHAT A B: lists in $scratch.
same_notes() {
  local list
  for list in "$2" "$3"; do
    check "$1: every note of $list ends" tap_sound "$scratch/$list.list"
    tap_notes -p -b $until "$scratch/$list.list" >"$scratch/$list.notes" 2>&1
  done
  check "$1: $2 has notes" [ "$(wc -l <"$scratch/$2.notes")" -gt 12 ]
  check "$1: $3 has the notes of $2" diff "$scratch/$2.notes" "$scratch/$3.notes"
}

scene plain "$scratch/plain" "new=$generator" tempo=$tempo set=Seed=5 locate=0 roll=$((seconds + 1)) \
  "list=$scratch/plain.list" save
cp -r "$scratch/plain" "$scratch/lanes"
scene lanes "$scratch/lanes" open tempo=$tempo \
  "lane=Temperature=0:0.5+$((4 * rate - 64)):0.5+$((4 * rate)):1.6+$last:1.6" \
  "lane=Highest note=0:127+$((2 * rate - 64)):127+$((2 * rate)):64+$last:64" \
  locate=0 roll=$((seconds + 1)) "list=$scratch/lanes.list" save
for session in plain lanes; do
  for take in 1 2; do
    check "$session: export $take" export_list export "$scratch/$session" $seconds "$scratch/$session.$take.list" \
      tempo=$tempo
    same_notes "$session, export $take" $session $session.$take
  done
done
check "the lanes are heard" fails cmp -s "$scratch/plain.notes" "$scratch/lanes.notes"
verdict
