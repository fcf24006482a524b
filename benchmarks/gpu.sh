#!/usr/bin/env bash
# All that only a machine with a CUDA device can say, in one run: build, the tests marked `cuda`, compute-sanitizer on small cases,
# figures. No network. It goes on after a failure and fails at the end, so that one run tells as much as it can.
#
#   benchmarks/gpu.sh               PYTHON=... for another interpreter; its results go to benchmarks/results/
set -euo pipefail
cd "$(dirname "$0")/.."
PYTHON="${PYTHON:-python3}"
site="$PWD/build/gpu/site"
logs="$PWD/build/gpu/logs"

missing() { echo "gpu.sh: $1" >&2; exit 1; }

command -v "$PYTHON" > /dev/null || missing "there is no $PYTHON; set PYTHON"
command -v nvidia-smi > /dev/null || missing "there is no nvidia-smi: is this a machine with a CUDA device?"
nvidia-smi -L || missing "nvidia-smi sees no device"
nvcc="${CUDACXX:-$(command -v nvcc || true)}"
if [ -z "$nvcc" ] && [ -x /usr/local/cuda/bin/nvcc ]; then nvcc=/usr/local/cuda/bin/nvcc; fi
[ -n "$nvcc" ] || missing "there is no nvcc; put it on PATH or set CUDACXX"
export CUDACXX="$nvcc"
absent="$("$PYTHON" -c 'import sys; from importlib.util import find_spec; print(*(m for m in sys.argv[1:] if find_spec(m) is None))' \
  pip numpy scipy typer rich pytest hypothesis mpmath sklearn pybind11 scikit_build_core)"
[ -z "$absent" ] || missing "$PYTHON has no $absent; this script installs nothing from the network"
sanitizer="$(command -v compute-sanitizer || true)"
if [ -z "$sanitizer" ] && [ -x "$(dirname "$nvcc")/compute-sanitizer" ]; then sanitizer="$(dirname "$nvcc")/compute-sanitizer"; fi

rm -rf "$site" "$logs"
mkdir -p "$site" "$logs" benchmarks/results
failures=""

# step NAME LIMIT COMMAND...: its output goes to a log, whose end is shown. All of them together end within eight minutes.
step() {
  local name="$1" limit="$2" start status=0
  shift 2
  start=$(date +%s)
  if [ "$limit" -gt $((470 - SECONDS)) ]; then limit=$((470 - SECONDS)); fi
  if [ "$limit" -lt 1 ]; then echo "== $name: no time was left"; failures="$failures $name"; return 0; fi
  timeout -k 10 "$limit" "$@" > "$logs/$name.log" 2>&1 || status=$?
  tail -n 12 "$logs/$name.log"
  if [ "$status" -eq 124 ]; then echo "$name: stopped after $limit s"; fi
  echo "== $name: status $status, $(($(date +%s) - start)) s, all of it in $logs/$name.log"
  if [ "$status" -ne 0 ]; then failures="$failures $name"; fi
  return 0
}

# For this device alone, which takes a third of the time.
capability="$(nvidia-smi --query-gpu=compute_cap --format=csv,noheader -i 0 2> /dev/null | tr -d '. ' || true)"
if [ -z "${CUDAARCHS:-}" ] && [[ "$capability" =~ ^[0-9]+$ ]]; then
  case "$capability" in 90) export CUDAARCHS=90a-real ;; *) export CUDAARCHS="$capability-real" ;; esac
fi
step build 240 env SKBUILD_CMAKE_DEFINE="PARZEN_CUDA=ON" SKBUILD_BUILD_DIR="$PWD/build/gpu/objects" \
  "$PYTHON" -m pip install --no-index --no-build-isolation --no-deps --upgrade --target "$site" .
[ -z "$failures" ] || missing "the build failed; see $logs/build.log"

export PYTHONPATH="$site:$PWD/tests"
export PYTHONDONTWRITEBYTECODE=1
pytest=("$PYTHON" -m pytest -v -p no:cacheprovider)
step device 30 "$PYTHON" -c 'from parzen import _core; info = _core.cuda_info(); print(info); _core.cuda_free_bytes(0)'
[ -z "$failures" ] || missing "nvidia-smi sees a device and parzen does not; see $logs/device.log"
step tests 180 "${pytest[@]}" -m cuda tests/test_cuda.py
device=$(nvidia-smi --query-gpu=name --format=csv,noheader -i 0 | tr -cs 'A-Za-z0-9\n' '-' | sed 's/-*$//')
step figures 150 "$PYTHON" benchmarks/gpu.py --json "benchmarks/results/gpu-$(date -u +%F)-$device.json"
cat "$logs/figures.log"
step torch 60 "${pytest[@]}" -m cuda tests/test_device_cuda.py
step doctor 60 "$PYTHON" -m parzen doctor
if [ -n "$sanitizer" ]; then
  small='test_kernel_sum and gaussian and full or test_kernel_quadratic and cubic or test_log_density or test_nearest or test_ball_counts or test_moments'
  step memcheck 60 env PARZEN_CUDA_SMALL=1 "$sanitizer" --tool memcheck --error-exitcode 9 "${pytest[@]}" tests/test_cuda.py -k "$small"
  step racecheck 40 env PARZEN_CUDA_SMALL=1 "$sanitizer" --tool racecheck --error-exitcode 9 "${pytest[@]}" tests/test_cuda.py \
    -k "($small) and (129 or 40 or 33)"
else
  echo "== compute-sanitizer: not found beside $nvcc or on PATH; skipped"
  failures="$failures sanitizer-missing"
fi

if [ -n "$failures" ]; then
  echo "gpu.sh: failed:$failures"
  exit 1
fi
echo "gpu.sh: all passed; results are in benchmarks/results/"
