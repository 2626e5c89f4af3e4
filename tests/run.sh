#!/usr/bin/env bash
# SPDX-License-Identifier: ISC
# Runs test programs and scripts in two lanes, each with a time limit; shows a test's output only when it fails.
#
#   tests/run.sh BUILD_DIR test...
#
# One line a test; the last line alone is "N passed, M failed" or "N passed, M failed, K skipped". Exit 1 when any
# failed. A test exits 0 (passed), 77 (skipped) or anything else. Scripts get BUILD in the environment; everything runs
# from the repository root with TMPDIR set to a fresh folder that is removed afterwards.
# PMT_TEST_TIMEOUT: seconds for one test (600). PMT_TEST_LANES: how many at once (2).
set -u
[ $# -ge 2 ] || { echo "usage: tests/run.sh BUILD_DIR test..." >&2; exit 2; }
build=$1
shift
cd "$(dirname "$0")/.." || exit 2

limit=${PMT_TEST_TIMEOUT:-600}
lanes=${PMT_TEST_LANES:-2}
scratch=$(mktemp -d "${TMPDIR:-/tmp}/pmt-run.XXXXXX") || exit 2
trap 'rm -rf "$scratch"' EXIT
trap 'exit 130' INT TERM
export BUILD=$build

# run_one INDEX TEST: leaves INDEX.out and INDEX.result, "STATUS SECONDS" written last and at once.
run_one() {
  local index=$1 test=$2 program=$2 status start seconds
  mkdir "$scratch/$index.tmp"
  case $program in
    */*) ;;
    *) program=./$program ;;
  esac
  start=$(date +%s%N)
  TMPDIR=$scratch/$index.tmp timeout -k 10 "$limit" "$program" >"$scratch/$index.out" 2>&1 </dev/null
  status=$?
  seconds=$(( ($(date +%s%N) - start) / 10000000 ))
  [ "$status" = 124 ] && echo "$test: no end after $limit s" >>"$scratch/$index.out"
  rm -rf "$scratch/$index.tmp"
  printf '%d %d.%02d\n' "$status" $((seconds / 100)) $((seconds % 100)) >"$scratch/$index.part"
  mv "$scratch/$index.part" "$scratch/$index.result"
}

passed=0 failed=0 skipped=0

# report INDEX TEST: one line, and the output of a failure.
report() {
  local status seconds word
  read -r status seconds <"$scratch/$1.result"
  case $status in
    0) word=ok; passed=$((passed + 1)) ;;
    77) word=skip; skipped=$((skipped + 1)) ;;
    *) word=FAIL; failed=$((failed + 1)) ;;
  esac
  printf '%-4s %8s s  %s\n' "$word" "$seconds" "$2"
  case $word in
    skip) sed 's/^/     /' "$scratch/$1.out" | tail -n 1 ;;
    FAIL)
      echo "     exit status $status; output:"
      tail -n 60 "$scratch/$1.out" | sed 's/^/     /'
      ;;
  esac
}

tests=("$@")
reported=0
for ((i = 0; i < ${#tests[@]}; ++i)); do
  while [ "$(jobs -pr | wc -l)" -ge "$lanes" ]; do
    wait -n
  done
  run_one "$i" "${tests[i]}" &
  while [ "$reported" -lt "$i" ] && [ -e "$scratch/$reported.result" ]; do
    report "$reported" "${tests[reported]}"
    reported=$((reported + 1))
  done
done
wait
for ((; reported < ${#tests[@]}; ++reported)); do
  report "$reported" "${tests[reported]}"
done

summary="$passed passed, $failed failed"
[ "$skipped" -gt 0 ] && summary="$summary, $skipped skipped"
echo "$summary"
[ "$failed" -eq 0 ]
