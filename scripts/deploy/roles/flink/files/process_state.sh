#!/usr/bin/env bash
# process_state.sh CLASS PID_FILE FILE...: says whether a process of Flink runs, and changes nothing.
#
# "stopped", "running", or "stale": it started before one of the files that it reads was changed.
set -uo pipefail

class=$1 pid_file=$2
shift 2

running() {
    local pid
    # Flink's scripts write a line for each start, and take none away when a process died.
    for pid in $(tac "$pid_file" 2>/dev/null); do
        # A process id may have been given to another program since.
        if tr '\0' '\n' 2>/dev/null <"/proc/$pid/cmdline" | grep -qxF "$class"; then
            echo "$pid"
            return
        fi
    done
}

pid=$(running)
if [[ -z $pid ]]; then
    echo stopped
    exit
fi
now=$(date +%s)
age=$(ps -o etimes= -p "$pid")
for file in "$@"; do
    changed=$(stat -c %Y "$file" 2>/dev/null) || continue
    # The kernel's clock and the file system's differ by some moments.
    if ((now - changed + 2 < age)); then
        echo stale
        exit
    fi
done
echo running
