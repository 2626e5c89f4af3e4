#!/bin/sh
# SPDX-License-Identifier: ISC
# Make the pictures of these pages anew, from the real Ardour and the real jalv on a screen that nobody sees.
#   docs/hosts/pictures.sh [BUILD]
# Not a test: clicks go to fixed places of Ardour 7.3 as Debian 12 packages it. Look at what it made before you keep it.
# Packages: ardour ardour-lv2-plugins jackd2 jalv xvfb openbox xdotool imagemagick pngquant timgm6mb-soundfont
set -eu
here=$(cd "$(dirname "$0")" && pwd)
build=$(cd "${1:-build}" && pwd)
for c in ardour ardour7-lua jackd jack_wait jalv.gtk3 Xvfb openbox xdotool import pngquant; do
	command -v $c >/dev/null || { echo "$c is not installed" >&2; exit 1; }
done

tmp=$(mktemp -d)
pids=''
# shellcheck disable=SC2317 # called by the trap
finish() {
	# shellcheck disable=SC2086
	kill $pids 2>/dev/null || true
	wait
	rm -rf "$tmp" /dev/shm/jack_"$JACK_DEFAULT_SERVER"_* /dev/shm/jack_sem.*_"$JACK_DEFAULT_SERVER"_*
}
trap finish EXIT
trap 'exit 1' INT TERM

# Folders of our own: Ardour writes its settings where HOME and XDG say.
mkdir -p "$tmp/home" "$tmp/config/ardour7" "$tmp/cache" "$tmp/data" "$tmp/lv2"
export HOME="$tmp/home" XDG_CONFIG_HOME="$tmp/config" XDG_CACHE_HOME="$tmp/cache" XDG_DATA_HOME="$tmp/data"
export JACK_DEFAULT_SERVER="pictures_$$" JACK_NO_AUDIO_RESERVATION=1 JACK_NO_START_SERVER=1
cp -r "$build/partimento.lv2" "$tmp/lv2/"
export LV2_PATH="$tmp/lv2:/usr/lib/lv2"

start() { # LOG COMMAND...
	log=$tmp/$1; shift
	"$@" >"$log" 2>&1 </dev/null &
	pids="$! $pids"
}
window() {
	timeout 20 xdotool search --sync --onlyvisible --name "$1" | tail -n 1 | grep . && return
	import -window root "$here/lost.png"
	echo "no window \"$1\": see lost.png" >&2
	exit 1
}
click() { xdotool mousemove "$1" "$2" click "${3:-1}"; sleep 1; }
click_in() { xdotool mousemove --window "$1" "$2" "$3" click "${4:-1}"; sleep 1; }
keys() { xdotool key --delay 150 "$@"; sleep 1; }
place() { eval "$(xdotool getwindowgeometry --shell "$1")"; Y=$((Y - 20)); } # openbox's title is counted twice
close() { xdotool windowfocus "$1" key alt+F4; sleep 1; }
# NAME GEOMETRY: a piece of the screen, in few colours, for a small file
shoot() {
	import -window root -crop "$2" +repage "$tmp/$1.png"
	pngquant --force --speed 1 --strip --output "$here/$1.png" 64 "$tmp/$1.png"
	ls -s --block-size=1K "$here/$1.png"
}

screen() { # WIDTHxHEIGHT
	rm -f "$tmp/display"
	start xvfb.log Xvfb -displayfd 3 -screen 0 "$1x24" -nolisten tcp 3>"$tmp/display"
	while [ ! -s "$tmp/display" ]; do sleep 0.2; done
	DISPLAY=:$(cat "$tmp/display"); export DISPLAY
	start openbox.log openbox
}

# ---- Ardour ----------------------------------------------------------------------------------------------------------
screen 1400x1250 # high enough for the menu of all controls
ardour7-lua "$here/pictures.lua" "$tmp/session" >"$tmp/make.log" 2>&1 || { cat "$tmp/make.log"; exit 1; }
: >"$XDG_CONFIG_HOME/ardour7/.a7" # no questions at a first start
cat >"$XDG_CONFIG_HOME/ardour7/config" <<-END
	<?xml version="1.0" encoding="UTF-8"?>
	<Ardour><Config><Option name="hide-dummy-backend" value="0"/></Config></Ardour>
END
start ardour.log ardour -n -a "$tmp/session/t1.ardour"
ardour=${pids%% *}
sleep 8
keys Return # "Engine I/O device has changed"
setup=$(window "Audio/MIDI Setup")
click_in "$setup" 280 50 # Audio System: None (Dummy)
keys Down Down Return
click_in "$setup" 500 352 # Start
main=$(window "t1 - Ardour")
sleep 12
xdotool windowmove --relative --sync "$main" -2 -215 # the clicks below mean this place (a title counts twice)
sleep 1
xdotool mousemove 700 700
sleep 2
shoot ardour-lane 940x416+28+220

click 188 470 # A of the track Partimento
click 260 556 # Processor automation
keys Right
xdotool mousemove 555 555 # Temperature
sleep 1
shoot ardour-automation 604x308+28+428
keys Escape Escape Escape

keys ctrl+shift+n # a new track, with sound
new=$(window "Add Track")
click_in "$new" 70 70    # MIDI Tracks
click_in "$new" 325 332  # Instrument
keys Down                # the one below ACE Reasonable Synth
place "$new"
shoot ardour-instrument "${WIDTH}x$HEIGHT+$X+$Y"
keys Return
click_in "$new" 600 465 # Add and Close
sleep 3

click 1352 174 # Mix
click 456 261  # what the track Take hears
click 475 378  # Routing Grid
grid=$(window "Take input")
click_in "$grid" 33 225 # Tracks
xdotool mousemove 900 700
sleep 1
place "$grid"
shoot ardour-record "${WIDTH}x$((HEIGHT - 30))+$X+$((Y + 30))"
close "$grid"

xdotool windowmove --relative --sync "$main" -278 -40 # the strip to the left: Partimento's window is wide
sleep 1
xdotool mousemove 81 288 click --repeat 2 --delay 100 1 # Partimento in its strip
plugin=$(window "Partimento authors")
sleep 2
xdotool windowmove --sync "$plugin" 154 213
sleep 1
place "$plugin"
click $((X + WIDTH - 233)) $((Y + 27)) # Presets
xdotool mousemove $((X + WIDTH - 219)) $((Y + 163))
sleep 1
shoot ardour-controls $((WIDTH + 127))x690+27+202
kill "$ardour"

# ---- jalv ------------------------------------------------------------------------------------------------------------
screen 800x1900 # all controls at once
start jackd.log jackd -r -S -t 5000 -n "$JACK_DEFAULT_SERVER" -d dummy -r 48000 -p 1024
jack_wait -w -t 10 >/dev/null
start jalv.log jalv.gtk3 urn:partimento:instrument
jalv=$(window "Partimento")
sleep 3
xdotool windowmove --sync "$jalv" 30 40
sleep 2
place "$jalv"
shoot jalv "${WIDTH}x$HEIGHT+$X+$Y"
