#!/bin/sh
# The devices' part of facts.sh, which has the other functions and explains the keys: sent before it, as one script
# (host/facts/facts.ts).
line=

# Prints each device that a loaded module drives, from a card or disk up to its bus. Drivers built into a kernel are of
# no use here: they have no name to find in another kernel's tables.
driven() { # card|disk NAME LINK
  at=$(readlink -f "$3")
  while case $at in /sys/devices/*) true ;; *) false ;; esac do
    if module=$(readlink "$at/driver/module" 2>/dev/null) && module=${module##*/} && [ -e "/sys/module/$module/initstate" ]; then
      get "$at/modalias" -
      put device "$1 $2 $module $line"
      case " $modules " in *" $module "*) ;; *) modules="$modules $module" && firmware "$module" ;; esac
    fi
    at=${at%/*}
  done
}

# Prints the firmware files that a module may ask for and that are here. The running system does not need the others.
firmware() { # MODULE
  have modinfo || return 0
  modinfo -F firmware "$1" 2>/dev/null | head -n 200 | while IFS= read -r name; do
    for f in "/lib/firmware/$name" "/lib/firmware/$name".* "/lib/firmware/updates/$name" "/lib/firmware/updates/$name".*; do
      [ -e "$f" ] || continue
      put firmware "$1 $name"
      break
    done
  done
}

devices() {
  modules=
  for link in /sys/class/net/*/device; do
    name=${link%/device}
    [ ! -e "$link" ] || driven card "${name##*/}" "$link"
  done
  for link in /sys/block/*/device; do
    name=${link%/device}
    [ ! -e "$link" ] || driven disk "${name##*/}" "$link"
  done
}
