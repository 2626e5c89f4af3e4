#!/usr/bin/env bash
# SPDX-License-Identifier: ISC
# What the audio thread can reach by name. Starting from every function that a header marks PMT_RT, the calls in the
# compiled objects are followed (static functions too) to the end: only functions of ours and the few of libc and libm
# listed here may come up, none of which allocates, locks or calls the system (of libfluidsynth this is what
# docs/instrument.md found). Calls through pointers are not seen: tests/test_rt.c and test_instrument_rt.c watch those at work.
set -u
build=${BUILD:-build}
pure=' memcpy memmove memset memcmp strlen strnlen strcmp
  floor floorf ceil ceilf round roundf rint rintf nearbyint nearbyintf lrint lrintf lround llround fmod fmodf trunc truncf
  fabs fabsf sqrt sqrtf ldexp ldexpf frexp frexpf fminf fmaxf powf sinf cosf sincosf
  fluid_synth_noteon fluid_synth_noteoff fluid_synth_cc fluid_synth_program_change fluid_synth_all_sounds_off
  fluid_synth_key_pressure fluid_synth_channel_pressure fluid_synth_pitch_bend
  fluid_synth_set_gen fluid_synth_write_float fluid_synth_get_active_voice_count
  __assert_fail __stack_chk_fail __cpu_model __cpu_indicator_init _GLOBAL_OFFSET_TABLE_ '
scratch=$(mktemp -d) || exit 1
trap 'rm -rf "$scratch"' EXIT

# Names declared with PMT_RT: the identifier before the argument list, in headers without comments and line breaks.
cat src/{base,nn,music,gen}/*.h plugin/*.h | sed 's://.*$::' | tr '\n' ' ' |
  sed 's:/\*[^*]*\*\+\([^/*][^*]*\*\+\)*/: :g' | tr ';{}' '\n' |
  sed -n 's/.*[ *]\(pmt_[a-z0-9_]*\)(.*) *PMT_RT *$/\1/p' | sort -u > "$scratch/rt"
printf '%s\n' pmt_plugin_run pmt_instrument_run >> "$scratch/rt"

# reach ROOTS OBJECT...: "function uses name" for each name that is neither ours nor pure
reach() {
  local roots=$1 object; shift
  for object in "$@"; do
    nm --defined-only "$object" | awk -v o="$object" 'NF == 3 {print "symbol", o, $2, $3}'
    objdump -dr --no-show-raw-insn "$object" | sed "s|^|code $object |"
  done | awk -v pure="$pure" -v roots="$roots" '
    function local_name(object, name) { return (object, name) in is_local ? object ":" name : name }
    function edge(name) {
      if (name !~ /^\./) { name = local_name($2, name); if (name != at && !((at, name) in has)) {
        has[at, name]; calls[at] = calls[at] " " name } } }
    BEGIN { while ((getline line < roots) > 0) root[line] }
    $1 == "symbol" { kind = tolower($3)
      if ($3 == kind) is_local[$2, $4]
      if (kind == "t") { code[local_name($2, $4)] } else data[local_name($2, $4)]
      next }
    NF == 4 && $4 ~ /^<.*>:$/ { name = substr($4, 2, length($4) - 3); from = name
      sub(/\.cold.*/, "", from); at = local_name($2, from); next } # the unlikely part of a function is the function
    /R_[A-Z0-9_]*(\t| )/ { name = $NF; sub(/[-+]0x[0-9a-f]+$/, "", name); edge(name); next }
    $NF ~ /^<.*>$/ { name = substr($NF, 2, length($NF) - 2); sub(/\+0x[0-9a-f]+$/, "", name); sub(/\.cold.*/, "", name)
      edge(name) }
    END {
      n = 0
      for (name in root) if (name in code) { queue[n++] = name; found[name] }
      for (i = 0; i < n; ++i) {
        m = split(calls[queue[i]], to, " ")
        for (j = 1; j <= m; ++j) {
          name = to[j]
          if (name in found || name in data) continue
          if (name in code) { found[name]; queue[n++] = name; continue }
          if (index(pure, " " name " ") == 0 && index(pure, " " name "\n") == 0) print queue[i] " uses " name
        }
      }
      print n " functions" > "/dev/stderr"
    }'
}
objects=("$build"/obj/src/{base,nn,music,gen}/*.o "$build"/obj/plugin/*.o)
found=$(reach "$scratch/rt" "${objects[@]}" 2> "$scratch/count")
[ -z "$found" ] || { echo "$found" >&2; exit 1; }
count=$(cut -d' ' -f1 "$scratch/count")
[ "${count:-0}" -ge 60 ] || { echo "test_nm_rt: followed only ${count:-0} functions" >&2; exit 1; }

# and it would see a malloc behind a static function in another file
cat > "$scratch/one.c" <<'C'
void pmt_two(void);
void pmt_one(void);
void pmt_one(void) { pmt_two(); }
C
cat > "$scratch/two.c" <<'C'
#include <stdlib.h>
void pmt_two(void);
static __attribute__((noinline)) void* hidden(int n) { return malloc((size_t)n); }
void pmt_two(void) { free(hidden(3)); }
C
for i in one two; do "${CC:-cc}" -O2 -fPIC -c -o "$scratch/$i.o" "$scratch/$i.c" || exit 1; done
echo pmt_one > "$scratch/root"
reach "$scratch/root" "$scratch/one.o" "$scratch/two.o" 2>/dev/null | grep -q 'uses malloc' ||
  { echo "test_nm_rt: does not see a malloc" >&2; exit 1; }
echo "test_nm_rt: $count functions in the audio thread's reach use nothing but each other and libc's pure part"
