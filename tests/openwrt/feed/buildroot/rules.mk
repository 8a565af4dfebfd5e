# As much of OpenWrt's build as the feed's Makefiles need to be read and installed by GNU make: of our own, by what
# OpenWrt's documents say of the names. Given: OUT, where everything goes; PYTHON, which compiles.

INCLUDE_DIR:=$(TOPDIR)/include
BUILD_DIR:=$(OUT)/build
PYTHON3_PKG_DIR:=/usr/lib/python3/site-packages

INSTALL_DIR:=install -d -m0755
INSTALL_BIN:=install -m0755
INSTALL_DATA:=install -m0644
INSTALL_CONF:=install -m0600
CP:=cp -fpR
LN:=ln -sf
FIND:=find
SHELL:=/bin/bash
.SHELLFLAGS:=-eu -c
