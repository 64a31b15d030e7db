#!/bin/sh
# Handles files as root in folders that others may write to, where their owners may put links at any moment. Sent before
# the scripts that need it. It is a text, so that it runs in a deployment's shell too: sh -euc "$safely" and a function.
# It enters folders and does not trust paths: what a name leads to is checked from inside, by what the kernel says (pwd
# -P).
# shellcheck disable=SC2016,SC2034 # of the scripts that follow
safely='
refuse() {
  echo "pine: $*" >&2
  exit 1
}

# Only root can change what lies in the working folder.
ours() {
  set -- $(stat -c "%u %a" .)
  [ "$1" = 0 ] || return 1
  case $2 in *[2367]? | *[2367]) return 1 ;; esac
}

# Enters a folder by its name here, not through a link.
enter() { # path name
  at=$(pwd -P)
  cd -P "./$2" || refuse "$1: cannot enter $2"
  [ "$(pwd -P)" = "${at%/}/$2" ] || refuse "$1: $2 was changed into a link meanwhile"
}

# Goes to the folder of a path. Links are followed where only root can have put them (/root, /home).
walk() { # path [make]; 1: a folder is not there
  cd /
  rest=${1#/} links=0
  while :; do
    case $rest in */*) ;; *) return 0 ;; esac
    name=${rest%%/*} rest=${rest#*/}
    case $name in
      "" | .) continue ;;
      ..)
        cd -P ..
        continue
        ;;
    esac
    if [ -L "./$name" ]; then
      ours || refuse "$1: $name is a link in a folder that users other than root may write to, and is not followed"
      links=$((links + 1))
      [ $links -lt 40 ] || refuse "$1: too many links"
      to=$(readlink "./$name")
      case $to in /*) cd / ;; esac
      rest=${to#/}/$rest
      continue
    fi
    if [ ! -d "./$name" ]; then
      [ -n "${2:-}" ] || return 1
      mkdir "./$name"
    fi
    enter "$1" "$name"
  done
}

# Standard input to a file, which is the old or the new one, whole. It is made where nobody else can reach it, and a
# rename follows no link.
put() { # path mode owner
  umask 077
  walk "$1" make
  # of a run that was killed
  for old in ./.pine.??????; do
    if [ -L "$old" ] || [ ! -d "$old" ]; then continue; fi
    (
      enter "$1" "${old#./}"
      [ "$(stat -c "%u %a" .)" = "0 700" ] && rm -f ./new && cd .. && rmdir "$old"
    ) || true
  done
  draft=$(mktemp -d ./.pine.XXXXXX) file=${1##*/}
  trap "rm -f ./new; cd ..; rmdir $draft || true" EXIT
  enter "$1" "${draft#./}"
  [ "$(stat -c "%u %a" .)" = "0 700" ] || refuse "$1: its folder was changed meanwhile"
  cat >./new
  chown "$3" ./new
  chmod "$2" ./new
  [ -L "../$file" ] || [ ! -d "../$file" ] || refuse "$1 is a folder"
  mv -fT ./new "../$file"
  cd ..
  rmdir "$draft"
  trap - EXIT
}

drop() { # path
  ! walk "$1" || rm -f "./${1##*/}"
}

# Opens a plain file as descriptor 3; 1: there is none.
opened() { # path
  walk "$1" || return 1
  file=./${1##*/}
  if [ -L "$file" ] || [ ! -f "$file" ]; then return 1; fi
  exec 3<"$file"
  [ "$(stat -c "%d:%i %F" "$file")" = "$(stat -L -c "%d:%i %F" /proc/self/fd/3)" ] || refuse "$1: it was changed into a link meanwhile"
}
'
