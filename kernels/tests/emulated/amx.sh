#!/bin/sh
# Runs the tests of the products on an emulated processor with AMX: Linux on Bochs, a "sapphire_rapids". Linux grants the
# tile registers there as on a real machine, so detection is tested too. Takes some twenty minutes.
#
# Needs (Debian): apt-get install g++ binutils make patch cpio genisoimage
#                 rustup target add x86_64-unknown-linux-musl
# All else (sources of Bochs, its BIOS, a kernel, a boot loader, a shell) comes from the Debian release below into
# target/emulated; nothing is installed.
set -eu
here="$(cd "$(dirname "$0")" && pwd)"
cd "$here/../../.."
release=trixie
work="$PWD/target/emulated"
mkdir -p "$work/apt/lists/partial" "$work/apt/cache/archives/partial" "$work/files"

keyring=/usr/share/keyrings/debian-archive-keyring.gpg
for kind in deb deb-src; do
    echo "$kind [signed-by=$keyring] http://deb.debian.org/debian $release main"
done >"$work/apt/sources"
cat >"$work/apt/configuration" <<END
Dir::State::Lists "$work/apt/lists";
Dir::State::status "/dev/null";
Dir::Cache "$work/apt/cache";
Dir::Etc::SourceList "$work/apt/sources";
Dir::Etc::SourceParts "/dev/null";
APT::Architecture "amd64";
Debug::NoLocking "1";
END
export APT_CONFIG="$work/apt/configuration"

if [ ! -x "$work/bochs/bochs" ]; then
    apt-get update
    kernel="$(apt-cache depends linux-image-cloud-amd64 | sed -n 's/.*Depends: \(linux-image-[0-9].*\)/\1/p' | head -n 1)"
    cd "$work/apt/cache"
    rm -f ./*.deb
    apt-get download bochsbios vgabios busybox-static isolinux syslinux-common "$kernel"
    for package in ./*.deb; do dpkg-deb -x "$package" "$work/files"; done
    # The description beside the archive is not needed.
    apt-get source --download-only bochs || test -f bochs_*.orig.tar.xz
    rm -rf "$work/bochs"
    mkdir "$work/bochs"
    tar -xf bochs_*.orig.tar.xz -C "$work/bochs" --strip-components 1
    cd "$work/bochs"
    patch -p1 <"$here/bochs.patch"
    ./configure --with-nogui --disable-docbook --enable-cpu-level=6 --enable-x86-64 --enable-avx --enable-evex \
        --enable-amx --enable-protection-keys --enable-pci --enable-cdrom --enable-repeat-speedups \
        --enable-handlers-chaining --enable-fast-function-calls CXXFLAGS=-O2 CFLAGS=-O2
    make -j "$(nproc)"
    cd "$here/../../.."
fi

# The first disk: a shell and the tests, whose programs need no shared library.
rm -rf "$work/root" "$work/disk"
mkdir -p "$work/root/tests" "$work/disk"
tests="instruction_sets products convolutions"
cargo test --no-run -p sterna-kernels --lib $(printf -- '--test %s ' $tests) \
    --target x86_64-unknown-linux-musl --message-format=json |
    sed -n 's/.*"executable":"\([^"]*\)".*/\1/p' | while read -r program; do
        name="$(basename "$program")"
        strip -o "$work/root/tests/${name%-*}" "$program"
    done
cp "$work/files/usr/bin/busybox" "$work/root/busybox"
cat >"$work/root/init" <<'END'
#!/busybox sh
/busybox mkdir -p /proc /dev
/busybox mount -t proc proc /proc
/busybox mount -t devtmpfs dev /dev
exec >/dev/ttyS0 2>&1
/tests/kernels --nocapture engines_use_tiles
for test in /tests/*; do
    "$test" --test-threads 1 && echo "passed: $test" || echo "FAILED: $test"
done
echo "the tests have ended"
# The serial line needs a while for what was written.
/busybox sleep 10
/busybox poweroff -f
END
chmod +x "$work/root/init"
(cd "$work/root" && find . | cpio --quiet -o -H newc | gzip -1) >"$work/disk/initrd.gz"
cp "$work"/files/boot/vmlinuz-* "$work/disk/vmlinuz"
cp "$work/files/usr/lib/ISOLINUX/isolinux.bin" "$work/files/usr/lib/syslinux/modules/bios/ldlinux.c32" "$work/disk"
# Five-level page tables are off, as Bochs cannot leave system management mode with them.
cat >"$work/disk/isolinux.cfg" <<'END'
DEFAULT sterna
PROMPT 0
LABEL sterna
 KERNEL vmlinuz
 INITRD initrd.gz
 APPEND console=ttyS0,115200 loglevel=4 mitigations=off no5lvl nokaslr lpj=1000000 panic=-1 rdinit=/init
END
genisoimage -quiet -r -o "$work/disk.iso" -b isolinux.bin -c boot.cat -no-emul-boot -boot-load-size 4 \
    -boot-info-table "$work/disk"

cat >"$work/bochsrc" <<END
display_library: nogui
megs: 1024
cpu: model=sapphire_rapids, count=1, ips=200000000, reset_on_triple_fault=0
romimage: file=$work/files/usr/share/bochs/BIOS-bochs-latest
vgaromimage: file=$work/files/usr/share/vgabios/vgabios.bin
ata0: enabled=1
ata0-master: type=cdrom, path=$work/disk.iso, status=inserted
boot: cdrom
com1: enabled=1, mode=file, dev=$work/serial.log
clock: sync=none
log: $work/bochs.log
panic: action=fatal
error: action=report
info: action=ignore
END
rm -f "$work/serial.log" "$work/disk.iso.lock"
touch "$work/serial.log"
tail -f "$work/serial.log" &
listener=$!
"$work/bochs/bochs" -q -f "$work/bochsrc" </dev/null >"$work/bochs.out" 2>&1 || true
sleep 1
kill "$listener"
grep -q "amx-int8: available" "$work/serial.log"
grep -q "the tests have ended" "$work/serial.log"
! grep -q "FAILED\|panicked" "$work/serial.log"
echo "all tests passed on the emulated processor"
