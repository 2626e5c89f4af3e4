#!/usr/bin/env bash
# SPDX-License-Identifier: ISC
# Ardour, presets of a bundle with several models. One that brings another model along lets it play; the session that was
# saved then plays the same notes when it is opened again, also where the bundle has moved. Chosen in mid-song, one of the
# model that plays changes no note, one of another model does.
set -u
. tests/hosts/hosts.sh
. tests/hosts/ardour.sh
every_model
tempo=120 seconds=6 until=$((5 * 48)) # ticks that are compared
same=prelude other=transformer-songbook

# noted NAME SESSION COMMAND...: the notes of its first bars.
noted() {
  scene "$1" "$scratch/$2" "${@:3}" "list=$scratch/$1.list"
  check "$1: every note ends" tap_sound "$scratch/$1.list"
  tap_notes -p -b $until "$scratch/$1.list" >"$scratch/$1.notes" 2>/dev/null
  check "$1: has notes" [ "$(wc -l <"$scratch/$1.notes")" -gt 4 ]
  check "$1: no complaint" fails grep -aq "not loaded" "$scratch/$1.log"
}
equal() { check "$1: the notes of $2" diff "$scratch/$2.notes" "$scratch/$1.notes"; }
begins() { # NAME OTHER: alike in the first 3 beats, which were composed before the preset was chosen, and not later
  check "$1: begins as $2" diff <(head -n 3 "$scratch/$2.notes") <(head -n 3 "$scratch/$1.notes")
  check "$1: goes on otherwise than $2" fails cmp -s "$scratch/$2.notes" "$scratch/$1.notes"
}

song="locate=0 roll=$seconds"
for plugin in generator instrument; do
  uri=${!plugin} prefix=${!plugin%generator}
  prefix=${prefix%:}:preset
  noted $plugin-other $plugin new="$uri" tempo=$tempo preset=$prefix:$other $song save
done
noted plain plain new="$generator" tempo=$tempo $song
check "another model, other notes" fails cmp -s "$scratch/plain.notes" "$scratch/generator-other.notes"
noted again generator open tempo=$tempo $song
equal again generator-other

noted same same new="$generator" tempo=$tempo preset=urn:partimento:preset:$same $song
noted same-again same-again new="$generator" tempo=$tempo preset=urn:partimento:preset:$same locate=0 \
  turn=2.5=urn:partimento:preset:$same
equal same-again same
noted turned turned new="$generator" tempo=$tempo preset=urn:partimento:preset:$same locate=0 \
  turn=2.5=urn:partimento:preset:$other
begins turned same

mv "$scratch/lv2" "$scratch/moved" && export LV2_PATH=$scratch/moved:/usr/lib/lv2
for plugin in generator instrument; do
  noted $plugin-moved $plugin open tempo=$tempo $song
  equal $plugin-moved $plugin-other
done
verdict
