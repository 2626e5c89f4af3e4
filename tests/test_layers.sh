#!/usr/bin/env bash
# SPDX-License-Identifier: ISC
# Who may include whom: base <- {nn, music} <- gen <- plugin, tools; measure knows base and music; train and measure only
# by tools, tests and bench; no LV2 in src;
# nothing of the trainer, of BLAS or of another thread's tools in the plugin's object.
set -u
build=${BUILD:-build}
status=0
complain() { echo "test_layers: $*" >&2; status=1; }

# allow FOLDER ALLOWED...: each quoted include of FOLDER's files begins with one of ALLOWED or lies beside the file.
allow() {
  local folder=$1; shift
  local allowed; allowed=$(IFS='|'; echo "$*")
  local f include
  for f in "$folder"/*.[ch]; do
    [ -e "$f" ] || continue
    while read -r include; do
      case $include in *..*) complain "$f includes \"$include\": rooted paths only" ;; esac
      [ "$folder/$include" = tools/ports.h ] && continue # the plugin's port list, which knows no LV2 either
      [[ $include =~ ^($allowed)/ ]] || [ -e "$folder/$include" ] || complain "$f includes \"$include\""
    done < <(sed -n 's/^ *# *include *"\([^"]*\)".*/\1/p' "$f")
  done
}
allow src/base base
allow src/nn base nn
allow src/music base music
allow src/gen base nn music gen
allow src/measure base music measure
allow src/train base nn music gen measure train
allow plugin base nn music gen
allow tools base nn music gen train measure

grep -rnE '#[[:space:]]*include[[:space:]]*[<"]lv2|LV2_' src && complain "src knows LV2"
grep -lE '#[[:space:]]*include[[:space:]]*<(cblas|lilv)' -r src/base src/nn src/music src/gen plugin &&
  complain "BLAS or lilv outside train and tools"

grep -lE '#[[:space:]]*include[[:space:]]*<fluidsynth' -r src plugin tools | grep -vx 'plugin/synth.h' &&
  complain "libfluidsynth outside plugin/synth.h"

# check_object NAME LIBRARIES: what an object of the bundle exports, holds and needs
check_object() {
  local object=$build/partimento.lv2/$1
  [ -e "$object" ] || { complain "$object is missing"; exit 1; }
  exported=$(nm -D --defined-only "$object" | awk '{print $3}' | grep -vE '^(__asan|__ubsan|__odr|_init$|_fini$)')
  [ "$exported" = lv2_descriptor ] || complain "$1 exports $exported"
  nm "$object" 2>/dev/null | grep -E ' [Tt] pmt_(lstm|params|adam|ngram|train|corpus|point|recurrent|measure|copies|company)_' &&
    complain "the trainer is in $1"
  readelf -d "$object" | grep -i 'NEEDED' | grep -vE "libc\.so|ld-linux|libgcc_s|$2" && complain "$1 needs more than libc and $2"
}
check_object partimento.so 'libm\.so|libjansson\.so'
check_object partimento-instrument.so 'libm\.so|libjansson\.so|libfluidsynth\.so'
[ $status = 0 ] && echo "test_layers: every include points the right way; each plugin exports $exported"
exit $status
