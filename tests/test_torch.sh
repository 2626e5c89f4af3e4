#!/bin/sh
# SPDX-License-Identifier: ISC
# tools/torch: the same nets, the same files, the same data and figures as ours; a model made there plays here. Skipped
# where there is no PyTorch (Debian: python3-torch and python3-numpy).
set -u
python=
for candidate in /usr/bin/python3 python3; do
  if "$candidate" -c 'import numpy, torch' 2>/dev/null; then
    python=$candidate
    break
  fi
done
[ -n "$python" ] || { echo "test_torch: no python3 with torch and numpy (Debian: python3-torch python3-numpy)"; exit 77; }
. tests/support/expect.sh
. tests/support/tune.sh
export OMP_NUM_THREADS=1 PYTHONDONTWRITEBYTECODE=1
torch=tools/torch

# succeed COMMAND...: whatever it says on stderr.
succeed() { "$@" >"$scratch/stdout" 2>"$scratch/stderr" </dev/null || fail "exit status $?: $*"; }

# ---- every architecture gives the engine's logits ----
succeed "$python" $torch/check_logits.py "${BUILD:-build}/tests/net_logits"
worst=$(awk '$2 > worst[$1] + 0 { worst[$1] = $2 } END { for (net in worst) { print net, worst[net] } }' "$scratch/stdout" | sort)
[ "$(echo "$worst" | wc -l)" = 8 ] || fail "not every architecture was compared"
echo "test_torch: logits differ from the engine's by at most: $(echo "$worst" | tr '\n' ',')"

# ---- the same tokens, splits and facts ----
mkdir "$scratch/tunes"
for n in 1 2 3 4 5 6; do
  tune "$scratch/tunes/tune$n.mid" $((50 + 3 * n)) $((20 * n))
done
printf 'no music' >"$scratch/tunes/wrong.mid"
expect 0 'wrong.mid refused' "$partimento" tokens --style "tunes=$scratch/tunes"
cp "$scratch/stdout" "$scratch/music.tokens"
succeed "$python" $torch/check_data.py "$scratch/music.tokens"

# ---- train: twenty steps, then our own program reads, measures and plays it ----
# say KEY: the value of a key in inspect's output
say() { sed -n "s/^  $1  *//p" "$scratch/stdout"; }
train() { succeed "$python" $torch/train.py --data "$scratch/music.tokens" --seed 3 "$@"; }
shared="pitch_lo pitch_hi styles programs kits style_parts style_drums style_bpm density_octiles velocity drums ornaments
  format_version vocab parts part_names lag microtiming temperature min_p hints"
sizes="--d 16 --batch 2 --length 16"
expect 0 'chosen for' "$partimento" train --style "tunes=$scratch/tunes" --out "$scratch/ours.safetensors" --steps 1 \
  --layers 1 --h 8 --d 8 --batch 2 --length 8 --threads 1
succeed "$partimento" inspect "$scratch/ours.safetensors"
for key in $shared; do echo "$key $(say "$key")"; done >"$scratch/facts"
for arch in "lstm --h 24" "gru --h 24 --without near --without kinds" "tf --pos rel" "tf --pos sin"; do
  model=$scratch/theirs.safetensors
  train --arch $arch --layers 2 --heads 2 --window 24 $sizes --steps 20 --out "$model" --title 'A test' --license ISC
  grep -q '^step 20/20 .* nats/quarter' "$scratch/stderr" || fail "$arch: no report"
  grep -q '^# A test' "$scratch/theirs.md" || fail "$arch: no card"
  expect 0 '' "$partimento" inspect "$model"
  grep -q 'title  *A test' "$scratch/stdout" || fail "$arch: no title"
  for key in $shared; do echo "$key $(say "$key")"; done | cmp -s - "$scratch/facts" || fail "$arch: other facts than ours"
  theirs=$(say valid_nats_per_quarter)
  succeed "$partimento" evaluate "$model" "$scratch/tunes" --style tunes --split valid --no-ngram --json
  ours=$(sed -n 's/.*"nats_per_quarter": \([0-9.]*\).*/\1/p' "$scratch/stdout")
  awk "BEGIN { exit !(($theirs - $ours) ^ 2 < 0.001 ^ 2) }" || fail "$arch: $theirs nats a quarter there, $ours here"
  succeed "$partimento" generate "$model" --bars 2 --out "$scratch/music.mid"
  [ -s "$scratch/music.mid" ] || fail "$arch: no music"
done
succeed "$python" $torch/check_logits.py "${BUILD:-build}/tests/net_logits" "$scratch/theirs.safetensors"

# ---- what the net is told: the engine's listener, or nothing ----
train $sizes --h 8 --steps 1 --without hints --out "$scratch/deaf.safetensors"
succeed "$partimento" inspect "$scratch/deaf.safetensors"
[ -z "$(say hints)" ] || fail "--without hints: it says it is told $(say hints)"
expect_failure 'there are no such hints' "$python" $torch/train.py --data "$scratch/music.tokens" --without nose \
  --out "$scratch/x.safetensors"
expect_failure 'false -std=c11' env CC=false "$python" $torch/train.py --data "$scratch/music.tokens" \
  --out "$scratch/x.safetensors"

# ---- a run cut in two, in groups, or over two processes is the same run ----
same() { succeed "$python" $torch/check_same.py "$scratch/$1.safetensors" "$scratch/$2.safetensors" "$3"; }
small="--arch tf --pos rope2 --layers 2 --heads 2 --window 24 --d 16 --length 16 --steps 6 --every 3"
train $small --batch 4 --out "$scratch/whole.safetensors"
train $small --batch 4 --out "$scratch/cut.safetensors" --pause-after 4
grep -q 'paused' "$scratch/stderr" || fail "no pause"
train $small --batch 4 --out "$scratch/cut.safetensors" --resume --workers 1
same whole cut 0
expect 1 'is of another run' "$python" $torch/train.py --data "$scratch/music.tokens" $small --batch 2 --resume \
  --out "$scratch/cut.safetensors"
train $small --batch 4 --dropout 0 --out "$scratch/whole.safetensors"
train $small --batch 4 --dropout 0 --accumulate 2 --out "$scratch/groups.safetensors"
same whole groups 1e-4
if "$python" -c 'import sys, torch.distributed as d; sys.exit(not d.is_available())'; then
  port=$((20000 + $$ % 20000))
  for rank in 1 0; do
    MASTER_ADDR=127.0.0.1 MASTER_PORT=$port RANK=$rank WORLD_SIZE=2 "$python" $torch/train.py --seed 3 $small --dropout 0 \
      --data "$scratch/music.tokens" --batch 2 --out "$scratch/two.safetensors" >"$scratch/rank$rank" 2>&1 &
    jobs="${jobs-} $!"
  done
  for job in $jobs; do
    wait "$job" || fail "two processes: $(cat "$scratch/rank0" "$scratch/rank1")"
  done
  same whole two 1e-4
fi

# ---- from a model, and wrong use ----
train --from "$scratch/whole.safetensors" --steps 2 --batch 2 --length 16 --out "$scratch/more.safetensors"
grep -q '^tf 2 x 16, heads 2, ff 64, window 24, rope2' "$scratch/stderr" || fail "--from is another net"
expect_failure 'no data of the format' "$python" $torch/train.py --data "$scratch/ours.md" --out "$scratch/x.safetensors"
expect_failure 'no multiple' "$python" $torch/train.py --data "$scratch/music.tokens" --batch 3 --accumulate 2 \
  --out "$scratch/x.safetensors"
succeed "$python" $torch/train.py --style "tunes=$scratch/tunes" --partimento "$partimento" --steps 1 --h 8 $sizes \
  --out "$scratch/x.safetensors"
echo "test_torch: models made in PyTorch play; runs cut, grouped and spread over processes are one run"
