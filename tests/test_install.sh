#!/bin/sh
# SPDX-License-Identifier: ISC
# What a packager does: install into DESTDIR, look at it, uninstall, find nothing left. And what a wrong CFLAGS would show:
# the packager's are used as they are.
set -eu
build=${BUILD:-build}
root=$PWD
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
run() { make -s BUILD="$build" DESTDIR="$scratch/root" PREFIX=/usr LV2DIR=/usr/lib/x/lv2 "$@" > "$scratch/log" 2>&1 || { cat "$scratch/log" >&2; exit 1; }; }

run install
cd "$scratch/root"
find . -type f | sort > ../have
grep -qx './usr/bin/partimento' ../have
grep -qx './usr/lib/x/lv2/partimento.lv2/partimento.so' ../have
grep -qx './usr/lib/x/lv2/partimento.lv2/partimento-instrument.so' ../have
grep -qx './usr/lib/x/lv2/partimento.lv2/manifest.ttl' ../have
grep -qx './usr/lib/x/lv2/partimento.lv2/instrument.ttl' ../have
grep -qx './usr/share/man/man1/partimento-train.1' ../have
[ "$(grep -c 'presets/.*\.ttl$' ../have)" -ge 6 ]
for model in "$root"/models/*.safetensors; do # each with its card
  name=$(basename "$model" .safetensors)
  grep -qx "./usr/lib/x/lv2/partimento.lv2/$name.safetensors" ../have
  [ ! -e "$root/models/$name.md" ] || grep -qx "./usr/share/doc/partimento/$name.md" ../have
done
grep -qx './usr/share/doc/partimento/partimento.md' ../have
wrong=$(find . -type f ! -perm 0644 ! -path '*/partimento' ! -name '*.so'; find . \( -name partimento -o -name '*.so' \) -type f ! -perm 0755)
[ -z "$wrong" ] || { echo "modes: $wrong" >&2; exit 1; }
LV2_PATH="$PWD/usr/lib/x/lv2:/usr/lib/lv2" lv2info urn:partimento:generator > ../info
grep -q 'Temperature' ../info
LV2_PATH="$PWD/usr/lib/x/lv2:/usr/lib/lv2" lv2info urn:partimento:instrument > ../info
grep -q 'Volume' ../info
for object in usr/lib/x/lv2/partimento.lv2/*.so; do
  exported=$(nm -D --defined-only "$object" | awk '{print $3}')
  [ "$exported" = lv2_descriptor ] || { echo "exported: $exported" >&2; exit 1; }
done
cd - > /dev/null

run uninstall
left=$(find "$scratch/root" -type f; find "$scratch/root" -name partimento)
[ -z "$left" ] || { echo "left behind: $left" >&2; exit 1; }

# -n prints the commands: theirs stand in each compilation, ours do not override -O or -g.
make -n -B BUILD="$scratch/other" CFLAGS='-Og -DTHEIRS' "$scratch/other/obj/src/base/arena.o" > "$scratch/commands"
grep -q -- '-Og -DTHEIRS' "$scratch/commands"
if grep -qE -- '-O[0-3]|-march=native|-ffast-math| -s ' "$scratch/commands"; then
  echo "flags of our own beside the packager's:" >&2
  cat "$scratch/commands" >&2
  exit 1
fi
