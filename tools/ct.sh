#!/bin/sh
# Runs the suites, and tells once more at the end what has failed, in few lines each: tools/ct.sh
# [OPTIONS OF rebar3 ct]
cd "$(dirname "$0")/.." || exit

rebar3 ct "$@" && exit

logs=${REBAR_BASE_DIR:-_build}/test/logs
echo
echo "What has failed:"
find "$(ls -td "$logs"/ct_run.* | head -1)" -name suite.log -exec awk '
    /^=case/ { name = $2 }
    /^=group_props/ && name ~ /:init_per_group$/ { split($2, props, /[{,}]/); group = props[3] }
    /^=result +failed/ { left = 25; print "\n" name " in the group " group }
    /^=elapsed|^===/ { left = 0 }
    left > 0 { left--; print }
' {} +
exit 1
