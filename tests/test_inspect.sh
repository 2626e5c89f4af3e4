#!/bin/sh
# SPDX-License-Identifier: ISC
# partimento inspect on small files written here byte by byte, on damaged ones, and on a real piece where there is one.
set -u
. tests/support/expect.sh
cd "$scratch" || exit 1

# Two bars of 3/4 at 90: a C major arpeggio in quarters on channel 1 (program 40), one kick drum; 24 ticks a quarter.
header='MThd\0\0\0\006\0\0\0\001\0\030'
events='\0\377\130\004\003\002\030\010\0\377\121\003\012\054\053\0\300\050'
notes='\0\220\074\120\030\074\0\0\100\120\030\100\0\0\103\120\030\103\0\0\110\120\060\110\0\0\231\044\144\006\231\044\0'
printf "${header}MTrk\\0\\0\\0\\067${events}${notes}\\022\\377\\057\\0" >tune.mid

# The length field must be right for the rest of this test to mean what it says.
[ "$(wc -c <tune.mid)" = 77 ] || fail "tune.mid has $(wc -c <tune.mid) bytes"

expect 0 '' "$partimento" inspect tune.mid
for line in '^bars  *2, 0:04' '^meter  *3/4$' '^tempo  *90 ' '^parts  *1 and drums' 'Violin  *4 notes  C4 to C5' \
  'Percussion  *1 notes' '^notes  *5 of 5 kept' '^quantised  *0 of 5'; do
  grep -Eq "$line" stdout || fail "no line $line"
done
if grep -q '^warnings' stdout; then fail "warnings for a sound file"; fi

expect 0 '' "$partimento" inspect --tokens tune.mid
printf '1\tT0 P0:C4 D24\n1\tT1\n1\tT2 P0:E4 D24\n' >wanted
head -n 3 stdout | sed 's/BOS //; s/VEL[0-9] //g' >got
cmp -s wanted got || fail "tokens"
[ "$(grep -c . stdout)" -ge 12 ] || fail "a slot is missing"
grep -Eq '^2.*drum36' stdout || fail "no drum"
expect 0 '' "$partimento" inspect --tokens --bars 2 tune.mid
if grep -q '^1' stdout; then fail "bar 1 in --bars 2"; fi
expect_misuse '\-\-bars: the piece has 2 bars' "$partimento" inspect --bars 3 tune.mid
expect_misuse 'is not a range' "$partimento" inspect --bars 2-1 tune.mid

expect 0 '' "$partimento" inspect --json tune.mid
for member in '"bars": 2' '"notes": 5' '"drum_notes": 1' '"name": "Violin"' '"lowest": 60' '"beats": 3'; do
  grep -q "$member" stdout || fail "no $member"
done

# ---- pictures ----
expect 0 '' "$partimento" inspect tune.mid --picture p.png
[ "$(head -c 4 p.png | tail -c 3)" = PNG ] || fail "p.png is no PNG"
expect 0 '' "$partimento" inspect tune.mid --picture p.svg
grep -q '<svg' p.svg || fail "p.svg is no SVG"
expect_failure 'ends in .png or .svg' "$partimento" inspect tune.mid --picture p.gif
expect_failure 'nosuch/p.png: ' "$partimento" inspect tune.mid --picture nosuch/p.png
mkdir -p folder.png
expect_failure 'folder.png' "$partimento" inspect tune.mid --picture folder.png

# ---- damaged and foreign files: one line, status 1 ----
expect_failure 'nosuch.mid: No such file' "$partimento" inspect nosuch.mid
expect_failure '^partimento inspect: \.: ' "$partimento" inspect .
: >empty.mid
expect_failure 'empty.mid: ' "$partimento" inspect empty.mid
head -c 10 tune.mid >header.mid
expect_failure 'header.mid: ' "$partimento" inspect header.mid
head -c 40 tune.mid >silent.mid
"$partimento" inspect silent.mid >stdout 2>stderr
[ $? -le 1 ] || fail "a cut file is not a reason to crash"
head -c 70 tune.mid >tail.mid
expect 0 '' "$partimento" inspect tail.mid
grep -q '^warnings' stdout || fail "a damaged tail without a warning"
printf 'MThd\0\0\0\006\0\002\0\001\0\030' >type2.mid
expect_failure 'type2.mid: ' "$partimento" inspect type2.mid
head -c 300 "$partimento" >elf.mid
expect_failure 'elf.mid: ' "$partimento" inspect elf.mid

# ---- models ----
: >empty.safetensors
expect_failure 'empty.safetensors: ' "$partimento" inspect empty.safetensors
printf '\002\0\0\0\0\0\0\0{}' >none.safetensors
expect 1 'none.safetensors: ' "$partimento" inspect none.safetensors
expect_misuse 'no tokens and no picture' "$partimento" inspect --tokens none.safetensors

if [ -w /dev/full ]; then
  expect 1 'standard output' sh -c "'$partimento' inspect tune.mid >/dev/full"
fi
echo "test_inspect: fine"
