#!/usr/bin/env bash
# SPDX-License-Identifier: ISC
# How soon the plugin answers a player: from a note in to the first note out that depends on it.
#
#   BUILD=build bench/reaction.sh [-p CHANGES] [-j CHANGES] [-t "BPM ..."] [-m MODEL] [-w WAY]... [-v]
#     -p  changes a tempo and phase through `partimento play` (8)     -j  the same through jalv on JACK (1)
#     -t  tempi (60 96 120 180 240)     -m  another model than partimento.safetensors     -v  a line a change, too
#     -w  instead of the usual: "NAME chords|tune MODEL CONTROL=VALUE..."
#
# The plugin is deterministic. So a player, written note by note, plays the same song twice; at one place they strike
# another chord, or another note of a tune, the second time. The first of the plugin's notes that is in one song and not
# in the other, by beginning, channel and key, is the reaction; where that is before the change, it is an error. The
# change comes at a slot's beginning, 10 ms after it, in its middle, 10 ms before its end; slots are eighths.
#
# Both times are frames at the plugin's ports: what a sound card's buffers add is not in here. "followed" is the share
# of changes whose reaction began before the end of the slot after that of the change; "played" that of changes after
# which the plugin began any note by then: where it has none to play it cannot follow, and a net may also find that its
# next notes go with both chords. "still" are the changes that no note of the following bar told of.
set -u
cd "$(dirname "$0")/.." || exit 2
points=8 jack_points=1 tempi='60 96 120 180 240' model='' verbose='' ways=()
while getopts p:j:t:m:w:v option; do
  case $option in
    p) points=$OPTARG ;;
    j) jack_points=$OPTARG ;;
    t) tempi=$OPTARG ;;
    m) model=$OPTARG ;;
    w) ways+=("$OPTARG") ;;
    v) verbose=yes ;;
    *) sed -n '5s/^# *//p' "$0" >&2; exit 2 ;;
  esac
done
. tests/hosts/hosts.sh
bundle=$scratch/lv2/partimento.lv2
models=$build/partimento.lv2

quarter=24000 # ticks: a frame or two
slot=$((quarter / 2))
phases='start +10ms middle -10ms'
# NAME KIND_OF_PLAYER MODEL CONTROL=VALUE... In a rag the right hand, and in a song the piano, has something to play in
# nearly every slot; the chorale model is the one to harmonise.
lead=partimento.safetensors # the one that a plugin begins with
[ ${#ways[@]} -gt 0 ] || ways=(
  "accompany_chords,wait=15 chords ${model:-$lead} mode=1 you_play=1 wait=15 style=$(style_number Ragtime)"
  "accompany_chords,wait=0 chords ${model:-$lead} mode=1 you_play=1 wait=0 style=$(style_number Ragtime)"
  "accompany_tune,wait=15 tune ${model:-$lead} mode=1 you_play=0 wait=15 style=$(style_number Lied)"
  "harmonise,wait=15 tune partimento-chorale.safetensors mode=3 you_play=0 wait=15 style=0"
)

# player KIND POINT TEMPO PHASE SAME|OTHER: the player's notes, for notefile. The last begin at the change.
# Half bars of a cadence in some key, then the change in the third bar, in each of its slots in turn.
player() {
  awk -v kind="$1" -v point="$2" -v tempo="$3" -v phase="$4" -v other="$([ "$5" = other ] && echo 1 || echo 0)" \
    -v quarter=$quarter -v slot=$slot '
    function strike(at, until, degree,   third, root, i) {
      # degree of the major scale, 0..6, as a triad over a bass
      root = key + scale[degree]
      third = key + scale[(degree + 2) % 7] + 12 * (degree + 2 >= 7)
      fifth = key + scale[(degree + 4) % 7] + 12 * (degree + 4 >= 7)
      if (kind == "tune") {
        note(at, until, 60 + key % 12 + tune[degree], 90)
      } else {
        note(at, until, 36 + root % 12, 80)
        note(at, until, 54 + (root + 6) % 12, 76)
        note(at, until, 54 + (third + 6) % 12, 76)
        note(at, until, 54 + (fifth + 6) % 12, 76)
      }
    }
    function note(at, until, pitch, velocity) {
      printf "%d %d 1 %d %d\n", at, until - at, pitch, velocity
    }
    BEGIN {
      split("0 2 4 5 7 9 11", s); for (i = 1; i <= 7; ++i) scale[i - 1] = s[i]
      split("4 5 7 9 11 12 14", s); for (i = 1; i <= 7; ++i) tune[i - 1] = s[i]
      split("0 5 3 4;0 3 4 0;5 3 0 4;0 4 5 3;1 4 0 5;0 2 3 4", cadences, ";")
      key = point * 7 % 12
      n = split(cadences[1 + point % 6], cadence, " ")
      ms = quarter * tempo / 60000
      at = 16 * slot + (point * 5 % 8) * slot
      at += phase == "+10ms" ? 10 * ms : phase == "middle" ? slot / 2 : phase == "-10ms" ? slot - 10 * ms : 0
      at = int(at + 0.5)
      for (i = 0; i * 4 * slot < at; ++i) {
        degree = cadence[1 + i % n]
        until = (i + 1) * 4 * slot
        strike(i * 4 * slot, until < at ? until : at, degree)
      }
      strike(at, at + 12 * slot, other ? (degree + 3 + point % 2) % 7 : degree)
    }'
}

# through HOW FOLDER MODEL TEMPO SEED CONTROL...: what the plugin plays to FOLDER/player.mid, as "tick channel key".
through() {
  local how=$1 folder=$2 model=$3 tempo=$4 seed=$5 arguments=() c status
  shift 5
  for c in "$@" thru=0 seed="$seed"; do
    arguments+=("$([ "$how" = jack ] && echo -c || echo --set)" "$c")
  done
  if [ "$how" = play ]; then
    "$partimento" play --bundle "$bundle" --model "$model" --player "$folder/player.mid" \
      --tempo "$tempo" --bars 5 "${arguments[@]}" --out "$folder/played" >"$folder/log" 2>&1
    status=$?
  else
    cp "$model" "$bundle/$lead" # jalv's console takes no other
    start_jalv "${arguments[@]}" "$generator" # anew: it would still have in its ear what it heard before
    drive -x -t "$tempo" -p "$folder/player.mid" -d "$(seconds 20 "$tempo" 1)" -l "$folder/played" >"$folder/log"
    status=$?
    stop_jalv
  fi
  [ $status = 0 ] || { cat "$folder/log" >&2; return 1; }
  notelist -p -e -1 -w Player -q $quarter -b $((20 * quarter)) "$folder/played" | awk '{ print $1, $3, $4 }'
}

# plays A B FROM TO: something begins after a tick and before another.
plays() { cat "$1" "$2" | awk -v from="$3" -v to="$4" '$1 > from && $1 < to { any = 1 } END { exit !any }'; }
# first_difference A B: tick; nothing when there is none.
first_difference() { sort "$1" "$2" | uniq -u | sort -n | awk 'NR == 1 { print $1 }'; }

# measure HOW POINTS WAY: for each change a line "NAME TEMPO PHASE POINT CHANGED FIRST PLAYS": FIRST - when there is no
# difference; PLAYS whether anything began until the end of the next slot.
measure() {
  local how=$1 points=$2 name kind file controls folder tempo phase point variant changed first any
  read -r name kind file controls <<<"$3"
  [ -e "$file" ] || file=$models/$file
  folder=$scratch/$name
  mkdir -p "$folder"
  for tempo in $tempi; do
    for phase in $phases; do
      for ((point = 0; point < points; ++point)); do
        for variant in same other; do
          player "$kind" $point "$tempo" "$phase" $variant >"$folder/player"
          "$build/tests/hosts/notefile" -q $quarter -t "$tempo" "$folder/player.mid" <"$folder/player" || return
          # shellcheck disable=SC2086 # words
          through "$how" "$folder" "$file" "$tempo" $((point + 1)) $controls >"$folder/$variant" || return
        done
        changed=$(tail -n 1 "$folder/player" | cut -d ' ' -f 1)
        first=$(first_difference "$folder/same" "$folder/other")
        any=0
        ! plays "$folder/same" "$folder/other" "$changed" $(((changed / slot + 2) * slot)) || any=1
        echo "$name $tempo $phase $point $changed ${first:--} $any"
      done
    done
  done
}

# measure_all HOW POINTS: `play` in as many processes as there are ways; there is one jalv.
measure_all() {
  local way pids=() pid status=0
  for way in "${ways[@]}"; do
    measure "$1" "$2" "$way" >"$scratch/measured.${way%% *}" &
    pids+=($!)
    [ "$1" = play ] || wait $! || return
  done
  for pid in "${pids[@]}"; do
    wait "$pid" || status=1
  done
  for way in "${ways[@]}"; do
    cat "$scratch/measured.${way%% *}"
  done
  return $status
}

# table: of such lines. A bar without a difference is still; a reaction before its cause is an error.
table() {
  awk -v slot=$slot -v quarter=$quarter -v phases="$1" '
    function row(group,   n, i, j, k, t, ms) {
      split(group, g, SUBSEP)
      n = count[group]
      for (i = 2; i <= n; ++i) { # by length
        for (j = i; j > 1 && later[group, j - 1] > later[group, j]; --j) {
          t = later[group, j]; later[group, j] = later[group, j - 1]; later[group, j - 1] = t
        }
      }
      ms = 60000 / g[2] / quarter
      printf "%-24s %4s  %-7s %3d %7d%% %5d%% %5d", g[1], g[2], g[3], all[group],
             100 * followed[group] / all[group] + 0.5, 100 * played[group] / all[group] + 0.5, all[group] - n
      if (n) {
        i = later[group, int((n + 1) / 2)]
        j = later[group, n]
        k = later[group, 1]
        printf "  %5.2f %6.2f %5.2f  %5.0f %6.0f %5.0f", k / slot, i / slot, j / slot, k * ms, i * ms, j * ms
      }
      print ""
    }
    function take(group) {
      ++all[group]
      played[group] += $7
      if ($6 != "-" && $6 <= $5 + 8 * slot) {
        later[group, ++count[group]] = $6 - $5
        followed[group] += $6 < (int($5 / slot) + 2) * slot
      }
    }
    BEGIN {
      printf "%71s %19s\n", "slots", "ms"
      printf "%-24s %4s  %-7s %3s %8s %6s %5s  %5s %6s %5s  %5s %6s %5s\n", "mode", "BPM", "change", "n", "followed",
             "played", "still", "least", "median", "worst", "least", "median", "worst"
    }
    $6 != "-" && $6 < $5 { print "a difference before its cause:", $0; early = 1 }
    {
      if (phases) take($1 SUBSEP $2 SUBSEP $3)
      take($1 SUBSEP $2 SUBSEP "any")
      if (!seen[$1 SUBSEP $2]++) order[++groups] = $1 SUBSEP $2
    }
    END {
      n = split(phases " any", phase, " ")
      for (i = 1; i <= groups; ++i) for (k = 1; k <= n; ++k) row(order[i] SUBSEP phase[k])
      exit early
    }'
}

# report HOW POINTS PHASES TITLE: PHASES have a row each.
report() {
  [ "$2" -gt 0 ] || return 0
  echo "$4"
  measure_all "$1" "$2" >"$scratch/measured.$1" || { cat "$scratch/measured.$1"; return 1; }
  [ -z "$verbose" ] || cat "$scratch/measured.$1"
  table "$3" <"$scratch/measured.$1"
}

status=0
report play "$points" "$phases" "Through partimento play, $points changes a tempo and phase" || status=1
if [ "$jack_points" -gt 0 ] && ! { command -v jackd && command -v jalv; } >/dev/null; then
  echo "Nothing through jalv: it or jackd is not installed"
elif [ "$jack_points" -gt 0 ]; then
  start_jack 256
  echo
  report jack "$jack_points" '' "Through jalv on JACK, $jack_points changes a tempo and phase" || status=1
  [ "$points" = 0 ] || awk -v jack="$scratch/measured.jack" '
    BEGIN { while ((getline line < jack) > 0) { split(line, f, " "); first[f[1], f[2], f[3], f[4]] = f[6] } }
    ($1, $2, $3, $4) in first {
      ++n
      other = first[$1, $2, $3, $4]
      same += $6 == other || ($6 != "-" && other != "-" && $6 - other <= 2 && other - $6 <= 2)
    }
    END { printf "%d of %d changes that both tried were followed on the same frame\n", same, n }
  ' "$scratch/measured.play"
fi
exit $status
