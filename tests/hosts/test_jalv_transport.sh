#!/usr/bin/env bash
# SPDX-License-Identifier: ISC
# The transport of jalv by script: stop, locate, loop, with Loop on "New each pass" and "Same each pass". Nothing hangs, no
# note is doubled, each is on its tick; the same start gives the same notes; a stop resumes; the player's own notes and
# the 48 controllers of a stop do no harm.
set -u
. tests/hosts/hosts.sh
tempo=120 fine="-x -t 120 -T 1000000"
start_jack
start_jalv -c seed=11 "$generator"

# roll NAME SECONDS SCRIPT [OPTION]...: NAME.notes without faults. Onsets half a tick late are right after a jump.
roll() {
  local name=$1 seconds=$2 script=$3
  shift 3
  # shellcheck disable=SC2086 # options
  check "$name: rolls" drive $fine -g 48 -e 1.1 -d "$seconds" -s "$script" -l "$scratch/$name.list" "$@"
  check "$name: every note ends" sound -e -1 "$scratch/$name.list"
  check "$name: nothing lost" [ "$(counted lost)" = 0 ]
  notelist -e -1 "$scratch/$name.list" >"$scratch/$name.notes" 2>/dev/null
}
onsets() { awk -v a="$1" -v b="$2" '$1 >= a && $1 < b { print $1, $3, $4, $5 }'; }
count_passes() { grep -c '^pass' "$scratch/$1.notes"; }
# part NAME N FROM TO: onsets of one pass.
part() { pass "$2" "$scratch/$1.notes" | onsets "$3" "$4"; }
alike() { diff <(part "$1" "$2" "$5" "$6") <(part "$3" "$4" "$5" "$6"); }

# ---- stop and start ----
# From the song's start; stopped; from bar 9; stopped; from the start again.
roll starts 24 "0.5:play,6.5:stop,7:locate=32,8:play,14:stop,14.5:locate=0,15.5:play,21.5:stop"
check "starts: three passes" [ "$(count_passes starts)" = 3 ]
check "starts: has notes" [ "$(part starts 1 0 288 | wc -l)" -gt 12 ]
check "starts: the same notes from the same start" alike starts 1 starts 3 0 282
roll again 8 "0.5:play,6.5:stop"
check "again: the same notes" alike starts 1 again 1 0 282
roll resumed 20 "0.5:play,6.5:stop,9:play,15:stop"
check "resumed: goes on where it stopped" [ "$(count_passes resumed)" = 2 ]
roll straight 14 "0.5:play,13:stop"
check "resumed: as if it had not stopped" \
  diff <(part straight 1 300 560) <(pass 2 "$scratch/resumed.notes" | onsets 300 560)

# ---- locate while rolling ----
roll locates 22 "0.5:play,4.5:locate=32,8.5:locate=18.3,12.5:locate=64.9,16:stop"
check "locates: four passes" [ "$(count_passes locates)" = 4 ]
for ((i = 1; i <= 4; ++i)); do
  check "locates: pass $i has notes" [ "$(part locates $i 0 99999 | wc -l)" -gt 3 ]
done

# ---- loops of two bars ----
for choice in new same; do
  set_control loop=$([ $choice = same ] && echo 1 || echo 0)
  for loop in 0-8 16-24; do
    name=$choice-$loop from=${loop%-*}
    roll "$name" 26 "0.1:locate=$from,0.8:play,0.9:loop=$loop,24.9:stop"
    check "$name: five passes" [ "$(count_passes "$name")" -ge 5 ]
    check "$name: has notes" [ "$(part "$name" 1 0 99999 | wc -l)" -gt 4 ]
    end=$(((from + 8) * 24 - 12)) # the wrap comes in the last cycle before the loop's end
    other=0
    for ((i = 2; i <= 5; ++i)); do
      if [ $choice = same ]; then
        check "$name: pass $i is the first again" alike "$name" 1 "$name" $i 0 $end
      else
        alike "$name" 1 "$name" $i 0 $end >/dev/null || other=$((other + 1))
      fi
    done
    [ $choice = same ] || check "$name: other notes ($other of 4 passes)" [ $other -ge 3 ]
  done
done
set_control loop=0

# ---- freeze, panic, and what comes in ----
sleep 0.2
set_control thru=0 # ours alone
sweep=''
for ((channel = 0; channel < 16; ++channel)); do
  for controller in 40 7b 79; do
    sweep+=",6.5:midi=b$(printf %x $channel)${controller}00"
  done
done
roll played_into 24 "0.5:play,3:midi=903c40,3.5:midi=803c00,6.5:stop$sweep,7:locate=32,8:play,14:stop,14.5:locate=0,15.5:play,21.5:stop"
for ((i = 1; i <= 3; ++i)); do
  check "played into: pass $i has the same notes" alike starts $i played_into $i 0 1056
done
roll swept 12 "0.5:play,3.03:midi=b07b00,3.03:midi=b17b00,3.03:midi=b27b00,3.03:midi=b37b00,3.03:midi=b97b00,8:stop"
check "all notes off: the same onsets" diff <(part straight 1 0 348) <(part swept 1 0 348)
check "jalv ends well" stop_jalv
verdict
