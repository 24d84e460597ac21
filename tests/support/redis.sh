# Runs a Redis server in a folder of its own for as long as standard input is
# open. Reports that it is up, then obeys orders: `kill` kills it, `start` starts
# it again, `stop` and `continue` stop and continue its process. Each order is
# answered when it is done.
set -eu
umask 077
port=$1
# An interrupt of the tests also closes standard input, which ends this script.
trap '' INT TERM HUP
dir=$(mktemp -d)
cd "$dir"

start() {
  redis-server --bind 127.0.0.1 --port "$port" --dir "$dir" --appendonly yes \
    --appendfsync always --save "" --daemonize no <&- >>"$dir/log" 2>&1 &
  pid=$!
  while kill -0 "$pid" 2>/dev/null; do
    [ "$(redis-cli -p "$port" ping 2>/dev/null)" = PONG ] && return
    sleep 0.02
  done
  cat "$dir/log" >&2
  return 1
}

start && echo "there"
while read -r order; do
  case $order in
    kill) kill -KILL "$pid" && { wait "$pid" || true; } 2>/dev/null ;;
    start) start ;;
    stop) kill -STOP "$pid" ;;
    continue) kill -CONT "$pid" ;;
  esac
  echo done
done
kill -KILL "$pid" 2>/dev/null || true
wait "$pid" 2>/dev/null || true
cd /
rm -rf "$dir"
