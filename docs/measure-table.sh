#!/bin/sh
# SPDX-License-Identifier: ISC
# Print the tables of docs/measures.md for a model: what it plays beside held-out music (`evaluate --generated`).
#   docs/measure-table.sh MODEL CORPORA [STYLE...]             test pieces, at the model's own settings
#   docs/measure-table.sh --settings "1/0.05 0.9/0" MODEL CORPORA [STYLE...]
#                                                              valid pieces, a line for each temperature/min-p
# Styles: those of the model that have a folder in CORPORA. BUILD: where the command is (build). BARS: of each style
# (512). SEED: of the first piece (1). KEEP: a folder for the JSON files; what is there is not measured again.
# shellcheck disable=SC2016 # $ in awk
set -eu
settings=
if [ "${1:-}" = --settings ]; then
  settings=$2
  shift 2
fi
[ $# -ge 2 ] || { sed -n '3,8s|^# ||p' "$0" >&2; exit 2; }
model=$1 corpora=$2
shift 2
partimento=${BUILD:-build}/partimento
if [ $# = 0 ]; then
  for style in $("$partimento" inspect "$model" --json | sed -n 's/^ *"styles": "\(.*\)",*$/\1/p' | tr , ' '); do
    [ ! -d "$corpora/$style" ] || set -- "$@" "$style"
  done
fi
[ $# -gt 0 ] || { echo "measure-table.sh: no style of $model has a folder in $corpora" >&2; exit 1; }
folder=${KEEP:-}
if [ -z "$folder" ]; then
  folder=$(mktemp -d "${TMPDIR:-/tmp}/measure-table.XXXXXX")
  trap 'rm -rf "$folder"' EXIT
  trap 'exit 130' INT TERM
fi
mkdir -p "$folder"

# measure NAME STYLE OPTION...: one JSON file, complete or not there.
measure() {
  file=$folder/$1-$2.json style=$2
  shift 2
  [ -s "$file" ] && return
  "$partimento" evaluate --generated "$model" "$corpora/$style" --bars "${BARS:-512}" --seed "${SEED:-1}" "$@" --json \
    >"$file.part"
  mv "$file.part" "$file"
}

# The files are printed with one key a line, indented by two for each level: value[style, "section.key.what"].
reader='
  FNR == 1 {
    style = FILENAME; sub(/.*-/, "", style); sub(/\.json$/, "", style)
    styles[++n] = style
  }
  /^ *"/ {
    depth = match($0, /"/) / 2
    key = $0; sub(/^ *"/, "", key); sub(/".*/, "", key)
    path[int(depth)] = key
    text = $0; sub(/^[^:]*: /, "", text); sub(/,$/, "", text)
    at = path[1]
    for (i = 2; i <= int(depth); ++i) { at = at "." path[i] }
    value[style, at] = text
  }
  function titles(what,  i) {
    printf "| %s |", what
    for (i = 1; i <= n; ++i) { printf " %s |", styles[i] }
    printf "\n|---|"
    for (i = 1; i <= n; ++i) { printf "---|" }
    printf "\n"
  }
  # Distances in floors. Where all halves of the real music are the same, whatever differs is beyond measure: 99, shown
  # as infinite.
  function apart(s, m) { return floors(value[s, m ".wasserstein"] + 0, value[s, m ".wasserstein_floor"] + 0) }
  function unlike(s, m) { return floors(1 - value[s, m ".overlap"], 1 - value[s, m ".overlap_floor"]) }
  function floors(d, floor) { return floor > 1e-9 ? (d < 99 * floor ? d / floor : 99) : d > 1e-9 ? 99 : 0 }
  function shown(d) { return d >= 99 ? "∞" : sprintf("%.1f", d) }
  function applies(s, m) { return value[s, m ".applies"] == "true" }
  function judged(s, m) { return applies(s, m) && value[s, m ".judged"] == "true" }
  BEGIN {
    m = split("notes_per_quarter empty_beats mean_duration mean_polyphony off_sixteenths pitch_class_entropy " \
              "scale_consistency onset_overlap bar_repeated bar_recalled onset_overlap_lag_2 onset_overlap_lag_4 " \
              "onset_overlap_lag_8", measure, " ")
    split("notes a quarter;empty beats;mean duration;mean polyphony;onsets off the 16ths;pitch-class entropy;" \
          "scale consistency;onset overlap, lag 1;bar equals the last;bar equals one of 8;lag 2;lag 4;lag 8", title, ";")
    for (i = 1; i <= m; ++i) { measure[i] = "measures." measure[i] }
  }'

tables=$reader'
  function row(what, k,  i, s, cell, bold) {
    printf "| %s |", title[k]
    for (i = 1; i <= n; ++i) {
      s = styles[i]
      cell = !applies(s, measure[k]) ? "–" : what == "far" ? far(s, measure[k]) : means(s, measure[k])
      bold = what == "far" && applies(s, measure[k]) && value[s, measure[k] ".within"] == "false"
      printf(bold ? " **%s** |" : " %s |", cell)
    }
    printf "\n"
  }
  function far(s, m) { return shown(apart(s, m)) " / " shown(unlike(s, m)) }
  function means(s, m) { return short(value[s, m ".generated_mean"] + 0) " / " short(value[s, m ".held_out_mean"] + 0) }
  function short(x) { return sprintf(x < 10 && x > -10 ? "%.2f" : "%.1f", x) }
  function copied(name, key,  i, c, cell) {
    printf "| %s |", name
    for (i = 1; i <= n; ++i) {
      c = "copying." key "."
      cell = sprintf("%.2f / %.2f (< %.2f)", 100 * value[styles[i], c "generated"],
                     100 * value[styles[i], c "held_out"], 100 * value[styles[i], c "bound"])
      printf(value[styles[i], c "within"] == "false" ? " **%s** |" : " %s |", cell)
    }
    printf "\n"
  }
  function line(name, format, key, other, scale,  i) {
    printf "| %s |", name
    for (i = 1; i <= n; ++i) { printf " " format " |", scale * value[styles[i], key], value[styles[i], other] }
    printf "\n"
  }
  END {
    print "Distance in floors, W1 / (1 - OA); bold = farther than two:\n"
    titles("")
    for (k = 1; k <= m; ++k) { row("far", k) }
    line("within", "%d of %d", "measures_within", "measures_applied", 1)
    print "\nMeans, generated / held out:\n"
    titles("")
    for (k = 1; k <= m; ++k) { row("mean", k) }
    print "\nCopying, % generated / held out (bound; bold = above), and illegal tokens:\n"
    titles("")
    copied("8 notes", "ngrams_8"); copied("12 notes", "ngrams_12"); copied("16 notes", "ngrams_16")
    copied("24 notes", "ngrams_24"); copied("stretches with > 24", "flagged")
    line("longest run, notes", "%d / %d", "copying.longest", "copying.longest_held_out", 1)
    line("illegal, mean", "%.2f %%", "illegal.mean", "", 100)
    line("illegal, most", "%.0f %%", "illegal.max", "", 100)
  }'

# One setting: measures within, and the one that is farthest; then the sum, and the geometric mean of all distances W1,
# where nearer than the floor is no merit and farther than ten of them no matter.
setting=$reader'
  END {
    printf "| %s |", name
    for (i = 1; i <= n; ++i) {
      s = styles[i]
      most = 0
      for (k = 1; k <= m; ++k) {
        if (!judged(s, measure[k])) { continue }
        d = apart(s, measure[k]); if (unlike(s, measure[k]) > d) { d = unlike(s, measure[k]) }
        if (d > most) { most = d; worst = title[k] }
        d = apart(s, measure[k])
        logs += log(d < 1 ? 1 : d > 10 ? 10 : d); ++counted
      }
      printf " %d of %d; %s %s |", value[s, "measures_within"], value[s, "measures_applied"], worst, shown(most)
      within += value[s, "measures_within"]; of += value[s, "measures_applied"]
    }
    printf " %d of %d | %.2f |\n", within, of, exp(logs / counted)
  }'

files() {
  name=$1
  shift
  for style; do printf '%s\n' "$folder/$name-$style.json"; done
}

if [ -z "$settings" ]; then
  for style; do measure own "$style"; done
  # shellcheck disable=SC2046 # no spaces in names of styles
  awk "$tables" $(files own "$@")
  exit
fi
printf '| temperature, min-p |'
printf ' %s |' "$@" all 'mean W1'
printf '\n|---|'
for style in "$@" all mean; do printf -- '---|'; done
printf '\n'
for pair in $settings; do
  name=$(echo "$pair" | tr / -)
  for style; do measure "$name" "$style" --split valid --temperature "${pair%/*}" --min-p "${pair#*/}"; done
  # shellcheck disable=SC2046
  awk -v name="$(echo "$pair" | sed 's|/|, |')" "$setting" $(files "$name" "$@")
done
