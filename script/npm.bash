# Sourced by the scripts beside it that generate files with programs from npm.
#
#   install_npm_packages FOLDER   what the package.json there names, unless it is there already
# shellcheck shell=bash

# npm leaves a copy of the lock file in node_modules, whose time is that of the installation.
install_npm_packages() {
  command -v npm >/dev/null || die "there is no npm. Run script/bootstrap --tests"
  [[ $1/node_modules/.package-lock.json -nt $1/package-lock.json ]] && return
  echo "script/${0##*/}: installing packages into $1/node_modules"
  local output
  output=$(npm ci --prefix "$1" --ignore-scripts --no-audit --no-fund 2>&1) || die "npm ci failed:"$'\n'"$output"
}
