#!/bin/sh
# SPDX-License-Identifier: ISC
# Draw docs/excerpts/*.png: what a model plays beside held-out pieces, eight excerpts of eight bars a style.
#   docs/excerpts/pictures.sh MODEL CORPORA [STYLE...]       from the repository root; needs ImageMagick to make them small
set -eu
model=$1 corpora=$2
shift 2
[ $# -gt 0 ] || set -- quartet lied piano ragtime drums game songbook
for style; do
  picture=docs/excerpts/$style.png
  "${BUILD:-build}/partimento" evaluate --generated "$model" "$corpora/$style" --bars 256 --picture "$picture" | tail -n 1
  convert "$picture" -resize 900x +dither -colors 16 -strip -define png:compression-level=9 "PNG8:$picture"
done
