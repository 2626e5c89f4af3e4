#!/bin/sh
# SPDX-License-Identifier: ISC
# The command's manners: exit statuses, what goes where, --help of every subcommand, numbers and meters.
set -u
. tests/support/expect.sh

# ---- no subcommand ----
expect 2 '^Usage: partimento COMMAND' "$partimento"
[ ! -s "$scratch/stdout" ] || fail "usage on stdout"
expect 0 '' "$partimento" --help
for command in train benchmark evaluate generate play inspect tokens; do
  grep -q "^  $command " "$scratch/stdout" || fail "--help does not name $command"
done
expect 0 '' "$partimento" --version
grep -Eqx 'partimento [0-9]+\.[0-9]+\.[0-9]+' "$scratch/stdout" || fail "version"
[ "$(head -n 1 "$scratch/stdout")" = "partimento $(cat VERSION)" ] || fail "version differs from VERSION"
expect 0 '' "$partimento" help
expect_misuse 'no such command: "sing"' "$partimento" sing
expect_misuse 'no such command: "sing"' "$partimento" help sing
expect_misuse 'unknown option "--sing"' "$partimento" --sing

# ---- every subcommand ----
for command in train benchmark evaluate generate play inspect tokens; do
  expect 0 '' "$partimento" $command --help
  cp "$scratch/stdout" "$scratch/help"
  head -n 1 "$scratch/help" | grep -q "^Usage: partimento $command " || fail "$command: no usage line"
  grep -q '^      --help ' "$scratch/help" || fail "$command: --help is not in --help"
  expect 0 '' "$partimento" help $command
  cmp -s "$scratch/stdout" "$scratch/help" || fail "help $command differs from $command --help"
  expect_misuse "unrecognized option '--nosuch'" "$partimento" $command --nosuch
  if [ -w /dev/full ]; then
    expect 1 '' sh -c "\"$partimento\" $command --help >/dev/full"
  fi
  # What --help shows is what is parsed: an option with an argument demands one.
  sed -n 's/^      --\([a-z0-9-]*\)=.*/\1/p' "$scratch/help" | while read -r option; do
    "$partimento" $command "--$option" </dev/null >/dev/null 2>"$scratch/option"
    [ $? = 2 ] && grep -q "'--$option' requires an argument" "$scratch/option" || exit 1
  done || fail "$command: an option of --help is not parsed"
  if ! awk "length > 110 { exit 1 }" "$scratch/help"; then fail "$command: --help is wider than 110 columns"; fi
done

# ---- where to write is asked before the work, not after it ----
expect 1 '/nonexistent/x.safetensors: cannot write there' "$partimento" train --style "x=$scratch" --out /nonexistent/x.safetensors
if [ -w /dev/full ]; then
  expect 1 '' sh -c "\"$partimento\" --version >/dev/full"
fi

# ---- values ----
for bars in x 0 -1 1.5 99999999999999999999 1e3 0x10 ' 1' 1x ''; do
  expect_misuse '^partimento play: --bars: ' "$partimento" play "--bars=$bars"
done
for tempo in x 0 -5 nan inf 1e9 0x10 '' 12,5; do
  expect_misuse '^partimento play: --tempo: ' "$partimento" play "--tempo=$tempo"
done
for meter in 4 4/ /4 4/3 0/4 4/0 4/4/4 4/128 x 100/4 -3/4 +3/4 ' 3/4' 3/-4; do
  expect_misuse 'is not a meter such as 4/4' "$partimento" play "--meter=$meter"
done
for block in 0 -1 x 1e9 Random; do
  expect_misuse '^partimento play: --block: ' "$partimento" play "--block=$block"
done
for loop in 0-4 4-3 x 1- -4 1-2-3 1--2 ' 1-2' 1-+2 1-999999; do
  expect_misuse 'is not a range of bars' "$partimento" play "--loop=$loop"
done
for locate in 5 5: :5 0:3 3:0 5:x 5-3 -1:2 1:-2; do
  expect_misuse 'is not a jump' "$partimento" play "--locate=$locate"
done
for set in temperature temperature= =1; do
  expect_misuse 'is not SYMBOL=VALUE' "$partimento" play "--set=$set"
done
expect_misuse 'neither every nor change' "$partimento" play --positions=sometimes
expect_misuse 'unexpected operand "song.mid"' "$partimento" play song.mid
expect_misuse 'missing operand' "$partimento" inspect
expect_misuse 'unexpected operand "b"' "$partimento" inspect a b

# ---- GNU habits: prefixes, options after operands, -- ----
expect_misuse '^partimento play: --bars: ' "$partimento" play --ba x
expect_failure '^partimento inspect: nosuch.mid: ' "$partimento" inspect nosuch.mid --json
expect_failure '^partimento inspect: --json: ' "$partimento" inspect -- --json
echo "test_cli: fine"
