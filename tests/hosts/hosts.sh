# SPDX-License-Identifier: ISC
# shellcheck shell=bash
# For tests/hosts/test_*.sh: source it. Real hosts without display or sound card: jalv on a JACK server of its own with
# the dummy driver, Ardour on its dummy backend.
#
# Everything is started in the background under its own time limit, remembered in `hosts_pids` and ended by process id;
# all files are in $scratch, which goes away with the test. Tests can run at once: each has a server and client names of its own.
# A test says check "WHAT" COMMAND... for each thing it claims, and ends with `verdict`.

build=$(cd "${BUILD:-build}" && pwd) || exit 1
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
partimento=$build/partimento
generator=urn:partimento:generator
instrument=urn:partimento:instrument
rate=48000

scratch=$(mktemp -d "${TMPDIR:-/tmp}/pmt-host.XXXXXX") || exit 1
hosts_pids=()
hosts_failed=0 hosts_passed=0
export JACK_NO_AUDIO_RESERVATION=1 JACK_NO_START_SERVER=1
# A client's socket is called by the client's name alone, whatever its server. Two that open at the same time take it from
# each other ("Cannot connect client socket"; a server may accept none from then on), so names hold our process id, and
# the tools that have one name for everybody (jack_wait, jack_lsp) run one at a time.
jalv_name=dut_$$ drive_name=drive_$$
alone() { flock "/dev/shm/pmt-jack-tools.$UID" "$@"; }

# shellcheck disable=SC2317 # called by the trap
hosts_clean() {
  local i
  for ((i = ${#hosts_pids[@]} - 1; i >= 0; --i)); do # the server, started first, last
    kill "${hosts_pids[i]}" 2>/dev/null && wait "${hosts_pids[i]}" 2>/dev/null
  done
  rm -rf "$scratch" /dev/shm/jack_pmt_$$_* /dev/shm/jack_sem.*_pmt_$$_*
}
trap hosts_clean EXIT
trap 'exit 130' INT TERM

# need COMMAND...: skip the test where a package cannot be had (`make check-hosts` has tried to install it).
need() {
  local c
  for c; do
    command -v "$c" >/dev/null || { echo "$c is not installed"; exit 77; }
  done
}

# say WORD WHAT / check WHAT COMMAND...: a verdict a line. check shows what the command said when it failed.
passed() { hosts_passed=$((hosts_passed + 1)); echo "PASS $*"; }
failed() { hosts_failed=$((hosts_failed + 1)); echo "FAIL $*"; }
check() {
  local what=$1
  shift
  if "$@" >"$scratch/check.out" 2>&1; then
    passed "$what"
  else
    failed "$what: $*"
    tail -n 24 "$scratch/check.out" | sed 's/^/     /'
  fi
}
# A command that must fail.
fails() { ! "$@"; }
verdict() {
  echo "$hosts_passed checks passed, $hosts_failed failed"
  [ $((hosts_passed)) -gt 0 ] && [ "$hosts_failed" = 0 ]
  exit
}

# forget PID: it has ended.
forget() {
  local p keep=()
  for p in "${hosts_pids[@]}"; do
    [ "$p" = "$1" ] || keep+=("$p")
  done
  hosts_pids=("${keep[@]}")
}

# bounded SECONDS LOG COMMAND...: run it to its end, so that a signal to us gets through.
bounded() {
  local limit=$1 log=$2 pid status
  shift 2
  timeout -k 2 "$limit" "$@" >"$log" 2>&1 </dev/null &
  pid=$!
  hosts_pids+=("$pid")
  wait "$pid"
  status=$?
  forget "$pid"
  return $status
}

# The bundles alone, not the rest of the build folder, which hosts would look through.
export LV2_PATH=$scratch/lv2:/usr/lib/lv2
mkdir "$scratch/lv2"
cp -r "$build"/*.lv2 "$scratch/lv2/" || exit 1

# ---- JACK and jalv ----

# jack_starts PERIOD RATE: jackd under the name in JACK_DEFAULT_SERVER; fails when it ends or does not answer.
jack_starts() {
  local i
  timeout -k 10 500 jackd -r -S -t 5000 -n "$JACK_DEFAULT_SERVER" -d dummy -r "$2" -p "$1" >"$scratch/jackd.log" 2>&1 &
  jack_pid=$!
  hosts_pids+=("$jack_pid")
  for ((i = 0; i < 20; ++i)); do
    # A server of this name that is not ours would answer too: ours has the name once it says that it starts.
    sleep 0.2
    kill -0 "$jack_pid" 2>/dev/null || break
    grep -q 'server starting' "$scratch/jackd.log" || continue
    alone jack_wait -w -t 1 >/dev/null 2>&1 && kill -0 "$jack_pid" 2>/dev/null && return
  done
  kill "$jack_pid" 2>/dev/null
  wait "$jack_pid"
  forget "$jack_pid"
  return 1
}

# start_jack [PERIOD [RATE]]. -S: in step with its clients, however long they take; -r: no real-time permission needed.
# JACK has room for eight names of servers, and one that was killed keeps its name until a server of that name starts
# again: so we use few names, and the next one where another server has it.
start_jack() {
  local n registry=/dev/shm/jack-shm-registry
  need jackd jack_wait jack_lsp "$build/tests/hosts/jackdrive"
  for n in 1 2 3 4 5 6; do
    export JACK_DEFAULT_SERVER=pmt_$n
    jack_starts "${1:-256}" "${2:-$rate}" && return
    if grep -q 'Too many servers' "$scratch/jackd.log" && ! grep -qszE '^([^ ]*/)?jackd(bus)?$' /proc/[0-9]*/cmdline; then
      echo "JACK's list of servers is full, and none of them lives: emptying it"
      rm -f "$registry"
    elif ! grep -q 'already active' "$scratch/jackd.log"; then
      break
    fi
  done
  echo "jackd does not start"
  cat "$scratch/jackd.log"
  exit 1
}

stop_jack() {
  kill "$jack_pid" && wait "$jack_pid"
  forget "$jack_pid"
}

# jack_ports input|output: the MIDI ports of jalv.
jack_ports() {
  alone jack_lsp -t -p "$jalv_name:" 2>/dev/null | awk -v want="$1" -v client="$jalv_name:" '
    index($0, client) == 1 { name = $0 }
    /properties/ { dir = /output/ ? "output" : "input" }
    /raw midi/ && dir == want { print name }'
}

# start_display: an X server without a screen, on a free number.
start_display() {
  local i
  need Xvfb
  exec 7>"$scratch/display"
  timeout -k 2 500 Xvfb -displayfd 7 -screen 0 1024x768x24 -nolisten tcp >"$scratch/xvfb.log" 2>&1 &
  hosts_pids+=($!)
  exec 7>&-
  for ((i = 0; i < 100; ++i)); do
    [ -s "$scratch/display" ] && break
    sleep 0.1
  done
  DISPLAY=:$(cat "$scratch/display")
  export DISPLAY
}

# start_jalv [-w WRAPPER] [-g] ARGUMENT...: jalv, in the console or (-g) jalv.gtk3, with its arguments (a URI; -l DIR/; before
# them -c SYMBOL=VALUE; -p PRESET with -g). Leaves jalv_pid, midi_out, midi_in. jalv ends when its input ends, so that is a
# fifo held open.
start_jalv() {
  local wrapper='' program='jalv -x' i
  jalv_window=''
  while :; do
    case $1 in
      -w) wrapper=$2; shift 2 ;;
      -g) program=jalv.gtk3 jalv_window=yes; shift ;;
      *) break ;;
    esac
  done
  need "${program% *}"
  rm -f "$scratch/jalv.in"
  mkfifo "$scratch/jalv.in"
  exec 9<>"$scratch/jalv.in"
  # shellcheck disable=SC2086 # a command line
  timeout -k 2 500 $wrapper $program -n $jalv_name "$@" <"$scratch/jalv.in" >"$scratch/jalv.log" 2>&1 9>&- &
  jalv_pid=$!
  hosts_pids+=("$jalv_pid")
  midi_out=''
  for ((i = 0; i < 300; ++i)); do
    midi_out=$(jack_ports output | head -n 1)
    [ -z "$midi_out" ] || break
    kill -0 "$jalv_pid" 2>/dev/null || break
    sleep 0.1
  done
  sleep 0.3
  midi_in=$(jack_ports input | head -n 1)
  if [ -z "$midi_out" ]; then
    echo "jalv has no MIDI ports"
    cat "$scratch/jalv.log"
    exit 1
  fi
}

# set_control SYMBOL=VALUE...: through jalv's console.
set_control() {
  local c
  for c; do
    printf 'set %s %s\n' "${c%%=*}" "${c#*=}" >&9
  done
  sleep 0.2
}

# stop_jalv: ends its input, and with it jalv; gives its exit status. (A signal is not enough: when a thread other than the
# one that reads the console gets it, jalv 1.6.6 waits for a line for ever. jalv.gtk3 reads none, and gets a signal.)
stop_jalv() {
  local status i
  exec 9>&-
  [ -z "$jalv_window" ] || kill "$jalv_pid" 2>/dev/null
  for ((i = 0; i < 600; ++i)); do
    kill -0 "$jalv_pid" 2>/dev/null || break
    sleep 0.1
  done
  [ $i -lt 600 ] || kill "$jalv_pid" # no end after a minute
  wait "$jalv_pid"
  status=$?
  forget "$jalv_pid"
  return $status
}

# jackdrive OPTION...; its summary stays in $scratch/drive.out.
jackdrive() {
  local status
  bounded 300 "$scratch/drive.out" "$build/tests/hosts/jackdrive" -c "$drive_name" "$@"
  status=$?
  tail -n 8 "$scratch/drive.out"
  [ $status = 0 ] || tail -n 8 "$scratch/jackd.log"
  return $status
}
# drive OPTION...: jackdrive on jalv's ports.
drive() { jackdrive -o "$midi_out" ${midi_in:+-i "$midi_in"} "$@"; }
# counted NAME: a number of the summary, such as note-ons.
counted() { sed -n "s/.*\b$1 \([0-9]*\).*/\1/p" "$scratch/drive.out" | tail -n 1; }

# seconds QUARTERS BPM [MORE]
seconds() { awk "BEGIN { print $1 * 60 / $2 + ${3:-0} }"; }

# ---- lists of notes ----

notelist() { "$build/tests/hosts/notelist" "$@"; }
# sound OPTION... LIST: a list without faults; prints the faults alone.
sound() { notelist "$@" >/dev/null; }
fine=24000 # ticks a quarter: each of them a frame or two
# near EXPECTED PLAYED TICKS: the same notes, in either order where they begin together, so many ticks apart at most.
# shellcheck disable=SC2317 # check calls it
near() {
  local by='-k3,3n -k4,4n -k1,1n'
  # shellcheck disable=SC2086 # words
  paste -d ' ' <(sort $by "$1") <(sort $by "$2") | awk -v most="$3" '
    function far(a, b) { return a - b > most || b - a > most }
    NF != 10 || $3 != $8 || $4 != $9 || $5 != $10 || far($1, $6) || far($1 + $2, $6 + $7) { print; bad = 1 }
    END { exit bad || !NR }'
}
# frames N TEMPO: as fine ticks, with half a tick for each of two roundings.
frames() { awk "BEGIN { print $1 * $fine * $2 / 60 / $rate + 1 }"; }
notefile() { "$build/tests/hosts/notefile" "$@"; }
# made_song FILE: a tune on channel 1, chords on 2, a bass on 3, twelve bars in C.
made_song() {
  awk 'BEGIN {
    split("67 64 65 67 69 67 72 71 69 67 65 64 62 64 65 62", tune)
    split("48 45 41 43", root)
    for (i = 0; i < 48; ++i) {
      if (i % 8 != 7) print i * 24, 20, 1, tune[1 + i % 16], 70 + i % 4 * 8
      if (i % 3 == 0) print i * 24 + 12, 10, 1, tune[1 + (i + 5) % 16] + 12, 60
    }
    for (i = 0; i < 24; ++i) {
      low = root[1 + int(i / 2) % 4]
      print i * 48, 44, 2, low + 12, 70
      print i * 48, 44, 2, low + (low == 45 ? 15 : 16), 70
      print i * 48, 44, 2, low + 19, 70
      if (i % 2 == 0) print i * 48, 90, 3, low - 12, 80
    }
  }' | notefile "$1"
}
# pass N FILE: one part of a list, without its head.
pass() { awk -v n="$1" '$1 == "pass" { in_pass = $2 == n; next } in_pass' "$2"; }
# generated OPTION...: not a host at all.
generated() { "$partimento" generate "$scratch/lv2/partimento.lv2/partimento.safetensors" "$@"; }
# tiny_model FILE SEED: another model, small and of no taste.
tiny_model() { "$build/tests/test_tiny_model" "$1" "$2" >/dev/null; }
# style_number NAME: what the port Style calls it.
style_number() {
  sed -n "s/.*rdfs:label \"$1\" ; rdf:value \([0-9]*\).*/\1/p" "$scratch/lv2/partimento.lv2/generator.ttl" | head -n 1
}
# every_model: the bundle with all its presets. What they name and is not shipped yet is a tiny model.
every_model() {
  local name seed=10
  mkdir "$scratch/every"
  cp models/*.safetensors "$scratch/every/"
  for name in $(sed -n 's|.*<urn:partimento:model> <\.\./\(.*\)>.*|\1|p' presets/*.ttl | sort -u); do
    seed=$((seed + 1))
    [ -e "$scratch/every/$name" ] || tiny_model "$scratch/every/$name" $seed
  done
  make -s BUILD="$scratch/every.build" MODELS_DIR="$scratch/every" bundle-data >"$scratch/every.log" 2>&1 || cat "$scratch/every.log"
  cp -r "$scratch/every.build/partimento.lv2/." "$scratch/lv2/partimento.lv2/"
}
