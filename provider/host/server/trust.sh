#!/bin/sh
# Checks or keeps the manifest of a commit on a server that runs Pine. Standard input: the manifest, an empty line, and
# signify's signatures, base64, one per line. The server trusts the keys of the last manifest that it kept; while it has
# none it takes anything.
#   check CHECKSUM   refuses a commit that is not signed by such a key, not the one that was signed, or older than what was kept. On an old
#                    system what an installation before kept there counts; without signify only the planner has looked (host/server/trust.ts)
#   keep             this manifest's keys and version are what counts from now on
#   forget           nothing is
set -eu
top=${PINE_ROOT:-} # for tests: where the system lies
trust=$top/var/lib/pine/trust

value() { # name file
  sed -n "s/^$1=//p" "$2"
}

# usage: of LINE FILE   a file of signify's: comment, base64
of() {
  printf 'untrusted comment: pine\n%s\n' "$1" >"$2"
}

signed() {
  for key in $(value key "$trust/manifest"); do
    of "$key" "$work/key"
    while IFS= read -r line; do
      of "$line" "$work/signature"
      ! signify -V -q -p "$work/key" -x "$work/signature" -m "$work/manifest" 2>/dev/null || return 0
    done <"$work/signatures"
  done
  return 1
}

# usage: older A B   whether version A comes before B (semver's precedence)
older() {
  awk -v a="$1" -v b="$2" '
    function number(s) { return s ~ /^[0-9]+$/ }
    function compare(x, y) {
      if (number(x) && number(y)) return x + 0 < y + 0 ? -1 : x + 0 > y + 0
      if (number(x) != number(y)) return number(x) ? -1 : 1
      return x "" < y "" ? -1 : x "" > y ""
    }
    BEGIN {
      sub(/\+.*/, "", a); sub(/\+.*/, "", b)
      at = index(a, "-"); pa = at ? substr(a, at + 1) : ""; if (at) a = substr(a, 1, at - 1)
      bt = index(b, "-"); pb = bt ? substr(b, bt + 1) : ""; if (bt) b = substr(b, 1, bt - 1)
      split(a, x, "."); split(b, y, ".")
      for (i = 1; i <= 3; i++) if (r = compare(x[i], y[i])) exit r > 0
      if (!at || !bt) exit !(at && !bt)
      n = split(pa, x, "."); m = split(pb, y, ".")
      for (i = 1; i <= n && i <= m; i++) if (r = compare(x[i], y[i])) exit r > 0
      exit !(n < m)
    }'
}

[ "$1" != forget ] || {
  rm -rf "$trust"
  exit 0
}
umask 077
work=$(mktemp -d /tmp/pine-trust.XXXXXX)
trap 'rm -rf "$work"' EXIT
cat >"$work/in"
sed '/^$/,$d' "$work/in" >"$work/manifest"
sed '1,/^$/d' "$work/in" >"$work/signatures"
case $1 in
  check)
    # facts/container.sh looks in the same places
    for kept in "$top/ostree/deploy/pine/var" "$top/.pine-var"; do
      if [ ! -s "$trust/manifest" ] && [ -s "$kept/lib/pine/trust/manifest" ]; then trust=$kept/lib/pine/trust; fi
    done
    [ -s "$trust/manifest" ] || exit 0
    if [ ! -e "$top/run/ostree-booted" ] && ! command -v signify >/dev/null; then exit 0; fi
    command -v signify >/dev/null || fail "this server trusts keys, and its system has no signify to check a signature with"
    [ -s "$work/signatures" ] || fail "the commit is not signed, and this server takes signed ones only"
    signed || fail "the commit is not signed by a key that this server trusts"
    [ "$(value checksum "$work/manifest")" = "$2" ] || fail "the manifest was signed for another commit"
    version=$(value version "$work/manifest")
    last=$(value version "$trust/manifest")
    ! older "$version" "$last" || fail "version $version is older than $last, which this server has had"
    ;;
  keep)
    [ -s "$work/signatures" ] || exit 0
    command -v signify >/dev/null || fail "its system has no signify to check signatures with"
    mkdir -p "$trust"
    whole "$trust/manifest" <"$work/manifest"
    ;;
  *) exit 2 ;;
esac
