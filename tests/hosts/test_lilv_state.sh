#!/usr/bin/env bash
# SPDX-License-Identifier: ISC
# The state of both plugins through lilv's own functions: saved, restored into a fresh instance, saved again. The same
# text, the same notes; with the bundled model and with another.
set -u
. tests/hosts/hosts.sh
bundle=$scratch/lv2/partimento.lv2
tiny_model "$scratch/other.safetensors" 3 || exit 1

round_trip() { # NAME URI MODEL CONTROL...
  local name=$1 folder=$scratch/$1 part
  check "$name: saved, restored, played" \
    "$build/tests/hosts/lilv_session" "$bundle" "$2" "$folder" "$scratch/$name.list" "${@:3}"
  check "$name: the state names the model beside it" grep -q "<urn:partimento:model> <${3##*/}>" "$folder/state.ttl"
  check "$name: the model is there" [ -r "$folder/${3##*/}" ]
  check "$name: saved again, the same text" diff "$folder/state.ttl" "$folder.again/state.ttl"
  for part in first second fresh; do
    check "$name: every note of $part ends" sound "$scratch/$name.list.$part"
    notelist -p "$scratch/$name.list.$part" >"$scratch/$name.$part"
  done
  check "$name: has notes" [ "$(wc -l <"$scratch/$name.first")" -gt 16 ]
  check "$name: the restored instance plays the same" diff "$scratch/$name.first" "$scratch/$name.second"
  check "$name: without its state it plays something else" fails cmp -s "$scratch/$name.first" "$scratch/$name.fresh"
}
round_trip generator "$generator" "$bundle/partimento.safetensors" seed=4 temperature=0.8
round_trip generator-other "$generator" "$scratch/other.safetensors"
round_trip instrument "$instrument" "$bundle/partimento.safetensors" seed=9 style=3
round_trip instrument-other "$instrument" "$scratch/other.safetensors" velocity=0.5
verdict
