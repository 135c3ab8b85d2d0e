# What there is to do, in a word each. The build itself is CMake's: CMakeLists.txt.
#
#   make            build/wgamma and the libraries        make demo    distances and figures
#   make test       everything, also under sanitizers     make lint    format, static checks, pages
#   make test-long  the tests that take their time        make fuzz    FUZZ_SECONDS=60 of fuzzing
#   make install    PREFIX=/usr/local                     make bench-ot    against POT
#   make wheel      of the Python package, tested         make docs    the site, in build-docs
#   make bench-flow forces, against NumPy and torch
#   make bench-long large clouds, up to a million points  make bench-static  against CVXPY, POT

PREFIX ?=
FUZZ_SECONDS ?= 60
JOBS := $(shell nproc 2>/dev/null || echo 2)

# A tree keeps the generator it was made with. What CMake says is of interest when it fails.
configure = mkdir -p $(1) && cmake -S . -B $(1) $(if $(wildcard $(1)/CMakeCache.txt),,-G Ninja) $(2) \
  >$(1)/configure.log 2>&1 || { cat $(1)/configure.log; exit 1; }
compile = cmake --build $(1) --parallel $(JOBS)

.PHONY: all setup demo test test-long sanitize lint fuzz bench-ot bench-long bench-static bench-lmo \
  bench-gaussian bench-flow docs wheel install clean

all: setup
	@$(call configure,build,-DCMAKE_BUILD_TYPE=Release)
	@$(call compile,build)

setup:
	@scripts/setup.sh

demo: all
	build/wgamma demo --out demo-out

build-sanitize: setup
	@$(call configure,build-sanitize,-DCMAKE_BUILD_TYPE=Release -DWG_SANITIZE=ON)
	@$(call compile,build-sanitize)
.PHONY: build-sanitize

test: all build-sanitize
	@scripts/run_tests.py --without long build build-sanitize

test-long: all
	@scripts/run_tests.py --label long build

sanitize: build-sanitize
	@scripts/run_tests.py --without long build-sanitize

lint:
	@scripts/setup.sh lint
	@$(call configure,build,-DCMAKE_BUILD_TYPE=Release)
	@scripts/lint.py build

fuzz:
	@scripts/setup.sh fuzz
	@$(call configure,build-fuzz,-DCMAKE_C_COMPILER=clang -DWG_FUZZ=ON -DWG_SANITIZE=ON -DWG_TESTS=OFF)
	@$(call compile,build-fuzz) --target fuzz_read
	mkdir -p build-fuzz/corpus
	build-fuzz/fuzz_read -max_total_time=$(FUZZ_SECONDS) -artifact_prefix=build-fuzz/ \
	  build-fuzz/corpus tests/fuzz/corpus

# numpy, POT and CVXPY are the system's, or those that setup.sh puts into build-bench.
bench-ot bench-long bench-static bench-lmo bench-gaussian bench-flow: export PATH := $(CURDIR)/build-bench/bin:$(PATH)
bench-ot: all
	@scripts/setup.sh bench
	@python3 -B bench/e2e/ot/run.py --out bench/e2e/ot/results/compare.json

bench-long: all
	@scripts/setup.sh bench
	@python3 -B bench/e2e/ot/large.py --out bench/e2e/ot/results/large.json
	@python3 -B bench/e2e/ot/large.py --million --out bench/e2e/ot/results/million.json

bench-static: all
	@scripts/setup.sh bench
	@python3 -B bench/e2e/static/run.py --out bench/e2e/static/results/compare.json

bench-lmo: all
	@scripts/setup.sh bench
	@python3 -B bench/micro/lmo/run.py --out bench/micro/lmo/results/compare.json
	@python3 -B bench/e2e/lmo/run.py --out bench/e2e/lmo/results/compare.json

bench-gaussian: all
	@scripts/setup.sh bench
	@python3 -B bench/e2e/gaussian/run.py --long --out bench/e2e/gaussian/results/compare.json

bench-flow: all
	@scripts/setup.sh bench
	@python3 -B bench/e2e/flow/run.py --out bench/e2e/flow/results/compare.json

docs: all
	@scripts/docs.sh build-docs build/libwgamma.so

wheel: setup
	@scripts/wheel.sh

install: setup
	@$(call configure,build,-DCMAKE_BUILD_TYPE=Release $(if $(PREFIX),-DCMAKE_INSTALL_PREFIX=$(PREFIX)))
	@$(call compile,build)
	@cmake --install build

clean:
	rm -rf build build-sanitize build-fuzz demo-out
