# SPDX-License-Identifier: ISC
# shellcheck shell=bash
# For tests/hosts/test_*.sh: source it. Real hosts without display or sound card: jalv on a JACK server of its own with
# the dummy driver, Ardour on its dummy backend.
#
# Everything is started in the background under its own time limit, remembered in `hosts_pids` and ended by process id;
# all files are in $scratch, which goes away with the test. Server names hold our process id, so tests can run at once.
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
servers=0
export JACK_NO_AUDIO_RESERVATION=1 JACK_NO_START_SERVER=1

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
    tail -n 12 "$scratch/check.out" | sed 's/^/     /'
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

# start_jack [PERIOD [RATE]]. -S: in step with its clients, however long they take; -r: no real-time permission needed.
# Each server has a name of its own: one that was killed leaves its name behind.
start_jack() {
  servers=$((servers + 1))
  export JACK_DEFAULT_SERVER=pmt_$$_$servers
  need jackd jack_wait jack_lsp "$build/tests/hosts/jackdrive"
  timeout -k 10 500 jackd -r -S -t 5000 -n "$JACK_DEFAULT_SERVER" -d dummy -r "${2:-$rate}" -p "${1:-256}" \
    >"$scratch/jackd.log" 2>&1 &
  jack_pid=$!
  hosts_pids+=("$jack_pid")
  if ! jack_wait -w -t 20 >/dev/null 2>&1; then
    echo "jackd does not start"
    cat "$scratch/jackd.log"
    exit 1
  fi
}

stop_jack() {
  kill "$jack_pid" && wait "$jack_pid"
  forget "$jack_pid"
}

# jack_ports input|output: the MIDI ports of jalv.
jack_ports() {
  jack_lsp -t -p dut: 2>/dev/null | awk -v want="$1" '
    /^dut:/ { name = $0 }
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
  timeout -k 2 500 $wrapper $program -n dut "$@" <"$scratch/jalv.in" >"$scratch/jalv.log" 2>&1 9>&- &
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

# drive OPTION...: jackdrive on jalv's ports; its summary stays in $scratch/drive.out.
drive() {
  local status
  bounded 300 "$scratch/drive.out" "$build/tests/hosts/jackdrive" -o "$midi_out" ${midi_in:+-i "$midi_in"} "$@"
  status=$?
  tail -n 3 "$scratch/drive.out"
  return $status
}
# counted NAME: a number of the summary, such as note-ons.
counted() { sed -n "s/.*\b$1 \([0-9]*\).*/\1/p" "$scratch/drive.out" | tail -n 1; }

# seconds QUARTERS BPM [MORE]
seconds() { awk "BEGIN { print $1 * 60 / $2 + ${3:-0} }"; }

# ---- lists of notes ----

notelist() { "$build/tests/hosts/notelist" "$@"; }
# sound OPTION... LIST: a list without faults; prints the faults alone.
sound() { notelist "$@" >/dev/null; }
# pass N FILE: one part of a list, without its head.
pass() { awk -v n="$1" '$1 == "pass" { in_pass = $2 == n; next } in_pass' "$2"; }
# generated OPTION...: not a host at all.
generated() { "$partimento" generate "$scratch/lv2/partimento.lv2/partimento.safetensors" "$@"; }
# tiny_model FILE SEED: another model, small and of no taste.
tiny_model() { "$build/tests/test_tiny_model" "$1" "$2" >/dev/null; }
