# Checks or keeps the manifest of a commit on a server that runs Pine (libexec/pine/trust, which is sent before this).
# Standard input: the manifest's file. While a server keeps none it takes anything.
#   check CHECKSUM   refuses a commit that is not signed by such a key, not the one that was signed, or older than what was kept. On an old
#                    system what an installation before kept there counts; without signify only the planner has looked (host/server/trust.ts)
#   keep             this manifest's keys and version are what counts from now on
#   forget           nothing is
# shellcheck shell=sh disable=SC2154 # functions of libexec/pine/trust
set -eu
top=${PINE_ROOT:-} # for tests: where the system lies
trust=$top/var/lib/pine/trust

[ "$1" != forget ] || {
  rm -rf "$trust"
  exit 0
}
umask 077
work=$(mktemp -d /tmp/pine-trust.XXXXXX)
trap 'rm -rf "$work"' EXIT
cat >"$work/in"
case $1 in
  check)
    # facts/container.sh looks in the same places
    for kept in "$top/ostree/deploy/pine/var" "$top/.pine-var"; do
      if [ ! -s "$trust/manifest" ] && [ -s "$kept/lib/pine/trust/manifest" ]; then trust=$kept/lib/pine/trust; fi
    done
    [ -s "$trust/manifest" ] || exit 0
    if [ ! -e "$top/run/ostree-booted" ] && ! command -v signify >/dev/null; then exit 0; fi
    command -v signify >/dev/null || fail "this server trusts keys, and its system has no signify to check a signature with"
    split_manifest "$work/in"
    [ -s "$work/signatures" ] || fail "the commit is not signed, and this server takes signed ones only"
    signed_by "$(value key "$trust/manifest")" "$work/manifest" "$work/signatures" ||
      fail "the commit is not signed by a key that this server trusts"
    [ "$(value checksum "$work/manifest")" = "$2" ] || fail "the manifest was signed for another commit"
    version=$(value version "$work/manifest")
    last=$(value version "$trust/manifest")
    ! older "$version" "$last" || fail "version $version is older than $last, which this server has had"
    ;;
  keep) keep_manifest "$work/in" ;;
  *) exit 2 ;;
esac
