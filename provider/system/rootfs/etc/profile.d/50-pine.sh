# What this server wants its administrator to know: a trial that did not stay, a hold, a check that fails.
if [ -t 1 ] && [ "$(id -u)" = 0 ]; then pine notices 2>/dev/null; fi
