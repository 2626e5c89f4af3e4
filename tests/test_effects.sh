#!/usr/bin/env bash
# SPDX-License-Identifier: ISC
# clang's own proof of PMT_RT, where there is a clang of version 20 or newer (skipped otherwise): no function marked so
# calls one that is not, through pointers neither. libfluidsynth marks nothing, so synth.c, which calls it, is left to
# test_nm_rt.sh and to the tests that watch it run; render.c is no audio thread, and allocates where the plugin may not.
set -u
for compiler in clang-{30..20} clang; do
  version=$($compiler -dumpversion 2>/dev/null) && [ "${version%%.*}" -ge 20 ] && break
  compiler=
done
[ -n "${compiler:-}" ] || { echo "test_effects: no clang 20 or newer" >&2; exit 77; }
scratch=$(mktemp -d) || exit 1
trap 'rm -rf "$scratch"' EXIT
case $(uname -m) in
  x86_64) flags='-mavx2 -mavx512f' ;;
  *) flags= ;;
esac
check() {
  "$compiler" -std=c11 -fsyntax-only -Isrc -Iplugin -D_GNU_SOURCE $flags $(pkg-config --cflags lv2) -Wno-everything \
    -Wfunction-effects -Werror "$1"
}

cat > "$scratch/bad.c" <<'EOF'
#include "base/attributes.h"
#include <stdlib.h>
void pmt_bad_free(void* p) PMT_RT;
void pmt_bad_free(void* p) { free(p); }
EOF
check "$scratch/bad.c" 2>/dev/null && { echo "test_effects: the compiler does not see a free()" >&2; exit 1; }
status=0 count=0
for file in src/{nn,music,gen}/*.c plugin/*.c; do
  case $file in
    *_setup.c | src/gen/render.c | plugin/synth.c) continue ;;
  esac
  check "$file" || status=1
  count=$((count + 1))
done
[ $status = 0 ] && echo "test_effects: $compiler finds nothing in $count files"
exit $status
