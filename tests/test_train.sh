#!/bin/sh
# SPDX-License-Identifier: ISC
# train and evaluate as a user types them: files, exit statuses, one clear line for each kind of wrong input.
set -u
. tests/support/expect.sh
. tests/support/tune.sh

mkdir "$scratch/tunes" "$scratch/void" "$scratch/broken"
for n in 1 2 3 4 5 6; do
  tune "$scratch/tunes/tune$n.mid" $((50 + 3 * n))
done
printf 'no music' >"$scratch/tunes/wrong.mid"
printf 'no music' >"$scratch/broken/wrong.mid"

small="--layers 2 --h 16 --d 8 --batch 2 --length 8 --threads 1"
out=$scratch/model.safetensors

# ---- a whole run ----
expect 0 'tunes: wrong.mid refused: ' "$partimento" train --style "tunes=$scratch/tunes" --out "$out" --steps 4 $small \
  --title 'A test' --license ISC
[ ! -s "$scratch/stdout" ] || fail "train prints on stdout"
grep -q 'OpenBLAS core' "$scratch/stderr" || fail "no core type"
grep -q '^tunes: 6 pieces .* 1 refused' "$scratch/stderr" || fail "no count of pieces"
for file in model.safetensors model.md model.svg model.safetensors.checkpoint; do
  [ -s "$scratch/$file" ] || fail "no $file"
done
grep -q '^# A test' "$scratch/model.md" || fail "card: title"
grep -q 'partimento train --style' "$scratch/model.md" || fail "card: command"
grep -Eq '^peak resident memory [1-9][0-9]* MiB$' "$scratch/stderr" || fail "no peak memory"
grep -Eq '^- peak resident memory [1-9][0-9]* MiB$' "$scratch/model.md" || fail "card: no peak memory"
grep -q '<svg' "$scratch/model.svg" || fail "curve"
expect 0 '' "$partimento" inspect "$out"
grep -q 'tunes' "$scratch/stdout" || fail "inspect does not name the style"
cp "$out" "$scratch/first.safetensors"
expect 0 '' sh -c "\"$partimento\" train --style \"tunes=$scratch/tunes\" --out \"$out\" --steps 4 $small \
  --title 'A test' --license ISC 2>/dev/null"
cmp -s "$out" "$scratch/first.safetensors" || fail "the same command made another model"

# ---- in 16 bits: the figures are those of the smaller file ----
expect 0 '' sh -c "\"$partimento\" train --style \"tunes=$scratch/tunes\" --out \"$scratch/half.safetensors\" --steps 4 $small \
  --half 2>\"$scratch/half.log\""
[ "$(wc -c <"$scratch/half.safetensors")" -lt $(($(wc -c <"$out") * 2 / 3)) ] || fail "--half is not smaller"
said=$(sed -n 's/^tunes: .*test \([0-9.]*\) .*/\1/p' "$scratch/half.log")
expect 0 'refused' "$partimento" evaluate "$scratch/half.safetensors" "$scratch/tunes" --split test --json
found=$(sed -n 's/.*"nats_per_quarter": \([0-9.]*\).*/\1/p' "$scratch/stdout")
[ -n "$said" ] && [ "$said" = "$(printf '%.3f' "$found")" ] || fail "trained to $said, evaluated $found"

# ---- other architectures; what is chosen is said ----
for arch in "gru --h 16" "rnn --h 16" "tf --heads 2 --ff 16 --window 12 --pos rel"; do
  expect 0 'chosen for' sh -c "\"$partimento\" train --style \"tunes=$scratch/tunes\" --out \"$scratch/other.safetensors\" \
    --steps 2 --layers 1 --d 8 --threads 1 --batch 2 --length 8 --arch $arch"
  expect 0 'wrong.mid refused' "$partimento" evaluate "$scratch/other.safetensors" "$scratch/tunes"
done

# ---- what was not computed is said in words ----
mkdir "$scratch/lone"
cp "$scratch/tunes/tune1.mid" "$scratch/lone"
expect 0 '^lone: nats/quarter valid not computed' "$partimento" train --style "lone=$scratch/lone" \
  --out "$scratch/lone.safetensors" --steps 2 $small
! grep -Eqi '(^|[^a-z])-?nan([^a-z]|$)' "$scratch/stderr" "$scratch/lone.md" || fail "nan is printed"

# ---- evaluate ----
expect 0 'wrong.mid refused' "$partimento" evaluate "$out" "$scratch/tunes" --json
for key in pieces tokens quarters nats_per_token nats_per_quarter nats_per_quarter_key_given ngram_nats_per_quarter \
  ngram_training refused; do
  grep -q "^  \"$key\": " "$scratch/stdout" || fail "no $key"
done
grep -q '"pieces": 6' "$scratch/stdout" || fail "pieces"
rm "$scratch/tunes/wrong.mid"
expect 0 '' "$partimento" evaluate "$out" "$scratch/tunes" --style TUNES --baseline "$scratch/tunes" --threads 1
grep -q '^6-gram ' "$scratch/stdout" || fail "no table"
mkdir "$scratch/one"
cp "$scratch/tunes/tune1.mid" "$scratch/one"
expect 0 '' "$partimento" evaluate "$out" "$scratch/one" --json
grep -q '"ngram_nats_per_quarter": null' "$scratch/stdout" || fail "a 6-gram of nothing"
expect_misuse 'split' "$partimento" evaluate "$out" "$scratch/one" --split some
expect_misuse 'missing operand' "$partimento" evaluate "$out"
expect_failure 'no style "nosuch".*tunes' "$partimento" evaluate "$out" "$scratch/one" --style nosuch
expect_failure 'void: no MIDI file' "$partimento" evaluate "$out" "$scratch/void"
expect_failure 'nowhere' "$partimento" evaluate "$out" "$scratch/nowhere"
expect_failure 'nowhere' "$partimento" evaluate "$scratch/nowhere" "$scratch/tunes"
expect_failure 'tune1.mid' "$partimento" evaluate "$scratch/tunes/tune1.mid" "$scratch/tunes"
head -c 5000 "$out" >"$scratch/short.safetensors"
expect_failure 'short.safetensors' "$partimento" evaluate "$scratch/short.safetensors" "$scratch/tunes"
if [ -w /dev/full ]; then
  expect 1 'standard output' sh -c "\"$partimento\" evaluate \"$out\" \"$scratch/one\" >/dev/full"
fi

# ---- a benchmark ----
for split in train valid test; do
  printf '60,64,67 - 62 60,64,67\n55,59 62 55,59 - 60\n' >"$scratch/bl_jsb_$split.txt"
done
expect 0 'OpenBLAS core' "$partimento" benchmark jsb-frames "$scratch" --threads 1 --steps 2 --evaluations 1 \
  --layers 1 --d 16 --heads 2 --batch 2 --length 16 --window 16 --test
grep -Eq '^peak resident memory +[1-9][0-9]* MiB$' "$scratch/stdout" || fail "benchmark: no peak memory"
grep -Eq '^test +[0-9.]+ nats/frame$' "$scratch/stdout" || fail "benchmark: no figure"

# ---- wrong use of train ----
expect_misuse 'no --style' "$partimento" train --out "$out"
expect_misuse 'no --out' "$partimento" train --style "a=$scratch/tunes"
for style in a =b a= 'a,b=c' ''; do
  expect_misuse '--style' "$partimento" train --out "$out" --style "$style"
done
expect_misuse 'twice' "$partimento" train --out "$out" --style "a=$scratch/tunes" --style "A=$scratch/tunes"
expect_misuse '--layers' "$partimento" train --out "$out" --style "a=$scratch/tunes" --layers 99
expect_misuse '--arch' "$partimento" train --out "$out" --style "a=$scratch/tunes" --arch mlp
expect_misuse '--pos' "$partimento" train --out "$out" --style "a=$scratch/tunes" --arch tf --pos xy
expect 1 'heads' "$partimento" train --out "$out" --style "a=$scratch/tunes" --arch tf --d 10 --heads 3
expect_misuse 'UTF-8' "$partimento" train --out "$out" --style "a=$scratch/tunes" --title "$(printf '\377')"
expect_failure 'void: no MIDI file' "$partimento" train --out "$out" --style "a=$scratch/void"
expect 1 'broken: none of the 1 MIDI files is usable' "$partimento" train --out "$out" --style "a=$scratch/broken"
expect_failure 'nowhere' "$partimento" train --out "$scratch/nowhere/x.safetensors" --style "a=$scratch/tunes"
expect 1 'another run' "$partimento" train --resume --out "$out" --style "a=$scratch/tunes" --steps 4 $small

# ---- stopped by a signal, resumed ----
"$partimento" train --style "tunes=$scratch/tunes" --out "$scratch/long.safetensors" --minutes 5 $small \
  >"$scratch/stdout" 2>"$scratch/stderr" &
pid=$!
sleep 2
kill -TERM $pid
wait $pid || fail "stopped: exit status $?"
grep -q 'resume goes on' "$scratch/stderr" || fail "no word of --resume"
expect 0 '' sh -c "\"$partimento\" train --style \"tunes=$scratch/tunes\" --out \"$out\" --resume --pause-after=4 \
  --checkpoint \"$out.checkpoint\" --steps 4 $small --title 'A test' --license ISC 2>/dev/null"
cmp -s "$out" "$scratch/first.safetensors" || fail "a resumed run names another command, or made another model"
[ -s "$scratch/long.safetensors.checkpoint" ] || fail "no checkpoint"
expect 0 'resume goes on' "$partimento" train --style "tunes=$scratch/tunes" --out "$scratch/long.safetensors" --minutes 5 \
  $small --resume --pause-after 1
