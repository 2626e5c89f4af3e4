#!/bin/sh
# SPDX-License-Identifier: ISC
# train --from as a user types it: a further style, what is said in the end, one clear line for each kind of wrong input.
set -u
. tests/support/expect.sh
. tests/support/tune.sh

mkdir "$scratch/old" "$scratch/tunes"
for n in 1 2 3 4 5 6; do
  tune "$scratch/old/tune$n.mid" $((50 + 3 * n))
  tune "$scratch/tunes/tune$n.mid" $((72 - 2 * n)) 100
done
old=$scratch/old.safetensors
out=$scratch/new.safetensors
small="--batch 2 --length 8 --threads 1"

expect 0 'That is little: from so few notes a model of its own' "$partimento" train --style "old=$scratch/old" --out "$old" \
  --steps 4 --layers 1 --h 16 --d 8 --min-p 0.04 $small
expect 1 'there is no style "ancient"' "$partimento" train --style "old=$scratch/old" --out "$scratch/none.safetensors" --steps 1 \
  --layers 1 --h 16 --d 8 --min-p ancient=0.04 $small
expect 2 '"much" is no number 0 to 0.5' "$partimento" train --style "old=$scratch/old" --out "$scratch/none.safetensors" --min-p old=much
expect 0 '' "$partimento" inspect "$old" --json
grep -q '"min_p": "0.04"' "$scratch/stdout" || fail "--min-p is not in the file"

# ---- a further style ----
expect 0 '1 style of the model is kept' "$partimento" train --from "$old" --style "mine=$scratch/tunes" --out "$out" --steps 4 \
  $small
for words in 'before the first step: valid nats/quarter old' '^mine: .* pieces, .* notes, .* minutes of music' \
  '^mine: of all runs of 12 notes' 'Kept of the model it began from: 1 style.' '^old: kept; '; do
  grep -q "$words" "$scratch/stderr" || fail "not said: $words"
done
grep -q '^## What it came to' "$scratch/new.md" || fail "card: no verdict"
grep -q '^| old | [0-9.]* | [0-9.]* |' "$scratch/new.md" || fail "card: no figures of what is kept"
grep -q 'from the model' "$scratch/new.md" || fail "card: not what it was made from"
[ ! -e "$out.untrained" ] || fail "the untrained file was left"
expect 0 '' "$partimento" inspect "$out"
grep -Eq '^ *min_p +0\.04$' "$scratch/stdout" || fail "--from loses what the model suggests: min-p"
expect 0 'of the model is kept' "$partimento" train --from "$old" --style "mine=$scratch/tunes" --out "$scratch/two.safetensors" --steps 2 \
  --min-p mine=0.2 $small
expect 0 '' "$partimento" inspect "$scratch/two.safetensors" --json
grep -q '"min_p": "0.04,0.2"' "$scratch/stdout" || fail "--min-p of one style changes another's"
expect 0 '' "$partimento" inspect "$out"
grep -q 'old' "$scratch/stdout" && grep -q 'mine' "$scratch/stdout" || fail "inspect does not name both styles"
expect 0 '' sh -c "\"$partimento\" generate \"$out\" --style mine --bars 2 --out \"$scratch/mine.mid\" >/dev/null"

# ---- the old one refined ----
expect 0 'OLD: 6 pieces' "$partimento" train --from="$old" --style "OLD=$scratch/tunes" --out "$out" --steps 4 $small
expect 0 '' "$partimento" inspect "$out"

# ---- wrong use ----
for size in '--arch gru' '--layers=2' '--d 16' '--without hints'; do
  expect_misuse 'takes architecture, sizes' "$partimento" train --from "$old" --style "mine=$scratch/tunes" --out "$out" $size
done
expect_misuse '--keep' "$partimento" train --from "$old" --style "mine=$scratch/tunes" --out "$out" --keep 1.5
expect_failure 'write another file' "$partimento" train --from "$old" --style "mine=$scratch/tunes" --out "$old"
expect_failure 'nowhere' "$partimento" train --from "$scratch/nowhere" --style "mine=$scratch/tunes" --out "$out"
expect 1 'trained, but not played.*heads' "$partimento" train --arch tf --d 512 --heads 2 --layers 1 --ff 8 --window 8 \
  --style "a=$scratch/tunes" --out "$scratch/wide.safetensors" --steps 1 $small
[ ! -e "$scratch/wide.safetensors" ] || fail "a model that cannot be played was written"
