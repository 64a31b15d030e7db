#!/bin/sh
# Looks at one file of a server that runs Pine, against what should be in it. Reads only. Sent over SSH.
#   stat PATH            mode=, owner=, ids= and type=file; type=none when there is no such file
#   same PATH            content=same or content=differs, against standard input
#   digest PATH SHA256   the same, against a digest
#   text PATH BYTES      its content, that much at most, and a dot behind it
set -eu
case $1 in
  stat)
    if [ -f "$2" ] && [ ! -L "$2" ]; then
      stat -c 'type=file
mode=%a
owner=%U:%G
ids=%u:%g' "$2"
    else
      echo type=none
    fi
    ;;
  same) if cmp -s "$2" -; then echo content=same; else echo content=differs; fi ;;
  digest) if [ "$(sha256sum <"$2" | cut -d' ' -f1)" = "$3" ]; then echo content=same; else echo content=differs; fi ;;
  text)
    head -c "$3" "$2"
    printf .
    ;;
  *) exit 2 ;;
esac
