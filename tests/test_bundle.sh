#!/usr/bin/env bash
# SPDX-License-Identifier: ISC
# What goes into the bundle: every model there is, and only the presets whose model is there. Models come and go, and the
# bundle follows. Nothing is compiled here.
set -eu
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
bundle=$scratch/build/partimento.lv2
fail() { echo "test_bundle: $*" >&2; exit 1; }
build() { make -s BUILD="$scratch/build" MODELS_DIR="$scratch/models" bundle-data >"$scratch/log" 2>&1 || { cat "$scratch/log" >&2; exit 1; }; }
# listed: how many presets of both plugins the manifest has; there: how many files there are.
listed() { grep -c 'a pset:Preset' "$bundle/manifest.ttl" || true; }
there() { find "$bundle" -name '*.ttl' -path '*/presets/*' | wc -l; }
# of MODEL: presets in the source tree that name it.
of() { cat presets/*.ttl | grep -c "<urn:partimento:model> <../$1.safetensors>" || true; }

for f in presets/*.ttl; do
  [ "$(grep -c 'state:state \[ <urn:partimento:model> <\.\./[a-z-]*\.safetensors> \]' "$f")" = 1 ] || fail "$f does not name one model"
  grep -q "^<urn:partimento:preset:$(basename "$f" .ttl)>" "$f" || fail "$f has another name than its preset"
done

mkdir "$scratch/models"
build
[ "$(listed)" = 0 ] && [ "$(there)" = 0 ] || fail "presets without any model"

echo one >"$scratch/models/partimento.safetensors"
build
n=$(of partimento)
[ "$n" -ge 6 ] && [ "$(listed)" = $((2 * n)) ] && [ "$(there)" = $((2 * n)) ] || fail "$n presets, $(listed) listed, $(there) there"
cmp -s "$scratch/models/partimento.safetensors" "$bundle/partimento.safetensors" || fail "the model is not in the bundle"
cp -p "$bundle/manifest.ttl" "$scratch/manifest"
build
[ ! "$bundle/manifest.ttl" -nt "$scratch/manifest" ] || fail "made anew for nothing"

echo two >"$scratch/models/partimento-transformer.safetensors"
echo three >"$scratch/models/partimento-chorale.safetensors"
build
n=$(find presets -name '*.ttl' | wc -l)
[ "$(listed)" = $((2 * n)) ] && [ "$(there)" = $((2 * n)) ] || fail "all models: $(listed) of $n listed, $(there) there"
[ "$(find "$bundle" -name '*.safetensors' | wc -l)" = 3 ] || fail "not three models"
for f in "$bundle"/presets/*.ttl; do
  model=$(awk -F'[<>]' '/<urn:partimento:model>/ { print $4 }' "$f")
  [ -e "$bundle/presets/$model" ] || fail "$f names $model"
done
echo four >"$scratch/models/partimento-chorale.safetensors"
build
cmp -s "$scratch/models/partimento-chorale.safetensors" "$bundle/partimento-chorale.safetensors" || fail "an old model stays"

rm "$scratch/models/partimento-transformer.safetensors"
build
n=$(($(of partimento) + $(of partimento-chorale)))
[ "$(listed)" = $((2 * n)) ] && [ "$(there)" = $((2 * n)) ] || fail "one gone: $(listed) listed, $(there) there"
[ ! -e "$bundle/partimento-transformer.safetensors" ] || fail "a model that is gone stays"
! grep -q transformer "$bundle/manifest.ttl" || fail "the manifest remembers it"
echo "test_bundle: fine"
