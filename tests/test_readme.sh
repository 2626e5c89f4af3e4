#!/bin/sh
# SPDX-License-Identifier: ISC
# The README's commands run as written: every ```sh block, line by line, in a scratch folder that looks like the
# repository root, with a home that has a folder of MIDI files. Left out: `make` goals and package installs (make check
# is where we are), and `--minutes N` is cut to seconds.
set -eu
root=$PWD
build=$(cd "${BUILD:-build}" && pwd)
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
mkdir "$scratch/home" "$scratch/home/midi" "$scratch/here"
for f in models docs tests README.md; do ln -s "$root/$f" "$scratch/here/$f"; done
ln -s "$build" "$scratch/here/build"
cd "$scratch/here"
HOME=$scratch/home
export HOME

if ! [ -e models/partimento.safetensors ]; then
  echo "no shipped model here"
  exit 77
fi
for seed in 1 2 3 4; do
  build/partimento generate models/partimento.safetensors --style songbook --bars 16 --seed $seed \
    --out "$HOME/midi/tune$seed.mid"
done

awk '/^```sh$/ { on = 1; next } /^```$/ { on = 0 } on' README.md |
  sed -e 's/--minutes [0-9]*/--minutes 0.2/' -e '/^ *#/d' -e '/^$/d' > commands
sed -e ':a' -e '/\\$/N; s/\\\n//; ta' commands | grep -vE '^(make|sudo|apt|git|cd|cp|ln|mkdir) ' > lines || true
ran=0
while IFS= read -r line; do
  echo "\$ $line"
  sh -c "$line" < /dev/null || { echo "README: this line failed: $line" >&2; exit 1; }
  ran=$((ran + 1))
done < lines
[ "$ran" -ge 5 ] || { echo "README: only $ran commands found" >&2; exit 1; }
echo "$ran commands ran"
