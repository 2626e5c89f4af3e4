#!/usr/bin/env bash
# SPDX-License-Identifier: ISC
# A player in jalv on JACK, freewheeling. In accompany, harmonise and answer: the plugin plays, ends what it began, and
# plays what it plays to the same player in `partimento play --player`, each note within a frame. With Thru on the
# player's notes come out too, on their frames, and change none of ours. 128 keys at once, a pedal that never comes up,
# keys that are down when the song stops or is elsewhere do no harm.
#
# The player is a test piece of the songbook and one of the chorales where there are corpora; else the test makes one.
set -u
. tests/hosts/hosts.sh
corpora=../shared/corpora
quarters=48
bundle=$scratch/lv2/partimento.lv2
songbook=style=$(style_number Songbook) quartet=style=$(style_number Quartet)

# fine_notes [OPTION]... LIST: of the song's first quarters.
fine_notes() { notelist -p -e -1 -q $fine -b $((quarters * fine)) "$@"; }

# ---- the players ----

# piece STYLE FILE: a test piece of four beats a bar, or one that is made here.
piece() {
  local name
  if [ -e "$corpora/$1/test.txt" ]; then
    name=$(awk -F '\t' '$2 == "test" && $7 == "4/4" && $9 >= 14 { print $1; exit }' "$corpora/$1/index.tsv")
    cp "$corpora/$1/$name" "$2"
  else
    made_song "$2"
  fi
}
# part FILE CHANNELS PART.mid: the notes of some channels ("1", "[23]") in the first bars, to the tick.
part() {
  notelist -p -q $fine -b $((quarters * fine)) "$1" | awk -v wanted="^$2$" '$3 ~ wanted' | notefile -q $fine "$3"
}
piece songbook "$scratch/songbook.mid"
piece chorale "$scratch/chorale.mid"
part "$scratch/songbook.mid" 1 "$scratch/tune.mid"
part "$scratch/songbook.mid" '[23]' "$scratch/chords.mid"
part "$scratch/chorale.mid" 1 "$scratch/soprano.mid"
# Who takes turns of two bars.
notelist -p -q $fine "$scratch/tune.mid" | awk -v turn=$((8 * fine)) '
  int($1 / turn) % 2 == 0 && int(($1 + $2 - 1) / turn) == int($1 / turn)' | notefile -q $fine "$scratch/turns.mid"
for name in tune chords soprano turns; do
  check "the player has notes: $name" [ "$(notelist -p "$scratch/$name.mid" | wc -l)" -gt 8 ]
done

# ---- JACK alone: the player is on time ----

start_jack 256
for tempo in 61 137.5 240; do
  for player in tune chords; do
    check "the player, $player at $tempo: plays" jackdrive -i "$drive_name:in" -x -t $tempo \
      -p "$scratch/$player.mid" -l "$scratch/list" -d "$(seconds $quarters $tempo 1)"
    fine_notes "$scratch/list" >"$scratch/played"
    fine_notes "$scratch/$player.mid" >"$scratch/expected"
    check "the player, $player at $tempo: on time" near "$scratch/expected" "$scratch/played" "$(frames 1 $tempo)"
  done
done

# ---- modes ----

# jam NAME PLAYER TEMPO CONTROL=VALUE...: NAME.list, NAME.notes.
jam() {
  local name=$1 player=$2 tempo=$3 controls=() c
  shift 3
  for c; do
    controls+=(-c "$c")
  done
  start_jalv "${controls[@]}" "$generator"
  check "$name: plays" drive -x -t "$tempo" -p "$player" -l "$scratch/$name.list" -d "$(seconds $quarters "$tempo" 1)"
  check "$name: nothing lost" [ "$(counted lost)" = 0 ]
  check "$name: jalv ends well" stop_jalv
  check "$name: every note ends" sound -e -1 "$scratch/$name.list"
  fine_notes "$scratch/$name.list" >"$scratch/$name.notes"
}
# as_play NAME PLAYER TEMPO CONTROL=VALUE...: alone, and with Thru, in both hosts.
as_play() {
  local name=$1 player=$2 tempo=$3 sets=() c
  shift 3
  jam "$name" "$player" "$tempo" "$@" thru=0
  for c in "$@" thru=0; do
    sets+=(--set "$c")
  done
  check "$name: partimento play" "$partimento" play --bundle "$bundle" --player "$player" --tempo "$tempo" \
    --bars $((quarters / 4 + 1)) "${sets[@]}" --out "$scratch/play.mid"
  fine_notes -w Player "$scratch/play.mid" >"$scratch/expected"
  check "$name: has notes" [ "$(wc -l <"$scratch/$name.notes")" -ge 12 ]
  check "$name: as partimento play" near "$scratch/expected" "$scratch/$name.notes" "$(frames 1 "$tempo")"
  jam "$name, thru" "$player" "$tempo" "$@" thru=1
  # A key of ours that they press too is theirs from then on: it ends sooner.
  comm -23 <(sort "$scratch/$name.notes") <(sort "$scratch/$name, thru.notes") | awk -v player=<(fine_notes "$player") '
    BEGIN { while ((getline line < player) > 0) { split(line, f, " "); at[++n] = f[1]; len[n] = f[2]; key[n] = f[4] } }
    { for (i = 1; i <= n; ++i) if (key[i] == $4 && at[i] < $1 + $2 && at[i] + len[i] > $1) next; print }' >"$scratch/missing"
  check "$name, thru: our notes are the same" [ ! -s "$scratch/missing" ]
  comm -13 <(sort "$scratch/$name.notes") <(sort "$scratch/$name, thru.notes") >"$scratch/theirs"
  check "$name, thru: the player's are on one channel" [ "$(cut -d ' ' -f 3 "$scratch/theirs" | sort -u | wc -l)" = 1 ]
  awk '{ $3 = 0; print }' "$scratch/theirs" >"$scratch/played"
  fine_notes "$player" | awk '{ $3 = 0; print }' >"$scratch/expected"
  check "$name, thru: the player's notes are on their frames" near "$scratch/expected" "$scratch/played" \
    "$(frames 1 "$tempo")"
}
as_play "accompany a tune" "$scratch/tune.mid" 120 mode=1 you_play=0 "$songbook" seed=3
as_play "accompany a tune in time" "$scratch/tune.mid" 97 mode=1 you_play=0 wait=0 "$songbook" seed=3
as_play "accompany chords" "$scratch/chords.mid" 137.5 mode=1 you_play=1 "$songbook" seed=4
as_play "harmonise" "$scratch/soprano.mid" 72 mode=3 you_play=0 "$quartet" seed=5
as_play "answer by bars" "$scratch/turns.mid" 120 mode=2 you_play=0 turn=2 "$songbook" seed=6
as_play "answer after silence" "$scratch/turns.mid" 90 mode=2 you_play=0 turn=0 "$songbook" seed=7

# Turns: none of our notes begins in theirs.
awk -v bar=$((4 * fine)) 'int($1 / bar / 2) % 2 == 0 { print }' "$scratch/answer by bars.notes" >"$scratch/early"
check "answer by bars: none of ours in their turn" [ ! -s "$scratch/early" ]

# Alone nobody is listened to: it plays what `partimento generate` writes.
jam "alone" "$scratch/tune.mid" 120 mode=0 "$songbook" seed=3 thru=0
generated --bars $((quarters / 4 + 1)) --tempo 120 --seed 3 --style Songbook --style2 Quartet --temperature 1 \
  --out "$scratch/generated.mid" >/dev/null
fine_notes "$scratch/generated.mid" >"$scratch/expected"
check "alone: as generated" near "$scratch/expected" "$scratch/alone.notes" "$(frames 1 120)"
check "with somebody: other notes" fails cmp -s "$scratch/alone.notes" "$scratch/accompany a tune.notes"

# The song from its start once more, in the plugin that has heard it before: the same notes, as loud.
made_song "$scratch/made.mid"
part "$scratch/made.mid" 1 "$scratch/loud_and_soft.mid"
for player in tune loud_and_soft; do
  for mode in 1 2 3; do
    style=$([ $mode = 3 ] && echo "$quartet" || echo "$songbook")
    start_jalv -c mode=$mode -c "$style" -c seed=8 -c thru=0 "$generator"
    for time in first second; do
      check "twice, mode $mode, $player, the $time: plays" drive -x -p "$scratch/$player.mid" -l "$scratch/list" -d 12
      notelist -p -e -1 -q $fine -b $((20 * fine)) "$scratch/list" >"$scratch/$time"
    done
    check "twice, mode $mode, $player: the same notes" cmp "$scratch/first" "$scratch/second"
    stop_jalv
  done
done

# Our notes and theirs on the same channel, perhaps the same keys at once: none of them hangs, none sounds twice.
jam "alone, thru" "$scratch/tune.mid" 120 mode=0 "$songbook" seed=3 thru=1
jam "something of their own, thru" "$scratch/chords.mid" 120 mode=1 you_play=5 "$songbook" thru=1
jam "plays in our turn, thru" "$scratch/tune.mid" 120 mode=2 you_play=0 turn=2 "$songbook" thru=1

# ---- what a player may do ----

for mode in 1 2 3; do
  # Four bars of the tune, then every key there is for a bar, then the tune again; and a second time on top of it.
  {
    fine_notes "$scratch/tune.mid" | awk -v from=$((16 * fine)) -v to=$((20 * fine)) \
      '$1 + $2 <= from || $1 >= to'
    for key in {0..127}; do
      echo $((16 * fine)) $((4 * fine)) 5 "$key" 127
    done
  } | notefile -q $fine "$scratch/cluster.mid"
  { fine_notes "$scratch/tune.mid"
    for key in {0..127}; do
      echo $((16 * fine)) $((4 * fine)) 5 "$key" 127
      echo $((22 * fine + 11)) $((fine / 16)) 6 "$key" 127
    done
  } | notefile -q $fine "$scratch/clusters.mid"
  for name in cluster clusters; do
    for thru in 0 1; do
      jam "$name, mode $mode, thru $thru" "$scratch/$name.mid" 120 mode=$mode "$songbook" turn=1 thru=$thru
    done
    check "$name, mode $mode: goes on" \
      [ "$(awk -v after=$((24 * fine)) '$1 > after' "$scratch/$name, mode $mode, thru 0.notes" | wc -l)" -ge 4 ]
  done

  # The pedal goes down in bar 2 and stays there; keys are down where the song stops, goes elsewhere, loops.
  start_jalv -c mode=$mode -c "$songbook" -c turn=1 -c thru=0 "$generator"
  check "pedal, mode $mode: plays" drive -x -p "$scratch/tune.mid" -l "$scratch/list" -d 25 -s "0.5:play,3:midi=b0407f"
  check "pedal, mode $mode: every note ends" sound -e -1 "$scratch/list"
  check "pedal, mode $mode: goes on" \
    [ "$(notelist -p -e -1 -a 576 "$scratch/list" | wc -l)" -ge 4 ]
  check "transport, mode $mode: plays" drive -x -p "$scratch/chords.mid" -l "$scratch/list" -d 40 -T 1000000 \
    -s "0.5:play,5.1:stop,6:play,9.3:locate=3,12.7:locate=40,15:tempo=170,18:stop,18.5:locate=8,19:play,19.1:loop=8-16"
  check "transport, mode $mode: every note ends" sound -e -1 -j 300 "$scratch/list"
  check "jam, mode $mode: jalv ends well" stop_jalv
done

# Thru is switched off while a key is down.
start_jalv -c mode=1 "$generator"
(sleep 1.5; echo "set thru 0" >&9) &
check "thru off: drives" drive -d 3 -s "0.5:midi=903c40" -l "$scratch/list"
wait $!
check "thru off: the note came out" grep -q ' 90 3c 40' "$scratch/list"
check "thru off: and ended" sound -e -1 "$scratch/list"
check "jalv ends well" stop_jalv
verdict
