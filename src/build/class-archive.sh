#!/bin/sh
# class-archive.sh FILE: writes the JVM's archive of the classes that training loads, by training for a few steps. The
# program runs without the archive, too, but starts more slowly; so where mpirun does not run, this is no error.
set -eu
archive=$1
work=target/class-archive
rm -rf "$archive" "$work"
mkdir -p "$work"
cat >"$work/job.yaml" <<'JOB'
name: class-archive
data:
  train: {format: synthetic, samples: 256, features: 16, classes: 4}
  test: {format: synthetic, samples: 64, features: 16, classes: 4}
model: [linear: {in: 16, out: 32}, relu, linear: {in: 32, out: 4}]
optimizer:
  sgd: {lr: 0.01, momentum: 0.9}
train: {epochs: 1, batch-size: 64}
JOB
echo "lockstep: archiving classes"
if ! LOCKSTEP_JAVA_OPTS="-XX:ArchiveClassesAtExit=$archive" src/build/mpirun.sh 1 ./lockstep train "$work/job.yaml" \
        --output "$work/run" >"$work/log" 2>&1; then
    cat "$work/log" >&2
    echo "lockstep: warning: no class archive was made (see above); the program will start more slowly" >&2
fi
