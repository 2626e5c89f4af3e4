# SPDX-License-Identifier: ISC
# shellcheck shell=bash disable=SC2154
# For test_ardour_generator.sh and test_ardour_instrument.sh: source it after ardour.sh. The life of a session.

# states SESSION: what each plugin stored last. Ardour writes another state folder whenever the state is not equal to what
# it loaded, or has files (which are under another path after loading); the text should be the same all the same.
states() {
  local plugin
  for plugin in "$1"/plugins/*/; do
    cat "$(find "$plugin" -name state.ttl | sort -V | tail -n 1)"
  done
}

# session_life URI CONTROL PRESET SYNTH
session_life() {
  local session=$scratch/life
  lua 200 make ardour_host.lua make "$session" "$@"
  add_loop "$session" 0 $((2 * rate))
  grep -q IsSessionRange "$session/t1.ardour" || add_location "$session" session IsSessionRange 0 $((5 * rate))
  states "$session" >"$scratch/saved.ttl"
  check "the session has the plugin's state" grep -q "<urn:partimento:context>" "$scratch/saved.ttl"
  scene resave "$session" open save
  states "$session" >"$scratch/resaved.ttl"
  check "plugin state is the same after save, reopen, save" diff "$scratch/saved.ttl" "$scratch/resaved.ttl"
  lua 200 again ardour_host.lua again "$session" "$@"
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
