#!/usr/bin/env bash
# SPDX-License-Identifier: ISC
# A session saved through lilv and opened by jalv: the other model it names, and its controls, play the notes they played
# before. Moved elsewhere as a whole it still does. With the model gone it plays with the bundled one and says so.
set -u
. tests/hosts/hosts.sh
bundle=$scratch/lv2/partimento.lv2
mkdir "$scratch/models"
tiny_model "$scratch/models/other.safetensors" 3 || exit 1
check "a session is saved" "$build/tests/hosts/lilv_session" "$bundle" "$generator" "$scratch/state" "$scratch/list" \
  "$scratch/models/other.safetensors" seed=4 temperature=0.8
notelist -p "$scratch/list.second" >"$scratch/expected"
check "has notes" [ "$(wc -l <"$scratch/expected")" -gt 16 ]

# opened NAME FOLDER: jalv's notes in bars 17 to 24 of the session in FOLDER.
opened() {
  start_jalv -l "$2/"
  check "$1: plays" drive -x -t 120 -T 1000000 -s "0.1:locate=64,0.8:play" -d 17.5 -l "$scratch/$1.list"
  check "$1: every note ends" sound "$scratch/$1.list"
  notelist -p -b $((96 * 24)) "$scratch/$1.list" >"$scratch/$1.list.notes"
  check "$1: jalv ends well" stop_jalv
}
start_jack
opened saved "$scratch/state"
check "saved: the same notes" diff "$scratch/expected" "$scratch/saved.list.notes"

mkdir "$scratch/moved"
cp -rL "$scratch/state" "$scratch/moved/session" # as a session that was archived: a file instead of a link
rm -r "$scratch/state" "$scratch/models"
opened moved "$scratch/moved/session"
check "moved: the same notes" diff "$scratch/expected" "$scratch/moved.list.notes"

rm "$scratch/moved/session/other.safetensors"
opened gone "$scratch/moved/session"
check "gone: says so" grep -q "other.safetensors" "$scratch/jalv.log"
check "gone: plays something else" fails cmp -s "$scratch/expected" "$scratch/gone.list.notes"
check "gone: plays" [ "$(wc -l <"$scratch/gone.list.notes")" -gt 8 ]
verdict
