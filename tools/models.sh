#!/bin/sh
# SPDX-License-Identifier: ISC
# Trains shipped models anew, by the very command lines of their cards. `make models` calls it.
#
#   tools/models.sh PARTIMENTO OPTIONS_FOLDER CORPORA OUT_FOLDER NAME...
#
# OPTIONS_FOLDER/NAME.options has the options of `partimento train`, quoted as for a shell, with $CORPORA for the folder of
# the corpora and $OUT for OUT_FOLDER; lines that begin with # are comments, but "# file: X" says what the model is called and "# credits: X" names
# a text that ends its card. OUT_FOLDER gets X.safetensors, X.md and X.svg. A model whose card is there is finished and left
# alone; a run that was stopped goes on from its checkpoint. So the same command again is always right.
set -eu
usage() { sed -n '4,9s/^# \{0,1\}//p' "$0" >&2; exit 2; }
[ $# -ge 5 ] || usage
program=$1 options=$2 CORPORA=$3 out=$4
OUT=$out # both stand in options
shift 4

# said NAME WORD: what the comment "# WORD: ..." says.
said() { sed -n "s/^# $2: *//p" "$options/$1.options" | head -n 1; }
complain() { echo "make models: $*" >&2; exit 1; }

for name; do
  [ -r "$options/$name.options" ] ||
    complain "no model \"$name\": there are $(cd "$options" && echo *.options | sed 's/\.options//g')"
  [ -n "$(said "$name" file)" ] || complain "$options/$name.options has no line \"# file: ...\""
  credits=$(said "$name" credits)
  [ -z "$credits" ] || [ -r "$credits" ] || complain "$options/$name.options names $credits, which cannot be read"
done
[ -d "$CORPORA" ] || complain "CORPORA=$CORPORA: no such folder"
mkdir -p "$out"

# train NAME FILE: one run, to its end or to where it is stopped. The command line has no more in it than the card shall show.
train() {
  name=$1 model=$out/$2.safetensors resume=
  words=$(grep -v '^#' "$options/$name.options" | tr '\n' ' ')
  minutes=$(echo " $words" | sed -n 's/.* --minutes[ =]\([0-9.]*\).*/\1/p')
  if [ -e "$model.checkpoint" ]; then
    resume=--resume
    echo "$name: goes on from $model.checkpoint (to begin anew, remove it)"
  fi
  echo "$name: ${minutes:+about $minutes minutes in all; }Ctrl-C stops it, the same command goes on"
  set -f
  old_ifs=$IFS IFS=
  eval "set -- $words" # its quotes count, blanks and stars in CORPORA do not
  IFS=$old_ifs
  set +f
  "$program" train "$@" --out "$model" ${resume:+"$resume"}
}

for name; do
  file=$(said "$name" file) credits=$(said "$name" credits)
  if [ -e "$out/$file.md" ]; then
    echo "$name: $out/$file.safetensors is finished (to train it anew, remove $out/$file.*)"
    continue
  fi
  from=$(sed -n 's/^--from \$OUT\/\([^ ]*\)\.safetensors.*/\1/p' "$options/$name.options")
  [ -z "$from" ] || [ -e "$out/$from.safetensors" ] ||
    complain "$name goes on from $out/$from.safetensors, which is not there: train $name-first before it"
  train "$name" "$file"
  [ -e "$out/$file.md" ] || { echo "$name: stopped; the same command goes on"; exit 130; }
  if [ -n "$credits" ]; then
    { echo; cat "$credits"; } >>"$out/$file.md"
  fi
  echo "$name: $out/$file.safetensors, its card $out/$file.md"
done
