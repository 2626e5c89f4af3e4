#!/bin/sh
# SPDX-License-Identifier: ISC
# partimento generate: files that follow their options, seeds, starts from a file, and one clear line for each fault.
set -u
. tests/support/expect.sh
build=$(cd "${BUILD:-build}" && pwd)
cd "$scratch" || exit 1
"$build/tests/test_tiny_model" tiny.safetensors 1 || exit 1
generate() { "$partimento" generate "$@"; }
# figure NAME: from what generate printed.
figure() { sed -n "s/^$1  *//p" stdout; }

# ---- options are obeyed ----
expect 0 '' generate tiny.safetensors --bars 12 --out plain.mid
[ "$(figure slots)" = 96 ] && [ "$(figure tempo)" = 120 ] && [ "$(figure 'late slots')" = 0 ] || fail "figures"
[ "$(figure notes)" -gt 5 ] || fail "too few notes"
expect 0 '' generate tiny.safetensors --bars 12 --out again.mid
cmp -s plain.mid again.mid || fail "not the same twice"
for option in '--seed 3' '--style beta' '--style2 beta --blend 0.5' '--density 0.8' '--temperature 0.3' '--min-p 0.4' \
  '--scale "C major" --strictness 1' '--register 40-50' '--velocity 0.5' '--prime plain.mid'; do
  eval "expect 0 '' generate tiny.safetensors --bars 12 --tempo 120 $option --out other.mid"
  if cmp -s plain.mid other.mid; then fail "$option changes nothing"; fi
done
expect 0 '' generate tiny.safetensors --style beta
[ "$(figure tempo)" = 90 ] || fail "not the style's own tempo"
for meter in 3/4 6/8 7/8 7/16 5/4; do
  expect 0 '' generate tiny.safetensors --bars 5 --meter $meter --tempo 97.3 --out meter.mid
  expect 0 '' "$partimento" inspect meter.mid
  grep -q "^meter  *$meter" stdout || fail "$meter is not in the file"
  grep -q '^tempo  *97.3' stdout || fail "97.3 is not in the file"
done
expect 0 '' generate tiny.safetensors --scale 'Eb dorian' --strictness 1 --register 60-72 --bars 8 --out scale.mid
expect 0 '' "$partimento" inspect --tokens scale.mid
grep -Eo 'P[0-9]:[A-G][#b]?-?[0-9]' stdout | sed 's/P[0-9]://' | sort -u >pitches
if grep -Evqx '(Eb4|F4|F#4|Ab4|Bb4|C4|C5)|(C#[45])' pitches; then fail "outside the scale or register: $(cat pitches)"; fi

# ---- pictures ----
expect 0 '' generate tiny.safetensors --bars 2 --picture roll.png
[ "$(head -c 4 roll.png | tail -c 3)" = PNG ] || fail "no PNG"
expect 0 '' generate tiny.safetensors --bars 2 --picture roll.svg
grep -q '<svg' roll.svg || fail "no SVG"
expect_failure 'roll.gif' generate tiny.safetensors --bars 2 --picture roll.gif

# ---- faults ----
expect_misuse 'no style "gamma"; the model has alpha, beta' generate tiny.safetensors --style gamma
expect_misuse 'no style "x"; the model has' generate tiny.safetensors --style2 x
for scale in 'H minor' 'C' 'C#' 'major' 'C majorx' 'C  major' '' 'Cmajor'; do
  expect_misuse 'is not a root and a scale' generate tiny.safetensors --scale "$scale"
done
for range in 60 60- 70-60 0-128 x '1-2-3'; do
  expect_misuse 'is not a range of pitches' generate tiny.safetensors --register "$range"
done
expect_misuse 'temperature' generate tiny.safetensors --temperature 3
expect_misuse 'temperature' generate tiny.safetensors --temperature nan
expect_misuse '.' generate
expect_misuse '.' generate tiny.safetensors tiny.safetensors
expect_failure 'nowhere.safetensors: ' generate nowhere.safetensors
head -c 2000 tiny.safetensors >cut.safetensors
expect_failure 'cut.safetensors: ' generate cut.safetensors
expect_failure 'plain.mid: ' generate plain.mid
expect_failure 'nowhere/x.mid: ' generate tiny.safetensors --out nowhere/x.mid
expect_failure 'nowhere.mid: ' generate tiny.safetensors --prime nowhere.mid
expect_failure 'tiny.safetensors: ' generate tiny.safetensors --prime tiny.safetensors
if [ -w /dev/full ]; then
  expect 1 'standard output' sh -c "'$partimento' generate tiny.safetensors --bars 1 >/dev/full"
fi
exit 0
