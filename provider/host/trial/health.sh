#!/bin/sh
# One health check on the server itself. Exit 0: healthy. Else the last line says what was seen, in our own words: a
# program's words may hold secrets of the request, and this line is stored in a state.
#   http URL STATUS CONTAINS   answers with STATUS, and CONTAINS (may be empty) in the body
#   tcp HOST PORT              takes a connection
#   command TEXT               exits 0
#   service NAME               OpenRC says started
set -u
case $1 in
  http)
    body=$(mktemp)
    head=$(timeout 15 wget -S -q -T 10 -O "$body" "$2" 2>&1)
    status=$(echo "$head" | sed -n 's,^ *HTTP/[0-9.]* \([0-9][0-9][0-9]\).*,\1,p' | tail -n 1)
    [ -n "$status" ] || status=$(echo "$head" | sed -n 's,.*HTTP/[0-9.]* \([0-9][0-9][0-9]\).*,\1,p' | tail -n 1)
    result=0
    if [ "$status" != "$3" ]; then
      # of wget's words those that name no address
      why=$(echo "$head" | grep -oi 'connection refused\|timed out\|bad address\|not resolve\|unreachable\|no route to host\|tls\|certificate' | tail -n 1)
      echo "status ${status:-none (${why:-no answer})}, expected $3"
      result=1
    elif [ -n "$4" ] && ! grep -qF -- "$4" "$body"; then
      echo "the body does not contain the expected text"
      result=1
    fi
    rm -f "$body"
    exit $result
    ;;
  tcp)
    timeout 10 nc -z "$2" "$3" </dev/null >/dev/null 2>&1 || {
      echo "no connection"
      exit 1
    }
    ;;
  command)
    timeout 60 sh -c "$2" >/dev/null 2>&1 </dev/null
    code=$?
    [ $code -eq 0 ] || {
      echo "exit code $code"
      exit 1
    }
    ;;
  service)
    rc-service "$2" status >/dev/null 2>&1 || {
      echo "the service is $(rc-service "$2" status 2>&1 | sed -n 's/.*status: *//p' | head -n 1)"
      exit 1
    }
    ;;
  *) exit 2 ;;
esac
