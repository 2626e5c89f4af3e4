# SPDX-License-Identifier: ISC
# shellcheck shell=bash disable=SC2154
# For tests/hosts/test_ardour_*.sh: source it after hosts.sh. Ardour 7 through its Lua interpreter, with the dummy
# backend and folders of its own for all it writes.

need ardour7-lua
export HOME=$scratch/home XDG_CONFIG_HOME=$scratch/config XDG_CACHE_HOME=$scratch/cache XDG_DATA_HOME=$scratch/data
mkdir -p "$HOME" "$XDG_CACHE_HOME" "$XDG_CONFIG_HOME/ardour7/scripts"
cp "$here/ardour_tap.lua" "$XDG_CONFIG_HOME/ardour7/scripts/"
unset DISPLAY

# take_verdicts LOG: PASS and FAIL lines of a script count as this test's.
take_verdicts() {
  local word what
  while read -r word what; do
    case $word in
      PASS) passed "$what" ;;
      FAIL) failed "$what" ;;
      *) echo "$word $what" ;;
    esac
  done < <(grep -aE '^(PASS|FAIL|NOTE|VALUE) ' "$1")
}

# lua SECONDS NAME SCRIPT ARGUMENT...: one Ardour, whose log is NAME.log.
lua() {
  local limit=$1 log=$scratch/$2.log script=$3 status
  shift 3
  bounded "$limit" "$log" ardour7-lua "$here/$script" "$here/ardour.lua" "$@"
  status=$?
  take_verdicts "$log"
  if [ $status != 0 ]; then
    failed "Ardour ended with status $status"
    grep -avE '^(PASS|FAIL|NOTE|VALUE) ' "$log" | tail -n 12
  fi
  return $status
}

# scene NAME DIR COMMAND...: see ardour_script.lua.
scene() { lua 300 "$1" ardour_script.lua "${@:2}"; }

# export_list NAME DIR SECONDS FILE [COMMAND]...: open the session, export it from the start, list what the plugin played.
# Ardour 7.3 damages its memory in one export of four, without any plugin too, and may abort then or when the session is
# closed. So an export has a process of its own, counts as soon as the list is there, and is tried again.
export_list() {
  local log=$scratch/$1.log try
  rm -f "$4"
  for try in 1 2 3 4 5 6; do
    bounded 200 "$log" ardour7-lua "$here/ardour_script.lua" "$here/ardour.lua" "$2" open "${@:5}" \
      "export=0-$(($3 * rate))" "list=$4"
    [ -s "$4" ] && ! grep -q '^FAIL' "$log" && return 0
    echo "export ended without a list, try $try"
  done
  tail -n 12 "$log"
  return 1
} 2>/dev/null

# add_location DIR NAME FLAGS FROM TO: Lua cannot make ranges, so it is written into the saved session. In samples;
# the file counts 282240000 a second.
add_location() {
  local file=$1/t1.ardour id
  id=$(sed -n 's/.*id-counter="\([0-9]*\)".*/\1/p' "$file" | head -n 1)
  sed -i -e "s/id-counter=\"$id\"/id-counter=\"$((id + 2))\"/" -e 's|<Locations/>|<Locations></Locations>|' \
    -e "s|</Locations>|<Location id=\"$((id + 1))\" name=\"$2\" start=\"a$(($4 * 5880))\" end=\"a$(($5 * 5880))\" flags=\"$3\" locked=\"0\" timestamp=\"0\" cue=\"0\"/>&|" "$file"
}
add_loop() { add_location "$1" Loop IsAutoLoop,IsHidden "$2" "$3"; }

# add_region DIR TRACK FILE.mid QUARTERS: Lua cannot import either, so the file goes into the saved session, as a region
# from the song's start on a track whose playlist is still empty. In ticks of 1/1920 quarter.
add_region() {
  local file=$1/t1.ardour id name=${3##*/} dir source region
  id=$(sed -n 's/.*id-counter="\([0-9]*\)".*/\1/p' "$file" | head -n 1)
  dir=$(echo "$1"/interchange/*/midifiles)
  cp "$3" "$dir/"
  source="<Source name=\"$name\" type=\"midi\" id=\"$id\" flags=\"Writable,CanRename\" natural-position=\"a0\"/>"
  region="<Region name=\"$name\" type=\"midi\" id=\"$((id + 1))\" source-0=\"$id\" master-source-0=\"$id\" start=\"b0\""
  region+=" length=\"b$(($4 * 1920))@b0\" position=\"b0\" sync-position=\"b0\" opaque=\"1\" first-edit=\"nothing\"/>"
  sed -i -e "s/id-counter=\"$id\"/id-counter=\"$((id + 2))\"/" -e 's|<Sources/>|<Sources></Sources>|' \
    -e "s|</Sources>|$source&|" -e "s|\(<Playlist id=\"[0-9]*\" name=\"$2\" .*\)/>|\1>$region</Playlist>|" "$file"
}

# tap_notes OPTION... LIST: notes as the tap saw them. A note before the roll's first cycle is no jump. At a stop Ardour
# ends what it thinks it sent into the tap, twice where it showed it twice.
tap_notes() { notelist -e -1 -j 400 -u "$@"; }
tap_sound() { tap_notes "$@" >/dev/null; }
