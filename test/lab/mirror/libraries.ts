/** The shared libraries of the glibc layer: which Debian packages may give them, and which are stubs. */

/**
 * Debian packages whose shared libraries those programs may need; only libraries that something needs become packages.
 */
export const LIBRARY_PACKAGES = [
  "libc6 libgcc-s1 libcrypt1 libtomcrypt1 libtommath1 zlib1g liblzma5 libzstd1 liblz4-1 liblzo2-2 libbz2-1.0",
  "libostree-1-1 libglib2.0-0 libffi8 libpcre2-8-0 libmount1 libblkid1 libuuid1 libsmartcols1 libgpgme11 libassuan0",
  "libgpg-error0 libarchive13 libacl1 libnettle8 libudev1 libdevmapper1.02.1",
  "libedit2 libbsd0 libmd0 libinih1 liburcu8 libtinfo6 libncursesw6 libjq1 libonig5 libnl-3-200 libnl-genl-3-200 libxxhash0",
  "libgmp10 libcurl3-gnutls libnghttp2-14 libselinux1",
  "xfsprogs multipath-tools libaio1 libjson-c5 libattr1 libbinutils libctf0 libctf-nobfd0 libstdc++6 libjansson4",
  "libssl3 libpam0g libaudit1 libcap-ng0 libwrap0 libexpat1 libmnl0 libip4tc2 libip6tc2 libxtables12 libnftnl11 libnfnetlink0",
  "libnetfilter-conntrack3 libncurses6 libpcap0.8 libsensors5 libevent-core-2.1-7 libutempter0 libprotobuf32 libseccomp2 libcap2",
  "libproc2-0 libsubid4 libyajl2 libfdisk1",
]
  .join(" ")
  .split(" ");

/**
 * Libraries that Debian's builds link and Alpine's do without, or that only serve what the lab never does (avahi, the
 * journal, xar archives, curl's other protocols; https works where lab-tls is there): each becomes a stub with the
 * functions that are imported, all returning 0. Debian package by library. It saves 48 MB.
 */
export const STUBBED: Record<string, string> = {
  "libavahi-client.so.3": "libavahi-client3",
  "libavahi-common.so.3": "libavahi-common3",
  "libavahi-glib.so.1": "libavahi-glib1",
  "libsystemd.so.0": "libsystemd0",
  "libxml2.so.2": "libxml2",
  "libgnutls.so.30": "libgnutls30",
  "libidn2.so.0": "libidn2-0",
  "libpsl.so.5": "libpsl5",
  "librtmp.so.1": "librtmp1",
  "libssh2.so.1": "libssh2-1",
  "libgssapi_krb5.so.2": "libgssapi-krb5-2",
  "libldap-2.5.so.0": "libldap-2.5-0",
  "liblber-2.5.so.0": "libldap-2.5-0",
  "libbrotlidec.so.1": "libbrotli1",
  "libxenctrl.so.4.17": "libxenmisc4.17", // kexec asks Xen only where it runs on it as dom0
  "libkrb5.so.3": "libkrb5-3",
  "libcom_err.so.2": "libcom-err2",
  "libsemanage.so.2": "libsemanage2",
  "libnsl.so.2": "libnsl2", // NIS, for libwrap's netgroups
  "libdbus-1.so.3": "libdbus-1-3", // libpcap asks it for captures of D-Bus
};

/** What replaces the stubs of gnutls and idn2 where the package lab-tls is: them and what only they need. */
export const TLS_PACKAGES = ["libgnutls30", "libidn2-0", "libp11-kit0", "libtasn1-6", "libhogweed6", "libunistring2"];

/** Licences of the libraries by Debian package, as SPDX has them; the rest is LGPL-2.1-or-later like glibc. */
const LICENSES: Record<string, string> = {};
for (const line of [
  "MIT: libcurl3-gnutls libexpat1 libffi8 libjansson4 libjson-c5 libnghttp2-14 libtinfo6 libncurses6 libncursesw6 libjq1 libpsl5",
  "BSD-3-Clause: libedit2 libinih1 libpcap0.8 libpcre2-8-0 libprotobuf32 libuuid1 libevent-core-2.1-7 libbsd0 libmd0 libssh2-1",
  "BSD-3-Clause: libpam0g libsubid4",
  "BSD-2-Clause: liblz4-1 libonig5 libxxhash0 libarchive13",
  "BSD-3-Clause OR GPL-2.0-only: libzstd1 libcap2",
  "GPL-2.0-or-later: liblzo2-2 libip4tc2 libip6tc2 libxtables12 libnftnl11 libnetfilter-conntrack3",
  "GPL-2.0-only: libnfnetlink0 libdbus-1-3",
  "GPL-3.0-or-later: libbinutils libctf0 libctf-nobfd0",
  "GPL-3.0-or-later WITH GCC-exception-3.1: libgcc-s1 libstdc++6",
  "LGPL-3.0-or-later OR GPL-2.0-or-later: libgmp10 libnettle8 libidn2-0",
  "Apache-2.0: libssl3",
  "ISC: libyajl2",
  "Zlib: zlib1g",
  "bzip2-1.0.6: libbz2-1.0",
  "0BSD: liblzma5",
  "Unlicense: libtomcrypt1 libtommath1",
  "OLDAP-2.8: libldap-2.5-0",
  "MIT: libbrotli1 libkrb5-3 libgssapi-krb5-2 libxml2",
  "TCP-wrappers: libwrap0",
  "BSD-3-Clause: libnsl2 libcom-err2",
]) {
  const [license, names] = line.split(": ") as [string, string];
  for (const name of names.split(" ")) LICENSES[name] = license;
}

/** The licence of what the lab takes of a Debian library package. */
export const licenseOf = (debian: string): string => LICENSES[debian] ?? "LGPL-2.1-or-later";
