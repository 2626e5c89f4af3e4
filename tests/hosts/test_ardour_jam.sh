#!/usr/bin/env bash
# SPDX-License-Identifier: ISC
# A player in Ardour, in real time: a region on the generator's own track; a track that goes into the instrument's, as a
# keyboard does. In Accompany each note is the one that `partimento play --player` plays, in an export too; with Thru
# the player's come out. The mode changes by a lane and by hand. Stopped, located and looped while keys are down no note
# hangs or sounds twice, and the music goes on. (Ardour ends notes too: that the plugin does is for test_jalv_jam.sh.)
set -u
. tests/hosts/hosts.sh
. tests/hosts/ardour.sh
tempo=240 quarters=10 seconds=2.8 # a little more than is compared
until=$((quarters * fine))
beat=$((rate * 60 / tempo)) # samples
style=$(style_number Quartet)
slack=$(frames 17 $tempo) # Ardour's count may move by 16 frames while it rolls

# notes NAME: of NAME.list, in Ardour.
notes() {
  check "$1: every note ends" tap_sound "$scratch/$1.list"
  tap_notes -p -q $fine -b $until "$scratch/$1.list" >"$scratch/$1.notes" 2>/dev/null
}
# own NAME OPTION...: the same in the host of ours.
own() {
  check "$1: partimento play" "$partimento" play --bundle "$scratch/lv2/partimento.lv2" --tempo $tempo --bars 5 \
    --set "style=$style" --set seed=4 --set you_play=0 "${@:2}" --out "$scratch/play.mid"
  notelist -p -e -1 -q $fine -b $until -w Player "$scratch/play.mid" >"$scratch/$1.own"
  check "$1: has notes" [ "$(wc -l <"$scratch/$1.own")" -ge 12 ]
}
as_own() { check "$1: as partimento play" near "$scratch/$2.own" "$scratch/$1.notes" "$slack"; }
# thru NAME: the player's notes are there, on their frames, on a channel where else is none; and ours are the same.
thru() {
  awk '$3 == 1' "$scratch/$1.notes" >"$scratch/theirs"
  awk '$3 != 1' "$scratch/$1.notes" >"$scratch/ours"
  check "$1: the player's notes are on their frames" near "$scratch/tune.own" "$scratch/theirs" "$slack"
  check "$1: our notes are the same" near "$scratch/accompany.own" "$scratch/ours" "$slack"
}
onsets() { awk -v a="$2" -v b="$3" '$1 >= a && $1 < b { print $1, 1, $3, $4, $5 }' "$1"; }
# turned NAME TICK: before, it played alone; two eighths later the player's part is nobody else's.
turned() {
  local soon=$(($2 / (fine / 2) * (fine / 2))) late=$(($2 + fine))
  check "$1: alone until then" near <(onsets "$scratch/alone.own" 0 $soon) <(onsets "$scratch/$1.notes" 0 $soon) \
    "$slack"
  onsets "$scratch/alone.own" $late $until >"$scratch/without"
  onsets "$scratch/$1.notes" $late $until >"$scratch/with"
  check "$1: alone, it would play the player's part" [ "$(awk '$3 == 1' "$scratch/without" | wc -l)" -gt 0 ]
  check "$1: it does not" [ "$(awk '$3 == 1' "$scratch/with" | wc -l)" = 0 ]
  check "$1: the music goes on" [ "$(wc -l <"$scratch/with")" -ge 1 ]
}

# ---- the player, and what we play to it ----

made_song "$scratch/song.mid"
notelist -p "$scratch/song.mid" | awk '$3 == 1' | notefile "$scratch/tune.mid"
notelist -p -q $fine -b $until "$scratch/tune.mid" >"$scratch/tune.own"
player=(--player "$scratch/tune.mid")
own accompany "${player[@]}" --set mode=accompany
own nobody --set mode=accompany
own alone --set mode=generate
printf '1 mode Generate\n2.1.25 mode Accompany\n' >"$scratch/lane" # within an eighth
turn=$((17 * fine / 4)) sample=$((17 * beat / 4))
own lane "${player[@]}" --automate "$scratch/lane"
check "the player is heard" fails near "$scratch/nobody.own" "$scratch/accompany.own" "$slack"

# ---- a region on the plugin's track ----

jam=("tempo=$tempo" "set=Style=$style" set=Seed=4 "set=You play=0" set=Mode=1 set=Thru=0 save)
scene make "$scratch/base" "new=$generator" "${jam[@]}"
cp -r "$scratch/base" "$scratch/region.session"
cp -r "$scratch/base" "$scratch/held.session"
add_region "$scratch/region.session" Gen "$scratch/tune.mid" 48
scene region "$scratch/region.session" open tempo=$tempo locate=0 roll=$seconds "list=$scratch/accompany.list" \
  set=Thru=1 locate=0 roll=$seconds "list=$scratch/thru.list" \
  set=Thru=0 set=Mode=0 locate=0 change=1.3=Mode=1 "list=$scratch/change.list" \
  "lane=Mode=0:0+$((sample - 64)):0+$sample:1+$((60 * beat)):1" locate=0 roll=$seconds "list=$scratch/lane.list"
notes accompany
as_own accompany accompany
check "accompany: none of the player's notes without Thru" \
  [ "$(awk '$3 == 1' "$scratch/accompany.notes" | wc -l)" = 0 ]
notes thru
thru thru
notes change
turned change $((26 * fine / 5)) # 1.3 s
notes lane
turned lane $turn
as_own lane lane

check "export" export_list export "$scratch/region.session" 4 "$scratch/export.list" tempo=$tempo set=Mode=1
notes export
as_own export accompany

# ---- a keyboard ----

scene make "$scratch/keys.session" "new=$instrument" keys "${jam[@]}"
add_region "$scratch/keys.session" Keys "$scratch/tune.mid" 48
scene keys "$scratch/keys.session" open tempo=$tempo monitor=Disk locate=0 roll=$seconds "list=$scratch/nobody.list" \
  monitor=Auto set=Thru=1 locate=0 roll=1 "list=$scratch/new.list" \
  monitor=Input locate=0 roll=$seconds "list=$scratch/keys.list"
notes nobody
as_own nobody nobody
notes new
check "new: a new track hears it too" near <(onsets "$scratch/tune.own" 0 $((3 * fine))) \
  <(onsets "$scratch/new.notes" 0 $((3 * fine)) | awk '$3 == 1') "$slack"
notes keys
thru keys

# ---- keys are down ----

for ((bar = 0; bar < 8; bar += 2)); do # for two bars
  printf "$((bar * 96)) 190 1 %d 80\n" 60 64 67
done | notefile "$scratch/held.mid"
add_region "$scratch/held.session" Gen "$scratch/held.mid" 48
add_loop "$scratch/held.session" 0 $((4 * beat))
scene held "$scratch/held.session" open tempo=$tempo set=Thru=1 set=Density=0.8 \
  locate=0 roll=1.2 wait=0.3 "list=$scratch/stop.list" \
  locate=0 jump=1.2=$((18 * beat)) wait=0.3 "list=$scratch/jump.list" \
  locate=0 loop=3.2 wait=0.3 "list=$scratch/loop.list"
for name in stop jump loop; do
  check "$name: every note ends, none sounds twice" tap_sound "$scratch/$name.list"
  tap_notes "$scratch/$name.list" >"$scratch/$name.notes" 2>/dev/null
  check "$name: keys are down" [ "$(pass 1 "$scratch/$name.notes" | awk '$1 == 0 && $2 >= 96 && $3 == 1' | wc -l)" = 3 ]
  check "$name: nothing begins while it stands" \
    [ "$(awk '$2 > 4800 && $4 == "-" && $6 ~ /^9/' "$scratch/$name.list" | wc -l)" = 0 ]
  for pass in 1 2 3; do
    [ $name = loop ] || [ $pass = 1 ] || [ $name$pass = jump2 ] || continue
    check "$name: pass $pass has our notes" \
      [ "$(pass $pass "$scratch/$name.notes" | awk '$3 != 1' | wc -l)" -ge 1 ]
  done
done
for pass in 1 2; do # told late, the loop's first beat comes at the end of the pass before: docs/engine.md
  check "loop: the keys go down again after pass $pass" \
    [ "$(pass $pass "$scratch/loop.notes" | awk '$1 == 96 && $3 == 1' | wc -l)" = 3 ]
done
verdict
