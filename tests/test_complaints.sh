#!/usr/bin/env bash
# SPDX-License-Identifier: ISC
# docs/complaints.md: each number is there once, with a test that exists and is called, or with the reason why there is
# none.
set -u
table=docs/complaints.md
failures=0

fail() {
  echo "$table: $*" >&2
  failures=$((failures + 1))
}

# A function is called when its name stands in the file once more than where it is defined, or in a table of tests.
check_function() {
  local number=$1 file=$2 name=$3
  grep -qE "^static .*[ *]$name\(" "$file" || fail "$number: there is no $name in $file"
  [ "$(grep -cE "(^|[^a-z_0-9])$name\(|TEST\(${name#test_}\)" "$file")" -ge 2 ] || fail "$number: nobody calls $name in $file"
}

# @param tests the last cell: `file` `function`; `script`; ...
check_tests() {
  local number=$1 tests=$2 entry file name
  while IFS= read -r entry; do
    file=$(sed -nE 's/^ *`([^`]*)`.*/\1/p' <<<"$entry")
    name=$(sed -nE 's/^ *`[^`]*` `([^`]*)`.*/\1/p' <<<"$entry")
    if [ -z "$file" ] || [ ! -f "tests/$file" ]; then
      fail "$number: no such test: $entry"
    elif [ -n "$name" ]; then
      check_function "$number" "tests/$file" "$name"
    elif [ ! -x "tests/$file" ]; then
      fail "$number: $file is no script that can be run"
    fi
  done < <(tr ';' '\n' <<<"$tests")
}

for number in $(seq 21 52) $(seq 73 76); do
  row=$(grep -E "^\| $number \|" "$table")
  [ "$(grep -c . <<<"$row")" = 1 ] || { fail "$number is there $(grep -c . <<<"$row") times"; continue; }
  [[ $row == *https://github.com/* ]] || fail "$number says not who complained"
  tests=$(sed -E 's/^.*\| ([^|]*) \|$/\1/' <<<"$row")
  case $tests in
    "no test"*:*) ;;
    *) check_tests "$number" "$tests" ;;
  esac
done

# And the other way round: a test that has a complaint's number stands in its row.
for function in $(sed -nE 's/^static void (c[0-9]+_[a-z_0-9]+)\(.*/\1/p' tests/test_*.c); do
  number=${function#c} number=${number%%_*}
  grep -E "^\| $number \|" "$table" | grep -qF "\`$function\`" || fail "$function is not in row $number"
done

[ "$failures" -eq 0 ]
