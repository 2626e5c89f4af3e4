#!/bin/sh
# SPDX-License-Identifier: ISC
# partimento play: the built plugin with a tiny model in it. The same notes whatever the blocks; automation; what it says
# of broken bundles, models, automation files and outputs.
set -u
. tests/support/expect.sh
root=$PWD
build=$(cd "${BUILD:-build}" && pwd)
cd "$scratch" || exit 1
"$build/tests/test_tiny_model" tiny.safetensors 1 || exit 1
"$build/tests/test_tiny_model" other.safetensors 2 || exit 1
mkdir tiny.lv2
cp -r "$build/partimento.lv2/." tiny.lv2/
cp tiny.safetensors tiny.lv2/partimento.safetensors
play() { "$partimento" play --bundle tiny.lv2 "$@"; }
# number MEMBER: of the JSON object in stdout, whatever its nesting.
number() { sed -n "s/.*\"$1\": \([-0-9.e+]*\),\{0,1\}$/\1/p" stdout | head -n 1; }

cat >song.automation <<'END'
1    style        alpha
1    temperature  0.7
2    temperature  0.7 -> 6 1.4
3.2  style        beta
4    tempo        100 -> 6 160
5    meter        7/8
6    meter        3/4
2    loop         3 x2
8    locate       3
END

# ---- the same notes whatever the blocks ----
song="--bars 12 --tempo 132.5 --seed 5 --automate song.automation"
expect 0 '' play $song --block 64 --out 64.mid --json
[ "$(number hanging_notes)" = 0 ] && [ "$(number faults)" = 0 ] && [ "$(number late_slots)" = 0 ] || fail "json"
[ "$(number notes)" -gt 20 ] || fail "too few notes"
[ "$(number bars)" = 12 ] || fail "bars"
notes=$(number notes)
for block in 1 1000 4096 65536 random; do
  expect 0 '' play $song --block $block --out $block.mid --json
  cmp -s 64.mid $block.mid || fail "block $block gives other notes"
done
grep -v -e loop -e locate song.automation >straight.automation # ticks round the beat of a jump: a frame's difference
straight="--bars 12 --tempo 132.5 --seed 5 --automate straight.automation"
expect 0 '' play $straight --out every.mid
expect 0 '' play $straight --block 64 --positions change --out change.mid
cmp -s every.mid change.mid || fail "--positions change gives other notes"
expect 0 '' "$partimento" inspect 64.mid
grep -q "^notes  *$notes of\|of $notes kept" stdout || fail "the file has not $notes notes"
grep -q '^meter .*7/8 from bar' stdout || fail "no meter change in the file"
expect 0 '' play $song --seed 6 --out seed.mid
if cmp -s 64.mid seed.mid; then fail "another seed, the same notes"; fi
expect 0 '' play $song --rate 44100 --block 100 --out 44.mid
expect 0 '' play $song --rate 44100 --block 999 --out 44b.mid
cmp -s 44.mid 44b.mid || fail "44.1 kHz: block 999 gives other notes"

# ---- the same bytes as generate ----
for meter in 4/4 6/8 7/8; do
  expect 0 '' "$partimento" generate tiny.safetensors --style beta --bars 9 --tempo 97.3 --meter $meter --seed 11 \
    --temperature 0.9 --min-p 0.02 --out generate.mid
  expect 0 '' play --set style=beta --bars 9 --tempo 97.3 --meter $meter --seed 11 --set temperature=0.9 \
    --set min_p=0.02 --set style2=beta --out play.mid
  cmp -s generate.mid play.mid || fail "generate and play differ in $meter"
done

# ---- real time: 4 bars in half a second, with the worker in its thread ----
expect 0 '' play --bars 4 --tempo 1000 --seed 5 --out fast.mid
start=$(date +%s%N)
expect 0 '' play --bars 4 --tempo 1000 --seed 5 --realtime --out real.mid --json
[ $(($(date +%s%N) - start)) -gt 900000000 ] || fail "--realtime is faster than time"
cmp -s fast.mid real.mid || fail "real time gives other notes"
[ "$(number overruns)" ] || fail "no overruns member"

# ---- transport ----
expect 0 '' play --bars 6 --tempo 120 --loop 2-3 --json
[ "$(number frames)" = $((6 * 96000)) ] || fail "frames with a loop"
expect 0 '' play --bars 6 --tempo 90 --meter 6/8 --locate 3:9 --json
[ "$(number frames)" = $((6 * 96000)) ] || fail "frames in 6/8"
expect 0 '' play --bars 3 --meter 3/4 --block 17
grep -q '^notes .*(0 hanging)' stdout && grep -q '^late slots' stdout && grep -q '^cost, us' stdout || fail "lines"

# ---- controls ----
expect 0 '' play --bars 4 --set style=beta --set temperature=0.5 --out a.mid
expect 0 '' play --bars 4 --set style=1 --set temperature=5e-1 --out b.mid
cmp -s a.mid b.mid || fail "a style by name is another"
expect 0 '' play --bars 4 --set scale_mode=harmonic_minor --set scale_root=eb
expect 0 '' play --bars 2 --set enabled=0 --json
[ "$(number notes)" = 0 ] || fail "disabled, and it plays"
expect_misuse 'no control "warmth"; there are: .*temperature' play --set warmth=1
expect_misuse 'style: "polka" is not a number, nor one of: ' play --set style=polka
expect_misuse 'temperature: "nan" is not a number' play --set temperature=nan
expect_misuse 'no control "late_slots"' play --set late_slots=1
expect_misuse 'no control "warmth"' play --curve warmth --picture x.png
preset=$(sed -n 's/^<\(urn:partimento:preset:[^>]*\)>.*/\1/p' tiny.lv2/manifest.ttl | head -n 1)
expect 0 '' play --bars 2 --preset "$preset"
expect_misuse "no preset \"urn:nosuch\"; there are: urn:partimento:preset:" play --preset urn:nosuch

# ---- another model ----
expect 0 '' play --bars 4 --seed 5 --model other.safetensors --out other.mid
expect 0 '' play --bars 4 --seed 5 --out own.mid
if cmp -s other.mid own.mid; then fail "--model plays the old one"; fi
expect 0 '' play --bars 4 --seed 5 --tempo 1000 --model other.safetensors --realtime
expect_failure 'nosuch.safetensors: No such file' play --model nosuch.safetensors
head -c 1000 other.safetensors >cut.safetensors
expect_failure 'cut.safetensors: ' play --model cut.safetensors

# ---- pictures ----
expect 0 '' play $song --picture song.png
[ "$(head -c 4 song.png | tail -c 3)" = PNG ] || fail "song.png is no PNG"
expect 0 '' play $song --picture song.svg --curve density
expect_failure 'ends in .png or .svg' play --bars 1 --picture song.jpeg

# ---- unwritable ----
expect_failure 'nosuch/x.mid: ' play --bars 1 --out nosuch/x.mid
expect_failure 'nosuch/x.png: ' play --bars 1 --picture nosuch/x.png
if [ -w /dev/full ]; then
  expect 1 'standard output' sh -c "'$partimento' play --bundle tiny.lv2 --bars 1 --json >/dev/full"
fi

# ---- automation files ----
expect_failure 'nosuch.automation: No such file' play --automate nosuch.automation
printf '1 temperature 1\n2 warmth 1\n' >bad.automation
expect_failure 'bad.automation:2: no control "warmth"' play --automate bad.automation
printf '1 style polka\n' >bad.automation
expect_failure 'bad.automation:1: style: "polka" is not' play --automate bad.automation
printf '1.5 temperature 1\n' >bad.automation
expect_failure 'bad.automation:1: beat 5: bar 1 has 4 beats' play --automate bad.automation
head -c 500 "$partimento" >bad.automation
expect_failure 'bad.automation: not a text file' play --automate bad.automation
expect_failure 'tiny.lv2: not a regular file' play --automate tiny.lv2

# ---- broken bundles ----
expect_failure 'nosuch.lv2: No such file' "$partimento" play --bundle nosuch.lv2
mkdir empty.lv2
expect_failure 'empty.lv2: not an LV2 bundle' "$partimento" play --bundle empty.lv2
cp -r tiny.lv2 foreign.lv2
expect_failure 'no plugin <urn:nosuch>; there is: <urn:' "$partimento" play --bundle foreign.lv2 --uri urn:nosuch
: >foreign.lv2/manifest.ttl
expect 1 'no plugin in this bundle' "$partimento" play --bundle foreign.lv2
cp -r tiny.lv2 garbage.lv2
head -c 400 "$partimento" >garbage.lv2/manifest.ttl
expect 1 'no plugin in this bundle' "$partimento" play --bundle garbage.lv2
cp -r tiny.lv2 hollow.lv2
rm hollow.lv2/partimento.so
expect 1 'does not start' "$partimento" play --bundle hollow.lv2
cp -r tiny.lv2 demanding.lv2
sed -i 's/lv2:requiredFeature urid:map/lv2:requiredFeature urid:map, <urn:nosuch>/' demanding.lv2/generator.ttl
expect_failure 'requires <urn:nosuch>' "$partimento" play --bundle demanding.lv2
cp -r tiny.lv2 cut.lv2
head -c 1000 tiny.safetensors >cut.lv2/partimento.safetensors
expect_failure 'partimento.safetensors: ' "$partimento" play --bundle cut.lv2

# ---- a plugin that sins: hanging notes and bad events are found ----
mkdir bad.lv2
${CC:-cc} -shared -fPIC $(pkg-config --cflags lv2) -o bad.lv2/bad.so "$root/tests/data/bad_plugin.c" || fail "cc"
cat >bad.lv2/manifest.ttl <<'END'
@prefix atom: <http://lv2plug.in/ns/ext/atom#> .
@prefix doap: <http://usefulinc.com/ns/doap#> .
@prefix lv2: <http://lv2plug.in/ns/lv2core#> .
@prefix rsz: <http://lv2plug.in/ns/ext/resize-port#> .
<urn:bad> a lv2:Plugin ; lv2:binary <bad.so> ; doap:name "Bad" ;
  lv2:requiredFeature <http://lv2plug.in/ns/ext/urid#map> ;
  lv2:port [ a lv2:OutputPort , atom:AtomPort ; lv2:index 0 ; lv2:symbol "out" ; lv2:name "Out" ;
      atom:bufferType atom:Sequence ; rsz:minimumSize 1024 ] ,
    [ a lv2:InputPort , lv2:ControlPort ; lv2:index 1 ; lv2:symbol "sin" ; lv2:name "Sin" ; lv2:default 0 ] .
END
expect 0 '' "$partimento" play --bundle bad.lv2 --bars 1 --json
[ "$(number notes)" = 1 ] || fail "the note was not counted"
expect_failure '1 notes hang' "$partimento" play --bundle bad.lv2 --bars 1 --set sin=1
expect_failure '1 output events' "$partimento" play --bundle bad.lv2 --bars 1 --set sin=2
expect_failure '1 output events' "$partimento" play --bundle bad.lv2 --bars 1 --set sin=3
expect_failure 'no property that takes a file' "$partimento" play --bundle bad.lv2 --model other.safetensors

# ---- the demo's own automation, with the shipped model's names or the ports' ----
sed 's/Quartet/0/; s/Ragtime/1/' "$root/docs/demo.automation" >demo.automation
expect 0 '' play --bars 32 --tempo 108 --automate demo.automation --json
[ "$(number hanging_notes)" = 0 ] || fail "the demo hangs"
echo "test_play: fine"
