# Sourced by the scenes beside it: hosts in namespaces of their own, and a Prometheus that watches them.
#
#   SCENE FOLDER SECONDS    records into FOLDER/data; the rules are FOLDER/rules/*.yaml. Prints how many seconds are left
#
# A scene defines build(), which adds hosts, and $targets, and ends with: play_scene "$@". Everything lives in namespaces (user,
# network, mount, process), so this needs no root, touches nothing of the host and leaves nothing behind.
# shellcheck shell=bash disable=SC2154,SC2034  # some names come from the environment, see play_scene, and some are the scenes'
umask 077

self=$(readlink -f "$0")
root=$(readlink -f "${self%/*}/../../..")
readonly self root
readonly exporter=$root/build/demo/exporter/wgscope-exporter
readonly prometheus=$root/build/deps/prometheus/usr/bin/prometheus
readonly bridge_address=198.51.100.254

# Faults begin after a quarter of the time.
until_fault() { (($(date +%s) < fault_at)); }

# add_host NAME ADDRESS COMMAND…: the command is a function of the scene. In a host nothing is to be seen but its own interfaces,
# processes and sockets.
add_host() {
  local name=$1 address=$2
  shift 2
  ip netns add "$name"
  ip link add "$name" type veth peer name eth0 netns "$name"
  ip link set "$name" master bridge up
  ip -n "$name" address add "$address/23" dev eth0
  ip -n "$name" link set eth0 up
  ip -n "$name" link set lo up
  ip netns exec "$name" unshare --pid --fork --kill-child --mount-proc "$self" --host "$@" >>"$work/$name.log" 2>&1 &
}

wait_for() { until "$@" >/dev/null 2>&1; do sleep 0.1; done; }

# $targets has lines of job, address, instance.
write_prometheus_config() {
  local job address instance
  echo "global: {scrape_interval: 15s, evaluation_interval: 15s}"
  echo "rule_files: ['$folder/rules/*.yaml']"
  echo "scrape_configs:"
  while read -r job; do
    echo "  - {job_name: $job, static_configs: ["
    while read -r _ address instance; do
      echo "      {targets: ['$address'], labels: {instance: '$instance'}},"
    done < <(grep "^$job " <<<"$targets")
    echo "    ]}"
  done < <(cut -d' ' -f1 <<<"$targets" | sort -u | grep .)
}

inside() {
  trap 'exit 143' TERM # the first process of a namespace for processes is not ended by signals that it does not handle
  mount -t tmpfs tmpfs /run
  mount -t tmpfs -o mode=700 tmpfs "$work"
  mkdir -p /run/netns /run/wireguard
  ip link add bridge type bridge
  ip address add "$bridge_address/23" dev bridge
  ip link set bridge up
  ip link set lo up
  build
  write_prometheus_config >"$work/prometheus.yml"
  "$prometheus" --config.file="$work/prometheus.yml" --storage.tsdb.path="$folder/data" --log.level=warn \
    --web.listen-address=127.0.0.1:9090 >"$work/prometheus.log" 2>&1 &
  local prometheus_pid=$!
  while (($(date +%s) < end_at)); do
    kill -0 "$prometheus_pid" || { cat "$work/prometheus.log" >&2 && return 1; }
    echo "$((end_at - $(date +%s)))"
    sleep 5 &
    wait $! # unlike sleep itself, this ends at once when a signal comes
  done
  kill "$prometheus_pid"
  wait "$prometheus_pid" || true
  cp "$work"/*.log "$folder/"
}

play_scene() {
  case $1 in
    --inside) inside ;;
    --host)
      mount -t tmpfs tmpfs /run/wireguard
      "${@:2}"
      ;;
    *)
      export folder=$1 work=$1/work
      fault_at=$(($(date +%s) + $2 / 4)) end_at=$(($(date +%s) + $2))
      export fault_at end_at
      mkdir -p "$work"
      exec unshare --user --map-root-user --net --mount --pid --fork --mount-proc --kill-child "$self" --inside
      ;;
  esac
  exit # here, so that Bash reads no further in a file that may have changed meanwhile
}
