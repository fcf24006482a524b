# The commands that a person types are the commands that CI runs. Each makes what it needs and can be the first in a clean clone.
PYTHON ?= python3
# Which torch to install: "torch>=2.4" is the registry's default build. See README.md for CPU-only and CUDA builds.
TORCH ?= torch>=2.4
# The benchmarks' peers need torchvision too, of the same build as torch.
BENCH_TORCH ?= torch>=2.4 torchvision

VENV := .venv
BENCH_VENV := .venv-bench
BUILD_TOOLS := "scikit-build-core>=0.11" "pybind11>=3.0" "cmake>=3.26" ninja
SOURCES := pyproject.toml CMakeLists.txt $(shell find csrc python -type f -not -name '*.pyc')
CXX_FILES := $(shell find csrc benchmarks -name '*.h' -o -name '*.cpp')

.PHONY: demo test bench lint format package clean

demo: $(VENV)/installed
	$(VENV)/bin/parzen demo --out demo

test: $(VENV)/installed
	$(VENV)/bin/python -m pytest -q

bench: $(BENCH_VENV)/installed
	$(BENCH_VENV)/bin/python -m pytest -q -m peers
	$(BENCH_VENV)/bin/python -m benchmarks.precision
	$(BENCH_VENV)/bin/python -m benchmarks.run

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
	$(VENV)/bin/python -m pip install -q --no-build-isolation ".[demo,test,lint]"
	touch $@

$(BENCH_VENV)/installed: $(SOURCES)
	test -d $(BENCH_VENV) || $(PYTHON) -m venv $(BENCH_VENV)
	$(BENCH_VENV)/bin/python -m pip install -q $(BENCH_TORCH) $(BUILD_TOOLS)
	$(BENCH_VENV)/bin/python -m pip install -q --no-build-isolation ".[bench]"
	touch $@

clean:
	rm -rf $(VENV) $(BENCH_VENV) build dist demo
