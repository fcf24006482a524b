# The commands that a person types are the commands that CI runs. Each makes what it needs and can be the first in a clean clone.
PYTHON ?= python3
# Which torch to install: "torch>=2.4" is the registry's default build. See README.md for CPU-only and CUDA builds.
TORCH ?= torch>=2.4
# The benchmarks' peers need torchvision too, of the same build as torch.
BENCH_TORCH ?= torch>=2.4 torchvision

VENV := .venv
BENCH_VENV := .venv-bench
SANITIZE_VENV := .venv-sanitize
# How long each of the two fuzzers goes on.
FUZZ_SECONDS ?= 600
BUILD_TOOLS := "scikit-build-core>=0.11" "pybind11>=3.0" "cmake>=3.26" ninja
SOURCES := pyproject.toml CMakeLists.txt $(shell find cmake csrc python -type f -not -name '*.pyc')
CXX_FILES := $(shell find csrc tests/native benchmarks -name '*.h' -o -name '*.cpp' -o -name '*.cu')

.PHONY: demo test cuda bench parity speed sanitize fuzz lint format package clean

demo: $(VENV)/installed
	$(VENV)/bin/parzen demo --out demo

test: $(VENV)/installed
	$(VENV)/bin/python -m pytest -q

# libparzen_cuda.so for every architecture, warnings being errors, and what ptxas says of each kernel: no spills, no local memory.
# Needs nvcc, but no device. All is built anew: what is up to date says nothing.
cuda: $(VENV)/installed
	$(VENV)/bin/cmake -G Ninja -S . -B build/cuda -DCMAKE_MAKE_PROGRAM=$(CURDIR)/$(VENV)/bin/ninja -DPARZEN_PYTHON=OFF -DPARZEN_CUDA=ON \
	  -DPARZEN_WERROR=ON -DCMAKE_CUDA_FLAGS=-Xptxas=-v
	$(VENV)/bin/cmake --build build/cuda --target parzen_cuda --clean-first > build/cuda/build.log 2>&1 || \
	  { grep -v "ptxas info" build/cuda/build.log | tail -n 60; exit 1; }
	$(VENV)/bin/python tests/cuda_resources.py build/cuda/build.log sm_80 sm_90a

bench: $(BENCH_VENV)/installed
	$(BENCH_VENV)/bin/python -m pytest -q -m peers
	$(BENCH_VENV)/bin/python -m benchmarks.precision
	$(BENCH_VENV)/bin/python -m benchmarks.run

# Ours beside ourselves, as kept in .benchmarks by the run before.
speed: $(BENCH_VENV)/installed
	$(BENCH_VENV)/bin/python -m pytest -q benchmarks/speed.py --benchmark-autosave --benchmark-group-by=group \
	  --benchmark-columns=median,iqr,rounds $$(ls .benchmarks/*/*.json > /dev/null 2>&1 && echo --benchmark-compare --benchmark-compare-fail=median:20%)

# Every entry point beside every peer's, and the peers' own tests with ours in place; writes docs/parity.md.
parity: $(BENCH_VENV)/installed
	$(BENCH_VENV)/bin/python -m benchmarks.parity
	$(BENCH_VENV)/bin/python -m benchmarks.peer_tests

# AddressSanitizer and UndefinedBehaviorSanitizer under the tests that need no torch, ThreadSanitizer under the pool of threads.
# The preloaded libraries are those that Python itself was not linked with; leaks are Python's own.
SANITIZED = LD_PRELOAD="$$(g++ -print-file-name=libasan.so) $$(g++ -print-file-name=libstdc++.so.6)" \
  ASAN_OPTIONS=detect_leaks=0:allocator_may_return_null=1 UBSAN_OPTIONS=print_stacktrace=1 $(SANITIZE_VENV)/bin/python
NATIVE_BUILD = $(SANITIZE_VENV)/bin/cmake -G Ninja -S . -DCMAKE_MAKE_PROGRAM=$(CURDIR)/$(SANITIZE_VENV)/bin/ninja \
  -DPARZEN_PYTHON=OFF -DPARZEN_CUDA=OFF -DPARZEN_NATIVE_TESTS=ON
ISAS = $$($(SANITIZED) -c "from parzen import _core; print(*_core.available_isas())")

sanitize: $(SANITIZE_VENV)/installed
	$(NATIVE_BUILD) -B build/native/plain
	$(SANITIZE_VENV)/bin/cmake --build build/native/plain --target parzen_threads
	$(NATIVE_BUILD) -B build/native/thread -DPARZEN_SANITIZE=thread
	$(SANITIZE_VENV)/bin/cmake --build build/native/thread --target parzen_threads
	set -e; for isa in $(ISAS); do \
	  PARZEN_ISA=$$isa build/native/plain/tests/native/parzen_threads; \
	  PARZEN_ISA=$$isa TSAN_OPTIONS=halt_on_error=1 build/native/thread/tests/native/parzen_threads; \
	done
	$(SANITIZED) -m pytest -q -m "not unsanitized"

# Hypothesis on the sanitized bindings, then libFuzzer on the C++ entry points, a share of the time for each instruction set.
fuzz: $(SANITIZE_VENV)/installed
	@echo 'extern "C" int LLVMFuzzerTestOneInput(const unsigned char*, unsigned long) { return 0; }' | \
	  clang++ -x c++ -fsanitize=fuzzer,address,undefined -o /dev/null - || \
	  { echo "make fuzz needs clang with libFuzzer. Debian: apt-get install clang libclang-rt-14-dev" >&2; exit 1; }
	$(NATIVE_BUILD) -B build/native/fuzz -DCMAKE_CXX_COMPILER=clang++ -DPARZEN_SANITIZE=fuzzer,address,undefined
	$(SANITIZE_VENV)/bin/cmake --build build/native/fuzz --target parzen_fuzz
	$(SANITIZED) tests/fuzz.py $(FUZZ_SECONDS)
	mkdir -p build/fuzz
	set -e; isas="$(ISAS)"; share=$$(($(FUZZ_SECONDS) / $$(echo $$isas | wc -w) + 1)); for isa in $$isas; do \
	  PARZEN_ISA=$$isa UBSAN_OPTIONS=print_stacktrace=1 build/native/fuzz/tests/native/parzen_fuzz -max_total_time=$$share \
	    -timeout=30 -max_len=512 -len_control=0 -print_final_stats=1 -artifact_prefix=build/fuzz/ > build/fuzz/$$isa.log 2>&1 || \
	    { tail -n 60 build/fuzz/$$isa.log; exit 1; }; \
	  echo "$$isa: $$(grep -o 'executed_units: .*' build/fuzz/$$isa.log), no finding"; \
	done

lint: $(VENV)/installed
	$(VENV)/bin/ruff check python tests benchmarks
	$(VENV)/bin/ruff format --check python tests benchmarks
	$(VENV)/bin/mypy
	$(VENV)/bin/python -m mypy.stubtest --allowlist tests/stubtest_allowlist.txt parzen._core
	$(VENV)/bin/clang-format --dry-run -Werror $(CXX_FILES)

format: $(VENV)/installed
	$(VENV)/bin/ruff check --fix python tests benchmarks
	$(VENV)/bin/ruff format python tests benchmarks
	$(VENV)/bin/clang-format -i $(CXX_FILES)

# The wheel and the sdist, built as a user's pip builds them.
package: $(VENV)/installed
	$(VENV)/bin/python -m pip install -q build
	$(VENV)/bin/python -m build --outdir dist .

$(VENV)/installed: $(SOURCES)
	test -d $(VENV) || $(PYTHON) -m venv $(VENV)
	$(VENV)/bin/python -m pip install -q "$(TORCH)" $(BUILD_TOOLS)
	$(VENV)/bin/python -m pip install -q --no-build-isolation ".[demo,torchmetrics,test,lint]"
	touch $@

$(BENCH_VENV)/installed: $(SOURCES)
	test -d $(BENCH_VENV) || $(PYTHON) -m venv $(BENCH_VENV)
	$(BENCH_VENV)/bin/python -m pip install -q $(BENCH_TORCH) $(BUILD_TOOLS)
	$(BENCH_VENV)/bin/python -m pip install -q --no-build-isolation ".[bench]"
	touch $@

# Its own build folder: objects with other flags. Not stripped, so that a finding has names and lines.
$(SANITIZE_VENV)/installed: $(SOURCES)
	@test "$$(g++ -print-file-name=libasan.so)" != libasan.so || \
	  { echo "g++ has no AddressSanitizer here. Debian: apt-get install g++" >&2; exit 1; }
	test -d $(SANITIZE_VENV) || $(PYTHON) -m venv $(SANITIZE_VENV)
	$(SANITIZE_VENV)/bin/python -m pip install -q $(BUILD_TOOLS)
	SKBUILD_CMAKE_DEFINE="PARZEN_SANITIZE=address,undefined;PARZEN_CUDA=OFF" SKBUILD_BUILD_DIR=build/native/python SKBUILD_INSTALL_STRIP=false \
	  $(SANITIZE_VENV)/bin/python -m pip install -q --no-build-isolation ".[test]"
	touch $@

clean:
	rm -rf $(VENV) $(BENCH_VENV) $(SANITIZE_VENV) build dist demo
