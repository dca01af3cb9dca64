#!/bin/sh
# Runs the tests of the kernels as a program for 64-bit Arm, on emulated processors: one with `sdot` and `usdot`, one
# with `sdot` alone, one with neither. Takes a few minutes.
#
# Needs (Debian): apt-get install qemu-user-static gcc-aarch64-linux-gnu libc6-dev-arm64-cross
#                 rustup target add aarch64-unknown-linux-gnu
set -eu
cd "$(dirname "$0")/../../.."
target=aarch64-unknown-linux-gnu
export CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER=aarch64-linux-gnu-gcc
for processor in max neoverse-n1 cortex-a72; do
    echo "processor: $processor"
    CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_RUNNER="qemu-aarch64-static -cpu $processor -L /usr/aarch64-linux-gnu" \
        cargo test --quiet -p sterna-kernels --target "$target" --lib --tests "$@"
done
