#!/bin/sh
# Runs every test, the unit tier (*Test; those of device.cuda on the stand-in for CUDA and on the GPU) and the mpi tier
# (*IT, which start real mpirun processes), and then, whatever came of it, says what ran. Fails if a test failed, if none ran, or if Maven itself failed.
set -u
cd "$(dirname "$0")/../.."
jdk=$(src/build/java-home.sh) || exit 2
# In other locales Java may not be able to hand names beyond ASCII to the processes that tests start.
export LC_ALL=C.UTF-8
rm -rf target/surefire-reports* target/failsafe-reports
JAVA_HOME=$jdk mvn -B -ntp -Dstyle.color=never -Dmaven.test.failure.ignore=true ${MAVEN_ARGS-} verify
maven_status=$?
[ $maven_status = 0 ] || echo "lockstep: error: Maven failed with exit status $maven_status; its message is above" >&2
"$jdk/bin/java" src/build/TestSummary.java src/test/java target/surefire-reports target/failsafe-reports \
    'target/surefire-reports-stand-in=dev\.lockstep\.device\.cuda\..*' \
    'target/surefire-reports-gpu=dev\.lockstep\.device\.cuda\.(?!standin\.).*'
summary_status=$?
[ $maven_status = 0 ] && exit $summary_status
exit 1
