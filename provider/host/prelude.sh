#!/bin/sh
# Sent before the scripts that change a server: how they fail, and how they write a file. `sync` is that of
# libexec/pine/flush, which is sent before this where it is called.

fail() {
  echo "pine: $*" >&2
  exit 1
}

# Gives PATH.pine-new its name once it is on the disk: after a power cut the file is the old or the new one, whole.
# `only`: it alone is flushed, else all that we write to.
put_in_place() { # path [only]
  sync ${2:+"$1.pine-new"} && mv -f "$1.pine-new" "$1"
}

# Standard input to a file, so that it is the old or the new one, whole. 1: it is the old one.
whole() { # path [mode [only]]
  if cat >"$1.pine-new" && { [ -z "${2:-}" ] || chmod "$2" "$1.pine-new"; } && put_in_place "$1" "${3:-}"; then return 0; fi
  rm -f "$1.pine-new"
  return 1
}
