# Qalqan: `make run` to see it, `make test` to check it. Debian 13 or Raspberry Pi OS, as root.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DELETE_ON_ERROR:
MAKEFLAGS += --no-print-directory

PYTHON ?= /usr/bin/python3
VENV := .venv
FLEET := .venv-fleet
OLDER := .venv-3.11
PY := $(VENV)/bin/python
PIP := $(PY) -m pip install --quiet --disable-pip-version-check
OLDER_PIP := $(PY) -m pip --python $(OLDER)/bin/python install --quiet --disable-pip-version-check --require-hashes
ARGS ?=
# Tests of a file stay together: they share what a fixture of the file has built. Quick tests compute; the
# others wait more than they compute, so one more process than there are cores keeps two cores busy, if those that
# compute and those that wait run at the same time (tests/alternating.py).
PYTEST := QALQAN_TEST_ALL=1 $(PY) -m pytest
QUICK := -m "not system and not slow" --dist loadfile -n $(or $(WORKERS),2)
SYSTEM := -m "system and not slow" --dist loadfile --no-loadscope-reorder -p tests.alternating -n $(or $(WORKERS),3)

# What has to be there, as COMMAND-OR-FILE:PACKAGE. Only the packages of what is missing are installed.
RUN_NEEDS := \
	/usr/bin/python3:python3 \
	/usr/lib/python3*/ensurepip/__init__.py:python3-venv \
	/usr/include/python3*/Python.h:python3-dev \
	gcc:gcc \
	/usr/include/stdio.h:libc6-dev \
	/usr/include/libnetfilter_queue/libnetfilter_queue.h:libnetfilter-queue-dev \
	nft:nftables \
	dnsmasq:dnsmasq-base \
	ip:iproute2 \
	sysctl:procps \
	curl:curl
# Of building the package.
DEB_NEEDS := \
	dh:debhelper \
	pybuild:dh-python \
	/usr/lib/python3/dist-packages/build:pybuild-plugin-pyproject \
	/usr/lib/python3/dist-packages/installer:pybuild-plugin-pyproject \
	/usr/lib/python3/dist-packages/setuptools:python3-setuptools
# For `make test`.
TEST_NEEDS := \
	openssl:openssl \
	dig:dnsutils \
	chromium:chromium \
	chromedriver:chromium-driver \
	systemd-detect-virt:systemd \
	/usr/share/ieee-data/oui.csv:ieee-data \
	lego:lego
# For `make test-system`, `make bench` and the like, in addition.
SYSTEM_NEEDS := \
	firefox-esr:firefox-esr \
	tshark:tshark \
	nginx:nginx-light \
	/usr/sbin/mosquitto:mosquitto \
	wrk:wrk \
	conntrack:conntrack \
	iptables:iptables \
	ethtool:ethtool \
	iperf3:iperf3 \
	udhcpc:udhcpc \
	node:nodejs \
	/usr/share/doc/busybox-static/copyright:busybox-static \
	shellcheck:shellcheck \
	shfmt:shfmt \
	certutil:libnss3-tools \
	$(DEB_NEEDS) \
	lintian:lintian \
	/usr/lib/python3/dist-packages/netfilterqueue:python3-netfilterqueue \
	/usr/lib/python3/dist-packages/apprise:apprise \
	/usr/lib/python3/dist-packages/flask:python3-flask \
	/usr/lib/python3/dist-packages/waitress:python3-waitress \
	/usr/lib/python3/dist-packages/yaml:python3-yaml \
	/usr/lib/python3/dist-packages/cryptography:python3-cryptography \
	/usr/lib/python3/dist-packages/icalendar:python3-icalendar \
	/usr/lib/python3/dist-packages/idna:python3-idna \
	/usr/lib/python3/dist-packages/recurring_ical_events.py:python3-recurring-ical-events \
	/usr/lib/python3/dist-packages/paho:python3-paho-mqtt \
	/usr/lib/python3/dist-packages/scapy:python3-scapy \
	/usr/lib/python3/dist-packages/fido2:python3-fido2 \
	/usr/lib/python3/dist-packages/pyotp:python3-pyotp \
	/usr/lib/python3/dist-packages/segno:python3-segno \
	/usr/lib/python3/dist-packages/tuf:python3-tuf \
	/usr/lib/python3/dist-packages/sqlite_utils:sqlite-utils \
	/usr/share/publicsuffix/public_suffix_list.dat:publicsuffix \
	mksquashfs:squashfs-tools \
	gpg:gnupg \
	dpkg-scanpackages:dpkg-dev \
	promtool:prometheus \
	prometheus-node-exporter:prometheus-node-exporter
# Of the image for a Raspberry Pi.
IMAGE_NEEDS := \
	mmdebstrap:mmdebstrap \
	arch-test:arch-test \
	qemu-aarch64:qemu-user \
	mkfs.vfat:dosfstools \
	mcopy:mtools \
	sfdisk:fdisk \
	mkfs.ext4:e2fsprogs \
	xz:xz-utils
# Of OpenWISP, for `make fleet`.
FLEET_NEEDS := \
	redis-server:redis-server \
	/usr/lib/*/mod_spatialite.so:libsqlite3-mod-spatialite \
	/usr/lib/*/libgdal.so.*:libgdal36 \
	/usr/lib/*/libgeos_c.so.*:libgeos-c1t64 \
	/bin/busybox:busybox-static \
	curl:curl
# Of its tests: the simulated gateways' SSH server.
FLEET_TEST_NEEDS := \
	/usr/sbin/sshd:openssh-server
# Of the slow proofs alone.
SLOW_NEEDS := \
	$(FLEET_NEEDS) \
	$(FLEET_TEST_NEEDS) \
	pebble:pebble \
	certbot:certbot \
	/usr/share/acme.sh/acme.sh:acme.sh \
	systemd-nspawn:systemd-container \
	pppd:ppp \
	pppoe-server:pppoe \
	tayga:tayga \
	unbound:unbound \
	/usr/lib/*/faketime/libfaketime.so.1:libfaketime \
	$(IMAGE_NEEDS)
# Of the package on arm64.
ARM64_NEEDS := \
	$(DEB_NEEDS) \
	mmdebstrap:mmdebstrap \
	arch-test:arch-test \
	qemu-aarch64:qemu-user

define install_missing
	@missing=(); \
	for need in $(1); do \
	  thing="$${need%%:*}"; \
	  case "$$thing" in \
	    /*) compgen -G "$$thing" >/dev/null || missing+=("$${need##*:}");; \
	    *) command -v "$$thing" >/dev/null || missing+=("$${need##*:}");; \
	  esac; \
	done; \
	if (( $${#missing[@]} )); then \
	  echo "Installing $${missing[*]}"; \
	  command -v apt-get >/dev/null || { echo "make: there is no apt-get here; install $${missing[*]} by hand" >&2; exit 1; }; \
	  export DEBIAN_FRONTEND=noninteractive; mkdir -p .run; \
	  { apt-get -qq update && apt-get -qq install -y --no-install-recommends "$${missing[@]}"; } >.run/apt.log 2>&1 \
	    || { tail -n 5 .run/apt.log >&2; echo "make: apt-get could not install $${missing[*]}; see .run/apt.log" >&2; exit 1; }; \
	fi
endef

.PHONY: help permissions run test test-system test-all test-shuffled test-hour times lint words data-version quality sources bench fuzz deb suffixes feed size test-arm64 vm screenshots release clean lock soak fleet fleet-tools root run-tools test-tools system-tools slow-tools faults census test-image home-assistant

help:
	@echo "make run          the virtual home with the real daemon and its pages (ARGS=--first-run: an empty one)"
	@echo "make test         install what is needed and run the quick tests (ARGS are pytest's)"
	@echo "make test-system  the same for the rest: the virtual home, the kernel, browsers, OpenWrt, Debian's package"
	@echo "make test-all     both, the slow tests, make home-assistant, and make vm"
	@echo "make test-shuffled  the quick tests in random order (SEED=N: in that of a former run)"
	@echo "make test-hour    the system tests as if it were another hour (SHIFT=-5h: how far from now)"
	@echo "make home-assistant  home automation with Home Assistant itself, and with OpenWrt's version of paho-mqtt"
	@echo "make faults       seed faults in a copy of the code and report which the quick tests catch"
	@echo "make census       tests and assertions by folder (ARGS=\"OLD NEW\": what vanished between two revisions)"
	@echo "make times        the tests, holding what takes time to its mark: on a machine that does nothing else"
	@echo "make lint         ruff, mypy, import-linter, import cycles, class names, attributes and avoided words"
	@echo "make permissions  the table of docs/developers/permissions.md"
	@echo "make words        the words of the code into the catalogues of the pages, and what waits to be translated"
	@echo "make data-version raise the version in profiles/data.yaml, after a change of the data"
	@echo "make quality      what the lists block, wrongly too (LISTS=folder of <source id>.txt; SETS=folder; ARGS=\"--tier large --missed\")"
	@echo "make sources      each address and format of the published lists, for a release; needs the internet (ARGS=LIST)"
	@echo "make bench        the figures of docs/performance.md"
	@echo "make fuzz         the parsers under atheris"
	@echo "make deb          the Debian package, in dist/"
	@echo "make test-arm64   that package in an arm64 system under qemu"
	@echo "make test-image   the Raspberry Pi image in QEMU, from power-on to the first filtered device"
	@echo "make suffixes     the Public Suffix List for the OpenWrt recipe of qalqan; a git checkout lacks it"
	@echo "make feed         the packages of OpenWrt, in dist/feed, as far as they can be made without its build"
	@echo "make size         flash and memory that the packages take, with their marks"
	@echo "make vm           the rulesets on a stock kernel in QEMU"
	@echo "make screenshots  the pictures of the documents, in docs/img/ (ARGS=all: every page, in screenshots/)"
	@echo "make release      what a release publishes, in dist/release, signed with QALQAN_SIGN_KEY; then a line for"
	@echo "                  each missing review of help lines and documents"
	@echo "make soak         a family's traffic for two hours; memory, descriptors, database and logs must stop growing"
	@echo "make fleet        a real OpenWISP server with gateways (ARGS=serve: to try by hand; ARGS=\"load 1000\": figures)"
	@echo "make lock         tests/requirements/*.txt from pyproject.toml: versions and hashes (ARGS=--upgrade: the newest)"
	@echo "make clean        remove what the others made"

root:
	@test "$$(id -u)" -eq 0 || { echo "make: this needs root, for network namespaces and packages; try: sudo make $(MAKECMDGOALS)" >&2; exit 1; }

run-tools: root
	$(call install_missing,$(RUN_NEEDS))

test-tools: root
	$(call install_missing,$(RUN_NEEDS) $(TEST_NEEDS))

system-tools: test-tools
	$(call install_missing,$(SYSTEM_NEEDS))

slow-tools: system-tools
	$(call install_missing,$(SLOW_NEEDS))

$(PY): | run-tools
	@$(PYTHON) -m venv $(VENV)

# Home Assistant itself, and the version of paho-mqtt that OpenWrt has. Only `make home-assistant` needs them.
HASS := .run/home-assistant
PAHO_1 := .run/paho-1

# Installs exactly the pinned files of tests/requirements/$(1).txt, then this project without its dependencies.
# setuptools warns of every editable installation.
define install_locked
	@$(PIP) --require-hashes --requirement tests/requirements/build.txt
	@$(PIP) --require-hashes --no-build-isolation --requirement tests/requirements/$(1).txt
	@PYTHONWARNINGS=ignore $(PIP) --no-deps --no-build-isolation --editable .
endef

# The stamps say what the environment has; a second start asks no registry.
$(VENV)/.run: pyproject.toml $(wildcard tests/requirements/*.txt) | run-tools $(PY)
	@echo "Installing the Python packages"
	$(call install_locked,run)
	@touch $@

$(VENV)/.dev: pyproject.toml $(wildcard tests/requirements/*.txt) | test-tools $(PY)
	@echo "Installing the Python packages, those for tests too"
	$(call install_locked,dev)
	@touch $(VENV)/.run $@

$(VENV)/.fuzz: $(VENV)/.dev
	$(call install_locked,fuzz)
	@touch $@

# OpenWISP's packages are none of this project's: they have an environment of their own.
fleet-tools: test-tools
	$(call install_missing,$(FLEET_NEEDS))

$(FLEET)/.installed: tests/requirements/fleet.txt | fleet-tools
	@echo "Installing OpenWISP"
	@$(PYTHON) -m venv $(FLEET)
	@$(FLEET)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes --requirement $<
	@touch $@

$(HASS)/.done: tests/mqtt/home-assistant.txt | run-tools
	@echo "Installing Home Assistant"
	@$(PYTHON) -m venv $(HASS)
	@$(HASS)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes --requirement tests/requirements/build.txt
	@$(HASS)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-build-isolation --requirement tests/mqtt/home-assistant.txt
	@touch $@

$(PAHO_1)/.done: tests/mqtt/paho-1.txt | $(VENV)/.dev
	@$(PIP) --require-hashes --no-build-isolation --no-deps --target $(PAHO_1) --requirement tests/mqtt/paho-1.txt
	@touch $@

# The Python of OpenWrt 24.10, with the packages of the daemon and the pages. Debian 13 does not have it: where it
# cannot be had, the folder has no Python, and tests that need one are skipped with the reason.
$(OLDER)/.done: tests/requirements/run.txt | system-tools $(VENV)/.dev
	@rm -rf $(OLDER)
	@older=$$($(PY) -c "from tests.openwrt.feed.__main__ import interpreter; print(interpreter('3.11') or '')") && \
	    [ -n "$$older" ] && echo "Installing the Python packages for Python 3.11" && \
	    "$$older" -m venv --without-pip $(OLDER) && \
	    $(OLDER_PIP) --requirement tests/requirements/build.txt && \
	    $(OLDER_PIP) --no-build-isolation --requirement $< || \
	    { echo "There is no Python 3.11 with its packages: its tests are skipped"; rm -rf $(OLDER); mkdir $(OLDER); }
	@touch $@

# What it needs itself is not pinned: it makes the pinned files.
lock: test-tools $(PY)
	@$(PY) -c "import packaging, yaml" 2>/dev/null || $(PIP) packaging pyyaml
	@$(PY) -m tests.release.lock $(ARGS)

run: run-tools $(VENV)/.run
	@exec $(PY) -m tests.lab.run $(ARGS)

test: test-tools $(VENV)/.dev
	@$(PYTEST) $(QUICK) --junitxml=.run/test.xml $(ARGS)

test-system: system-tools $(VENV)/.dev $(OLDER)/.done
	@$(PYTEST) $(SYSTEM) --junitxml=.run/test-system.xml $(ARGS)

test-all: slow-tools $(VENV)/.dev $(FLEET)/.installed $(OLDER)/.done
	@$(PYTEST) --dist loadfile -n $(or $(WORKERS),3) $(ARGS)
	@$(MAKE) home-assistant ARGS=
	@$(PY) -m tests.vm

# The order of files, and of the tests in each.
test-shuffled: test-tools $(VENV)/.dev
	@$(PYTEST) $(QUICK) --random-order --no-loadscope-reorder $(if $(SEED),--random-order-seed=$(SEED)) $(ARGS)

# Browsers keep the machine's time (tests/lab/chromium.py), for which certificates of the future are not valid.
# With the library for programs with threads, Python's threads never wake up.
test-hour: slow-tools $(VENV)/.dev
	@LD_PRELOAD="$$(echo /usr/lib/*/faketime/libfaketime.so.1)" FAKETIME=$(or $(SHIFT),-13h) \
	  DONT_FAKE_MONOTONIC=1 FAKETIME_DONT_FAKE_MONOTONIC=1 $(PYTEST) $(SYSTEM) $(ARGS)

home-assistant: system-tools $(VENV)/.dev $(HASS)/.done $(PAHO_1)/.done
	@$(PYTEST) tests/mqtt/home_assistant.py $(ARGS)
	@QALQAN_PAHO=$(PAHO_1) $(PYTEST) -m lab tests/mqtt $(ARGS)

faults: test-tools $(VENV)/.dev
	@$(PY) -m tests.faults $(ARGS)

census: $(VENV)/.dev
	@$(PY) -m tests.census $(ARGS)

# One after the other: tests that run at the same time are load as well (tests/pace.py).
times: system-tools $(VENV)/.dev
	@QALQAN_TEST_TIMES=1 $(PYTEST) -m "not slow" $(ARGS)

lint: $(VENV)/.dev
	@$(VENV)/bin/ruff check
	@$(VENV)/bin/ruff format --check
	@$(VENV)/bin/mypy
	@$(VENV)/bin/lint-imports
	@$(PY) -m tests.lint_cycles
	@$(PY) -m tests.lint_names
	@$(PY) -m tests.lint_attributes
	@$(PY) -m tests.lint_language

permissions: $(VENV)/.run
	@$(PY) -c "from gateway.control.permissions import document; print(document(), end='')" >docs/developers/permissions.md

words: $(VENV)/.dev
	@$(PY) -m tests.words
	@$(PY) -m tests.openwrt.luci.words

data-version: $(VENV)/.run
	@$(PY) -m tests.data_version

quality: $(VENV)/.dev
	@$(PY) -m tests.quality $(or $(LISTS),$(error LISTS is a folder with copies of published lists)) $(SETS) $(ARGS)

sources: $(VENV)/.run
	@$(PY) -m tests.sources $(ARGS)

bench: system-tools $(VENV)/.dev
	@$(PY) -m tests.bench $(ARGS)

soak: system-tools $(VENV)/.dev
	@$(PY) -m tests.soak $(ARGS)

fleet: root fleet-tools $(VENV)/.dev $(FLEET)/.installed
	$(if $(ARGS),,$(call install_missing,$(FLEET_TEST_NEEDS)))
	@$(if $(ARGS),$(PY) -m tests.fleet $(ARGS),$(PYTEST) tests/fleet)

fuzz: system-tools $(VENV)/.fuzz
	@$(PY) -m tests.fuzz $(ARGS)

deb: root
	$(call install_missing,$(DEB_NEEDS))
	@mkdir -p dist
	@debian/build dist
	@ls dist/qalqan_*_all.deb

test-arm64: system-tools $(VENV)/.dev
	$(call install_missing,$(ARM64_NEEDS))
	@$(PY) -m tests.debian.arm64

test-image: system-tools $(VENV)/.dev
	$(call install_missing,$(IMAGE_NEEDS) qemu-system-aarch64:qemu-system-arm)
	@$(PY) -m tests.release.boot $(ARGS)

# The OpenWrt package installs it. Releases have it.
suffixes: $(VENV)/.dev
	@$(PY) -c "from pathlib import Path; from tests.release.archive import made_suffixes; print(made_suffixes(Path()))"

feed: $(VENV)/.dev
	@$(PY) -m tests.openwrt.feed $(ARGS)

size: system-tools $(VENV)/.dev
	@$(PY) -m tests.bench --only size --print $(ARGS)

vm: system-tools $(VENV)/.dev
	@$(PY) -m tests.vm $(ARGS)

screenshots: system-tools $(VENV)/.dev
	@$(PY) -m tests.browser.screenshots $(ARGS)

release: root $(VENV)/.dev
	$(call install_missing,$(DEB_NEEDS) $(IMAGE_NEEDS) gpg:gnupg dpkg-scanpackages:dpkg-dev)
	@$(PY) -m tests.release.build $(ARGS)
	@$(PY) -m tests.release

clean:
	@rm -rf $(VENV) $(FLEET) $(OLDER) build dist screenshots .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .run *.egg-info
	@find . -name __pycache__ -type d -not -path './.git/*' -prune -exec rm -rf {} +
