#!/usr/bin/env bash
# Builds the Rust core as a shared library and puts it where the jar takes it from:
#
#   build-native.sh [--failing] FOLDER      ->  FOLDER/linux-x86_64/libsession_core.so, FOLDER/build-id.txt
#
# Maven calls it; it stands alone so that the library can be built without Maven. --failing builds the
# library of the tests, whose records can be told to panic. cargo's own target folder is kept (mvn clean
# does not touch it), so a second build takes a second.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

features=()
if [[ "${1:-}" == "--failing" ]]; then
    features=(--features failing)
    shift
fi
folder="${1:?usage: build-native.sh [--failing] FOLDER}"

if ! command -v cargo >/dev/null 2>&1; then
    echo "error: cargo was not found. The session core is written in Rust: install the Rust tool chain" \
        "(https://rustup.rs, or your distribution's packages rustc and cargo, 1.87 or newer) and build again." >&2
    exit 1
fi

case "$(uname -s)-$(uname -m)" in
    Linux-x86_64) platform=linux-x86_64 ;;
    Linux-aarch64) platform=linux-aarch_64 ;;
    *)
        echo "error: the session core is built for Linux on x86_64 and aarch64; this is $(uname -s) on $(uname -m)." >&2
        exit 1
        ;;
esac

target_dir="${CARGO_TARGET_DIR:-$PWD/rust-core/target}"
if [[ ${#features[@]} -gt 0 ]]; then
    # A folder of its own: the two builds must never overwrite each other's library.
    target_dir="$target_dir/failing"
fi
# The build id: a hash of the sources. The library carries it, and so does the jar; the loader compares.
SESSION_CORE_BUILD_ID="$(
    export LC_ALL=C
    find Cargo.toml Cargo.lock rust-core/session rust-core/wire rust-core/bridge \
        \( -name '*.rs' -o -name 'Cargo.*' \) -not -path '*/tests/*' -print0 |
        sort --zero-terminated | xargs --null sha256sum | sha256sum | cut --characters=1-16
)"
export SESSION_CORE_BUILD_ID
CARGO_TARGET_DIR="$target_dir" cargo build --quiet --release --locked --package bridge --lib "${features[@]}"

mkdir -p "$folder/$platform"
if [[ "$(cat "$folder/build-id.txt" 2>/dev/null)" != "$SESSION_CORE_BUILD_ID" ]]; then
    echo "$SESSION_CORE_BUILD_ID" >"$folder/build-id.txt"
fi
# Only a changed library is copied: the jar of an unchanged build stays the same.
if ! cmp -s "$target_dir/release/libsession_core.so" "$folder/$platform/libsession_core.so"; then
    cp "$target_dir/release/libsession_core.so" "$folder/$platform/libsession_core.so"
fi
