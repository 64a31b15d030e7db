# Programs of /opt/alp come after the system's. No LD_LIBRARY_PATH: it would give its libraries to the system's own
# programs.
[ ! -d /opt/alp/.pine/bin ] || export PATH="$PATH:/opt/alp/.pine/bin"
