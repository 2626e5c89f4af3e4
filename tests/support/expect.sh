# SPDX-License-Identifier: ISC
# For the shell tests of the command: source it. Sets up $partimento, a scratch folder $scratch, and expect.

partimento=$(cd "${BUILD:-build}" && pwd)/partimento
[ -x "$partimento" ] || { echo "no $partimento" >&2; exit 1; }
scratch=$(mktemp -d "${TMPDIR:-/tmp}/pmt-test.XXXXXX") || exit 1
trap 'rm -rf "$scratch"' EXIT

fail() {
  echo "$0: $*" >&2
  echo "--- stdout"; head -c 2000 "$scratch/stdout"
  echo "--- stderr"; head -c 2000 "$scratch/stderr"
  exit 1
}

# expect STATUS STDERR_PATTERN COMMAND...: the exit status, and a grep -E pattern found on stderr ("" = stderr is empty).
# Leaves $scratch/stdout and $scratch/stderr.
expect() {
  expect_status=$1 expect_pattern=$2
  shift 2
  "$@" >"$scratch/stdout" 2>"$scratch/stderr" </dev/null
  expect_got=$?
  [ "$expect_got" = "$expect_status" ] || fail "exit status $expect_got, not $expect_status: $*"
  if [ -z "$expect_pattern" ]; then
    [ ! -s "$scratch/stderr" ] || fail "stderr is not empty: $*"
  else
    grep -Eq -- "$expect_pattern" "$scratch/stderr" || fail "stderr lacks \"$expect_pattern\": $*"
  fi
}

# expect_misuse PATTERN COMMAND...: status 2, one line that matches, and the hint.
expect_misuse() {
  misuse_pattern=$1
  shift
  expect 2 "$misuse_pattern" "$@"
  grep -q "^Try 'partimento" "$scratch/stderr" || fail "no hint: $*"
  [ "$(wc -l <"$scratch/stderr")" = 2 ] || fail "not two lines: $*"
  [ ! -s "$scratch/stdout" ] || fail "wrong use prints on stdout: $*"
}

# expect_failure PATTERN COMMAND...: status 1 and exactly one line that matches.
expect_failure() {
  failure_pattern=$1
  shift
  expect 1 "$failure_pattern" "$@"
  [ "$(wc -l <"$scratch/stderr")" = 1 ] || fail "not one line: $*"
}
