#!/bin/sh
# Compares one file of a server that runs Pine with what should be in it. Reads only. Sent over SSH, after safely.sh: no
# link that another user put there is followed.
#   stat PATH            mode=, owner=, ids= and type=file; type=none when there is no such file
#   same PATH            content=same or content=differs, against standard input
#   digest PATH SHA256   the same, against a digest
#   text PATH BYTES      its content, that much at most, and a dot behind it
# shellcheck disable=SC2154 # what safely.sh has
set -eu
eval "$safely"
open=1
case $1 in stat | same | digest | text) opened "$2" || open= ;; *) exit 2 ;; esac
it=/proc/self/fd/3
case $1$open in
  stat1)
    stat -L -c 'type=file
mode=%a
owner=%U:%G
ids=%u:%g' $it
    ;;
  stat) echo type=none ;;
  same1) if cmp -s $it -; then echo content=same; else echo content=differs; fi ;;
  digest1) if [ "$(sha256sum <&3 | cut -d' ' -f1)" = "$3" ]; then echo content=same; else echo content=differs; fi ;;
  text1)
    head -c "$3" <&3
    printf .
    ;;
  *) refuse "$2 is not a file any more" ;;
esac
