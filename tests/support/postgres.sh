# Runs a PostgreSQL server in a folder of its own for as long as standard input
# is open. Prints where its socket is, then obeys orders: `kill` kills it, `start`
# starts it again, `stop` and `continue` stop and continue all its processes. Each
# order is answered when it is done. With CHAT_STANDBY_OF, the folder of another
# server's socket, it is a standby of that server. Arguments are passed to the
# server.
set -eu
umask 077
cd /
# An interrupt of the tests also closes standard input, which ends this script.
trap '' INT TERM HUP

initdb=$(command -v initdb || ls /usr/lib/postgresql/*/bin/initdb 2>/dev/null | sort -V | tail -1)
bin=$(dirname "$(readlink -f "$initdb")")
# No option contains a space.
options=$*
# Each server has thousands of files: in memory, if there is plenty, they cost a fraction.
room=$(df -kP /dev/shm 2>/dev/null | awk 'END { print $4 }')
[ "${room:-0}" -gt 4000000 ] && [ -w /dev/shm ] && home=/dev/shm || home=/tmp
base=$home/chat-server-postgres-$(id -u)
template=$base/$("$bin/postgres" --version | tr -c 'A-Za-z0-9.\n' _)

# Copying a template is faster than initdb.
if ! [ -d "$template" ]; then
  mkdir -p "$base"
  fresh=$(mktemp -d "$base/new.XXXXXX")
  initdb() {
    "$bin/initdb" --no-sync --no-instructions --wal-segsize=1 -A trust -U chat -E UTF8 -D "$fresh/data" "$@" >/dev/null
  }
  # A collation other than byte order, if there is one.
  initdb --locale-provider=icu --icu-locale=en-US 2>/dev/null || initdb >&2
  # Another test program may have been faster.
  mv -T "$fresh/data" "$template" 2>/dev/null || true
  rm -rf "$fresh"
fi
dir=$(mktemp -d "$base/run.XXXXXX")
if [ -n "${CHAT_STANDBY_OF:-}" ]; then
  "$bin/pg_basebackup" -h "$CHAT_STANDBY_OF" -U chat -D "$dir/data" -R -X stream -c fast --no-sync
else
  cp -a "$template" "$dir/data"
fi

start() {
  attempts=0
  while :; do
    "$bin/postgres" -D "$dir/data" -k "$dir" -c listen_addresses= -c max_connections=200 \
      -c fsync=off -c full_page_writes=off $options <&- >>"$dir/log" 2>&1 &
    pid=$!
    while kill -0 "$pid" 2>/dev/null; do
      "$bin/pg_isready" -q -h "$dir" -U chat -d postgres && return
      sleep 0.02
    done
    # Processes of a killed server may not have ended yet.
    attempts=$((attempts + 1))
    if [ "$attempts" -gt 100 ]; then
      cat "$dir/log" >&2
      return 1
    fi
    sleep 0.1
  done
}

# The main process first, so that it starts no more.
signal() {
  for process in "$pid" $(cat "/proc/$pid/task/$pid/children"); do
    kill "-$1" "$process" 2>/dev/null || true
  done
}

start && echo "$dir"
while read -r order; do
  case $order in
    # Backends would live on for a moment and commit transactions.
    kill) kill -STOP "$pid" && signal KILL && { wait "$pid" || true; } 2>/dev/null ;;
    start) start ;;
    stop) kill -STOP "$pid" && signal STOP ;;
    continue) signal CONT ;;
  esac
  echo done
done
signal CONT 2>/dev/null || true
kill -QUIT "$pid" 2>/dev/null || true
wait "$pid" 2>/dev/null || true
rm -rf "$dir"
