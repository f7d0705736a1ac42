#!/bin/bash
# Builds dist/agentwatch_VERSION_ARCH.deb: the daemon with everything that it needs in /opt/agentwatch, an environment of
# the distribution's own Python, made from the hash-pinned requirements; unit, user, folders, manual pages, completion.
# usage: packaging/deb/build.sh    (make deb). Needs: python3 with python3-venv, dpkg-deb. No root.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

python=/usr/bin/python3
here=packaging/deb
work=$PWD/build/deb
root=$work/root
home=$root/opt/agentwatch
pip=("$work/tools/bin/python" -m pip --disable-pip-version-check --quiet)

die() { echo "build.sh: $*" >&2; exit 2; }
command -v dpkg-deb >/dev/null || die "dpkg-deb is not installed (Debian: dpkg)"
"$python" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null ||
    die "$python must be 3.11 or later and able to make environments (Debian: apt install python3-venv)"

rm -rf "$work"
mkdir -p "$work" dist
umask 022

# The wheel, with the pinned tools of an environment that stays behind.
"$python" -m venv "$work/tools"
"${pip[@]}" install --require-hashes -r requirements/build.txt
"${pip[@]}" wheel --no-deps --no-build-isolation --wheel-dir "$work/wheel" .
version=$("$python" -c 'import pathlib, sys; print(next(pathlib.Path(sys.argv[1]).glob("*.whl")).name.split("-")[1])' "$work/wheel")

# The environment. Its programs are told where they will be, and what was compiled does not name where it was.
"$python" -m venv --without-pip "$home"
into=("${pip[@]}" --python "$home/bin/python" install --no-compile)
"${into[@]}" --require-hashes -r requirements/daemon.txt
"${into[@]}" --no-deps --no-index --find-links "$work/wheel" "agentwatch==$version"
find "$home/bin" -mindepth 1 ! -name 'python*' ! -name agentwatch -delete
sed -i "1s|^#!.*|#!/opt/agentwatch/bin/python3|" "$home/bin/agentwatch"
sed -i '/^command = /d' "$home/pyvenv.cfg"
# (packages' own tests are never imported here; some files are templates and no Python; ours must all compile)
"$python" -m compileall -q -j 2 -s "$root" -p / --invalidation-mode unchecked-hash -x '/tests?/' "$home/lib" >"$work/compile.log" 2>&1 ||
    ! grep -q site-packages/agentwatch/ "$work/compile.log" || die "does not compile: see $work/compile.log"
! grep -rIlF "$work" "$home" || die "the files above name the folder of the build"

# What belongs to the system.
install -d "$root/usr/bin" "$root/usr/share/doc/agentwatch/examples" "$root/usr/share/man/man1" \
    "$root/usr/share/bash-completion/completions" "$root/usr/lib/systemd/system" "$root/usr/lib/sysusers.d" \
    "$root/usr/lib/tmpfiles.d" "$root/etc/agentwatch/policy.d"
ln -s /opt/agentwatch/bin/agentwatch "$root/usr/bin/agentwatch"
install -m 0644 systemd/*.service "$root/usr/lib/systemd/system/"
install -m 0644 systemd/sysusers.d/agentwatch.conf "$root/usr/lib/sysusers.d/"
install -m 0644 systemd/tmpfiles.d/agentwatch.conf "$root/usr/lib/tmpfiles.d/"
install -m 0640 configs/agentwatch.toml "$root/etc/agentwatch/"
install -m 0640 configs/policy.d/*.toml "$root/etc/agentwatch/policy.d/"
install -m 0644 man/*.1 "$root/usr/share/man/man1/"
gzip -9n "$root"/usr/share/man/man1/*.1
rm -rf "$home/share/man"
rmdir --ignore-fail-on-non-empty "$home/share"
install -m 0644 systemd/agentwatch.service.d/*.example "$root/usr/share/doc/agentwatch/examples/"
install -m 0644 README.md docs/*.md "$root/usr/share/doc/agentwatch/"
gzip -9nc CHANGELOG.md >"$root/usr/share/doc/agentwatch/changelog.gz"
install -m 0644 "$here/copyright" "$root/usr/share/doc/agentwatch/copyright"
PYTHONPATH=$(echo "$home"/lib/python3*/site-packages) "$python" -m agentwatch completion bash \
    >"$root/usr/share/bash-completion/completions/agentwatch"

# The package.
install -d "$root/DEBIAN"
minor=$("$python" -c 'import sys; print(f"3.{sys.version_info.minor}")')
next=$("$python" -c 'import sys; print(f"3.{sys.version_info.minor + 1}")')
arch=$(dpkg --print-architecture)
sed -e "s/@VERSION@/$version/" -e "s/@ARCH@/$arch/" -e "s/@PYTHON@/$minor/" -e "s/@NEXT@/$next/" \
    -e "s/@SIZE@/$(du -sk --exclude=DEBIAN "$root" | cut -f1)/" "$here/control.in" >"$root/DEBIAN/control"
(cd "$root" && find etc -type f -printf '/%p\n' | sort) >"$root/DEBIAN/conffiles"
(cd "$root" && find opt usr -type f -print0 | sort -z | xargs -0 md5sum) >"$root/DEBIAN/md5sums"
install -m 0755 "$here/postinst" "$here/prerm" "$here/postrm" "$root/DEBIAN/"
package=dist/agentwatch_${version}_$arch.deb
dpkg-deb --root-owner-group -Zzstd --build "$root" "$package" >/dev/null
rm -rf "$root" "$work/tools"
ls -l "$package"
