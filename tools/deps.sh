#!/bin/sh
# SPDX-License-Identifier: ISC
# Install the Debian packages named as arguments that are not there yet. Asks nothing.
set -eu

missing=
for package in "$@"; do
  case "$(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null || true)" in
    installed) ;;
    *) missing="$missing $package" ;;
  esac
done
[ -n "$missing" ] || exit 0

if ! command -v apt-get >/dev/null 2>&1; then
  echo "deps: this is no Debian: please install what these packages hold:$missing" >&2
  exit 1
fi
if [ "$(id -u)" = 0 ]; then
  as_root=
elif command -v sudo >/dev/null 2>&1; then
  as_root=sudo
else
  echo "deps: not root and no sudo: please run as root: apt-get install$missing" >&2
  exit 1
fi

echo "deps: installing$missing"
$as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq update
# shellcheck disable=SC2086 # one word a package
$as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends $missing >/dev/null || {
  echo "deps: apt-get could not install$missing" >&2
  exit 1
}
