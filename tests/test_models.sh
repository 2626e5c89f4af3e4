#!/bin/sh
# SPDX-License-Identifier: ISC
# make models: a run that is stopped goes on, one that is finished is left alone, the card has the command and the credits;
# and the options in models/ are such that `partimento train` takes them. With a tiny net and a handful of tunes.
set -u
. tests/support/expect.sh
build=$(cd "${BUILD:-build}" && pwd)
"$build/tests/test_tiny_model" "$scratch/tiny.safetensors" 1 >"$scratch/stdout" || fail "tiny model"
mkdir -p "$scratch/my corpora/tunes" "$scratch/options"
for seed in 1 2 3 4 5 6; do
  expect 0 '' "$partimento" generate "$scratch/tiny.safetensors" --bars 8 --seed $seed --out "$scratch/my corpora/tunes/$seed.mid"
done
echo '## Credits of nobody' >"$scratch/credits"
write_options() { # MORE
  cat >"$scratch/options/toy.options" <<END
# SPDX-License-Identifier: ISC
# file: partimento-toy
# credits: $scratch/credits
--style tunes=\$CORPORA/tunes
--layers 1 --d 16 --h 16 --batch 2 --length 16
--steps 20 --seed 1 --title 'A toy, of two words' $1
END
}
models() { tools/models.sh "$partimento" "$scratch/options" "$scratch/my corpora" "$scratch/out" "$@"; }
toy=$scratch/out/partimento-toy

write_options '--pause-after 8'
expect 130 'stopped at a checkpoint' models toy
[ -e "$toy.safetensors.checkpoint" ] && [ ! -e "$toy.md" ] || fail "no checkpoint, or a card"
grep -q '^toy: stopped; the same command goes on' "$scratch/stdout" || fail "does not say how to go on"
write_options ''
expect 0 '.' models toy
grep -q "^toy: goes on from .*partimento-toy.safetensors.checkpoint" "$scratch/stdout" || fail "does not go on"
[ -e "$toy.safetensors" ] && [ -e "$toy.svg" ] || fail "no model"
grep -q "partimento train --style '\{0,1\}tunes=$scratch/my corpora/tunes'\{0,1\} --layers 1 .*--title 'A toy, of two words'" "$toy.md" ||
  fail "the card has not the command"
[ "$(tail -n 1 "$toy.md")" = '## Credits of nobody' ] || fail "no credits"
cp -p "$toy.safetensors" "$scratch/first"
expect 0 '' models toy
grep -q '^toy: .*partimento-toy.safetensors is finished' "$scratch/stdout" || fail "does not say that it is finished"
cmp -s "$toy.safetensors" "$scratch/first" || fail "a finished model was touched"
rm "$toy".*
expect 0 '.' models toy
cmp -s "$toy.safetensors" "$scratch/first" || fail "the run in one go is another model than the run that was stopped"

expect 1 'no model "organ": there are toy' models toy organ
expect 1 'CORPORA=/nosuch: no such folder' tools/models.sh "$partimento" models /nosuch "$scratch/out" lstm
write_options '' && sed -i "s|$scratch/credits|$scratch/nobody|" "$scratch/options/toy.options"
expect 1 'names .*/nobody, which cannot be read' models toy

# The shipped ones: refused for their corpora, not for an option, and nothing in models/ is written.
mkdir "$scratch/empty"
before=$(ls -l models)
for file in models/*.options; do
  name=$(basename "$file" .options)
  if grep -q '^--from' "$file"; then
    [ -e "models/$name-first.options" ] || fail "$name goes on from what nobody makes"
    expect 2 "$name goes on from .*, which is not there: train $name-first before it" make -s BUILD="$build" MODELS="$name" \
      MODELS_OUT="$scratch/anew" CORPORA="$scratch/empty" models
    continue
  fi
  expect 2 "empty/[a-z]*: cannot open the folder" make -s BUILD="$build" MODELS="$name" MODELS_OUT="$scratch/anew" \
    CORPORA="$scratch/empty" models
  grep -q "^$name: about [0-9]* minutes in all\|^$name: Ctrl-C" "$scratch/stdout" || fail "$name: how long?"
done
[ "$before" = "$(ls -l models)" ] || fail "models/ was touched"
echo "test_models: fine"
