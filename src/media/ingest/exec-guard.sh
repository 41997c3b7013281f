#!/bin/sh
# Usage: exec-guard.sh SECONDS PROGRAM [ARGUMENT…]
#
# Become PROGRAM, and leave a guard beside it that kills the whole process group with SIGKILL when standard input ends
# (who started this is gone), or when SECONDS are over (who started this hangs) and no line on standard input has told
# another number of seconds meanwhile.
#
# To be started as the leader of a process group. POSIX sh; `sleep` takes fractions (GNU, BSD, macOS, busybox).
set -u
left=$1
shift
exec 3<&0 </dev/null

guard() {
  # A polite SIGTERM to the group is meant for the program.
  trap '' HUP INT TERM
  exec >/dev/null 2>&1
  timer=
  while :; do
    count_down &
    next=$!
    if [ -n "$timer" ]; then
      kill -USR1 "$timer"
      # Reaped, or there would be one more zombie with every line.
      wait "$timer"
    fi
    timer=$next
    read -r left <&3 || break
  done
  kill -KILL 0
}

count_down() {
  exec 3<&-
  # `$!` and no name of ours: that would be given a moment after sleep began.
  trap 'kill -KILL "$!" && wait "$!"; exit 0' USR1
  sleep "$left" &
  wait "$!"
  # Also when sleep could not be started, or did not understand the number.
  kill -KILL 0
}

# Twice in the background: the program does not find a child that it did not start.
(guard &)
exec 3<&-
if setpriv --pdeathsig KILL -- true >/dev/null 2>&1; then
  # Linux: the kernel kills the program when who started this dies, even if somebody killed the guard.
  exec setpriv --pdeathsig KILL -- "$@"
fi
exec "$@"
