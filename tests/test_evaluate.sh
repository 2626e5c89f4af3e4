#!/bin/sh
# SPDX-License-Identifier: ISC
# evaluate --generated as a user types it: what a random net plays is told from music, the same command says the same,
# and what cannot be measured is refused in one line.
set -u
. tests/support/expect.sh

# tune FILE KEY LIFT: sixteen bars of 4/4 of quarter notes, the middle moved by LIFT. A byte is an octal escape; times are
# in quarters of 1 tick.
octal() { printf '\\%03o' "$1"; }
tune() {
  body="\\000\\377\\130\\004\\004\\002\\030\\010"
  for bar in 0 0 $3 0 5 5 $3 0 0 2 $3 0 5 7 0 0; do
    for step in 0 4 7 4; do
      pitch=$(octal $(($2 + bar + step)))
      body="$body\\000\\220$pitch\\120\\001\\200$pitch\\000"
    done
  done
  body="$body\\000\\377\\057\\000"
  printf 'MThd\000\000\000\006\000\000\000\001\000\001MTrk\000\000%b%b' "$(octal $(((64 * 8 + 12) / 256)))$(octal $(((64 * 8 + 12) % 256)))" \
    "$body" >"$1"
}

mkdir "$scratch/alpha" "$scratch/few" "$scratch/pieces"
for n in 1 2 3 4 5 6 7 8; do
  tune "$scratch/alpha/tune$n.mid" $((50 + n)) $n
  echo "tune$n.mid" >>"$scratch/alpha/$([ $n -lt 4 ] && echo train || echo test).txt"
done
model=$scratch/random.safetensors
"${BUILD:-build}/tests/test_tiny_model" "$model" 3 || fail "no random model"

# ---- a random net ----
expect 0 '' "$partimento" evaluate --generated "$model" "$scratch/alpha" --bars 64
grep -q '^verdict alpha: [0-4] of 10 measures within twice the floor, LESS THAN two thirds; copying within' \
  "$scratch/stdout" || fail "a random net passes for music"
grep -q '^held out *5 test pieces, 10 excerpts' "$scratch/stdout" || fail "held out"
grep -q '^generated *2 pieces of 32 bars (4/4 x 2)' "$scratch/stdout" || fail "generated"
grep -q '^illegal tokens *mean [1-9].*e-01' "$scratch/stdout" || fail "a random net knows the grammar"
cp "$scratch/stdout" "$scratch/first"
expect 0 '' "$partimento" evaluate --generated "$model" "$scratch/alpha" --bars 64
cmp -s "$scratch/stdout" "$scratch/first" || fail "the same command said something else"

# ---- for programs; the pieces themselves ----
expect 0 '' "$partimento" evaluate --generated "$model" "$scratch/alpha" --bars 33 --seed 9 --json --save "$scratch/pieces" \
  --temperature 0.5 --min-p 0.2
for key in '"passed": false' '"measures_applied": 10' '"pieces": 2' '"excerpts": 8' '"temperature": 0.5' '"min_p": 0.2' '"seed": 9' \
  '"wasserstein_floor": ' '"ngrams_24": ' '"mean_slot": ' '"onset_overlap_lag_8": '; do
  grep -qF "$key" "$scratch/stdout" || fail "no $key"
done
[ "$(ls "$scratch/pieces")" = "000.mid
001.mid" ] || fail "pieces"
expect 0 '' "$partimento" inspect "$scratch/pieces/001.mid"

# ---- others' music: the training pieces are real, and copied ----
mkdir "$scratch/real"
cp "$scratch"/alpha/tune[123].mid "$scratch/real"
expect 0 '' "$partimento" evaluate --generated "$model" "$scratch/alpha" --instead "$scratch/real"
grep -q '^verdict alpha: 10 of 10 measures .* at least two thirds; copying ABOVE' "$scratch/stdout" ||
  fail "the training pieces pass for new music, or for none"
grep -q 'as in tune[123].mid$' "$scratch/stdout" || fail "whose notes these are is not said"

# ---- what cannot be ----
cp "$scratch/alpha/tune1.mid" "$scratch/alpha/tune5.mid" "$scratch/few"
echo tune5.mid >"$scratch/few/test.txt"
expect_failure 'few: 1 test pieces of 8 bars or more' "$partimento" evaluate --generated "$model" "$scratch/few" --style alpha
expect_failure '0 valid pieces' "$partimento" evaluate --generated "$model" "$scratch/alpha" --split valid
expect_misuse '--split is test or valid' "$partimento" evaluate --generated "$model" "$scratch/alpha" --split all
expect_misuse '--bars' "$partimento" evaluate --generated "$model" "$scratch/alpha" --bars 31
expect_failure 'nowhere' "$partimento" evaluate --generated "$model" "$scratch/alpha" --save "$scratch/nowhere"
if [ -w /dev/full ]; then
  expect 1 'standard output' sh -c "\"$partimento\" evaluate --generated \"$model\" \"$scratch/alpha\" >/dev/full"
fi
echo "test_evaluate: fine"
