#!/usr/bin/env bash
# Writes the scenarios as JSON, for the tests in Java:
#
#   scenarios-json.sh FILE
#
# Maven calls it. The file holds what the one parser printed and nothing else: cargo's own words stay on
# standard error.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

file="${1:?usage: scenarios-json.sh FILE}"
mkdir -p "$(dirname "$file")"
cargo run --quiet --locked --package scenario -- rust-core/scenarios >"$file"
