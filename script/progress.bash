# Sourced by the scripts beside it: how long work shows that it moves.
#
#   start NAME COMMAND...   runs it in the background; what it prints comes at its end
#   finish_all              waits for all that was started; fails if one of them failed
#
# Meanwhile one line says how far each of them is: on a terminal it is drawn over and over, elsewhere it is printed once a
# minute. A command tells how far it is by what ninja and ctest print, which it sends through `follow`.
#
#   run_apt COMMAND...      runs apt-get in the foreground, where sudo can ask for a password, with the same line; the command
#                           has "${apt_with_status[@]}" in place of apt-get
# shellcheck shell=bash disable=SC2030,SC2031  # a command in the background has a state of its own

declare -A progress_pid=()
progress_next=$((SECONDS + 60))

# duration SECONDS: as people write it, "1 min 35 s".
duration() { if (($1 < 60)); then echo "$1 s"; else echo "$(($1 / 60)) min $(($1 % 60)) s"; fi; }

wipe_progress() { [[ ! -t 1 ]] || printf '\r\033[K'; }

# Whatever ends a script ends what it started. Each command has a process group of its own. A script that has more to clean
# up calls this from a trap of its own.
end_all() {
  local pid
  trap '' INT TERM HUP
  wipe_progress
  for pid in "${progress_pid[@]}"; do kill -TERM -- "-$pid" 2>/dev/null || true; done
  rm -rf "$progress_folder"
}
trap '' INT TERM HUP # until it is known what there is to clean up
progress_folder=$(mktemp -d)
trap end_all EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
trap 'exit 129' HUP

start() {
  local name=$1
  shift
  set -m
  (
    trap - EXIT
    progress_state=$progress_folder/$name.state
    "$@"
  ) >"$progress_folder/$name.log" 2>&1 </dev/null &
  progress_pid[$name]=$!
  set +m
}

# follow WHAT: takes the output of ninja or ctest, keeps how far it is, and passes on what somebody has to read.
follow() {
  local what=$1 line
  echo "$what" >"$progress_state"
  while IFS= read -r line; do
    if [[ $line =~ ^\[([0-9]+/[0-9]+)\]\  || $line =~ ^\ *([0-9]+/[0-9]+)\ Test ]]; then
      echo "$what ${BASH_REMATCH[1]}" >"$progress_state"
    fi
    case $line in
      \[[0-9]*/[0-9]*\]\ * | 'ninja: no work to do.' | '-- '*) ;;                             # ninja, and CMake within it
      *'  Start '*': '* | *' Passed '*' sec' | 'Test project '* | 'Internal ctest '*) ;;     # ctest
      '100% tests passed'* | 'Label Time Summary:' | *'sec*proc'* | 'Total Test time'* | '') ;; # and its summary
      *) printf '%s\n' "$line" ;;
    esac
  done
}

# draw_progress WHAT: draws the line, or prints it when a minute has passed.
draw_progress() {
  local line
  line="$1, $(duration "$SECONDS") so far"
  if [[ -t 1 ]]; then
    printf '\r\033[K%.*s' "$((${COLUMNS:-80} - 1))" "$line"
  elif ((SECONDS >= progress_next)); then
    progress_next=$((SECONDS + 60))
    echo "   $line"
  fi
}

progress_line() {
  local name line=''
  for name in "${!progress_pid[@]}"; do
    [[ -s $progress_folder/$name.state ]] && line+="${line:+, }$name: $(<"$progress_folder/$name.state")"
  done
  draw_progress "${line:-working}"
}

finish_all() {
  local name status=0
  while true; do
    for name in "${!progress_pid[@]}"; do
      kill -0 "${progress_pid[$name]}" 2>/dev/null && continue
      wait "${progress_pid[$name]}" || status=1
      unset "progress_pid[$name]"
      wipe_progress
      cat "$progress_folder/$name.log"
    done
    ((${#progress_pid[@]})) || break
    progress_line
    sleep 1 &
    wait $! # unlike sleep itself, this ends at once when a signal comes
  done
  return "$status"
}

# apt closes the descriptor of its status lines before it starts dpkg: were it standard output, each package would be set
# up without one, and those that print something would fail. It is made here, as sudo passes on no other than 0 to 2.
# shellcheck disable=SC2016,SC2034
readonly apt_with_status=(sh -c 'exec "$@" -o APT::Status-Fd=3 3>&1 >&2' sh apt-get)

# What apt prints is shown only when it fails; then this fails.
# shellcheck disable=SC2094  # it and follow_apt both append
run_apt() {
  local log=$progress_folder/apt.log
  : >"$log"
  "$@" 2>>"$log" </dev/null | follow_apt "$log" || { cat "$log" >&2 && return 1; }
}

# follow_apt LOG: takes apt's status lines (progress-reporting in its documentation); all else goes to LOG.
follow_apt() {
  local line
  trap '' INT # apt ends in its own way, and not because nobody reads what it says
  while IFS= read -r line; do
    case $line in
      dlstatus:*:*:*) draw_apt downloading "${line#*:*:}" ;;
      pmstatus:*:*:*) draw_apt installing "${line#*:*:}" ;;
      *) printf '%s\n' "$line" >>"$1" ;;
    esac
  done
  wipe_progress
}

# draw_apt WHAT PERCENT:TEXT
draw_apt() { draw_progress "$1: ${2%%[.:]*} %, ${2#*:}"; }
