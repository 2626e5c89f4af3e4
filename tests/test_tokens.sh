#!/bin/sh
# SPDX-License-Identifier: ISC
# partimento tokens: a line of facts, a line a piece, the splits of the trainer; one clear line when it cannot.
set -u
. tests/support/expect.sh
. tests/support/tune.sh

mkdir "$scratch/tunes" "$scratch/split"
for n in 1 2 3 4 5 6; do
  tune "$scratch/tunes/tune$n.mid" $((50 + 3 * n)) $((20 * n))
done
printf 'no music' >"$scratch/tunes/wrong.mid"
cp "$scratch/tunes/tune1.mid" "$scratch/tunes/tune2.mid" "$scratch/split"
cp "$scratch/tunes/tune3.mid" "$scratch/split/$(printf 'caf\351').mid" # a name that is not UTF-8
echo tune1.mid >"$scratch/split/valid.txt"
echo tune2.mid >"$scratch/split/test.txt"

expect 0 '^tunes: wrong.mid refused: ' "$partimento" tokens --style "tunes=$scratch/tunes" --style "split=$scratch/split"
[ "$(wc -l <"$scratch/stdout")" = 10 ] || fail "not a line of facts and nine pieces"
head -n 1 "$scratch/stdout" | grep -q '^{"format":"partimento tokens 1",.*"name":"slot-v1","size":256,"bos":1,"end":2,' ||
  fail "facts"
head -n 1 "$scratch/stdout" | grep -q '"velocity":true,.*"name":"tunes",.*"refused":1,.*"name":"split",' || fail "styles"
sed -n 2p "$scratch/stdout" | grep -q '^{"style":0,"name":"tune1.mid",.*"tokens":\[1,4,.*,2\],"slots":\[\[1,0,0,8,' ||
  fail "a piece"
grep -q '^{"style":1,"name":"tune1.mid","split":"valid",' "$scratch/stdout" || fail "valid.txt"
grep -q '^{"style":1,"name":"tune2.mid","split":"test",' "$scratch/stdout" || fail "test.txt"
grep -q '^{"style":1,"name":"","split":"train",' "$scratch/stdout" || fail "a name that is not UTF-8"

# ---- it says what inspect says ----
"$partimento" inspect --json "$scratch/tunes/tune1.mid" | sed -n 's/^  "tokens": \([0-9]*\).*/\1/p' >"$scratch/count"
sed -n '2s/.*"tokens":\[\([0-9,]*\)\].*/\1/p' "$scratch/stdout" | tr ',' '\n' | wc -l | cmp -s - "$scratch/count" ||
  fail "not as many tokens as inspect counts"

expect_failure 'cannot open the folder' "$partimento" tokens --style "x=$scratch/nowhere"
expect_misuse 'no --style' "$partimento" tokens
expect_misuse 'is not NAME=DIR' "$partimento" tokens --style x
expect_misuse 'given twice' "$partimento" tokens --style "x=$scratch/tunes" --style "X=$scratch/tunes"
if [ -w /dev/full ]; then
  expect 1 'standard output: ' sh -c "\"$partimento\" tokens --style \"x=$scratch/split\" >/dev/full"
fi
echo "test_tokens: fine"
