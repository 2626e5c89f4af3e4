#!/usr/bin/env bash
# SPDX-License-Identifier: ISC
# Two JACK servers whose clients come and go at the same time: none takes another's socket, so host tests can run side by
# side. (Without `alone`, each lane loses one look in twelve.)
set -u
if [ -z "${second_lane:-}" ]; then
  second_lane=yes "$0" &
  other=$!
fi
. tests/hosts/hosts.sh
start_jack
# TIMES COMMAND...
often() {
  local i n=$1
  shift
  for ((i = 0; i < n; ++i)); do
    "$@" || return
  done
}
check "a hundred looks at the ports" often 100 alone jack_lsp
check "fifteen times the driver" often 15 jackdrive -i "$drive_name:in" -d 0.1 -s 0:midi=903c40,0.05:midi=803c40
[ -z "${other:-}" ] || check "and on the other server" wait "$other"
verdict
