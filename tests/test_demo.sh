#!/bin/sh
# SPDX-License-Identifier: ISC
# make demo plays the shipped model, and with ARCH the one that was asked for: with whatever models there are, and with
# tiny ones in their place. It says which one played. make demo-jam does so with a player, of the tune that comes along or
# of another.
set -u
build=$(cd "${BUILD:-build}" && pwd)
scratch=$(mktemp -d "${TMPDIR:-/tmp}/pmt-demo.XXXXXX") || exit 1
trap 'rm -rf "$scratch"' EXIT
fail() { echo "test_demo: $*" >&2; cat "$scratch/log" >&2; exit 1; }
demo() { make -s BUILD="$build" DEMO="$scratch/demo" demo "$@" >"$scratch/log" 2>&1; }
# played FILE OUT: that model, and both files.
played() {
  grep -q "^model .*($1)\$" "$scratch/log" || fail "$1 did not play"
  grep -q "^notes  *[1-9][0-9]* (0 hanging)" "$scratch/log" || fail "$1: no notes"
  [ "$(head -c 4 "$scratch/demo/$2.mid")" = MThd ] || fail "no $2.mid"
  [ "$(head -c 4 "$scratch/demo/$2.png" | tail -c 3)" = PNG ] || fail "no $2.png"
}

if ! [ -e "$build/partimento.lv2/partimento.safetensors" ]; then
  echo "no shipped model here"
  exit 77
fi
demo || fail "make demo"
played partimento.safetensors demo
mv "$scratch/demo/demo.mid" "$scratch/first.mid"
ARCH=x86_64 demo || fail "ARCH of the environment"
cmp -s "$scratch/first.mid" "$scratch/demo/demo.mid" || fail "ARCH of the environment counts"
demo ARCH=lstm || fail "ARCH=lstm"
cmp -s "$scratch/first.mid" "$scratch/demo/demo.mid" || fail "ARCH=lstm is not what is played without it"
if demo ARCH=organ; then fail "ARCH=organ"; fi
grep -q 'there are lstm, transformer and chorale' "$scratch/log" || fail "ARCH=organ: what there is"

mkdir "$scratch/models" "$scratch/none"
for arch in transformer chorale; do
  model=partimento-$arch.safetensors
  if [ -e "$build/partimento.lv2/$model" ]; then
    demo ARCH=$arch || fail "ARCH=$arch"
    played $model demo-$arch
  fi
  "$build/tests/test_tiny_model" "$scratch/models/$model" 3 >"$scratch/log" || fail "tiny model"
  demo ARCH=$arch DEMO_MODELS="$scratch/models" || fail "ARCH=$arch with a tiny model"
  played $model demo-$arch
  cmp -s "$scratch/first.mid" "$scratch/demo/demo-$arch.mid" && fail "ARCH=$arch plays what the first one plays"
  if demo ARCH=$arch DEMO_MODELS="$scratch/none"; then fail "ARCH=$arch without a model"; fi
  grep -q "ARCH=$arch: $model is not in" "$scratch/log" || fail "ARCH=$arch without a model: says so"
done

# jam OPTION...: make demo-jam with tiny models; both jams have the part of the player exactly.
jam() {
  make -s BUILD="$build" DEMO="$scratch/demo" DEMO_MODELS="$scratch/models" demo-jam "$@" >"$scratch/log" 2>&1
}
# has_part FILE TRACK: the Player of both jams is that, on whatever channel.
has_part() {
  "$build/tests/test_musician" notes "$1" "$2" | awk 'NF == 5 { $3 = "" } { print }' >"$scratch/wanted"
  [ "$(grep -c . "$scratch/wanted")" -gt 10 ] || fail "$1: $2 is empty"
  for out in jam-harmonise jam-accompany; do
    "$build/tests/test_musician" notes "$scratch/demo/$out.mid" Player | awk 'NF == 5 { $3 = "" } { print }' |
      cmp -s - "$scratch/wanted" || fail "$out: $2"
    [ "$(head -c 4 "$scratch/demo/$out.png" | tail -c 3)" = PNG ] || fail "no $out.png"
  done
}
"$build/tests/test_tiny_model" "$scratch/models/partimento.safetensors" 3 || fail "tiny model"
jam || fail "make demo-jam"
grep -q 'music:.*jam-harmonise.mid' "$scratch/log" && grep -q 'picture:.*jam-accompany.png' "$scratch/log" || fail "paths"
has_part "$scratch/demo/tune.mid" Melody
jam PIECE="$scratch/demo/tune.mid" TRACK=Chords YOU=1 || fail "another piece"
has_part "$scratch/demo/tune.mid" Chords
if jam PIECE="$scratch/demo/tune.mid" TRACK=Viola; then fail "TRACK=Viola"; fi
grep -q 'there are: 1 "Melody", 2 "Chords"' "$scratch/log" || fail "TRACK=Viola: what there is"
echo "test_demo: fine"
