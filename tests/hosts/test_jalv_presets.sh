#!/usr/bin/env bash
# SPDX-License-Identifier: ISC
# Every preset of the generator, and of the instrument those of another model than the first, loaded by jalv.gtk3, plays
# the notes that `partimento play --preset` plays, and no two presets the same: also where a preset brings another model
# along. (The console's jalv 1.6.6 does not apply a preset's controls to a plugin with threadSafeRestore: it leaves them to a
# window that it does not have.) In the console, while the song rolls: a preset whose model plays changes no note; another
# model takes over, and nothing is left sounding.
set -u
. tests/hosts/hosts.sh
every_model
bundle=$scratch/lv2/partimento.lv2
bars=6 tempo=120
ticks=$((bars * 96))
made_song "$scratch/song.mid"
notelist -p -q $fine "$scratch/song.mid" | awk '$3 == 1' | notefile -q $fine "$scratch/player.mid"
start_display
start_jack

# presets_of PREFIX MODEL_PATTERN: URIs of those whose model's file is such.
presets_of() {
  local f
  for f in presets/*.ttl; do
    ! grep -q "<urn:partimento:model> <../$2>" "$f" || echo "$1$(basename "$f" .ttl)"
  done
}
# as_play URI PRESET: jalv plays what we play; with somebody, what is made for that. Notes are left in NAME.notes.
as_play() {
  local name=${2#urn:partimento:} with=() player=() unit=24 grid=1 apart=0
  if [[ $2 == *:jam-* ]]; then
    with=(-p "$scratch/player.mid") player=(--player "$scratch/player.mid" --set thru=1) unit=$fine grid=-1
    apart=$(frames 1 $tempo)
  fi
  start_jalv -g -p "$2" "$1"
  check "$name: plays" drive -x -t $tempo -d "$(seconds "$ticks / 24" $tempo 1)" "${with[@]}" -l "$scratch/list"
  check "$name: every note ends" sound -e $grid "$scratch/list"
  notelist -p -e -1 -q $unit -b $((ticks * unit / 24)) "$scratch/list" >"$scratch/$name.notes"
  "$partimento" play --bundle "$bundle" --uri "$1" --preset "$2" --bars $((bars + 1)) --tempo $tempo --meter 4/4 \
    "${player[@]}" --out "$scratch/play.mid" >/dev/null
  notelist -p -w Player -q $unit -b $((ticks * unit / 24)) "$scratch/play.mid" >"$scratch/expected"
  check "$name: has notes" [ "$(wc -l <"$scratch/expected")" -gt 8 ]
  check "$name: as partimento play" near "$scratch/expected" "$scratch/$name.notes" "$apart"
  stop_jalv
}
presets=$(presets_of urn:partimento:preset: '.*')
check "there are presets" [ "$(wc -w <<<"$presets")" -ge 6 ]
others=$(presets_of urn:partimento:preset: 'partimento-.*')
check "there are presets of other models" [ "$(wc -w <<<"$others")" -ge 2 ]
for preset in $presets; do
  as_play "$generator" "$preset"
  name=${preset#urn:partimento:}
  for other in "$scratch"/preset:*.notes; do
    [ "$other" = "$scratch/$name.notes" ] || check "$name is not $(basename "$other" .notes)" \
      fails cmp -s "$other" "$scratch/$name.notes"
  done
done
for preset in $(presets_of urn:partimento:instrument:preset: 'partimento-.*'); do
  as_play "$instrument" "$preset"
done

# rolled NAME [PRESET]: sixteen bars in the console, the preset chosen on the way.
rolled() {
  local waiting=''
  start_jalv "$generator"
  if [ $# = 2 ]; then
    (echo presets; sleep 1.5; echo "preset $2") >&9 & # it has to list them before it knows one
    waiting=$!
  fi
  check "$1: plays" drive -t 480 -d "$(seconds 64 480 1)" -l "$scratch/$1.list"
  [ -z "$waiting" ] || wait "$waiting"
  check "$1: every note ends" sound "$scratch/$1.list"
  notelist -p -b $((16 * 96)) "$scratch/$1.list" >"$scratch/$1.rolled"
  check "$1: no complaint" fails grep -q 'not loaded' "$scratch/jalv.log"
  stop_jalv
}
rolled plain
rolled same urn:partimento:preset:prelude # jalv leaves its controls alone
check "a preset of the model that plays: not a note changes" diff "$scratch/plain.rolled" "$scratch/same.rolled"
rolled turn urn:partimento:preset:chorale # the console takes no URI with a hyphen
check "a preset of another model: it takes over" fails cmp -s "$scratch/plain.rolled" "$scratch/turn.rolled"
check "not from the beginning" diff <(head -n 4 "$scratch/plain.rolled") <(head -n 4 "$scratch/turn.rolled")
verdict
