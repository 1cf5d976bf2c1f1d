#!/bin/sh
# Make sure the servers and the browser that the tests use are on this machine: root installs what is missing with
# apt-get, everybody else is told what to install.
set -eu

# Debian keeps PostgreSQL's programs out of the PATH.
postgresql() { command -v initdb || ls /usr/lib/postgresql/*/bin/initdb || ls /opt/homebrew/opt/postgresql*/bin/initdb; }

# Nor servers out of everybody's.
server() { command -v "$1" || ls "/usr/sbin/$1"; }

missing=""
need() { # need PACKAGE COMMAND...
    package=$1
    shift
    "$@" >/dev/null 2>&1 || missing="$missing $package"
}
need chromium-headless-shell command -v chromium-headless-shell
need redis-server command -v redis-server
need postgresql postgresql
need nodejs command -v node
need npm command -v npm
need nginx-light server nginx
need haproxy server haproxy
need apache2 server apache2
need libapache2-mod-auth-openidc ls /usr/lib/apache2/modules/mod_auth_openidc.so
need ruby command -v ruby
need ruby-openid-connect ruby -e 'require "openid_connect"'
need espeak-ng command -v espeak-ng

[ -z "$missing" ] && exit 0

if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null; then
    echo "The tests need programs that are not on this machine:$missing" >&2
    echo "On Debian or Ubuntu: sudo apt-get install$missing" >&2
    exit 1
fi

echo "Installing what the tests need:$missing"
export DEBIAN_FRONTEND=noninteractive
# RUNLEVEL=1 keeps the packages from starting servers of their own: the tests start theirs, on free ports.
export RUNLEVEL=1
apt-get update -qq
# shellcheck disable=SC2086 # one word for each package
apt-get install -qq -y --no-install-recommends $missing >/dev/null
