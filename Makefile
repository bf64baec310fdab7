# Every target works from a fresh clone: it installs and builds first what it needs, and only what is not there yet.
#
#   make run [NP=2] [ARGS=…]   trains jobs/fashion-mnist.yaml with NP ranks; ARGS go to `lockstep train`
#   make test                  all tests; the last line is "N passed, N failed, N skipped"
#   make build | deps          the program; the packages that it needs (Debian, Ubuntu)
#   make bench [NP=2]          the benchmarks of bench/README.md on this machine, one after the other
#   make bench-peer            speed and losses beside PyTorch's
#   make bundle                target/lockstep-bundle.tar.gz: all of it for a machine without Java, Maven, Open MPI, network
#   make gpu-check [ARGS=…]    tests and measures that bundle on this machine's GPU; --device cpu: a rehearsal without one
#   make javadoc               target/javadoc: the public classes, for programs that use Lockstep as a library
#   make info                  what was built and what was detected on this machine
#   make clean                 removes all that was built
.DEFAULT_GOAL := build
.DELETE_ON_ERROR:
.PHONY: run test build deps bench bench-peer bundle gpu-check javadoc info clean FORCE

NP ?= 2
MAVEN = JAVA_HOME="$$(src/build/java-home.sh)" mvn -B -ntp -Dstyle.color=never $(MAVEN_ARGS)
JAVA_SOURCES := $(shell find src/main/java -name '*.java')
KERNELS := $(wildcard src/main/native/*.cpp)
KERNEL_LIBRARY := $(if $(KERNELS),target/native/liblockstep_cpu.so)
THREADS_LIBRARY := target/native/liblockstep_threads.so
SUMS_LIBRARY := target/native/liblockstep_sums.so
BUNDLED := lockstep README.md $(shell find src/test src/main/cuda src/build bench/gpu jobs -type f)
CXXFLAGS = -std=c++17 -O3 -fPIC -shared -fopenmp -ffp-contract=fast -fno-math-errno -fno-trapping-math \
	-Wall -Wextra -Werror

run: build
	@src/build/planned-stop.sh src/build/mpirun.sh $(NP) ./lockstep train jobs/fashion-mnist.yaml $(ARGS)

# The tests over two hosts need root and iproute2, and are skipped elsewhere.
test: build bundle target/cuda-stand-in/lib64/libnvrtc.so.13
	@[ "$$(id -u)" != 0 ] || command -v tc >/dev/null || src/build/deps.sh iproute2
	@src/build/test.sh

# Some fifteen minutes on two cores; the reports go to bench/results.
bench: build
	@src/build/mpirun.sh $(NP) ./lockstep bench gemm jobs/wide-mlp.yaml
	@src/build/mpirun.sh $(NP) ./lockstep bench allreduce
	@src/build/mpirun.sh $(NP) ./lockstep bench overlap jobs/wide-mlp.yaml
	@./lockstep bench scaling bench/strong.yaml
	@./lockstep bench scaling bench/weak.yaml

bench-peer: build
	@[ -n "$(PYTHON)" ] || src/build/deps.sh python3-torch libopenblas0-pthread
	@bench/peer/run.sh $(ARGS)

bundle: build target/lockstep-bundle.tar.gz

gpu-check: bundle
	@src/build/gpu-check.sh $(ARGS)

javadoc: build
	@src/build/javadoc.sh target/javadoc
	@echo "lockstep: target/javadoc/index.html"

info: build
	@./lockstep info

build: target/lockstep.jar target/java-home target/commit target/lockstep.jsa $(KERNEL_LIBRARY) $(THREADS_LIBRARY) \
		$(SUMS_LIBRARY)

deps:
	@src/build/deps.sh

# Written anew only where Open MPI has changed; then everything is built against it.
target/mpi/mpi.jar: deps
	@:

target/lockstep.jar: pom.xml $(JAVA_SOURCES) $(wildcard src/main/cuda/*.h) target/mpi/mpi.jar
	@echo "lockstep: compiling"
	@$(MAVEN) -q -DskipTests package
	@touch $@

# The JDK of the build, which the launcher takes, too. Written anew only where it has changed.
target/java-home: FORCE | target/lockstep.jar
	@src/build/java-home.sh >$@.new
	@cmp -s $@.new $@ || cp $@.new $@
	@rm $@.new

target/commit: FORCE | target/lockstep.jar
	@git describe --always --dirty >$@.new 2>/dev/null || echo unknown >$@.new
	@cmp -s $@.new $@ || cp $@.new $@
	@rm $@.new

# Classes in the JVM's own format, which it need not parse and verify again: those that a training run loads.
target/lockstep.jsa: target/lockstep.jar target/java-home $(KERNEL_LIBRARY) lockstep src/build/class-archive.sh \
		| $(THREADS_LIBRARY)
	@src/build/class-archive.sh $@

# libgomp lies beside it (JavaCPP brings it): a process may hold only one OpenMP runtime.
target/native/liblockstep_cpu.so: $(KERNELS) $(wildcard src/main/native/*.h src/main/cuda/*) | target/lockstep.jar
	@echo "lockstep: compiling kernels"
	@jdk="$$(src/build/java-home.sh)" && g++ $(CXXFLAGS) -Isrc/main/cuda -I"$$jdk/include" -I"$$jdk/include/linux" \
		-o $@ $(KERNELS) -Wl,-rpath,'$$ORIGIN'

# Every process of a rank loads it: it needs nothing but the C library.
$(THREADS_LIBRARY): $(wildcard src/main/native/threads/*.cpp) | target/lockstep.jar
	@jdk="$$(src/build/java-home.sh)" && g++ -std=c++17 -O2 -fPIC -shared -fno-exceptions -Wall -Wextra -Werror -I"$$jdk/include" \
		-I"$$jdk/include/linux" -o $@ $^ -nostdlib -lc

$(SUMS_LIBRARY): $(wildcard src/main/native/sums/*.cpp) | target/lockstep.jar
	@jdk="$$(src/build/java-home.sh)" && g++ -std=c++17 -O3 -fPIC -shared -fno-exceptions -Wall -Wextra -Werror -I"$$jdk/include" \
		-I"$$jdk/include/linux" -o $@ $^

target/lockstep-bundle.tar.gz: target/lockstep.jar target/java-home target/commit $(KERNEL_LIBRARY) $(THREADS_LIBRARY) \
		$(SUMS_LIBRARY) $(BUNDLED)
	@src/build/bundle.sh $@

# What tests of the CUDA backend run on, with a GPU and without; the last of its libraries stands for all.
target/cuda-stand-in/lib64/libnvrtc.so.13: src/build/cuda-stand-in.sh \
		$(wildcard src/test/native/cuda/*.h src/test/native/cuda/*/*) | target/mpi/mpi.jar
	@echo "lockstep: compiling the stand-in for CUDA"
	@src/build/cuda-stand-in.sh

clean:
	rm -rf target
