#!/bin/sh
# Prints the home of a JDK 17 or newer: JAVA_HOME if it is one, else the javac of PATH, else what lies in /usr/lib/jvm.
# Prints nothing and fails where there is none.

is_jdk() {
    [ -x "$1/bin/javac" ] && [ -r "$1/include/jni.h" ] && [ -r "$1/release" ] || return 1
    major=$(sed -n 's/^JAVA_VERSION="\([0-9]*\).*/\1/p' "$1/release")
    [ "${major:-0}" -ge 17 ]
}

javac=$(command -v javac) && path_jdk=$(dirname "$(dirname "$(readlink -f "$javac")")")
for jdk in "${JAVA_HOME:-}" "${path_jdk:-}" /usr/lib/jvm/*; do
    if [ -n "$jdk" ] && is_jdk "$jdk"; then
        echo "$jdk"
        exit 0
    fi
done
exit 1
