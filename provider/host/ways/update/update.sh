#!/bin/sh
# What an update does to a server that runs Pine. Sent over SSH, after safely.sh and parts.sh.
#   part SHA256 BYTES          prints what is there of a static delta (parts.sh)
#   receive SHA256 BYTES FROM CHECKSUM   the delta from byte FROM on, from standard input; into the repository
#   forget                     the delta goes: its commit is deployed, or had no room
#   write PATH MODE OWNER      a file of the running system, from standard input; one of /etc goes to the other slot, too
#   write-in DEPLOYMENT PATH MODE OWNER   a file of /etc of a deployment that does not run
#   remove PATH                a file that Pine put there before; from the other slot, too
#   adopt ID STACK URN [fresh] the installation's record names another resource: it has it from now on; fresh: to be reinstalled. An image or
#                              a template that was started by hand has no record: it gets one, with no old system to give back
#   done                       the record says that the operation which made it has ended
#   fresh DEPLOYMENT           /etc of a deployment that does not run as its commit has it, with name and network of the running system;
#                              SSH host keys: hostkeys.sh
# shellcheck disable=SC2154 # what safely.sh and parts.sh have
set -eu
incoming=/var/lib/pine/incoming
repo=/sysroot/ostree/repo
record=/boot/grub/pine/install
deployments=/sysroot/ostree/deploy/pine/deploy
# a container's kernel has another system's arguments, so its init writes its own (system/container/init)
arguments=/proc/cmdline
[ ! -e /run/pine.cmdline ] || arguments=/run/pine.cmdline

# Deployments of the slots that do not run, so that files written now are there after a roll-back, too.
others() {
  for slot in a b; do
    name=$(sed -n 's,^set pine_options=.*[ "]ostree=/ostree/deploy/pine/deploy/\([^ "]*\).*,\1,p' "/boot/grub/pine/$slot.cfg" 2>/dev/null)
    if [ -z "$name" ] || grep -q "ostree=[^ ]*/$name\( \|$\)" $arguments; then continue; fi
    [ ! -d "$deployments/$name/etc" ] || echo "$name"
  done
}

# Does the same in those deployments. Each is the root, so that links lead nowhere else. A failure is only reported: the
# older system may not know an owner.
there() { # function path arguments…; its standard input for each
  case $2 in /etc/*) ;; *) return 0 ;; esac
  for name in $(others); do
    within "$name" "$@" <"$input" || echo "pine: $2 could not be written in deployment $name" >&2
  done
}

# Runs a function of safely.sh, on the running system or in a deployment.
here() { sh -euc "$safely
\"\$@\"" sh "$@"; }
within() { # deployment function arguments…
  root=$deployments/$1
  shift
  chroot "$root" /bin/sh -euc "$safely
\"\$@\"" sh "$@"
}

# Removes what OSTree leaves of a failed or killed transaction (ostreedev/ostree#1019). Nobody else writes, since this
# holds the server's lock.
unstage() { rm -rf $repo/tmp/staging-* $repo/tmp/tmp*; }

# held until the script ends (parts.sh)
exec 8>>"$receiving"
case $1 in
  part)
    unstage
    kept=$(sed -n 's/^min-free-space-size=\([0-9]*\)MB$/\1/p' $repo/config)
    # the size after applying is not known before, but OSTree keeps this much free
    part $incoming "$2" "$3" $((${kept:-0} * 1024))
    [ "$missing" -le 0 ] || fail "the file system of $repo is too full: $free KiB are free, the update takes $need KiB at least, so $missing KiB are missing"
    ;;
  receive)
    arrive $incoming "$2" "$3" "$4" "the delta"
    # the result is whole or nothing, also when this script is stopped
    trap 'unstage; ostree prune --repo=$repo --refs-only >/dev/null 2>&1 || true' EXIT
    trap 'exit 1' HUP INT TERM PIPE
    if ! why=$(ostree static-delta apply-offline "./$2" 2>&1); then
      case $why in
        *'No space left'* | *min-free-space*)
          rm -rf $incoming
          unstage
          free=$(df -kP $repo | { read -r _ && read -r _ _ _ n _ && echo "$n"; })
          fail "the file system of $repo is too full: $free KiB are free, the update takes more: $why"
          ;;
      esac
      fail "cannot apply the delta: $why"
    fi
    ostree show "$5" >/dev/null 2>&1 || fail "the delta does not hold commit $5"
    trap - EXIT
    ;;
  forget) rm -rf $incoming ;;
  write)
    input=$(mktemp /run/pine.XXXXXX)
    trap 'rm -f "$input"' EXIT
    cat >"$input"
    here put "$2" "$3" "$4" <"$input"
    there put "$2" "$3" "$4"
    ;;
  write-in)
    [ -d "$deployments/$2/etc" ] || fail "no deployment $2"
    case $3 in /etc/*) within "$2" put "$3" "$4" "$5" ;; *) fail "$3 is not in /etc" ;; esac
    ;;
  remove)
    input=/dev/null
    there drop "$2"
    here drop "$2"
    ;;
  adopt)
    if [ ! -e $record ]; then
      if [ -e /run/pine.cmdline ]; then printf 'method=container\nfinalized=1\n'; else echo method=overwrite; fi | whole $record
    fi
    {
      printf 'id=%s\nstack=%s\nurn=%s\n' "$2" "$3" "$4"
      [ -z "${5:-}" ] || echo fresh=1
      grep -v '^\(id\|stack\|urn\|fresh\|done\)=' $record
    } | whole $record
    ;;
  done)
    [ -e $record ] || exit 0
    grep -q '^done=' $record || { grep -v '^fresh=' $record; echo done=1; } | whole $record
    ;;
  fresh)
    root=$deployments/$2
    [ -d "$root/usr/etc" ] || fail "no deployment $2"
    ! grep -q "ostree=[^ ]*/$2\( \|$\)" $arguments || fail "deployment $2 runs"
    (cd "$root/etc" && rm -rf ./* ./.[!.]* ./..?*)
    cp -a "$root/usr/etc/." "$root/etc/"
    mkdir -p "$root/etc/network"
    for kept in hostname hosts mactab resolv.conf network/interfaces; do
      if [ -e "/etc/$kept" ] || [ -L "/etc/$kept" ]; then
        rm -rf "${root:?}/etc/$kept"
        cp -a "/etc/$kept" "$root/etc/$kept"
      fi
    done
    ;;
  *) exit 2 ;;
esac
