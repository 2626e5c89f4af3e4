#!/usr/bin/env bash
# SPDX-License-Identifier: ISC
# An Ardour session with another model, set by a preset: reopened, moved as a whole, and archived with the model's file in
# it, it plays the same notes. With the model gone it still opens and plays, and saving it again keeps the wish.
# (Ardour keeps a relative link to the file, so a session that moves without it has to stay as deep in the folders.)
set -u
. tests/hosts/hosts.sh
. tests/hosts/ardour.sh
tempo=120 seconds=6 until=$((5 * 48)) # ticks that are compared
model=$scratch/models/other.safetensors
mkdir "$scratch/models" "$scratch/lv2/preset.lv2"
tiny_model "$model" 3 || exit 1
cp "$model" "$scratch/lv2/preset.lv2/"
cat >"$scratch/lv2/preset.lv2/manifest.ttl" <<END
@prefix lv2: <http://lv2plug.in/ns/lv2core#> .
@prefix pset: <http://lv2plug.in/ns/ext/presets#> .
@prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> .
<urn:partimento:test:other> a pset:Preset ; lv2:appliesTo <$generator> ; rdfs:seeAlso <other.ttl> .
END
cat >"$scratch/lv2/preset.lv2/other.ttl" <<END
@prefix lv2: <http://lv2plug.in/ns/lv2core#> .
@prefix pset: <http://lv2plug.in/ns/ext/presets#> .
@prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> .
@prefix state: <http://lv2plug.in/ns/ext/state#> .
<urn:partimento:test:other> a pset:Preset ; lv2:appliesTo <$generator> ; rdfs:label "Another model" ;
  state:state [ <urn:partimento:model> <other.safetensors> ] .
END

notes() { # NAME: of NAME.list
  check "$1: every note ends" tap_sound "$scratch/$1.list"
  tap_notes -p -b $until "$scratch/$1.list" >"$scratch/$1.notes" 2>/dev/null
}
opened() { # NAME SESSION: notes of its first bars
  scene "$1" "$2" open tempo=$tempo locate=0 roll=$seconds "list=$scratch/$1.list"
  notes "$1"
}

scene bundled "$scratch/bundled" "new=$generator" tempo=$tempo set=Seed=6 locate=0 roll=$seconds "list=$scratch/bundled.list"
notes bundled
scene made "$scratch/made" "new=$generator" tempo=$tempo set=Seed=6 "preset=urn:partimento:test:other" locate=0 \
  roll=$seconds "list=$scratch/made.list" save
notes made
check "the other model plays" fails cmp -s "$scratch/bundled.notes" "$scratch/made.notes"
check "has notes" [ "$(wc -l <"$scratch/made.notes")" -gt 8 ]

opened reopened "$scratch/made"
check "reopened: the same notes" diff "$scratch/made.notes" "$scratch/reopened.notes"

mkdir "$scratch/elsewhere"
check "the session has a link to the model" [ -L "$scratch/made/externals/other.safetensors" ]
cp -rL "$scratch/made" "$scratch/elsewhere/archived" # with the file itself, as an archive has it
mv "$scratch/made" "$scratch/moved"
opened moved "$scratch/moved"
check "moved: the same notes" diff "$scratch/made.notes" "$scratch/moved.notes"

rm -r "$scratch/models" "$scratch/lv2/preset.lv2"
opened archived "$scratch/elsewhere/archived"
check "archived, the original gone: the same notes" diff "$scratch/made.notes" "$scratch/archived.notes"

find "$scratch/elsewhere/archived" -name other.safetensors -delete
scene gone "$scratch/elsewhere/archived" open tempo=$tempo locate=0 roll=$seconds "list=$scratch/gone.list" save
notes gone
check "gone: the bundled model plays" [ "$(wc -l <"$scratch/gone.notes")" -gt 8 ]
check "gone: says so" grep -aq "other.safetensors" "$scratch/gone.log"
check "gone: saved again, the wish is kept" \
  grep -q "urn:partimento:model>.*other.safetensors" "$(find "$scratch/elsewhere/archived/plugins" -name state.ttl | sort -V | tail -n 1)"
verdict
