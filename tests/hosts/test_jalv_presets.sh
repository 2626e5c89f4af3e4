#!/usr/bin/env bash
# SPDX-License-Identifier: ISC
# Every preset of the generator, loaded by jalv.gtk3, plays the notes that `partimento play --preset` plays, and no two
# presets the same. (The console's jalv 1.6.6 does not apply a preset's controls to a plugin with threadSafeRestore: it
# leaves them to a window that it does not have.)
set -u
. tests/hosts/hosts.sh
bundle=$scratch/lv2/partimento.lv2
bars=6 tempo=120
ticks=$((bars * 96))
start_display
start_jack
presets=$(sed -n "s/^<\($generator:preset:.*\)>\$/\1/p; s/^<\(urn:partimento:preset:.*\)>\$/\1/p" "$bundle/manifest.ttl")
check "there are presets" [ "$(wc -w <<<"$presets")" -ge 6 ]
for preset in $presets; do
  name=${preset##*:}
  start_jalv -g -p "$preset" "$generator"
  check "$name: plays" drive -x -t $tempo -d "$(seconds "$ticks / 24" $tempo 1)" -l "$scratch/list"
  check "$name: every note ends" sound "$scratch/list"
  notelist -p -b $ticks "$scratch/list" >"$scratch/$name.notes"
  "$partimento" play --bundle "$bundle" --uri "$generator" --preset "$preset" --bars $((bars + 1)) --tempo $tempo \
    --out "$scratch/play.mid" >/dev/null
  notelist -p -b $ticks "$scratch/play.mid" >"$scratch/expected"
  check "$name: has notes" [ "$(wc -l <"$scratch/expected")" -gt 8 ]
  check "$name: as partimento play" diff "$scratch/expected" "$scratch/$name.notes"
  for other in "$scratch"/*.notes; do
    [ "$other" = "$scratch/$name.notes" ] || check "$name is not $(basename "$other" .notes)" \
      fails cmp -s "$other" "$scratch/$name.notes"
  done
  stop_jalv
done
verdict
