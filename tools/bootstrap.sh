# Shared by tools/ablate and tools/test: packages and builds. Sourced, not run. `root` is the project's folder.
build_packages="cmake ninja-build ccache g++ pkg-config libvulkan-dev libvulkan-volk-dev mesa-vulkan-drivers glslang-dev glslang-tools spirv-tools
  libspirv-cross-c-shared-dev libtomlplusplus-dev nlohmann-json3-dev libfmt-dev libcli11-dev libonig-dev libutf8proc-dev libeigen3-dev
  librandom123-dev libspectra-dev libxxhash-dev zlib1g-dev libzstd-dev libcurl4-openssl-dev libssl-dev"
test_packages="doctest-dev vulkan-validationlayers clang-format clang-14 libclang-rt-14-dev python3 python3-jsonschema parallel faketime chromium
  libopenmpi-dev openmpi-bin"
lint_packages="clang-format clang-tidy"

# Installs the Debian packages among the arguments that are not there yet (as root, or with sudo). Elsewhere the build says what is missing.
install_packages() {
  command -v dpkg-query > /dev/null && command -v apt-get > /dev/null || return 0
  local missing=() package
  for package in "$@"; do
    [ "$(dpkg-query -W -f='${db:Status-Status}' "$package" 2> /dev/null)" = installed ] || missing+=("$package")
  done
  [ ${#missing[@]} -eq 0 ] && return 0
  local sudo=
  if [ "$(id -u)" -ne 0 ]; then
    command -v sudo > /dev/null || { printf 'packages are missing and there is no sudo; as root run:\n  apt-get install --no-install-recommends %s\n' "${missing[*]}" >&2; exit 2; }
    sudo=sudo
  fi
  echo "installing ${missing[*]}" >&2
  $sudo apt-get update -qq >&2
  $sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" > /dev/null
}

# build PRESET TARGET...: configures and builds; the compiler's output is shown only if it fails.
build() {
  local preset=$1 log=$root/build/$1.log
  shift
  mkdir -p "$root/build"
  echo "building ($preset); the log is $log" >&2
  (cd "$root" && cmake --preset "$preset" && cmake --build --preset "$preset" --target "$@") > "$log" 2>&1 || { tail -n 40 "$log" >&2; return 1; }
}
