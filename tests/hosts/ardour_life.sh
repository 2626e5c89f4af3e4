# SPDX-License-Identifier: ISC
# shellcheck shell=bash disable=SC2154
# For test_ardour_generator.sh and test_ardour_instrument.sh: source it after ardour.sh. The life of a session.

state() { cat "$1"/plugins/*/"$2"/state.ttl 2>/dev/null; }

# session_life URI CONTROL PRESET SYNTH
session_life() {
  local session=$scratch/life d
  lua 60 make ardour_host.lua make "$session" "$@"
  add_loop "$session" 0 $((2 * rate))
  grep -q IsSessionRange "$session/t1.ardour" || add_location "$session" session IsSessionRange 0 $((5 * rate))
  lua 60 again ardour_host.lua again "$session" "$@"
  check "plugin has state" [ -n "$(state "$session" state1)" ]
  # Ardour writes state2 only where the state is not equal to what it loaded, or has files (which are then under another
  # path); the text should be the same all the same.
  for d in "$session"/plugins/*/; do
    [ ! -f "$d/state2/state.ttl" ] || diff "$d/state1/state.ttl" "$d/state2/state.ttl"
  done >"$scratch/state.diff"
  check "plugin state is the same after save, reopen, save" [ ! -s "$scratch/state.diff" ]
  head -n 20 "$scratch/state.diff"
  export_wav "$session"
  lua 20 wav ardour_host.lua wav "$session/out.wav" "$@"
}

# Ardour 7.3 may abort after it has written the file (see export_list).
export_wav() {
  local try
  for try in 1 2 3 4; do
    bounded 60 "$scratch/export.log" ardour7-export -o "$1/out.wav" "$1" t1 && break
    echo "export ended with status $?, try $try"
  done 2>/dev/null
  check "export (freewheeling) ran" [ -s "$1/out.wav" ]
}
