#!/usr/bin/env bash
# SPDX-License-Identifier: ISC
# The bundle's turtle: syntax by serdi, meaning by sord_validate. Its exit status says nothing (it is 0 with errors), so
# its words are read; and it is itself shown to find a fault.
set -u
bundle=${BUILD:-build}/partimento.lv2
fail() { echo "test_ttl: $*" >&2; exit 1; }
files=("$bundle"/{manifest,generator,instrument}.ttl "$bundle"/presets/*.ttl)
scratch=$(mktemp -d) || exit 1
trap 'rm -rf "$scratch"' EXIT

for f in "${files[@]}"; do
  serdi -i turtle -o turtle "$f" >/dev/null || fail "$f: syntax"
done

validate() { lv2_validate "$@" 2>&1 | grep -v '^Skipping file .*lv2core.doap.ttl'; }
said=$(validate "${files[@]}")
grep -q '^Found 0 errors among' <<<"$said" || fail "$said"
! grep -qi 'error[: ]' <<<"${said//Found 0 errors/}" || fail "$said"
for f in "${files[@]}"; do # one left out would not be missed otherwise
  ! grep -q "kipping.*$f" <<<"$said" || fail "$said"
done

for plugin in generator instrument; do
  sed 's/lv2:name "Temperature"/lv2:nane "Temperature"/' "$bundle/$plugin.ttl" > "$scratch/$plugin.ttl"
  ! validate "$bundle/manifest.ttl" "$scratch/$plugin.ttl" "$bundle"/presets/*.ttl | grep -q '^Found 0 errors' ||
    fail "the validator does not see a misspelt lv2:name in $plugin.ttl"
done

mkdir "$scratch/lv2" && ln -s "$(realpath "$bundle")" "$scratch/lv2/" || fail "scratch"
shown=0
for plugin in generator instrument; do
  LV2_PATH=$scratch/lv2:/usr/lib/lv2 lv2info urn:partimento:$plugin > "$scratch/info" || fail "lv2info"
  for f in "$bundle"/presets/*.ttl; do
    case $plugin:$(basename "$f") in
      generator:instrument-*) continue ;;
      generator:* | instrument:instrument-*) ;;
      *) continue ;;
    esac
    label=$(sed -n 's/^ *rdfs:label "\(.*\)" ;$/\1/p' "$f")
    [ -n "$label" ] || fail "$f has no label"
    [ "$(grep -cE "^[[:space:]]+$label\$" "$scratch/info")" = 1 ] || fail "lv2info does not show the preset $label of the $plugin once"
    shown=$((shown + 1))
  done
  [ "$(grep -c 'doap:license' "$bundle/$plugin.ttl")" = 1 ] || fail "not exactly one licence"
done
[ "$shown" -ge 12 ] || fail "only $shown presets"
grep -q 'Class: *Instrument' "$scratch/info" || fail "the instrument is none to hosts"
! grep -qE '@M[IA]|^#\[|^#\]' "${files[@]}" || fail "a template was not filled in"
! grep -l 'urn:partimento:generator' "$bundle/instrument.ttl" "$bundle"/presets/instrument-*.ttl ||
  fail "the instrument speaks of the generator"
for f in "$bundle"/presets/*.ttl; do
  ! grep -qE '"(control|midi_out|bar|late_slots|surprise|doing|enabled|panic|capture|learn|thru)"' "$f" || fail "$f sets what a preset must not"
  grep -q "<presets/$(basename "$f")>" "$bundle/manifest.ttl" || fail "$f is not in the manifest"
done
echo "test_ttl: ${#files[@]} files, $said"
