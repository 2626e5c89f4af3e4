# SPDX-License-Identifier: ISC
# For shell tests that need music: source it.

# A byte as an escape of printf's.
octal() { printf '\\%03o' "$1"; }

# tune FILE PITCH [VELOCITY]: four bars of quarter notes, one part; each second note has that velocity (80). Times are in
# quarters of 1 tick.
tune() {
  body="\\000\\377\\130\\004\\004\\002\\030\\010"
  loud=$(octal "${3:-80}")
  soft=$(octal 80)
  for step in 0 4 7 12 7 4 0 2 4 5 7 5 4 2 0 0; do
    pitch=$(octal $(($2 + step)))
    body="$body\\000\\220$pitch$soft\\001\\200$pitch\\000"
    swap=$soft soft=$loud loud=$swap
  done
  body="$body\\000\\377\\057\\000"
  printf 'MThd\000\000\000\006\000\000\000\001\000\001MTrk\000\000\000%b%b' "$(octal 140)" "$body" >"$1"
}
