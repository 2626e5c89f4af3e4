#!/usr/bin/env bash
# SPDX-License-Identifier: ISC
# Ardour loops two bars in real time. Loop on "Same each pass": every pass has the notes of the first. On "New each pass":
# other notes. Nothing hangs, and a start from the same place is the same performance again.
set -u
. tests/hosts/hosts.sh
. tests/hosts/ardour.sh
tempo=200 seconds=14
bars=$((rate * 60 * 8 / tempo)) # two bars in samples
until=$((8 * 24))

# The plugin hears the loop later than Ardour plays it, by its latency: a hair of the third bar comes and the first beat
# does not. So the first beat of the third pass and later ones is what sounds at the loop's end (docs/engine.md, "Told
# late"), and at the first wrap, which nobody can foresee, the beat behind the loop is heard for that hair.
passes() { # LIST: leaves LIST.1 LIST.2 ..., without the last, which the stop cuts; sets complete
  local n i
  complete=0
  tap_notes "$1.list" >"$1.all" || return
  n=$(grep -c '^pass' "$1.all")
  echo "$n passes"
  [ "$n" -ge 5 ] || return
  for ((i = 1; i < n; ++i)); do
    {
      [ $i -lt 3 ] || pass $((i - 1)) "$1.all" | awk -v end=$until '$1 >= end { print $1 - end, $3, $4, $5 }'
      pass $i "$1.all" | awk -v end=$until '$1 < end { print $1, $3, $4, $5 }'
    } >"$1.$i"
  done
  complete=$((n - 1))
}

session=$scratch/session
scene make "$session" "new=$generator" tempo=$tempo set=Seed=3 save
add_loop "$session" 0 $bars
scene loop "$session" open tempo=$tempo set=Loop=1 loop=$seconds "list=$scratch/same.list" set=Loop=0 \
  locate=0 loop=$seconds "list=$scratch/new.list" locate=0 roll=6 "list=$scratch/once.list" \
  locate=0 roll=6 "list=$scratch/twice.list"

check "same: every note ends; five passes" passes "$scratch/same"
check "same: has notes" [ "$(wc -l <"$scratch/same.1")" -gt 4 ]
for ((i = 2; i <= complete; ++i)); do
  check "same: pass $i has the notes of the first" diff "$scratch/same.1" "$scratch/same.$i"
done
check "new: every note ends; five passes" passes "$scratch/new"
differ=0
for ((i = 2; i <= complete; ++i)); do
  cmp -s "$scratch/new.1" "$scratch/new.$i" || differ=$((differ + 1))
  check "new: pass $i has notes" [ "$(wc -l <"$scratch/new.$i")" -gt 0 ]
done
check "new: passes differ ($differ of $((complete - 1)))" [ $differ -ge $((complete - 2)) ]
for take in once twice; do
  check "$take: every note ends" tap_sound "$scratch/$take.list"
  tap_notes -p -b $((2 * until)) "$scratch/$take.list" >"$scratch/$take.notes"
done
check "the same start, the same notes" diff "$scratch/once.notes" "$scratch/twice.notes"
verdict
