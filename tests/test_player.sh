#!/bin/sh
# SPDX-License-Identifier: ISC
# partimento play --player: a MIDI file played into the plugin. A plugin that plays what it hears shows that all of it
# arrives on its frame, whatever the blocks; the file that is written has the player's part as it was.
set -u
. tests/support/expect.sh
root=$PWD
build=$(cd "${BUILD:-build}" && pwd)
musician=$build/tests/test_musician
cd "$scratch" || exit 1
"$musician" write song.mid || exit 1
# notes FILE TRACK OUT: its notes as lines.
notes() { "$musician" notes "$1" "$2" >"$3" || fail "$1: $2"; }
number() { sed -n "s/.*\"$1\": \([-0-9.e+]*\),\{0,1\}$/\1/p" stdout | head -n 1; }

# ---- an echo with room for two messages in a run beside the position ----
mkdir echo.lv2
${CC:-cc} -shared -fPIC $(pkg-config --cflags lv2) -o echo.lv2/echo.so "$root/tests/data/echo_plugin.c" || fail "cc"
cat >echo.lv2/manifest.ttl <<'END'
@prefix atom: <http://lv2plug.in/ns/ext/atom#> .
@prefix doap: <http://usefulinc.com/ns/doap#> .
@prefix lv2: <http://lv2plug.in/ns/lv2core#> .
@prefix midi: <http://lv2plug.in/ns/ext/midi#> .
@prefix rsz: <http://lv2plug.in/ns/ext/resize-port#> .
@prefix time: <http://lv2plug.in/ns/ext/time#> .
<urn:echo> a lv2:Plugin ; lv2:binary <echo.so> ; doap:name "Echo" ;
  lv2:requiredFeature <http://lv2plug.in/ns/ext/urid#map> ;
  lv2:port [ a lv2:InputPort , atom:AtomPort ; lv2:index 0 ; lv2:symbol "in" ; lv2:name "In" ;
      atom:bufferType atom:Sequence ; atom:supports midi:MidiEvent , time:Position ; rsz:minimumSize 304 ] ,
    [ a lv2:OutputPort , atom:AtomPort ; lv2:index 1 ; lv2:symbol "out" ; lv2:name "Out" ;
      atom:bufferType atom:Sequence ; rsz:minimumSize 8192 ] ,
    [ a lv2:InputPort , lv2:ControlPort ; lv2:index 2 ; lv2:symbol "thru" ; lv2:name "Thru" ; lv2:default 1 ] .
END
echo_player() { "$partimento" play --bundle echo.lv2 --player song.mid "$@"; }

# ---- exact in the file, on their frames in the plugin ----
expect 0 '' echo_player --player-track melody --out alone.mid
notes alone.mid Player got
cat >wanted <<'END'
0 96 1 60 80
96 145 1 60 81
285 573 1 64 82
578 578 1 65 83
863 1053 1 67 84
1053 1353 1 69 85
program 40
END
cmp -s wanted got || fail "the player's part is not exact"
expect 0 '' echo_player --player-track melody --set thru=1 --out both.mid --json
[ "$(number player_notes)" = 6 ] && [ "$(number notes)" = 6 ] && [ "$(number bars)" = 5 ] || fail "counts"
notes both.mid '' heard
sed '$d' wanted >lines
sed '$d' heard | cmp -s - lines || fail "the plugin heard something else"
notes both.mid Player got # the plugin plays on their channel: another one, so that the program is theirs
awk 'NF == 5 { $3 = 16 } { print }' wanted | cmp -s - got || fail "the player's part is not exact beside the plugin's"
expect 0 '' "$partimento" inspect both.mid
grep -q '^meter .*3/4 from bar 4' stdout && grep -q '^tempo .*132.* to ' stdout || fail "the song's meter and tempo"

# ---- whatever the blocks; drums and several tracks; with loops, jumps and a stop in mid-note ----
cat >jumps.automation <<'END'
1 loop 2 x3
3 locate 4
END
for options in "" "--player-channel 7 --loop 2-2 --bars 6" "--automate jumps.automation --bars 9" \
  "--tempo 97.3 --meter 5/8" "--bars 1 --rate 44100"; do
  expect 0 '' echo_player $options --set thru=1 --block 64 --out 64.mid --json
  played=$(number player_notes)
  [ "$played" -gt 0 ] && [ "$(number faults)" = 0 ] && [ "$(number hanging_notes)" = 0 ] || fail "$options: json"
  for block in 1 1000 1024 65536 random; do
    expect 0 '' echo_player $options --set thru=1 --block $block --out block.mid
    cmp -s 64.mid block.mid || fail "$options: block $block gives other notes"
    grep -q "^player  *$played notes\$" stdout || fail "$options: line"
  done
  expect 0 '' echo_player $options --set thru=1 --positions change --out block.mid
  cmp -s 64.mid block.mid || fail "$options: --positions change gives other notes"
done
expect 0 '' echo_player --player-channel 7 --loop 2-2 --bars 3 --player-track 1 --out loop.mid
notes loop.mid Player got
sed '$d' got >got.lines
cat >wanted <<'END'
0 96 7 60 80
96 145 7 60 81
285 573 7 64 82
578 578 7 65 83
962 962 7 65 83
END
cmp -s wanted got.lines || fail "a loop: the player plays what stands there"
expect 0 '' echo_player --player-channel 7 --loop 2-2 --bars 3 --player-track 1 --set thru=1 --out loop.mid
notes loop.mid '' heard
sed '$d' heard | cmp -s - wanted || fail "a loop: the plugin heard something else"
expect 0 '' echo_player --player-track 3 --player-channel 2 --out drums.mid
notes drums.mid Player got
head -n 1 got | grep -qx '0 10 10 36 100' || fail "drums stay on channel 10"

# ---- thru is off, unless one asks for it ----
expect 0 '' echo_player --json
[ "$(number notes)" = 0 ] && [ "$(number player_notes)" = 9 ] || fail "doubled"

# ---- the song is as said, else as in the file, else as usual ----
expect 0 '' echo_player --json
[ "$(number frames)" = "$(awk 'BEGIN { x = 48000 * (6 * .454545 + 9 * .666667); print int(x) + (x > int(x)) }')" ] ||
  fail "tempo and meter of the file: $(number frames) frames"
expect 0 '' echo_player --tempo 120 --json
[ "$(number frames)" = $((15 * 24000)) ] || fail "--tempo"
expect 0 '' echo_player --tempo 120 --meter 2/4 --json
[ "$(number bars)" = 8 ] && [ "$(number frames)" = $((16 * 24000)) ] || fail "--meter"
printf '1 tempo 120\n2 tempo 60\n' >tempo.automation
expect 0 '' echo_player --automate tempo.automation --json
[ "$(number frames)" = $((4 * 24000 + 11 * 48000)) ] || fail "tempo of the automation"
expect 0 '' echo_player --tempo 120 --bars 2 --json
[ "$(number frames)" = $((8 * 24000)) ] || fail "--bars"

# ---- pictures ----
expect 0 '' echo_player --picture song.png
[ "$(head -c 4 song.png | tail -c 3)" = PNG ] || fail "song.png is no PNG"

# ---- our plugin, with whatever it makes of it: the same notes whatever the blocks ----
"$build/tests/test_tiny_model" tiny.safetensors 1 || exit 1
mkdir tiny.lv2
cp -r "$build/partimento.lv2/." tiny.lv2/
cp tiny.safetensors tiny.lv2/partimento.safetensors
tiny_player() { "$partimento" play --bundle tiny.lv2 --player song.mid --player-track melody "$@"; }
modes=''
"$partimento" play --bundle tiny.lv2 --bars 1 --set mode=0 >stdout 2>stderr && modes='0 1 2 3'
for mode in ${modes:-none}; do
  set=''
  [ $mode = none ] || set="--set mode=$mode"
  expect 0 '' tiny_player $set --seed 5 --bars 9 --loop 2-4 --block 64 --out 64.mid --json
  [ "$(number late_slots)" = 0 ] && [ "$(number player_notes)" -gt 5 ] || fail "mode $mode: json"
  for block in 1024 random; do
    expect 0 '' tiny_player $set --seed 5 --bars 9 --loop 2-4 --block $block --out block.mid
    cmp -s 64.mid block.mid || fail "mode $mode: block $block gives other notes"
  done
done

# ---- refusals ----
expect_misuse 'no "Bass" in song.mid; there are: 1 "Melody", 2 "Lower", 3 ""' echo_player --player-track Bass
expect_misuse 'no "4" in song.mid' echo_player --player-track 4
expect_misuse 'player-channel' echo_player --player-channel 0
expect_misuse 'player-channel' echo_player --player-channel 17
expect_misuse 'player-channel' echo_player --player-channel x
expect_misuse '\-\-player-track without --player' "$partimento" play --bundle echo.lv2 --player-track 1
expect_misuse '\-\-player-channel without --player' "$partimento" play --bundle echo.lv2 --player-channel 1
expect_failure 'nosuch.mid: No such file' "$partimento" play --bundle echo.lv2 --player nosuch.mid
expect_failure 'tempo.automation: no MIDI file' "$partimento" play --bundle echo.lv2 --player tempo.automation
head -c 20 song.mid >cut.mid
expect_failure 'cut.mid: no track' "$partimento" play --bundle echo.lv2 --player cut.mid
head -c 60 song.mid >silent.mid
expect_failure 'silent.mid: no notes' "$partimento" play --bundle echo.lv2 --player silent.mid
expect_failure 'echo.lv2: not a regular file' "$partimento" play --bundle echo.lv2 --player echo.lv2
head -c 150 song.mid >damaged.mid
expect 0 '' "$partimento" play --bundle echo.lv2 --player damaged.mid
grep -q '^player  *[1-9][0-9]* notes; .*tracks' stdout || fail "what was forgiven"
sed 's/midi:MidiEvent , //' echo.lv2/manifest.ttl >manifest.ttl
cp -r echo.lv2 deaf.lv2
mv manifest.ttl deaf.lv2/manifest.ttl
expect_failure 'the plugin takes no MIDI' "$partimento" play --bundle deaf.lv2 --player song.mid
echo "test_player: fine"
