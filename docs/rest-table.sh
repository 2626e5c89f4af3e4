#!/bin/sh
# SPDX-License-Identifier: ISC
# How long parts stay away: of a style's pieces, per cent of the time that lies more than 16 quarters after a part last began a
# note, by part.
#   docs/rest-table.sh CORPORA [MODEL]       what MODEL plays (512 bars a style); without it the test pieces
# BUILD: where the commands are (build); needs `make host-programs`. STYLES: which.
set -eu
[ $# -ge 1 ] || { sed -n '3,6s|^# ||p' "$0" >&2; exit 2; }
build=${BUILD:-build}
folder=$(mktemp -d "${TMPDIR:-/tmp}/rest-table.XXXXXX")
trap 'rm -rf "$folder"' EXIT
for style in ${STYLES:-quartet lied piano ragtime songbook}; do
  rm -f "$folder"/*
  if [ $# -gt 1 ]; then
    "$build/partimento" evaluate --generated "$2" "$1/$style" --save "$folder" --json >/dev/null
  else
    while read -r name; do cp "$1/$style/$name" "$folder/"; done <"$1/$style/test.txt"
  fi
  for piece in "$folder"/*.mid; do
    "$build/tests/hosts/notelist" -p -q 24 "$piece"
    echo end
  done | awk -v style="$style" '
    function close_piece(   c) {
      for (c in last) { away[c] += over(length_ - last[c]); total[c] += length_ }
      delete last
      length_ = 0
    }
    function over(gap) { return gap > 384 ? gap - 384 : 0 }
    $1 == "end" { close_piece(); next }
    $3 != 10 {
      if (!($3 in last)) last[$3] = 0
      away[$3] += over($1 - last[$3])
      last[$3] = $1
      if ($1 + $2 > length_) length_ = $1 + $2
    }
    END {
      printf "%s", style
      for (c = 1; c <= 4; ++c) if (total[c]) printf " %.1f", 100 * away[c] / total[c]
      print ""
    }'
done
