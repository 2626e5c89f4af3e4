#!/bin/sh
# SPDX-License-Identifier: ISC
# evaluate --generated and --jam as a user types them: what a random net plays is told from music, the same command says
# the same, and what cannot be measured is refused in one line.
set -u
. tests/support/expect.sh

# tune FILE KEY LIFT [BELOW]: sixteen bars of 4/4 of quarter notes, the middle moved by LIFT; with a second voice BELOW it.
# A byte is an octal escape; times are in quarters of 1 tick.
octal() { printf '\\%03o' "$1"; }
tune() {
  body="\\000\\377\\130\\004\\004\\002\\030\\010"
  for bar in 0 0 $3 0 5 5 $3 0 0 2 $3 0 5 7 0 0; do
    for step in 0 4 7 4; do
      pitch=$(octal $(($2 + bar + step)))
      on='' off=''
      if [ $# -gt 3 ]; then
        lower=$(octal $(($2 + bar + step - $4)))
        on="\\000\\221$lower\\120" off="\\000\\201$lower\\000"
      fi
      body="$body\\000\\220$pitch\\120$on\\001\\200$pitch\\000$off"
    done
  done
  body="$body\\000\\377\\057\\000"
  size=$((64 * ($# > 3 ? 16 : 8) + 12))
  printf 'MThd\000\000\000\006\000\000\000\001\000\001MTrk\000\000%b%b' "$(octal $((size / 256)))$(octal $((size % 256)))" \
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

# ---- in company: two voices in fifths all along, 63 steps in 16 bars ----
mkdir "$scratch/duo" "$scratch/together"
tune "$scratch/duo/one.mid" 60 1 7
tune "$scratch/duo/two.mid" 63 2 7
printf 'one.mid\ntwo.mid\n' >"$scratch/duo/test.txt"
expect 0 '' "$partimento" evaluate --jam "$model" "$scratch/duo" --style alpha
grep -q '^player *melody of 2 test pieces, 32 bars, .* 0 pieces without company' "$scratch/stdout" || fail "company"
grep -q '^engine *mode accompany' "$scratch/stdout" || fail "no mode"
grep -q 'the model was not taught to listen$' "$scratch/stdout" || fail "the random net listens"
grep -Eq '^parallel fifths a bar +[0-9.]+ +3\.9375 +[0-9.]+ +[0-9.]+$' "$scratch/stdout" || fail "fifths"
grep -Eq '^parallel octaves a bar +[0-9.]+ +0\.0000 ' "$scratch/stdout" || fail "octaves"
grep -Eq '^notes a quarter +[0-9.]+ +1\.0000 ' "$scratch/stdout" || fail "notes a quarter"
grep -Eq '^begun above you +[0-9.]+ +0\.0000 ' "$scratch/stdout" || fail "above"
cp "$scratch/stdout" "$scratch/first"
expect 0 '' "$partimento" evaluate --jam "$model" "$scratch/duo" --style alpha
cmp -s "$scratch/stdout" "$scratch/first" || fail "the same command said something else"

expect 0 '' "$partimento" evaluate --jam "$model" "$scratch/duo" --style alpha --mode harmonise --you-play bass --wait 20 \
  --pieces 1 --seed 7 --json --save "$scratch/together"
for key in '"mode": "harmonise"' '"you_play": "bass"' '"wait_ms": 20.0' '"pieces": 1' '"bars": 16' '"seed": 7' \
  '"listens": false' '"strong_beat_chord_tones": ' '"another_player_moved": ' '"value": null' '"counted": 63.0'; do
  grep -qF "$key" "$scratch/stdout" || fail "no $key"
done
[ "$(ls "$scratch/together")" = "000.mid" ] || fail "pieces in company"
expect 0 '' "$partimento" inspect "$scratch/together/000.mid"
grep -q '64 notes' "$scratch/stdout" || fail "the player is not in the file"

expect_failure 'no piece in its test split has melody and company' "$partimento" evaluate --jam "$model" "$scratch/alpha"
expect_failure 'no piece in its valid split' "$partimento" evaluate --jam "$model" "$scratch/duo" --style alpha --split valid
expect_failure 'nowhere' "$partimento" evaluate --jam "$model" "$scratch/duo" --style alpha --save "$scratch/nowhere"
expect_misuse '--jam: --split is test or valid' "$partimento" evaluate --jam "$model" "$scratch/duo" --split train
expect_misuse 'none of accompany, harmonise, generate' "$partimento" evaluate --jam "$model" "$scratch/duo" --mode answer
expect_misuse 'none of melody, chords' "$partimento" evaluate --jam "$model" "$scratch/duo" --you-play other
expect_misuse '--wait' "$partimento" evaluate --jam "$model" "$scratch/duo" --wait 61
expect_misuse 'several measurements' "$partimento" evaluate --jam --listening "$model" "$scratch/duo"

# ---- whether it listens ----
expect_failure 'was not taught to listen' "$partimento" evaluate --listening "$model" "$scratch/duo" --style alpha \
  --you-play bass
expect 0 '' "$partimento" evaluate --listening "$model" "$scratch/duo" --style alpha --threads 1
grep -q 'was not taught to listen: the part is told as tokens$' "$scratch/stdout" || fail "what a deaf model is told"
grep -qE '^  silence +-$' "$scratch/stdout" || fail "a deaf model hears silence"
grep -qE '^  the part is worth +-?[0-9.]+ %$' "$scratch/stdout" || fail "what it is worth to be told"
mkdir "$scratch/ears"
for i in 1 2 3 4 5 6; do
  for file in "$scratch"/duo/*.mid; do cp "$file" "$scratch/ears/$i-$(basename "$file")"; done
done
"$partimento" train --style "duo=$scratch/ears" --out "$scratch/ear.safetensors" --steps 1000 --layers 1 --d 16 --h 16 \
  --batch 2 --length 16 --threads 1 >"$scratch/stdout" 2>"$scratch/stderr" || fail "no model that listens"
expect 0 '' "$partimento" evaluate --listening "$scratch/ear.safetensors" "$scratch/duo" --split all --threads 1
grep -qE '^  the part is worth +-?[0-9.]+ % +-?[0-9.]+ % +-?[0-9.]+ %$' "$scratch/stdout" ||
  fail "does not say what listening is worth"
# The second voice is a fifth below whatever the first plays, and two seconds of training find that out. Told, the first
# voice's own notes cannot come: that makes what does come cheaper where nothing is heard, too.
awk '$1 == "nothing" { before = $2; told = $4 } $1 == "another" { wrong = $5 } $3 == "itself" { right = $6 }
  END { exit !(told < before && right < 0.9 * told && right < 0.9 * wrong) }' "$scratch/stdout" || fail "told in vain"
expect 0 '' "$partimento" evaluate --listening "$scratch/ear.safetensors" "$scratch/duo" --split all --threads 1 --json
grep -qF '"told": {' "$scratch/stdout" || fail "told is not for programs"
expect 0 '' "$partimento" evaluate --listening "$scratch/ear.safetensors" "$scratch/duo" --split all --threads 1 --you-play bass --json
! grep -qF '"told": {' "$scratch/stdout" || fail "a bass is told"
for key in '"you_play": "bass"' '"before": {' '"with": {' '"silence": ' '"wrong": ' '"true": '; do
  grep -qF "$key" "$scratch/stdout" || fail "no $key"
done
expect_failure 'no piece' "$partimento" evaluate --listening "$scratch/ear.safetensors" "$scratch/alpha" --style duo --split all

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
