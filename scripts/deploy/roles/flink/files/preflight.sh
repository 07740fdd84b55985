#!/usr/bin/env bash
# preflight.sh: asks a host for what Flink needs, and changes nothing.
#
# Prints "problem: ..." for each thing that is missing, "java: 17" and "classpath: ..." for what it found.
# Is told by variables: JAVA HADOOP HADOOP_VERSION CONF_DIR CLASSPATH ROOT TEMPORARY RUN_AS INIT ENDPOINTS PORTS.
set -uo pipefail

problem() { echo "problem: $*"; }

answers() { timeout 5 bash -c "exec 3<>/dev/tcp/$1/$2" 2>/dev/null; }

check_user() {
    if [[ -n $RUN_AS && $(id -un) != "$RUN_AS" ]]; then
        problem "logged in as $(id -un), which with flink_become: false has to be flink_user ($RUN_AS)"
    fi
    if [[ $INIT == systemd ]]; then
        command -v systemctl >/dev/null || problem "no systemd; use flink_init: scripts"
        [[ $(id -u) == 0 ]] || problem "flink_init: systemd needs root; use flink_become: true"
    fi
}

check_java() {
    local java=java version
    [[ -n $JAVA ]] && java=$JAVA/bin/java
    if ! version=$("$java" -version 2>&1); then
        problem "no Java at ${JAVA:-the PATH}; set flink_java_home"
        return
    fi
    version=$(sed -nE 's/.*version "(1\.)?([0-9]+).*/\2/p' <<<"$version" | head -n 1)
    case $version in
        8 | 11 | 17) echo "java: $version" ;;
        *) problem "Java ${version:-of an unknown version} at ${JAVA:-the PATH}; Flink 1.18 runs on 8, 11 and 17" ;;
    esac
}

check_hadoop() {
    local found entry
    if [[ -n $CLASSPATH ]]; then
        while IFS= read -r -d : entry; do
            [[ -z $entry || -e ${entry%/\*} ]] || problem "flink_hadoop_classpath names $entry, which is not there"
        done <<<"$CLASSPATH:"
        echo "classpath: $CLASSPATH"
        return
    fi
    [[ -n $HADOOP ]] || return
    [[ -n $JAVA ]] && export JAVA_HOME=$JAVA
    [[ -n $CONF_DIR ]] && export HADOOP_CONF_DIR=$CONF_DIR
    if ! found=$(env -u HADOOP_VERSION "$HADOOP/bin/hadoop" version 2>/dev/null | head -n 1) || [[ -z $found ]]; then
        problem "no Hadoop client at flink_hadoop_home $HADOOP"
        return
    fi
    [[ $found == "Hadoop $HADOOP_VERSION" ]] || problem "$found at $HADOOP, not $HADOOP_VERSION (flink_hadoop_version)"
    found=$(env -u HADOOP_VERSION "$HADOOP/bin/hadoop" classpath --glob 2>/dev/null | tail -n 1)
    [[ -n $found ]] || problem "$HADOOP/bin/hadoop classpath --glob says nothing"
    echo "classpath: $found"
}

# The folder itself, or the nearest one above it that is there.
existing() {
    local folder=$1
    while [[ ! -d $folder ]]; do folder=$(dirname "$folder"); done
    echo "$folder"
}

check_tmp() {
    if [[ ,$(findmnt -n -o OPTIONS --target "$(existing "$TEMPORARY")" 2>/dev/null), == *,noexec,* ]]; then
        problem "flink_tmp_dir $TEMPORARY is on a file system with noexec; native libraries are loaded from it"
    fi
}

check_space() {
    local folder free
    [[ -e $ROOT/current ]] && return
    folder=$(existing "$ROOT")
    free=$(df -Pk "$folder" | awk 'NR == 2 { print int($4 / 1024) }')
    ((free >= 2048)) || problem "$free MB free at $folder; the archive and Flink need 2048"
}

check_libc() {
    local version
    version=$(getconf GNU_LIBC_VERSION 2>/dev/null) || version=
    if [[ -z $version ]]; then
        problem "no glibc (musl?); the job's library and RocksDB need it"
    elif [[ $(printf '2.17\n%s\n' "${version#glibc }" | sort -V | head -n 1) != 2.17 ]]; then
        problem "$version; the job's library needs 2.17"
    fi
}

check_network() {
    local each
    for each in $ENDPOINTS; do
        answers "${each%:*}" "${each##*:}" || problem "$each does not answer"
    done
    for each in $PORTS; do
        answers "${each%:*}" "${each##*:}" && problem "port ${each##*:} is taken, and not by this Flink"
    done
}

check_user
check_java
check_hadoop
check_libc
check_space
check_tmp
check_network
exit 0
