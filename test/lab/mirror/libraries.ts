/** The shared libraries of the glibc layer: which Debian packages may give them, and which are stubs. */

/** Debian packages whose shared libraries those programs may need; only libraries that something needs become packages. */
export const LIBRARY_PACKAGES = [
  "libc6 libgcc-s1 libcrypt1 libtomcrypt1 libtommath1 zlib1g liblzma5 libzstd1 liblz4-1 liblzo2-2 libbz2-1.0",
  "libostree-1-1 libglib2.0-0 libffi8 libpcre2-8-0 libmount1 libblkid1 libuuid1 libsmartcols1 libgpgme11 libassuan0",
  "libgpg-error0 libarchive13 libacl1 libnettle8 libudev1 libdevmapper1.02.1",
  "libedit2 libbsd0 libmd0 libinih1 liburcu8 libtinfo6 libncursesw6 libjq1 libonig5 libnl-3-200 libnl-genl-3-200 libxxhash0",
  "libgmp10 libcurl3-gnutls libnghttp2-14 libselinux1",
]
  .join(" ")
  .split(" ");

/**
 * Libraries that Debian's builds link and Alpine's do without, or that only serve what the lab never does (avahi, the journal,
 * xar archives, curl's other protocols; ostree over https does not work): each becomes a stub with the functions that are imported, all
 * returning 0. Debian package by library. It saves 48 MB.
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
};
