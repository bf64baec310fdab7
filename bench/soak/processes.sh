# For the scripts beside it: what ranks that run on this machine have been started with.

# ranks_with ARGUMENTS: the PIDs of the program's processes whose arguments begin with these words, taken as they are.
ranks_with() {
    local process words
    for process in /proc/[0-9]*; do
        mapfile -d '' -t words <"$process/cmdline" || continue
        [[ " ${words[*]} " != *" dev.lockstep.cli.Main $1 "* ]] || echo "${process#/proc/}"
    done 2>/dev/null
}
