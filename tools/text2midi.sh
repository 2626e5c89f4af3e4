#!/bin/sh
# SPDX-License-Identifier: ISC
# A tune as text (docs/jam/ode.txt says how) becomes a MIDI file: text2midi.sh IN.txt OUT.mid
# Above: make demo-jam. awk says each byte in octal and printf writes it: not every awk can write a zero.
set -eu
[ $# = 2 ] || { echo "usage: text2midi.sh IN.txt OUT.mid" >&2; exit 2; }
bytes=$(awk '
  function fail(what) { print FILENAME ":" FNR ": " what > "/dev/stderr"; failed = 1; exit 1 }
  function byte(n) { body = body sprintf("\\%03o", n); size++ }
  function delta(ticks,  high) {
    for (high = 128 * 128; high > 1; high /= 128) { if (ticks >= high) { byte(128 + int(ticks / high) % 128) } }
    byte(ticks % 128)
  }
  function meta(kind, length_) { byte(0); byte(255); byte(kind); byte(length_) }
  function close_track() {
    if (!open_) { return }
    meta(47, 0)
    tracks = tracks "MTrk" sprintf("\\000\\%03o\\%03o\\%03o", int(size / 65536), int(size / 256) % 256, size % 256) body
    body = ""; size = 0; n_tracks++; open_ = 0
  }
  function pitch_of(name,  class, octave) {
    class = index("C D EF G A B", substr(name, 1, 1)) - 1
    octave = substr(name, 2)
    if (sub(/^#/, "", octave)) { class++ }
    if (class < 0 || octave !~ /^[0-9]$/) { fail("\"" name "\" is no note") }
    return 12 * (octave + 1) + class
  }
  function play(chord,  pitch, n, i) {
    n = split(chord, pitch, "+")
    for (i = 1; i <= n; i++) { delta(i == 1 ? rest : 0); byte(144 + channel); byte(pitch_of(pitch[i])); byte(80) }
    for (i = 1; i <= n; i++) { delta(i == 1 ? ticks : 0); byte(128 + channel); byte(pitch_of(pitch[i])); byte(0) }
    rest = 0
  }
  BEGIN { for (i = 1; i < 128; i++) { code[sprintf("%c", i)] = i } channel = -1; open_ = 1 }
  /^#/ || NF == 0 { next }
  $1 == "tempo" { us = int(60000000 / $2 + .5); meta(81, 3); byte(int(us / 65536)); byte(int(us / 256) % 256); byte(us % 256); next }
  $1 == "meter" { for (log2 = 0; 2 ^ log2 < $3; log2++) { } meta(88, 4); byte($2); byte(log2); byte(24); byte(8); next }
  $1 == "track" {
    close_track(); open_ = 1; channel++; rest = 0; ticks = 480
    meta(3, length($2))
    for (i = 1; i <= length($2); i++) { byte(code[substr($2, i, 1)]) }
    byte(0); byte(192 + channel); byte($3)
    next
  }
  {
    for (k = 1; k <= NF; k++) {
      if ($k ~ /^[0-9.]+$/) { ticks = 480 * $k } else if ($k == "-") { rest += ticks } else if ($k != "|") { play($k) }
    }
  }
  END {
    if (failed) { exit 1 }
    close_track()
    printf "MThd\\000\\000\\000\\006\\000\\001\\000\\%03o\\001\\340%s", n_tracks, tracks
  }' "$1")
printf "$bytes" >"$2"
