#!/usr/bin/env bash
# Checks for the system libraries that Qt and PortAudio need on Debian and Ubuntu; installs them when run as root,
# otherwise prints the one line that does. Other systems: macOS needs nothing; elsewhere Qt says what is missing.
set -u
command -v apt-get >/dev/null && command -v dpkg-query >/dev/null || exit 0

packages=(libegl1 libgl1 libfontconfig1 libdbus-1-3 libxkbcommon-x11-0 libxcb-cursor0 libxcb-icccm4 libxcb-image0
  libxcb-keysyms1 libxcb-randr0 libxcb-render-util0 libxcb-shape0 libxcb-xinerama0 libxcb-xkb1 libportaudio2
  fonts-dejavu-core)
missing=()
for package in "${packages[@]}"; do
  dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing+=("$package")
done
[ ${#missing[@]} -eq 0 ] && exit 0

if [ "$(id -u)" -eq 0 ]; then
  echo "Installing system libraries: ${missing[*]}"
  export DEBIAN_FRONTEND=noninteractive
  apt-get install -y -qq "${missing[@]}" >/dev/null 2>&1 \
    || { apt-get update -qq && apt-get install -y -qq "${missing[@]}" >/dev/null; } \
    || echo "Some system libraries could not be installed; the window may not open. Wanted: ${missing[*]}"
else
  echo "The window needs system libraries. Install them with:  sudo apt-get install ${missing[*]}"
fi
exit 0
